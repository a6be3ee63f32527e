//! Titles: at once from the first words of the question, better from the model when the answer is there.

use super::end::retitle;
use super::prompt::without_blocks;
use crate::app::App;
use crate::error::Error;
use llm::{ChatRequest, Delta};
use serde_json::{Value, json};
use store::chats::messages;
use store::chats::runs::Running;

/// How long a title from the question is, in characters.
const QUESTION_CHARS: usize = 48;
/// How long a model's title may be, in characters.
const MAX_CHARS: usize = 80;
/// How much of the conversation the model is shown for it, in characters.
const SHOWN_CHARS: usize = 2_000;

/// A title from the first line of a question, cut at a word; nothing if there are no words in it.
pub fn of_question(question: &str) -> Option<String> {
    let line = question
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())?;
    let line = line.trim_start_matches(['#', '>', '*', '-', ' ']);
    let mut title = String::new();
    for word in line.split_whitespace() {
        if title.chars().count() + word.chars().count() > QUESTION_CHARS {
            if title.is_empty() {
                title = word.chars().take(QUESTION_CHARS).collect();
            }
            title.push('…');
            return Some(title);
        }
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
    }
    (!title.is_empty()).then_some(title)
}

/// Asks the model for a title and gives it to the chat, unless the chat was renamed meanwhile. Failing is no harm: the
/// title from the question stays.
pub async fn give(app: &App, run: &Running) {
    // The demo has one answer to everything.
    if app.models.is_demo() {
        return;
    }
    let title = tokio::select! {
        title = ask(app, run) => title,
        () = app.stopping.cancelled() => return,
    };
    let Some((old, title)) = title else { return };
    let (run, now_ms) = (run.clone(), app.clock.now_ms());
    let given = app
        .store
        .write(move |tx| match store::chats::by_id(tx, &run.chat_id)? {
            Some(chat) if chat.title == old => retitle(tx, &run, &title, now_ms),
            _ => Ok::<_, Error>(()),
        });
    if let Err(error) = given.await {
        tracing::warn!(%error, "a chat's title could not be stored");
    }
}

/// The title the chat has, and the one the model gives it.
async fn ask(app: &App, run: &Running) -> Option<(String, String)> {
    let chat_id = run.chat_id.clone();
    let read = app.store.read(move |conn| {
        let chat = store::chats::by_id(conn, &chat_id)?;
        Ok::<_, Error>((chat, messages::of_chat(conn, &chat_id)?))
    });
    let (chat, messages) = read.await.ok()?;
    let talk: Vec<String> = messages
        .iter()
        .map(|message| {
            format!(
                "{}: {}",
                message.role.to_uppercase(),
                without_blocks(&message.content)
            )
        })
        .collect();
    let talk: String = talk.join("\n").chars().take(SHOWN_CHARS).collect();
    let body = json!({"messages": [{"role": "user", "content": prompt(&talk)}]});
    let request = ChatRequest {
        model: run.model.clone(),
        stream: false,
        body: body.as_object().cloned().unwrap_or_default(),
        now_s: app.clock.now_s(),
    };
    let mut deltas = app.models.chat(request).await.ok()?.into_deltas().ok()?;
    let mut said = String::new();
    while let Some(delta) = deltas.next().await {
        if let Delta::Content(text) = delta.ok()? {
            said.push_str(&text);
        }
    }
    Some((chat?.title, title_in(&said)?))
}

fn prompt(talk: &str) -> String {
    format!(
        "### Task:\nName the conversation below in three to six words of its own language, without quotation marks.\n\
         ### Answer:\nOnly JSON: {{\"title\": \"...\"}}\n### Conversation:\n{talk}"
    )
}

/// The title in a model's answer, with or without words around the JSON.
fn title_in(said: &str) -> Option<String> {
    let said = without_blocks(said);
    let json = said.get(said.find('{')?..=said.rfind('}')?)?;
    let answer: Value = serde_json::from_str(json).ok()?;
    let title = answer["title"]
        .as_str()?
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let title: String = title
        .trim_matches(['"', '“', '”'])
        .chars()
        .take(MAX_CHARS)
        .collect();
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_its_chat() {
        let check = |question: &str, title: Option<&str>| {
            assert_eq!(of_question(question).as_deref(), title, "{question}")
        };
        check("How do tides work?", Some("How do tides work?"));
        check("\n\n## Why\nso?", Some("Why"));
        check("  \n ", None);
        check(
            "please explain how the moon moves the water of the sea",
            Some("please explain how the moon moves the water of…"),
        );
        check(&"ä".repeat(90), Some(&format!("{}…", "ä".repeat(48))));
    }

    #[test]
    fn a_models_title_is_found_in_what_it_says() {
        let check = |said: &str, title: Option<&str>| {
            assert_eq!(title_in(said).as_deref(), title, "{said}")
        };
        check("{\"title\": \"Mock Title\"}", Some("Mock Title"));
        check(
            "Sure!\n```json\n{\"title\": \"\\\"Tides\\\"\"}\n```",
            Some("Tides"),
        );
        check("Tides", None);
        check("} {", None);
        check("{\"title\": 5}", None);
    }
}
