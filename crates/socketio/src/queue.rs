//! What waits to be sent to one client, bounded in bytes.

use std::{
    collections::{HashMap, VecDeque},
    io::IoSlice,
};

use bytes::Bytes;

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

/// What a frame takes beside its bytes, if no other queue shares it. Frames that are shorter count for this much.
pub(crate) const ENTRY_BYTES: usize = size_of::<Entry>() + Frame::HEAD_BYTES;

/// A list with room for so many frames is not made shorter.
const MIN_CAPACITY: usize = 32;

/// What a key in the index takes: it is never less than half full.
const KEY_BYTES: usize = 3 * size_of::<(u64, u64)>();

/// Up to so many entries are searched for a key; a longer queue has an index of its keys.
const SEARCHED: usize = 32;

/// A queue of frames. Takes no memory while it is empty.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    /// How many entries have left since the queue was empty: the number of the first one.
    left: u64,
    /// The number of the entry of each key, once the queue was long.
    #[expect(
        clippy::box_collection,
        reason = "a word for each idle connection, not six"
    )]
    keys: Option<Box<HashMap<u64, u64>>>,
    /// Bytes that wait here or were taken and are not written yet.
    bytes: usize,
    /// Bytes of the first frame that are out already: it stays first and whole.
    begun: usize,
    /// Bytes of what the protocol itself had to say since the queue was empty.
    said: usize,
}

impl Queue {
    /// What waits, or was taken and is not written yet. Many short frames count by the memory that they take.
    pub(crate) fn bytes(&self) -> usize {
        let keys = self.keys.as_ref().map_or(0, |keys| keys.len());
        let entries = self.entries.len() * ENTRY_BYTES + keys * KEY_BYTES;
        self.bytes.max(entries)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
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
        if let Class::Keyed(key) = class
            && let Some(at) = self.find(key)
            && let Some(old) = self.entries.get_mut(at)
        {
            self.bytes = (self.bytes + size).saturating_sub(old.frame.size_bytes());
            old.frame = frame.clone();
            return Pushed::Queued;
        }
        let bytes = self.bytes();
        let full = |mark: usize| bytes > 0 && bytes + size > mark;
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

    /// Where the newest entry of a key stands, if it may still be replaced. Takes the same time in a long queue as in a
    /// short one: a peer that does not read must not make its owner's work grow.
    fn find(&self, key: u64) -> Option<usize> {
        let begun = usize::from(self.begun > 0);
        let at = match &self.keys {
            Some(keys) => usize::try_from(keys.get(&key)? - self.left).ok(),
            None => self
                .entries
                .iter()
                .rposition(|entry| entry.class == Class::Keyed(key)),
        };
        at.filter(|at| *at >= begun)
    }

    /// Notes an entry that is about to be queued.
    fn index(&mut self, class: Class) {
        if self.keys.is_none() && self.entries.len() >= SEARCHED {
            let numbered = (self.left..).zip(&self.entries);
            let keys = numbered.filter_map(|(number, entry)| match entry.class {
                Class::Keyed(key) => Some((key, number)),
                _ => None,
            });
            self.keys = Some(Box::new(keys.collect()));
        }
        if let (Some(keys), Class::Keyed(key)) = (&mut self.keys, class) {
            keys.insert(key, self.left + self.entries.len() as u64);
        }
    }

    /// Takes the first entry out.
    fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        if let (Some(keys), Class::Keyed(key)) = (&mut self.keys, entry.class)
            && keys.get(&key) == Some(&self.left)
        {
            keys.remove(&key);
        }
        self.left += 1;
        Some(entry)
    }

    /// Queues what the protocol itself has to say. Answers false when that alone would pass the hard mark: the peer goes
    /// on asking and does not read the answers.
    pub(crate) fn push_protocol(&mut self, frame: Frame, marks: Marks) -> bool {
        self.said += frame.size_bytes().max(ENTRY_BYTES);
        if self.said > marks.hard && !self.entries.is_empty() {
            return false;
        }
        self.push_always(Entry {
            frame,
            class: Class::Reliable,
        });
        true
    }

