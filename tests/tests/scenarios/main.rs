//! Scenarios that drive `writ` as its users do; run by `cargo xtask test`.

// A panic is a failed test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod answers;
mod audit;
mod bad_files;
mod bad_starts;
mod bounds;
mod call;
mod claims;
mod crash;
mod denied;
mod dev;
mod egress;
mod folders;
mod front;
mod graph;
mod graphs;
mod handles;
mod hostile;
mod inspect;
mod keys;
mod languages;
mod learn;
mod links;
mod logs;
mod messages;
mod newcomer;
mod orders;
mod pasting;
mod pool;
mod projects;
mod releases;
mod reload;
mod revoked;
mod run;
mod shop;
mod slow;
mod stop;
mod tongues;
mod tutorial;
