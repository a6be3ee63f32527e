//! Bytes of an answer in, deltas out, whatever the dialect and however the bytes are split. Pure.
//!
//! Knows when an answer is finished: after a finish reason or `[DONE]` (OpenAI), after `done: true` (Ollama). A stream
//! that ends without is cut, and that is a fault, never an end.

use serde_json::Value;

use crate::delta::{Delta, read_chunk};
use crate::lines::{Lines, TooLong};
use crate::ollama::{Line, Translator};
use crate::sse::{Event, SseReader};

/// The longest line or event that is read, in bytes.
pub const MAX_EVENT_BYTES: usize = 8 * 1024 * 1024;

/// Why an answer will not be finished.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The upstream says so: its `error`.
    Said(Value),
    /// A line is longer than [`MAX_EVENT_BYTES`].
    TooLong,
    /// The stream ended in the middle.
    Cut,
}

impl From<TooLong> for Fault {
    fn from(_: TooLong) -> Self {
        Self::TooLong
    }
}

/// Decodes one answer.
#[derive(Debug)]
pub struct Decoder {
    dialect: Dialect,
    finished: bool,
    done: bool,
}

#[derive(Debug)]
enum Dialect {
    OpenAi(SseReader),
    Ollama(Lines, Translator),
}

impl Decoder {
    /// For Server-Sent Events with OpenAI chunks.
    pub fn openai() -> Self {
        Self::new(Dialect::OpenAi(SseReader::new(MAX_EVENT_BYTES)))
    }

    /// For Ollama's NDJSON.
    pub fn ollama() -> Self {
        Self::new(Dialect::Ollama(
            Lines::new(MAX_EVENT_BYTES),
            Translator::new("", 0),
        ))
    }

    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            finished: false,
            done: false,
        }
    }

    /// Whether the model said that it is done. Usage may still follow.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Appends the deltas that `bytes` complete, those before a fault included.
    pub fn push(&mut self, bytes: &[u8], deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        let mut events = Vec::new();
        let pushed = match &mut self.dialect {
            Dialect::OpenAi(reader) => reader.push(bytes, &mut events),
            Dialect::Ollama(lines, translator) => {
                lines.push(bytes, |line| events.extend(read_line(translator, line)))
            }
        };
        self.take(events, deltas)?;
        Ok(pushed?)
    }

    /// Says that no more bytes come. [`Fault::Cut`] unless the answer was finished.
    pub fn finish(&mut self, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        let mut events = Vec::new();
        match &mut self.dialect {
            Dialect::OpenAi(reader) => reader.finish(&mut events),
            Dialect::Ollama(lines, translator) => {
                lines.finish(|line| events.extend(read_line(translator, line)));
            }
        }
        self.take(events, deltas)?;
        if self.finished {
            Ok(())
        } else {
            Err(Fault::Cut)
        }
    }

    fn take(&mut self, events: Vec<Event>, deltas: &mut Vec<Delta>) -> Result<(), Fault> {
        for event in events {
            match event {
                _ if self.done => {}
                Event::Done => (self.done, self.finished) = (true, true),
                Event::Garbled => deltas.push(Delta::Garbled),
                Event::Json(chunk) => {
                    let from = deltas.len();
                    read_chunk(chunk, deltas).map_err(Fault::Said)?;
                    self.finished |= deltas[from..]
                        .iter()
                        .any(|delta| matches!(delta, Delta::Finish(_)));
                }
            }
        }
        Ok(())
    }
}

/// An NDJSON line as the event that an OpenAI upstream would have sent.
fn read_line(translator: &mut Translator, line: &[u8]) -> Option<Event> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    let Ok(line) = serde_json::from_slice(line) else {
        return Some(Event::Garbled);
    };
    match translator.line(line) {
        Line::Chunk(chunk) | Line::Last(chunk) => Some(Event::Json(chunk)),
        Line::Error(error) => Some(Event::Json(serde_json::json!({ "error": error }))),
        Line::Empty => None,
    }
}
