//! Chats with models over the public wire: stored, merged, answered in every tab, stopped, broken, and without a chat.

#![allow(clippy::unwrap_used)] // in the helpers too, not only in the tests

use futures_util::StreamExt;
use serde_json::{Value, json};
use server::runs::Runs;
use std::time::Duration;
use testkit::fake_upstream::{End, Gate, Reply};
use testkit::person::Person;
use testkit::socket::Tab;
use testkit::world::World;

/// Makes an empty chat; its id.
async fn new_chat(person: &Person) -> String {
    let form = json!({"chat": {"title": "New chat", "models": ["mock-gpt"], "history": {"currentId": null, "messages": {}}}});
    let chat = person.post("/api/v1/chats/new", &form).await.ok();
    chat["id"].as_str().unwrap().to_owned()
}

/// The body with which the web app asks `model` in a chat: question `q`, answer `a`.
fn question(chat: &str, model: &str, text: &str) -> Value {
    let asked = json!({"id": "q", "parentId": null, "childrenIds": [], "role": "user", "content": text, "timestamp": 1_763_900_000});
    json!({
        "stream": true, "model": model, "messages": [{"role": "user", "content": text}],
        "session_id": "any", "chat_id": chat, "id": "a", "parent_id": "q", "parent_message": asked,
    })
}

async fn ask(person: &Person, chat: &str, model: &str, text: &str) -> String {
    let started = person
        .post("/api/chat/completions", &question(chat, model, text))
        .await
        .ok();
    assert_eq!(started["status"], true);
    started["task_id"].as_str().unwrap().to_owned()
}

/// The next event of a chat with this type.
async fn next(tab: &Tab, kind: &str) -> Value {
    tab.next_where("events", |event| event["data"]["type"] == kind)
        .await
}

/// The last event of an answer that finished.
async fn done(tab: &Tab) -> Value {
    let is_last = |event: &Value| event["data"]["data"]["done"] == true;
    tab.next_where("events", is_last).await["data"]["data"].clone()
}

