//! `tidings token`: API keys from the command line, also while the server runs. A key is shown once and kept as a hash.

use super::{open, user::by_email};
use crate::auth::actions::create_key;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Error;
use anyhow::bail;
use clap::Subcommand;
use jiff::Timestamp;
use std::process::ExitCode;
use store::{Store, tokens};

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make an API key for a person and print it; it is shown this once
    Create {
        /// Whose key: the address they sign in with
        email: String,
        /// What it is for
        #[arg(long, default_value = "command line")]
        name: String,
    },
    /// List all API keys, without the keys themselves
    List,
    /// Revoke an API key
    Revoke {
        /// The key's id, as `token list` prints it
        id: String,
    },
}

/// Runs the command.
///
/// # Errors
/// What stopped it, for people.
pub async fn run(config: &Config, command: TokenCommand) -> anyhow::Result<ExitCode> {
    let store = open(config)?;
    let done = match command {
        TokenCommand::Create { email, name } => create(config, &store, &email, name).await,
        TokenCommand::List => list(&store).await,
        TokenCommand::Revoke { id } => revoke(&store, id).await,
    };
    store.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn create(config: &Config, store: &Store, email: &str, name: String) -> anyhow::Result<()> {
    let email = email.trim().to_lowercase();
    let (key, id) = store
        .write(move |tx| {
            let user = by_email(tx, &email)?;
            create_key(tx, &user.id, &name, Clock::System.now_ms())
        })
        .await?;
    println!("{key}");
    eprintln!("id {id}; the key is shown this once");
    if !config.auth.enable_api_keys {
        eprintln!("ENABLE_API_KEYS is false here: the server accepts no keys until it is true");
    }
    Ok(())
}

async fn list(store: &Store) -> anyhow::Result<()> {
    for key in store.read(tokens::list).await? {
        let used = key.last_used_at_ms.map_or_else(
            || "never used".to_owned(),
            |at_ms| format!("used {}", date(at_ms)),
        );
        println!(
            "{}\t{}\t...{}\tmade {}\t{used}\t{}",
            key.id,
            key.email,
            key.hint,
            date(key.created_at_ms),
            key.name
        );
    }
    Ok(())
}

async fn revoke(store: &Store, id: String) -> anyhow::Result<()> {
    if !store
        .write(move |tx| tokens::revoke(tx, id.trim()).map_err(Error::from))
        .await?
    {
        bail!("there is no API key of this id; `tidings token list` shows them");
    }
    println!("revoked");
    Ok(())
}

fn date(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(
        |_| at_ms.to_string(),
        |at| at.strftime("%Y-%m-%d %H:%M").to_string(),
    )
}
