//! Who arrives: what is looked up for sockets that come together is one query of each kind, in one read of the database.
//!
//! After a restart thousands come back at once, most of them several for one person. One task takes all that wait, reads
//! what they need in one transaction, with one statement for the sessions, one for the rooms, one for the markers and one
//! for the positions of all of them, and answers each. Who comes alone is answered at once. Where several came, those of
//! the next 10 ms are gathered. Rights are those of that moment; a session that has ended answers with nothing.

use crate::app::App;
use crate::channels;
use crate::hub::Theirs;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use store::log::KeptAt;
use store::users::{self, User};
use store::{Conn, Error, log, members, sessions};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use wire::events::ReadMarker;
use wire::people::Role;
use wire::{Room, UserId};

/// For how long look-ups gather, from one read that had several to the next.
const EVERY: Duration = Duration::from_millis(10);
/// The most look-ups that one read answers; more do not wait for the rest of the time.
const MAX_BATCH: usize = 512;
/// How many look-ups may wait; whoever comes then waits to ask.
const WAITING: usize = 4_096;
/// The most markers that one who comes back is told of.
const MAX_MARKERS: usize = 500;

/// The asking half.
#[derive(Clone)]
pub struct Arrivals {
    asking: mpsc::Sender<Ask>,
}

/// A place in a room: its name and a number.
pub type Spot = (String, i64);

/// What was found, or why nothing could be.
pub type Answer<T> = Result<T, Error>;

/// A question, and who waits for its answer.
pub struct Asked<Q, A>(Q, oneshot::Sender<Answer<A>>);

/// A question of one of the kinds.
pub enum Ask {
    /// Whose session is this, and what is theirs now.
    Session(Asked<String, Option<Arrived>>),
    /// A person's read markers that moved since then, in nanoseconds.
    Markers(Asked<(UserId, i64), Vec<ReadMarker>>),
    /// What the log keeps of these places.
    Places(Asked<Vec<Spot>, Vec<KeptAt>>),
}

/// Someone who arrived, as of now.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Who.
    pub user: User,
    /// The rooms of the log that are theirs.
    pub theirs: Theirs,
}

impl Arrivals {
    /// Both halves; [`run`] takes the other one.
    #[must_use]
    pub fn new() -> (Arrivals, mpsc::Receiver<Ask>) {
        let (asking, asked) = mpsc::channel(WAITING);
        (Arrivals { asking }, asked)
    }

    /// Whose a session is and what is theirs now; none if it has ended.
    ///
    /// # Errors
    /// When the database does not answer, or the server is stopping.
    pub async fn look_up(&self, session_id: &str) -> Answer<Option<Arrived>> {
        self.ask(Ask::Session, session_id.to_owned()).await
    }

    /// A person's markers that moved since then, newest first, at most 500.
    ///
    /// # Errors
    /// When the database does not answer, or the server is stopping.
    pub async fn markers(&self, person: &UserId, since_ns: i64) -> Answer<Vec<ReadMarker>> {
        self.ask(Ask::Markers, (person.clone(), since_ns)).await
    }

    /// What the log keeps of some places, in their order.
    ///
    /// # Errors
    /// When the database does not answer, or the server is stopping.
    pub async fn places(&self, places: Vec<Spot>) -> Answer<Vec<KeptAt>> {
        self.ask(Ask::Places, places).await
    }

    async fn ask<Q, A>(&self, kind: impl FnOnce(Asked<Q, A>) -> Ask, question: Q) -> Answer<A> {
        let (answer, answered) = oneshot::channel();
        let asked = self.asking.send(kind(Asked(question, answer))).await;
        asked.map_err(|_| Error::Closed)?;
        answered.await.unwrap_or(Err(Error::Closed))
    }
}

/// Answers until the server stops.
pub async fn run(app: App, mut asked: mpsc::Receiver<Ask>) {
    let mut gathering = Gathering::new();
    loop {
        let batch = tokio::select! {
            batch = gathering.next(&mut asked) => batch,
            () = app.stopping.cancelled() => return,
        };
        if batch.is_empty() {
            return;
        }
        answer(&app, batch).await;
    }
}

/// Which look-ups are made together. Those that come while others are read are together in any case; only where that
/// happens it is worth to wait for more.
struct Gathering {
    next_at: Instant,
}

impl Gathering {
    fn new() -> Gathering {
        let next_at = Instant::now();
        Gathering { next_at }
    }

