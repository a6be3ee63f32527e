//! Many connections on one thread, with the one count that matters: how many events of one name arrived, and how late.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, bail};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use crate::connection::{Connection, Endpoint};

const CONNECTING_AT_ONCE: usize = 32;
const SCRATCH_BYTES: usize = 64 * 1024;
/// One connection in so many reads the time in what it gets; all of them count.
const SAMPLE_EVERY: usize = 8;
const STAMP_MARK: &[u8] = b"t~";
const COMMIT_MARK: &[u8] = b"\"at\":";
const STAMP_DIGITS: usize = 16;
const ACK: &[u8] = b"43";

/// Open connections that are being listened to.
pub struct Crowd {
    connections: Vec<Rc<Connection>>,
    listeners: Vec<JoinHandle<()>>,
    counts: Rc<Counts>,
    epoch: Instant,
}

#[derive(Default)]
struct Counts {
    deliveries: Cell<u64>,
    bytes: Cell<u64>,
    acks: Cell<usize>,
    lost: Cell<usize>,
    latencies_us: RefCell<Vec<u32>>,
    since_commit_ms: RefCell<Vec<u32>>,
    awaited: Cell<u64>,
    reached: Notify,
}

impl Crowd {
    /// Opens one connection for each auth object and listens for events called `event`.
    ///
    /// # Errors
    /// If any connection cannot be opened.
    pub async fn gather(endpoint: &Endpoint, auths: Vec<Value>, event: &str) -> Result<Self> {
        let opening = auths
            .into_iter()
            .enumerate()
            .map(|(index, auth)| async move {
                Connection::open(endpoint, &auth, index).await.map(Rc::new)
            });
        let connections: Vec<_> = stream::iter(opening)
            .buffer_unordered(CONNECTING_AT_ONCE)
            .try_collect()
            .await?;
        Ok(Self::listening(connections, event))
    }

    /// Listens to connections that are open.
    #[must_use]
    pub fn of(connections: Vec<Connection>, event: &str) -> Self {
        Self::listening(connections.into_iter().map(Rc::new).collect(), event)
    }

    fn listening(connections: Vec<Rc<Connection>>, event: &str) -> Self {
        let scratch = Rc::new(RefCell::new(vec![0; SCRATCH_BYTES]));
        let prefix: Rc<[u8]> = format!("42[\"{event}\"").into_bytes().into();
        let (counts, epoch) = (Rc::new(Counts::default()), Instant::now());
        let listeners = connections.iter().enumerate().map(|(index, connection)| {
            let (connection, scratch) = (Rc::clone(connection), Rc::clone(&scratch));
            let (counts, prefix) = (Rc::clone(&counts), Rc::clone(&prefix));
            let is_sampled = index % SAMPLE_EVERY == 0;
            spawn_local(async move {
                let ended = connection.listen(&scratch, |packet, bytes| {
                    if packet.starts_with(&prefix) {
                        counts.delivered(packet, bytes, is_sampled.then_some(epoch));
                    } else if packet.starts_with(ACK) {
                        counts.acked();
                    }
                });
                let _how = ended.await;
                counts.lost.set(counts.lost.get() + 1);
            })
        });
        let listeners = listeners.collect();
        Self {
            connections,
            listeners,
            counts,
            epoch,
        }
    }

