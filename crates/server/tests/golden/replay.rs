//! Does what the recorded clients did, and collects how our answers differ from those recorded.
//!
//! Packets are compared within a step and for each client by itself: answers to requests, acks, and events, each in
//! their order. Across clients and between HTTP and sockets the recorded order was chance.

use crate::compare::Bindings;
use crate::differences::Difference;
use crate::recording::{Packet, Scenario, Step};
use crate::stream::Stream;
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use testkit::{Answer, Person, Tab, World};

struct Replay {
    world: World,
    nobody: Person,
    bindings: Bindings,
    tabs: BTreeMap<String, Tab>,
    /// Events of each tab that were compared already.
    seen: BTreeMap<String, usize>,
    found: Vec<Difference>,
    step: String,
}

/// Replays a scenario; answers with all that differs.
pub async fn replay(scenario: &Scenario) -> Vec<Difference> {
    let world = World::new().await;
    let mut replay = Replay {
        nobody: world.nobody(),
        bindings: Bindings::default(),
        tabs: BTreeMap::new(),
        seen: BTreeMap::new(),
        found: Vec::new(),
        step: String::new(),
        world,
    };
    replay.set_up(&scenario.name).await;
    for step in &scenario.steps {
        replay.step(step).await;
    }
    replay.found
}

impl Replay {
    /// What was there before the recording began: three people, a channel or a conversation.
    async fn set_up(&mut self, scenario: &str) {
        let mut people = Vec::new();
        for who in ["A", "B", "C"] {
            let person = self
                .world
                .sign_up(&format!("User {who}").replace(' ', "-"))
                .await;
            self.bindings
                .bind(&format!("<user:{who}>"), person.id.as_str());
            self.bindings.bind(&format!("<jwt:{who}>"), &person.token);
            self.bindings.bind(
                &format!("<email:{who}>"),
                &format!("user-{who}@example.org").to_lowercase(),
            );
            people.push(person);
        }
        self.bindings.bind("<email:D>", "user-d@example.org");
        if scenario == "05-messages" {
            let made = people[0]
                .post("/api/v1/channels/create", &json!({"name": "golden-msg"}))
                .await
                .ok();
            self.bindings
                .bind("<chan:msg>", made["id"].as_str().unwrap_or_default());
        }
        if scenario == "04-channels" {
            people[0].direct(&people[1]).await;
        }
    }

    async fn step(&mut self, step: &Step) {
        self.step.clone_from(&step.name);
        self.world.advance(Duration::from_millis(10));
        let mut answers: VecDeque<&Packet> = step
            .packets
            .iter()
            .filter(|packet| is_answer(packet))
            .collect();
        let mut acks: VecDeque<&Packet> = step
            .packets
            .iter()
            .filter(|packet| matches!(packet.kind.as_str(), "sock.ack" | "sock.noack"))
            .collect();
        for (index, packet) in step.packets.iter().enumerate() {
            match packet.kind.as_str() {
                "http.req" => {
                    let rest = &step.packets[index + 1..];
                    let recorded = answers.pop_front();
                    self.request(packet, recorded, rest).await;
                }
                "sock.connect" => {
                    let outcome = step.packets[index..].iter().find(|other| {
                        other.who == packet.who
                            && matches!(
                                other.kind.as_str(),
                                "sock.connected" | "sock.connect_error"
                            )
                    });
                    self.connect(packet, outcome).await;
                }
                "sock.emit+ack" => {
                    let recorded = acks.pop_front();
                    self.call(packet, recorded).await;
                }
                "sock.emit" => {
                    let (name, args) = self.event_of(packet);
                    self.tab(packet)
                        .emit(&name, &args.into_iter().next().unwrap_or_default());
                }
                "sock.close" => {
                    self.settle(&packet.who).await;
                    self.compare_events(step, Some(&packet.who));
                    if let Some(tab) = self.tabs.remove(&packet.who) {
                        tab.close().await;
                    }
                    self.seen.remove(&packet.who);
                }
                "unread" => self.unread(packet).await,
                _ => {}
            }
        }
        let open: Vec<String> = self.tabs.keys().cloned().collect();
        for who in &open {
            self.settle(who).await;
        }
        self.compare_events(step, None);
    }

    fn differ(&mut self, packet: &str, path: &str, what: impl Into<String>) {
        self.found.push(Difference {
            step: self.step.clone(),
            packet: packet.to_owned(),
            path: path.to_owned(),
            what: what.into(),
        });
    }

    fn compare(&mut self, packet: &str, recorded: &Value, ours: &Value) {
        if recorded["status"].is_string() && recorded["status"] != ours["status"] {
            // Another status has another body.
            let what = format!("is {}, recorded was {}", ours["status"], recorded["status"]);
            return self.differ(packet, "$.status", what);
        }
        for (path, what) in self.bindings.differences(recorded, ours) {
            self.differ(packet, &path, what);
        }
    }

