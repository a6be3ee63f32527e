//! What waits to be sent to one client, bounded in bytes.

use std::collections::VecDeque;

use crate::{Class, Frame};

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) frame: Frame,
    pub(crate) class: Class,
}

/// The two marks of [`Limits`](crate::Limits) that matter here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks {
    pub(crate) soft: usize,
    pub(crate) hard: usize,
}

/// What became of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits, or has taken the place of an older one.
    Queued,
    /// There was no place, and its class allows that.
    Dropped,
    /// It is reliable and the soft mark is passed: its owner decides.
    Soft,
    /// It is reliable and the hard mark is passed.
    Hard,
}

/// A queue of frames. Takes no memory while it is empty.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    /// Bytes that wait here or were taken and are not written yet.
    bytes: usize,
}

impl Queue {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Queues a frame by the rules of its class. `asked` says that the owner has decided already.
    pub(crate) fn push(
        &mut self,
        frame: &Frame,
        class: Class,
        marks: Marks,
        asked: bool,
    ) -> Pushed {
        let size = frame.size_bytes();
        if let Class::Keyed(_) = class
            && let Some(old) = self.entries.iter_mut().find(|old| old.class == class)
        {
            self.bytes = (self.bytes + size).saturating_sub(old.frame.size_bytes());
            old.frame = frame.clone();
            return Pushed::Queued;
        }
        let full = |mark: usize| self.bytes > 0 && self.bytes + size > mark;
        match class {
            Class::Droppable if full(marks.soft) => return Pushed::Dropped,
            Class::Keyed(_) if full(marks.hard) => return Pushed::Dropped,
            Class::Reliable if full(marks.hard) => return Pushed::Hard,
            Class::Reliable if full(marks.soft) && !asked => return Pushed::Soft,
            _ => {}
        }
        self.push_always(Entry {
            frame: frame.clone(),
            class,
        });
        Pushed::Queued
    }

    /// Queues what the protocol itself has to say.
    pub(crate) fn push_always(&mut self, entry: Entry) {
        self.bytes += entry.frame.size_bytes();
        self.entries.push_back(entry);
    }

    /// Takes whole frames from the front, at least one and then up to `max_bytes`. They count until
    /// [`Queue::written`] says they are gone.
    pub(crate) fn take(&mut self, max_bytes: usize, mut each: impl FnMut(Frame)) {
        let mut taken = 0;
        while taken < max_bytes {
            let Some(entry) = self.entries.pop_front() else {
                break;
            };
            taken += entry.frame.size_bytes();
            each(entry.frame);
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
    }

    /// Bytes of taken frames have left.
    pub(crate) fn written(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Throws away what waits.
    pub(crate) fn clear(&mut self) {
        self.entries = VecDeque::new();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_meets_a_full_queue_in_its_own_way() {
        let frame = |text: &str| Frame::event_json("/", text, "");
        let size = frame("a").size_bytes();
        let marks = Marks {
            soft: 2 * size,
            hard: 3 * size,
        };
        let mut queue = Queue::default();
        let mut push = |name: &str, class, asked| queue.push(&frame(name), class, marks, asked);
        assert_eq!(push("a", Class::Reliable, false), Pushed::Queued);
        assert_eq!(push("b", Class::Keyed(1), false), Pushed::Queued);
        assert_eq!(push("c", Class::Droppable, false), Pushed::Dropped);
        assert_eq!(push("d", Class::Reliable, false), Pushed::Soft);
        assert_eq!(push("d", Class::Reliable, true), Pushed::Queued);
        assert_eq!(push("e", Class::Reliable, true), Pushed::Hard);
        assert_eq!(push("f", Class::Keyed(1), false), Pushed::Queued);
        assert_eq!(push("g", Class::Keyed(2), false), Pushed::Dropped);
        let mut names = Vec::new();
        queue.take(usize::MAX, |frame| {
            names.push(String::from_utf8(frame.first.payload().to_vec()).unwrap())
        });
        assert_eq!(names, [r#"42["a"]"#, r#"42["f"]"#, r#"42["d"]"#]);
        assert_eq!(queue.bytes(), 3 * size);
        queue.written(3 * size);
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn a_frame_larger_than_every_mark_passes_an_empty_queue() {
        let mut queue = Queue::default();
        let big = Frame::event_json("/", "big", &"1".repeat(100));
        assert_eq!(
            queue.push(&big, Class::Reliable, Marks { soft: 1, hard: 1 }, false),
            Pushed::Queued
        );
    }
}
