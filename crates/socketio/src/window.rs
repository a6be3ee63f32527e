//! When the frames of a busy room wait for each other, so that several leave in one write to each of its sockets.
//!
//! A room below the rate never waits, and neither does one where waiting was seen to gather nothing: a sender that
//! awaits its own event before the next one would only be slowed down. Pure: time is an argument. The lists of
//! connections and the timer are in `flush`.

use std::time::Duration;

use crate::runtime::Instant;

/// Events in a row this far apart, on average, make a room busy when they come faster: 50 a second.
const EASY_GAP: Duration = Duration::from_millis(20);
/// A room may be this far ahead of that rate before it counts as busy: ten events at once.
const AHEAD: Duration = Duration::from_millis(200);
/// What a room can be ahead at most: it is at rest again after as long a silence.
const MOST_AHEAD: Duration = Duration::from_millis(400);
/// Frames that may gather. More are no cheaper to write, and a write takes no more of them.
const MAX_FRAMES: usize = 64;
/// Bytes that may gather: far below what makes a reader look slow.
const MAX_BYTES: usize = 32 * 1024;
/// Events that come closer together than this leave in one write anyway.
const WORTH: Duration = Duration::from_millis(2);
/// How much a room comes to trust in waiting at most. A window that was worth it adds one, one that was not takes
/// [`DOUBT`], and without trust nothing waits: two of three windows must be worth it.
const MOST_TRUST: u32 = 6;
/// What a room begins with, and has when it tries again: the first window decides.
const FIRST_TRUST: u32 = 1;
const DOUBT: u32 = 2;
/// Rounds that leave at once before a room without trust tries one more window: so many that those who wait in vain are
/// fewer than one in a hundred. Doubled after each try that was not worth it, up to the second. What comes within
/// [`WORTH`] is one round: a burst would use up its rest too soon.
const SKIPS: [u32; 2] = [512, 8192];

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It leaves with this turn, and what has gathered leaves with it.
    Now,
    /// It waits for the window that is open.
    Wait,
    /// It opens a window, which closes by itself then.
    Open(Instant),
}

/// A window that is open.
#[derive(Debug, Clone, Copy)]
struct Window {
    since: Instant,
    latest: Instant,
    frames: usize,
    bytes: usize,
}

/// What a room knows about its own traffic.
#[derive(Debug)]
pub(crate) struct Pace {
    longest: Duration,
    /// When the events so far would be through at the rate that is no hurry.
    through: Instant,
    /// How long the next window stays open.
    patience: Duration,
    trust: u32,
    /// Rounds that still leave at once, and when the last of them began.
    skip: u32,
    round: Instant,
    next_skip: u32,
    window: Option<Window>,
}

impl Pace {
    /// Windows stay open no longer than `longest`; zero never opens one.
    pub(crate) fn new(longest: Duration, now: Instant) -> Pace {
        Pace {
            longest,
            through: now,
            patience: longest,
            trust: FIRST_TRUST,
            skip: 0,
            round: now,
            next_skip: SKIPS[0],
            window: None,
        }
    }

    /// A frame is to be sent.
    pub(crate) fn turn(&mut self, bytes: usize, now: Instant) -> Turn {
        self.through = (self.through.max(now) + EASY_GAP).min(now + MOST_AHEAD);
        if let Some(window) = &mut self.window {
            window.latest = now;
            window.frames += 1;
            window.bytes += bytes;
            if window.frames >= MAX_FRAMES || window.bytes >= MAX_BYTES {
                self.close();
                return Turn::Now;
            }
            return Turn::Wait;
        }
        let is_busy = self.through > now + AHEAD;
        if !is_busy || self.longest.is_zero() || bytes >= MAX_BYTES {
            return Turn::Now;
        }
        if self.skip > 0 {
            if now >= self.round + WORTH {
                self.round = now;
                self.skip -= 1;
            }
            return Turn::Now;
        }
        self.window = Some(Window {
            since: now,
            latest: now,
            frames: 1,
            bytes,
        });
        Turn::Open(now + self.patience)
    }

    /// Whether a window is open.
    pub(crate) fn is_open(&self) -> bool {
        self.window.is_some()
    }

