//! A small Socket.IO client over WebSocket. It keeps everything that arrived, so that a test can say what it waits for
//! and, when that does not come, what came instead.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use socketio_proto::engine;
use socketio_proto::socket::{Kind, Limits, Packet};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::Message;

/// How long anything may take before the test fails.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// An open socket.
pub struct Tab {
    /// The socket's id.
    pub sid: String,
    /// By what a stock client may come back, if it was offered that.
    pub pid: Option<String>,
    inbox: Arc<Inbox>,
    out: mpsc::UnboundedSender<Message>,
    reader: tokio::task::JoinHandle<()>,
}

/// An event that arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub args: Vec<Value>,
}

#[derive(Default)]
struct Inbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// In the order of arrival; what a test has taken is marked.
    events: Vec<(Arrived, bool)>,
    acks: HashMap<u64, Vec<Value>>,
    next_ack: u64,
    sid: Option<String>,
    pid: Option<String>,
    /// Why the connection ended, and what ended it.
    ended: Option<String>,
}

impl Inbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `find` finds something, or fails the test with what arrived.
    async fn until<T>(&self, what: &str, mut find: impl FnMut(&mut State) -> Option<T>) -> T {
        let found = tokio::time::timeout(DEADLINE, async {
            loop {
                let changed = self.changed.notified();
                if let Some(found) = find(&mut self.state()) {
                    return found;
                }
                changed.await;
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!(
                "{what} did not come within {DEADLINE:?}; {}",
                self.state().story()
            ),
        }
    }
}

impl State {
    fn story(&self) -> String {
        let mut story = String::from("what came:\n");
        for (event, taken) in &self.events {
            let args = json!(event.args).to_string();
            let short: String = args.chars().take(300).collect();
            // Writing into a String cannot fail.
            let _ = writeln!(
                story,
                "  {} {} {short}",
                if *taken { "-" } else { "*" },
                event.name
            );
        }
        let _ = writeln!(story, "  ended: {:?}", self.ended);
        story
    }
}

impl Tab {
    /// Connects with this auth object and waits for the answer to CONNECT. A refusal fails the test.
    pub async fn open(url: &str, auth: Option<Value>) -> Tab {
        Tab::try_open(url, auth)
            .await
            .unwrap_or_else(|why| panic!("the socket was not let in: {why}"))
    }

    /// Connects with this auth object and waits for the answer to CONNECT.
    ///
    /// # Errors
    /// How the connection ended instead.
    pub async fn try_open(url: &str, auth: Option<Value>) -> Result<Tab, String> {
        Tab::try_open_with(url, "", auth).await
    }

    /// Connects as a stock client that asks for Socket.IO's own recovery.
    pub async fn open_recoverable(url: &str, auth: Value) -> Tab {
        Tab::try_open_with(url, "&recovery=1", Some(auth))
            .await
            .unwrap_or_else(|why| panic!("the socket was not let in: {why}"))
    }

    async fn try_open_with(url: &str, query: &str, auth: Option<Value>) -> Result<Tab, String> {
        let address = format!(
            "{}/ws/socket.io/?EIO=4&transport=websocket{query}",
            url.replacen("http", "ws", 1)
        );
        let (stream, _) = tokio_tungstenite::connect_async(&address)
            .await
            .unwrap_or_else(|error| panic!("no WebSocket at {address}: {error}"));
        let (mut sink, mut stream) = stream.split();
        let (out, mut outgoing) = mpsc::unbounded_channel::<Message>();
        let inbox = Arc::new(Inbox::default());
        let (into, answer) = (inbox.clone(), out.clone());
        let auth = auth.map(|auth| auth.to_string()).unwrap_or_default();
        let reader = tokio::spawn(async move {
            loop {
                tokio::select! {
                    message = stream.next() => {
                        let Some(Ok(message)) = message else { break };
                        match message {
                            Message::Text(text) => take(&into, &answer, &text, &auth),
                            Message::Close(close) => {
                                let code = close.map(|close| u16::from(close.code));
                                into.state().ended.get_or_insert(format!("closed {code:?}"));
                            }
                            _ => {}
                        }
                        into.changed.notify_waiters();
                    }
                    message = outgoing.recv() => {
                        let Some(message) = message else { break };
                        if sink.send(message).await.is_err() { break }
                    }
                }
            }
            into.state().ended.get_or_insert("cut".into());
            into.changed.notify_waiters();
        });
        let connected = inbox.until("the answer to CONNECT", |state| match &state.sid {
            Some(sid) => Some(Ok((sid.clone(), state.pid.clone()))),
            None => state.ended.clone().map(Err),
        });
        let (sid, pid) = connected.await?;
        Ok(Tab {
            sid,
            pid,
            inbox,
            out,
            reader,
        })
    }

    /// Sends an event without asking for an ack.
    pub fn emit(&self, name: &str, arg: &Value) {
        self.send(&format!("42{}", json!([name, arg])));
    }

    /// Sends an event and waits for its ack: the list of its arguments.
    pub async fn call(&self, name: &str, args: &[Value]) -> Vec<Value> {
        let id = {
            let mut state = self.inbox.state();
            state.next_ack += 1;
            state.next_ack
        };
        let list: Vec<Value> = std::iter::once(json!(name))
            .chain(args.iter().cloned())
            .collect();
        self.send(&format!("42{id}{}", json!(list)));
        self.inbox
            .until(&format!("the ack of {name}"), |state| {
                state.acks.remove(&id)
            })
            .await
    }

    /// Sends one text frame as it is.
    pub fn send(&self, frame: &str) {
        // The connection may have ended; then the test waits for something that does not come, and says so.
        let _ = self.out.send(Message::text(frame));
    }

    /// The next event of this name that was not taken yet: its first argument.
    pub async fn next(&self, name: &str) -> Value {
        self.next_where(name, |_| true).await
    }

    /// The next event of this name that fits and was not taken yet: its first argument.
    pub async fn next_where(&self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.inbox
            .until(name, |state| {
                let found = state
                    .events
                    .iter_mut()
                    .filter(|(event, taken)| !taken && event.name == name)
                    .find(|(event, _)| fits(event.args.first().unwrap_or(&Value::Null)));
                found.map(|(event, taken)| {
                    *taken = true;
                    event.args.first().cloned().unwrap_or_default()
                })
            })
            .await
    }

    /// The next `events:channel` with this `data.type`.
    pub async fn next_in_channel(&self, kind: &str) -> Value {
        self.next_where("events:channel", |event| event["data"]["type"] == kind)
            .await
    }

    /// Waits until everything that the server has queued for this socket has arrived.
    pub async fn settled(&self) {
        self.call("heartbeat", &[json!({})]).await;
    }

    /// Every event so far, taken or not, in the order of arrival.
    #[must_use]
    pub fn arrived(&self) -> Vec<Arrived> {
        self.inbox
            .state()
            .events
            .iter()
            .map(|(event, _)| event.clone())
            .collect()
    }

    /// Asserts that nothing of this name is here that was not taken. Call [`Tab::settled`] first.
    #[track_caller]
    pub fn nothing_of(&self, name: &str) {
        let state = self.inbox.state();
        let is_here = state
            .events
            .iter()
            .any(|(event, taken)| !taken && event.name == name);
        assert!(
            !is_here,
            "{name} came, though it must not; {}",
            state.story()
        );
    }

    /// Forgets all that arrived so far.
    pub fn forget(&self) {
        self.inbox.state().events.clear();
    }

    /// Waits until the two numbers that this tab was told of a channel differ by this much: what its badge shows.
    /// `row` is the channel's row in the list at some time after the tab was opened.
    pub async fn badge_becomes(&self, row: &Value, unread: i64) {
        let id = &row["id"];
        let number = |value: &Value| value.as_i64().unwrap_or_default();
        let what = format!("a badge of {unread} on {id}");
        self.inbox
            .until(&what, |state| {
                let mut last_no = number(&row["last_no"]);
                let mut read = (number(&row["read_version"]), number(&row["read_no"]));
                for (event, _) in &state.events {
                    let Some(arg) = event.args.first().filter(|arg| arg["channel_id"] == *id)
                    else {
                        continue;
                    };
                    match event.name.as_str() {
                        "events:channel" => {
                            last_no = last_no.max(number(&arg["data"]["data"]["no"]))
                        }
                        "events:read" => {
                            read = read.max((number(&arg["version"]), number(&arg["read_no"])))
                        }
                        _ => {}
                    }
                }
                ((last_no - read.1).max(0) == unread).then_some(())
            })
            .await;
    }

    /// Says in a channel that the person types.
    pub fn types(&self, channel: &Value) {
        self.in_channel(
            channel,
            &json!({"type": "typing", "data": {"typing": true}}),
        );
    }

    /// Says that the person has read the whole channel.
    pub fn reads(&self, channel: &Value) {
        self.in_channel(channel, &json!({"type": "last_read_at"}));
    }

    fn in_channel(&self, channel: &Value, data: &Value) {
        self.emit(
            "events:channel",
            &json!({"channel_id": channel["id"], "message_id": null, "data": data}),
        );
    }

    /// Waits until the server has ended the connection; answers with how.
    pub async fn ended(&self) -> String {
        self.inbox
            .until("the end of the connection", |state| state.ended.clone())
            .await
    }

    /// Closes the socket as a client does that goes for good.
    pub async fn close(self) {
        self.send("41");
        self.send("1");
        self.ended().await;
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

fn take(inbox: &Inbox, out: &mpsc::UnboundedSender<Message>, text: &str, auth: &str) {
    match engine::Packet::decode(text) {
        Ok(engine::Packet::Open(_)) => {
            let _ = out.send(Message::text(format!("40{auth}")));
        }
        Ok(engine::Packet::Ping(_)) => {
            let _ = out.send(Message::text("3"));
        }
        Ok(engine::Packet::Close) => {
            inbox.state().ended.get_or_insert("engine close".into());
        }
        Ok(engine::Packet::Message(message)) => take_message(inbox, &message),
        Ok(_) => {}
        Err(error) => panic!("the server sent what is no packet, {text:?}: {error}"),
    }
}

fn take_message(inbox: &Inbox, text: &str) {
    let mut state = inbox.state();
    if let Some(why) = text.strip_prefix('4') {
        state.ended.get_or_insert(format!("connect error {why}"));
        return;
    }
    let packet = Packet::decode(text, &Limits::default())
        .unwrap_or_else(|error| panic!("the server sent what is no packet, {text:?}: {error}"));
    let list = || serde_json::from_str::<Vec<Value>>(packet.data).unwrap_or_default();
    match packet.kind {
        Kind::Connect => {
            let answer: Value = serde_json::from_str(packet.data).unwrap_or_default();
            state.sid = answer["sid"].as_str().map(str::to_owned);
            state.pid = answer["pid"].as_str().map(str::to_owned);
        }
        Kind::Disconnect => {
            state.ended.get_or_insert("disconnected".into());
        }
        Kind::Event | Kind::BinaryEvent => {
            let mut args = list();
            let name = args.remove(0).as_str().unwrap_or_default().to_owned();
            state.events.push((Arrived { name, args }, false));
        }
        Kind::Ack | Kind::BinaryAck => {
            if let Some(id) = packet.id {
                state.acks.insert(id, list());
            }
        }
        Kind::ConnectError => {}
    }
}
