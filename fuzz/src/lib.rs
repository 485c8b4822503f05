//! What each fuzz target does with its input: one function each, and what must hold whatever the input is.

pub mod manifest;
pub mod signing;
