//! What people can do, over the public wire: one module a feature, one binary for all.

mod answers;
mod as_of;
mod bad_input;
mod channels;
mod chats;
mod coming_back;
mod completions;
mod limits;
mod live;
mod memory;
mod messages;
mod once;
mod open_files;
mod opening;
mod presence;
mod pressure;
mod recovery;
mod rights;
