//! One verified component, rewritten: its imports under their principal's name, its memories within its limit.
//!
//! Every section is copied byte for byte, but for the imports of the top level and the memories of core modules. What is
//! custom at the top level is left out: claims, names and types there speak of bytes that these no longer are.

use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    Component, ComponentImportSection, ImportSection, MemorySection, MemoryType, Module, ModuleSection, NameSection,
    NestedComponentSection, RawSection,
};
use wasmparser::{ComponentImportSectionReader, MemorySectionReader, Parser, Payload};
use writ_signing::defence::stands;

use super::error::{ComponentError, FuseError};
use super::graph::Graph;
use super::memory::{self, Memory, Scope, clamped};
use super::sections::{self, sections, slice};
use crate::names::InterfaceName;

/// A component of a graph, as it stands in the composite.
pub(super) struct Renamed {
    pub(super) bytes: Vec<u8>,
    /// Its imports, in their order.
    pub(super) imports: Vec<Taken>,
}

/// What an import is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taken {
    /// The export of the exporter's instance, over this edge.
    Joined { import: String, edge: usize },
    /// An import of the composite.
    Slot { name: String },
}

impl Taken {
    /// How the renamed component spells it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Joined { import, .. } => import,
            Self::Slot { name } => name,
        }
    }
}

/// What the composite calls an import that no edge joins, in a component of `principal` that is called over `edge`.
fn slot(import: &str, interface: &InterfaceName, principal: u32, edge: Option<usize>) -> String {
    match edge {
        _ if is_shared(interface) => import.to_owned(),
        Some(edge) if is_caller(interface) => format!("e{edge}-{import}"),
        _ if !stands("fuse: own names") => format!("p0-{import}"),
        _ => format!("p{principal}-{import}"),
    }
}

/// The short fixed list: interfaces whose functions hold no authority by themselves.
fn is_shared(name: &InterfaceName) -> bool {
    let http = name.package == "http" && name.interface == "types";
    name.namespace == "wasi" && (name.package == "io" || http)
}

fn is_caller(name: &InterfaceName) -> bool {
    (name.namespace.as_str(), name.package.as_str(), name.interface.as_str()) == ("writ", "identity", "caller")
}

/// Whether it matters over which edge a component is called: it asks who calls.
pub(super) fn asks_who_calls(component: &[u8]) -> Result<bool, ComponentError> {
    Ok(sections::imports(component)?.iter().any(|(_, name)| is_caller(name)))
}

/// Rewrites a component of `graph` that is called over `edge`.
pub(super) fn rename(graph: &Graph, number: usize, edge: Option<usize>) -> Result<Renamed, FuseError> {
    let (node, joined) = (graph.node(number)?, graph.joined(number)?);
    let of = |error: ComponentError| error.of(&node.name);
    sections::validate(&node.bytes).map_err(of)?;
    let mut imports = Vec::new();
    for (import, interface) in sections::imports(&node.bytes).map_err(of)? {
        imports.push(match joined.get(import) {
            Some((edge, _)) => Taken::Joined { import: import.to_owned(), edge: *edge },
            None => Taken::Slot { name: slot(import, &interface, node.principal, edge) },
        });
    }
    if let Some(import) = joined.keys().find(|import| !imports.iter().any(|taken| taken.name() == **import)) {
        return Err(FuseError::NotImported { component: node.name.clone(), import: (*import).to_owned() });
    }
    let called = format!("p{}-{}", node.principal, node.name);
    let bytes = rewrite(&node.bytes, &imports, (node.memory, &called)).map_err(of)?;
    Ok(Renamed { bytes, imports })
}

fn rewrite(bytes: &[u8], imports: &[Taken], (limit, called): (u64, &str)) -> Result<Vec<u8>, ComponentError> {
    let scope = Scope::within(bytes, limit)?;
    let mut names = imports.iter().map(Taken::name);
    let mut writer = Writer::new(&scope, (limit, called));
    for payload in sections(bytes)? {
        match payload {
            Payload::ComponentImportSection(section) => {
                writer.out.section(&renamed(section, &mut names)?);
            }
            Payload::CustomSection(_) => {}
            payload => writer.section(bytes, payload)?,
        }
    }
    Ok(writer.out.finish())
}

