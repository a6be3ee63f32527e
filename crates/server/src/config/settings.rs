//! The settings as flags and variables, unread: clap's part.

use clap::Args;

/// What the operator wrote. Each may be a flag or an environment variable; the flag wins.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, env = "HOST", hide_env_values = true, global = true)]
    pub host: Option<String>,
    /// Port to listen on, 0 to 65535; 0 takes any free one [default: 8080]
    #[arg(long, env = "PORT", hide_env_values = true, global = true)]
    pub port: Option<String>,
    /// Folder for the database and the signing key [default: ./data]
    #[arg(long, env = "DATA_DIR", hide_env_values = true, global = true)]
    pub data_dir: Option<String>,
    /// sqlite:///relative/file.db or sqlite:////absolute/file.db [default: tidings.db in the data folder]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// Key that signs tokens, at least 16 bytes [default: made once, kept in the data folder]
    #[arg(long, env = "WEBUI_SECRET_KEY", hide_env_values = true, global = true)]
    pub webui_secret_key: Option<String>,
    /// The name shown in the app [default: Tidings]
    #[arg(long, env = "WEBUI_NAME", hide_env_values = true, global = true)]
    pub webui_name: Option<String>,
    /// Life of a token: a number with ms, s, m, h, d or w; -1 is for ever [default: 4w]
    #[arg(
        long,
        env = "JWT_EXPIRES_IN",
        hide_env_values = true,
        global = true,
        allow_hyphen_values = true
    )]
    pub jwt_expires_in: Option<String>,
    /// Whether strangers may sign up: true or false [default: true]
    #[arg(long, env = "ENABLE_SIGNUP", hide_env_values = true, global = true)]
    pub enable_signup: Option<String>,
    /// Role of those who sign up after the first: user, pending or admin [default: user]
    #[arg(long, env = "DEFAULT_USER_ROLE", hide_env_values = true, global = true)]
    pub default_user_role: Option<String>,
    /// Whether sk- keys are accepted: true or false [default: true]
    #[arg(long, env = "ENABLE_API_KEYS", hide_env_values = true, global = true)]
    pub enable_api_keys: Option<String>,
    /// SameSite of the session cookie: lax, strict or none [default: lax]
    #[arg(
        long,
        env = "WEBUI_AUTH_COOKIE_SAME_SITE",
        hide_env_values = true,
        global = true
    )]
    pub webui_auth_cookie_same_site: Option<String>,
    /// Secure of the session cookie, for https only: true or false [default: false]
    #[arg(
        long,
        env = "WEBUI_AUTH_COOKIE_SECURE",
        hide_env_values = true,
        global = true
    )]
    pub webui_auth_cookie_secure: Option<String>,
    /// Origins of other sites that may read answers, separated by ';'; * is any, without credentials [default: *]
    #[arg(long, env = "CORS_ALLOW_ORIGIN", hide_env_values = true, global = true)]
    pub cors_allow_origin: Option<String>,
    /// OpenAI-compatible base URLs, separated by ';' [default: none, then a built-in demo model answers]
    #[arg(
        long,
        env = "OPENAI_API_BASE_URLS",
        hide_env_values = true,
        global = true
    )]
    pub openai_api_base_urls: Option<String>,
    /// One OpenAI-compatible base URL, where OPENAI_API_BASE_URLS is not set
    #[arg(
        long,
        env = "OPENAI_API_BASE_URL",
        hide_env_values = true,
        global = true
    )]
    pub openai_api_base_url: Option<String>,
    /// Keys for them, in the same order, separated by ';'; one may be empty [default: none]
    #[arg(long, env = "OPENAI_API_KEYS", hide_env_values = true, global = true)]
    pub openai_api_keys: Option<String>,
    /// One key, where OPENAI_API_KEYS is not set
    #[arg(long, env = "OPENAI_API_KEY", hide_env_values = true, global = true)]
    pub openai_api_key: Option<String>,
    /// Ollama base URLs, separated by ';' [default: none]
    #[arg(long, env = "OLLAMA_BASE_URLS", hide_env_values = true, global = true)]
    pub ollama_base_urls: Option<String>,
    /// One Ollama base URL, where OLLAMA_BASE_URLS is not set
    #[arg(long, env = "OLLAMA_BASE_URL", hide_env_values = true, global = true)]
    pub ollama_base_url: Option<String>,
    /// Longest line of a model's stream that is passed on, bytes; unset or 0 passes all [default: unset]
    #[arg(
        long,
        env = "CHAT_STREAM_RESPONSE_CHUNK_MAX_BUFFER_SIZE",
        hide_env_values = true,
        global = true
    )]
    pub chat_stream_response_chunk_max_buffer_size: Option<String>,
    /// WebSocket and polling (true), or polling only (false) [default: true]
    #[arg(
        long,
        env = "ENABLE_WEBSOCKET_SUPPORT",
        hide_env_values = true,
        global = true
    )]
    pub enable_websocket_support: Option<String>,
    /// Seconds between two pings, 1 to 300 [default: 25]
    #[arg(
        long,
        env = "WEBSOCKET_SERVER_PING_INTERVAL",
        hide_env_values = true,
        global = true
    )]
    pub websocket_server_ping_interval: Option<String>,
    /// Seconds a pong may take, 1 to 300 [default: 20]
    #[arg(
        long,
        env = "WEBSOCKET_SERVER_PING_TIMEOUT",
        hide_env_values = true,
        global = true
    )]
    pub websocket_server_ping_timeout: Option<String>,
    /// Compress long WebSocket messages for clients that offer it: true or false [default: false]
    #[arg(
        long,
        env = "TIDINGS_WEBSOCKET_COMPRESSION",
        hide_env_values = true,
        global = true
    )]
    pub tidings_websocket_compression: Option<String>,
    /// Seconds that the head of a request may take, and a body beside its size, 1 to 300 [default: 15]
    #[arg(
        long,
        env = "TIDINGS_REQUEST_TIMEOUT",
        hide_env_values = true,
        global = true
    )]
    pub tidings_request_timeout: Option<String>,
    /// Accounts that one address may make at once and again in an hour, 0 for any number [default: 300]
    #[arg(
        long,
        env = "TIDINGS_SIGNUPS_PER_ADDRESS",
        hide_env_values = true,
        global = true
    )]
    pub tidings_signups_per_address: Option<String>,
    /// Seconds that the reader of an answer may take nothing of it, 1 to 3600 [default: 30]
    #[arg(
        long,
        env = "TIDINGS_SEND_TIMEOUT",
        hide_env_values = true,
        global = true
    )]
    pub tidings_send_timeout: Option<String>,
    /// Open connections, whatever they carry [default: what the limit of open files has room for, at most 100000]
    #[arg(
        long,
        env = "TIDINGS_OPEN_CONNECTIONS",
        hide_env_values = true,
        global = true
    )]
    pub tidings_open_connections: Option<String>,
    /// Open connections of one address; 0 is no limit [default: half of them, at most 2000; none for this machine's own]
    #[arg(
        long,
        env = "TIDINGS_OPEN_CONNECTIONS_PER_ADDRESS",
        hide_env_values = true,
        global = true
    )]
    pub tidings_open_connections_per_address: Option<String>,
    /// Open sockets of one person, 0 for any number [default: 200]
    #[arg(
        long,
        env = "TIDINGS_SOCKETS_PER_USER",
        hide_env_values = true,
        global = true
    )]
    pub tidings_sockets_per_user: Option<String>,
    /// Open real-time connections of one address, 0 for any number [default: 0]
    #[arg(
        long,
        env = "TIDINGS_CONNECTIONS_PER_ADDRESS",
        hide_env_values = true,
        global = true
    )]
    pub tidings_connections_per_address: Option<String>,
    /// Whether channels exist: true or false [default: true]
    #[arg(long, env = "ENABLE_CHANNELS", hide_env_values = true, global = true)]
    pub enable_channels: Option<String>,
    /// Whether everyone may ask how many are active, not only admins [default: true]
    #[arg(
        long,
        env = "ENABLE_PUBLIC_ACTIVE_USERS_COUNT",
        hide_env_values = true,
        global = true
    )]
    pub enable_public_active_users_count: Option<String>,
    /// At most one write of a person's last activity in this many seconds, 0 to 3600 [default: 30]
    #[arg(
        long,
        env = "DATABASE_USER_ACTIVE_STATUS_UPDATE_INTERVAL",
        hide_env_values = true,
        global = true
    )]
    pub database_user_active_status_update_interval: Option<String>,
    /// Proxies of yours, one behind the other, whose X-Forwarded-For and -Host are believed; true is 1 [default: false]
    #[arg(
        long,
        env = "TIDINGS_TRUST_PROXY",
        hide_env_values = true,
        global = true
    )]
    pub tidings_trust_proxy: Option<String>,
    /// Largest request body, bytes, 65536 to 104857600 [default: 2097152]
    #[arg(
        long,
        env = "TIDINGS_MAX_BODY_BYTES",
        hide_env_values = true,
        global = true
    )]
    pub tidings_max_body_bytes: Option<String>,
    /// What a commit waits for: full (the disk) or normal (the operating system) [default: full]
    #[arg(
        long,
        env = "TIDINGS_SYNCHRONOUS",
        hide_env_values = true,
        global = true
    )]
    pub tidings_synchronous: Option<String>,
    /// Days that events are kept for clients that come back, 1 to 365 [default: 7]
    #[arg(
        long,
        env = "TIDINGS_EVENTS_KEEP_DAYS",
        hide_env_values = true,
        global = true
    )]
    pub tidings_events_keep_days: Option<String>,
    /// Events that each room keeps at most, 100 to 1000000 [default: 10000]
    #[arg(
        long,
        env = "TIDINGS_EVENTS_PER_ROOM",
        hide_env_values = true,
        global = true
    )]
    pub tidings_events_per_room: Option<String>,
    /// Bytes of events kept in all, 1048576 or more [default: 2147483648]
    #[arg(
        long,
        env = "TIDINGS_EVENTS_MAX_BYTES",
        hide_env_values = true,
        global = true
    )]
    pub tidings_events_max_bytes: Option<String>,
    /// What is logged: error, warn, info, debug, trace, or a tracing filter [default: info]
    #[arg(long, env = "TIDINGS_LOG", hide_env_values = true, global = true)]
    pub tidings_log: Option<String>,
    /// How: text or json [default: text]
    #[arg(
        long,
        env = "TIDINGS_LOG_FORMAT",
        hide_env_values = true,
        global = true
    )]
    pub tidings_log_format: Option<String>,
    /// Variables of the contract whose feature does not exist yet.
    #[command(flatten)]
    pub absent: Absent,
}

