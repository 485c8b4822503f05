//! The checker: reads a composite's bytes and holds them against the graph.
//!
//! It shares nothing with the encoder but how a component is read: what an import must be called, and which ones are shared, is
//! said here once more, so that a mistake of the one is found by the other. It begins at the exports, which must be those of an
//! instance of the root, and follows every argument of every instance. Each must be its principal's own slot, the declared
//! export of an instance that exists for this one link, or a shared interface. The component of each instance must be the
//! verified bytes, under these names (see `same`), and no link passes more than plain data. Whatever was not reached in the
//! end belongs to nobody, and is refused as well.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentInstantiationArg, ComponentType,
    ComponentTypeRef, Payload,
};
use writ_signing::defence::stands;

use super::error::{CheckError, ComponentError, FuseError, cut};
use super::graph::{Edge, Graph, MOST_INSTANCES, Node};
use super::plain::plain;
use super::same::{Expected, same};
use super::sections::{self, sections, slice};
use super::slots::{Import, Serves};
use crate::names::InterfaceName;

/// A composite that is what its graph declares. Only [`check`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    bytes: Arc<[u8]>,
    imports: Vec<Import>,
}

impl Checked {
    /// What may be compiled.
    pub(crate) fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// What must be linked: each import of the composite, and whom it serves. They are in the order of their names.
    pub(crate) fn imports(&self) -> &[Import] {
        &self.imports
    }
}

/// Holds a composite against what was declared.
///
/// # Errors
/// [`CheckError`] for the first thing that is not exactly as the graph says.
pub(crate) fn check(composite: Vec<u8>, graph: &Graph) -> Result<Checked, CheckError> {
    graph.bounded()?;
    plain(graph)?;
    let shape = Shape::read(&composite)?;
    let (reached, proven, slots) = Default::default();
    let mut trace = Trace { graph, shape: &shape, reached, proven, slots };
    let mut open = vec![Visit { instance: trace.root()?, node: graph.root, edge: None }];
    while let Some(visit) = open.pop() {
        open.extend(trace.visit(&visit)?);
    }
    trace.nothing_else()?;
    let imports = trace.slots.into_values().collect();
    Ok(Checked { bytes: composite.into(), imports })
}

/// The composite's top level, and nothing but what a composite may have there.
#[derive(Default)]
struct Shape<'a> {
    components: Vec<&'a [u8]>,
    /// The index space of instances.
    instances: Vec<Instance<'a>>,
    /// The index space of functions: none for what an export makes.
    functions: Vec<Option<Alias<'a>>>,
    imports: BTreeSet<&'a str>,
    exports: Vec<(&'a str, ComponentExternalKind, u32)>,
}