    /// How many were opened.
    #[must_use]
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether none was opened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// How many the server has closed since.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.counts.lost.get()
    }

    /// Events delivered so far, over all connections.
    #[must_use]
    pub fn deliveries(&self) -> u64 {
        self.counts.deliveries.get()
    }

    /// Bytes of their payload on the way: compressed, where they were.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.counts.bytes.get()
    }

    /// The present time as a text of 18 characters, found again in what comes back.
    #[must_use]
    pub fn stamp(&self) -> String {
        format!("t~{:016x}", self.epoch.elapsed().as_nanos() as u64)
    }

    /// Sends packets in one write on one of the connections, counted round and round.
    ///
    /// # Errors
    /// If that connection is gone.
    pub async fn send(&self, index: usize, packets: &[String]) -> Result<()> {
        self.connections[index % self.connections.len()]
            .send(packets)
            .await
    }

    /// Sends `packet`, which asks for an ack, on every connection, and waits until all are acked.
    ///
    /// # Errors
    /// If a connection is gone or an ack does not come in time.
    pub async fn ask_all(&self, packet: &str, at_most: Duration) -> Result<()> {
        let due = self.counts.acks.get() + self.len();
        for connection in &self.connections {
            connection.send(&[packet.to_owned()]).await?;
        }
        let acked = async {
            while self.counts.acks.get() < due {
                self.counts.reached.notified().await;
            }
        };
        if timeout(at_most, acked).await.is_err() {
            bail!("{} acks did not come", due - self.counts.acks.get());
        }
        Ok(())
    }

    /// Waits until so many events were delivered in all; false if they did not come in time.
    pub async fn until(&self, deliveries: u64, at_most: Duration) -> bool {
        self.counts.awaited.set(deliveries);
        let reached = async {
            while self.deliveries() < deliveries {
                self.counts.reached.notified().await;
            }
        };
        timeout(at_most, reached).await.is_ok()
    }

    /// How long after the commit that the event names (`at`) it was read, sampled since the last call, in milliseconds
    /// rounded up.
    #[must_use]
    pub fn take_since_commit_ms(&self) -> Vec<u32> {
        std::mem::take(&mut self.counts.since_commit_ms.borrow_mut())
    }

    /// The latencies sampled since the last call, in microseconds.
    #[must_use]
    pub fn take_latencies_us(&self) -> Vec<u32> {
        std::mem::take(&mut self.counts.latencies_us.borrow_mut())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
    }
}

impl Counts {
    fn acked(&self) {
        self.acks.set(self.acks.get() + 1);
        self.reached.notify_one();
    }

    fn delivered(&self, packet: &[u8], bytes: usize, sampled_since: Option<Instant>) {
        self.deliveries.set(self.deliveries.get() + 1);
        self.bytes.set(self.bytes.get() + bytes as u64);
        if let Some((epoch, sent_ns)) = sampled_since.zip(stamp_in(packet)) {
            let late_ns = (epoch.elapsed().as_nanos() as u64).saturating_sub(sent_ns);
            self.latencies_us
                .borrow_mut()
                .push(u32::try_from(late_ns / 1000).unwrap_or(u32::MAX));
            if let Some(at_ms) = commit_in(packet) {
                let late_ms = (now_ms() + 1).saturating_sub(at_ms);
                self.since_commit_ms
                    .borrow_mut()
                    .push(u32::try_from(late_ms).unwrap_or(u32::MAX));
            }
        }
        if self.deliveries.get() >= self.awaited.get() {
            self.reached.notify_one();
        }
    }
}

/// Milliseconds since 1970, rounded down as the server's `at` is.
fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_millis() as u64)
}

/// The time of its commit, which every numbered event carries.
fn commit_in(packet: &[u8]) -> Option<u64> {
    let start = packet
        .windows(COMMIT_MARK.len())
        .rposition(|part| part == COMMIT_MARK)?
        + COMMIT_MARK.len();
    let digits = packet
        .get(start..)?
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let digits: Vec<u8> = digits.copied().collect();
    String::from_utf8(digits).ok()?.parse().ok()
}

fn stamp_in(packet: &[u8]) -> Option<u64> {
    let start = packet
        .windows(STAMP_MARK.len())
        .position(|two| two == STAMP_MARK)?
        + STAMP_MARK.len();
    let digits = std::str::from_utf8(packet.get(start..start + STAMP_DIGITS)?).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{commit_in, stamp_in};

    #[test]
    fn a_stamp_is_found_again_in_an_event() {
        assert_eq!(
            stamp_in(br#"42["e",{"t":"t~00000000000000ff"}]"#),
            Some(255)
        );
        assert_eq!(stamp_in(br#"42["e",{"t":"t~00"}]"#), None);
        assert_eq!(stamp_in(b"42[]"), None);
        assert_eq!(
            commit_in(br#"42["e",{"room":"a","at":17639,"b":1}]"#),
            Some(17639)
        );
        assert_eq!(commit_in(b"42[]"), None);
    }
}
