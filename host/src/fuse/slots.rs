//! Whom an import serves, and how the composite spells that.

use std::fmt;

use serde::{Deserialize, Serialize};
use writ_signing::defence::stands;

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

impl Serves {
    /// Whom an import serves that no edge joins, in a component of `principal` that is called over `edge`.
    pub(super) fn of(interface: &InterfaceName, principal: u32, edge: Option<usize>) -> Self {
        match edge {
            _ if is_shared(interface) => Self::Everyone,
            Some(edge) if is_caller(interface) => Self::Edge(edge),
            _ if !stands("fuse: own names") => Self::Principal(0),
            _ => Self::Principal(principal),
        }
    }

    /// How the composite spells it.
    pub(super) fn spelled(self, import: impl fmt::Display) -> String {
        match self {
            Self::Everyone => import.to_string(),
            Self::Principal(number) => format!("p{number}-{import}"),
            Self::Edge(number) => format!("e{number}-{import}"),
        }
    }
}

/// The short fixed list: interfaces whose functions hold no authority by themselves.
fn is_shared(name: &InterfaceName) -> bool {
    let http = name.package == "http" && name.interface == "types";
    name.namespace == "wasi" && (name.package == "io" || http)
}

pub(super) fn is_caller(name: &InterfaceName) -> bool {
    (name.namespace.as_str(), name.package.as_str(), name.interface.as_str()) == ("writ", "identity", "caller")
}

/// What the core modules of principal `number` are called in a backtrace.
pub(super) fn module_name(number: u32, component: &str) -> String {
    format!("p{number}-{component}")
}

/// The number of the principal whose module is called that.
pub(crate) fn numbered(module: &str) -> Option<usize> {
    module.strip_prefix('p')?.split_once('-')?.0.parse().ok()
}
