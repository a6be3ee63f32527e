//! An event that a client sent, and the means to acknowledge it.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use socketio_proto::socket::Assembled;

use crate::{ArgError, socket::Socket};

/// The arguments of an event or an ack: a JSON array, parsed when asked for.
#[derive(Debug, Clone, Default)]
pub struct Args {
    /// The whole packet text; `from` is where the array begins.
    text: Box<str>,
    from: usize,
    /// 1 if the array's first element is the event's name.
    skip: usize,
}

impl Args {
    pub(crate) fn new(packet: Assembled, skip: usize) -> Args {
        let (text, from) = packet.into_text();
        Args {
            text: text.into(),
            from,
            skip,
        }
    }

    /// The JSON array as it came; for an event its first element is the name.
    pub fn json(&self) -> &str {
        self.text.get(self.from..).unwrap_or("[]")
    }

    /// The arguments one by one, unparsed, without the event's name.
    pub fn raw(&self) -> Vec<&RawValue> {
        let mut all: Vec<&RawValue> = serde_json::from_str(self.json()).unwrap_or_default();
        all.drain(..self.skip.min(all.len()));
        all
    }

    /// Argument `index`, counted from 0 after the name.
    ///
    /// Fails when it is missing or has another type than `T`.
    pub fn get<T: DeserializeOwned>(&self, index: usize) -> Result<T, ArgError> {
        let all = self.raw();
        let raw = all.get(index).ok_or(ArgError::Missing(index))?;
        serde_json::from_str(raw.get()).map_err(|source| ArgError::Malformed { index, source })
    }
}

/// An event that a client sent.
#[derive(Debug)]
pub struct Event {
    /// The event's name.
    pub name: Box<str>,
    /// Its arguments; binary ones stand as `{"_placeholder":true,"num":i}`, an index into `attachments`.
    pub args: Args,
    /// The binary arguments, in the order of their numbers.
    pub attachments: Vec<Bytes>,
    /// Present when the client waits for an acknowledgement.
    pub ack: Option<Ack>,
}

impl Event {
    /// Argument `index` as a `T`; see [`Args::get`].
    pub fn arg<T: DeserializeOwned>(&self, index: usize) -> Result<T, ArgError> {
        self.args.get(index)
    }

    /// Bytes that it takes while it waits for its handler.
    pub(crate) fn size_bytes(&self) -> usize {
        let attachments = self.attachments.iter();
        let attachments = attachments.map(|bytes| size_of::<Bytes>() + bytes.len());
        self.name.len() + self.args.text.len() + attachments.sum::<usize>()
    }

    /// Argument `index` as bytes, if it is a binary one.
    pub fn binary(&self, index: usize) -> Option<&Bytes> {
        #[derive(serde::Deserialize)]
        struct Placeholder {
            _placeholder: bool,
            num: usize,
        }
        let place: Placeholder = self.args.get(index).ok()?;
        self.attachments
            .get(place.num)
            .filter(|_| place._placeholder)
    }
}

/// The answer to one event that asked for it. Dropping it unsent sends nothing: the client's timeout decides.
#[derive(Debug)]
pub struct Ack {
    pub(crate) socket: Socket,
    pub(crate) id: u64,
}

impl Ack {
    /// Acknowledges with one argument. Answers whether it was queued.
    pub fn send(self, arg: &(impl Serialize + ?Sized)) -> bool {
        match serde_json::to_string(arg) {
            Ok(json) => self.send_json(&json, Vec::new()),
            Err(_) => false,
        }
    }

    /// Acknowledges without arguments (`[]`).
    pub fn send_empty(self) -> bool {
        self.send_json("", Vec::new())
    }

    /// Acknowledges with a tuple or list of arguments: `&("a", 1)`.
    pub fn send_args(self, args: &(impl Serialize + ?Sized)) -> bool {
        match serde_json::to_string(args) {
            Ok(json) => match json
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                Some(inner) => self.send_json(inner, Vec::new()),
                None => self.send_json(&json, Vec::new()),
            },
            Err(_) => false,
        }
    }

    /// Acknowledges with arguments that are JSON already, separated by commas, and their attachments.
    pub fn send_json(self, args_json: &str, attachments: Vec<Bytes>) -> bool {
        self.socket.acknowledge(self.id, args_json, attachments)
    }
}

/// What a client answered to an event of ours.
#[derive(Debug, Clone, Default)]
pub struct AckReply {
    /// The arguments of the acknowledgement.
    pub args: Args,
    /// The binary arguments, in the order of their numbers.
    pub attachments: Vec<Bytes>,
}

impl AckReply {
    /// Argument `index` as a `T`; see [`Args::get`].
    pub fn arg<T: DeserializeOwned>(&self, index: usize) -> Result<T, ArgError> {
        self.args.get(index)
    }
}