/// What a client shows that follows the rules of the contract: pieces are appended, `content` replaces. Fails where a
/// piece is not at its offset.
fn followed(tab: &Tab) -> String {
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

async fn message(person: &Person, chat: &str, id: &str) -> Value {
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
    assert_eq!(list("/api/v1/chats/pinned").await, [chat.clone()]);
    assert_eq!(
        list("/api/v1/chats/list?page=1&include_pinned=false").await,
        [other.clone()]
    );
    assert_eq!(
        ada.post(&format!("{path}/archive"), &json!({})).await.ok()["archived"],
        true
    );
    assert_eq!(list("/api/v1/chats/archived").await, [chat.clone()]);
    assert_eq!(list("/api/v1/chats/").await, [other.clone()]);
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
async fn an_answer_appears_in_every_tab_and_is_stored() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let chat = new_chat(&ada).await;
    let (desk, phone) = (ada.connect().await, ada.connect_stock().await);
    let gate = world.openai.hold("mock-gpt");
    let task = ask(&ada, &chat, "mock-gpt", "How do tides work?").await;
    for tab in [&desk, &phone] {
        let turn = next(tab, "chat:messages").await;
        assert_eq!(turn["chat_id"], json!(chat));
        let turn = &turn["data"]["data"];
        assert_eq!(turn["currentId"], "a");
        assert_eq!(turn["messages"]["q"]["content"], "How do tides work?");
        assert_eq!(turn["messages"]["q"]["childrenIds"], json!(["a"]));
        assert_eq!(
            (
                &turn["messages"]["a"]["done"],
                &turn["messages"]["a"]["model"]
            ),
            (&json!(false), &json!("mock-gpt"))
        );
    }
    assert_eq!(
        ada.get(&format!("/api/tasks/chat/{chat}")).await.ok(),
        json!({"task_ids": [task]})
    );
    gate.release(2);
    let is_piece =
        |event: &Value| event["data"]["data"]["choices"][0]["delta"]["content"] != Value::Null;
    let piece = desk.next_where("events", is_piece).await;
    assert_eq!(
        (&piece["message_id"], &piece["run"]["id"]),
        (&json!("a"), &json!(task))
    );
    // A tab that opens the chat now finds what there is, and takes part from there.
    let mut held = message(&ada, &chat, "a").await;
    while held["content"] != "Hello from" {
        held = message(&ada, &chat, "a").await;
    }
    assert_eq!(held["done"], false);
    gate.open();
    for tab in [&desk, &phone] {
        assert_eq!(
            done(tab).await,
            json!({"done": true, "content": "Hello from the mock", "title": "How do tides work?"})
        );
        assert_eq!(followed(tab), "Hello from the mock");
    }
    let stored = message(&ada, &chat, "a").await;
    assert_eq!(
        (&stored["content"], &stored["done"]),
        (&json!("Hello from the mock"), &json!(true))
    );
    assert_eq!(stored["usage"]["total_tokens"], 9);
    assert_eq!(
        ada.get(&format!("/api/tasks/chat/{chat}")).await.ok(),
        json!({"task_ids": []})
    );
    let sent = world
        .openai
        .calls()
        .into_iter()
        .find(|call| call.model() == "mock-gpt")
        .unwrap();
    assert_eq!(
        sent.body,
        json!({"model": "mock-gpt", "stream": true, "messages": [{"role": "user", "content": "How do tides work?"}]})
    );
}

#[tokio::test]
async fn an_answer_goes_on_when_the_tab_closes() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let chat = new_chat(&ada).await;
    let (desk, gate) = (ada.connect().await, world.openai.hold("mock-gpt"));
    ask(&ada, &chat, "mock-gpt", "hi").await;
    desk.close().await;
    let later = ada.connect().await;
    gate.open();
    assert_eq!(done(&later).await["content"], "Hello from the mock");
    assert_eq!(
        message(&ada, &chat, "a").await["content"],
        "Hello from the mock"
    );
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
async fn an_answer_that_breaks_says_so_and_keeps_its_text() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let tab = ada.connect().await;
    let check = async |model: &str, code: &str, kept: &str| {
        let chat = new_chat(&ada).await;
        ask(&ada, &chat, model, "hi").await;
        let error = next(&tab, "chat:message:error").await["data"]["data"]["error"].clone();
        assert_eq!(
            (&error["code"], &error["kept"]),
            (&json!(code), &json!(kept.len())),
            "{model}: {error}"
        );
        assert!(
            error["content"]
                .as_str()
                .is_some_and(|text| !text.contains("sk-test")),
            "{model}: {error}"
        );
        next(&tab, "chat:tasks:cancel").await;
        let held = message(&ada, &chat, "a").await;
        assert_eq!(
            (&held["content"], &held["done"], &held["error"]),
            (&json!(kept), &json!(true), &error),
            "{model}"
        );
        assert_eq!(
            ada.get(&format!("/api/tasks/chat/{chat}")).await.ok(),
            json!({"task_ids": []})
        );
    };
    check("mock-cut", "upstream_cut", "Hello from the").await;
    check("mock-error-mid", "upstream_failed", "Hello from the").await;
    check("mock-http-500", "upstream_refused", "").await;
    check("ollama-err:latest", "upstream_failed", "Hello from the").await;
    world.openai.script(
        "mock-gpt",
        Reply::stream("text/event-stream", ["data: {\"cho"]).ending(End::Cut),
    );
    check("mock-gpt", "upstream_cut", "").await;
    let long = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n",
        "x".repeat(1 << 20)
    );
    world.openai.script(
        "mock-gpt",
        Reply::stream(
            "text/event-stream",
            [
                long,
                "data: {\"choices\":[{\"delta\":{\"content\":\"y\"}}]}\n\n".into(),
            ],
        )
        .ending(End::Hang),
    );
    check("mock-gpt", "answer_too_long", &"x".repeat(1 << 20)).await;
    world.openai.closed_by_client("mock-gpt").await;
}

