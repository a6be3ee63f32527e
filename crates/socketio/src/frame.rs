//! A packet encoded once, shared by every connection it goes to, over either transport; compressed once too, when the
//! first connection wants it so.

use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use serde::Serialize;
use socketio_proto::{
    socket::{self, Kind},
    websocket::{self, MAX_HEADER_BYTES, Opcode},
};

use crate::AckError;

/// One WebSocket frame: header and payload in one piece. Polling sends the payload alone.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Header and payload.
    pub(crate) bytes: Bytes,
    /// Length of the header.
    head: u8,
    pub(crate) is_binary: bool,
}

impl Part {
    /// An Engine.IO packet that is text, type digit included.
    pub(crate) fn text(packet: &str) -> Part {
        Part::new(Opcode::Text, packet.as_bytes())
    }

    fn new(opcode: Opcode, payload: &[u8]) -> Part {
        let bytes = websocket::encode(opcode, payload);
        let head = (bytes.len() - payload.len()) as u8;
        Part {
            bytes: bytes.into(),
            head,
            is_binary: opcode == Opcode::Binary,
        }
    }

    /// The same message compressed, if it is long enough and gets shorter by that. For a WebSocket only.
    fn deflated(&self, threshold_bytes: usize) -> Option<Part> {
        let payload = self.payload();
        if payload.len() < threshold_bytes {
            return None;
        }
        let opcode = if self.is_binary {
            Opcode::Binary
        } else {
            Opcode::Text
        };
        let bytes = websocket::encode_deflated(opcode, payload)?;
        Some(Part {
            bytes: bytes.into(),
            ..self.clone()
        })
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.bytes.get(usize::from(self.head)..).unwrap_or_default()
    }
}

/// An event ready to be sent. Cloning is cheap and copies no bytes; in a queue it takes one word.
#[derive(Debug, Clone)]
pub struct Frame(Arc<Encoded>);

#[derive(Debug)]
struct Encoded {
    first: Part,
    attachments: Box<[Part]>,
    /// The same frame with compressed parts, once somebody wanted it; `None` if none of them is compressed.
    deflated: OnceLock<Option<Frame>>,
}

static PING: LazyLock<Frame> = LazyLock::new(|| Frame::engine("2"));

impl Frame {
    /// Memory that a frame takes beside its bytes: what the `Arc` points to.
    pub(crate) const HEAD_BYTES: usize = size_of::<Encoded>() + 2 * size_of::<usize>();

    pub(crate) fn of(first: Part, attachments: Box<[Part]>) -> Frame {
        Frame(Arc::new(Encoded {
            first,
            attachments,
            deflated: OnceLock::new(),
        }))
    }

    /// The text packet, or the only part.
    pub(crate) fn first(&self) -> &Part {
        &self.0.first
    }

    /// The parts after it.
    pub(crate) fn attachments(&self) -> &[Part] {
        &self.0.attachments
    }

    /// The frame for a WebSocket that takes compressed messages: made at the first call, the same from then on. Parts of
    /// fewer bytes than the threshold stay as they are.
    pub(crate) fn deflated(&self, threshold_bytes: usize) -> &Frame {
        if self
            .parts()
            .all(|part| part.payload().len() < threshold_bytes)
        {
            return self;
        }
        let deflated = self.0.deflated.get_or_init(|| {
            let mut is_shorter = false;
            let mut deflate = |part: &Part| match part.deflated(threshold_bytes) {
                Some(deflated) => {
                    is_shorter = true;
                    deflated
                }
                None => part.clone(),
            };
            let first = deflate(self.first());
            let attachments = self.attachments().iter().map(deflate).collect();
            is_shorter.then(|| Frame::of(first, attachments))
        });
        deflated.as_ref().unwrap_or(self)
    }

    /// The frame that [`Frame::deflated`] gave before, if it was called; else this one. Compresses nothing.
    pub(crate) fn deflated_before(&self) -> &Frame {
        let deflated = self.0.deflated.get();
        deflated.and_then(Option::as_ref).unwrap_or(self)
    }

