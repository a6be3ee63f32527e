//! The text of an answer as it grows: what the model says, folded into what the message shows.
//!
//! Reasoning stands in the text as the contract serialises it (3.3): a `<details type="reasoning">` block. While it
//! grows it is appended to; when it ends its head changes, so readers and the store get the whole text once more.
//! Two readers are kept apart by a cursor each: the tabs (`unsent`) and the store (`unsaved`).

use std::fmt::Write;

/// The longest text of an answer, in bytes.
pub const MAX_TEXT_BYTES: usize = crate::chats::MAX_CONTENT_BYTES;

const OPEN_HEAD: &str =
    "<details type=\"reasoning\" done=\"false\">\n<summary>Thinking…</summary>\n";
/// An escaped `> `: old clients read the block as a quotation.
const LINE_HEAD: &str = "&gt; ";

/// A text and who has seen how much of it.
#[derive(Debug, Default)]
pub struct Text {
    whole: String,
    reasoning: Option<Reasoning>,
    tabs: Cursor,
    store: Cursor,
}

/// Reasoning that goes on.
#[derive(Debug)]
struct Reasoning {
    /// Where its block begins, in bytes.
    at: usize,
    began_ms: i64,
}

/// How far a reader is.
#[derive(Debug, Default, Clone, Copy)]
struct Cursor {
    /// In bytes.
    at: usize,
    /// What the reader has seen was changed: the whole text must be given again.
    is_void: bool,
}

/// What a reader has not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// To be appended after `offset` bytes.
    More {
        /// Bytes of text before it.
        offset: usize,
        /// Never empty.
        text: String,
    },
    /// Replaces everything; more may follow.
    Whole(String),
}

impl Text {
    /// Everything so far.
    pub fn whole(&self) -> &str {
        &self.whole
    }

    /// Whether there is room for `more` bytes.
    pub fn has_room_for(&self, more: usize) -> bool {
        self.whole.len() + more <= MAX_TEXT_BYTES
    }

    /// The model says something.
    pub fn say(&mut self, text: &str, now_ms: i64) {
        self.end_reasoning(now_ms);
        self.whole.push_str(text);
    }

    /// The model thinks.
    pub fn think(&mut self, text: &str, now_ms: i64) {
        if self.reasoning.is_none() {
            if !self.whole.is_empty() && !self.whole.ends_with('\n') {
                self.whole.push('\n');
            }
            self.reasoning = Some(Reasoning {
                at: self.whole.len(),
                began_ms: now_ms,
            });
            self.whole.push_str(OPEN_HEAD);
            self.whole.push_str(LINE_HEAD);
        }
        for character in text.chars() {
            match character {
                '&' => self.whole.push_str("&amp;"),
                '<' => self.whole.push_str("&lt;"),
                '>' => self.whole.push_str("&gt;"),
                '"' => self.whole.push_str("&quot;"),
                '\'' => self.whole.push_str("&#x27;"),
                '\n' => {
                    self.whole.push('\n');
                    self.whole.push_str(LINE_HEAD);
                }
                other => self.whole.push(other),
            }
        }
    }

    /// The model has thought enough, or the answer ends.
    pub fn end_reasoning(&mut self, now_ms: i64) {
        let Some(Reasoning { at, began_ms }) = self.reasoning.take() else {
            return;
        };
        let body = self.whole[at + OPEN_HEAD.len()..].trim_end().to_owned();
        self.whole.truncate(at);
        let seconds = (now_ms - began_ms).max(0) / 1000;
        let unit = if seconds == 1 { "second" } else { "seconds" };
        // Writing to a String cannot fail.
        let _ = write!(
            self.whole,
            "<details type=\"reasoning\" done=\"true\" duration=\"{seconds}\">\n\
             <summary>Thought for {seconds} {unit}</summary>\n{body}\n</details>\n"
        );
        for cursor in [&mut self.tabs, &mut self.store] {
            cursor.is_void |= cursor.at > at;
        }
    }

    /// What the tabs have not seen, at most `max_bytes` of it; they have afterwards.
    pub fn unsent(&mut self, max_bytes: usize) -> Option<Piece> {
        self.tabs.take(&self.whole, max_bytes)
    }

