//! What runs together in one store: a component, those it calls over links that may be *fused*, and what carries the calls
//! over its other links.
//!
//! One rule decides which links are fused: it stands in `docs/composing.md`, under "Which run together", and [`fits`] asks it.
//! Why each of its conditions is there, `docs/decisions/0007-fused-by-one-rule.md` says.
//!
//! A call over such a link means what it means over any other: the callee has an instance of its own for this link, its own
//! grants, and its own bound on memory. It only costs less.

use std::collections::BTreeSet;
use std::sync::Arc;

use writ_provider::wasmtime::component::Component;
use writ_signing::Digest;

use super::edges::Joint;
use crate::authorize::{Admission, Admitted};
use crate::carry::{CARRY, CarryError, Interfaces, RECEIVE};
use crate::fuse::{self, Checked, Graph, Import, Node};

/// A component with what runs in its store.
pub(crate) struct Unit<'a> {
    /// The first is the one that is called.
    members: Vec<Member<'a>>,
    root: &'a Admitted,
    inside: Vec<fuse::Edge>,
    door: Door,
}

/// How the root of a unit is called: by the names of its exports over a link, or, where there are none, from outside.
pub(crate) type Door = Vec<String>;

/// A component of a unit.
pub(crate) struct Member<'a> {
    pub(crate) place: usize,
    /// How many instances of it there are: one for each way that leads to it.
    pub(crate) instances: usize,
    pub(crate) admitted: &'a Admitted,
    /// Its links that lead to a store of their own.
    pub(crate) outside: Vec<&'a Joint>,
}

