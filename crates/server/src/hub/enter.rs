//! A socket enters its rooms, new or coming back: what it claims to have is judged, what it missed is fed.
//!
//! A claim is a room's position as the client holds it. It is honoured if that very event is in the log (number *and*
//! commit time: a restored database has other times), nothing after it was pruned, and not too much was missed. Else
//! the client is told `recovered: false` and fetches anew. Never a silent gap.

use super::feed::{Asker, Behind};
use super::places::Place;
use super::{Hub, Position, has_entered, lock, tell};
use socketio::Socket;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use wire::events::{Ready, Recovered, Resumed, ServerEvent};
use wire::{Room, UserId};

/// The most events that are fed in one room; a client further away fetches anew.
const MAX_MISSED_IN_ROOM: i64 = 1_000;

/// The most events that are fed in all rooms of a socket.
const MAX_MISSED: i64 = 2_000;

/// Where a client says it stands in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Number of the newest event it has.
    pub seq: i64,
    /// Its commit time, if the client says it.
    pub at_ms: Option<i64>,
}

/// Claims by room name.
pub type Claims = HashMap<String, Claim>;

/// The rooms of the log that are a person's, and how new that knowledge is.
#[derive(Debug, Clone)]
pub struct Theirs {
    /// Whose.
    pub user_id: UserId,
    /// With which session.
    pub session_id: Arc<str>,
    /// Which.
    pub rooms: Arc<HashSet<Room>>,
    /// Up to where in the log the read that found them had seen it.
    pub read_at_pos: i64,
}

/// What became of a socket that was to enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It is in its rooms.
    Yes,
    /// It is not: it cannot go on where it was.
    Doubtful,
    /// It is not: a right changed since its rooms were read. Read them again.
    AskAgain,
}

/// What becomes of a room of a socket that enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Nothing was claimed: live from the head.
    New,
    /// Fed from here; live at once if this is the head.
    From(i64),
    /// The claim cannot be honoured: live from the head, the client fetches anew.
    Lost,
}

impl Verdict {
    /// From where a room is fed that is behind already; none if from its head.
    fn cursor(self) -> Option<i64> {
        match self {
            Verdict::From(seq) => Some(seq),
            Verdict::New | Verdict::Lost => None,
        }
    }
}

impl Hub {
    /// Enters rooms: `ready` with every room's head, then what was missed, then `resumed`. Answers when the socket is in
    /// its rooms, though perhaps behind; nothing falls between.
    ///
    /// # Errors
    /// When the log cannot be read; the socket is in no room then.
    pub async fn enter(
        &self,
        socket: &Socket,
        theirs: &Theirs,
        claims: &Claims,
    ) -> Result<Entered, store::Error> {
        // A claim may be of what is committed and not delivered: pages over HTTP are.
        self.delivered_up_to(theirs.read_at_pos).await?;
        let names = theirs.rooms.iter().map(ToString::to_string);
        let rooms = self.judge(names, claims).await?;
        let (socket, user_id) = (socket.clone(), theirs.user_id.clone());
        self.step_in(theirs, move |hub| {
            has_entered(&socket);
            hub.let_in(&socket, user_id, rooms);
            Entered::Yes
        })
        .await
    }

    /// The command `resume` on an open socket: asks again in rooms it is in, live or behind. `answer` is called when all
    /// are live, which may be long after; dropped uncalled if that never comes.
    ///
    /// # Errors
    /// When the log cannot be read; nothing has changed then.
    pub async fn resume(
        &self,
        socket: &Socket,
        claims: &Claims,
        answer: impl FnOnce(Resumed) + Send + 'static,
    ) -> Result<(), store::Error> {
        let mine: Vec<String> = claims
            .keys()
            .filter(|room| socket.is_in(room) || self.is_behind_in(socket, room))
            .cloned()
            .collect();
        let rooms = self.judge(mine.into_iter(), claims).await?;
        let socket = socket.clone();
        self.step(move |hub| {
            // Removals may have come between the judgement and now, and others fallen behind.
            let (behind, others): (Vec<_>, Vec<_>) = rooms
                .into_iter()
                .partition(|(room, _)| hub.is_behind_in(&socket, room));
            let live = others.into_iter().filter(|(room, _)| socket.is_in(room));
            let asks_behind = !behind.is_empty();
            for (room, verdict) in behind {
                hub.move_back(&socket, &room, verdict.cursor());
            }
            let asked = hub.start(&socket, live.collect(), Asker::Command(Box::new(answer)));
            if asks_behind {
                hub.feed(asked);
            } else {
                hub.feed_or_finish(asked);
            }
        })
        .await
        .ok_or(store::Error::Closed)
    }

