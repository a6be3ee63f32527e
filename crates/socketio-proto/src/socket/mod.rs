//! Socket.IO protocol 5: packets, their binary parts, and which of them a namespace may get. Source:
//! <https://socket.io/docs/v4/socket-io-protocol/>.

mod binary;
mod json;
mod namespace;
mod packet;

pub use binary::{Assembled, Assembler, BinaryError};
pub use json::{event_name, is_object};
pub use namespace::{Namespaces, OutOfTurn, State, Step};
pub use packet::{DecodeError, Kind, Limits, Packet, encode_header};
