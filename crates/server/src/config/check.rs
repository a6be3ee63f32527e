//! From [`Settings`] to [`Config`]: reads each value, gathers every fault, and writes the effective settings.

use super::settings::Settings;
use super::values::{base_url, boolean, list, number, proxies, seconds};
use super::{Config, FeatureConfig, HttpConfig, LogConfig, Origins, SameSite};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Every setting that is wrong, so that one start shows them all.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingErrors(pub Vec<String>);

impl fmt::Display for SettingErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.0 {
            writeln!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingErrors {}

/// Reads values and remembers what was wrong with them.
#[derive(Default)]
pub(super) struct Reader(Vec<String>);

impl Reader {
    /// The value of a variable, its default where it is unset or empty, or a remembered fault and the default.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        text: Option<&String>,
        default: T,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let Some(text) = text.map(|t| t.trim()).filter(|t| !t.is_empty()) else {
            return default;
        };
        parse(text).unwrap_or_else(|allowed| {
            self.0.push(format!(
                "{name}: {text:?} is not allowed; allowed is {allowed}"
            ));
            default
        })
    }

    /// Remembers a fault that concerns several settings.
    pub(super) fn fault(&mut self, text: String) {
        self.0.push(text);
    }

    /// As [`Self::read`], without repeating a secret in the message.
    pub(super) fn secret(
        &mut self,
        name: &str,
        text: Option<&String>,
        allowed: &str,
        fits: impl Fn(&str) -> bool,
    ) -> String {
        let text = text.map(|t| t.trim()).unwrap_or_default();
        if !text.is_empty() && !fits(text) {
            self.0.push(format!(
                "{name}: this value is not allowed; allowed is {allowed}"
            ));
        }
        text.to_owned()
    }
}

impl Config {
    /// Reads and checks all settings.
    ///
    /// # Errors
    /// All faults at once, each with its variable's name and what is allowed.
    pub fn from_settings(settings: &Settings) -> Result<Config, SettingErrors> {
        let mut r = Reader::default();
        let data_dir = r.read(
            "DATA_DIR",
            settings.data_dir.as_ref(),
            PathBuf::from("data"),
            |t| Ok(PathBuf::from(t)),
        );
        let fallback = data_dir.join("tidings.db");
        let config = Config {
            name: r.read(
                "WEBUI_NAME",
                settings.webui_name.as_ref(),
                "Tidings".to_owned(),
                short_name,
            ),
            database: r.read(
                "DATABASE_URL",
                settings.database_url.as_ref(),
                fallback,
                sqlite_path,
            ),
            data_dir,
            synchronous: r.read(
                "TIDINGS_SYNCHRONOUS",
                settings.tidings_synchronous.as_ref(),
                store::Synchronous::Full,
                synchronous,
            ),
            retention: retention(&mut r, settings),
            http: http(&mut r, settings),
            limits: super::limits::limits(&mut r, settings),
            auth: super::auth::auth(&mut r, settings),
            sockets: super::sockets::sockets(&mut r, settings),
            models: super::models::models(&mut r, settings),
            features: features(&mut r, settings),
            log: LogConfig {
                filter: r.read(
                    "TIDINGS_LOG",
                    settings.tidings_log.as_ref(),
                    "info".to_owned(),
                    log_filter,
                ),
                json: r.read(
                    "TIDINGS_LOG_FORMAT",
                    settings.tidings_log_format.as_ref(),
                    false,
                    log_format,
                ),
            },
        };
        if config.auth.cookie_same_site == SameSite::None && !config.auth.cookie_secure {
            r.0.push("WEBUI_AUTH_COOKIE_SAME_SITE: \"none\" is allowed only with WEBUI_AUTH_COOKIE_SECURE=true".to_owned());
        }
        for (name, written, allowed, why) in settings.absent.rows() {
            let written = written.map(str::trim).unwrap_or_default();
            if !allowed.contains(&written.to_ascii_lowercase().as_str()) {
                let values: Vec<&str> = allowed.iter().copied().filter(|v| !v.is_empty()).collect();
                let or = if values.is_empty() {
                    String::new()
                } else {
                    format!(" or {}", values.join(", "))
                };
                r.0.push(format!(
                    "{name}: {written:?} is not allowed; allowed is unset{or}: {why}"
                ));
            }
        }
        if r.0.is_empty() {
            Ok(config)
        } else {
            Err(SettingErrors(r.0))
        }
    }

