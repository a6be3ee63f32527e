//! WebSocket frames, RFC 6455, for the server's side: frames from the client are masked, frames to it are not, so one
//! encoded frame serves any number of clients. The HTTP part of the handshake is not here.

mod decoder;
mod frame;

pub use decoder::{Decoder, Message, WebSocketError};
pub use frame::{MAX_HEADER_BYTES, Opcode, close_frame, encode, encode_header};