    /// An event with one argument. Fails only for values that JSON cannot express.
    pub fn event(
        namespace: &str,
        name: &str,
        arg: &(impl Serialize + ?Sized),
    ) -> Result<Frame, AckError> {
        let json = serde_json::to_string(arg).map_err(|_| AckError::Encode)?;
        Ok(Frame::event_json(namespace, name, &json))
    }

    /// An event whose arguments are JSON already, separated by commas; empty for none.
    pub fn event_json(namespace: &str, name: &str, args_json: &str) -> Frame {
        Frame::named(namespace, None, name, args_json, Vec::new())
    }

    /// As [`Frame::event_json`], with attachments: each stands in the JSON as `{"_placeholder":true,"num":i}`.
    pub fn binary_event(
        namespace: &str,
        name: &str,
        args_json: &str,
        attachments: Vec<Bytes>,
    ) -> Frame {
        Frame::named(namespace, None, name, args_json, attachments)
    }

    /// Several events as one frame: queued and dropped together, in this order, and a client gets each by itself. `None`
    /// for none. For many events to a large room it is far cheaper than as many frames.
    pub fn bundle(frames: impl IntoIterator<Item = Frame>) -> Option<Frame> {
        let frames: Vec<Frame> = frames.into_iter().collect();
        Frame::of_parts(frames.iter().flat_map(Frame::parts).cloned())
    }

    fn of_parts(parts: impl IntoIterator<Item = Part>) -> Option<Frame> {
        let mut parts = parts.into_iter();
        let first = parts.next()?;
        Some(Frame::of(first, parts.collect()))
    }

    /// Whether it is that very frame, or a clone of it.
    pub(crate) fn is(&self, other: &Frame) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The events of a bundle, each as a frame of its own; an event alone is the only one.
    pub(crate) fn events(&self) -> Vec<Frame> {
        let mut events: Vec<Vec<Part>> = Vec::new();
        for part in self.parts() {
            match events.last_mut() {
                // Attachments follow the text that names them.
                Some(event) if part.is_binary => event.push(part.clone()),
                _ => events.push(vec![part.clone()]),
            }
        }
        events.into_iter().filter_map(Frame::of_parts).collect()
    }

    /// Bytes it takes in a queue and on a WebSocket.
    pub fn size_bytes(&self) -> usize {
        self.parts().map(|part| part.bytes.len()).sum()
    }

    pub(crate) fn named(
        namespace: &str,
        id: Option<u64>,
        name: &str,
        args_json: &str,
        attachments: Vec<Bytes>,
    ) -> Frame {
        let kind = if attachments.is_empty() {
            Kind::Event
        } else {
            Kind::BinaryEvent
        };
        let name = serde_json::to_string(name).unwrap_or_default();
        let comma = if args_json.is_empty() { "" } else { "," };
        Frame::packet(
            kind,
            namespace,
            id,
            &["[", &name, comma, args_json, "]"],
            attachments,
        )
    }

    pub(crate) fn ack(namespace: &str, id: u64, args_json: &str, attachments: Vec<Bytes>) -> Frame {
        let kind = if attachments.is_empty() {
            Kind::Ack
        } else {
            Kind::BinaryAck
        };
        Frame::packet(
            kind,
            namespace,
            Some(id),
            &["[", args_json, "]"],
            attachments,
        )
    }

    pub(crate) fn packet(
        kind: Kind,
        namespace: &str,
        id: Option<u64>,
        json: &[&str],
        attachments: Vec<Bytes>,
    ) -> Frame {
        let mut text = String::with_capacity(
            32 + namespace.len() + json.iter().map(|part| part.len()).sum::<usize>(),
        );
        text.push('4');
        socket::encode_header(kind, attachments.len(), namespace, id, &mut text);
        json.iter().for_each(|part| text.push_str(part));
        let first = Part::text(&text);
        let attachments = attachments
            .iter()
            .map(|bytes| Part::new(Opcode::Binary, bytes));
        Frame::of(first, attachments.collect())
    }

    /// An Engine.IO packet below Socket.IO.
    pub(crate) fn engine(packet: &str) -> Frame {
        Frame::of(Part::text(packet), Box::default())
    }

