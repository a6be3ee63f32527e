//! Tidings: the product. One crate, a folder per feature.
//!
//! Handlers (`http.rs` of a feature, `live/`) translate; actions decide inside one job of the store; the hub sends what
//! was committed. Nothing reaches backwards: no action sends, no handler writes. See `ARCHITECTURE.md`.

pub mod access;
pub mod admin;
pub mod app;
pub mod auth;
pub mod channels;
pub mod chats;
pub mod cli;
pub mod clock;
pub mod config;
pub mod contract;
pub mod demo;
pub mod error;
pub mod http;
pub mod hub;
pub mod listen;
pub mod live;
mod memory;
pub mod openai;
pub mod people;
pub mod presence;
pub mod publish;
mod retention;
pub mod runs;
mod secret;