    /// Queues what was bounded before.
    pub(crate) fn push_always(&mut self, entry: Entry) {
        self.bytes += entry.frame.size_bytes();
        self.index(entry.class);
        self.entries.push_back(entry);
    }

    /// Takes whole frames from the front, at least one and then up to `max_bytes`. They count until
    /// [`Queue::written`] says they are gone.
    pub(crate) fn take(&mut self, max_bytes: usize, mut each: impl FnMut(Frame)) {
        let mut taken = 0;
        while taken < max_bytes {
            let Some(entry) = self.pop() else {
                break;
            };
            taken += entry.frame.size_bytes();
            each(entry.frame);
        }
        self.shrink();
    }

    fn emptied(&mut self) {
        self.entries = VecDeque::new();
        self.keys = None;
        self.left = 0;
        self.said = 0;
    }

    /// As [`Queue::take`] for a WebSocket: answers the bytes of the frames, without those that are out already.
    pub(crate) fn take_bytes(&mut self, max_bytes: usize, mut each: impl FnMut(Bytes)) {
        let mut skip = std::mem::take(&mut self.begun);
        self.take(max_bytes, |frame| {
            for part in frame.parts() {
                let skipped = skip.min(part.bytes.len());
                skip -= skipped;
                if skipped < part.bytes.len() {
                    each(part.bytes.slice(skipped..));
                }
            }
        });
    }

    /// What waits, if it is one piece: most often it is.
    pub(crate) fn only(&self) -> Option<&[u8]> {
        if self.entries.len() != 1 {
            return None;
        }
        let frame = &self.entries.front()?.frame;
        if frame.attachments().is_empty() {
            frame.first().bytes.get(self.begun..)
        } else {
            None
        }
    }

