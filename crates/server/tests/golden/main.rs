//! The recordings of the reference, replayed: what it was asked is asked of us, and shapes, statuses and order compared.
//!
//! What differs on purpose stands in `differences.json`, with its reason; `docs/compatibility.md` is made from it. Any
//! other difference fails, and so does a row that explains nothing any more. Texts are never compared.

mod compare;
mod differences;
mod document;
mod recording;
mod replay;
mod stream;

use differences::Differences;
use recording::Scenario;

async fn check(name: &str) {
    let scenario = Scenario::load(name);
    let found = replay::replay(&scenario).await;
    let unexplained = Differences::load().explain(name, &found);
    assert!(
        unexplained.is_empty(),
        "{name} differs from the recording. Mend it, or explain it in tests/golden/differences.json:\n{}",
        unexplained.join("\n")
    );
}

#[tokio::test]
async fn accounts() {
    check("01-auth").await;
}

#[tokio::test]
async fn connecting_and_malformed_events() {
    check("03-connect").await;
}

#[tokio::test]
async fn channels() {
    check("04-channels").await;
}

#[tokio::test]
async fn messages() {
    check("05-messages").await;
}

#[tokio::test]
async fn streams() {
    check("08-chat-sse").await;
}

#[test]
fn compatibility_says_what_differs() {
    document::check(&Differences::load());
}
