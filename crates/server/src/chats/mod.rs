//! Chats with models: stored as rows, shown to old clients as one document, and merged from theirs message by message.
//!
//! Not here: asking a model (`runs/`) and the OpenAI-shaped surface (`openai/`). Next: `document.rs` (rows to document),
//! `merge.rs` (document to rows), `actions.rs` (who may, store, tell the tabs), `http.rs` (routes).

pub mod actions;
mod document;
pub mod http;
mod merge;
pub mod report;

pub use document::{is_temporary, line_to, shown};
pub use merge::{MAX_CONTENT_BYTES, Turn};

use crate::error::Error;
use store::Conn;
use store::chats::Stored;
use wire::{ChatId, UserId};

/// The title of a chat that nobody has named, as our web app and as old clients write it.
pub const NO_TITLES: [&str; 3] = ["", "New chat", "New Chat"];

/// The chat, if it belongs to this person. Rights are looked at in the job itself.
///
/// # Errors
/// [`Error::ChatNotFound`], also for somebody else's.
pub fn owned(conn: &Conn, owner: &UserId, id: &ChatId) -> Result<Stored, Error> {
    match store::chats::by_id(conn, id)? {
        Some(chat) if chat.user_id == *owner => Ok(chat),
        _ => Err(Error::ChatNotFound),
    }
}