#[tokio::test]
async fn only_its_owner_stops_an_answer_and_the_text_so_far_stays() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let chat = new_chat(&ada).await;
    let (tab, gate) = (ada.connect().await, world.openai.hold("mock-gpt"));
    let task = ask(&ada, &chat, "mock-gpt", "hi").await;
    gate.release(2);
    next(&tab, "chat:completion").await;
    let stop = format!("/api/tasks/stop/{task}");
    assert_eq!(bob.post(&stop, &json!({})).await.ok()["status"], false);
    assert_eq!(
        bob.get(&format!("/api/tasks/chat/{chat}")).await.ok(),
        json!({"task_ids": []})
    );
    assert_eq!(ada.get("/api/tasks").await.ok(), json!({"tasks": [task]}));
    assert_eq!(ada.post(&stop, &json!({})).await.ok()["status"], true);
    next(&tab, "chat:tasks:cancel").await;
    world.openai.closed_by_client("mock-gpt").await;
    let held = message(&ada, &chat, "a").await;
    assert_eq!(
        (held["done"].clone(), held["error"].clone()),
        (json!(true), Value::Null)
    );
    assert_eq!(held["content"], json!(followed(&tab)));
    assert_eq!(ada.post(&stop, &json!({})).await.ok()["status"], false);
}

#[tokio::test]
async fn a_message_is_written_by_one_run_and_asked_again_begins_anew() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let chat = new_chat(&ada).await;
    let (tab, gate) = (ada.connect().await, world.openai.hold("mock-gpt"));
    ask(&ada, &chat, "mock-gpt", "hi").await;
    ada.post("/api/chat/completions", &question(&chat, "mock-gpt", "hi"))
        .await
        .refused(409, "already_generating");
    let path = format!("/api/v1/chats/{chat}/messages/a");
    ada.post(&path, &json!({"content": "x"}))
        .await
        .refused(409, "message_is_growing");
    ada.delete(&path).await.refused(409, "message_is_growing");
    gate.open();
    done(&tab).await;
    ask(&ada, &chat, "mock-reason", "again").await;
    done(&tab).await;
    let held = message(&ada, &chat, "a").await;
    let content = held["content"].as_str().unwrap();
    assert!(
        content.starts_with("<details type=\"reasoning\" done=\"true\" duration=\"0\">"),
        "{content}"
    );
    assert!(
        content.ends_with("&gt; Think a bit\n</details>\nHello from the"),
        "{content}"
    );
    assert_eq!(held["model"], "mock-reason");
}

#[tokio::test]
async fn a_title_comes_from_the_question_then_from_the_model_and_a_persons_own_stays() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let tab = ada.connect().await;
    let chat = new_chat(&ada).await;
    let mut body = question(&chat, "mock-gpt", "How do tides work?");
    body["background_tasks"] = json!({"title_generation": true});
    ada.post("/api/chat/completions", &body).await.ok();
    assert_eq!(done(&tab).await["title"], "How do tides work?");
    let title = next(&tab, "chat:title").await;
    assert_eq!(
        (&title["data"]["data"], &title["chat_id"]),
        (&json!("Mock Title"), &json!(chat))
    );
    assert_eq!(
        ada.get(&format!("/api/v1/chats/{chat}")).await.ok()["title"],
        "Mock Title"
    );

    let chat = new_chat(&ada).await;
    ada.post(
        &format!("/api/v1/chats/{chat}"),
        &json!({"chat": {"title": "Mine"}}),
    )
    .await
    .ok();
    body["chat_id"] = json!(chat);
    ada.post("/api/chat/completions", &body).await.ok();
    assert_eq!(done(&tab).await["title"], "Mine");
}

#[tokio::test]
async fn the_stored_conversation_is_asked_if_the_request_brings_none() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let chat = new_chat(&ada).await;
    let tab = ada.connect().await;
    ask(&ada, &chat, "mock-reason", "first").await;
    done(&tab).await;
    let next_question = json!({"id": "q2", "parentId": "a", "role": "user", "content": "second"});
    ada.post(
        &format!("/api/v1/chats/{chat}"),
        &json!({"chat": {"history": {"currentId": "q2", "messages": {"q2": next_question}}}}),
    )
    .await
    .ok();
    let body = json!({"model": "mock-gpt", "session_id": "s", "chat_id": chat, "id": "a2", "parent_id": "q2"});
    ada.post("/api/chat/completions", &body).await.ok();
    done(&tab).await;
    let asked = world
        .openai
        .calls()
        .into_iter()
        .rfind(|call| call.model() == "mock-gpt")
        .unwrap();
    assert_eq!(
        asked.body["messages"],
        json!([{"role": "user", "content": "first"}, {"role": "assistant", "content": "Hello from the"}, {"role": "user", "content": "second"}])
    );
    assert_eq!(message(&ada, &chat, "a2").await["parentId"], "q2");
}