    fn tab(&self, packet: &Packet) -> &Tab {
        self.tabs
            .get(&packet.who)
            .unwrap_or_else(|| panic!("[{}] {} has no socket", self.step, packet.who))
    }

    async fn settle(&self, who: &str) {
        if let Some(tab) = self.tabs.get(who) {
            tab.settled().await;
        }
    }

    async fn request(&mut self, packet: &Packet, recorded: Option<&Packet>, rest: &[Packet]) {
        let line = &packet.line;
        let text = |key: &str| line[key].as_str().unwrap_or_default();
        let method: Method = text("method").parse().expect("a recorded method");
        let path = self.bindings.fill(text("path"));
        // Ids are not part of the name.
        let label = format!("{method} {}", text("path"));
        let token = self.bindings.fill(text("auth"));
        let person = self.nobody.signed_in(&json!({"token": token}));
        let mut request = person.request(method, &path);
        for (name, value) in line["headers"].as_object().into_iter().flatten() {
            request = request.header(name, self.bindings.fill(value.as_str().unwrap_or_default()));
        }
        if !line["body"].is_null() {
            request = request.json(&self.bindings.fill_all(&line["body"]));
        }
        match recorded {
            Some(recorded) if recorded.kind == "http.head" => {
                let recorded = recorded_stream(rest);
                let ours = read_stream(request, recorded.end == "aborted").await;
                self.compare(&label, &recorded.shape(), &ours.shape());
            }
            Some(recorded) => {
                let response = request
                    .send()
                    .await
                    .unwrap_or_else(|error| panic!("{label}: {error}"));
                let ours = answer(label.clone(), response).await;
                self.compare(&label, &summary(&recorded.line), &json_of(&ours));
            }
            None => self.differ(&label, "$", "no answer was recorded"),
        }
    }

    async fn connect(&mut self, packet: &Packet, outcome: Option<&Packet>) {
        let label = format!("connect {}", packet.who);
        let auth = self.bindings.fill_all(&packet.line["auth"]);
        let is_polling = packet.line["transports"][0] == "polling";
        let connects = if is_polling {
            let address = format!("{}/ws/socket.io/?EIO=4&transport=polling", self.world.url());
            reqwest::get(address)
                .await
                .is_ok_and(|response| response.status().is_success())
        } else {
            let auth = if auth.is_null() { None } else { Some(auth) };
            match Tab::try_open(&self.world.url(), auth).await {
                Ok(tab) => {
                    self.tabs.insert(packet.who.clone(), tab);
                    self.seen.insert(packet.who.clone(), 0);
                    true
                }
                Err(_) => false,
            }
        };
        let recorded = outcome.is_some_and(|outcome| outcome.kind == "sock.connected");
        if connects != recorded {
            self.differ(
                &label,
                "$",
                if connects {
                    "is let in, recorded was a refusal"
                } else {
                    "is refused"
                },
            );
        }
    }

    fn event_of(&mut self, packet: &Packet) -> (String, Vec<Value>) {
        let name = packet.line["event"].as_str().unwrap_or_default().to_owned();
        let args = self.bindings.fill_all(&packet.line["args"]);
        (name, args.as_array().cloned().unwrap_or_default())
    }

    async fn call(&mut self, packet: &Packet, recorded: Option<&Packet>) {
        let (name, args) = self.event_of(packet);
        let label = format!("ack {} {name}", packet.who);
        if !self.tabs.contains_key(&packet.who) {
            return self.differ(&label, "$", "there is no socket to ask on");
        }
        let ours = Value::Array(self.tab(packet).call(&name, &args).await);
        match recorded {
            Some(recorded) if recorded.kind == "sock.ack" => {
                self.compare(&label, &recorded.line["args"], &ours)
            }
            _ => self.differ(&label, "$", format!("is {ours}, recorded was none")),
        }
    }

    /// The badge as the recorded client computed it from the list.
    async fn unread(&mut self, packet: &Packet) {
        let label = format!("badge {}", packet.who);
        let token = self.bindings.fill(&format!("<jwt:{}>", packet.who));
        let person = self.nobody.signed_in(&json!({"token": token}));
        let channel = json!({"id": self.bindings.fill("<chan:msg>")});
        let recorded = &packet.line["channel"];
        let wanted = packet.line["unread_count"]
            .as_i64()
            .or(recorded["unread_count"].as_i64())
            .unwrap_or_default();
        let row = person.row(&channel).await;
        if row["unread_count"] != wanted {
            self.differ(
                &label,
                "$",
                format!("is {}, recorded was {wanted}", row["unread_count"]),
            );
        }
        if recorded.is_object() {
            self.compare(&label, recorded, &row);
        }
    }