    /// Whether the tabs have not seen everything.
    pub fn has_unsent(&self) -> bool {
        self.tabs.is_void || self.tabs.at < self.whole.len()
    }

    /// What the store does not have; it does afterwards.
    pub fn unsaved(&mut self) -> Option<Piece> {
        self.store.take(&self.whole, usize::MAX)
    }

    /// The store did not take it after all: it gets everything next time.
    pub fn was_not_saved(&mut self) {
        self.store.is_void = true;
    }
}

impl Cursor {
    fn take(&mut self, whole: &str, max_bytes: usize) -> Option<Piece> {
        let is_void = std::mem::take(&mut self.is_void);
        let offset = if is_void { 0 } else { self.at };
        let rest = &whole[offset..];
        let text = rest[..rest.floor_char_boundary(max_bytes)].to_owned();
        self.at = offset + text.len();
        match is_void {
            true => Some(Piece::Whole(text)),
            false if text.is_empty() => None,
            false => Some(Piece::More { offset, text }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn more(offset: usize, text: &str) -> Option<Piece> {
        Some(Piece::More {
            offset,
            text: text.to_owned(),
        })
    }

    #[test]
    fn plain_text_is_appended_at_byte_offsets() {
        let mut text = Text::default();
        assert_eq!(text.unsent(usize::MAX), None);
        text.say("Grü", 0);
        assert_eq!(text.unsent(usize::MAX), more(0, "Grü"));
        text.say("ße", 0);
        assert_eq!(text.unsent(usize::MAX), more(4, "ße"));
        assert_eq!(text.unsaved(), more(0, "Grüße"));
        text.was_not_saved();
        assert_eq!(text.unsaved(), Some(Piece::Whole("Grüße".into())));
        assert_eq!((text.unsent(usize::MAX), text.unsaved()), (None, None));
    }

    #[test]
    fn reasoning_is_escaped_appended_and_replaced_once_it_has_ended() {
        let mut text = Text::default();
        text.think("a < b\nthen", 1_000);
        let Some(Piece::More {
            offset: 0,
            text: first,
        }) = text.unsent(usize::MAX)
        else {
            panic!()
        };
        assert!(first.ends_with("&gt; a &lt; b\n&gt; then"), "{first}");
        text.think(" c", 1_500);
        assert_eq!(text.unsent(usize::MAX), more(first.len(), " c"));
        text.say("So.", 3_200);
        let done = "<details type=\"reasoning\" done=\"true\" duration=\"2\">\n<summary>Thought for 2 seconds</summary>\n\
            &gt; a &lt; b\n&gt; then c\n</details>\nSo.";
        assert_eq!(text.unsent(usize::MAX), Some(Piece::Whole(done.into())));
        // The store has seen nothing yet: it can simply have all of it.
        assert_eq!(text.unsaved(), more(0, done));
    }

    proptest! {
        #[test]
        fn every_reader_ends_with_the_whole_text(steps in prop::collection::vec((0u8..4, "[aé<\n]{0,4}"), 0..40)) {
            let mut text = Text::default();
            let (mut tab, mut stored) = (String::new(), String::new());
            let follow = |copy: &mut String, piece: Option<Piece>| match piece {
                Some(Piece::More { offset, text }) => {
                    assert_eq!(offset, copy.len());
                    copy.push_str(&text);
                }
                Some(Piece::Whole(text)) => *copy = text,
                None => {}
            };
            for (now, (step, said)) in steps.into_iter().enumerate() {
                match step {
                    0 => text.say(&said, now as i64 * 700),
                    1 => text.think(&said, now as i64 * 700),
                    2 => follow(&mut tab, text.unsent(7)),
                    _ => follow(&mut stored, text.unsaved()),
                }
            }
            text.end_reasoning(99_000);
            while text.has_unsent() {
                follow(&mut tab, text.unsent(5));
            }
            follow(&mut stored, text.unsaved());
            prop_assert_eq!(tab.as_str(), text.whole());
            prop_assert_eq!(stored.as_str(), text.whole());
        }
    }
}
