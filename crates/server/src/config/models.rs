//! Whom to ask for answers: addresses and their keys.

use super::check::Reader;
use super::settings::Settings;
use super::values::{base_url, list, number};

/// Whom to ask for answers.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// OpenAI-compatible base URLs with their keys; a key may be empty.
    pub openai: Vec<(String, String)>,
    /// Ollama base URLs.
    pub ollama: Vec<String>,
    /// Longest line of an upstream's stream that is passed on, in bytes; `None` passes all.
    pub max_line_bytes: Option<usize>,
}

pub(super) fn models(r: &mut Reader, s: &Settings) -> ModelConfig {
    let urls = |t: &str| {
        list(t)
            .iter()
            .map(|url| base_url(url))
            .collect::<Result<Vec<_>, _>>()
    };
    let one = |t: &str| base_url(t).map(|url| vec![url]);
    let single = r.read(
        "OPENAI_API_BASE_URL",
        s.openai_api_base_url.as_ref(),
        vec![],
        one,
    );
    let openai = r.read(
        "OPENAI_API_BASE_URLS",
        s.openai_api_base_urls.as_ref(),
        single,
        urls,
    );
    let single = r.read("OLLAMA_BASE_URL", s.ollama_base_url.as_ref(), vec![], one);
    let ollama = r.read(
        "OLLAMA_BASE_URLS",
        s.ollama_base_urls.as_ref(),
        single,
        urls,
    );
    // Keys keep their places: an empty one belongs to an address that needs none.
    let written = s
        .openai_api_keys
        .as_deref()
        .filter(|t| !t.is_empty())
        .or(s.openai_api_key.as_deref());
    let keys: Vec<&str> = written
        .map(|t| t.split(';').map(str::trim).collect())
        .unwrap_or_default();
    if keys.len() > openai.len() && keys.iter().any(|key| !key.is_empty()) {
        let (keys, urls) = (keys.len(), openai.len());
        r.fault(format!("OPENAI_API_KEYS: {keys} keys for {urls} addresses in OPENAI_API_BASE_URLS; allowed is at most one each"));
    }
    let keyed =
        |(i, url): (usize, String)| (url, keys.get(i).copied().unwrap_or_default().to_owned());
    ModelConfig {
        openai: openai.into_iter().enumerate().map(keyed).collect(),
        ollama,
        max_line_bytes: r.read(
            "CHAT_STREAM_RESPONSE_CHUNK_MAX_BUFFER_SIZE",
            s.chat_stream_response_chunk_max_buffer_size.as_ref(),
            None,
            |t| {
                number::<i64>(t, i64::MIN, 1 << 30)
                    .map(|n| usize::try_from(n).ok().filter(|n| *n > 0))
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Settings};

    #[test]
    fn keys_belong_to_addresses_by_their_place() {
        let settings = Settings {
            openai_api_base_urls: Some("http://a/v1;http://b/v1/".into()),
            openai_api_keys: Some(";k2".into()),
            ..Settings::default()
        };
        let openai = Config::from_settings(&settings).unwrap().models.openai;
        assert_eq!(
            openai,
            [
                ("http://a/v1".into(), String::new()),
                ("http://b/v1".into(), "k2".into())
            ]
        );
    }
}
