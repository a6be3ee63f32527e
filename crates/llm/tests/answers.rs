//! What each fake model says, as deltas and as bytes, and what happens when one of the two sides goes away.

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

use bytes::Bytes;
use fake_ollama::FakeOllama;
use fake_openai::FakeOpenAi;
use fake_upstream::{End, Reply};
use futures_util::StreamExt;
use llm::{Answer, ChatRequest, Delta, Deltas, Error, Settings, Timeouts, Upstreams};
use serde_json::{Value, json};

struct Fakes {
    openai: FakeOpenAi,
    ollama: FakeOllama,
    upstreams: Upstreams,
}

async fn fakes() -> Fakes {
    fakes_with(Timeouts::default()).await
}

async fn fakes_with(timeouts: Timeouts) -> Fakes {
    let (openai, ollama) = (FakeOpenAi::start().await, FakeOllama::start().await);
    let mut settings =
        Settings::from_lists(&openai.base_url(), "sk-secret", &ollama.base_url()).unwrap();
    settings.timeouts = timeouts;
    let upstreams = Upstreams::new(settings).unwrap();
    Fakes {
        openai,
        ollama,
        upstreams,
    }
}

fn ask(model: &str, stream: bool, text: &str) -> ChatRequest {
    let body = json!({"messages": [{"role": "user", "content": text}]});
    ChatRequest {
        model: model.into(),
        stream,
        body: body.as_object().unwrap().clone(),
        now_s: 1_700_000_000,
    }
}

/// Everything an answer said, and how it ended.
async fn drain(mut deltas: Deltas) -> (Vec<Delta>, Option<Error>) {
    let mut seen = Vec::new();
    while let Some(next) = deltas.next().await {
        match next {
            Ok(delta) => seen.push(delta),
            Err(error) => {
                assert!(deltas.next().await.is_none(), "nothing follows an error");
                return (seen, Some(error));
            }
        }
    }
    (seen, None)
}

async fn deltas_of(upstreams: &Upstreams, request: ChatRequest) -> (Vec<Delta>, Option<Error>) {
    drain(
        upstreams
            .chat(request)
            .await
            .unwrap()
            .into_deltas()
            .unwrap(),
    )
    .await
}

fn text_of(deltas: &[Delta]) -> String {
    let text = deltas.iter().filter_map(|delta| match delta {
        Delta::Content(text) => Some(text.as_str()),
        _ => None,
    });
    text.collect()
}

/// The bytes of an answer and whether they ended properly.
async fn bytes_of(answer: Answer, guard_bytes: Option<usize>) -> (String, Option<Error>) {
    let Answer::Stream(stream) = answer else {
        panic!("a stream")
    };
    let mut stream = std::pin::pin!(stream.into_sse(guard_bytes));
    let (mut seen, mut error) = (Vec::new(), None);
    while let Some(next) = stream.next().await {
        match next {
            Ok(bytes) => seen.extend_from_slice(&bytes),
            Err(broken) => error = Some(broken),
        }
    }
    (String::from_utf8(seen).unwrap(), error)
}

#[tokio::test]
async fn each_model_gives_its_text_and_its_end() {
    let fakes = fakes().await;
    let check = async |model: &str, expected: &str| {
        let (deltas, error) = deltas_of(&fakes.upstreams, ask(model, true, "hi")).await;
        assert!(error.is_none(), "{model}: {error:?}");
        assert_eq!(text_of(&deltas), expected, "{model}");
        assert!(
            deltas.contains(&Delta::Finish("stop".into())),
            "{model}: {deltas:?}"
        );
        assert!(
            deltas.iter().any(|delta| matches!(delta, Delta::Usage(_))),
            "{model}: {deltas:?}"
        );
        deltas
    };
    check("mock-gpt", "Hello from the mock").await;
    check("mock-split", "Grüße — 日本語 🙂").await;
    check("mock-comment", "Hello from the mock").await;
    check("mock-nonstream", "Hello from the mock").await;
    check("ollama-mock:latest", "Hello from the mock").await;
    let deltas = check("mock-reason", "Hello from the").await;
    assert_eq!(
        deltas[..2],
        [
            Delta::Reasoning("Think".into()),
            Delta::Reasoning(" a".into())
        ]
    );
    let deltas = check("mock-badjson", "Hello after").await;
    assert_eq!(deltas[1], Delta::Garbled, "lost text is not hidden");
    check(
        "mock-bigline",
        &format!("{}Hello from", "X".repeat(300_000)),
    )
    .await;
    let (deltas, _) = deltas_of(&fakes.upstreams, ask("mock-n", true, "n=3 d=0")).await;
    assert_eq!(text_of(&deltas), " t0 t1 t2");
    for model in ["mock-gpt", "ollama-mock:latest"] {
        let (deltas, error) = deltas_of(&fakes.upstreams, ask(model, false, "hi")).await;
        assert_eq!(
            (text_of(&deltas).as_str(), error.is_none()),
            ("Hello from the mock", true),
            "{model}, whole"
        );
    }
}

