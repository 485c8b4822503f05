#![allow(clippy::unwrap_used)]

mod guest;
mod mutants;
mod parts;
mod random;
mod refused;
mod threats;
mod topologies;
