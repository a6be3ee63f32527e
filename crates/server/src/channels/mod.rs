//! Channels, groups and direct conversations: their life, their people, their messages, and how far each has read.
//!
//! `http` translates; every other file here holds actions: what one may do, each one job of the store with its events.
//! What is true of every channel of a person (lists, rooms) is in `views`.

mod checks;
mod direct;
mod http;
mod life;
mod markers;
mod members;
mod messages;
mod open;
mod views;

pub use direct::direct_with;
pub use http::routes;
pub use life::{create, delete, update};
pub use markers::{Markers, flush_all_markers, flush_markers, mark_read, move_marker};
pub use members::{add_members, forget_person, leave, remove_members, set_active};
pub use messages::{delete_message, edit_message, post_message};
pub use open::readable;
pub use views::{detail, list, members_page, message, message_page, thread_page};
