//! Text to [`Node`](crate::node::Node), within bounds.

/// The most text that is read, in bytes: 1 MiB.
pub const MAX_BYTES: usize = 1024 * 1024;

/// The most levels of mappings and sequences inside each other.
pub const MAX_DEPTH: usize = 32;
