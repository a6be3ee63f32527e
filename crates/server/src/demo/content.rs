//! What the demo workspace says: people, channels with their history, chats. Ages are minutes before the start.

/// Someone of the demo workspace; the first two can sign in.
pub struct Person {
    /// The name shown.
    pub name: &'static str,
    /// What they sign in with.
    pub email: &'static str,
}

/// Everybody; the first is the admin.
pub const PEOPLE: [Person; 5] = [
    Person {
        name: "Ada Lindgren",
        email: "ada@northwind.example",
    },
    Person {
        name: "Grace Okafor",
        email: "grace@northwind.example",
    },
    Person {
        name: "Katherine Jansen",
        email: "katherine@northwind.example",
    },
    Person {
        name: "Omar Haddad",
        email: "omar@northwind.example",
    },
    Person {
        name: "Mei Tanaka",
        email: "mei@northwind.example",
    },
];

/// Index into [`PEOPLE`].
pub type Who = usize;
/// Ada, the admin.
pub const ADA: Who = 0;
/// Grace, the other one who can sign in.
pub const GRACE: Who = 1;
const KATHERINE: Who = 2;
const OMAR: Who = 3;
const MEI: Who = 4;

/// What kind of conversation, and with whom.
pub enum Kind {
    /// Open to everybody.
    Standard,
    /// For these people.
    Group(&'static [Who]),
    /// Between these two.
    Direct([Who; 2]),
}

/// A conversation and its history.
pub struct Conversation {
    /// Of which kind.
    pub kind: Kind,
    /// Its name; empty between two people.
    pub name: &'static str,
    /// One line on what it is for.
    pub about: &'static str,
    /// How many of the newest messages Ada has not read.
    pub unread_by_ada: i64,
    /// Who said what, and how many minutes ago; oldest first.
    pub messages: &'static [(i64, Who, &'static str)],
}

/// All conversations, in the order they were made.
pub const CONVERSATIONS: &[Conversation] = &[
    Conversation {
        kind: Kind::Standard,
        name: "general",
        about: "Everybody, about everything",
        unread_by_ada: 0,
        messages: &[
            (
                2_890,
                ADA,
                "Good morning, and welcome. This is the place for what concerns all of us.",
            ),
            (
                2_884,
                OMAR,
                "Morning! The coffee machine is back from repair. :coffee: is optional, joy is not.",
            ),
            (
                1_470,
                MEI,
                "The office in Turku is closed on **Friday**. Those who fly on Thursday: the early train is the safe one.",
            ),
            (1_466, KATHERINE, "Thanks, booked."),
            (
                95,
                GRACE,
                "Lunch talk today: how we test what happens when the network goes away. Slides are two pages, I promise.",
            ),
        ],
    },
    Conversation {
        kind: Kind::Standard,
        name: "launch",
        about: "Ship the beta",
        unread_by_ada: 2,
        messages: &[
            (
                1_580,
                ADA,
                "The list for the beta:\n\n1. the soak run is green\n2. the notes for operators are read by somebody who is not us\n3. a restart loses nothing\n\nAnything else is for the week after.",
            ),
            (
                1_572,
                GRACE,
                "Two is done: Omar's brother set it up from the notes in nine minutes. He asked where the **backup** section was, so now there is one.",
            ),
            (1_569, OMAR, "He says it was eight."),
            (
                214,
                GRACE,
                "The soak run finished: no event lost in 200 rounds. Numbers are in the note.",
            ),
            (
                211,
                KATHERINE,
                "Then the gate is the restart. One command:\n\n```sh\ncargo xtask test\n```\n\nIf that is green on a machine that has never seen the project, I am happy.",
            ),
            (
                64,
                MEI,
                "Running it on the old laptop now. It has two cores and a fan with opinions.",
            ),
            (22, MEI, "Green. The fan agrees."),
            (18, KATHERINE, "Then I would say **Monday**. Objections?"),
        ],
    },
    Conversation {
        kind: Kind::Standard,
        name: "design",
        about: "How it looks and feels",
        unread_by_ada: 1,
        messages: &[
            (
                4_330,
                MEI,
                "Unread is ink and weight, not colour. Colour is for what is *yours* to act on. I have changed the sidebar accordingly.",
            ),
            (4_322, ADA, "Much calmer. Keep it."),
            (
                405,
                MEI,
                "A rule we keep forgetting, so here it is in code:\n\n```css\n/* An arriving message never moves what one reads. */\n.log { overflow-anchor: auto; }\n```",
            ),
            (
                41,
                OMAR,
                "Can somebody look at the empty state of the people page once more? It says what is missing but not what to do.",
            ),
        ],
    },
    Conversation {
        kind: Kind::Group(&[ADA, GRACE, KATHERINE]),
        name: "release crew",
        about: "The three of us, until it is out",
        unread_by_ada: 0,
        messages: &[
            (
                1_210,
                GRACE,
                "I will be on call the first night. Katherine has the second.",
            ),
            (
                1_204,
                KATHERINE,
                "Fine. The runbook is one page: *read the log, look at `/ready`, call Grace.*",
            ),
            (1_198, ADA, "I like the third step."),
        ],
    },
    Conversation {
        kind: Kind::Direct([ADA, GRACE]),
        name: "",
        about: "",
        unread_by_ada: 1,
        messages: &[
            (
                320,
                ADA,
                "Did the reviewer get back to you about the wire format?",
            ),
            (
                312,
                GRACE,
                "Yes: two questions, both answered in `compatibility.md`. She was surprised that an old client just works.",
            ),
            (
                9,
                GRACE,
                "Can you look at the release notes before two? They are short.",
            ),
        ],
    },
    Conversation {
        kind: Kind::Direct([ADA, OMAR]),
        name: "",
        about: "",
        unread_by_ada: 0,
        messages: &[
            (
                2_015,
                OMAR,
                "Shall I move our talk to Wednesday? The train is late again.",
            ),
            (2_011, ADA, "Wednesday is better for me too. Ten?"),
            (2_010, OMAR, "Ten."),
        ],
    },
];

