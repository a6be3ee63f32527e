//! The surface that OpenAI's clients know: models and chat completions, and the contract's additions to it (5.2, 5.5, 6).
//!
//! A completion without a chat is a proxy: its bytes are the upstream's, and when its client leaves, the upstream is
//! closed at once. With a chat it is a run (`runs/`).

mod completions;
pub mod http;

use crate::app::App;
use crate::error::Error;

/// The model exists.
///
/// # Errors
/// `model_not_found`.
pub async fn known(app: &App, model: &str) -> Result<(), Error> {
    app.models
        .find(model, app.clock.now_s())
        .await
        .map_err(refusal)
}

/// What the caller hears of an upstream's failure.
fn refusal(error: llm::Error) -> Error {
    match error {
        llm::Error::ModelNotFound(_) => Error::refused("model_not_found", "Model not found"),
        other => Error::Upstream(other.to_string()),
    }
}
