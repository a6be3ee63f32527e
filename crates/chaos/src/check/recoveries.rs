//! Whether stock clients with `?recovery=1` go on at all. A server that gives each of them a new session breaks no promise
//! in any single return, so no finding would ever say it.

use std::ops::AddAssign;

use crate::tab::{Seen, What};

/// How many returns that ought to go on show, if none does, that going on does not work.
const ENOUGH: usize = 8;

/// How clients that have a session came back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recoveries {
    /// All returns.
    pub returns: usize,
    /// Those that ought to go on: something with an offset was seen in the session, and no backup was restored under it.
    /// Some begin anew all the same, because their person lost a room; never all of them.
    pub due: usize,
    /// Those that went on.
    pub went_on: usize,
}

impl Recoveries {
    /// Of one tab, in whose round backups were restored at these times.
    #[must_use]
    pub fn of(history: &[Seen], restored: &[u64]) -> Recoveries {
        let mut counts = Recoveries::default();
        let mut begun = None;
        let mut has_offset = false;
        for seen in history {
            match seen.what {
                What::Greeted(goes_on) => {
                    // The first one has nothing to come back with.
                    if let Some(begun) = begun {
                        let is_same = !restored.iter().any(|at| (begun..=seen.at).contains(at));
                        counts.returns += 1;
                        counts.due += usize::from(has_offset && is_same);
                        counts.went_on += usize::from(goes_on);
                    }
                    if !goes_on {
                        begun = Some(seen.at);
                        has_offset = false;
                    }
                }
                What::Event(..) => has_offset = true,
                _ => {}
            }
        }
        counts
    }

    /// Whether so many ought to have gone on that it is no coincidence that none did.
    #[must_use]
    pub fn never_work(self) -> bool {
        self.due >= ENOUGH && self.went_on == 0
    }
}

impl AddAssign for Recoveries {
    fn add_assign(&mut self, more: Recoveries) {
        self.returns += more.returns;
        self.due += more.due;
        self.went_on += more.went_on;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(of: &[(u64, What)]) -> Vec<Seen> {
        let seen = |(at, what): &(u64, What)| Seen {
            at: *at,
            connection: 1,
            what: what.clone(),
        };
        of.iter().map(seen).collect()
    }

    #[test]
    fn a_return_ought_to_go_on_if_there_is_an_offset_in_the_same_history() {
        let event = || What::Event("everyone".into(), (1, 1), "events".into(), 0);
        let greeted = What::Greeted;
        let all = history(&[
            (10, greeted(false)),
            (20, greeted(false)), // without an offset
            (30, event()),
            (40, greeted(true)),
            (50, greeted(false)), // ought to have gone on
            (60, event()),
            (80, greeted(false)), // a backup was restored at 70
        ]);
        let counts = Recoveries::of(&all, &[70]);
        assert_eq!((counts.returns, counts.due, counts.went_on), (4, 2, 1));
    }

    #[test]
    fn recovery_does_not_work_if_none_of_enough_went_on() {
        let of = |returns, due, went_on| Recoveries {
            returns,
            due,
            went_on,
        };
        assert!(!of(0, 0, 0).never_work());
        assert!(!of(20, 7, 0).never_work(), "too few to tell");
        assert!(of(8, 8, 0).never_work());
        assert!(!of(8, 8, 1).never_work());
        let mut run = of(5, 4, 0);
        run += of(5, 4, 0);
        assert!(run.never_work(), "over the run");
    }
}
