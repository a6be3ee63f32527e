//! All configured upstreams: which models there are, who serves which, and who cannot be reached.
//!
//! The list of models is kept for a minute; callers that ask for a fresh one at the same time share one round of
//! requests. An upstream that does not answer hides only its own models.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Url;
use serde_json::Value;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::error::Error;
use crate::model::Model;
use crate::source::Timeouts;
use crate::upstream::{ChatRequest, Key, OllamaAnswer, Upstream};

/// How long a list of models is good.
const LIST_AGE: Duration = Duration::from_secs(60);
/// A model that is not in the list makes us look again, unless the list is younger than this.
const LOOK_AGAIN_AGE: Duration = Duration::from_secs(3);
/// Where OpenAI's keys belong if no address is given.
const OPENAI_ADDRESS: &str = "https://api.openai.com/v1";

/// What to ask, and how patiently.
#[derive(Debug, Clone)]
pub struct Settings {
    /// In this order; the first that has a model serves it. Empty means the demo.
    pub upstreams: Vec<Upstream>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// The demo's time between two words; zero in tests.
    pub demo_pace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            upstreams: Vec::new(),
            timeouts: Timeouts::default(),
            demo_pace: Duration::from_millis(35),
        }
    }
}

impl Settings {
    /// From the values of `OPENAI_API_BASE_URLS`, `OPENAI_API_KEYS` and `OLLAMA_BASE_URLS`: lists with semicolons; the
    /// n-th key belongs to the n-th address.
    ///
    /// Fails like [`Settings::new`].
    pub fn from_lists(
        openai_urls: &str,
        openai_keys: &str,
        ollama_urls: &str,
    ) -> Result<Self, Error> {
        let split = |list: &str| list.split(';').map(str::to_owned).collect::<Vec<_>>();
        let (mut urls, mut keys) = (split(openai_urls), split(openai_keys));
        let count = urls.len().max(keys.len());
        urls.resize(count, String::new());
        keys.resize(count, String::new());
        let openai: Vec<(String, String)> = urls.into_iter().zip(keys).collect();
        Self::new(&openai, &split(ollama_urls))
    }

    /// From OpenAI-compatible addresses with their keys, and from Ollama's addresses. Empty ones are passed over; a key
    /// without an address belongs to OpenAI itself.
    ///
    /// Fails with [`Error::BadAddress`] if an address is not an http or https URL.
    pub fn new(openai: &[(String, String)], ollama: &[String]) -> Result<Self, Error> {
        let mut upstreams = Vec::new();
        for (index, (address, key)) in openai.iter().enumerate() {
            let key = Key::new(key);
            let address = match address.trim() {
                "" if key.is_some() => OPENAI_ADDRESS,
                "" => continue,
                address => address,
            };
            let base_url = parse_address(address)?;
            upstreams.push(Upstream::OpenAi {
                base_url,
                key,
                index,
            });
        }
        for (index, address) in ollama.iter().enumerate() {
            if !address.trim().is_empty() {
                let base_url = parse_address(address.trim())?;
                upstreams.push(Upstream::Ollama { base_url, index });
            }
        }
        Ok(Self {
            upstreams,
            ..Self::default()
        })
    }
}

fn parse_address(address: &str) -> Result<Url, Error> {
    match Url::parse(address) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        // Nothing tells for sure where a password would begin and end: show what follows the last @, without query.
        _ => {
            let address = address.rsplit('@').next().unwrap_or_default();
            let address = address.split('?').next().unwrap_or_default();
            Err(Error::BadAddress {
                address: address.to_owned(),
            })
        }
    }
}

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) client: reqwest::Client,
    pub(crate) timeouts: Timeouts,
    pub(crate) demo_pace: Duration,
}

/// Whether one upstream answers.
#[derive(Debug)]
pub struct Check {
    /// Its address.
    pub upstream: String,
    /// How many models it offers.
    pub models: Result<usize, Error>,
}

/// The upstreams of a server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Upstreams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    upstreams: Vec<Upstream>,
    http: Http,
    listing: Mutex<Listing>,
    refreshing: tokio::sync::Mutex<()>,
}

/// What the last round of requests found.
#[derive(Debug, Default)]
struct Listing {
    round: u64,
    taken_at: Option<Instant>,
    models: Arc<[Model]>,
    /// Model id to upstream. Those of an upstream that no longer answers stay, so that asking for one of them says
    /// "cannot be reached" and not "does not exist".
    routes: HashMap<String, usize>,
}

