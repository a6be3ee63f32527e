//! Reads the events of an OpenAI-style stream: one JSON object each, then `[DONE]`.
//!
//! Lenient where upstreams are sloppy (one line end between events, no blank line after the last one), strict where
//! text could be lost: what is not JSON is reported as `Garbled`, never passed over in silence. Comments, `event:`,
//! `id:` and `retry:` carry nothing here. Source: HTML Standard, "Server-sent events".

use serde_json::Value;

use crate::lines::{Lines, TooLong};

/// What one event says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// A JSON value, as a rule a chunk.
    Json(Value),
    /// `data: [DONE]`: nothing follows.
    Done,
    /// Data that is not JSON.
    Garbled,
}

/// The state between two pushes.
#[derive(Debug)]
pub(crate) struct SseReader {
    lines: Lines,
    event: Pending,
}

/// Data lines of an event that has not ended.
#[derive(Debug)]
struct Pending {
    data: Vec<u8>,
    first_line: bool,
    max_bytes: usize,
}

impl SseReader {
    /// Neither a line nor an event may be longer than `max_bytes`.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            lines: Lines::new(max_bytes),
            event: Pending {
                data: Vec::new(),
                first_line: true,
                max_bytes,
            },
        }
    }

    /// Appends the events that `bytes` complete.
    pub(crate) fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        let Self { lines, event } = self;
        let mut too_long = false;
        lines.push(bytes, |line| too_long |= event.line(line, events).is_err())?;
        if too_long { Err(TooLong) } else { Ok(()) }
    }

    /// Appends what the end of the stream completes.
    pub(crate) fn finish(&mut self, events: &mut Vec<Event>) {
        let Self { lines, event } = self;
        lines.finish(|line| {
            // The limit was checked when the bytes came in; an event over it cannot be completed by its last line.
            let _ = event.line(line, events);
        });
        event.end(events);
    }
}

impl Pending {
    fn line(&mut self, line: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        let line = match std::mem::take(&mut self.first_line) {
            true => line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line),
            false => line,
        };
        if line.is_empty() {
            self.end(events);
            return Ok(());
        }
        let Some(value) = line.strip_prefix(b"data:") else {
            return Ok(());
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if self.data.is_empty() {
            // Nearly always a whole object: no wait for the blank line, which some upstreams forget.
            if let Some(event) = parse(value) {
                events.push(event);
                return Ok(());
            }
        } else {
            self.data.push(b'\n');
        }
        if self.data.len() + value.len() > self.max_bytes {
            return Err(TooLong);
        }
        self.data.extend_from_slice(value);
        Ok(())
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let data = std::mem::take(&mut self.data);
        if !data.trim_ascii().is_empty() {
            events.push(parse(&data).unwrap_or(Event::Garbled));
        }
    }
}

fn parse(data: &[u8]) -> Option<Event> {
    if data.trim_ascii() == b"[DONE]" {
        return Some(Event::Done);
    }
    serde_json::from_slice(data).ok().map(Event::Json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Vec<Event> {
        let mut reader = SseReader::new(1024);
        let mut events = Vec::new();
        reader.push(text.as_bytes(), &mut events).unwrap();
        reader.finish(&mut events);
        events
    }

    #[test]
    fn reads_events_however_they_are_laid_out() {
        let one = vec![Event::Json(json!({"a": 1})), Event::Done];
        for text in [
            "data: {\"a\":1}\n\ndata: [DONE]\n\n",
            "data:{\"a\":1}\r\n\r\ndata:[DONE]\r\n\r\n",
            "\u{feff}data: {\"a\":1}\ndata: [DONE]",
            ": ping\n\nevent: x\nid: 4\ndata: {\ndata: \"a\":1}\n\ndata: [DONE]\n",
        ] {
            assert_eq!(read(text), one, "{text:?}");
        }
    }

    #[test]
    fn reports_what_is_not_json_and_goes_on() {
        assert_eq!(
            read("data: {\"id\": \"broken\", \n\ndata: {}\n\n"),
            [Event::Garbled, Event::Json(json!({}))]
        );
        assert_eq!(read("data:\n\ndata: \n\n"), []);
        assert_eq!(read("data: {\"cut\":"), [Event::Garbled]);
    }

    #[test]
    fn an_event_of_many_lines_is_bounded_too() {
        let mut reader = SseReader::new(64);
        let mut events = Vec::new();
        let line = format!("data: {{{}\n", "x".repeat(40));
        assert!(reader.push(line.as_bytes(), &mut events).is_ok());
        assert!(reader.push(line.as_bytes(), &mut events).is_err());
    }
}