enum Instance<'a> {
    Import(&'a str),
    Made(u32, Box<[ComponentInstantiationArg<'a>]>),
    Alias(Alias<'a>),
    /// What an export makes. Nothing may use it.
    Export,
}

/// An export of an instance.
#[derive(Clone, Copy)]
struct Alias<'a> {
    instance: u32,
    export: &'a str,
}

impl<'a> Shape<'a> {
    fn read(composite: &'a [u8]) -> Result<Self, CheckError> {
        let mut shape = Self::default();
        for payload in sections(composite).map_err(CheckError::Unreadable)? {
            shape.section(composite, payload)?;
        }
        let made = shape.instances.iter().filter(|instance| matches!(instance, Instance::Made(..))).count();
        if made.max(shape.components.len()) > MOST_INSTANCES {
            return Err(FuseError::TooMany { what: "instances", most: MOST_INSTANCES }.into());
        }
        Ok(shape)
    }

    fn section(&mut self, composite: &'a [u8], payload: Payload<'a>) -> Result<(), CheckError> {
        match payload {
            Payload::Version { .. } => Ok(()),
            Payload::ComponentTypeSection(section) => each(section, |ty| self.ty(&ty)),
            Payload::ComponentImportSection(section) => each(section, |import| self.import(&import)),
            Payload::ComponentAliasSection(section) => each(section, |alias| self.alias(alias)),
            Payload::ComponentInstanceSection(section) => each(section, |instance| self.instance(instance)),
            Payload::ComponentExportSection(section) => each(section, |export| self.export(&export)),
            Payload::ComponentSection { unchecked_range, .. } => {
                self.components.push(slice(composite, unchecked_range).map_err(CheckError::Unreadable)?);
                Ok(())
            }
            other => Err(surprise(described(&other))),
        }
    }

    fn ty(&mut self, ty: &ComponentType<'_>) -> Result<(), CheckError> {
        match ty {
            ComponentType::Defined(_) | ComponentType::Func(_) | ComponentType::Instance(_) => Ok(()),
            ComponentType::Component(_) => Err(surprise("a component's type")),
            ComponentType::Resource { .. } => Err(surprise("a resource of its own")),
        }
    }

    fn import(&mut self, import: &wasmparser::ComponentImport<'a>) -> Result<(), CheckError> {
        let name = import.name;
        let plain = name.implements.is_none() && name.version_suffix.is_none() && name.external_id.is_none();
        if !plain || !matches!(import.ty, ComponentTypeRef::Instance(_)) {
            return Err(surprise("an import that is no plain interface"));
        }
        self.instances.push(Instance::Import(name.name));
        match self.imports.insert(name.name) {
            true => Ok(()),
            false => Err(CheckError::ExtraImport { import: cut(name.name) }),
        }
    }

    fn alias(&mut self, alias: ComponentAlias<'a>) -> Result<(), CheckError> {
        let ComponentAlias::InstanceExport { kind, instance_index, name } = alias else {
            return Err(surprise("an alias of something outside or in a core instance"));
        };
        let alias = Alias { instance: instance_index, export: name };
        match kind {
            ComponentExternalKind::Instance => self.instances.push(Instance::Alias(alias)),
            ComponentExternalKind::Func => self.functions.push(Some(alias)),
            // A name for a type, which the types of imports need. It may only come from an import.
            ComponentExternalKind::Type if matches!(at(&self.instances, instance_index), Some(Instance::Import(_))) => {
            }
            _ => return Err(surprise("an alias of a component, a module, a value, or a guest's type")),
        }
        Ok(())
    }

    fn instance(&mut self, instance: ComponentInstance<'a>) -> Result<(), CheckError> {
        match instance {
            ComponentInstance::Instantiate { component_index, args } => {
                self.instances.push(Instance::Made(component_index, args));
                Ok(())
            }
            ComponentInstance::FromExports(_) => Err(surprise("an instance put together from parts")),
        }
    }

    fn export(&mut self, export: &wasmparser::ComponentExport<'a>) -> Result<(), CheckError> {
        let name = export.name;
        let plain = name.implements.is_none() && name.version_suffix.is_none() && name.external_id.is_none();
        match export.kind {
            ComponentExternalKind::Instance if plain => self.instances.push(Instance::Export),
            ComponentExternalKind::Func if plain => self.functions.push(None),
            _ => return Err(CheckError::Export { export: cut(name.name) }),
        }
        self.exports.push((name.name, export.kind, export.index));
        Ok(())
    }

    /// What is exported from a guest, if that is what stands there.
    fn exported(&self, kind: ComponentExternalKind, index: u32) -> Option<Alias<'a>> {
        match kind {
            ComponentExternalKind::Func => *at(&self.functions, index)?,
            _ => match at(&self.instances, index)? {
                Instance::Alias(alias) => Some(*alias),
                _ => None,
            },
        }
    }
}

/// An instance that something declared leads to.
struct Visit {
    instance: u32,
    node: usize,
    edge: Option<usize>,
}

/// What was reached, each by its index.
#[derive(Default)]
struct Reached {
    instances: BTreeSet<u32>,
    functions: BTreeSet<u32>,
    components: BTreeSet<u32>,
}

struct Trace<'a> {
    graph: &'a Graph,
    shape: &'a Shape<'a>,
    reached: Reached,
    /// Which component is which node's, under which names.
    proven: BTreeSet<(u32, usize, Vec<String>)>,
    /// The composite's imports that were reached.
    slots: BTreeMap<String, Import>,
}

