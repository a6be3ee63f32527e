//! A server on a free port, and two clients that speak raw text: one over WebSocket, one over HTTP.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]
#![allow(dead_code, reason = "every test binary uses its own part")]

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use socketio::{Config, Dialect, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// How long anything awaited may take before the test fails: far more than it needs, for a machine that is busy.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub struct World {
    pub io: Server,
    pub addr: SocketAddr,
}

/// Settings that answer in the words of the reference for Node.
pub fn config() -> Config {
    Config {
        dialect: Dialect::Node,
        ..Config::default()
    }
}

impl World {
    pub async fn start(config: Config) -> World {
        let io = Server::new(config);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = io
            .router::<()>("/socket.io")
            .into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        World { io, addr }
    }

    /// A WebSocket whose OPEN packet has been read.
    pub async fn websocket(&self) -> Ws {
        let mut ws = self.websocket_with("").await;
        assert!(ws.text().await.starts_with("0{"));
        ws
    }

    /// A WebSocket with more in its query, such as `&sid=...`.
    pub async fn websocket_with(&self, query: &str) -> Ws {
        let url = format!(
            "ws://{}/socket.io/?EIO=4&transport=websocket{query}",
            self.addr
        );
        let (stream, _) = timeout(DEADLINE, connect_async(url))
            .await
            .unwrap()
            .unwrap();
        Ws(stream)
    }

    /// A WebSocket that is connected to `/`; its socket's id too.
    pub async fn client(&self) -> (Ws, String) {
        let mut ws = self.websocket().await;
        ws.send("40").await;
        let answer = ws.text().await;
        let sid = answer
            .strip_prefix("40{\"sid\":\"")
            .and_then(|rest| rest.strip_suffix("\"}"));
        let sid = sid
            .unwrap_or_else(|| panic!("not a CONNECT: {answer}"))
            .to_owned();
        (ws, sid)
    }

    /// A polling session; its OPEN packet.
    pub async fn polling(&self) -> Polling {
        let answer = self
            .http("GET", "/socket.io/?EIO=4&transport=polling", "", "")
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let open: serde_json::Value = serde_json::from_str(&answer.body[1..]).unwrap();
        let sid = open["sid"].as_str().unwrap().to_owned();
        Polling {
            addr: self.addr,
            path: format!("/socket.io/?EIO=4&transport=polling&sid={sid}"),
            sid,
            open,
        }
    }

    /// Waits until the last connection is gone.
    pub async fn no_connections(&self) {
        let gone = async {
            while self.io.connections() > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, gone)
            .await
            .expect("every connection to end in time");
    }

    pub async fn http(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        http(self.addr, method, path, headers, body).await
    }
}

pub struct Ws(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Ws {
    pub async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub async fn send_binary(&mut self, bytes: &[u8]) {
        self.0.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    pub async fn next(&mut self) -> Message {
        timeout(DEADLINE, self.0.next())
            .await
            .expect("a message in time")
            .expect("a message")
            .unwrap()
    }

    /// The next text that is not a ping of the heartbeat.
    pub async fn text(&mut self) -> String {
        loop {
            match self.next().await {
                Message::Text(text) if text.as_str() == "2" => self.send("3").await,
                Message::Text(text) => return text.to_string(),
                other => panic!("not text: {other:?}"),
            }
        }
    }

    pub async fn binary(&mut self) -> Vec<u8> {
        match self.next().await {
            Message::Binary(bytes) => bytes.to_vec(),
            other => panic!("not binary: {other:?}"),
        }
    }

    /// The close code, after whatever still came.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.next().await {
                return frame.map_or(1005, |frame| frame.code.into());
            }
        }
    }
}

pub struct Polling {
    addr: SocketAddr,
    path: String,
    pub sid: String,
    pub open: serde_json::Value,
}

impl Polling {
    pub async fn get(&self) -> Answer {
        http(self.addr, "GET", &self.path, "", "").await
    }

    pub async fn post(&self, body: &str) -> Answer {
        http(
            self.addr,
            "POST",
            &self.path,
            "content-type: text/plain;charset=UTF-8\r\n",
            body,
        )
        .await
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub body: String,
}

async fn http(addr: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut answer))
        .await
        .expect("an answer in time")
        .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        headers: head.to_lowercase(),
        body: body.to_owned(),
    }
}
