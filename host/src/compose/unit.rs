//! What runs together in one store: a component, and those it calls over links that may be *fused*.
//!
//! One rule decides. A link is fused if
//!
//! - both ends are of one account,
//! - it joins one interface, which passes plain data alone and stands for no capability,
//! - both are built for one generation of WASI,
//! - the callee may take as long as the component that was called first, for one store has one deadline,
//! - and the manifest does not say `isolation: separate`.
//!
//! A call over it means what it means over any other link: the callee has an instance of its own for this link, its own
//! grants, and its own bound on memory. It only costs less.

use std::sync::Arc;

use crate::authorize::{Admission, Admitted};
use crate::fuse::{self, Checked, Graph, Node};

use super::edges::Joint;

/// A component with what runs in its store.
pub(crate) struct Unit<'a> {
    /// The first is the one that is called from outside.
    members: Vec<Member<'a>>,
    root: &'a Admitted,
    inside: Vec<fuse::Edge>,
}

/// A component of a unit.
pub(crate) struct Member<'a> {
    pub(crate) place: usize,
    /// How many instances of it there are: one for each way that leads to it.
    pub(crate) instances: usize,
    pub(crate) admitted: &'a Admitted,
    /// Its links that lead to a store of their own.
    pub(crate) outside: Vec<&'a Joint>,
}

/// Why a unit is not what was admitted. Nothing of it runs.
#[derive(Debug, thiserror::Error)]
#[error("what was fused is not what was linked: {0}")]
pub struct Unfaithful(#[from] fuse::CheckError);

impl<'a> Unit<'a> {
    /// What runs with the component at `root`; with it alone, where `separate`.
    pub(crate) fn of(admission: &'a Admission, root: usize, separate: bool) -> Option<Self> {
        let all = admission.components();
        let first = all.get(root)?;
        let mut unit = Self { members: Vec::new(), root: first, inside: Vec::new() };
        let mut next = vec![root];
        while let Some(place) = next.pop() {
            let Some(admitted) = all.get(place).filter(|_| unit.number(place).is_none()) else { continue };
            let mut member = Member { place, instances: 0, admitted, outside: Vec::new() };
            for joint in &admitted.edges {
                let callee = all.get(joint.target).filter(|callee| !separate && fits(joint, admitted, callee, first));
                match callee {
                    Some(_) => next.push(joint.target),
                    None => member.outside.push(joint),
                }
            }
            unit.members.push(member);
        }
        unit.join();
        unit.count(admission.order());
        Some(unit)
    }

    /// The component that is called from outside.
    pub(crate) fn root(&self) -> &'a Admitted {
        self.root
    }

    /// The members, by the number of their principal in the store.
    pub(crate) fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    fn number(&self, place: usize) -> Option<usize> {
        self.members.iter().position(|member| member.place == place)
    }

    /// Every link within the unit, in the numbers of its members.
    fn join(&mut self) {
        let mut inside = Vec::new();
        for (importer, member) in self.members.iter().enumerate() {
            let is_outside = |joint: &Joint| member.outside.iter().any(|outside| *outside == joint);
            for joint in member.admitted.edges.iter().filter(|joint| !is_outside(joint)) {
                let Some(exporter) = self.number(joint.target) else { continue };
                inside.extend(joint.interfaces.iter().map(|join| fuse::Edge {
                    importer,
                    import: join.import.to_string(),
                    exporter,
                    export: join.export.to_string(),
                }));
            }
        }
        self.inside = inside;
    }

    /// Counts the ways to each member, from the callers to what they call.
    fn count(&mut self, order: &[usize]) {
        let mut instances = vec![0_usize; self.members.len()];
        instances.iter_mut().take(1).for_each(|root| *root = 1);
        for number in order.iter().rev().filter_map(|place| self.number(*place)) {
            let ways = instances.get(number).copied().unwrap_or(0);
            for edge in self.inside.iter().filter(|edge| edge.importer == number) {
                instances.get_mut(edge.exporter).into_iter().for_each(|to| *to = to.saturating_add(ways));
            }
        }
        self.members.iter_mut().zip(instances).for_each(|(member, ways)| member.instances = ways);
    }

    /// What is to be fused; none where there is nothing to.
    pub(crate) fn graph(&self) -> Option<Graph> {
        if self.inside.is_empty() {
            return None;
        }
        let node = |(number, member): (usize, &Member<'_>)| Node {
            name: member.admitted.name.clone(),
            bytes: Arc::clone(member.admitted.artifact.bytes()),
            principal: u32::try_from(number).unwrap_or(u32::MAX),
            memory: u64::try_from(member.admitted.limits.memory).unwrap_or(u64::MAX),
        };
        let exports = self.members.first().into_iter().flat_map(|root| root.admitted.artifact.exports());
        Some(Graph {
            nodes: self.members.iter().enumerate().map(node).collect(),
            edges: self.inside.clone(),
            root: 0,
            exports: exports.map(ToString::to_string).collect(),
        })
    }
}

/// One component of them all, which is what was admitted and nothing else; none where the encoder has no words for what they
/// are: then they stay separate.
///
/// # Errors
/// [`Unfaithful`], where the encoder made something else.
pub(crate) fn fused(graph: Graph) -> Result<Option<Fused>, Unfaithful> {
    let composite = match fuse::compose(&graph) {
        Ok(composite) => composite,
        Err(reason) => {
            tracing::debug!(target: "writ::host", %reason, "links stay separate");
            return Ok(None);
        }
    };
    let checked = fuse::check(composite, &graph)?;
    Ok(Some(Fused { checked, edges: graph.edges }))
}

/// Several components as one, checked.
pub(crate) struct Fused {
    pub(crate) checked: Checked,
    /// The links within it, by the number in `eN-…`.
    pub(crate) edges: Vec<fuse::Edge>,
}

/// The rule of this module.
fn fits(joint: &Joint, caller: &Admitted, callee: &Admitted, first: &Admitted) -> bool {
    let [join] = joint.interfaces.as_slice() else { return false };
    if callee.limits.time < first.limits.time {
        return false;
    }
    let (import, export) = (join.import.to_string(), join.export.to_string());
    let link = fuse::Link {
        importer: caller.artifact.bytes(),
        import: &import,
        exporter: callee.artifact.bytes(),
        export: &export,
        same_account: caller.principal.account() == callee.principal.account(),
        // Such a link was refused: see `edges`.
        capability: None,
        separate: joint.separate,
    };
    fuse::eligible(&link).is_ok()
}