impl Trace<'_> {
    /// The one instance that all exports come from. They are the declared ones, each under its own name.
    fn root(&mut self) -> Result<u32, CheckError> {
        let mut declared: BTreeSet<&str> = self.graph.exports.iter().map(String::as_str).collect();
        let mut root = None;
        for (name, kind, index) in &self.shape.exports {
            let from = self.shape.exported(*kind, *index).filter(|alias| alias.export == *name);
            match from {
                Some(from) if declared.remove(name) && *root.get_or_insert(from.instance) == from.instance => {}
                _ => return Err(CheckError::Export { export: cut(name) }),
            }
            match kind {
                ComponentExternalKind::Func => self.reached.functions.insert(*index),
                _ => self.reached.instances.insert(*index),
            };
        }
        match (root, declared.first()) {
            (_, Some(missing)) => Err(CheckError::Export { export: (*missing).to_owned() }),
            (Some(root), None) => Ok(root),
            (None, None) => {
                let component = self.graph.node(self.graph.root)?.name.clone();
                Err(FuseError::NothingExported { component }.into())
            }
        }
    }

    /// Checks one instance, and says which ones it calls.
    fn visit(&mut self, visit: &Visit) -> Result<Vec<Visit>, CheckError> {
        let (graph, node) = (self.graph, self.graph.node(visit.node)?);
        let own = self.reached.instances.insert(visit.instance);
        let (component, given) = match at(&self.shape.instances, visit.instance) {
            Some(Instance::Made(component, given)) if own => (*component, given),
            _ => return Err(CheckError::NotItsOwn { component: node.name.clone() }),
        };
        let imports = sections::imports(&node.bytes).map_err(|error| error.of(&node.name))?;
        if given.len() != imports.len() {
            let (component, given, expected) = (node.name.clone(), given.len(), imports.len());
            return Err(CheckError::Arguments { component, given, expected });
        }
        let (joined, given) = (graph.joined(visit.node)?, Given::of(given));
        let (mut calls, mut names) = (Vec::new(), Vec::new());
        for (import, interface) in imports {
            match joined.get(import) {
                Some((number, edge)) => {
                    calls.push(self.call(node, *number, edge, &given)?);
                    names.push(import.to_owned());
                }
                None => {
                    let slot = slot(import, interface, node.principal, visit.edge);
                    names.push(slot.name.clone());
                    self.slot(node, import, slot, &given)?;
                }
            }
        }
        self.same_bytes(visit, component, names)?;
        if graph.receives(visit.node) {
            // One link, and so one instance, which is looked at once, as of its first interface.
            calls.sort_by_key(|call| call.edge);
            let whose = |call: &Visit| (call.instance, call.node);
            let other = calls.iter().any(|call| calls.first().is_some_and(|first| whose(first) != whose(call)));
            calls.truncate(1);
            if other {
                return Err(CheckError::NotItsOwn { component: node.name.clone() });
            }
        }
        Ok(calls)
    }

    /// What is instantiated must be the verified bytes, its imports under these names. Instances of one component under the
    /// same names may share it.
    fn same_bytes(&mut self, visit: &Visit, component: u32, names: Vec<String>) -> Result<(), CheckError> {
        self.reached.components.insert(component);
        let node = self.graph.node(visit.node)?;
        let (imports, called) = (&names, format!("p{}-{}", node.principal, node.name));
        let proof = (component, visit.node, names.clone());
        if self.proven.contains(&proof) {
            return Ok(());
        }
        let expected = Expected { imports, memory: node.memory, called: &called };
        let found = at(&self.shape.components, component);
        let is_same = found.map_or(Ok(false), |found| same(&node.bytes, found, expected));
        match is_same.map_err(CheckError::Unreadable)? {
            true => {
                self.proven.insert(proof);
                Ok(())
            }
            false => Err(CheckError::OtherBytes { component: node.name.clone() }),
        }
    }

    /// A joined import is given the declared export of an instance, which is looked at next.
    fn call(&mut self, node: &Node, number: usize, edge: &Edge, given: &Given<'_>) -> Result<Visit, CheckError> {
        let exporter = &self.graph.node(edge.exporter)?.name;
        let expected = || format!("{} of {exporter}", edge.export);
        let index = given.instance(&edge.import);
        match index.and_then(|index| Some((index, at(&self.shape.instances, index)?))) {
            Some((index, Instance::Alias(alias))) if alias.export == edge.export => {
                self.reached.instances.insert(index);
                Ok(Visit { instance: alias.instance, node: edge.exporter, edge: Some(number) })
            }
            _ => Err(miswired(node, &edge.import, expected())),
        }
    }

    /// Any other import is given the composite's own import of exactly the name that says whose it is.
    fn slot(&mut self, node: &Node, import: &str, slot: Import, given: &Given<'_>) -> Result<(), CheckError> {
        let index = given.instance(&slot.name);
        match index.and_then(|index| Some((index, at(&self.shape.instances, index)?))) {
            Some((index, Instance::Import(name))) if *name == slot.name || !stands("fuse: own slots") => {
                self.reached.instances.insert(index);
                self.slots.insert(slot.name.clone(), slot);
                Ok(())
            }
            _ => Err(miswired(node, import, slot.name)),
        }
    }

    /// Whatever nothing declared led to is not there.
    fn nothing_else(&self) -> Result<(), CheckError> {
        if let Some(import) = self.shape.imports.iter().find(|import| !self.slots.contains_key(**import)) {
            return Err(CheckError::ExtraImport { import: cut(import) });
        }
        let made = |instance: usize| matches!(self.shape.instances.get(instance), Some(Instance::Export));
        unreached("a component", self.shape.components.len(), &self.reached.components, |_| false)?;
        unreached("an instance", self.shape.instances.len(), &self.reached.instances, made)?;
        let made = |function: usize| matches!(self.shape.functions.get(function), Some(None));
        unreached("a function", self.shape.functions.len(), &self.reached.functions, made)
    }
}