    /// The next to be looked up together, at least one; none when nobody can ask any more.
    async fn next<T>(&mut self, asked: &mut mpsc::Receiver<T>) -> Vec<T> {
        let mut batch = Vec::new();
        if asked.recv_many(&mut batch, MAX_BATCH).await == 0 {
            return batch;
        }
        while batch.len() < MAX_BATCH && Instant::now() < self.next_at {
            let room = MAX_BATCH - batch.len();
            tokio::select! {
                count = asked.recv_many(&mut batch, room) => if count == 0 { break },
                () = tokio::time::sleep_until(self.next_at) => {}
            }
        }
        let wait = if batch.len() > 1 {
            EVERY
        } else {
            Duration::ZERO
        };
        self.next_at = Instant::now() + wait;
        batch
    }
}

/// Those of a batch, by kind.
#[derive(Default)]
struct Batch {
    sessions: Vec<Asked<String, Option<Arrived>>>,
    markers: Vec<Asked<(UserId, i64), Vec<ReadMarker>>>,
    places: Vec<Asked<Vec<Spot>, Vec<KeptAt>>>,
}

impl Batch {
    /// A socket that has gone meanwhile is not looked up.
    fn of(asked: Vec<Ask>) -> Batch {
        let mut batch = Batch::default();
        for ask in asked {
            match ask {
                Ask::Session(asked) if !asked.1.is_closed() => batch.sessions.push(asked),
                Ask::Markers(asked) if !asked.1.is_closed() => batch.markers.push(asked),
                Ask::Places(asked) if !asked.1.is_closed() => batch.places.push(asked),
                _ => {}
            }
        }
        batch
    }

    fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.markers.is_empty() && self.places.is_empty()
    }
}

async fn answer(app: &App, batch: Vec<Ask>) {
    let batch = Batch::of(batch);
    if batch.is_empty() {
        return;
    }
    let (now_ms, has_channels) = (app.clock.now_ms(), app.config.features.channels);
    // Whoever is in a batch that could not be read is answered by the end of its question: closed.
    let read = app.store.read(move |conn| {
        tell(batch.markers, |asked| markers(conn, asked));
        tell(batch.places, |asked| places(conn, asked));
        let mut active = BTreeMap::new();
        tell(batch.sessions, |ids| {
            let arrived = arrived(conn, ids, has_channels, now_ms)?;
            let people = arrived.iter().flatten().map(|arrived| &arrived.user);
            active = people
                .map(|user| (user.id.clone(), user.last_active_at_ms))
                .collect();
            Ok(arrived)
        });
        Ok::<_, Error>(active)
    });
    match read.await {
        Ok(active) => note_active(app, active, now_ms),
        Err(error) => {
            tracing::warn!(%error, "who arrives could not be looked up; they come back later")
        }
    }
}

/// Looks up all of a kind and answers each. What fails, fails for all of them.
fn tell<Q, A>(asked: Vec<Asked<Q, A>>, look_up: impl FnOnce(Vec<Q>) -> Answer<Vec<A>>) {
    if asked.is_empty() {
        return;
    }
    let (questions, waiting): (Vec<_>, Vec<_>) = asked
        .into_iter()
        .map(|Asked(question, answer)| (question, answer))
        .unzip();
    // Whoever asked may have gone.
    match look_up(questions) {
        Ok(answers) => waiting
            .into_iter()
            .zip(answers)
            .for_each(|(waiting, answer)| {
                let _ = waiting.send(Ok(answer));
            }),
        Err(error) => waiting.into_iter().for_each(|waiting| {
            let _ = waiting.send(Err(error.clone()));
        }),
    }
}

/// The same question of several sockets is looked up once.
fn markers(conn: &Conn, asked: Vec<(UserId, i64)>) -> Answer<Vec<Vec<ReadMarker>>> {
    let mut once = asked.clone();
    once.sort_unstable();
    once.dedup();
    let moved: HashMap<(UserId, i64), Vec<ReadMarker>> = {
        let moved = members::moved_since_of(conn, &once, MAX_MARKERS)?;
        once.into_iter().zip(moved).collect()
    };
    let of = |question| moved.get(question).cloned().unwrap_or_default();
    Ok(asked.iter().map(of).collect())
}

/// Each place is looked up once, however many were there.
fn places(conn: &Conn, asked: Vec<Vec<Spot>>) -> Answer<Vec<Vec<KeptAt>>> {
    let mut once: Vec<Spot> = asked.iter().flatten().cloned().collect();
    once.sort_unstable();
    once.dedup();
    let kept: HashMap<Spot, KeptAt> = {
        let kept = log::kept_at(conn, &once)?;
        once.into_iter().zip(kept).collect()
    };
    let of = |place: &Spot| kept.get(place).copied().unwrap_or(KeptAt::Gone);
    Ok(asked
        .iter()
        .map(|places| places.iter().map(of).collect())
        .collect())
}

