//! writ as libraries: a host inside another program, and providers that writ knows nothing of; run by `cargo xtask test`.

// A panic is a failed test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod authority;
mod deputy;
mod embed;
mod outside;
mod signed;
mod targets;
