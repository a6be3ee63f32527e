//! Reading frames and putting messages together, from input cut anywhere. RFC 6455 sections 5.2 to 5.5 and 7.4, and
//! compressed messages by RFC 7692.
//!
//! Memory is taken as bytes arrive, never because a header promised them. A compressed message is inflated when it is
//! whole, and only as far as a message may be long.

use super::{
    Opcode,
    deflate::{InflateError, inflate},
    frame::RSV1,
};

/// Something whole that a client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    /// Text, checked to be UTF-8.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// To be answered with a pong that carries the same bytes.
    Ping(Vec<u8>),
    /// Not to be answered.
    Pong(Vec<u8>),
    /// The end. To be answered with a close frame of the same code.
    Close(Option<u16>),
}

/// Input that breaks the protocol. The connection must be closed with [`WebSocketError::close_code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebSocketError {
    /// A reserved bit or opcode, a frame without mask, a fragment out of turn, a malformed control frame.
    #[error("the peer broke the WebSocket protocol: {0}")]
    Protocol(&'static str),
    /// Text that is not UTF-8.
    #[error("the text is not UTF-8")]
    Utf8,
    /// A compressed message that cannot be inflated.
    #[error("the compressed message is damaged")]
    Deflate,
    /// The message, inflated if it was compressed, is larger than may be.
    #[error("the message is larger than {max} bytes")]
    TooLarge {
        /// The limit in bytes.
        max: usize,
    },
}

impl WebSocketError {
    /// The code for the close frame.
    pub fn close_code(self) -> u16 {
        match self {
            WebSocketError::Protocol(_) => 1002,
            WebSocketError::Utf8 | WebSocketError::Deflate => 1007,
            WebSocketError::TooLarge { .. } => 1009,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    mask: [u8; 4],
    /// Payload bytes that have not arrived.
    missing: u64,
    /// Payload bytes that have, modulo 4: where in the mask the next one stands.
    phase: u8,
}

/// Reads one client's stream. Takes no memory of its own between messages.
#[derive(Debug)]
pub struct Decoder {
    max_message: usize,
    header: [u8; 14],
    header_len: u8,
    /// Whether permessage-deflate was negotiated.
    may_deflate: bool,
    /// Whether the unfinished message is compressed.
    is_deflated: bool,
    frame: Option<Frame>,
    /// The unfinished message; `None` outside one.
    message: Option<Opcode>,
    payload: Vec<u8>,
    control: Vec<u8>,
}

impl Decoder {
    /// A decoder that takes messages of at most `max_message` bytes.
    pub fn new(max_message: usize) -> Decoder {
        Decoder {
            max_message,
            header: [0; 14],
            header_len: 0,
            may_deflate: false,
            is_deflated: false,
            frame: None,
            message: None,
            payload: Vec::new(),
            control: Vec::new(),
        }
    }

    /// The same where permessage-deflate was negotiated: messages may be compressed.
    pub fn with_deflate(max_message: usize) -> Decoder {
        Decoder {
            may_deflate: true,
            ..Decoder::new(max_message)
        }
    }

    /// Takes bytes from the front of `input` until a message is whole or the input is used up.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Message>, WebSocketError> {
        loop {
            let Some(frame) = self.frame else {
                if !self.take_header(input)? {
                    return Ok(None);
                }
                continue;
            };
            let frame = self.take_payload(frame, input);
            if frame.missing > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            self.frame = None;
            if let Some(message) = self.finish(frame)? {
                return Ok(Some(message));
            }
        }
    }

    /// Answers whether a header is complete.
    fn take_header(&mut self, input: &mut &[u8]) -> Result<bool, WebSocketError> {
        loop {
            let have = usize::from(self.header_len);
            let need = match have {
                0 | 1 => 2,
                _ => header_len(self.header[1]),
            };
            if have >= 2 && have == need {
                self.header_len = 0;
                let frame = self.read_header()?;
                self.frame = Some(frame);
                return Ok(true);
            }
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(false);
            };
            self.header[have] = byte;
            self.header_len += 1;
            *input = rest;
            if have == 1 && byte & 0x80 == 0 {
                return Err(WebSocketError::Protocol("a frame is not masked"));
            }
        }
    }

