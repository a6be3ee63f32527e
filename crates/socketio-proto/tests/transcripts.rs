//! Replays the golden transcripts on the pure state machines, with an application that answers as the official test
//! suite's server does: it emits `auth`, sends `message` back, acknowledges `message-with-ack`.

mod script;

use std::{collections::VecDeque, path::Path};

use script::{Line, On, Said, read_all, without_sids};
use socketio_proto::{
    engine::{Due, Handshake, Incoming, Packet, Session, Times, Transport, decode_payload},
    socket::{Assembled, Assembler, Kind, Limits, Namespaces, Step, encode_header},
};

#[test]
fn transcripts_hold_on_the_state_machines() {
    for (name, lines) in read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts"))
    {
        let mut peer: Option<Peer> = None;
        for (at, line) in lines {
            let place = format!("{name}:{at}");
            match line {
                Line::Server(on, said) => {
                    let peer = peer.get_or_insert_with(|| Peer::open(on));
                    assert_eq!(peer.hear(on), Some(said), "{place}");
                }
                Line::Client(on, said) => peer.as_mut().expect(&place).say(on, said),
                Line::Wait(time_ms) => peer.as_mut().expect(&place).wait(time_ms),
            }
        }
        let rest = peer.map(|peer| (peer.polled, peer.sent)).expect(&name);
        assert_eq!(
            rest,
            (VecDeque::new(), VecDeque::new()),
            "{name}: the server said more"
        );
    }
}

struct Peer {
    session: Session,
    assembler: Assembler,
    namespaces: Namespaces<String>,
    polled: VecDeque<Said>,
    sent: VecDeque<Said>,
    now_ms: u64,
    /// What carried the session when the last packet came.
    carrier: Transport,
    is_over: bool,
}

impl Peer {
    fn open(on: On) -> Peer {
        let times = Times {
            ping_interval_ms: 25_000,
            ping_timeout_ms: 20_000,
        };
        let (transport, upgrades): (_, &[&str]) = match on {
            On::Poll => (Transport::Polling, &["websocket"]),
            On::Ws => (Transport::WebSocket, &[]),
        };
        let mut peer = Peer {
            session: Session::open(transport, times, 0),
            assembler: Assembler::default(),
            namespaces: Namespaces::default(),
            polled: VecDeque::new(),
            sent: VecDeque::new(),
            now_ms: 0,
            carrier: transport,
            is_over: false,
        };
        let open = Handshake {
            sid: "E1",
            upgrades,
            ping_interval: times.ping_interval_ms,
            ping_timeout: times.ping_timeout_ms,
            max_payload: 1_000_000,
        };
        peer.send(Said::Text(open.encode()));
        peer
    }

    fn hear(&mut self, on: On) -> Option<Said> {
        let said = match on {
            On::Poll => self.polled.pop_front(),
            On::Ws => self.sent.pop_front(),
        };
        match said {
            Some(Said::Text(text)) => Some(Said::Text(without_sids(&text))),
            other => other,
        }
    }

    fn send(&mut self, said: Said) {
        match (self.session.transport(), said) {
            (Transport::WebSocket, said) => self.sent.push_back(said),
            (Transport::Polling, Said::Binary(bytes)) => {
                self.polled
                    .push_back(Said::Text(Packet::Binary(bytes.into()).encode()));
            }
            (Transport::Polling, said) => self.polled.push_back(said),
        }
    }

    fn say(&mut self, on: On, said: Said) {
        match (on, said) {
            (On::Poll, Said::Text(body)) => {
                for packet in decode_payload(&body) {
                    match packet {
                        Ok(packet) => self.take(Transport::Polling, packet),
                        Err(_) => self.close("1"),
                    }
                }
            }
            (On::Ws, Said::Text(text)) => match Packet::decode(&text) {
                Ok(packet) => self.take(Transport::WebSocket, packet),
                Err(_) => self.close("1"),
            },
            (On::Ws, Said::Binary(bytes)) => {
                self.take(Transport::WebSocket, Packet::Binary(bytes.into()))
            }
            (_, other) => panic!("a client cannot say {other:?} on {on:?}"),
        }
    }

