//! Opens many real connections and measures: the client of the benchmarks and soak tests.
//!
//! `frame` cuts WebSocket bytes, `connection` opens and listens, `crowd` holds many of them and counts, `process` reads
//! what a server costs, `target` starts the servers, `fanout` is the measurement and `report` prints it. Everything
//! runs on one thread and knows no crate of this workspace.

pub mod connection;
pub mod crowd;
pub mod fanout;
pub mod frame;
pub mod http;
pub mod process;
pub mod report;
pub mod target;
