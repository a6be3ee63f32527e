//! Chats as they are kept: stored, merged from what clients post, renamed, deleted. Their answers: `answers.rs`.

use serde_json::{Value, json};
use testkit::{Person, Tab, World};

/// Makes an empty chat; its id.
pub async fn new_chat(person: &Person) -> String {
    let form = json!({"chat": {"title": "New chat", "models": ["mock-gpt"], "history": {"currentId": null, "messages": {}}}});
    let chat = person.post("/api/v1/chats/new", &form).await.ok();
    chat["id"].as_str().expect("a chat has an id").to_owned()
}

/// The body with which the web app asks `model` in a chat: question `q`, answer `a`.
pub fn question(chat: &str, model: &str, text: &str) -> Value {
    let asked = json!({"id": "q", "parentId": null, "childrenIds": [], "role": "user", "content": text, "timestamp": 1_763_900_000});
    json!({
        "stream": true, "model": model, "messages": [{"role": "user", "content": text}],
        "session_id": "any", "chat_id": chat, "id": "a", "parent_id": "q", "parent_message": asked,
    })
}

pub async fn ask(person: &Person, chat: &str, model: &str, text: &str) -> String {
    let started = person
        .post("/api/chat/completions", &question(chat, model, text))
        .await
        .ok();
    assert_eq!(started["status"], true);
    started["task_id"]
        .as_str()
        .expect("a task has an id")
        .to_owned()
}

/// The next event of a chat with this type.
pub async fn next(tab: &Tab, kind: &str) -> Value {
    tab.next_where("events", |event| event["data"]["type"] == kind)
        .await
}

/// The last event of an answer that finished.
pub async fn done(tab: &Tab) -> Value {
    let is_last = |event: &Value| event["data"]["data"]["done"] == true;
    tab.next_where("events", is_last).await["data"]["data"].clone()
}

/// What a client shows that follows the rules of the contract: pieces are appended, `content` replaces. Fails where a
/// piece is not at its offset.
pub fn followed(tab: &Tab) -> String {
    let mut text = String::new();
    for event in tab.arrived() {
        let event = &event.args[0];
        if event["data"]["type"] != "chat:completion" {
            continue;
        }
        let data = &event["data"]["data"];
        if let Some(whole) = data["content"].as_str() {
            text = whole.to_owned();
        } else if let Some(piece) = data["choices"][0]["delta"]["content"].as_str() {
            assert_eq!(
                event["run"]["offset"],
                text.len(),
                "a piece stands where the text ends"
            );
            text.push_str(piece);
        }
    }
    text
}

pub async fn message(person: &Person, chat: &str, id: &str) -> Value {
    let chat = person.get(&format!("/api/v1/chats/{chat}")).await.ok();
    chat["chat"]["history"]["messages"][id].clone()
}

