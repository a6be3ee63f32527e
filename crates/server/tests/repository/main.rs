//! Rules about the repository itself: which crate may use which, how long files are, what may be depended on.
//!
//! They read sources, `cargo metadata` and `package-lock.json`; nothing of the product runs.

#![allow(clippy::unwrap_used)]

mod architecture;
mod dependencies;
mod documents;
mod licences;
mod metadata;
mod sources;
mod tidy;