/// Why a unit cannot be made. Nothing of it runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// Something else was made than what was admitted: a mistake of this host.
    #[error("what was put together is not what was linked: {0}")]
    Unfaithful(#[from] fuse::CheckError),
    /// The encoder has no words for a component.
    #[error("it cannot be put together with what its links need: {0}")]
    Encode(#[from] fuse::FuseError),
    /// A link's interface cannot be carried from store to store.
    #[error(transparent)]
    Carry(#[from] CarryError),
}

impl<'a> Unit<'a> {
    /// What runs with the component at `place`; what carries its calls alone, where `separate`.
    pub(crate) fn of(admission: &'a Admission, place: usize, door: Door, separate: bool) -> Option<Self> {
        let all = admission.components();
        let root = all.get(place)?;
        let mut unit = Self { members: Vec::new(), root, inside: Vec::new(), door };
        let mut next = vec![place];
        while let Some(place) = next.pop() {
            let Some(admitted) = all.get(place).filter(|_| unit.number(place).is_none()) else { continue };
            let mut member = Member { place, instances: 0, admitted, outside: Vec::new() };
            for joint in &admitted.edges {
                match all.get(joint.target).filter(|callee| !separate && fits(joint, admitted, callee, root)) {
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

    /// The same component, with all that it calls in stores of their own.
    pub(crate) fn separate(&self, admission: &'a Admission) -> Self {
        let place = self.members.first().map(|root| root.place);
        let separate = place.and_then(|place| Self::of(admission, place, self.door.clone(), true));
        separate.unwrap_or_else(|| Self { members: Vec::new(), root: self.root, inside: Vec::new(), door: Door::new() })
    }

    /// The component that is called.
    pub(crate) fn root(&self) -> &'a Admitted {
        self.root
    }

    /// How the root is called.
    pub(crate) fn door(&self) -> &[String] {
        &self.door
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
            let is_outside = |joint: &Joint| member.outside.contains(&joint);
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

    /// What is to be put together; none where the root runs as it was signed.
    pub(crate) fn plan(&self, admission: &Admission) -> Option<Plan> {
        let carriers = self.carriers(admission);
        if self.inside.is_empty() && carriers.is_empty() && self.door.is_empty() {
            return None;
        }
        let node = |(number, member): (usize, &Member<'_>)| Node {
            name: member.admitted.name.clone(),
            bytes: Arc::clone(member.admitted.artifact.bytes()),
            principal: u32::try_from(number).unwrap_or(u32::MAX),
            memory: u64::try_from(member.admitted.limits.memory).unwrap_or(u64::MAX),
        };
        let exports = self.root.artifact.exports().iter().map(ToString::to_string).collect();
        let nodes = self.members.iter().enumerate().map(node).collect();
        let graph = Graph { nodes, edges: self.inside.clone(), root: 0, exports };
        let digests = self.members.iter().map(|member| member.admitted.verified.digest()).collect();
        Some(Plan { graph, digests, fused: !self.inside.is_empty(), carriers, door: self.door.clone() })
    }

    /// What carries the calls over the links that lead to other stores, in the order of the members and their links.
    fn carriers(&self, admission: &Admission) -> Vec<Carrier> {
        let mut carriers = Vec::new();
        for (member, joint) in self.members.iter().enumerate().flat_map(|(n, m)| m.outside.iter().map(move |j| (n, j)))
        {
            let Some(callee) = admission.components().get(joint.target).filter(|_| !joint.is_in_front()) else {
                continue;
            };
            carriers.extend(joint.interfaces.iter().map(|join| Carrier {
                member,
                import: join.import.to_string(),
                export: join.export.to_string(),
                callee: Arc::clone(callee.artifact.bytes()),
                digest: callee.verified.digest(),
                door: joint.door(),
            }));
        }
        carriers
    }
}

/// What a unit is put together from.
pub(crate) struct Plan {
    pub(super) graph: Graph,
    /// Of each node, what its component's token covers.
    pub(super) digests: Vec<Digest>,
    /// Whether there is anything in it that could have a store of its own.
    pub(crate) fused: bool,
    pub(super) carriers: Vec<Carrier>,
    pub(super) door: Door,
}

/// What carries the calls of one import to another store.
pub(super) struct Carrier {
    pub(super) member: usize,
    pub(super) import: String,
    pub(super) export: String,
    pub(super) callee: Arc<[u8]>,
    /// What the callee's token covers.
    pub(super) digest: Digest,
    pub(super) door: Door,
}

/// A unit as one component, checked: it is wired as was admitted, and in no other way.
pub(crate) struct Whole {
    pub(crate) code: Code,
    /// What says of two units that they are the same one.
    pub(crate) recipe: Digest,
    /// How many of the principals in it are components; what carries calls comes after them.
    members: usize,
    /// Whose calls each sender carries, and of which import.
    carried: Vec<(usize, String)>,
    receives: bool,
    /// Which member calls over each link within it, by the number in `eN-…`; none over the link from another store.
    callers: Vec<Option<usize>>,
}

/// What runs of a [`Whole`].
pub(crate) enum Code {
    /// What the checker found to be as declared.
    Checked(Checked),
    /// What was compiled from that at an earlier start, and whom its imports serve.
    Kept(Component, Vec<Import>),
}

/// Whose an import of a [`Whole`] is.
pub(crate) enum Owner<'a> {
    /// A member's.
    Member(usize),
    /// A sender's, for this import of a member.
    Sender(usize, &'a str),
    /// The receiver's: it imports the root's interfaces, and of others their types.
    Receiver,
}

impl Whole {
    /// What must be linked.
    pub(crate) fn imports(&self) -> &[Import] {
        match &self.code {
            Code::Checked(checked) => checked.imports(),
            Code::Kept(_, imports) => imports,
        }
    }

    /// Whose the imports are that serve principal `number`.
    pub(crate) fn owner(&self, number: u32) -> Owner<'_> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        match number.checked_sub(self.members) {
            None => Owner::Member(number),
            Some(sender) => match self.carried.get(sender) {
                Some((member, import)) => Owner::Sender(*member, import),
                None => Owner::Receiver,
            },
        }
    }

    /// How many components carry calls.
    pub(crate) fn carriers(&self) -> usize {
        self.carried.len().saturating_add(usize::from(self.receives))
    }

    /// The member that calls over link `number` within; none where it is whoever calls over a link from another store.
    pub(crate) fn caller(&self, number: usize) -> Option<usize> {
        self.callers.get(number).copied().flatten()
    }
}

impl Plan {
    /// The same with at most so many bytes of memory for each component: what a host grants is no more than it has.
    pub(crate) fn within(mut self, most: usize) -> Self {
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        self.graph.nodes.iter_mut().for_each(|node| node.memory = node.memory.min(most));
        self
    }

    /// What was compiled of the same recipe at an earlier start, after it was checked: the host's own secret says so.
    pub(crate) fn kept(&self, component: Component, imports: Vec<Import>) -> Whole {
        self.made(Code::Kept(component, imports))
    }

    /// Encodes and checks.
    ///
    /// # Errors
    /// [`UnitError`].
    pub(crate) fn whole(&self) -> Result<Whole, UnitError> {
        let mut graph = self.graph.clone();
        for carrier in &self.carriers {
            let served = Interfaces::exported(&carrier.callee, &carrier.door)?.functions();
            let importer = bytes_of(&graph, carrier.member);
            let sender = Interfaces::imported(&importer, &carrier.import)?.sender(&carrier.export, &served)?;
            let exporter = put(&mut graph, "sender", sender);
            let (importer, import) = (carrier.member, carrier.import.clone());
            graph.edges.push(fuse::Edge { importer, export: import.clone(), import, exporter });
        }
        if !self.door.is_empty() {
            let receiver = Interfaces::exported(&bytes_of(&graph, 0), &self.door)?.receiver()?;
            let importer = put(&mut graph, "receiver", receiver);
            let edge = |name: &String| fuse::Edge { importer, import: name.clone(), exporter: 0, export: name.clone() };
            graph.edges.extend(self.door.iter().map(edge));
            (graph.root, graph.exports) = (importer, vec![RECEIVE.to_owned()]);
        }
        Ok(self.made(Code::Checked(fuse::check(fuse::compose(&graph)?, &graph)?)))
    }

    fn made(&self, code: Code) -> Whole {
        let within = self.graph.edges.iter().map(|edge| Some(edge.importer));
        let out = self.carriers.iter().map(|carrier| Some(carrier.member));
        Whole {
            code,
            recipe: self.recipe(),
            members: self.graph.nodes.len(),
            carried: self.carriers.iter().map(|carrier| (carrier.member, carrier.import.clone())).collect(),
            receives: !self.door.is_empty(),
            callers: within.chain(out).chain(self.door.iter().map(|_| None)).collect(),
        }
    }
}

fn bytes_of(graph: &Graph, number: usize) -> Arc<[u8]> {
    graph.nodes.get(number).map(|node| Arc::clone(&node.bytes)).unwrap_or_default()
}

/// Puts a component of the host's own into a graph.
fn put(graph: &mut Graph, name: &str, bytes: Vec<u8>) -> usize {
    let number = graph.nodes.len();
    let principal = u32::try_from(number).unwrap_or(u32::MAX);
    let memory = u64::try_from(CARRIED).unwrap_or(u64::MAX);
    graph.nodes.push(Node { name: name.to_owned(), bytes: bytes.into(), principal, memory });
    number
}

/// Whether that is what a sender calls.
pub(crate) fn is_carry(interface: &crate::names::InterfaceName) -> bool {
    interface.to_string() == CARRY
}

/// Bytes that what carries calls may have of memory: a request and its answer, each as long as a host call may be.
pub(crate) const CARRIED: usize = 10 << 20;

/// The components that something outside calls, and those that nothing calls: what is called over links alone is prepared
/// where those lead.
pub(crate) fn roots(admission: &Admission) -> impl Iterator<Item = usize> {
    let called: BTreeSet<_> =
        admission.components().iter().flat_map(|admitted| &admitted.edges).map(|joint| joint.target).collect();
    let is_root =
        move |(place, admitted): &(usize, &Admitted)| !admitted.triggers.is_empty() || !called.contains(place);
    admission.components().iter().enumerate().filter(is_root).map(|(place, _)| place)
}

/// The rule of this module.
fn fits(joint: &Joint, caller: &Admitted, callee: &Admitted, root: &Admitted) -> bool {
    if joint.interfaces.len() != 1 || callee.limits.time < root.limits.time {
        return false;
    }
    let link = fuse::Link {
        importer: caller.artifact.imports(),
        exporter: callee.artifact.imports(),
        same_account: caller.principal.account() == callee.principal.account(),
        capability: capability(joint),
        separate: joint.separate,
    };
    fuse::eligible(&link).is_ok()
}

/// The capability that a link's interface stands for. There is one: what stands for another was refused, see `edges`.
fn capability(joint: &Joint) -> Option<&'static str> {
    joint.is_in_front().then_some("http-server")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::edges::Join;
    use super::*;

    #[track_caller]
    fn check(interface: &str, expected: Option<&str>, door: usize) {
        let name = || interface.parse().unwrap();
        let interfaces = vec![Join { import: name(), export: name() }];
        let joint = Joint { target: 1, source: 0, line: 7, separate: false, interfaces };
        assert_eq!((capability(&joint), joint.door().len()), (expected, door), "{interface}");
    }

    /// A capability is what keeps a link from being fused: see `fuse::eligible`.
    #[test]
    fn a_component_in_front_of_another_is_never_fused_with_it() {
        check("wasi:http/incoming-handler@0.2.0", Some("http-server"), 0);
        check("wasi:http/incoming-handler@0.2.12", Some("http-server"), 0);
        check("wasi:http/incoming-handler@0.3.0", None, 1);
        check("demo:pricing/price@0.1.0", None, 1);
    }
}