macro_rules! absent {
    ($($field:ident = $variable:literal, allowed $allowed:expr, because $why:literal;)*) => {
        /// Variables that Open WebUI's operators may have set for features that do not exist here yet.
        #[derive(Debug, Clone, Default, Args)]
        pub struct Absent {
            $(
                #[doc = concat!("Read only to say that it does not exist here yet (", $why, ").")]
                #[arg(long = concat!("unsupported-", stringify!($field)), env = $variable, hide = true, global = true)]
                $field: Option<String>,
            )*
        }

        impl Absent {
            /// Each variable with what was written, what is allowed, and why nothing else is.
            pub(super) fn rows(&self) -> Vec<(&'static str, Option<&str>, &'static [&'static str], &'static str)> {
                vec![$(($variable, self.$field.as_deref(), $allowed, $why)),*]
            }
        }
    };
}

const OFF: &[&str] = &["", "false", "0"];
const UNSET: &[&str] = &[""];

absent! {
    websocket_manager = "WEBSOCKET_MANAGER", allowed UNSET, because "one node serves everybody; several over Redis come later";
    websocket_redis_url = "WEBSOCKET_REDIS_URL", allowed UNSET, because "several nodes over Redis come later";
    redis_url = "REDIS_URL", allowed UNSET, because "several nodes over Redis come later";
    redis_cluster = "REDIS_CLUSTER", allowed OFF, because "several nodes over Redis come later";
    redis_sentinel_hosts = "REDIS_SENTINEL_HOSTS", allowed UNSET, because "several nodes over Redis come later";
    websocket_redis_cluster = "WEBSOCKET_REDIS_CLUSTER", allowed OFF, because "several nodes over Redis come later";
    websocket_sentinel_hosts = "WEBSOCKET_SENTINEL_HOSTS", allowed UNSET, because "several nodes over Redis come later";
    uvicorn_workers = "UVICORN_WORKERS", allowed &["", "1"], because "one process uses every core";
    enable_realtime_chat_save = "ENABLE_REALTIME_CHAT_SAVE", allowed OFF, because "answers are always saved while they stream";
    delta_chunk_size = "CHAT_RESPONSE_STREAM_DELTA_CHUNK_SIZE", allowed &["", "1"], because "pieces are gathered by time, at most 20 a second";
    tool_call_retries = "CHAT_RESPONSE_MAX_TOOL_CALL_RETRIES", allowed &["", "30"], because "tools come later";
    enable_notes = "ENABLE_NOTES", allowed OFF, because "notes come later";
    enable_user_webhooks = "ENABLE_USER_WEBHOOKS", allowed OFF, because "webhooks come later";
    enable_user_status = "ENABLE_USER_STATUS", allowed OFF, because "status lines come later";
    enable_direct_connections = "ENABLE_DIRECT_CONNECTIONS", allowed OFF, because "models are asked by the server only";
    webhook_url = "WEBHOOK_URL", allowed UNSET, because "webhooks come later";
}
