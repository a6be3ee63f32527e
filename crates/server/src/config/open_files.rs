//! How many files this process may have open at once: what the system says, and raising it as far as it lets us.
//!
//! Systems begin with a low (soft) limit, for programs that know no higher numbers than `select` does, and let every other
//! raise it to a higher (hard) one by itself. A connection is an open file.

/// The limit that was found at the start, and the one that is in force since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFiles {
    /// Found at the start.
    pub before: usize,
    /// In force.
    pub now: usize,
    /// Why it is no higher, if the system refused to raise it.
    pub refused: Option<String>,
}

/// Set where the highest is refused.
#[cfg(unix)]
const OPEN_MAX: nix::sys::resource::rlim_t = 10_240;

/// Raises the limit to the highest that this process may set; none where the system has no such limit.
#[cfg(unix)]
pub fn raise() -> Option<OpenFiles> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (before, most) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let raised = if before < most {
        setrlimit(Resource::RLIMIT_NOFILE, most, most).or_else(|error| {
            // macOS calls it unlimited, and refuses what is more than this.
            let is_less = before < OPEN_MAX && OPEN_MAX < most;
            let next = is_less.then(|| setrlimit(Resource::RLIMIT_NOFILE, OPEN_MAX, most));
            next.unwrap_or(Err(error))
        })
    } else {
        Ok(())
    };
    Some(OpenFiles {
        before: count(before),
        now: limit()?,
        refused: raised.err().map(|error| error.to_string()),
    })
}

/// The limit in force; none where the system has no such limit.
#[cfg(unix)]
pub(super) fn limit() -> Option<usize> {
    use nix::sys::resource::{Resource, getrlimit};
    let (now, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    Some(count(now))
}

/// What is more than can be counted is no limit.
#[cfg(unix)]
fn count(limit: nix::sys::resource::rlim_t) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Raises nothing: there is no such limit.
#[cfg(not(unix))]
pub fn raise() -> Option<OpenFiles> {
    None
}

/// There is none.
#[cfg(not(unix))]
pub(super) fn limit() -> Option<usize> {
    None
}
