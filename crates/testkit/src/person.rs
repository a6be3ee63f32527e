//! Somebody who uses the server over HTTP: a typed client for tests.

use crate::socket::Tab;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wire::UserId;

/// Somebody with a token, or nobody.
#[derive(Debug, Clone)]
pub struct Person {
    /// Who; empty for nobody.
    pub id: UserId,
    /// The name they signed up with.
    pub name: String,
    /// Their session's token; empty for nobody.
    pub token: String,
    url: String,
    http: reqwest::Client,
}

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Which request this answers, for messages.
    pub to: String,
    /// The status.
    pub status: StatusCode,
    /// Headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as JSON, or its text.
    pub body: Value,
}

impl Answer {
    /// The body of a 200; anything else fails the test.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(
            self.status,
            StatusCode::OK,
            "{} was answered with {}",
            self.to,
            self.body
        );
        self.body
    }

    /// Asserts that this is an error with this status and code; answers with its body.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        let found = (
            self.status.as_u16(),
            self.body["code"].as_str().unwrap_or_default(),
        );
        assert_eq!(
            found,
            (status, code),
            "{} was answered with {}",
            self.to,
            self.body
        );
        assert!(
            !self.body["detail"].is_null(),
            "{} has no detail: {}",
            self.to,
            self.body
        );
        self.body
    }
}

impl Person {
    /// Nobody yet.
    #[must_use]
    pub fn nobody(url: String) -> Person {
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("an HTTP client can be made");
        Person {
            id: UserId(String::new()),
            name: String::new(),
            token: String::new(),
            url,
            http,
        }
    }

    /// The person of a session as sign-up and sign-in answer it.
    #[must_use]
    pub fn signed_in(&self, session: &Value) -> Person {
        let text = |key: &str| session[key].as_str().unwrap_or_default().to_owned();
        Person {
            id: UserId(text("id")),
            name: text("name"),
            token: text("token"),
            ..self.clone()
        }
    }

    /// The server's address without a path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A request with the person's token, not sent yet.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        if self.token.is_empty() {
            request
        } else {
            request.bearer_auth(&self.token)
        }
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = self.request(method.clone(), path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let to = format!("{} {method} {path}", self.name);
        let response = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("{to} got no answer: {error}"));
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response
            .text()
            .await
            .unwrap_or_else(|error| panic!("{to}: the answer broke off: {error}"));
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer {
            to,
            status,
            headers,
            body,
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Posts a message; answers with its row.
    pub async fn say(&self, channel: &Value, content: &str) -> Value {
        self.post(
            &format!("{}/messages/post", path_of(channel)),
            &json!({"content": content}),
        )
        .await
        .ok()
    }

    /// Makes a group with these members.
    pub async fn group(&self, name: &str, members: &[&Person]) -> Value {
        let user_ids: Vec<&UserId> = members.iter().map(|member| &member.id).collect();
        self.post(
            "/api/v1/channels/create",
            &json!({"type": "group", "name": name, "user_ids": user_ids}),
        )
        .await
        .ok()
    }

    /// Opens the direct conversation with somebody.
    pub async fn direct(&self, other: &Person) -> Value {
        self.get(&format!("/api/v1/channels/users/{}", other.id))
            .await
            .ok()
    }

    /// The row of a channel in the person's list; null if it is not in it.
    pub async fn row(&self, channel: &Value) -> Value {
        let rows = self.get("/api/v1/channels/").await.ok();
        rows.as_array()
            .into_iter()
            .flatten()
            .find(|row| row["id"] == channel["id"])
            .cloned()
            .unwrap_or_default()
    }

    /// What the server counts as unread for the person.
    pub async fn unread(&self, channel: &Value) -> i64 {
        self.row(channel).await["unread_count"]
            .as_i64()
            .unwrap_or_else(|| panic!("{} has no such channel", self.name))
    }

    /// Opens a tab of the web app: a socket that opted in.
    pub async fn connect(&self) -> Tab {
        Tab::open(&self.url, Some(json!({"token": self.token, "resume": {}}))).await
    }

    /// Opens a socket like a client that speaks only the contract.
    pub async fn connect_stock(&self) -> Tab {
        Tab::open(&self.url, Some(json!({"token": self.token}))).await
    }
}

/// `/api/v1/channels/{id}` of a channel as the server showed it.
#[must_use]
pub fn path_of(channel: &Value) -> String {
    format!(
        "/api/v1/channels/{}",
        channel["id"].as_str().expect("a channel has an id")
    )
}