fn arrived(
    conn: &Conn,
    ids: Vec<String>,
    has_channels: bool,
    now_ms: i64,
) -> Answer<Vec<Option<Arrived>>> {
    let read_at_pos = log::head(conn)?.number;
    let users = sessions::users_of(conn, &ids, now_ms)?;
    let rooms = rooms_of(conn, users.values(), has_channels)?;
    let arrived = |session_id: String| {
        let user = users.get(&session_id)?.clone();
        let theirs = Theirs {
            user_id: user.id.clone(),
            session_id: session_id.into(),
            rooms: rooms.get(&user.id)?.clone(),
            read_at_pos,
        };
        Some(Arrived { user, theirs })
    };
    Ok(ids.into_iter().map(arrived).collect())
}

/// The rooms of each person, who may come with several sessions.
fn rooms_of<'a>(
    conn: &Conn,
    users: impl Iterator<Item = &'a User>,
    has_channels: bool,
) -> Answer<HashMap<UserId, Arc<HashSet<Room>>>> {
    let mut rooms = HashMap::new();
    let mut members = Vec::new();
    for user in users {
        let known = rooms.entry(user.id.clone()).or_insert_with(HashSet::new);
        let is_new = known.insert(Room::User(user.id.clone()));
        if is_new && user.role != Role::Pending {
            known.insert(Room::Everyone);
            members.push(user);
        }
    }
    if has_channels && !members.is_empty() {
        let standard = store::channels::standard_access(conn)?;
        let ids: Vec<UserId> = members.iter().map(|user| user.id.clone()).collect();
        let shown = members::shown_ids_of(conn, &ids)?;
        for (user, groups) in members.into_iter().zip(shown) {
            let readable = channels::readable(&standard, &user.id, user.role).cloned();
            let channels = readable.chain(groups).map(Room::Channel);
            rooms.entry(user.id.clone()).or_default().extend(channels);
        }
    }
    let shared = |(user_id, rooms)| (user_id, Arc::new(rooms));
    Ok(rooms.into_iter().map(shared).collect())
}

/// Notes in one job that these people are active, each at most once in the interval of the settings. Nobody waits for it.
fn note_active(app: &App, arrived: BTreeMap<UserId, i64>, now_ms: i64) {
    let interval = app.config.features.active_interval.as_millis();
    let interval_ms = i64::try_from(interval).unwrap_or(i64::MAX);
    let due: Vec<UserId> = arrived
        .into_iter()
        .filter(|(_, last_active_at_ms)| now_ms - last_active_at_ms > interval_ms)
        .map(|(user_id, _)| user_id)
        .collect();
    if due.is_empty() {
        return;
    }
    let store = app.store.clone();
    app.tasks.spawn(async move {
        let noted = store.write_soft(move |tx| {
            due.iter()
                .try_for_each(|user_id| users::set_active(tx, user_id, now_ms))
        });
        if let Err(error) = noted.await
            && !error.is_said()
        {
            tracing::warn!(%error, "that people are active could not be noted");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_comes_alone_does_not_wait_and_those_who_come_together_are_looked_up_together() {
        let (asking, mut asked) = mpsc::channel(WAITING);
        let mut gathering = Gathering::new();
        let started = Instant::now();
        for number in 0..3 {
            asking.send(number).await.unwrap();
            assert_eq!(gathering.next(&mut asked).await, [number]);
        }
        assert_eq!(started.elapsed(), Duration::ZERO, "one after the other");
        for number in [3, 4] {
            asking.send(number).await.unwrap();
        }
        assert_eq!(gathering.next(&mut asked).await, [3, 4]);
        let coming = async {
            for number in 5..10 {
                tokio::time::sleep(Duration::from_millis(3)).await;
                asking.send(number).await.unwrap();
            }
        };
        let gathered = async {
            let together = gathering.next(&mut asked).await;
            (together, started.elapsed())
        };
        let ((), together) = tokio::join!(coming, gathered);
        assert_eq!(together, (vec![5, 6, 7], EVERY));
        assert_eq!(gathering.next(&mut asked).await, [8, 9]);
        drop(asking);
        assert_eq!(gathering.next(&mut asked).await, [0; 0]);
    }
}