/// A chat with a model: its owner, its age in minutes, its title, question and answer in turn.
pub struct Talk {
    /// Whose.
    pub owner: Who,
    /// When it began.
    pub minutes_ago: i64,
    /// Its title.
    pub title: &'static str,
    /// Question, answer, question, ...
    pub turns: &'static [&'static str],
}

/// All chats.
pub const TALKS: &[Talk] = &[
    Talk {
        owner: ADA,
        minutes_ago: 230,
        title: "Release notes draft",
        turns: &[
            "Draft three sentences of release notes: people see each other's messages at once, nothing is lost over a restart, old clients keep working.",
            "**Live everywhere.** What one of you writes appears in every tab and on every device at once, in order.\n\n**Nothing is lost.** Restart the server, close the laptop, lose the train's Wi-Fi: what was acknowledged is there when you are back.\n\n**Your clients keep working.** Programs that speak the protocol today need no change.",
        ],
    },
    Talk {
        owner: ADA,
        minutes_ago: 1_640,
        title: "Why is p99 flat?",
        turns: &[
            "Our p99 does not move when the load doubles. Is that good news or a broken measurement?",
            "It can be either. Three checks, cheapest first:\n\n1. **Does p50 move?** If neither moves, you may be measuring a cache or the load generator itself.\n2. **Is the generator open-loop?** A client that waits for each answer before it sends the next one slows down with the server and hides its delays.\n3. **Is the window long enough?** With 100 samples, p99 is a single request.\n\n| sign | reading |\n|---|---|\n| p50 up, p99 flat | the slow path is bounded by a timeout |\n| both flat, CPU up | good news: there is headroom |\n| both flat, CPU flat | the load never arrived |",
            "CPU went up.",
            "Then it is good news: the extra work is done within the same time. Note the load at which it stops being true, and write that number down rather than the p99.",
        ],
    },
    Talk {
        owner: GRACE,
        minutes_ago: 700,
        title: "Explain grouped commits",
        turns: &[
            "Explain grouped commits in two sentences.",
            "A flush to disk costs the same for one row as for a hundred, so the writer takes everybody who waits and flushes once for all of them. Each caller is answered only after that flush, so nobody is told yes too early.",
        ],
    },
];
