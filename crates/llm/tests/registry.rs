//! Several upstreams at once: the list of models, who serves what, and upstreams that are away.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../testkit/src/fake_ollama.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod fake_ollama;
#[path = "../../testkit/src/fake_openai.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod fake_openai;
#[path = "../../testkit/src/fake_upstream.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod fake_upstream;

use std::time::Duration;

use fake_ollama::FakeOllama;
use fake_openai::FakeOpenAi;
use fake_upstream::{End, Reply};
use futures_util::future::join_all;
use llm::{ChatRequest, Error, Settings, Timeouts, Upstreams};
use serde_json::{Map, Value, json};

/// An address where nobody listens.
async fn nowhere() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/v1", listener.local_addr().unwrap())
}

fn upstreams(openai: &[String], ollama: &[String]) -> Upstreams {
    let mut settings = Settings::from_lists(&openai.join(";"), "", &ollama.join(";")).unwrap();
    settings.timeouts = Timeouts {
        list: Duration::from_millis(500),
        ..Timeouts::default()
    };
    Upstreams::new(settings).unwrap()
}

fn lists_asked(fake: &FakeOpenAi) -> usize {
    fake.calls()
        .iter()
        .filter(|call| call.path.ends_with("/models"))
        .count()
}

fn ask(model: &str) -> ChatRequest {
    ChatRequest {
        model: model.into(),
        stream: true,
        body: Map::new(),
        now_s: 0,
    }
}

#[tokio::test]
async fn the_list_has_the_contracts_shape() {
    let (openai, ollama) = (FakeOpenAi::start().await, FakeOllama::start().await);
    let models = upstreams(&[openai.base_url()], &[ollama.base_url()])
        .models(7)
        .await;
    let listed: Value = serde_json::to_value(&*models).unwrap();
    assert_eq!(
        models.len(),
        fake_openai::MODELS.len() + fake_ollama::MODELS.len()
    );
    assert_eq!(
        listed[0],
        json!({
            "id": "mock-gpt", "object": "model", "created": 1_700_000_000, "owned_by": "openai",
            "connection_type": "external", "name": "mock-gpt",
            "openai": {"id": "mock-gpt", "object": "model", "created": 1_700_000_000, "owned_by": "mock",
                "connection_type": "external"},
            "urlIdx": 0, "actions": [], "filters": [], "tags": [],
        })
    );
    assert_eq!(
        listed[13],
        json!({
            "id": "ollama-mock:latest", "name": "ollama-mock:latest", "object": "model", "created": 7,
            "owned_by": "ollama", "connection_type": "local", "tags": [], "actions": [], "filters": [],
            "ollama": {"name": "ollama-mock:latest", "model": "ollama-mock:latest",
                "modified_at": "2024-01-01T00:00:00Z", "size": 1, "digest": "sha256:mock",
                "details": {"format": "gguf", "family": "mock", "families": ["mock"], "parameter_size": "1B",
                    "quantization_level": "Q4_0"},
                "connection_type": "local", "urls": [0]},
        })
    );
}

#[tokio::test]
async fn the_demo_is_listed_alone_and_labelled() {
    let models = Upstreams::new(Settings::default()).unwrap().models(7).await;
    assert_eq!(models.len(), 1);
    assert_eq!(
        (models[0].id.as_str(), models[0].name.as_str()),
        ("demo", "Demo model (built in)")
    );
}

#[tokio::test]
async fn the_list_is_kept_and_its_refreshes_are_shared() {
    let openai = FakeOpenAi::start().await;
    let upstreams = upstreams(&[openai.base_url()], &[]);
    join_all((0..20).map(|_| upstreams.models(0))).await;
    upstreams.models(0).await;
    assert_eq!(lists_asked(&openai), 1);
    let gate = openai.hold("");
    let refreshes = join_all((0..20).map(|_| upstreams.refresh(0)));
    let release = async {
        openai.until("", |tally| tally.started == 2).await;
        gate.open();
    };
    let (lists, ()) = tokio::join!(refreshes, release);
    assert!(lists.iter().all(|list| list.len() == 13));
    assert_eq!(lists_asked(&openai), 2);
}

#[tokio::test]
async fn an_upstream_that_is_away_hides_only_itself() {
    let openai = FakeOpenAi::start().await;
    let upstreams = upstreams(&[nowhere().await, openai.base_url()], &[nowhere().await]);
    assert_eq!(upstreams.models(0).await.len(), 13);
    let checks = upstreams.check(0).await;
    assert!(
        matches!(checks[0].models, Err(Error::Unreachable { .. })),
        "{checks:?}"
    );
    assert_eq!(checks[1].models.as_ref().ok(), Some(&13));
    assert_eq!(checks[1].upstream, openai.base_url());
    assert!(
        checks[2]
            .models
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("cannot be reached"),
        "{checks:?}"
    );
}

#[tokio::test]
async fn one_that_never_answers_does_not_hold_the_others_up() {
    let (openai, silent) = (FakeOpenAi::start().await, FakeOpenAi::start().await);
    silent.script("", Reply::json(200, &json!({})).ending(End::Hang));
    let upstreams = upstreams(&[silent.base_url(), openai.base_url()], &[]);
    assert_eq!(upstreams.models(0).await.len(), 13);
    assert!(matches!(
        upstreams.check(0).await[0].models,
        Err(Error::Silent { .. })
    ));
}

#[tokio::test]
async fn of_two_with_the_same_model_the_first_serves_it() {
    let (first, second) = (FakeOpenAi::start().await, FakeOpenAi::start().await);
    let upstreams = upstreams(&[first.base_url(), second.base_url()], &[]);
    assert_eq!(upstreams.models(0).await.len(), 13);
    upstreams.chat(ask("mock-gpt")).await.unwrap();
    assert_eq!(
        (
            first.tally("mock-gpt").started,
            second.tally("mock-gpt").started
        ),
        (1, 0)
    );
}

#[tokio::test]
async fn an_unknown_model_is_looked_for_and_then_not_found() {
    let openai = FakeOpenAi::start().await;
    let upstreams = upstreams(&[openai.base_url()], &[]);
    let error = upstreams.chat(ask("nope")).await.unwrap_err();
    assert!(matches!(error, Error::ModelNotFound(_)), "{error:?}");
    assert!(
        upstreams.find("nope", 0).await.is_err() && upstreams.find("mock-gpt", 0).await.is_ok()
    );
    assert_eq!(lists_asked(&openai), 1, "not for every wrong name");
}

#[tokio::test]
async fn a_model_whose_upstream_went_away_says_so() {
    let openai = FakeOpenAi::start().await;
    let upstreams = upstreams(&[openai.base_url()], &[]);
    upstreams.models(0).await;
    openai.script("", Reply::json(503, &json!({"error": "closed"})));
    assert_eq!(upstreams.refresh(0).await.len(), 0);
    openai.script("mock-gpt", Reply::json(503, &json!({"error": "closed"})));
    let llm::Answer::Refused(error) = upstreams.chat(ask("mock-gpt")).await.unwrap() else {
        panic!("refused")
    };
    assert!(
        error.to_string().ends_with("answered 503: closed"),
        "{error}"
    );
}
