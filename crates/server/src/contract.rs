//! The interface as documents, made from the types: OpenAPI for HTTP, AsyncAPI and TypeScript for events.
//!
//! `tests/contract` writes them into the repository and fails when they are not what is checked in.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use utoipa::openapi::{ComponentsBuilder, OpenApi, RefOr, Schema};
use wire::events::{ClientEvent, ServerEvent, name_is_in_contract};

/// The OpenAPI document: every documented route, and the schemas of every event beside those of the bodies.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut document = crate::http::openapi();
    let mut events = Vec::new();
    wire::events::collect(&mut events);
    let known = document
        .components
        .take()
        .unwrap_or_else(|| ComponentsBuilder::new().build());
    let mut schemas: BTreeMap<String, RefOr<Schema>> = known.schemas.clone().into_iter().collect();
    schemas.extend(events);
    let mut components = known;
    components.schemas = schemas.into_iter().collect();
    document.components = Some(components);
    document
}

/// The AsyncAPI 3 document: rooms as channels, events as messages.
///
/// # Errors
/// When a schema cannot be written as JSON, which no type of ours does.
pub fn asyncapi() -> serde_json::Result<Value> {
    let mut named = Vec::new();
    wire::events::collect(&mut named);
    let named: BTreeMap<_, _> = named.into_iter().collect();
    let schemas = serde_json::to_value(named)?;
    let mut messages = Map::new();
    for (name, schema) in wire::events::schemas() {
        let stock = if name_is_in_contract(name) {
            "every socket"
        } else {
            "sockets that opted in by `resume`"
        };
        messages.insert(
            name.to_owned(),
            json!({"name": name, "summary": format!("Sent to {stock}."), "payload": {"$ref": format!("#/components/schemas/{schema}")}}),
        );
    }
    let refs: Map<String, Value> = messages
        .keys()
        .map(|name| {
            (
                name.clone(),
                json!({"$ref": format!("#/components/messages/{}", escaped(name))}),
            )
        })
        .collect();
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tidings events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Socket.IO 5 at /ws/socket.io, namespace /. Numbered events carry `room`, `seq` and `at` \
                (commit time, ms) at their payload's top level. Clients may send: "
                .to_owned() + &ClientEvent::NAMES.join(", ") + ".",
        },
        "channels": {"socket": {
            "address": "/ws/socket.io",
            "description": "Rooms: everyone, user:{id}, channel:{id}. A socket is put into its rooms before CONNECT is answered.",
            "messages": refs,
        }},
        "operations": {"push": {"action": "send", "channel": {"$ref": "#/channels/socket"}}},
        "components": {"messages": messages, "schemas": schemas},
    }))
}

/// JSON pointers write `/` and `~` differently.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// `packages/client/src/events.generated.ts`: each event's name with the type of its payload.
#[must_use]
pub fn typescript_events() -> String {
    let mut text = String::from(
        "// Generated from crates/wire. Do not edit; run `cargo xtask update`.\n\
         import type { components } from './schema.ts';\n\n\
         type Schemas = components['schemas'];\n\n\
         /** Where an event stands in its room. `seq` is contiguous per room, `at` is the commit time in milliseconds. */\n\
         export interface Numbered {\n\troom?: string;\n\tseq?: number;\n\tat?: number;\n}\n\n\
         /** What the server may push: name to payload. */\n\
         export interface ServerEventPayloads {\n",
    );
    for (name, schema) in wire::events::schemas() {
        let _ = writeln!(text, "\t'{name}': Schemas['{schema}'] & Numbered;");
    }
    text.push_str("}\n\nexport type ServerEventName = keyof ServerEventPayloads;\n\n");
    text.push_str("/** Every event the server may push. */\nexport const SERVER_EVENT_NAMES: readonly ServerEventName[] = [\n");
    for name in ServerEvent::NAMES {
        let _ = writeln!(text, "\t'{name}',");
    }
    text.push_str(
        "];\n\n/** Every event a client may send. */\nexport const CLIENT_EVENT_NAMES = [\n",
    );
    for name in ClientEvent::NAMES {
        let _ = writeln!(text, "\t'{name}',");
    }
    text.push_str("] as const;\n");
    text
}
