//! An answer as Server-Sent Events for an API client: OpenAI bytes unchanged, Ollama lines translated.
//!
//! It watches what it passes on, so that an upstream that dies in the middle is told to the client and never looks
//! like a finished answer.

use bytes::Bytes;
use serde_json::Value;

use crate::answer::{StreamDialect, error_of};
use crate::decoder::{Decoder, Fault, MAX_EVENT_BYTES};
use crate::error::Error;
use crate::guard::LineGuard;
use crate::lines::Lines;
use crate::ollama::{Line, Translator};
use crate::source::Source;

/// Writes one answer.
#[derive(Debug)]
pub(crate) struct SseOut {
    source: Source,
    writer: Writer,
    guard: Option<LineGuard>,
    ended: bool,
    sent: Sent,
}

#[derive(Debug)]
enum Writer {
    /// Bytes as they came; the decoder only watches. `None` once it met something it cannot read.
    Unchanged(Option<Decoder>),
    Ollama {
        lines: Lines,
        translator: Translator,
        finished: bool,
    },
}

/// Where in the stream the client stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// An event may begin here.
    #[default]
    BetweenEvents,
    /// After a line, inside an event.
    AfterLine,
    /// Inside a line.
    InLine,
}

impl Sent {
    fn after(self, bytes: &[u8]) -> Self {
        bytes
            .iter()
            .rev()
            .take(4)
            .rev()
            .fold(self, |sent, byte| match (byte, sent) {
                (b'\r', _) => sent,
                (b'\n', Self::InLine) => Self::AfterLine,
                (b'\n', _) => Self::BetweenEvents,
                _ => Self::InLine,
            })
    }
}

impl SseOut {
    pub(crate) fn new(source: Source, dialect: StreamDialect, guard_bytes: Option<usize>) -> Self {
        let writer = match dialect {
            StreamDialect::OpenAi => Writer::Unchanged(Some(Decoder::openai())),
            StreamDialect::Ollama { model, created_s } => Writer::Ollama {
                lines: Lines::new(MAX_EVENT_BYTES),
                translator: Translator::new(&model, created_s),
                finished: false,
            },
        };
        Self {
            source,
            writer,
            guard: guard_bytes.map(LineGuard::new),
            ended: false,
            sent: Sent::default(),
        }
    }

    /// The next bytes for the client; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        while !self.ended {
            let read = self.source.next().await;
            let (bytes, fault) = match read {
                Ok(Some(bytes)) => self.writer.push(bytes, self.source.upstream()),
                Ok(None) => {
                    self.ended = true;
                    self.writer.finish(self.source.upstream())
                }
                Err(error) => {
                    self.ended = true;
                    (Bytes::new(), (!self.writer.is_finished()).then_some(error))
                }
            };
            self.ended |= fault.is_some();
            let bytes = self.guarded(bytes, fault.is_none());
            self.sent = self.sent.after(&bytes);
            match fault {
                None if bytes.is_empty() => {}
                None => return Some(Ok(bytes)),
                Some(error) => return Some(self.report(bytes, error)),
            }
        }
        None
    }

    fn guarded(&mut self, bytes: Bytes, intact: bool) -> Bytes {
        let Some(guard) = &mut self.guard else {
            return bytes;
        };
        let mut out = guard.push(&bytes);
        if self.ended
            && intact
            && let Some(guard) = self.guard.take()
        {
            out.extend(guard.finish());
        }
        out.into()
    }

    /// The last bytes before the error, and the error as an event if one can stand there.
    fn report(&self, bytes: Bytes, error: Error) -> Result<Bytes, Error> {
        let mut out = bytes.to_vec();
        match self.sent {
            Sent::InLine => return Err(error),
            Sent::AfterLine => out.push(b'\n'),
            Sent::BetweenEvents => {}
        }
        out.extend(event(&error.to_openai()));
        Ok(out.into())
    }
}

impl Writer {
    fn is_finished(&self) -> bool {
        match self {
            Self::Unchanged(watch) => watch.as_ref().is_none_or(Decoder::is_finished),
            Self::Ollama { finished, .. } => *finished,
        }
    }

    fn push(&mut self, bytes: Bytes, upstream: &str) -> (Bytes, Option<Error>) {
        match self {
            Self::Unchanged(watch) => {
                // An error that the upstream told has reached the client with its bytes; a line that is too long for
                // us may be fine for the client. In both cases there is nothing left to watch for.
                if let Some(decoder) = watch
                    && decoder.push(&bytes, &mut Vec::new()).is_err()
                {
                    *watch = None;
                }
                (bytes, None)
            }
            Self::Ollama {
                lines,
                translator,
                finished,
            } => {
                let (mut out, mut fault) = (Vec::new(), None);
                let pushed = lines.push(&bytes, |line| {
                    if fault.is_none() {
                        fault = translate(translator, line, finished, &mut out).err();
                    }
                });
                let fault = fault.or(pushed.err().map(Fault::from));
                (out.into(), fault.map(|fault| error_of(upstream, fault)))
            }
        }
    }

    fn finish(&mut self, upstream: &str) -> (Bytes, Option<Error>) {
        let (mut out, mut fault) = (Vec::new(), None);
        match self {
            Self::Unchanged(None) => {}
            Self::Unchanged(Some(decoder)) => fault = decoder.finish(&mut Vec::new()).err(),
            Self::Ollama {
                lines,
                translator,
                finished,
            } => {
                lines.finish(|line| fault = translate(translator, line, finished, &mut out).err());
                match *finished {
                    true => out.extend_from_slice(b"data: [DONE]\n\n"),
                    false => fault = fault.or(Some(Fault::Cut)),
                }
            }
        }
        (out.into(), fault.map(|fault| error_of(upstream, fault)))
    }
}

fn translate(
    translator: &mut Translator,
    line: &[u8],
    finished: &mut bool,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    if line.trim_ascii().is_empty() {
        return Ok(());
    }
    let Ok(line) = serde_json::from_slice(line) else {
        tracing::warn!(
            size_bytes = line.len(),
            "passed over a line of an Ollama answer that is not JSON"
        );
        return Ok(());
    };
    match translator.line(line) {
        Line::Empty => {}
        Line::Chunk(chunk) => out.extend(event(&chunk)),
        Line::Last(chunk) => {
            *finished = true;
            out.extend(event(&chunk));
        }
        Line::Error(error) => return Err(Fault::Said(error)),
    }
    Ok(())
}

fn event(data: &Value) -> Vec<u8> {
    format!("data: {data}\n\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_where_the_client_stands() {
        let check = |bytes: &str, expected: Sent| {
            assert_eq!(
                Sent::default().after(bytes.as_bytes()),
                expected,
                "{bytes:?}"
            );
            let by_byte = bytes
                .bytes()
                .fold(Sent::default(), |sent, byte| sent.after(&[byte]));
            assert_eq!(by_byte, expected, "{bytes:?}, byte by byte");
        };
        check("", Sent::BetweenEvents);
        check("data: {}\n\n", Sent::BetweenEvents);
        check("data: {}\r\n\r\n", Sent::BetweenEvents);
        check("data: {}\n", Sent::AfterLine);
        check("data: {}\r\n", Sent::AfterLine);
        check("data: {", Sent::InLine);
    }
}