#[tokio::test]
async fn a_tool_call_comes_in_parts() {
    let fakes = fakes().await;
    let (deltas, error) = deltas_of(&fakes.upstreams, ask("mock-tool", true, "hi")).await;
    assert!(error.is_none());
    let [
        Delta::ToolCall(first),
        Delta::ToolCall(second),
        Delta::Finish(reason),
    ] = &deltas[..]
    else {
        panic!("{deltas:?}")
    };
    assert_eq!(
        (first.id.as_deref(), first.name.as_deref()),
        (Some("call_mock1"), Some("mock_tool"))
    );
    assert_eq!(
        (second.arguments.as_str(), reason.as_str()),
        ("{\"a\":1}", "tool_calls")
    );
}

#[tokio::test]
async fn what_breaks_is_an_error_after_the_text_that_came() {
    let fakes = fakes().await;
    let (deltas, error) = deltas_of(&fakes.upstreams, ask("mock-cut", true, "hi")).await;
    assert_eq!(text_of(&deltas), "Hello from the");
    assert!(matches!(error, Some(Error::Cut { .. })), "{error:?}");

    let (deltas, error) = deltas_of(&fakes.upstreams, ask("mock-error-mid", true, "hi")).await;
    assert_eq!(text_of(&deltas), "Hello from the");
    let Some(Error::Failed { message, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(message, "mock mid-stream error");

    let (deltas, error) = deltas_of(&fakes.upstreams, ask("ollama-err:latest", true, "hi")).await;
    assert_eq!(text_of(&deltas), "Hello from the");
    let Some(Error::Failed { message, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(message, "mock ollama error");

    let refused = fakes
        .upstreams
        .chat(ask("mock-http-500", true, "hi"))
        .await
        .unwrap()
        .into_deltas();
    let Err(Error::Refused {
        status, message, ..
    }) = refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!((status, message.as_str()), (500, "mock upstream exploded"));

    // A connection that is closed politely without an end is cut as well.
    let half = fake_openai::event(&fake_openai::chunk(
        "mock-gpt",
        json!({"content": "half"}),
        None,
    ));
    fakes
        .openai
        .script("mock-gpt", Reply::stream("text/event-stream", [half]));
    let (deltas, error) = deltas_of(&fakes.upstreams, ask("mock-gpt", true, "hi")).await;
    assert_eq!(text_of(&deltas), "half");
    assert!(matches!(error, Some(Error::Cut { .. })), "{error:?}");
}

#[tokio::test]
async fn openai_bytes_are_passed_through_unchanged() {
    let fakes = fakes().await;
    for model in [
        "mock-gpt",
        "mock-reason",
        "mock-split",
        "mock-comment",
        "mock-error-mid",
        "mock-badjson",
        "mock-tool",
    ] {
        let straight = reqwest::Client::new()
            .post(format!("{}/chat/completions", fakes.openai.base_url()))
            .json(&json!({"model": model, "stream": true, "messages": [{"role": "user", "content": "hi"}]}))
            .send()
            .await
            .unwrap();
        let (passed, error) = bytes_of(
            fakes.upstreams.chat(ask(model, true, "hi")).await.unwrap(),
            None,
        )
        .await;
        assert!(error.is_none(), "{model}: {error:?}");
        assert_eq!(passed, straight.text().await.unwrap(), "{model}");
    }
}

#[tokio::test]
async fn an_api_client_is_told_that_the_upstream_died() {
    let fakes = fakes().await;
    let check = async |model: &str, code: &str| {
        let (passed, error) = bytes_of(
            fakes.upstreams.chat(ask(model, true, "hi")).await.unwrap(),
            None,
        )
        .await;
        assert!(error.is_none(), "{model}: {error:?}");
        let last = passed.trim_end().rsplit("\n\n").next().unwrap();
        let last: Value = serde_json::from_str(last.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(last["error"]["code"], code, "{model}: {passed}");
        assert!(
            !passed.contains("[DONE]") && !passed.contains("\"stop\""),
            "{model} looks finished: {passed}"
        );
    };
    check("mock-cut", "upstream_cut").await;
    check("ollama-err:latest", "upstream_failed").await;
    // In the middle of a line no event can stand: the connection must break.
    fakes.openai.script(
        "mock-gpt",
        Reply::stream("text/event-stream", ["data: {\"choi"]).ending(End::Cut),
    );
    let (passed, error) = bytes_of(
        fakes
            .upstreams
            .chat(ask("mock-gpt", true, "hi"))
            .await
            .unwrap(),
        None,
    )
    .await;
    assert_eq!(passed, "data: {\"choi");
    assert!(matches!(error, Some(Error::Cut { .. })), "{error:?}");
}

#[tokio::test]
async fn ollama_lines_become_events() {
    let fakes = fakes().await;
    let (passed, _) = bytes_of(
        fakes
            .upstreams
            .chat(ask("ollama-mock:latest", true, "hi"))
            .await
            .unwrap(),
        None,
    )
    .await;
    let events: Vec<&str> = passed
        .split_terminator("\n\n")
        .map(|event| event.strip_prefix("data: ").unwrap())
        .collect();
    assert_eq!(events.len(), 6);
    assert_eq!(events[5], "[DONE]");
    let last: Value = serde_json::from_str(events[4]).unwrap();
    assert_eq!(
        last["choices"][0],
        json!({"index": 0, "logprobs": null, "finish_reason": "stop", "delta": {}})
    );
    assert_eq!(last["usage"]["response_token/s"], 40.0);
    assert!(
        last["id"]
            .as_str()
            .unwrap()
            .starts_with("ollama-mock:latest-")
    );
    let Answer::Whole { body, .. } = fakes
        .upstreams
        .chat(ask("ollama-mock:latest", false, "hi"))
        .await
        .unwrap()
    else {
        panic!("a whole answer")
    };
    let whole: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        whole["choices"][0]["message"],
        json!({"role": "assistant", "content": "Hello from the mock"})
    );
}

#[tokio::test]
async fn the_line_guard_replaces_only_the_long_line() {
    let fakes = fakes().await;
    let answer = fakes
        .upstreams
        .chat(ask("mock-bigline", true, "big=60000"))
        .await
        .unwrap();
    let (passed, _) = bytes_of(answer, Some(1000)).await;
    assert!(
        passed.starts_with("data: {}\n\ndata: {\"choices\""),
        "{passed}"
    );
    assert!(passed.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn leaving_closes_the_upstream_at_once() {
    let fakes = fakes().await;
    let (openai, ollama) = (
        fakes.openai.hold("mock-gpt"),
        fakes.ollama.hold("ollama-mock:latest"),
    );
    openai.release(1);
    ollama.release(1);
    let mut deltas = fakes
        .upstreams
        .chat(ask("mock-gpt", true, "hi"))
        .await
        .unwrap()
        .into_deltas()
        .unwrap();
    assert_eq!(
        deltas.next().await.unwrap().unwrap(),
        Delta::Content("Hello".into())
    );
    drop(deltas);
    fakes.openai.closed_by_client("mock-gpt").await;

    let Answer::Stream(stream) = fakes
        .upstreams
        .chat(ask("ollama-mock:latest", true, "hi"))
        .await
        .unwrap()
    else {
        panic!("a stream")
    };
    let mut stream = Box::pin(stream.into_sse(None));
    stream.next().await.unwrap().unwrap();
    drop(stream);
    fakes.ollama.closed_by_client("ollama-mock:latest").await;
}

#[tokio::test]
async fn a_silent_upstream_is_given_up() {
    let timeouts = Timeouts {
        next_byte: Duration::from_millis(50),
        ..Timeouts::default()
    };
    let fakes = fakes_with(timeouts).await;
    let gate = fakes.openai.hold("mock-gpt");
    gate.release(2);
    let (deltas, error) = deltas_of(&fakes.upstreams, ask("mock-gpt", true, "hi")).await;
    assert_eq!(text_of(&deltas), "Hello from");
    assert!(matches!(error, Some(Error::Silent { .. })), "{error:?}");
    fakes.openai.closed_by_client("mock-gpt").await;
}

#[tokio::test]
async fn asking_in_a_select_loses_nothing() {
    let fakes = fakes().await;
    let gate = fakes.openai.hold("mock-gpt");
    let mut deltas = fakes
        .upstreams
        .chat(ask("mock-gpt", true, "hi"))
        .await
        .unwrap()
        .into_deltas()
        .unwrap();
    let mut seen = Vec::new();
    loop {
        // The other branch is always ready: `next` is dropped again and again.
        tokio::select! {
            biased;
            next = deltas.next() => match next {
                Some(delta) => seen.push(delta.unwrap()),
                None => break,
            },
            () = tokio::task::yield_now() => gate.release(1),
        }
    }
    assert_eq!(text_of(&seen), "Hello from the mock");
}

#[tokio::test]
async fn the_demo_answers_when_nothing_is_configured() {
    let settings = Settings {
        demo_pace: Duration::ZERO,
        ..Settings::default()
    };
    let upstreams = Upstreams::new(settings).unwrap();
    assert!(upstreams.is_demo());
    let (deltas, error) = deltas_of(&upstreams, ask(llm::DEMO_ID, true, "hi")).await;
    let text = text_of(&deltas);
    assert!(error.is_none() && deltas.contains(&Delta::Finish("stop".into())));
    for told in [
        "demonstration",
        "OPENAI_API_BASE_URLS",
        "OLLAMA_BASE_URLS",
        "```sh\n",
    ] {
        assert!(text.contains(told), "it tells {told}: {text}");
    }
    let (whole, _) = deltas_of(&upstreams, ask(llm::DEMO_ID, false, "hi")).await;
    assert_eq!(text_of(&whole), text, "streamed or not, the same");
    let (passed, _) = bytes_of(
        upstreams.chat(ask(llm::DEMO_ID, true, "hi")).await.unwrap(),
        None,
    )
    .await;
    assert!(passed.ends_with("data: [DONE]\n\n"));
}

#[tokio::test(start_paused = true)]
async fn the_demo_writes_at_a_reading_pace() {
    let upstreams = Upstreams::new(Settings::default()).unwrap();
    let began = tokio::time::Instant::now();
    let (deltas, _) = deltas_of(&upstreams, ask(llm::DEMO_ID, true, "hi")).await;
    let per_word = began.elapsed() / u32::try_from(deltas.len()).unwrap();
    assert!(
        (Duration::from_millis(20)..Duration::from_millis(60)).contains(&per_word),
        "{per_word:?}"
    );
}

#[tokio::test]
async fn keys_reach_the_upstream_and_nobody_else() {
    let fakes = fakes().await;
    let echo = json!({"error": {"message": "Incorrect API key provided: sk-secret"}});
    fakes.openai.script("mock-gpt", Reply::json(401, &echo));
    let Answer::Refused(error) = fakes
        .upstreams
        .chat(ask("mock-gpt", true, "hi"))
        .await
        .unwrap()
    else {
        panic!("refused")
    };
    let Error::Refused { status, body, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (*status, body),
        (
            401,
            &Bytes::from(echo.to_string().replace("sk-secret", "***"))
        )
    );
    assert!(!format!("{error} {error:?} {:?}", fakes.upstreams).contains("sk-secret"));
    let calls = fakes.openai.calls();
    assert!(
        calls
            .iter()
            .all(|call| call.authorization.as_deref() == Some("Bearer sk-secret"))
    );
    assert!(
        fakes
            .ollama
            .calls()
            .iter()
            .all(|call| call.authorization.is_none())
    );
}