#[tokio::test]
async fn a_temporary_chat_is_answered_and_not_stored() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let tab = ada.connect().await;
    ask(&ada, "local:any", "mock-gpt", "hi").await;
    assert_eq!(done(&tab).await["content"], "Hello from the mock");
    assert_eq!(followed(&tab), "Hello from the mock");
    assert_eq!(ada.get("/api/v1/chats/").await.ok(), json!([]));
}

#[tokio::test]
async fn deleting_a_chat_stops_its_answer() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let chat = new_chat(&ada).await;
    let _gate = world.openai.hold("mock-gpt");
    ask(&ada, &chat, "mock-gpt", "hi").await;
    ada.delete(&format!("/api/v1/chats/{chat}")).await.ok();
    world.openai.closed_by_client("mock-gpt").await;
    until_idle(&world.app.runs).await;
}

async fn until_idle(runs: &Runs) {
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        while !runs.is_idle() {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("the runs end");
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

#[tokio::test]
async fn a_stop_of_the_server_and_a_death_of_it_end_answers_with_what_was_kept() {
    let mut world = World::new().await;
    let ada = world.sign_up("ada").await;
    let chat = new_chat(&ada).await;
    let (tab, gate) = (ada.connect().await, world.openai.hold("mock-gpt"));
    ask(&ada, &chat, "mock-gpt", "hi").await;
    gate.release(1);
    next(&tab, "chat:completion").await;
    // A run of a server that died: its row and two pieces are all that is left.
    let (lost, owner) = (new_chat(&ada).await, ada.id.clone());
    let body = json!({"chat": {"history": {"currentId": "a", "messages": {"a": {"role": "assistant", "content": ""}}}}});
    ada.post(&format!("/api/v1/chats/{lost}"), &body).await.ok();
    let run = store::chats::runs::Running {
        id: "dead".into(),
        chat_id: lost.as_str().into(),
        message_id: "a".into(),
        user_id: owner,
        model: "mock-gpt".into(),
    };
    let left = world.app.store.write(move |tx| {
        store::chats::runs::insert(tx, &run, 1)?;
        store::chats::runs::put_piece(tx, &run.id, 0, "Hal")?;
        store::chats::runs::put_piece(tx, &run.id, 3, "f")
    });
    left.await.unwrap();
    world.restart().await;
    let stopped = message(&ada, &chat, "a").await;
    assert_eq!(
        (
            &stopped["content"],
            &stopped["done"],
            &stopped["error"]["code"]
        ),
        (&json!("Hello"), &json!(true), &json!("server_stopped"))
    );
    let lost = message(&ada, &lost, "a").await;
    assert_eq!(
        (&lost["content"], &lost["done"]),
        (&json!("Half"), &json!(true))
    );
    assert_eq!(
        (&lost["error"]["code"], &lost["error"]["kept"]),
        (&json!("node_lost"), &json!(4))
    );
}

/// A completion without a chat.
async fn direct(person: &Person, model: &str, stream: bool, text: &str) -> reqwest::Response {
    let body =
        json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]});
    person
        .request(reqwest::Method::POST, "/api/chat/completions")
        .json(&body)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn without_a_chat_the_upstreams_own_bytes_come_back() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for model in [
        "mock-gpt",
        "mock-split",
        "mock-comment",
        "mock-error-mid",
        "mock-badjson",
        "mock-tool",
        "mock-bigline",
    ] {
        let ours = direct(&ada, model, true, "hi").await;
        assert_eq!(
            ours.headers()["content-type"],
            "text/event-stream; charset=utf-8",
            "{model}"
        );
        assert_eq!(ours.headers()["cache-control"], "no-cache", "{model}");
        let theirs = reqwest::Client::new()
            .post(format!("{}/chat/completions", world.openai.base_url()))
            .json(&json!({"model": model, "stream": true, "messages": [{"role": "user", "content": "hi"}]}));
        assert_eq!(
            ours.text().await.unwrap(),
            theirs.send().await.unwrap().text().await.unwrap(),
            "{model}"
        );
    }
    let refused = direct(&ada, "mock-http-500", true, "hi").await;
    assert_eq!(
        (
            refused.status().as_u16(),
            refused.headers()["content-type"].to_str().unwrap()
        ),
        (500, "application/json")
    );
    assert_eq!(
        refused.json::<Value>().await.unwrap()["error"]["code"],
        "mock_500"
    );
    let cut = direct(&ada, "mock-cut", true, "hi")
        .await
        .text()
        .await
        .unwrap();
    assert!(
        cut.contains("upstream_cut") && !cut.contains("[DONE]"),
        "{cut}"
    );
    for (model, stream) in [
        ("mock-nonstream", true),
        ("mock-gpt", false),
        ("ollama-mock:latest", false),
    ] {
        let whole: Value = direct(&ada, model, stream, "hi")
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(
            whole["choices"][0]["message"]["content"], "Hello from the mock",
            "{model}"
        );
    }
    let path = "/api/chat/completions";
    ada.post(path, &json!({"model": "nope", "messages": []}))
        .await
        .refused(400, "model_not_found");
    ada.post(path, &json!({"messages": []}))
        .await
        .refused(400, "model_not_found");
    ada.post(path, &json!({"model": 5, "messages": "x"}))
        .await
        .refused(422, "validation_error");
    world
        .nobody()
        .post(path, &json!({"model": "mock-gpt", "messages": []}))
        .await
        .refused(401, "not_authenticated");
    for path in ["/openai/chat/completions", "/api/v1/chat/completions"] {
        let whole = ada
            .post(path, &json!({"model": "mock-gpt", "messages": []}))
            .await
            .ok();
        assert_eq!(whole["object"], "chat.completion", "{path}");
    }
    let seen = ada
        .post(
            "/api/chat/completed",
            &json!({"model": "mock-gpt", "messages": [{"id": "a"}]}),
        )
        .await
        .ok();
    assert_eq!(seen["messages"][0]["id"], "a");
}

