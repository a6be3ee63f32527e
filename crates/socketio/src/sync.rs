//! The locks, counts and bells of rooms and of a connection's queue: the standard library's. `tests/interleavings`
//! compiles the same files with locks of which every order can be tried.

pub(crate) use std::sync::{Mutex, MutexGuard, RwLock, atomic::AtomicUsize};

pub(crate) use futures_util::task::AtomicWaker;
