//! What is declared: which components, whose they are, and who may call whom.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::error::FuseError;
use crate::carry::RECEIVE;

/// A composition as it was admitted. Everything below trusts it, and nothing else.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    /// The components.
    pub(crate) nodes: Vec<Node>,
    /// The links between them. An edge's place here is the K of `eK-…`.
    pub(crate) edges: Vec<Edge>,
    /// The component whose exports are called from outside.
    pub(crate) root: usize,
    /// Which of its exports are: those that a trigger calls.
    pub(crate) exports: Vec<String>,
}

/// A verified component.
#[derive(Clone)]
pub(crate) struct Node {
    /// What people call it, for messages.
    pub(crate) name: String,
    /// Its bytes, as they were verified.
    pub(crate) bytes: Arc<[u8]>,
    /// Whose authority it uses: the N of `pN-…`. Two nodes of one principal are better given two numbers that the host serves
    /// from one grant: with one number they share imports, whose types must then agree to the last patch version.
    pub(crate) principal: u32,
    /// The most bytes that all its memories may have together.
    pub(crate) memory: u64,
}

/// A link from an import of one component to an export of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    /// Who calls.
    pub(crate) importer: usize,
    /// Its import, in its own spelling.
    pub(crate) import: String,
    /// Who is called.
    pub(crate) exporter: usize,
    /// Its export, in its own spelling.
    pub(crate) export: String,
}

impl Graph {
    /// Refuses at once what is too large to look at, and numbers that mean nothing.
    pub(super) fn bounded(&self) -> Result<(), FuseError> {
        at_most(self.nodes.len(), MOST_INSTANCES, "components")?;
        at_most(self.edges.len(), MOST_EDGES, "links")?;
        at_most(self.exports.len(), MOST_EXPORTS, "exports")?;
        let components = self.nodes.len();
        let mut numbers = self.edges.iter().flat_map(|edge| [edge.importer, edge.exporter]).chain([self.root]);
        match numbers.find(|number| *number >= components) {
            Some(number) => Err(FuseError::NoSuchComponent { number, components }),
            None => Ok(()),
        }
    }

    pub(super) fn node(&self, number: usize) -> Result<&Node, FuseError> {
        let components = self.nodes.len();
        self.nodes.get(number).ok_or(FuseError::NoSuchComponent { number, components })
    }

    /// Whether it is the receiver. Its edges are one link, of several interfaces, and lead to one instance.
    pub(super) fn receives(&self, number: usize) -> bool {
        number == self.root && self.exports == [RECEIVE]
    }

    /// The imports of a component that are joined, each with its edge.
    pub(super) fn joined(&self, importer: usize) -> Result<BTreeMap<&str, (usize, &Edge)>, FuseError> {
        let mut joined = BTreeMap::new();
        for (number, edge) in self.edges.iter().enumerate().filter(|(_, edge)| edge.importer == importer) {
            if joined.insert(edge.import.as_str(), (number, edge)).is_some() {
                let component = self.node(importer)?.name.clone();
                return Err(FuseError::TwoExporters { component, import: edge.import.clone() });
            }
        }
        Ok(joined)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} bytes, p{}, at most {})", self.name, self.bytes.len(), self.principal, self.memory)
    }
}

pub(super) fn at_most(found: usize, most: usize, what: &'static str) -> Result<(), FuseError> {
    if found > most { Err(FuseError::TooMany { what, most }) } else { Ok(()) }
}

/// Instances, with one for each edge that leads to a component.
pub(super) const MOST_INSTANCES: usize = 64;
const MOST_EDGES: usize = 1_000;
const MOST_EXPORTS: usize = 1_000;
