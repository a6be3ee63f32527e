//! Tasks, turns and time as a flush needs them: tokio's. `tests/interleavings` compiles the same files with tasks of which
//! every order can be tried, and with a clock that moves when it is told to.

pub(crate) use tokio::{
    runtime::Handle,
    task::yield_now,
    time::{Instant, sleep_until},
};

/// The time.
pub(crate) fn now() -> Instant {
    Instant::now()
}