    fn let_in(&self, socket: &Socket, user_id: UserId, rooms: Vec<(String, Verdict)>) {
        let heads: BTreeMap<String, (i64, i64)> = {
            let ring = lock(&self.0.ring);
            rooms
                .iter()
                .map(|(room, _)| (room.clone(), ring.head(room).pair()))
                .collect()
        };
        tell(
            socket,
            &ServerEvent::Ready(Ready {
                user_id,
                rooms: heads,
            }),
        );
        self.feed_or_finish(self.start(socket, rooms, Asker::Client));
    }

    /// Makes each room live or behind.
    fn start(&self, socket: &Socket, rooms: Vec<(String, Verdict)>, asker: Asker) -> Behind {
        let mut results = BTreeMap::new();
        let mut places = Vec::new();
        let ring = lock(&self.0.ring);
        for (room, verdict) in rooms {
            let head = ring.head(&room);
            match verdict {
                Verdict::From(seq) if seq < head.seq => {
                    socket.leave(&room);
                    places.push((Arc::from(room), Place::at(seq)));
                    continue;
                }
                Verdict::From(_) => {
                    results.insert(
                        room.clone(),
                        Recovered {
                            recovered: true,
                            position: head.pair(),
                        },
                    );
                }
                Verdict::Lost => {
                    results.insert(
                        room.clone(),
                        Recovered {
                            recovered: false,
                            position: head.pair(),
                        },
                    );
                }
                Verdict::New => {}
            }
            socket.join(&room);
        }
        drop(ring);
        let places = places.into_iter().collect();
        Behind::new(socket.clone(), places, results, asker)
    }

    async fn judge(
        &self,
        rooms: impl Iterator<Item = String>,
        claims: &Claims,
    ) -> Result<Vec<(String, Verdict)>, store::Error> {
        let mut judged = Vec::new();
        let mut unsure = Vec::new();
        {
            let ring = lock(&self.0.ring);
            let mut claimed = Vec::new();
            for room in rooms {
                match claims.get(&room) {
                    Some(claim) => {
                        let head = ring.head(&room);
                        claimed.push((head.seq.saturating_sub(claim.seq), room, *claim, head));
                    }
                    None => judged.push((room, Verdict::New)),
                }
            }
            // Where least was missed first: one busy room does not cost the others their claims.
            claimed.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
            let mut missed_in_all = 0_i64;
            for (missed, room, claim, head) in claimed {
                let is_fed = claim.seq >= 0
                    && (0..=MAX_MISSED_IN_ROOM).contains(&missed)
                    && missed_in_all + missed <= MAX_MISSED;
                let known_at = match missed {
                    0 => Some(head.at_ms),
                    _ => ring.at(&room, claim.seq),
                };
                // Before the first event there is nothing whose time could differ.
                let is_other = claim.seq > 0 && known_at.is_some_and(|at_ms| !claim.is_at(at_ms));
                let verdict = if is_fed && !is_other {
                    missed_in_all += missed;
                    if known_at.is_none() {
                        unsure.push((judged.len(), claim));
                    }
                    Verdict::From(claim.seq)
                } else {
                    Verdict::Lost
                };
                judged.push((room, verdict));
            }
        }
        self.ask_log(&mut judged, unsure).await?;
        Ok(judged)
    }

    /// Decides what the ring could not, together with all others who arrive.
    async fn ask_log(
        &self,
        judged: &mut [(String, Verdict)],
        unsure: Vec<(usize, Claim)>,
    ) -> Result<(), store::Error> {
        if unsure.is_empty() {
            return Ok(());
        }
        let questions: Vec<(String, i64)> = unsure
            .iter()
            .map(|(index, claim)| (judged[*index].0.clone(), claim.seq))
            .collect();
        let answers = self.0.arrivals.places(questions).await?;
        for ((index, claim), kept) in unsure.into_iter().zip(answers) {
            let is_good = match kept {
                store::log::KeptAt::Start => claim.seq == 0,
                store::log::KeptAt::Event { at_ms } => claim.is_at(at_ms),
                store::log::KeptAt::Gone => false,
            };
            if !is_good {
                judged[index].1 = Verdict::Lost;
            }
        }
        Ok(())
    }
}

impl Claim {
    fn is_at(&self, at_ms: i64) -> bool {
        self.at_ms.is_none_or(|claimed| claimed == at_ms)
    }
}

impl Position {
    /// As it stands on the wire: `[seq, at]`.
    #[must_use]
    pub fn pair(self) -> (i64, i64) {
        (self.seq, self.at_ms)
    }
}
