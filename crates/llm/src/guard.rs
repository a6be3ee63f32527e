//! The line guard: keeps over-long lines of a stream away from readers with small buffers (wire contract 6.2).
//!
//! The reference's guard leaks the tail of an over-long line and loses line ends. The rule here: everything up to the
//! LF that ends the over-long line is dropped, one `data: {}` line stands in its place, all other bytes are unchanged.

/// Replaces lines longer than a limit by `data: {}`.
#[derive(Debug)]
pub struct LineGuard {
    max_bytes: usize,
    partial: Vec<u8>,
    skipping: bool,
}

const STAND_IN: &[u8] = b"data: {}\n";

impl LineGuard {
    /// Lines may be `max_bytes` long, without their LF.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            partial: Vec::new(),
            skipping: false,
        }
    }

    /// What may be sent on after `bytes` came in: whole lines only.
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        while !bytes.is_empty() {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            if self.partial.len() + piece.len() > self.max_bytes {
                self.skipping = true;
                self.partial = Vec::new();
            }
            if !self.skipping {
                self.partial.extend_from_slice(piece);
            }
            let Some(end) = end else { break };
            if std::mem::take(&mut self.skipping) {
                out.extend_from_slice(STAND_IN);
            } else {
                out.append(&mut self.partial);
                out.push(b'\n');
            }
            bytes = &bytes[end + 1..];
        }
        out
    }

    /// What remains at the end of the stream, with an LF.
    pub fn finish(mut self) -> Vec<u8> {
        if self.skipping {
            return STAND_IN.to_vec();
        }
        if !self.partial.is_empty() {
            self.partial.push(b'\n');
        }
        self.partial
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn guarded<'a>(max_bytes: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut guard = LineGuard::new(max_bytes);
        let mut out: Vec<u8> = pieces
            .into_iter()
            .flat_map(|piece| guard.push(piece))
            .collect();
        out.extend(guard.finish());
        out
    }

    #[test]
    fn drops_exactly_the_long_line_and_keeps_its_neighbours() {
        let text = b"short\n0123456789ABCDEF\n\nlast\n";
        assert_eq!(guarded(8, [&text[..]]), b"short\ndata: {}\n\nlast\n");
        // The reference would take the tail of a long line for a short line of its own.
        assert_eq!(
            guarded(8, [&b"0123456789"[..], b"tail\nnext\n"]),
            b"data: {}\nnext\n"
        );
        assert_eq!(guarded(8, [&b"0123456789"[..]]), b"data: {}\n");
        assert_eq!(guarded(8, [&b"rest"[..]]), b"rest\n");
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(text in "[a-c\n]{0,60}", cuts in prop::collection::vec(0usize..60, 0..6)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            let expected: String = text
                .split_terminator('\n')
                .map(|line| format!("{}\n", if line.len() > 5 { "data: {}" } else { line }))
                .collect();
            prop_assert_eq!(String::from_utf8(guarded(5, pieces)).unwrap(), expected);
        }
    }
}
