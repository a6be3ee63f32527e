//! Asks language models: OpenAI-compatible services, Ollama, or a built-in demo when none is configured.
//!
//! [`Upstreams`] knows which models there are and who serves them; [`Upstreams::chat`] gives an [`Answer`], which is
//! either bytes to pass on or [`Delta`]s to fold. An answer that is dropped closes its connection at once; one that is
//! cut ends in an error. Knows nothing of chats, runs, users or our HTTP surface.

mod answer;
mod decoder;
mod delta;
mod demo;
mod error;
mod guard;
mod lines;
mod model;
mod ollama;
mod source;
mod sse;
mod sse_out;
mod upstream;
mod upstreams;

pub use answer::{Answer, AnswerStream, Deltas};
pub use decoder::{Decoder, Fault, MAX_EVENT_BYTES};
pub use delta::{Delta, ToolCallPart};
pub use demo::{DEMO_ID, DEMO_NAME};
pub use error::Error;
pub use guard::LineGuard;
pub use model::Model;
pub use source::Timeouts;
pub use upstream::{ChatRequest, Key, OllamaAnswer, Upstream};
pub use upstreams::{Check, Settings, Upstreams};
