//! Completions without a chat, and the list of models: what OpenAI's clients use.

use crate::chats::{ask, new_chat, next};
use futures_util::StreamExt;
use serde_json::{Value, json};
use testkit::fake_upstream::Gate;
use testkit::{Person, World};

/// A completion without a chat.
async fn direct(person: &Person, model: &str, stream: bool, text: &str) -> reqwest::Response {
    let body =
        json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]});
    person
        .request(reqwest::Method::POST, "/api/chat/completions")
        .json(&body)
        .send()
        .await
        .expect("the server answers")
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
}

#[tokio::test]
async fn what_is_no_stream_comes_back_with_its_status_and_as_json() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
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
async fn an_ollama_is_asked_in_its_own_words() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let body =
        json!({"model": "ollama-mock:latest", "messages": [{"role": "user", "content": "hi"}]});
    let request = ada.request(reqwest::Method::POST, "/ollama/api/chat");
    let ours = request.json(&body).send().await.unwrap();
    assert_eq!(ours.headers()["content-type"], "application/x-ndjson");
    let theirs = reqwest::Client::new()
        .post(format!("{}/api/chat", world.ollama.base_url()))
        .json(&body);
    assert_eq!(
        ours.text().await.unwrap(),
        theirs.send().await.unwrap().text().await.unwrap()
    );
    for model in [json!("mock-gpt"), json!("nope"), json!(5)] {
        ada.post("/ollama/api/chat", &json!({"model": model}))
            .await
            .refused(400, "model_not_found");
    }
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