    fn take(&mut self, on: Transport, packet: Packet<'_>) {
        let limits = Limits::default();
        self.carrier = self.session.transport();
        let packet = match self.session.receive(on, packet, self.now_ms) {
            Err(_) if on != self.session.transport() => {
                self.session.probe_failed();
                return self.sent.push_back(Said::Close);
            }
            Err(_) => return self.close("1"),
            Ok(Incoming::Message(text)) => self.assembler.text(text.into_owned(), &limits),
            Ok(Incoming::Binary(bytes)) => {
                self.assembler.binary(bytes.into_owned().into(), &limits)
            }
            Ok(Incoming::ProbeAnswer(answer)) => {
                self.sent.push_back(Said::Text(answer.encode()));
                return self.polled.push_back(Said::Text("6".into()));
            }
            Ok(Incoming::Closed) => return self.close("6"),
            Ok(Incoming::Upgraded | Incoming::Nothing) => return,
        };
        match packet {
            Ok(Some(packet)) => self.socket_packet(packet),
            Ok(None) => {}
            Err(_) => self.close("1"),
        }
    }

    fn socket_packet(&mut self, packet: Assembled) {
        let name = packet.namespace().to_owned();
        match self.namespaces.receive(packet.kind, &name, 8) {
            Err(_) => self.close("1"),
            Ok(Step::Ask) if name == "/" || name == "/custom" => {
                self.namespaces.ask(name.as_str().into(), name.clone());
                self.namespaces.accept(&name);
                self.reply(Kind::Connect, &name, None, r#"{"sid":"S1"}"#, Vec::new());
                let auth = if packet.data().is_empty() {
                    "{}"
                } else {
                    packet.data()
                };
                self.reply(
                    Kind::Event,
                    &name,
                    None,
                    &format!("[\"auth\",{auth}]"),
                    Vec::new(),
                );
            }
            Ok(Step::Ask) => self.reply(
                Kind::ConnectError,
                &name,
                None,
                r#"{"message":"Invalid namespace"}"#,
                Vec::new(),
            ),
            Ok(Step::Deliver(_)) => self.event(&name, packet),
            Ok(Step::Leave(_) | Step::Withdraw(_) | Step::TooMany | Step::Ignore) => {}
        }
    }

    fn event(&mut self, name: &str, packet: Assembled) {
        let data = packet.data();
        let (kind_event, kind_ack) = match packet.attachments.len() {
            0 => (Kind::Event, Kind::Ack),
            _ => (Kind::BinaryEvent, Kind::BinaryAck),
        };
        let attachments: Vec<Vec<u8>> = packet
            .attachments
            .iter()
            .map(|bytes| bytes.to_vec())
            .collect();
        if data.starts_with("[\"message\"") {
            let back = data.replacen("message", "message-back", 1);
            self.reply(kind_event, name, None, &back, attachments);
        } else if let Some(args) = data.strip_prefix("[\"message-with-ack\",") {
            self.reply(kind_ack, name, packet.id, &format!("[{args}"), attachments);
        }
    }

    fn reply(
        &mut self,
        kind: Kind,
        name: &str,
        id: Option<u64>,
        json: &str,
        attachments: Vec<Vec<u8>>,
    ) {
        let mut text = String::from("4");
        encode_header(kind, attachments.len(), name, id, &mut text);
        text.push_str(json);
        self.send(Said::Text(text));
        attachments
            .into_iter()
            .for_each(|bytes| self.send(Said::Binary(bytes)));
    }

    fn close(&mut self, polled: &str) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        match self.carrier {
            Transport::Polling => self.polled.push_back(Said::Text(polled.to_owned())),
            Transport::WebSocket => self.sent.push_back(Said::Close),
        }
        self.session.close();
    }

    fn wait(&mut self, time_ms: u64) {
        let until_ms = self.now_ms + time_ms;
        while self.session.deadline_ms() <= until_ms && !self.session.is_closed() {
            self.now_ms = self.session.deadline_ms();
            let transport = self.session.transport();
            match self.session.tick(self.now_ms) {
                Some(Due::Ping) => self.send(Said::Text("2".into())),
                Some(Due::Timeout) if transport == Transport::WebSocket => {
                    self.sent.push_back(Said::Close)
                }
                Some(Due::Timeout) => self.polled.push_back(Said::Text("1".into())),
                None => panic!("a deadline without an effect"),
            }
        }
        self.now_ms = until_ms;
    }
}
