//! The `tidings` binary: parses its arguments and runs the command.

use clap::Parser;
use server::cli::Cli;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h, in milliseconds.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Has freed memory go back to the system after 10 ms, not after a second: a burst that made the queues of many sockets
/// long is not kept beside what they need later. `MIMALLOC_PURGE_DELAY` in the environment goes before it.
#[expect(unsafe_code, reason = "mimalloc has no other way to set it")]
fn set_up_allocator() {
    // SAFETY: it sets a number; no other thread runs yet.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, 10) };
}

fn main() -> ExitCode {
    set_up_allocator();
    match server::cli::run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tidings: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "mimalloc has no other way to ask for it")]
    fn the_option_is_the_purge_delay() {
        // SAFETY: it reads a number.
        let delay_ms = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(delay_ms(), 1_000, "mimalloc's own");
        set_up_allocator();
        assert_eq!(delay_ms(), 10);
    }
}