#[tokio::test]
async fn a_chat_is_kept_as_a_client_wrote_it_and_only_its_owner_sees_it() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let tab = ada.connect().await;
    let form = json!({"chat": {
        "title": "Tides", "models": ["mock-gpt"], "params": {"temperature": 0}, "files": [{"id": "f"}], "mine": 5,
        "history": {"currentId": "a", "messages": {
            "q": {"id": "q", "parentId": null, "childrenIds": ["a"], "role": "user", "content": "Why?", "timestamp": 1_763_900_001, "models": ["mock-gpt"]},
            "a": {"id": "a", "parentId": "q", "childrenIds": [], "role": "assistant", "content": "Moon.", "timestamp": 1_763_900_002, "done": true, "sources": [1]},
        }},
    }});
    let made = ada.post("/api/v1/chats/new", &form).await.ok();
    let id = made["id"].as_str().unwrap();
    assert_eq!(
        next(&tab, "chat:list").await["data"]["data"]["title"],
        "Tides"
    );
    let chat = ada.get(&format!("/api/v1/chats/{id}")).await.ok();
    for key in [
        "id",
        "user_id",
        "title",
        "updated_at",
        "created_at",
        "share_id",
        "archived",
        "pinned",
        "meta",
        "folder_id",
    ] {
        assert!(
            !chat[key].is_null() || matches!(key, "share_id" | "folder_id"),
            "{key}: {chat}"
        );
    }
    let document = &chat["chat"];
    for key in ["title", "models", "params", "files", "mine"] {
        assert_eq!(document[key], form["chat"][key], "{key}");
    }
    assert_eq!(document["history"]["currentId"], "a");
    let messages = &document["history"]["messages"];
    assert_eq!(messages["q"]["childrenIds"], json!(["a"]));
    assert_eq!(messages["a"], {
        let mut sent = form["chat"]["history"]["messages"]["a"].clone();
        sent["childrenIds"] = json!([]);
        sent
    });
    assert_eq!(document["messages"][1], messages["a"]);
    let rows = ada.get("/api/v1/chats/?page=1").await.ok();
    assert_eq!(
        (&rows[0]["id"], &rows[0]["title"]),
        (&made["id"], &json!("Tides"))
    );

    let path = format!("/api/v1/chats/{id}");
    bob.get(&path).await.refused(401, "chat_not_found");
    bob.post(&path, &json!({"chat": {"title": "Mine"}}))
        .await
        .refused(401, "chat_not_found");
    bob.delete(&path).await.refused(401, "chat_not_found");
    bob.post("/api/chat/completions", &question(id, "mock-gpt", "hi"))
        .await
        .refused(404, "not_found");
    assert_eq!(bob.get("/api/v1/chats/").await.ok(), json!([]));
    world
        .nobody()
        .get(&path)
        .await
        .refused(401, "not_authenticated");
    ada.post("/api/v1/chats/new", &json!({"chat": 5}))
        .await
        .refused(422, "validation_error");
    ada.get("/api/v1/chats/?page=x")
        .await
        .refused(422, "validation_error");
}

#[tokio::test]
async fn renaming_pinning_archiving_and_deleting_reach_every_tab() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let (chat, other) = (new_chat(&ada).await, new_chat(&ada).await);
    let (desk, phone) = (ada.connect().await, ada.connect_stock().await);
    let path = format!("/api/v1/chats/{chat}");
    ada.post(&path, &json!({"chat": {"title": "Renamed\n twice"}}))
        .await
        .ok();
    for tab in [&desk, &phone] {
        assert_eq!(
            next(tab, "chat:list").await["data"]["data"]["title"],
            "Renamed twice"
        );
    }
    let list = async |path: &str| -> Vec<String> {
        let rows = ada.get(path).await.ok();
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        ada.post(&format!("{path}/pin"), &json!({})).await.ok()["pinned"],
        true
    );
    assert_eq!(list("/api/v1/chats/pinned").await, [chat.as_str()]);
    assert_eq!(
        list("/api/v1/chats/list?page=1&include_pinned=false").await,
        [other.as_str()]
    );
    assert_eq!(
        ada.post(&format!("{path}/archive"), &json!({})).await.ok()["archived"],
        true
    );
    assert_eq!(list("/api/v1/chats/archived").await, [chat.as_str()]);
    assert_eq!(list("/api/v1/chats/").await, [other.as_str()]);
    assert_eq!(ada.delete(&path).await.ok(), true);
    let is_gone =
        |event: &Value| event["data"]["data"]["deleted"] == true && event["chat_id"] == json!(chat);
    desk.next_where("events", is_gone).await;
    ada.get(&path).await.refused(401, "chat_not_found");
    assert_eq!(ada.delete("/api/v1/chats/").await.ok(), true);
    assert!(list("/api/v1/chats/").await.is_empty());
    phone
        .next_where("events", |event| {
            event["chat_id"] == json!(other) && event["data"]["data"]["deleted"] == true
        })
        .await;
}