fn renamed<'a>(
    section: ComponentImportSectionReader<'_>,
    names: &mut impl Iterator<Item = &'a str>,
) -> Result<ComponentImportSection, ComponentError> {
    let mut imports = ComponentImportSection::new();
    for import in section {
        let import = import?;
        imports.import(names.next().unwrap_or(import.name.name), import.ty.into());
    }
    Ok(imports)
}

/// Copies a component's sections, with the memories of its modules clamped.
struct Writer<'a> {
    out: Component,
    modules: std::slice::Iter<'a, memory::Module>,
    components: std::slice::Iter<'a, memory::Nested>,
    limit: u64,
    /// What its modules are called.
    called: &'a str,
}

impl<'a> Writer<'a> {
    fn new(scope: &'a Scope, (limit, called): (u64, &'a str)) -> Self {
        Self {
            out: Component::new(),
            modules: scope.modules.iter(),
            components: scope.components.iter(),
            limit,
            called,
        }
    }

    fn section(&mut self, bytes: &[u8], payload: Payload<'_>) -> Result<(), ComponentError> {
        match payload {
            Payload::ModuleSection { unchecked_range, .. } => {
                let memories = self.modules.next().map_or(&[][..], |module| &module.memories);
                let mut inner = module(slice(bytes, unchecked_range)?, memories, self.limit)?;
                // The last name is the one that counts: whoever fails is found by it.
                let mut names = NameSection::new();
                names.module(self.called);
                inner.section(&names);
                self.out.section(&ModuleSection(&inner));
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                let inner = slice(bytes, unchecked_range)?;
                let Some(nested) = self.components.next() else { return Ok(()) };
                let mut writer = Writer::new(&nested.scope, (self.limit, self.called));
                sections(inner)?.into_iter().try_for_each(|payload| writer.section(inner, payload))?;
                self.out.section(&NestedComponentSection(&writer.out));
            }
            payload => {
                if let Some((id, range)) = payload.as_section() {
                    self.out.section(&RawSection { id, data: slice(bytes, range)? });
                }
            }
        }
        Ok(())
    }
}

fn module(bytes: &[u8], memories: &[Memory], limit: u64) -> Result<Module, ComponentError> {
    let mut out = Module::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ImportSection(section) => {
                let mut imports = ImportSection::new();
                utils::parse_import_section(&mut Clamp { limit }, &mut imports, section).map_err(parse_error)?;
                out.section(&imports);
            }
            Payload::MemorySection(section) => {
                out.section(&shares(section, memories)?);
            }
            payload => {
                if let Some((id, range)) = payload.as_section() {
                    out.section(&RawSection { id, data: slice(bytes, range)? });
                }
            }
        }
    }
    Ok(out)
}

fn shares(section: MemorySectionReader<'_>, memories: &[Memory]) -> Result<MemorySection, ComponentError> {
    let mut out = MemorySection::new();
    for (ty, memory) in section.into_iter().zip(memories) {
        out.memory(MemoryType { maximum: Some(memory.maximum), ..ty?.into() });
    }
    Ok(out)
}

/// A memory that is imported may have no more either: its type says so where it is defined.
struct Clamp {
    limit: u64,
}

impl Reencode for Clamp {
    type Error = Infallible;

    fn memory_type(&mut self, ty: wasmparser::MemoryType) -> Result<MemoryType, Error> {
        Ok(MemoryType { maximum: Some(clamped(&ty, self.limit)), ..ty.into() })
    }
}

fn parse_error(error: Error) -> ComponentError {
    match error {
        Error::ParseError(error) => error.into(),
        error => ComponentError::Malformed { reason: error.to_string(), offset: 0 },
    }
}
