//! Answers in chats: seen in every tab, gone on with, stopped, broken, and what a restart leaves of them.

use crate::chats::{ask, done, followed, message, new_chat, next, question};
use serde_json::{Value, json};
use server::runs::Runs;
use std::time::Duration;
use testkit::World;
use testkit::fake_upstream::{End, Reply};

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

#[tokio::test]
async fn deleting_an_account_takes_its_chats_and_stops_its_answers() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let chat = new_chat(&bob).await;
    let _gate = world.openai.hold("mock-gpt");
    ask(&bob, &chat, "mock-gpt", "hi").await;
    ada.delete(&format!("/api/v1/users/{}", bob.id)).await.ok();
    world.openai.closed_by_client("mock-gpt").await;
    until_idle(&world.app.runs).await;
    let id = chat.as_str().into();
    let left = world
        .app
        .store
        .read(move |conn| store::chats::by_id(conn, &id));
    assert_eq!(left.await.unwrap(), None);
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
async fn an_answer_goes_on_when_its_asker_hangs_up_while_the_turn_is_stored() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let chat = new_chat(&ada).await;
    let tab = ada.connect().await;
    tab.next("ready").await;
    let actor = server::auth::actor_of_token(&world.app, &ada.token)
        .await
        .expect("the token is valid");
    let request = serde_json::from_value(question(&chat, "mock-gpt", "How do tides work?"))
        .expect("a request");
    // The database is busy, so that the turn waits; meanwhile the asker goes.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let store = world.app.store.clone();
    let busy = tokio::spawn(async move {
        let job = move |_: &mut store::Tx<'_>| {
            let _ = wait.recv();
            Ok::<_, store::Error>(())
        };
        store.write(job).await
    });
    let (app, chat_id) = (world.app.clone(), chat.as_str().into());
    let asker = tokio::spawn(async move {
        server::runs::start(&app, &actor, chat_id, "a".into(), request).await
    });
    let owner = ada.id.as_str().into();
    while world.app.runs.ids(&owner, None).is_empty() {
        tokio::task::yield_now().await;
    }
    asker.abort();
    let _ = asker.await;
    go.send(()).expect("the job waits");
    busy.await.expect("it ran").expect("it was committed");
    assert_eq!(done(&tab).await["content"], "Hello from the mock");
    assert_eq!(message(&ada, &chat, "a").await["done"], true);
}

#[tokio::test]
async fn a_server_that_died_with_many_peoples_answers_starts_again() {
    let mut world = World::new().await;
    let lost = move |tx: &mut store::Tx<'_>| {
        for number in 0..=store::MAX_ROOMS_PER_JOB {
            let run = store::chats::runs::Running {
                id: format!("run {number}").into(),
                chat_id: format!("chat {number}").into(),
                message_id: "a".into(),
                user_id: format!("person {number}").into(),
                model: "mock-gpt".into(),
            };
            let none = serde_json::Map::new();
            store::chats::insert(tx, &run.chat_id, &run.user_id, "Lost", &none, 0)?;
            store::chats::runs::insert(tx, &run, 0)?;
        }
        Ok::<_, store::Error>(())
    };
    world.app.store.write(lost).await.expect("they are stored");
    world.restart().await;
    let left = world.app.store.read(store::chats::runs::running).await;
    assert_eq!(left.expect("the database answers"), []);
}
