//! What an attacker tries against keys, tokens, the claims section and the chain, and what comes of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

mod arbitrary;
mod chain;
mod corpus;
mod fixture;
mod header;
mod keys;
mod replay;
mod revocation;
mod section;
mod tamper;
mod threats;
mod times;
mod token;
mod wascap;