    /// The effective settings, without secrets, a line each: what the start prints.
    #[must_use]
    pub fn summary(&self) -> Vec<(&'static str, String)> {
        let keyed = self
            .models
            .openai
            .iter()
            .filter(|(_, key)| !key.is_empty())
            .count();
        let urls: Vec<&str> = self
            .models
            .openai
            .iter()
            .map(|(url, _)| url.as_str())
            .collect();
        let mut rows = vec![
            ("HOST", self.http.host.to_string()),
            ("PORT", self.http.port.to_string()),
            ("DATA_DIR", self.data_dir.display().to_string()),
            (
                "DATABASE_URL",
                format!("sqlite:///{}", self.database.display()),
            ),
            (
                "TIDINGS_SYNCHRONOUS",
                format!("{:?}", self.synchronous).to_lowercase(),
            ),
            (
                "TIDINGS_EVENTS_KEEP_DAYS",
                (self.retention.age.as_secs() / 86_400).to_string(),
            ),
            (
                "TIDINGS_EVENTS_PER_ROOM",
                self.retention.per_room.to_string(),
            ),
            ("TIDINGS_EVENTS_MAX_BYTES", self.retention.bytes.to_string()),
            ("WEBUI_NAME", self.name.clone()),
            (
                "JWT_EXPIRES_IN",
                self.auth
                    .jwt_expires_in
                    .map_or("-1".to_owned(), |life| format!("{}s", life.as_secs())),
            ),
            ("ENABLE_SIGNUP", self.auth.enable_signup.to_string()),
            (
                "DEFAULT_USER_ROLE",
                self.auth.default_role.as_str().to_owned(),
            ),
            ("ENABLE_API_KEYS", self.auth.enable_api_keys.to_string()),
            ("CORS_ALLOW_ORIGIN", self.http.origins.to_string()),
            ("OPENAI_API_BASE_URLS", urls.join(";")),
            ("OPENAI_API_KEYS", format!("{keyed} set")),
            ("OLLAMA_BASE_URLS", self.models.ollama.join(";")),
            (
                "ENABLE_WEBSOCKET_SUPPORT",
                self.sockets.enable_websocket.to_string(),
            ),
            (
                "WEBSOCKET_SERVER_PING_INTERVAL",
                format!("{}s", self.sockets.ping_interval.as_secs()),
            ),
            (
                "WEBSOCKET_SERVER_PING_TIMEOUT",
                format!("{}s", self.sockets.ping_timeout.as_secs()),
            ),
            (
                "TIDINGS_WEBSOCKET_COMPRESSION",
                self.sockets.compression.to_string(),
            ),
            ("ENABLE_CHANNELS", self.features.channels.to_string()),
            ("TIDINGS_TRUST_PROXY", self.http.trusted_proxies.to_string()),
            (
                "TIDINGS_MAX_BODY_BYTES",
                self.http.max_body_bytes.to_string(),
            ),
            ("TIDINGS_LOG", self.log.filter.clone()),
        ];
        rows.extend(self.limits.summary());
        rows
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origins::Any => f.write_str("*"),
            Origins::List(origins) => f.write_str(&origins.join(";")),
        }
    }
}

fn retention(r: &mut Reader, s: &Settings) -> store::retention::Retention {
    let default = store::retention::Retention::default();
    store::retention::Retention {
        age: r.read(
            "TIDINGS_EVENTS_KEEP_DAYS",
            s.tidings_events_keep_days.as_ref(),
            default.age,
            |t| number(t, 1, 365).map(|days: u64| Duration::from_secs(days * 24 * 3600)),
        ),
        per_room: r.read(
            "TIDINGS_EVENTS_PER_ROOM",
            s.tidings_events_per_room.as_ref(),
            default.per_room,
            |t| number(t, store::retention::FEWEST_PER_ROOM as i64, 1_000_000),
        ),
        bytes: r.read(
            "TIDINGS_EVENTS_MAX_BYTES",
            s.tidings_events_max_bytes.as_ref(),
            default.bytes,
            |t| number(t, 1 << 20, i64::MAX),
        ),
    }
}

fn http(r: &mut Reader, s: &Settings) -> HttpConfig {
    HttpConfig {
        host: r.read("HOST", s.host.as_ref(), [127, 0, 0, 1].into(), |t| {
            let t = if t == "localhost" { "127.0.0.1" } else { t };
            t.parse()
                .map_err(|_| "an IP address such as 127.0.0.1, 0.0.0.0 or ::".to_owned())
        }),
        port: r.read("PORT", s.port.as_ref(), 8080, |t| number(t, 0, u16::MAX)),
        origins: r.read(
            "CORS_ALLOW_ORIGIN",
            s.cors_allow_origin.as_ref(),
            Origins::Any,
            origins,
        ),
        trusted_proxies: r.read(
            "TIDINGS_TRUST_PROXY",
            s.tidings_trust_proxy.as_ref(),
            0,
            proxies,
        ),
        max_body_bytes: r.read(
            "TIDINGS_MAX_BODY_BYTES",
            s.tidings_max_body_bytes.as_ref(),
            2 << 20,
            |t| number(t, 1 << 16, 100 << 20),
        ),
    }
}

