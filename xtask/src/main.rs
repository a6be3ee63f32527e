//! `cargo xtask`: the one way to do anything in this repository.

fn main() {}
