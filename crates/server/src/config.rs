//! Every setting: its flag, its variable, its unit and its default. Nothing else reads the environment.
//!
//! [`Settings`] is what the operator wrote, as text; [`Config`] is what it means. A wrong value, or one that asks for
//! something this program does not have, stops the start with the variable's name and what is allowed. Names are
//! those that Open WebUI's operators already use wherever it has one; our own begin with `TIDINGS_`.

mod auth;
mod check;
#[cfg(feature = "faults")]
pub mod faults;
mod limits;
mod models;
mod open_files;
mod settings;
mod sockets;
mod values;

pub use auth::{AuthConfig, SameSite};
pub use check::SettingErrors;
pub use limits::{LimitConfig, OpenPerAddress, room_for_connections};
pub use models::ModelConfig;
pub use open_files::{OpenFiles, raise as raise_open_files};
pub use settings::Settings;
pub use sockets::SocketConfig;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What the settings mean, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name shown in the app.
    pub name: String,
    /// Where files live: the database, the signing key.
    pub data_dir: PathBuf,
    /// The SQLite file.
    pub database: PathBuf,
    /// Whether a commit waits for the disk (`full`) or only for the operating system (`normal`).
    pub synchronous: store::Synchronous,
    /// How much of the event log is kept.
    pub retention: store::retention::Retention,
    /// The address and what may reach it.
    pub http: HttpConfig,
    /// Bounds on what one person, one address or one slow request can cost.
    pub limits: LimitConfig,
    /// Accounts, tokens, cookies.
    pub auth: AuthConfig,
    /// The real-time endpoint.
    pub sockets: SocketConfig,
    /// Whom to ask for answers.
    pub models: ModelConfig,
    /// Switches for whole features.
    pub features: FeatureConfig,
    /// What is logged, and how.
    pub log: LogConfig,
}

/// The address and what may reach it.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 takes any free one.
    pub port: u16,
    /// Origins of other sites that may read answers.
    pub origins: Origins,
    /// Proxies in front, one behind the other, whose `X-Forwarded-For` and `X-Forwarded-Host` are believed.
    pub trusted_proxies: usize,
    /// Largest request body in bytes, where a route sets no smaller limit.
    pub max_body_bytes: usize,
}

/// Origins of other sites that may read answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Any, but never with credentials.
    Any,
    /// These, with credentials.
    List(Vec<String>),
}

/// Switches for whole features.
#[derive(Debug, Clone)]
pub struct FeatureConfig {
    /// Channels exist.
    pub channels: bool,
    /// Everyone, not only admins, may ask how many are active.
    pub public_active_users_count: bool,
    /// At most one `last_active_at` write per person in this time.
    pub active_interval: Duration,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// A `tracing` filter.
    pub filter: String,
    /// One JSON object a line.
    pub json: bool,
}