fn features(r: &mut Reader, s: &Settings) -> FeatureConfig {
    FeatureConfig {
        channels: r.read("ENABLE_CHANNELS", s.enable_channels.as_ref(), true, boolean),
        public_active_users_count: r.read(
            "ENABLE_PUBLIC_ACTIVE_USERS_COUNT",
            s.enable_public_active_users_count.as_ref(),
            true,
            boolean,
        ),
        active_interval: r.read(
            "DATABASE_USER_ACTIVE_STATUS_UPDATE_INTERVAL",
            s.database_user_active_status_update_interval.as_ref(),
            Duration::from_secs(30),
            |t| seconds(t, 0, 3600),
        ),
    }
}

fn short_name(text: &str) -> Result<String, String> {
    if text.chars().count() <= 60 {
        Ok(text.to_owned())
    } else {
        Err("at most 60 characters".to_owned())
    }
}

/// As SQLAlchemy's users know it: three slashes and a path relative to the working folder, four and an absolute one.
fn sqlite_path(text: &str) -> Result<PathBuf, String> {
    match text.strip_prefix("sqlite:///") {
        Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        _ => Err(
            "sqlite:///relative/file.db or sqlite:////absolute/file.db (PostgreSQL comes later)"
                .to_owned(),
        ),
    }
}

fn synchronous(text: &str) -> Result<store::Synchronous, String> {
    match text.to_ascii_lowercase().as_str() {
        "full" => Ok(store::Synchronous::Full),
        "normal" => Ok(store::Synchronous::Normal),
        _ => Err("full or normal".to_owned()),
    }
}

fn origins(text: &str) -> Result<Origins, String> {
    if text == "*" {
        return Ok(Origins::Any);
    }
    let allowed = || "* or origins such as https://chat.example.org, separated by ';'".to_owned();
    let one = |origin: &String| {
        let origin = base_url(origin).map_err(|_| allowed())?;
        let path = origin.split_once("://").map(|(_, rest)| rest.contains('/'));
        if path == Some(false) {
            Ok(origin)
        } else {
            Err(allowed())
        }
    };
    list(text)
        .iter()
        .map(one)
        .collect::<Result<Vec<_>, _>>()
        .map(Origins::List)
}

fn log_filter(text: &str) -> Result<String, String> {
    match text.parse::<tracing_subscriber::filter::Targets>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => {
            Err("error, warn, info, debug, trace, or a list such as info,server=debug".to_owned())
        }
    }
}

fn log_format(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "json" => Ok(true),
        "text" => Ok(false),
        _ => Err("text or json".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::Absent;
    use wire::people::Role;

    fn check(change: impl Fn(&mut Settings)) -> Result<Config, SettingErrors> {
        let mut settings = Settings::default();
        change(&mut settings);
        Config::from_settings(&settings)
    }

    #[test]
    fn an_empty_environment_is_a_working_server() {
        let config = check(|_| {}).unwrap();
        assert_eq!(
            (config.http.port, config.http.host.to_string().as_str()),
            (8080, "127.0.0.1")
        );
        assert!(config.auth.enable_signup && config.auth.default_role == Role::User);
        assert_eq!(config.database, PathBuf::from("data/tidings.db"));
    }

    #[test]
    fn every_fault_is_named_with_its_variable() {
        let errors = check(|s| {
            s.port = Some("99999".into());
            s.enable_signup = Some("maybe".into());
            s.database_url = Some("postgres://localhost/x".into());
            s.webui_secret_key = Some("short".into());
        });
        let text = errors.unwrap_err().to_string();
        for name in ["PORT", "ENABLE_SIGNUP", "DATABASE_URL", "WEBUI_SECRET_KEY"] {
            assert!(text.contains(name), "{text}");
        }
        assert!(!text.contains("short"), "a secret is repeated: {text}");
    }

    #[test]
    fn a_feature_that_does_not_exist_stops_the_start() {
        let absent = Absent::default();
        let rows = absent.rows();
        assert!(
            rows.iter()
                .all(|(_, written, allowed, _)| written.is_none() && allowed.contains(&""))
        );
    }

    #[test]
    fn an_origin_with_a_path_is_refused() {
        assert!(check(|s| s.cors_allow_origin = Some("https://a.example/app".into())).is_err());
        let two = check(|s| {
            s.cors_allow_origin = Some("https://a.example; http://localhost:5173".into())
        });
        assert_eq!(
            two.unwrap().http.origins.to_string(),
            "https://a.example;http://localhost:5173"
        );
    }
}