impl Upstreams {
    /// Asks nobody yet. Without upstreams in the settings there is the demo.
    ///
    /// Fails with [`Error::Client`] if the HTTP client cannot be made.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(settings.timeouts.connect)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .user_agent(concat!("tidings/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::Client {
                reason: error.to_string(),
            })?;
        let mut upstreams = settings.upstreams;
        if upstreams.is_empty() {
            upstreams.push(Upstream::Demo);
        }
        Ok(Self(Arc::new(Inner {
            upstreams,
            http: Http {
                client,
                timeouts: settings.timeouts,
                demo_pace: settings.demo_pace,
            },
            listing: Mutex::default(),
            refreshing: tokio::sync::Mutex::default(),
        })))
    }

    /// Whether only the demo answers.
    pub fn is_demo(&self) -> bool {
        matches!(self.0.upstreams[..], [Upstream::Demo])
    }

    /// The models of all upstreams that answer, at most a minute old.
    pub async fn models(&self, now_s: i64) -> Arc<[Model]> {
        match self.fresh_enough(LIST_AGE) {
            Some(models) => models,
            None => self.refresh(now_s).await,
        }
    }

    /// The models as of now. Shares the round of requests that is under way, if one is.
    pub async fn refresh(&self, now_s: i64) -> Arc<[Model]> {
        let asked_in = self.listing(|listing| listing.round);
        let _turn = self.0.refreshing.lock().await;
        if let Some(models) =
            self.listing(|listing| (listing.round > asked_in).then(|| listing.models.clone()))
        {
            return models;
        }
        let found = self.ask_all(now_s).await;
        self.listing(|listing| {
            listing.round += 1;
            listing.taken_at = Some(Instant::now());
            listing.models = self.merge(found, &mut listing.routes);
            listing.models.clone()
        })
    }

    /// Asks every upstream for its models and says who answered.
    pub async fn check(&self, now_s: i64) -> Vec<Check> {
        let found = self.ask_all(now_s).await;
        let upstreams = self.0.upstreams.iter().map(ToString::to_string);
        let checks = upstreams.zip(found);
        checks
            .map(|(upstream, found)| Check {
                upstream,
                models: found.map(|models| models.len()),
            })
            .collect()
    }

    /// The model with this id, if some upstream has it or had it when it last answered.
    ///
    /// Fails with [`Error::ModelNotFound`].
    pub async fn find(&self, model_id: &str, now_s: i64) -> Result<(), Error> {
        self.route(model_id, now_s).await.map(drop)
    }

    /// Asks the model's upstream. Dropping the answer, or this future, closes the connection.
    pub async fn chat(&self, request: ChatRequest) -> Result<Answer, Error> {
        let upstream = self.route(&request.model, request.now_s).await?;
        upstream.chat(&self.0.http, request).await
    }

    /// Asks an Ollama in its own words: `body` is that of its `/api/chat`, the answer is as it is. Fails with
    /// [`Error::ModelNotFound`] also if the model is not an Ollama's, and with [`Error::Refused`] if Ollama refuses.
    pub async fn ollama_chat(&self, body: &Value, now_s: i64) -> Result<OllamaAnswer, Error> {
        let model = body["model"].as_str().unwrap_or_default();
        let upstream = self.route(model, now_s).await?;
        let asked = upstream.ollama_chat(&self.0.http, body).await;
        asked.unwrap_or_else(|| Err(Error::ModelNotFound(model.to_owned())))
    }

    async fn route(&self, model_id: &str, now_s: i64) -> Result<&Upstream, Error> {
        let known = |listing: &mut Listing| listing.routes.get(model_id).copied();
        let mut route = self.listing(known);
        if route.is_none() && self.fresh_enough(LOOK_AGAIN_AGE).is_none() {
            self.refresh(now_s).await;
            route = self.listing(known);
        }
        let route = route.ok_or_else(|| Error::ModelNotFound(model_id.to_owned()))?;
        Ok(&self.0.upstreams[route])
    }

    async fn ask_all(&self, now_s: i64) -> Vec<Result<Vec<Model>, Error>> {
        let Inner {
            upstreams, http, ..
        } = &*self.0;
        join_all(
            upstreams
                .iter()
                .map(|upstream| upstream.models(http, now_s)),
        )
        .await
    }

    fn merge(
        &self,
        found: Vec<Result<Vec<Model>, Error>>,
        routes: &mut HashMap<String, usize>,
    ) -> Arc<[Model]> {
        let mut fresh = HashMap::new();
        let mut models = Vec::new();
        for (index, found) in found.into_iter().enumerate() {
            match found {
                Ok(offered) => {
                    routes.retain(|_, route| *route != index);
                    for model in offered {
                        if fresh.contains_key(&model.id) {
                            continue;
                        }
                        fresh.insert(model.id.clone(), index);
                        models.push(model);
                    }
                }
                Err(error) => {
                    let upstream = &self.0.upstreams[index];
                    tracing::warn!(%upstream, %error, "an upstream did not list its models");
                }
            }
        }
        routes.extend(fresh);
        models.into()
    }

    fn fresh_enough(&self, age: Duration) -> Option<Arc<[Model]>> {
        self.listing(|listing| {
            let taken_at = listing.taken_at?;
            (taken_at.elapsed() < age).then(|| listing.models.clone())
        })
    }

    fn listing<T>(&self, look: impl FnOnce(&mut Listing) -> T) -> T {
        // Nothing panics while it is held; should that change, an old list is still a list.
        look(
            &mut self
                .0
                .listing
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(openai: &str, keys: &str, ollama: &str) -> Vec<String> {
        let settings = Settings::from_lists(openai, keys, ollama).unwrap();
        settings.upstreams.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn reads_the_lists_of_the_environment() {
        assert!(addresses("", "", "").is_empty());
        assert_eq!(addresses("", "sk-1", ""), ["https://api.openai.com/v1"]);
        assert_eq!(
            addresses("http://a/v1; http://b/v1/ ;", ";k2", "http://o:11434"),
            ["http://a/v1", "http://b/v1", "http://o:11434"]
        );
    }

    #[test]
    fn a_wrong_address_is_named_without_its_password() {
        for wrong in [
            "ftp://me:secret@host/x?secret",
            "me:secret@host",
            "localhost:11434",
            "/v1",
        ] {
            let error = Settings::from_lists(wrong, "", "").unwrap_err();
            assert!(
                matches!(error, Error::BadAddress { .. }),
                "{wrong}: {error:?}"
            );
            assert!(
                !format!("{error} {error:?}").contains("secret"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn keys_and_passwords_are_never_shown() {
        let settings =
            Settings::from_lists("http://me:secret@host/v1?secret", "sk-secret", "").unwrap();
        assert_eq!(settings.upstreams[0].to_string(), "http://host/v1");
        assert!(!format!("{settings:?} {:?}", Key::new("secret")).contains("secret"));
    }
}
