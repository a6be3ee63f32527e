//! Engine.IO protocol 4: one session over two transports. Source: <https://socket.io/docs/v4/engine-io-protocol/>.

mod handshake;
mod packet;
mod payload;
mod session;

pub use handshake::{Handshake, Query, QueryError};
pub use packet::{Packet, PacketError};
pub use payload::{SEPARATOR, decode_payload, push_binary, push_text};
pub use session::{Due, Fault, Incoming, Session, Times, Transport};