    /// Bytes below Socket.IO.
    pub(crate) fn engine_binary(bytes: &[u8]) -> Frame {
        Frame::of(Part::new(Opcode::Binary, bytes), Box::default())
    }

    /// The heartbeat's ping, without taking memory.
    pub(crate) fn ping() -> Frame {
        PING.clone()
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(self.first()).chain(self.attachments())
    }
}

const _: () = assert!(MAX_HEADER_BYTES < u8::MAX as usize);

/// What happens to a frame when a socket's queue is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Class {
    /// Never dropped in silence: past the soft limit the namespace's [`on_full`](crate::Namespace::on_full) decides,
    /// past the hard limit the connection is closed.
    #[default]
    Reliable,
    /// Replaces a frame of the same key that still waits in the queue. Dropped past the hard limit.
    Keyed(u64),
    /// Dropped past the soft limit.
    Droppable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_parts_are_compressed_once_and_short_ones_never() {
        let long = Bytes::from(vec![7; 2000]);
        let frame = Frame::binary_event("/", "b", "1", vec![long, Bytes::from_static(b"short")]);
        assert!(std::ptr::eq(&frame, frame.deflated_before()));
        let deflated = frame.deflated(1024);
        assert!(std::ptr::eq(deflated, frame.deflated_before()));
        let parts: Vec<_> = deflated.parts().map(|part| &part.bytes).collect();
        let heads: Vec<u8> = parts.iter().map(|bytes| bytes[0]).collect();
        assert_eq!(heads, [0x81, 0xc2, 0x82]);
        assert!(parts[1].len() < 100 && deflated.size_bytes() < frame.size_bytes() - 1900);
        // Clones share it.
        let clone = frame.clone();
        assert!(std::ptr::eq(deflated, clone.deflated(1024)));
        let small = Frame::event_json("/", "msg", "1");
        assert!(std::ptr::eq(&small, small.deflated(1024)));
    }

    #[test]
    fn a_bundle_is_its_frames_one_after_the_other() {
        let event = |name: &str| Frame::event_json("/", name, "1");
        let binary = vec![Bytes::from_static(b"x")];
        let binary = Frame::binary_event("/", "b", r#"{"_placeholder":true,"num":0}"#, binary);
        let bundle = Frame::bundle([event("a"), binary, event("c")]).unwrap();
        let payloads: Vec<_> = bundle.parts().map(Part::payload).collect();
        let first = br#"451-["b",{"_placeholder":true,"num":0}]"#.as_slice();
        assert_eq!(
            payloads,
            [br#"42["a",1]"#.as_slice(), first, b"x", br#"42["c",1]"#]
        );
        let each: Vec<_> = bundle.events().iter().map(Frame::size_bytes).collect();
        assert_eq!(each, [11, 41 + 3, 11]);
        assert!(
            Frame::bundle([event("a")])
                .unwrap()
                .attachments()
                .is_empty()
        );
        assert!(Frame::bundle([]).is_none());
    }

    #[test]
    fn one_encoding_serves_both_transports() {
        let frame = Frame::event_json("/", "msg", r#"{"a":1}"#);
        assert_eq!(frame.first().payload(), br#"42["msg",{"a":1}]"#);
        assert_eq!(&frame.first().bytes[..2], [0x81, 17]);
        let frame = Frame::binary_event(
            "/x",
            "b",
            r#"{"_placeholder":true,"num":0}"#,
            vec![Bytes::from_static(&[7; 200])],
        );
        assert_eq!(
            frame.first().payload(),
            br#"451-/x,["b",{"_placeholder":true,"num":0}]"#
        );
        let parts: Vec<_> = frame.parts().collect();
        assert_eq!(
            (parts[1].payload().len(), &parts[1].bytes[..4]),
            (200, [0x82, 126, 0, 200].as_slice())
        );
        assert_eq!(
            Frame::ack("/", 3, "", Vec::new()).first().payload(),
            b"433[]"
        );
        assert_eq!(
            Frame::event_json("/", "none", "").first().payload(),
            br#"42["none"]"#
        );
    }
}
