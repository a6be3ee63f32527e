//! A model that can be asked, in the shape of the contract's `/api/models` (wire contract 5.2).

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::demo::{DEMO_DESCRIPTION, DEMO_ID, DEMO_NAME};

/// One entry of the model list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Model {
    /// Unique over all upstreams; the first upstream that has it serves it.
    pub id: String,
    /// What people read.
    pub name: String,
    /// Always `model`.
    pub object: &'static str,
    /// In seconds.
    pub created: i64,
    /// `openai` or `ollama`: which protocol its upstream speaks. The demo says `openai`, because clients know no third.
    pub owned_by: &'static str,
    /// `external`, `local` (Ollama) or `internal` (the demo).
    pub connection_type: &'static str,
    /// Which of the configured OpenAI addresses, from 0.
    #[serde(rename = "urlIdx", skip_serializing_if = "Option::is_none")]
    pub url_index: Option<usize>,
    /// The upstream's own entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openai: Option<Map<String, Value>>,
    /// The upstream's own entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ollama: Option<Map<String, Value>>,
    /// `{meta: {description}}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<Value>,
    /// Always empty so far, as the next two; clients read them.
    pub tags: Vec<Value>,
    /// See `tags`.
    pub actions: Vec<Value>,
    /// See `tags`.
    pub filters: Vec<Value>,
}

impl Model {
    fn new(id: String, name: String, created: i64, owned_by: &'static str) -> Self {
        Self {
            id,
            name,
            object: "model",
            created,
            owned_by,
            connection_type: "external",
            url_index: None,
            openai: None,
            ollama: None,
            info: None,
            tags: Vec::new(),
            actions: Vec::new(),
            filters: Vec::new(),
        }
    }

    /// From an entry of OpenAI's `/models`; `None` without an id.
    pub(crate) fn from_openai(entry: &Value, index: usize) -> Option<Self> {
        let id = entry["id"].as_str()?;
        let name = entry["name"].as_str().unwrap_or(id);
        let mut own = entry.as_object()?.clone();
        own.insert("connection_type".into(), json!("external"));
        let mut model = Self::new(
            id.into(),
            name.into(),
            entry["created"].as_i64().unwrap_or(0),
            "openai",
        );
        model.url_index = Some(index);
        model.openai = Some(own);
        Some(model)
    }

    /// From an entry of Ollama's `/api/tags`; `None` without a name.
    pub(crate) fn from_ollama(entry: &Value, index: usize, now_s: i64) -> Option<Self> {
        let id = entry["model"].as_str().or(entry["name"].as_str())?;
        let name = entry["name"].as_str().unwrap_or(id);
        let mut own = entry.as_object()?.clone();
        own.insert("connection_type".into(), json!("local"));
        own.insert("urls".into(), json!([index]));
        let mut model = Self::new(id.into(), name.into(), now_s, "ollama");
        model.connection_type = "local";
        model.ollama = Some(own);
        Some(model)
    }

    pub(crate) fn demo(now_s: i64) -> Self {
        let mut model = Self::new(DEMO_ID.into(), DEMO_NAME.into(), now_s, "openai");
        model.connection_type = "internal";
        model.info = Some(json!({"meta": {"description": DEMO_DESCRIPTION}}));
        model
    }
}
