//! A world to test in: the real server in process, a temporary database, fake models, a settable clock and a typed client.
//!
//! [`World`] starts everything; [`Person`] uses it over HTTP, [`Tab`] over a socket. Nothing here sleeps: a test waits
//! for an event with a deadline, or moves the clock.

pub mod fake_ollama;
pub mod fake_openai;
pub mod fake_upstream;
mod person;
mod socket;
mod world;

pub use person::{Answer, Person, path_of};
pub use socket::{Arrived, DEADLINE, Tab};
pub use world::{PASSWORD, START_MS, World};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
