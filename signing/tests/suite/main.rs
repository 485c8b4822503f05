//! What an attacker tries against keys, tokens, the claims section and the chain, and what comes of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod arbitrary;
mod chain;
mod fixture;
mod header;
mod keys;
mod revocation;
mod section;
mod tamper;
mod times;
mod token;
