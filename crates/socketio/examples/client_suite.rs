//! What foreign clients are tried on, with every thing that the protocol lets them do; `e2e/engine-clients.test.mjs`
//! drives it. `cargo run -p socketio --example client_suite -- --port 3000`, at path `/socket.io`.
//!
//! In `/` and `/members` (which wants a token): `echo` acks its arguments, `silence` acks nothing, `ask` asks the client
//! back and acks what it answered, `flaky` acks a number's second delivery, `note` comes back as `noted`, `part` and
//! `hang-up` end the socket and the connection. Long messages are compressed for clients that offer it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use socketio::{
    AckError, Class, Compression, Config, ConnectError, Cors, Dialect, Event, Frame, Namespace,
    Server, Socket,
};

mod port;

const TOKEN: &str = "open sesame";
/// How long a client may take to answer `ask`.
const PATIENCE: Duration = Duration::from_millis(200);

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let io = Server::new(Config {
        cors: Cors::Any,
        dialect: Dialect::Node,
        compression: Some(Compression::default()),
        ..Config::default()
    });
    io.of("/").on_connect(|socket, auth| async move {
        socket.emit("welcome", &auth);
        Ok(())
    });
    io.of("/members").on_connect(|socket, auth| async move {
        let token = auth.as_ref().and_then(|auth| auth.get("token"));
        if token.and_then(Value::as_str) != Some(TOKEN) {
            let data = Some(json!({"code": "wrong_token"}));
            let message = "members only".to_owned();
            return Err(ConnectError { message, data });
        }
        socket.emit("welcome", &auth);
        Ok(())
    });
    for name in ["/", "/members"] {
        serve(&io.of(name));
    }
    port::serve(io.router("/socket.io")).await
}

fn serve(namespace: &Namespace) {
    namespace.on("echo", |_: Socket, event: Event| async move {
        let args = arguments(&event);
        if let Some(ack) = event.ack {
            ack.send_json(&args, event.attachments);
        }
    });
    namespace.on("silence", |_: Socket, _: Event| async {});
    namespace.on("note", |socket: Socket, event: Event| async move {
        let args = arguments(&event);
        let frame = Frame::binary_event(socket.namespace(), "noted", &args, event.attachments);
        socket.send(&frame, Class::Reliable);
    });
    namespace.on("ask", |socket: Socket, event: Event| async move {
        let question = event.arg::<Value>(0).unwrap_or_default();
        let reply = socket.emit_with_ack("question", &question, PATIENCE).await;
        let Some(ack) = event.ack else { return };
        match reply {
            Ok(reply) => ack.send_json(reply.args.json().trim_matches(['[', ']']), Vec::new()),
            Err(AckError::Timeout) => ack.send("no answer"),
            Err(_) => false,
        };
    });
    let deliveries: Arc<Mutex<HashMap<u64, u32>>> = Arc::default();
    namespace.on("flaky", move |_: Socket, event: Event| {
        let number = event.arg(0).unwrap_or(0);
        let mut deliveries = deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        let delivery = deliveries.entry(number).or_default();
        *delivery += 1;
        let delivery = *delivery;
        async move {
            if let Some(ack) = event.ack.filter(|_| delivery > 1) {
                ack.send(&delivery);
            }
        }
    });
    namespace.on("part", |socket: Socket, _: Event| async move {
        socket.disconnect(false);
    });
    namespace.on("hang-up", |socket: Socket, _: Event| async move {
        socket.close_transport();
    });
}

/// The arguments as they came, without the brackets.
fn arguments(event: &Event) -> String {
    let raw = event.args.raw();
    let args: Vec<&str> = raw.iter().map(|raw| raw.get()).collect();
    args.join(",")
}
