//! What the scenarios stand on: the program as a user starts it, a client that can misbehave, and files to give it.
//!
//! Nothing here knows the program's insides. It is found by `WRIT_BIN`, its keys by `WRIT_HOME` and the signed guests by
//! `WRIT_GUESTS`, which `cargo xtask test` sets. Everything that waits, waits a bounded time, and then panics with what was
//! seen meanwhile.

// All of it is test code: a panic is a failed test.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod composed;
mod files;
mod home;
pub mod http;
mod log;
mod manifest;
mod mint;
mod program;
mod stack;
pub mod terminal;
mod topology;
mod up;

pub use composed::composed;
pub use files::{Scratch, guest, snapshot, unsigned_guest};
pub use home::Home;
pub use log::Line;
pub use manifest::Manifest;
pub use mint::{DAY, Mint, now};
pub use program::{Cost, Output, command, finish, finish_within};
pub use stack::Stack;
pub use topology::{Form, Topology, steps};
pub use up::{Up, free_address};

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The longest that anything but a whole test may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What `cargo xtask test` says about where things are.
///
/// # Panics
/// When the variable is not set.
#[must_use]
pub fn place(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(value) => PathBuf::from(value),
        None => panic!("{variable} is not set: these tests are run by `cargo xtask test`"),
    }
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none after [`PATIENCE`].
#[track_caller]
pub fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, ask)
}

/// As [`eventually`], for what takes longer than any run of `writ` alone: compilers.
///
/// # Panics
/// When there is none after this time.
#[track_caller]
pub fn eventually_within<T>(patience: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "{what} did not happen within {patience:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// For a test that needs what not every machine has: prints the reason and returns true, so that the test can return.
///
/// # Panics
/// With `WRIT_NO_SKIP=1`, which continuous integration sets: there nothing may be missing.
#[track_caller]
#[must_use]
pub fn skip(reason: &str) -> bool {
    assert!(std::env::var_os("WRIT_NO_SKIP").is_none_or(|value| value != "1"), "not skipped here: {reason}");
    skip_anywhere(reason)
}

/// As [`skip`], for the one thing that continuous integration may lack: cargo-component, which takes 20 minutes to install.
#[must_use]
#[allow(clippy::print_stdout)]
pub fn skip_anywhere(reason: &str) -> bool {
    // Shown by `cargo test -- --nocapture`, as every test's words are.
    println!("skipped: {reason}");
    true
}
