//! Puts the binary frames of a packet behind its text. One packet is put together at a time; nothing else may come
//! between its parts.

use std::ops::Range;

use bytes::Bytes;

use super::{DecodeError, Kind, Limits, Packet};

/// A packet with its attachments, complete and owned.
#[derive(Debug, PartialEq, Eq)]
pub struct Assembled {
    /// What it is.
    pub kind: Kind,
    /// The id that joins an event and its ack.
    pub id: Option<u64>,
    /// Its binary parts in order.
    pub attachments: Vec<Bytes>,
    text: String,
    namespace: Option<Range<usize>>,
    data_from: usize,
}

impl Assembled {
    fn read(text: String, limits: &Limits) -> Result<(Assembled, usize), DecodeError> {
        let packet = Packet::decode(&text, limits)?;
        let (kind, id, missing) = (packet.kind, packet.id, packet.attachments);
        let data_from = text.len() - packet.data.len();
        // Only a name other than the default one stands in the text.
        let namespace = match packet.namespace {
            "/" => None,
            name => text.find(name).map(|at| at..at + name.len()),
        };
        Ok((
            Assembled {
                kind,
                id,
                attachments: Vec::new(),
                text,
                namespace,
                data_from,
            },
            missing,
        ))
    }

    /// The namespace's name.
    pub fn namespace(&self) -> &str {
        self.namespace
            .clone()
            .and_then(|range| self.text.get(range))
            .unwrap_or("/")
    }

    /// The JSON, empty if there is none.
    pub fn data(&self) -> &str {
        self.text.get(self.data_from..).unwrap_or_default()
    }

    /// The whole text and where its JSON begins.
    pub fn into_text(self) -> (String, usize) {
        (self.text, self.data_from)
    }
}

/// Frames that do not make up a packet. The connection must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BinaryError {
    /// The text is not a packet.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Text came while attachments were expected.
    #[error("text came in place of an attachment")]
    UnexpectedText,
    /// Bytes came while none were expected.
    #[error("an attachment came without its packet")]
    UnexpectedBytes,
    /// The attachments are larger than may be.
    #[error("the attachments are too large")]
    TooLarge,
}

#[derive(Debug)]
struct Waiting {
    packet: Assembled,
    missing: usize,
    bytes: usize,
}

/// Waits for the attachments of at most one packet. Takes no memory while it waits for none.
#[derive(Debug, Default)]
pub struct Assembler {
    waiting: Option<Box<Waiting>>,
}

impl Assembler {
    /// Takes a text message; answers it if it is complete by itself.
    pub fn text(
        &mut self,
        text: String,
        limits: &Limits,
    ) -> Result<Option<Assembled>, BinaryError> {
        if self.waiting.is_some() {
            return Err(BinaryError::UnexpectedText);
        }
        let (packet, missing) = Assembled::read(text, limits)?;
        if missing == 0 {
            return Ok(Some(packet));
        }
        self.waiting = Some(Box::new(Waiting {
            packet,
            missing,
            bytes: 0,
        }));
        Ok(None)
    }

    /// Takes a binary message; answers the packet if this was its last attachment.
    pub fn binary(
        &mut self,
        bytes: Bytes,
        limits: &Limits,
    ) -> Result<Option<Assembled>, BinaryError> {
        let waiting = self.waiting.as_mut().ok_or(BinaryError::UnexpectedBytes)?;
        waiting.bytes = waiting.bytes.saturating_add(bytes.len());
        if waiting.bytes > limits.attachment_bytes {
            self.waiting = None;
            return Err(BinaryError::TooLarge);
        }
        waiting.packet.attachments.push(bytes);
        waiting.missing -= 1;
        if waiting.missing > 0 {
            return Ok(None);
        }
        Ok(self.waiting.take().map(|done| done.packet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_every_attachment_and_for_nothing_else() {
        let limits = Limits {
            attachment_bytes: 4,
            ..Limits::default()
        };
        let mut assembler = Assembler::default();
        let text = r#"52-/a,7["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
        assert_eq!(assembler.text(text.into(), &limits), Ok(None));
        assert_eq!(
            assembler.text("2[\"b\"]".into(), &limits),
            Err(BinaryError::UnexpectedText)
        );
        assert_eq!(
            assembler.binary(Bytes::from_static(&[1, 2]), &limits),
            Ok(None)
        );
        let done = assembler
            .binary(Bytes::from_static(&[3]), &limits)
            .unwrap()
            .unwrap();
        assert_eq!(
            (done.namespace(), done.id, done.attachments.len()),
            ("/a", Some(7), 2)
        );
        assert!(done.data().starts_with("[\"a\","));
        assert_eq!(
            assembler.binary(Bytes::from_static(&[3]), &limits),
            Err(BinaryError::UnexpectedBytes)
        );
        assert_eq!(assembler.text("51-[\"a\"]".into(), &limits), Ok(None));
        assert_eq!(
            assembler.binary(Bytes::from_static(&[0; 5]), &limits),
            Err(BinaryError::TooLarge)
        );
        assert!(
            assembler
                .text("50-[\"a\"]".into(), &limits)
                .unwrap()
                .is_some()
        );
    }
}
