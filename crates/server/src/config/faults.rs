//! The faults that are armed on purpose: `TIDINGS_FAULT`. Compiled with the feature `faults` alone.

use anyhow::anyhow;

/// Arms what `TIDINGS_FAULT` says.
///
/// # Errors
/// A word that is not known: a test that arms nothing would prove nothing.
pub fn arm() -> anyhow::Result<()> {
    let text = std::env::var("TIDINGS_FAULT").unwrap_or_default();
    store::fault::arm(&text).map_err(|why| anyhow!("TIDINGS_FAULT: {why}"))
}