#[tokio::test]
async fn a_client_without_a_chat_that_leaves_closes_the_upstream() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let gate: Gate = world.openai.hold("mock-gpt");
    gate.release(1);
    let mut answer = direct(&ada, "mock-gpt", true, "hi").await.bytes_stream();
    assert!(answer.next().await.unwrap().unwrap().starts_with(b"data: "));
    drop(answer);
    world.openai.closed_by_client("mock-gpt").await;
    // Before the first byte, too.
    let waiting =
        tokio::spawn(async move { direct(&ada, "mock-gpt", true, "hi").await.text().await });
    world
        .openai
        .until("mock-gpt", |tally| tally.started == 2)
        .await;
    waiting.abort();
    world
        .openai
        .until("mock-gpt", |tally| tally.closed_by_client == 2)
        .await;
}

#[tokio::test]
async fn the_models_of_all_upstreams_are_listed_and_the_demo_when_there_are_none() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let models = ada.get("/api/models").await.ok();
    let ids: Vec<&str> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    assert_eq!((ids[0], ids.len()), ("mock-gpt", 15));
    world
        .nobody()
        .get("/api/models")
        .await
        .refused(401, "not_authenticated");
    ada.get("/api/models?refresh=true").await.ok();
    let lists = world
        .openai
        .calls()
        .into_iter()
        .filter(|call| call.path.ends_with("/models"));
    assert_eq!(lists.count(), 2);

    let alone = World::with(|settings| {
        settings.openai_api_base_urls = None;
        settings.openai_api_keys = None;
        settings.ollama_base_urls = None;
    });
    let alone = alone.await;
    let ada = alone.sign_up("ada").await;
    let models = ada.get("/api/models").await.ok();
    assert_eq!(
        (
            models["data"].as_array().unwrap().len(),
            &models["data"][0]["name"]
        ),
        (1, &json!("Demo model (built in)"))
    );
    let chat = new_chat(&ada).await;
    let tab = ada.connect().await;
    ask(&ada, &chat, "demo", "hi").await;
    next(&tab, "chat:completion").await;
}
