//! Who arrives: the look-ups of sockets that come within 10 ms are one read of the database.
//!
//! After a restart thousands come back at once, most of them several for one person. One task takes all that wait, reads
//! what they need in one transaction (each person's rooms once), and answers each. The first after a rest does not wait.
//! Rights are those of that moment, for each person; a session that has ended answers with nothing.

use crate::app::App;
use crate::channels;
use crate::hub::Theirs;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use store::users::{self, User};
use store::{Conn, Error, log, members, sessions};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use wire::events::ReadMarker;
use wire::people::Role;
use wire::{Room, UserId};

/// The least time between two reads.
const EVERY: Duration = Duration::from_millis(10);
/// The most look-ups that one read answers; more do not wait for the rest of the time.
const MAX_BATCH: usize = 512;
/// How many look-ups may wait; whoever comes then waits to ask.
const WAITING: usize = 4_096;
/// The most markers that one who comes back is told of.
const MAX_MARKERS: u32 = 500;

/// The asking half.
#[derive(Clone)]
pub struct Arrivals {
    asking: mpsc::Sender<Ask>,
}

/// A question, and who waits for its answer.
pub enum Ask {
    /// Whose session is this, and what is theirs now.
    Session(String, oneshot::Sender<Answer<Option<Arrived>>>),
    /// A person's read markers that moved since then, in nanoseconds.
    Markers(UserId, i64, oneshot::Sender<Answer<Vec<ReadMarker>>>),
}

/// What was found, or why nothing could be.
pub type Answer<T> = Result<T, Error>;

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
        let (answer, answered) = oneshot::channel();
        self.ask(Ask::Session(session_id.to_owned(), answer))
            .await?;
        answered.await.unwrap_or(Err(Error::Closed))
    }

    /// A person's markers that moved since then, newest first, at most 500.
    ///
    /// # Errors
    /// When the database does not answer, or the server is stopping.
    pub async fn markers(&self, person: &UserId, since_ns: i64) -> Answer<Vec<ReadMarker>> {
        let (answer, answered) = oneshot::channel();
        self.ask(Ask::Markers(person.clone(), since_ns, answer))
            .await?;
        answered.await.unwrap_or(Err(Error::Closed))
    }

    async fn ask(&self, ask: Ask) -> Answer<()> {
        self.asking.send(ask).await.map_err(|_| Error::Closed)
    }
}

impl Ask {
    fn is_closed(&self) -> bool {
        match self {
            Ask::Session(_, answer) => answer.is_closed(),
            Ask::Markers(_, _, answer) => answer.is_closed(),
        }
    }
}

/// Answers until the server stops.
pub async fn run(app: App, mut asked: mpsc::Receiver<Ask>) {
    let mut next_at = Instant::now();
    let mut batch = Vec::with_capacity(MAX_BATCH);
    loop {
        tokio::select! {
            count = asked.recv_many(&mut batch, MAX_BATCH) => if count == 0 { return },
            () = app.stopping.cancelled() => return,
        }
        while batch.len() < MAX_BATCH && Instant::now() < next_at {
            let room = MAX_BATCH - batch.len();
            tokio::select! {
                count = asked.recv_many(&mut batch, room) => if count == 0 { break },
                () = tokio::time::sleep_until(next_at) => {}
            }
        }
        next_at = Instant::now() + EVERY;
        answer(&app, std::mem::take(&mut batch)).await;
    }
}

async fn answer(app: &App, mut batch: Vec<Ask>) {
    batch.retain(|ask| !ask.is_closed());
    if batch.is_empty() {
        return;
    }
    let (now_ms, has_channels) = (app.clock.now_ms(), app.config.features.channels);
    // Whoever is in a batch that could not be read is answered by the end of its question: closed.
    let read = app.store.read(move |conn| {
        let mut known = Known {
            read_at_pos: log::head(conn)?.number,
            standard: None,
            rooms: HashMap::new(),
        };
        let mut arrived = BTreeMap::new();
        for ask in batch {
            // The socket may have gone meanwhile.
            match ask {
                Ask::Session(session_id, answer) => {
                    let found = known.look_up(conn, session_id, has_channels, now_ms);
                    if let Ok(Some(found)) = &found {
                        arrived.insert(found.user.id.clone(), found.user.last_active_at_ms);
                    }
                    let _ = answer.send(found);
                }
                Ask::Markers(person, since_ns, answer) => {
                    let _ = answer.send(members::moved_since(conn, &person, since_ns, MAX_MARKERS));
                }
            }
        }
        Ok::<_, Error>(arrived)
    });
    match read.await {
        Ok(arrived) => note_active(app, arrived, now_ms),
        Err(error) => {
            tracing::warn!(%error, "who arrives could not be looked up; they come back later")
        }
    }
}

/// What one batch has read already.
struct Known {
    read_at_pos: i64,
    standard: Option<Vec<store::channels::Standard>>,
    rooms: HashMap<UserId, Arc<HashSet<Room>>>,
}

impl Known {
    /// One that cannot be answered fails alone.
    fn look_up(
        &mut self,
        conn: &Conn,
        session_id: String,
        has_channels: bool,
        now_ms: i64,
    ) -> Answer<Option<Arrived>> {
        let Some(user) = sessions::user_of(conn, &session_id, now_ms)? else {
            return Ok(None);
        };
        let theirs = Theirs {
            user_id: user.id.clone(),
            session_id: session_id.into(),
            rooms: self.rooms_of(conn, &user, has_channels)?,
            read_at_pos: self.read_at_pos,
        };
        Ok(Some(Arrived { user, theirs }))
    }

    fn rooms_of(
        &mut self,
        conn: &Conn,
        user: &User,
        has_channels: bool,
    ) -> Result<Arc<HashSet<Room>>, Error> {
        if let Some(rooms) = self.rooms.get(&user.id) {
            return Ok(rooms.clone());
        }
        let mut rooms = HashSet::from([Room::User(user.id.clone())]);
        if user.role != Role::Pending {
            rooms.insert(Room::Everyone);
            if has_channels {
                let standard = match &mut self.standard {
                    Some(standard) => standard,
                    none => none.insert(store::channels::standard_access(conn)?),
                };
                let readable = channels::readable(standard, &user.id, user.role);
                rooms.extend(readable.map(|id| Room::Channel(id.clone())));
                let groups = members::shown_ids(conn, &user.id)?;
                rooms.extend(groups.into_iter().map(Room::Channel));
            }
        }
        let rooms = Arc::new(rooms);
        self.rooms.insert(user.id.clone(), rooms.clone());
        Ok(rooms)
    }
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
