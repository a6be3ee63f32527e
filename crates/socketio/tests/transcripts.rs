//! Replays the golden transcripts of `socketio-proto` over real sockets, with the same application behind. Times are a
//! hundredth of those written, and waits are not waited: what must come is awaited.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod common;
#[path = "../../socketio-proto/tests/script/mod.rs"]
mod script;

use std::{collections::VecDeque, path::Path, time::Duration};

use common::{Polling, World, Ws, config};
use script::{Line, On, Said, read_all, without_sids};
use socketio::{Class, Config, Event, Frame, Namespace, Socket};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn transcripts_hold_over_real_sockets() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../socketio-proto/tests/transcripts");
    for (name, lines) in read_all(&folder) {
        let world = World::start(Config {
            ping_interval: Duration::from_millis(250),
            ping_timeout: Duration::from_millis(200),
            ..config()
        })
        .await;
        ["/", "/custom"]
            .iter()
            .for_each(|namespace| serve(&world.io.of(namespace)));
        let mut client = Client::default();
        for (at, line) in lines {
            let place = format!("{name}:{at}");
            match line {
                Line::Server(on, Said::Text(text)) if text.starts_with("0{") => {
                    client.open(&world, on, &text).await
                }
                Line::Server(on, said) => assert_eq!(client.hear(on).await, said, "{place}"),
                Line::Client(on, said) => client.say(&world, on, said).await,
                Line::Wait(_) => {}
            }
        }
    }
}

/// The application that the transcripts are written for.
fn serve(namespace: &Namespace) {
    namespace.on_connect(|socket, auth| async move {
        socket.emit("auth", &auth.unwrap_or_else(|| serde_json::json!({})));
        Ok(())
    });
    namespace.on("message", |socket: Socket, event: Event| async move {
        let args = event
            .args
            .raw()
            .iter()
            .map(|raw| raw.get())
            .collect::<Vec<_>>()
            .join(",");
        let frame =
            Frame::binary_event(socket.namespace(), "message-back", &args, event.attachments);
        socket.send(&frame, Class::Reliable);
    });
    namespace.on("message-with-ack", |_: Socket, event: Event| async move {
        let args = event
            .args
            .raw()
            .iter()
            .map(|raw| raw.get())
            .collect::<Vec<_>>()
            .join(",");
        if let Some(ack) = event.ack {
            ack.send_json(&args, event.attachments);
        }
    });
}

#[derive(Default)]
struct Client {
    polling: Option<Polling>,
    polled: VecDeque<String>,
    ws: Option<Ws>,
}

impl Client {
    async fn open(&mut self, world: &World, on: On, text: &str) {
        let said = match on {
            On::Poll => {
                let polling = self.polling.insert(world.polling().await);
                polling.open.to_string()
            }
            On::Ws => {
                let mut ws = world.websocket_with("").await;
                let text = ws.text().await;
                self.ws = Some(ws);
                text[1..].to_owned()
            }
        };
        let said: serde_json::Value = serde_json::from_str(&without_sids(&said)).unwrap();
        let mut written: serde_json::Value = serde_json::from_str(&text[1..]).unwrap();
        written["pingInterval"] = 250.into();
        written["pingTimeout"] = 200.into();
        assert_eq!(said, written);
    }

    async fn say(&mut self, world: &World, on: On, said: Said) {
        if on == On::Poll {
            let Said::Text(body) = said else {
                panic!("only text can be posted")
            };
            self.polling.as_ref().unwrap().post(&body).await;
            return;
        }
        if self.ws.is_none() {
            let sid = &self.polling.as_ref().unwrap().sid;
            self.ws = Some(world.websocket_with(&format!("&sid={sid}")).await);
        }
        let ws = self.ws.as_mut().unwrap();
        match said {
            Said::Text(text) => ws.send(&text).await,
            Said::Binary(bytes) => ws.send_binary(&bytes).await,
            Said::Close => panic!("only servers close here"),
        }
    }

    async fn hear(&mut self, on: On) -> Said {
        if on == On::Poll {
            if self.polled.is_empty() {
                let body = self.polling.as_ref().unwrap().get().await.body;
                self.polled = body.split('\u{1e}').map(str::to_owned).collect();
            }
            return Said::Text(without_sids(&self.polled.pop_front().unwrap()));
        }
        match self.ws.as_mut().unwrap().next().await {
            Message::Text(text) => Said::Text(without_sids(&text)),
            Message::Binary(bytes) => Said::Binary(bytes.to_vec()),
            Message::Close(_) => {
                self.ws = None;
                Said::Close
            }
            other => panic!("{other:?}"),
        }
    }
}