    /// What is at the front, for one write. Answers how many of the slices are filled.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut skip = self.begun;
        let parts = self.entries.iter().flat_map(|entry| entry.frame.parts());
        let mut rest = parts.filter_map(|part| {
            let skipped = skip.min(part.bytes.len());
            skip -= skipped;
            part.bytes.get(skipped..).filter(|bytes| !bytes.is_empty())
        });
        let mut count = 0;
        for (slice, bytes) in slices.iter_mut().zip(&mut rest) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        count
    }

    /// Bytes from the front have left without being taken.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.written(bytes);
        self.begun += bytes;
        while let Some(first) = self.entries.front() {
            let size = first.frame.size_bytes();
            if self.begun < size {
                return;
            }
            self.begun -= size;
            self.pop();
            self.shrink();
        }
        self.begun = 0;
        self.emptied();
    }

    /// Withdraws what waits at the end, given newest first, up to the first reliable frame that is another. A frame that
    /// is partly out stays. Answers how many those were.
    pub(crate) fn withdraw<'f>(
        &mut self,
        newest_first: impl IntoIterator<Item = &'f Frame>,
    ) -> usize {
        let first = usize::from(self.begun > 0);
        let (mut at, mut taken) = (self.entries.len(), 0);
        'frames: for frame in newest_first {
            loop {
                let before = at.checked_sub(1).filter(|before| *before >= first);
                let entry = before.and_then(|before| self.entries.get(before));
                let Some(entry) = entry else { break 'frames };
                at -= 1;
                if entry.frame.is(frame) {
                    self.bytes = self.bytes.saturating_sub(frame.size_bytes());
                    self.entries.remove(at);
                    taken += 1;
                    break;
                }
                if entry.class == Class::Reliable {
                    break 'frames;
                }
            }
        }
        if taken > 0 {
            // Others have moved; the next push numbers them anew.
            self.keys = None;
        }
        self.shrink();
        taken
    }

    /// Gives back the memory of a list that was much longer.
    fn shrink(&mut self) {
        let len = self.entries.len();
        if len == 0 {
            self.emptied();
        } else if self.entries.capacity() > (4 * len).max(MIN_CAPACITY) {
            self.entries.shrink_to(2 * len);
        }
    }

    /// Bytes of taken frames have left.
    pub(crate) fn written(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Throws away what waits, but for a frame that is partly out.
    pub(crate) fn clear(&mut self) {
        let begun = self.entries.pop_front().filter(|_| self.begun > 0);
        self.emptied();
        self.bytes = 0;
        if let Some(entry) = begun {
            self.bytes = entry.frame.size_bytes() - self.begun;
            self.entries.push_back(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_meets_a_full_queue_in_its_own_way() {
        let padding = format!("\"{}\"", "x".repeat(100));
        let frame = |text: &str| Frame::event_json("/", text, &padding);
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
            names.push(char::from(frame.first().payload()[4]));
        });
        assert_eq!(names, ['a', 'f', 'd']);
        assert_eq!(queue.bytes(), 3 * size);
        queue.written(3 * size);
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn a_frame_that_is_partly_out_stays_first_and_whole() {
        let padding = format!("\"{}\"", "x".repeat(200));
        let frame = |text: &str| Frame::event_json("/", text, &padding);
        let size = frame("a").size_bytes();
        let marks = Marks {
            soft: 1000,
            hard: 1000,
        };
        let bytes = |queue: &mut Queue| {
            let mut bytes = Vec::new();
            queue.take_bytes(usize::MAX, |part| bytes.extend_from_slice(&part));
            bytes
        };
        let mut queue = Queue::default();
        for name in ["a", "b"] {
            queue.push(&frame(name), Class::Keyed(1), marks, false);
            queue.advance(3 * usize::from(name == "a"));
        }
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(queue.slices(&mut slices), 2);
        assert!(queue.only().is_none());
        let first = frame("a").first().bytes.clone();
        assert_eq!((&*slices[0], slices[1].len()), (&first[3..], size));
        queue.advance(size);
        assert_eq!(queue.bytes(), size - 3);
        queue.clear();
        assert_eq!(queue.bytes(), size - 3);
        assert_eq!(queue.only(), frame("b").first().bytes.get(3..));
        assert_eq!(bytes(&mut queue), frame("b").first().bytes[3..]);
        queue.written(size - 3);
        queue.push(&frame("c"), Class::Reliable, marks, false);
        queue.clear();
        assert!(queue.is_empty() && queue.bytes() == 0);
    }

    /// The same in a queue that is searched and in one that has an index.
    #[test]
    fn the_newest_of_a_key_wins_in_a_queue_of_any_length() {
        let marks = Marks {
            soft: 1 << 20,
            hard: 1 << 20,
        };
        let frame = |text: &str| Frame::event_json("/", text, "1");
        for others in [1, SEARCHED - 2, SEARCHED - 1, SEARCHED, 10 * SEARCHED] {
            let mut queue = Queue::default();
            let push = |queue: &mut Queue, name: &str, class| {
                assert_eq!(
                    queue.push(&frame(name), class, marks, false),
                    Pushed::Queued
                );
            };
            push(&mut queue, "first", Class::Keyed(7));
            for other in 0..others {
                push(&mut queue, "other", Class::Keyed(1_000 + other as u64));
            }
            push(&mut queue, "again", Class::Keyed(7));
            assert_eq!(queue.entries.len(), others + 1);
            // What is partly out is not replaced, and its successor is.
            queue.advance(1);
            push(&mut queue, "later", Class::Keyed(7));
            push(&mut queue, "last", Class::Keyed(7));
            assert_eq!(queue.entries.len(), others + 2);
            // Nor is what has left.
            queue.advance(frame("again").size_bytes() - 1);
            push(&mut queue, "newest", Class::Keyed(7));
            let mut names = Vec::new();
            queue.take(usize::MAX, |frame| {
                let text = String::from_utf8(frame.first().payload().to_vec()).unwrap();
                names.push(text);
            });
            assert_eq!(names.len(), others + 1);
            assert_eq!(names.last().map(String::as_str), Some("42[\"newest\",1]"));
            assert!(queue.keys.is_none() && queue.left == 0);
        }
    }

    #[test]
    fn an_index_is_right_after_any_part_of_the_queue_has_left() {
        let marks = Marks {
            soft: 1 << 20,
            hard: 1 << 20,
        };
        let frame = Frame::event_json("/", "a", "1");
        let mut queue = Queue::default();
        let mut state = 1u64;
        for _ in 0..20_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            match state >> 60 {
                0 => {
                    let mut bytes = 0;
                    queue.take_bytes(3 * frame.size_bytes(), |part| bytes += part.len());
                    queue.written(bytes);
                }
                1 => queue.advance(frame.size_bytes().min(queue.bytes)),
                2 if state >> 50 & 63 == 0 => queue.clear(),
                2 if state >> 50 & 63 == 1 => _ = queue.withdraw([&frame, &frame, &frame]),
                3 => _ = queue.push(&frame, Class::Reliable, marks, true),
                _ => _ = queue.push(&frame, Class::Keyed(state >> 40 & 255), marks, true),
            }
            for key in [0, 1, 2, 3, state >> 40 & 255] {
                let class = Class::Keyed(key);
                let begun = usize::from(queue.begun > 0);
                let searched = queue.entries.iter().rposition(|entry| entry.class == class);
                assert_eq!(queue.find(key), searched.filter(|at| *at >= begun));
            }
        }
    }

    #[test]
    fn what_waits_at_the_end_is_withdrawn_and_the_rest_stays() {
        let frames: Vec<Frame> = (0..100)
            .map(|number| Frame::event_json("/", "e", &number.to_string()))
            .collect();
        let marks = Marks {
            soft: 1 << 20,
            hard: 1 << 20,
        };
        let mut queue = Queue::default();
        let other = Frame::event_json("/", "other", "");
        for frame in &frames {
            queue.push(frame, Class::Reliable, marks, false);
            queue.push(&other, Class::Droppable, marks, false);
        }
        queue.advance(3);
        let capacity = queue.entries.capacity();
        assert_eq!(queue.withdraw(frames[..99].iter().rev()), 0, "not the end");
        assert_eq!(queue.withdraw(frames[90..].iter().rev()), 10);
        queue.push(&other, Class::Reliable, marks, false);
        assert_eq!(queue.withdraw(frames[..90].iter().rev()), 0);
        queue.entries.pop_back();
        assert_eq!(
            queue.withdraw(frames.iter().rev().skip(10)),
            89,
            "one is begun"
        );
        assert_eq!(queue.entries.len(), 101);
        queue.entries.retain(|entry| entry.class == Class::Reliable);
        assert_eq!(queue.withdraw(&[]), 0);
        assert_eq!(queue.only(), frames[0].first().bytes.get(3..));
        assert!(queue.entries.capacity() < capacity / 4);
    }

    #[test]
    fn short_frames_count_by_the_memory_they_take() {
        let frame = Frame::event_json("/", "a", "");
        let marks = Marks {
            soft: 10 * ENTRY_BYTES,
            hard: 20 * ENTRY_BYTES,
        };
        let mut queue = Queue::default();
        let mut queued = 0;
        while queue.push(&frame, Class::Reliable, marks, true) == Pushed::Queued {
            queued += 1;
        }
        assert_eq!((queued, queue.bytes()), (20, 20 * ENTRY_BYTES));
        assert!(frame.size_bytes() * queued < marks.soft);
        assert_eq!(
            queue.push(&frame, Class::Droppable, marks, false),
            Pushed::Dropped
        );
        queue.take(usize::MAX, drop);
        assert_eq!(queue.bytes(), queued * frame.size_bytes());
    }

    #[test]
    fn answers_of_the_protocol_that_nobody_reads_are_bounded() {
        let marks = Marks {
            soft: 5 * ENTRY_BYTES,
            hard: 10 * ENTRY_BYTES,
        };
        let mut queue = Queue::default();
        for _ in 0..2 {
            let big = Frame::event_json("/", "big", &"1".repeat(100 * ENTRY_BYTES));
            queue.push(&big, Class::Reliable, marks, false);
            assert!((0..10).all(|_| queue.push_protocol(Frame::ping(), marks)));
            assert!(!queue.push_protocol(Frame::ping(), marks));
            queue.take(usize::MAX, drop);
        }
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