    fn read_header(&mut self) -> Result<Frame, WebSocketError> {
        let [first, second, ..] = self.header;
        let reserved = if self.may_deflate { 0x70 & !RSV1 } else { 0x70 };
        if first & reserved != 0 {
            return Err(WebSocketError::Protocol("a reserved bit is set"));
        }
        let is_deflated = first & RSV1 != 0;
        let fin = first & 0x80 != 0;
        let opcode = Opcode::from_bits(first & 0x0f)
            .ok_or(WebSocketError::Protocol("the opcode is reserved"))?;
        if is_deflated && !matches!(opcode, Opcode::Text | Opcode::Binary) {
            return Err(WebSocketError::Protocol(
                "a frame that begins no message is marked as compressed",
            ));
        }
        let h = &self.header;
        let (missing, mask_at) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes([h[2], h[3]])), 4),
            127 => (
                u64::from_be_bytes([h[2], h[3], h[4], h[5], h[6], h[7], h[8], h[9]]),
                10,
            ),
            short => (u64::from(short), 2),
        };
        let mask = [h[mask_at], h[mask_at + 1], h[mask_at + 2], h[mask_at + 3]];
        if opcode.is_control() {
            if !fin || missing > 125 {
                return Err(WebSocketError::Protocol(
                    "a control frame is fragmented or too long",
                ));
            }
        } else {
            if (opcode == Opcode::Continuation) != self.message.is_some() {
                return Err(WebSocketError::Protocol("a fragment came out of turn"));
            }
            if opcode != Opcode::Continuation {
                self.is_deflated = is_deflated;
            }
            let total = missing.saturating_add(self.payload.len() as u64);
            if total > self.max_payload() {
                return Err(WebSocketError::TooLarge {
                    max: self.max_message,
                });
            }
        }
        Ok(Frame {
            opcode,
            fin,
            mask,
            missing,
            phase: 0,
        })
    }

    /// Most bytes the frames of the unfinished message may carry.
    fn max_payload(&self) -> u64 {
        let max = self.max_message as u64;
        if self.is_deflated {
            // What does not compress grows a little.
            max.saturating_add(max / 1024 + 64)
        } else {
            max
        }
    }

    fn take_payload(&mut self, mut frame: Frame, input: &mut &[u8]) -> Frame {
        let take = usize::try_from(frame.missing)
            .unwrap_or(usize::MAX)
            .min(input.len());
        let (bytes, rest) = input.split_at(take);
        *input = rest;
        let target = if frame.opcode.is_control() {
            &mut self.control
        } else {
            &mut self.payload
        };
        let from = target.len();
        target.extend_from_slice(bytes);
        unmask(&mut target[from..], frame.mask, frame.phase);
        frame.missing -= take as u64;
        frame.phase = ((usize::from(frame.phase) + take) % 4) as u8;
        frame
    }

    fn finish(&mut self, frame: Frame) -> Result<Option<Message>, WebSocketError> {
        match frame.opcode {
            Opcode::Ping => return Ok(Some(Message::Ping(std::mem::take(&mut self.control)))),
            Opcode::Pong => return Ok(Some(Message::Pong(std::mem::take(&mut self.control)))),
            Opcode::Close => return close_message(&std::mem::take(&mut self.control)).map(Some),
            Opcode::Text | Opcode::Binary => self.message = Some(frame.opcode),
            Opcode::Continuation => {}
        }
        if !frame.fin {
            return Ok(None);
        }
        let mut payload = std::mem::take(&mut self.payload);
        if std::mem::take(&mut self.is_deflated) {
            payload = inflate(&payload, self.max_message).map_err(|error| match error {
                InflateError::Corrupt => WebSocketError::Deflate,
                InflateError::TooLarge => WebSocketError::TooLarge {
                    max: self.max_message,
                },
            })?;
        }
        match self.message.take() {
            Some(Opcode::Text) => match String::from_utf8(payload) {
                Ok(text) => Ok(Some(Message::Text(text))),
                Err(_) => Err(WebSocketError::Utf8),
            },
            _ => Ok(Some(Message::Binary(payload))),
        }
    }
}

/// Length of a masked frame's header, by its second byte.
fn header_len(second: u8) -> usize {
    match second & 0x7f {
        126 => 8,
        127 => 14,
        _ => 6,
    }
}

fn unmask(bytes: &mut [u8], mask: [u8; 4], phase: u8) {
    let mut mask = mask;
    mask.rotate_left(usize::from(phase));
    let word = u32::from_ne_bytes(mask);
    let mut chunks = bytes.chunks_exact_mut(4);
    for chunk in &mut chunks {
        let value = u32::from_ne_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]) ^ word;
        chunk.copy_from_slice(&value.to_ne_bytes());
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

fn close_message(payload: &[u8]) -> Result<Message, WebSocketError> {
    match payload {
        [] => Ok(Message::Close(None)),
        [_] => Err(WebSocketError::Protocol("a close frame has half a code")),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(WebSocketError::Protocol("the close code is reserved"));
            }
            std::str::from_utf8(reason).map_err(|_| WebSocketError::Utf8)?;
            Ok(Message::Close(Some(code)))
        }
    }
}