    /// Compares the events of a step, of one client or of all that are still open.
    fn compare_events(&mut self, step: &Step, only: Option<&str>) {
        let open: Vec<String> = self.tabs.keys().cloned().collect();
        for who in open
            .iter()
            .filter(|who| only.is_none_or(|only| only == who.as_str()))
        {
            let arrived = self.tabs[who].arrived();
            let ours: Vec<Value> = arrived[self.seen[who]..]
                .iter()
                .map(|event| json!({"event": event.name, "args": event.args}))
                .collect();
            self.seen.insert(who.clone(), arrived.len());
            let recorded: Vec<Value> = step
                .packets
                .iter()
                .filter(|packet| packet.kind == "sock.event" && packet.who == *who)
                .map(|packet| json!({"event": packet.line["event"], "args": packet.line["args"]}))
                .collect();
            self.compare_lists(who, recorded, ours);
        }
    }

    /// In order: what fits by name and type is compared, what is left over on either side differs.
    fn compare_lists(&mut self, who: &str, recorded: Vec<Value>, ours: Vec<Value>) {
        let mut recorded = VecDeque::from(recorded);
        for event in ours {
            let Some(at) = recorded
                .iter()
                .position(|other| type_of(other) == type_of(&event))
            else {
                self.differ(
                    &format!("event {who} {}", type_of(&event)),
                    "$",
                    "was not recorded",
                );
                continue;
            };
            for missed in recorded.drain(..at).collect::<Vec<_>>() {
                self.differ(
                    &format!("event {who} {}", type_of(&missed)),
                    "$",
                    "did not come",
                );
            }
            if let Some(other) = recorded.pop_front() {
                self.compare(&format!("event {who} {}", type_of(&event)), &other, &event);
            }
        }
        for missed in recorded {
            self.differ(
                &format!("event {who} {}", type_of(&missed)),
                "$",
                "did not come",
            );
        }
    }
}

/// The event's name, or inside an envelope its type.
fn type_of(event: &Value) -> String {
    let inner = event["args"][0]["data"]["type"].as_str();
    inner
        .or(event["event"].as_str())
        .unwrap_or_default()
        .to_owned()
}

fn is_answer(packet: &Packet) -> bool {
    matches!(packet.kind.as_str(), "http.res" | "http.head")
}

/// Status, media type, whether a cookie is set, and the body.
fn summary(line: &Value) -> Value {
    let media = line["headers"]["content-type"].as_str().unwrap_or_default();
    let mut summary = json!({"status": line["status"].to_string(), "type": media_type(media), "body": line["body"]});
    if !line["headers"]["set-cookie"].is_null() {
        summary["sets_cookie"] = json!(true);
    }
    summary
}

fn json_of(answer: &Answer) -> Value {
    let media = answer
        .headers
        .get("content-type")
        .and_then(|media| media.to_str().ok())
        .unwrap_or_default();
    let mut summary = json!({"status": answer.status.as_u16().to_string(), "type": media_type(media), "body": answer.body});
    if answer.headers.contains_key("set-cookie") {
        summary["sets_cookie"] = json!(true);
    }
    summary
}

fn media_type(header: &str) -> &str {
    header.split(';').next().unwrap_or_default().trim()
}

async fn answer(to: String, response: reqwest::Response) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response
        .text()
        .await
        .unwrap_or_else(|error| panic!("{to}: {error}"));
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer {
        to,
        status,
        headers,
        body,
    }
}

fn recorded_stream(rest: &[Packet]) -> Stream {
    let mut stream = Stream::default();
    for packet in rest {
        match packet.kind.as_str() {
            "http.head" => {
                let media = packet.line["headers"]["content-type"]
                    .as_str()
                    .unwrap_or_default();
                stream.head =
                    json!({"status": packet.line["status"].to_string(), "type": media_type(media)});
            }
            "http.chunk" => stream.text += packet.line["text"].as_str().unwrap_or_default(),
            "http.end" => {
                stream.end = packet.line["why"].as_str().unwrap_or_default().to_owned();
                break;
            }
            _ => {}
        }
    }
    stream
}

/// Reads a streamed answer to its end, or leaves after its third event.
async fn read_stream(request: reqwest::RequestBuilder, aborts: bool) -> Stream {
    let response = request.send().await.expect("an answer");
    let media = response
        .headers()
        .get("content-type")
        .and_then(|media| media.to_str().ok())
        .unwrap_or_default();
    let mut stream = Stream {
        head: json!({"status": response.status().as_u16().to_string(), "type": media_type(media)}),
        end: "end".into(),
        ..Stream::default()
    };
    let mut bytes = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let Ok(piece) = piece else {
            stream.end = "broken".into();
            break;
        };
        bytes.extend_from_slice(&piece);
        if aborts && bytes.windows(2).filter(|pair| pair == b"\n\n").count() >= 3 {
            stream.end = "aborted".into();
            break;
        }
    }
    stream.text = String::from_utf8_lossy(&bytes).into_owned();
    stream
}
