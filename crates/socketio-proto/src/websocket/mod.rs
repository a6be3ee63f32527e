//! WebSocket frames, RFC 6455, for the server's side: frames from the client are masked, frames to it are not, so one
//! encoded frame serves any number of clients. Compressed ones too (permessage-deflate, RFC 7692): no message depends on
//! another. Of the HTTP part of the handshake only the extension's negotiation is here.

mod decoder;
mod deflate;
mod extension;
mod frame;

pub use decoder::{Decoder, Message, WebSocketError};
pub use deflate::encode_deflated;
pub use extension::{MalformedExtensions, negotiate_deflate};
pub use frame::{MAX_HEADER_BYTES, Opcode, close_frame, encode, encode_header};