    /// The window closes, if one is open: learns from what it gathered how long the next is worth waiting for.
    pub(crate) fn close(&mut self) {
        let Some(window) = self.window.take() else {
            return;
        };
        let useful = window.latest - window.since;
        if useful >= WORTH || window.frames >= MAX_FRAMES {
            self.trust = (self.trust + 1).min(MOST_TRUST);
            self.next_skip = SKIPS[0];
            self.patience = (useful * 2).max(self.patience / 2).min(self.longest);
            return;
        }
        self.trust = self.trust.saturating_sub(DOUBT);
        if self.trust == 0 {
            self.trust = FIRST_TRUST;
            self.patience = self.longest;
            self.skip = self.next_skip;
            self.next_skip = (self.next_skip * 2).min(SKIPS[1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_millis(15);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A room's pace and its timer.
    struct Room {
        pace: Pace,
        now: Instant,
        due: Option<Instant>,
    }

    impl Room {
        fn new(longest: Duration) -> Room {
            let now = Instant::now();
            Room {
                pace: Pace::new(longest, now),
                now,
                due: None,
            }
        }

        fn pass(&mut self, time: Duration) {
            self.now += time;
            if self.due.is_some_and(|due| due <= self.now) {
                self.pace.close();
                self.due = None;
            }
        }

        fn event(&mut self, bytes: usize) -> Turn {
            let turn = self.pace.turn(bytes, self.now);
            match turn {
                Turn::Open(at) => {
                    assert!(self.due.is_none() && at >= self.now && at <= self.now + WINDOW);
                    self.due = Some(at);
                }
                Turn::Now => self.due = None,
                Turn::Wait => assert!(self.due.is_some_and(|due| due > self.now)),
            }
            assert_eq!(self.pace.is_open(), self.due.is_some());
            turn
        }

        fn events(&mut self, gap: Duration, events: usize) -> Vec<Turn> {
            let event = |_| {
                self.pass(gap);
                self.event(200)
            };
            (0..events).map(event).collect()
        }
    }

    fn opened(turns: &[Turn]) -> usize {
        turns
            .iter()
            .filter(|turn| matches!(turn, Turn::Open(_)))
            .count()
    }

    #[test]
    fn a_room_below_the_rate_never_waits() {
        for gap in [20, 25, 100, 5000] {
            let turns = Room::new(WINDOW).events(ms(gap), 500);
            assert!(turns.iter().all(|turn| *turn == Turn::Now), "{gap} ms");
        }
        let mut room = Room::new(WINDOW);
        for _ in 0..50 {
            // A handful at once, then silence.
            assert!(room.events(ms(0), 9).iter().all(|turn| *turn == Turn::Now));
            room.pass(ms(400));
        }
    }

    #[test]
    fn a_busy_room_leaves_in_windows() {
        let mut room = Room::new(WINDOW);
        room.events(ms(3), 20);
        let turns = room.events(ms(3), 1000);
        let windows = opened(&turns);
        assert!((160..=260).contains(&windows), "{windows} windows for 3 s");
        assert!(!turns.contains(&Turn::Now));
        room.pass(ms(400));
        assert_eq!(room.event(200), Turn::Now, "silence ends it");
    }

    #[test]
    fn it_does_not_wait_for_a_sender_that_waits_for_it() {
        let mut room = Room::new(WINDOW);
        let mut waited = 0;
        for _ in 0..20_000 {
            room.pass(ms(2));
            if let Turn::Open(at) = room.event(200) {
                waited += 1;
                room.pass(at - room.now);
            }
        }
        assert!((1..=6).contains(&waited), "{waited} of 20000 waited");
        // When others begin to speak, it learns that too.
        let turns = room.events(ms(3), 20_000);
        assert!(opened(&turns[10_000..]) > 1500);
    }

    #[test]
    fn it_does_not_wait_after_bursts_that_leave_in_one_write_anyway() {
        let mut room = Room::new(WINDOW);
        let mut waited = 0;
        for _ in 0..2000 {
            // The next burst when all have the last.
            room.events(Duration::from_micros(50), 16);
            if let Some(due) = room.due {
                waited += 1;
                room.pass(due - room.now);
            }
            room.pass(ms(10));
        }
        assert!((1..=4).contains(&waited), "{waited} of 2000 waited");
    }

    #[test]
    fn it_waits_as_long_as_two_of_three_windows_gather_something() {
        let mut room = Room::new(WINDOW);
        let mut waited = 0;
        for number in 0..3000 {
            // Two events 8 ms apart, and now and then one alone.
            room.events(ms(8), if number % 4 == 3 { 1 } else { 2 });
            if let Some(due) = room.due {
                waited += 1;
                room.pass(due - room.now);
            }
        }
        assert!(waited > 2900, "{waited}");
    }

    #[test]
    fn a_window_is_no_longer_than_what_it_gathers() {
        let mut room = Room::new(WINDOW);
        room.events(ms(0), 10);
        let mut lasts = Vec::new();
        for _ in 0..50 {
            room.events(ms(1), 4);
            if let Some(due) = room.due {
                lasts.push(due - room.now + ms(3));
                room.pass(due - room.now);
            }
        }
        assert!(lasts.len() > 40, "{lasts:?}");
        assert!(lasts[10..].iter().all(|lasts| *lasts <= ms(6)), "{lasts:?}");
    }

    #[test]
    fn a_window_is_bounded_in_frames_and_bytes() {
        let mut room = Room::new(WINDOW);
        room.events(ms(0), 10);
        assert!(matches!(room.event(20_000), Turn::Open(_)));
        assert_eq!(room.event(20_000), Turn::Now);
        let mut room = Room::new(WINDOW);
        room.events(ms(0), 10);
        assert_eq!(room.event(MAX_BYTES), Turn::Now);
        let turns: Vec<_> = (0..MAX_FRAMES).map(|_| room.event(1)).collect();
        assert!(matches!(turns.first(), Some(Turn::Open(_))));
        assert_eq!(turns.last(), Some(&Turn::Now));
        let turns = Room::new(Duration::ZERO).events(ms(0), 100);
        assert!(turns.iter().all(|turn| *turn == Turn::Now));
    }
}
