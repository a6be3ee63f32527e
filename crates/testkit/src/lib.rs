//! A world to test in: the real server in process, a temporary database, fake models, a settable clock and a typed client.

pub mod fake_ollama;
pub mod fake_openai;
pub mod fake_upstream;