#[tokio::test]
async fn what_other_tabs_post_neither_shortens_nor_removes_an_answer() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let chat = new_chat(&ada).await;
    let (tab, gate) = (ada.connect().await, world.openai.hold("mock-gpt"));
    ask(&ada, &chat, "mock-gpt", "hi").await;
    let path = format!("/api/v1/chats/{chat}");
    let stale = |content: &str, done: Option<bool>| {
        let mut answer = json!({"id": "a", "parentId": "q", "role": "assistant", "content": content, "followUps": ["and?"]});
        if let Some(done) = done {
            answer["done"] = json!(done);
        }
        json!({"chat": {"history": {"currentId": "a", "messages": {"a": answer}}}})
    };
    gate.release(1);
    next(&tab, "chat:completion").await;
    let shown = ada.post(&path, &stale("", Some(true))).await.ok();
    assert_eq!(
        shown["chat"]["history"]["messages"]["a"]["content"],
        "Hello"
    );
    gate.open();
    assert_eq!(done(&tab).await["content"], "Hello from the mock");
    ada.post(&path, &stale("Hello", None)).await.ok();
    let held = message(&ada, &chat, "a").await;
    assert_eq!(
        (&held["content"], &held["done"], &held["followUps"]),
        (
            &json!("Hello from the mock"),
            &json!(true),
            &json!(["and?"])
        )
    );
    assert_eq!(
        message(&ada, &chat, "q").await["content"],
        "hi",
        "what is left out stays"
    );
    // A person who edits the finished answer is heard.
    ada.post(&path, &stale("Edited", Some(true))).await.ok();
    assert_eq!(message(&ada, &chat, "a").await["content"], "Edited");
    tab.settled().await;
    tab.forget();
    ada.post(&path, &stale("Edited", Some(true))).await.ok();
    tab.settled().await;
    tab.nothing_of("events");
}

#[tokio::test]
async fn messages_are_edited_reported_about_and_deleted_one_by_one() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let chat = new_chat(&ada).await;
    let tab = ada.connect().await;
    ask(&ada, &chat, "mock-gpt", "hi").await;
    done(&tab).await;
    let path = format!("/api/v1/chats/{chat}/messages/a");
    ada.post(&path, &json!({"content": "Better."})).await.ok();
    assert_eq!(
        next(&tab, "chat:message").await["data"]["data"],
        json!({"chat_id": chat, "message_id": "a", "content": "Better."})
    );
    let report = async |kind: &str, data: Value| {
        ada.post(
            &format!("{path}/event"),
            &json!({"type": kind, "data": data}),
        )
        .await
    };
    report("chat:message:delta", json!({"content": " More."}))
        .await
        .ok();
    assert_eq!(
        next(&tab, "message").await["data"]["data"]["content"],
        " More."
    );
    report("status", json!({"description": "Looking", "done": false}))
        .await
        .ok();
    report(
        "citation",
        json!({"source": {"name": "s"}, "document": [], "metadata": []}),
    )
    .await
    .ok();
    report("files", json!({"files": [{"type": "image", "url": "/f"}]}))
        .await
        .ok();
    report("message", json!({}))
        .await
        .refused(400, "content_missing");
    report("execute", json!({"code": "1"}))
        .await
        .refused(400, "unknown_event");
    let held = message(&ada, &chat, "a").await;
    assert_eq!(held["content"], "Better. More.");
    assert_eq!(held["statusHistory"][0]["description"], "Looking");
    assert_eq!(
        (
            held["sources"][0]["source"]["name"].clone(),
            held["files"][0]["url"].clone()
        ),
        (json!("s"), json!("/f"))
    );
    let left = ada.delete(&path).await.ok();
    assert_eq!(left["chat"]["history"]["currentId"], "q");
    ada.post(&path, &json!({"content": "x"}))
        .await
        .refused(401, "chat_not_found");
}