/// Whose an import is that no edge joins, in a component of `principal` that is called over `edge`.
fn slot(import: &str, interface: InterfaceName, principal: u32, edge: Option<usize>) -> Import {
    let names = (interface.namespace.as_str(), interface.package.as_str(), interface.interface.as_str());
    let (serves, name) = match (names, edge) {
        (("wasi", "io", _) | ("wasi", "http", "types"), _) => (Serves::Everyone, import.to_owned()),
        (("writ", "identity", "caller"), Some(edge)) => (Serves::Edge(edge), format!("e{edge}-{import}")),
        _ if !stands("fuse: checked names") => (Serves::Principal(0), format!("p0-{import}")),
        _ => (Serves::Principal(principal), format!("p{principal}-{import}")),
    };
    Import { name, interface, serves }
}

/// What an instance is given, by name.
struct Given<'a>(HashMap<&'a str, u32>);

impl<'a> Given<'a> {
    fn of(given: &[ComponentInstantiationArg<'a>]) -> Self {
        let instances = given.iter().filter(|given| given.kind == ComponentExternalKind::Instance);
        Self(instances.map(|given| (given.name, given.index)).collect())
    }

    fn instance(&self, name: &str) -> Option<u32> {
        self.0.get(name).copied()
    }
}

fn unreached(
    what: &'static str,
    all: usize,
    reached: &BTreeSet<u32>,
    harmless: impl Fn(usize) -> bool,
) -> Result<(), CheckError> {
    let missed = |number: &usize| u32::try_from(*number).is_ok_and(|index| !reached.contains(&index));
    match (0..all).filter(missed).find(|number| !harmless(*number)) {
        Some(number) => Err(CheckError::Extra { what, number }),
        None => Ok(()),
    }
}

fn each<'a, T: wasmparser::FromReader<'a>>(
    section: wasmparser::SectionLimited<'a, T>,
    mut take: impl FnMut(T) -> Result<(), CheckError>,
) -> Result<(), CheckError> {
    section.into_iter().try_for_each(|item| take(item.map_err(ComponentError::from).map_err(CheckError::Unreadable)?))
}

fn at<T>(space: &[T], index: u32) -> Option<&T> {
    space.get(usize::try_from(index).ok()?)
}

fn miswired(node: &Node, import: &str, expected: String) -> CheckError {
    CheckError::Miswired { component: node.name.clone(), import: import.to_owned(), expected }
}

fn surprise(what: &'static str) -> CheckError {
    CheckError::Surprise { what }
}

fn described(payload: &Payload<'_>) -> &'static str {
    match payload {
        Payload::ModuleSection { .. } => "a core module",
        Payload::InstanceSection(_) => "a core instance",
        Payload::CoreTypeSection(_) => "a core type",
        Payload::ComponentCanonicalSection(_) => "a canonical function",
        Payload::ComponentStartSection { .. } => "a start section",
        Payload::CustomSection(_) => "a custom section",
        _ => "a section of no known kind",
    }
}
