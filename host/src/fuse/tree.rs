//! From a graph to instances: a component is instantiated once for each edge that leads to it, so no two edges share memory.

use super::error::FuseError;
use super::graph::{Graph, MOST_INSTANCES, at_most};

/// One instance of a component.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) node: usize,
    /// The edge it answers. The root answers none.
    pub(super) edge: Option<usize>,
    /// The edges that lead on from it, each with the place of its own instance.
    pub(super) calls: Vec<(usize, usize)>,
}

/// Every instance, exporters before their importers; the root is last.
pub(super) fn expand(graph: &Graph) -> Result<Vec<Instance>, FuseError> {
    graph.bounded()?;
    let mut tree = Tree { graph, instances: Vec::new(), path: Vec::new() };
    tree.grow(graph.root, None)?;
    let reached = |node: usize| tree.instances.iter().any(|instance| instance.node == node);
    match graph.nodes.iter().enumerate().find(|(number, _)| !reached(*number)) {
        Some((_, node)) => Err(FuseError::Unreached { component: node.name.clone() }),
        None => Ok(tree.instances),
    }
}

struct Tree<'a> {
    graph: &'a Graph,
    instances: Vec<Instance>,
    /// From the root to here: a component that is on it already would call itself. It bounds the depth as well.
    path: Vec<usize>,
}

impl Tree<'_> {
    fn grow(&mut self, node: usize, edge: Option<usize>) -> Result<usize, FuseError> {
        self.path.push(node);
        let (mut calls, mut edges): (Vec<_>, Vec<_>) = (Vec::new(), self.graph.joined(node)?.into_values().collect());
        edges.sort_by_key(|(number, _)| *number);
        for (number, edge) in edges {
            if self.path.contains(&edge.exporter) {
                let component = self.graph.node(edge.exporter)?.name.clone();
                return Err(FuseError::Cycle { component, import: edge.import.clone() });
            }
            let earlier = calls.first().filter(|_| self.graph.receives(node)).map(|(_, instance)| *instance);
            let instance = match earlier {
                Some(instance) => instance,
                None => self.grow(edge.exporter, Some(number))?,
            };
            calls.push((number, instance));
        }
        self.path.pop();
        at_most(self.instances.len().saturating_add(1), MOST_INSTANCES, "instances, one for each link to a component")?;
        self.instances.push(Instance { node, edge, calls });
        Ok(self.instances.len().saturating_sub(1))
    }
}
