//! One Socket.IO connection over WebSocket, opened by hand and then listened to with as little work as possible.

use std::cell::RefCell;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpSocket, TcpStream};

use crate::frame::{self, Frame};
use crate::inflate::inflated;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
/// Far fewer than the 14,116 ports Linux gives to sockets that are bound, as some still wait for their end.
const PORTS_PER_ADDRESS: usize = 4000;
/// The least that Linux takes.
const NARROW_BYTES: u32 = 4096;
/// Names what most servers can agree to: a message depends on no other.
const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; \
                       server_no_context_takeover\r\n";
/// 127.0.0.1 is left to connections that do not spread.
const FIRST_NETWORK: u32 = 1;
const NETWORKS: u32 = 250;

/// An open connection: CONNECT was answered.
pub struct Connection {
    /// After how long without a sign of life the server takes us for gone: its `pingInterval` and `pingTimeout`.
    pub heartbeat: Duration,
    stream: TcpStream,
    /// Bytes of a frame that is not complete yet.
    rest: RefCell<Vec<u8>>,
}

/// Where and as whom to connect.
#[derive(Clone)]
pub struct Endpoint {
    /// The server.
    pub address: SocketAddr,
    /// Path of the Engine.IO endpoint, ending in a slash.
    pub path: String,
    /// Whether connections leave from several loopback addresses, because one has too few ports for them, and the number
    /// of the crowd. A crowd that comes when another has just gone takes addresses of its own: a port rests for a minute
    /// after its use, and where most of them rest, the system looks for a free one long enough to be measured.
    pub spread: Option<u8>,
    /// Whether to offer permessage-deflate.
    pub deflates: bool,
}

impl Endpoint {
    /// Connections leave from addresses that no others of this process have used.
    pub fn spread_anew(&mut self) {
        static CROWDS: AtomicU8 = AtomicU8::new(1);
        self.spread = Some(CROWDS.fetch_add(1, Ordering::Relaxed));
    }
}

impl Connection {
    /// Opens a WebSocket, waits for Engine.IO's OPEN, sends CONNECT with `auth` and waits for its answer. `index` counts
    /// the connections and decides where one leaves from.
    ///
    /// # Errors
    /// If the server does not upgrade, refuses CONNECT, or hangs up before.
    pub async fn open(endpoint: &Endpoint, auth: &Value, index: usize) -> Result<Self> {
        Self::open_as(endpoint, auth, index, false).await
    }

