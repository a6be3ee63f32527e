//! Cuts a byte stream into lines, however the bytes are split on their way.
//!
//! Knows neither SSE nor JSON. LF, CR and CRLF all end a line (HTML Standard, "Parsing an event stream");
//! NDJSON is a special case of that. A line that outgrows the limit ends the reading, so memory is bounded.

/// A line was longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// The unfinished rest of what was pushed so far.
#[derive(Debug)]
pub(crate) struct Lines {
    partial: Vec<u8>,
    after_cr: bool,
    max_bytes: usize,
}

/// A buffer that grew past this is given back once its line is done.
const KEEP_BYTES: usize = 16 * 1024;

impl Lines {
    /// Lines may be at most `max_bytes` long, without their end.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            partial: Vec::new(),
            after_cr: false,
            max_bytes,
        }
    }

    /// Hands every line that ends in `bytes` to `each`, without its end.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), TooLong> {
        while let Some(&next) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && next == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            if self.partial.len() + piece.len() > self.max_bytes {
                return Err(TooLong);
            }
            let Some(end) = end else {
                self.partial.extend_from_slice(piece);
                return Ok(());
            };
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if self.partial.is_empty() {
                each(piece);
            } else {
                self.partial.extend_from_slice(piece);
                each(&self.partial);
                self.partial.clear();
                self.partial.shrink_to(KEEP_BYTES);
            }
        }
        Ok(())
    }

    /// Hands over the last line if it had no end.
    pub(crate) fn finish(&mut self, each: impl FnOnce(&[u8])) {
        let rest = std::mem::take(&mut self.partial);
        if !rest.is_empty() {
            each(&rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[&str], expected: &[&str]) {
        let mut lines = Lines::new(8);
        let mut seen = Vec::new();
        for piece in pieces {
            let pushed = lines.push(piece.as_bytes(), |line| {
                seen.push(String::from_utf8_lossy(line).into_owned());
            });
            if pushed.is_err() {
                seen.push("too long".into());
            }
        }
        lines.finish(|line| seen.push(String::from_utf8_lossy(line).into_owned()));
        assert_eq!(seen, expected, "{pieces:?}");
    }

    #[test]
    fn ends_lines_at_lf_cr_and_crlf_in_any_split() {
        check(&["a\nb\r\nc\rd"], &["a", "b", "c", "d"]);
        check(&["a\r", "\nb"], &["a", "b"]);
        check(&["a\r", "b\n\n"], &["a", "b", ""]);
        check(&["\r\n\r", "\n"], &["", ""]);
        check(&["", "ab", "", "cd\n"], &["abcd"]);
    }

    #[test]
    fn refuses_a_line_over_the_limit_whether_or_not_it_has_ended() {
        check(&["12345678\n"], &["12345678"]);
        check(&["123456789\n"], &["too long"]);
        check(&["12345", "6789"], &["too long", "12345"]);
    }
}
