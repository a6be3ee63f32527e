//! HTTP requests whose sender may be rude: one connection each, cut where the fault wants it.
//!
//! What matters is what is *known* afterwards: a whole answer, or nothing. Nothing means that the command may have
//! happened or not.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take before the sender takes it for lost.
const PATIENCE: Duration = Duration::from_secs(6);

/// How the sender behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// Waits for the answer.
    Patient,
    /// Sends everything and hangs up without reading.
    HangsUp,
    /// Hangs up in the middle of sending.
    BreaksOff,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// A session's token or an API key; empty for nobody.
    pub token: &'a str,
    /// Sent as `Idempotency-Key`.
    pub key: Option<&'a str>,
    /// The JSON body, if any.
    pub body: Option<&'a Value>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// `Tidings-As-Of`, if it was sent.
    pub as_of: Option<String>,
    /// The body as JSON; null if it is none.
    pub body: Value,
}

/// Which requests have begun and not ended, in the order of their beginning.
#[derive(Debug, Default)]
pub struct Traffic {
    begun: Cell<u64>,
    open: RefCell<BTreeSet<u64>>,
}

/// One request, until what came of it is written down.
pub struct Trip<'a> {
    traffic: &'a Traffic,
    number: u64,
}

impl Traffic {
    /// A request begins.
    pub fn begin(&self) -> Trip<'_> {
        let number = self.begun.get() + 1;
        self.begun.set(number);
        self.open.borrow_mut().insert(number);
        let traffic = self;
        Trip { traffic, number }
    }

    /// The newest request that has begun.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.begun.get()
    }

    /// Whether this request and all before it have ended.
    #[must_use]
    pub fn is_over(&self, number: u64) -> bool {
        self.open
            .borrow()
            .first()
            .is_none_or(|oldest| *oldest > number)
    }
}

impl Drop for Trip<'_> {
    fn drop(&mut self) {
        self.traffic.open.borrow_mut().remove(&self.number);
    }
}

/// Sends a request.
///
/// # Errors
/// Why there was no whole answer.
pub async fn send(address: SocketAddr, request: &Request<'_>, manners: Manners) -> Result<Answer> {
    match timeout(PATIENCE, exchange(address, request, manners)).await {
        Ok(outcome) => outcome,
        Err(_) => bail!("no answer within {PATIENCE:?}"),
    }
}

async fn exchange(address: SocketAddr, request: &Request<'_>, manners: Manners) -> Result<Answer> {
    let text = text_of(address, request);
    let mut stream = TcpStream::connect(address).await.context("not connected")?;
    if manners == Manners::BreaksOff {
        stream
            .write_all(&text.as_bytes()[..text.len() * 2 / 3])
            .await?;
        bail!("broke off");
    }
    stream.write_all(text.as_bytes()).await?;
    if manners == Manners::HangsUp {
        bail!("hung up");
    }
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        read_more(&mut stream, &mut bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .context("no HTTP answer")?;
    let length: usize = header(&head, "content-length")
        .and_then(|length| length.parse().ok())
        .context("an answer without its length")?;
    while bytes.len() < end + length {
        read_more(&mut stream, &mut bytes).await?;
    }
    Ok(Answer {
        status,
        as_of: header(&head, "tidings-as-of").map(str::to_owned),
        body: serde_json::from_slice(&bytes[end..end + length]).unwrap_or(Value::Null),
    })
}

fn text_of(address: SocketAddr, request: &Request<'_>) -> String {
    let body = request.body.map(Value::to_string).unwrap_or_default();
    let mut text = format!(
        "{} {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n",
        request.method,
        request.path,
        body.len()
    );
    if !request.token.is_empty() {
        text += &format!("Authorization: Bearer {}\r\n", request.token);
    }
    if let Some(key) = request.key {
        text += &format!("Idempotency-Key: {key}\r\n");
    }
    if request.body.is_some() {
        text += "Content-Type: application/json\r\n";
    }
    text + "\r\n" + &body
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

async fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<()> {
    if stream.read_buf(bytes).await? == 0 {
        bail!("the answer broke off after {} bytes", bytes.len());
    }
    Ok(())
}
