//! The network between clients and server: a TCP proxy that delays, splits, drops, mutes, slows and cuts.
//!
//! Every connection is a [`Link`] that a fault can take by its index. The server may come and go behind it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::rng::Rng;

/// What the kernel may hold of the way down, so that a slow reader is felt by the server soon.
const DOWN_BUFFER: u32 = 8 * 1024;
/// A slow link moves so many bytes four times a second: 1 KB/s.
const SLOW_BYTES: usize = 256;
const SLOW_EVERY: Duration = Duration::from_millis(250);

/// What happens to all links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// Each chunk waits up to so long, in milliseconds.
    pub delay_ms: u64,
    /// Chunks are cut into pieces of a few bytes.
    pub splits: bool,
    /// So many of a thousand chunks are dropped, and the connection with them.
    pub drops: u64,
}

/// One connection.
#[derive(Default)]
pub struct Link {
    is_muted: Cell<bool>,
    is_slow: Cell<bool>,
    is_cut: Cell<bool>,
    changed: Notify,
    /// Bytes that came from the server.
    down: Cell<u64>,
}

impl Link {
    /// Ends it, with whatever is under way.
    pub fn cut(&self) {
        self.is_cut.set(true);
        self.changed.notify_waiters();
    }

    /// Half-open: nothing passes in either direction, and nobody is told.
    pub fn mute(&self) {
        self.is_muted.set(true);
        self.changed.notify_waiters();
    }

    /// The client reads 1 KB/s from now on, or as it likes again.
    pub fn slow(&self, is_slow: bool) {
        self.is_slow.set(is_slow);
        self.changed.notify_waiters();
    }
}

/// The proxy; it lives as long as its task.
pub struct Proxy {
    /// Where clients connect.
    pub address: SocketAddr,
    server: SocketAddr,
    weather: Cell<Weather>,
    links: RefCell<BTreeMap<u64, Rc<Link>>>,
    rng: RefCell<Rng>,
}

impl Proxy {
    /// Listens on a free port and passes everything on to `server`.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(server: SocketAddr, rng: Rng) -> Result<Rc<Proxy>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let proxy = Rc::new(Proxy {
            address: listener.local_addr()?,
            server,
            weather: Cell::default(),
            links: RefCell::default(),
            rng: RefCell::new(rng),
        });
        let accepting = Rc::downgrade(&proxy);
        tokio::task::spawn_local(async move {
            let mut number = 0_u64;
            while let Ok((client, _)) = listener.accept().await {
                let Some(proxy) = accepting.upgrade() else {
                    return;
                };
                number += 1;
                tokio::task::spawn_local(proxy.carry(number, client));
            }
        });
        Ok(proxy)
    }

    /// Changes what happens to every link.
    pub fn set_weather(&self, weather: Weather) {
        self.weather.set(weather);
    }

    /// The links that are open, in the order they came.
    #[must_use]
    pub fn links(&self) -> Vec<Rc<Link>> {
        self.links.borrow().values().cloned().collect()
    }

    /// The links that carried most, which are sockets and not requests.
    #[must_use]
    pub fn busiest(&self, count: usize) -> Vec<Rc<Link>> {
        let mut links = self.links();
        links.sort_by_key(|link| std::cmp::Reverse(link.down.get()));
        links.truncate(count);
        links
    }

    async fn carry(self: Rc<Proxy>, number: u64, client: TcpStream) {
        let Ok(server) = self.dial().await else {
            return; // the client finds its connection closed
        };
        // Small pieces are the point: nothing may be joined again on its way.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let link = Rc::new(Link::default());
        self.links.borrow_mut().insert(number, link.clone());
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let up = self.pump(&link, from_client, to_server, false);
        let down = self.pump(&link, from_server, to_client, true);
        tokio::select! {
            () = async { tokio::join!(up, down); } => {}
            () = until_cut(&link) => {}
        }
        self.links.borrow_mut().remove(&number);
    }

    async fn dial(&self) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(DOWN_BUFFER)?;
        socket.connect(self.server).await
    }

    /// Moves bytes one way until either side ends; what was taken is dropped with the link when it is cut.
    async fn pump(
        &self,
        link: &Rc<Link>,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        is_down: bool,
    ) {
        let mut buffer = vec![0_u8; 16 * 1024];
        loop {
            while link.is_muted.get() {
                link.changed.notified().await;
            }
            let is_slow = is_down && link.is_slow.get();
            if is_slow {
                sleep(SLOW_EVERY).await;
            }
            let most = if is_slow { SLOW_BYTES } else { buffer.len() };
            let count = match from.read(&mut buffer[..most]).await {
                Ok(count @ 1..) => count,
                _ => break,
            };
            if link.is_muted.get() {
                continue; // lost on its way, as with a cable that was pulled
            }
            if is_down {
                link.down.set(link.down.get() + count as u64);
            }
            if self.pass(link, &buffer[..count], &mut to).await.is_err() {
                break;
            }
        }
        // The other direction may still have something to say.
        let _ = to.shutdown().await;
    }

    async fn pass(
        &self,
        link: &Link,
        bytes: &[u8],
        to: &mut (impl AsyncWrite + Unpin),
    ) -> std::io::Result<()> {
        let weather = self.weather.get();
        if weather == Weather::default() {
            return to.write_all(bytes).await;
        }
        let draw = |to: u64| self.rng.borrow_mut().between(0, to);
        if draw(999) < weather.drops {
            link.cut();
            return Ok(());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            if weather.delay_ms > 0 {
                sleep(Duration::from_millis(draw(weather.delay_ms))).await;
            }
            let most = if weather.splits {
                // A few tiny pieces, then the rest: a frame is cut in its header and in its middle.
                let tiny = usize::try_from(draw(6)).unwrap_or(0) + 1;
                if draw(3) == 0 { rest.len() } else { tiny }
            } else {
                rest.len()
            };
            let (now, later) = rest.split_at(most.min(rest.len()));
            to.write_all(now).await?;
            rest = later;
        }
        Ok(())
    }
}

async fn until_cut(link: &Link) {
    while !link.is_cut.get() {
        link.changed.notified().await;
    }
}