    /// As [`Connection::open`]; of one that is narrow the system holds little while it is not read.
    ///
    /// # Errors
    /// As there.
    pub async fn open_as(
        endpoint: &Endpoint,
        auth: &Value,
        index: usize,
        is_narrow: bool,
    ) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if is_narrow {
            socket.set_recv_buffer_size(NARROW_BYTES)?;
        }
        if let Some(crowd) = endpoint.spread {
            let address = own_address(crowd, index)?;
            let bound = socket.bind(SocketAddr::new(address.into(), 0));
            bound.with_context(|| format!("no port is free at {address}"))?;
        }
        let mut stream = socket
            .connect(endpoint.address)
            .await
            .context("the server does not answer")?;
        stream.set_nodelay(true)?;
        let Endpoint { address, path, .. } = endpoint;
        let extensions = match endpoint.deflates {
            true => DEFLATE,
            false => "",
        };
        let request = format!(
            "GET {path}?EIO=4&transport=websocket HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extensions}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            read_more(&mut stream, &mut bytes).await?;
        };
        if !bytes.starts_with(b"HTTP/1.1 101") {
            bail!(
                "no upgrade: {}",
                String::from_utf8_lossy(&bytes[..end.min(200)])
            );
        }
        bytes.drain(..end);
        stream.write_all(&frame::text(&format!("40{auth}"))).await?;
        let mut heartbeat = Duration::ZERO;
        while !next_is_connect(&mut bytes, &mut heartbeat)? {
            read_more(&mut stream, &mut bytes).await?;
        }
        Ok(Self {
            heartbeat,
            stream,
            rest: RefCell::new(bytes),
        })
    }

    /// Sends text packets, all in one write.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn send(&self, packets: &[String]) -> Result<()> {
        let bytes: Vec<u8> = packets
            .iter()
            .flat_map(|packet| frame::text(packet))
            .collect();
        let mut sent = 0;
        while sent < bytes.len() {
            self.stream.writable().await?;
            match self.stream.try_write(&bytes[sent..]) {
                Ok(more) => sent += more,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Sends a packet that asks for an ack and reads until that has come; what else comes is thrown away.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn ask(&self, packet: &str) -> Result<()> {
        self.send(&[packet.to_owned()]).await?;
        let mut buffer = vec![0; NARROW_BYTES as usize];
        let mut is_acked = false;
        while !is_acked {
            self.stream.readable().await?;
            match self.stream.try_read(&mut buffer) {
                Ok(0) => bail!("the server hung up"),
                Ok(length) => {
                    let mut see = |packet: &[u8], _| is_acked |= packet.starts_with(b"43");
                    self.consume(&buffer[..length], &mut see)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Hands every text packet to `on_packet`, with its bytes on the way, and answers pings, until the server hangs up.
    ///
    /// `scratch` is shared by all connections of the thread: it is filled and emptied between two awaits.
    ///
    /// # Errors
    /// If the connection breaks or the server sends what it must not.
    pub async fn listen(
        &self,
        scratch: &Rc<RefCell<Vec<u8>>>,
        mut on_packet: impl FnMut(&[u8], usize),
    ) -> Result<()> {
        self.consume(&[], &mut on_packet)?;
        loop {
            self.stream.readable().await?;
            let mut buffer = scratch.borrow_mut();
            let mut length = None;
            // A read that does not fill the buffer has taken all there was. Saying so spares the read that finds nothing:
            // what we cost, the server under test does not get.
            let read = self.stream.try_io(Interest::READABLE, || {
                let read = (&*SockRef::from(&self.stream)).read(&mut buffer)?;
                length = Some(read);
                if (1..buffer.len()).contains(&read) {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(())
            });
            match (length, read) {
                (Some(0), _) => return Ok(()),
                (Some(length), _) => {
                    if self.consume(&buffer[..length], &mut on_packet)? {
                        return Ok(());
                    }
                }
                (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Err(error.into());
                }
                (None, _) => {}
            }
        }
    }

    /// True when the server said goodbye.
    fn consume(&self, bytes: &[u8], on_packet: &mut impl FnMut(&[u8], usize)) -> Result<bool> {
        let mut rest = self.rest.borrow_mut();
        if rest.is_empty() {
            let (used, is_over) = self.packets(bytes, on_packet)?;
            rest.extend(&bytes[used..]);
            return Ok(is_over);
        }
        rest.extend(bytes);
        let (used, is_over) = self.packets(&rest, on_packet)?;
        rest.drain(..used);
        Ok(is_over)
    }

    fn packets(
        &self,
        bytes: &[u8],
        on_packet: &mut impl FnMut(&[u8], usize),
    ) -> Result<(usize, bool)> {
        let mut used = 0;
        while let Some((frame, length)) = frame::first(&bytes[used..])? {
            used += length;
            let Frame {
                opcode,
                is_deflated,
                payload,
            } = frame;
            match (opcode, payload) {
                (TEXT, deflated) if is_deflated => {
                    inflated(deflated, |packet| on_packet(packet, deflated.len()))?;
                }
                (TEXT, b"2") => {
                    // A pong that does not fit means the server reads nothing: it will say so itself.
                    let _sent = self.stream.try_write(&frame::text("3"));
                }
                (TEXT, payload) => on_packet(payload, payload.len()),
                (CLOSE, _) => return Ok((used, true)),
                _ => {}
            }
        }
        Ok((used, false))
    }
}

/// Where one of a crowd leaves from. Processes that run at the same time do not meet, nor do crowds of one process.
fn own_address(crowd: u8, index: usize) -> Result<Ipv4Addr> {
    let network = u8::try_from(FIRST_NETWORK + std::process::id() % NETWORKS)?;
    let host = u8::try_from(1 + index / PORTS_PER_ADDRESS)?;
    Ok(Ipv4Addr::new(127, network, crowd, host))
}

async fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<()> {
    if stream.read_buf(bytes).await? == 0 {
        bail!(
            "the server hung up during the handshake: {}",
            String::from_utf8_lossy(bytes)
        );
    }
    Ok(())
}

/// Drops what comes before CONNECT's answer, but for the times that OPEN names; true once the answer was seen.
fn next_is_connect(bytes: &mut Vec<u8>, heartbeat: &mut Duration) -> Result<bool> {
    while let Some((frame, length)) = frame::first(bytes)? {
        let payload = frame.payload.to_vec();
        bytes.drain(..length);
        if payload.starts_with(b"40") {
            return Ok(true);
        }
        if let Some(open) = payload.strip_prefix(b"0") {
            let open: Value = serde_json::from_slice(open)?;
            let ms = |name: &str| open[name].as_u64().unwrap_or_default();
            *heartbeat = Duration::from_millis(ms("pingInterval") + ms("pingTimeout"));
        }
        if payload.starts_with(b"44") {
            bail!("CONNECT was refused: {}", String::from_utf8_lossy(&payload));
        }
    }
    Ok(false)
}
