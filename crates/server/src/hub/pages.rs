//! Pages of the log that were read lately: after a restart the ring is empty, and all who come back want the same ones.
//!
//! A page is read and encoded once, also if many want it at the same moment, and its frames are shared. Bounded by
//! bytes, oldest first. A page stays right though more comes after it, or it is pruned from the log meanwhile.

use super::lock;
use socketio::Stamped;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex};
use tokio::sync::OnceCell;

/// How many bytes of frames are kept.
const MAX_BYTES: usize = 4 << 20;
/// How many pages are kept, those that are being read included.
const MAX_PAGES: usize = 1_024;

/// One event of a page.
#[derive(Debug, Clone)]
pub struct Paged {
    /// Its number in the room.
    pub seq: i64,
    /// The event, encoded.
    pub frame: Stamped,
}

/// A room, and the number after which the page begins.
type Key = (Arc<str>, i64);
type Page = Arc<[Paged]>;

/// See the module.
#[derive(Default)]
pub struct Pages(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    pages: HashMap<Key, Kept>,
    order: VecDeque<Key>,
    bytes: usize,
}

/// A page that is here, or is being read.
#[derive(Default)]
struct Kept {
    cell: Arc<OnceCell<Page>>,
    /// What it counts for.
    bytes: usize,
}

impl Pages {
    /// A page, read if it is not here. One without events is not kept: there will be some.
    pub async fn get<E>(
        &self,
        key: Key,
        read: impl Future<Output = Result<Page, E>>,
    ) -> Result<Page, E> {
        let cell = lock(&self.0).cell(&key);
        let mut is_mine = false;
        let reading = async {
            is_mine = true;
            read.await
        };
        let page = cell.get_or_try_init(|| reading).await?.clone();
        if is_mine {
            lock(&self.0).filled(&key, &cell, &page);
        }
        Ok(page)
    }
}

impl Shelf {
    fn cell(&mut self, key: &Key) -> Arc<OnceCell<Page>> {
        if let Some(kept) = self.pages.get(key) {
            return kept.cell.clone();
        }
        let kept = Kept::default();
        let cell = kept.cell.clone();
        self.pages.insert(key.clone(), kept);
        self.order.push_back(key.clone());
        if self.order.len() > MAX_PAGES {
            self.forget_oldest();
        }
        cell
    }

    fn filled(&mut self, key: &Key, cell: &Arc<OnceCell<Page>>, page: &Page) {
        let kept = self.pages.get_mut(key);
        let Some(kept) = kept.filter(|kept| Arc::ptr_eq(&kept.cell, cell)) else {
            return;
        };
        if page.is_empty() {
            self.pages.remove(key);
            self.order.retain(|other| other != key);
            return;
        }
        let frames = page.iter().map(|event| event.frame.frame().size_bytes());
        kept.bytes = frames.sum();
        self.bytes += kept.bytes;
        while self.bytes > MAX_BYTES {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.order.pop_front();
        if let Some(kept) = oldest.and_then(|key| self.pages.remove(&key)) {
            self.bytes -= kept.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socketio::Frame;
    use std::convert::Infallible;

    fn page(seqs: &[i64], bytes: usize) -> Page {
        let one = |seq: &i64| Paged {
            seq: *seq,
            frame: Stamped::new(Frame::event_json("/", "e", &"1".repeat(bytes)), ""),
        };
        seqs.iter().map(one).collect()
    }

    async fn seqs(pages: &Pages, after: i64, read: impl Future<Output = Page>) -> Vec<i64> {
        let read = async { Ok::<_, Infallible>(read.await) };
        let page = pages.get(("a".into(), after), read).await.unwrap();
        page.iter().map(|event| event.seq).collect()
    }

    #[tokio::test]
    async fn a_page_is_read_once_for_all_who_want_it() {
        let pages = Pages::default();
        let (opened, gate) = tokio::sync::oneshot::channel::<()>();
        let first = seqs(&pages, 0, async {
            gate.await.unwrap();
            page(&[1, 2], 10)
        });
        let second = seqs(&pages, 0, async { unreachable!("it is read already") });
        let open = async { opened.send(()).unwrap() };
        let (first, second, ()) = tokio::join!(first, second, open);
        assert_eq!((first, second), (vec![1, 2], vec![1, 2]));
        let later = seqs(&pages, 0, async { unreachable!("it is here") });
        assert_eq!(later.await, [1, 2]);
    }

    #[tokio::test]
    async fn a_page_without_events_is_read_again_and_the_others_are_bounded_in_bytes() {
        let pages = Pages::default();
        assert!(seqs(&pages, 0, async { page(&[], 0) }).await.is_empty());
        assert_eq!(seqs(&pages, 0, async { page(&[1], 10) }).await, [1]);
        for after in 1..=5 {
            let large = async { page(&[after + 1], MAX_BYTES / 4) };
            assert_eq!(seqs(&pages, after, large).await, [after + 1]);
        }
        let again = async { page(&[7], 10) };
        assert_eq!(seqs(&pages, 0, again).await, [7], "it was the oldest");
        let here = async { unreachable!("it is here") };
        assert_eq!(seqs(&pages, 5, here).await, [6]);
        let shelf = lock(&pages.0);
        assert!(shelf.bytes <= MAX_BYTES && shelf.order.len() == shelf.pages.len());
    }
}
