//! Opens many real connections and measures: the client of the benchmarks and soak tests.
//!
//! `frame` cuts WebSocket bytes, `inflate` undoes compression, `connection` opens and listens, `crowd` holds many of them
//! and counts, `process` reads what a server costs, `target` starts the servers that `peer` names, `workspace` a Tidings with people in it. `fanout`,
//! `connect`, `idle`, `soak`, `storm`, `stalled`, `durable` and `resume` (with `slow`) are the measurements, `machine`,
//! `report`, `judged` and `open_webui` print them. Everything runs on one thread and knows no crate of this workspace.

pub mod connect;
pub mod connection;
pub mod crowd;
pub mod durable;
pub mod fanout;
pub mod frame;
pub mod http;
pub mod idle;
pub mod inflate;
pub mod judged;
pub mod machine;
pub mod open_webui;
pub mod peer;
pub mod process;
pub mod report;
pub mod resume;
pub mod returning;
pub mod server;
pub mod slow;
pub mod soak;
pub mod stalled;
pub mod storm;
pub mod target;
pub mod workspace;
