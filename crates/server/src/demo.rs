//! `--demo`: a small believable workspace in an empty database.

use crate::app::App;

/// Fills an empty database and prints the passwords of its two people.
///
/// # Errors
/// When the database is not empty: nothing is changed then.
#[allow(clippy::unused_async)]
pub async fn fill(_app: &App) -> anyhow::Result<()> {
    anyhow::bail!("--demo comes with the channels and chats")
}
