//! Whom an import of a composite serves.

use serde::{Deserialize, Serialize};

use crate::names::InterfaceName;

/// An import of the composite, and what the host links it to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Import {
    /// Its name in the composite: what a linker must define.
    pub(crate) name: String,
    /// The interface, in the component's own spelling.
    pub(crate) interface: InterfaceName,
    /// Whose it is.
    pub(crate) serves: Serves,
}

/// Whose an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Serves {
    /// Everyone's: it holds no authority, and resources of it may pass over an edge.
    Everyone,
    /// One principal's: the slot of that principal's grant, or its own WASI.
    Principal(u32),
    /// One edge's: the identity of whoever calls over it, by the edge's place in the graph.
    Edge(usize),
}

/// The number of the principal whose module is called that.
pub(crate) fn numbered(module: &str) -> Option<usize> {
    module.strip_prefix('p')?.split_once('-')?.0.parse().ok()
}
