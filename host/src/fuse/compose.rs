//! The encoder: a graph in, one component out.

use std::collections::{BTreeMap, HashMap};

use wasm_encoder::{ComponentBuilder, ComponentExportKind};
use wasmparser::Payload;

use super::error::{ComponentError, FuseError};
use super::graph::{Edge, Graph};
use super::imports::{Imports, Prelude};
use super::rename::{Renamed, Taken, asks_who_calls, rename};
use super::sections::{exports, sections, validate};
use super::tree::{Instance, expand};
use crate::names::InterfaceName;

/// Joins the components of a graph into one component that imports each one's capabilities under its principal's name.
///
/// # Errors
/// [`FuseError`] names the component and the import.
pub(crate) fn compose(graph: &Graph) -> Result<Vec<u8>, FuseError> {
    let instances = expand(graph)?;
    graph.edges.iter().try_for_each(|edge| same_interface(graph, edge))?;
    let guests = Guests::of(graph, &instances)?;
    let composite = encode(graph, &instances, &guests)?;
    match validate(&composite) {
        Ok(_) => Ok(composite),
        Err(error) => Err(misfit(graph, &instances, &composite, error)),
    }
}

/// The components as they stand in the composite: once for all instances that need no copy of their own.
struct Guests {
    renamed: Vec<(usize, Renamed)>,
    /// The component of each instance.
    of: Vec<usize>,
}

impl Guests {
    fn of(graph: &Graph, instances: &[Instance]) -> Result<Self, FuseError> {
        let (mut guests, mut known, mut size) = (Self { renamed: Vec::new(), of: Vec::new() }, HashMap::new(), 0_usize);
        for instance in instances {
            let node = graph.node(instance.node)?;
            let asks = asks_who_calls(&node.bytes).map_err(|error| error.of(&node.name))?;
            let key = (instance.node, instance.edge.filter(|_| asks));
            let guest = match known.get(&key) {
                Some(guest) => *guest,
                None => {
                    size = size.saturating_add(node.bytes.len());
                    super::graph::at_most(size, MOST_BYTES, "bytes")?;
                    guests.renamed.push((instance.node, rename(graph, instance.node, instance.edge)?));
                    guests.renamed.len().saturating_sub(1)
                }
            };
            known.insert(key, guest);
            guests.of.push(guest);
        }
        Ok(guests)
    }
}

/// Whether an edge joins an import to an export that is the same interface, on one track of versions.
fn same_interface(graph: &Graph, edge: &Edge) -> Result<(), FuseError> {
    let (importer, exporter) = (graph.node(edge.importer)?, graph.node(edge.exporter)?);
    let exports = exports(&exporter.bytes).map_err(|error| error.of(&exporter.name))?;
    if !exports.contains(&(edge.export.as_str(), wasmparser::ComponentExternalKind::Instance)) {
        return Err(FuseError::NotExported { component: exporter.name.clone(), export: edge.export.clone() });
    }
    let [import, export] = [&edge.import, &edge.export].map(|name| name.parse::<InterfaceName>());
    match (import, export) {
        (Ok(import), Ok(export)) if import.matches(&export) => Ok(()),
        _ => Err(FuseError::OtherInterface {
            component: importer.name.clone(),
            import: edge.import.clone(),
            exporter: exporter.name.clone(),
            export: edge.export.clone(),
        }),
    }
}

fn encode(graph: &Graph, instances: &[Instance], guests: &Guests) -> Result<Vec<u8>, FuseError> {
    let mut builder = ComponentBuilder::default();
    let imports = write_imports(graph, guests, &mut builder)?;
    let components: Vec<u32> =
        guests.renamed.iter().map(|(_, renamed)| builder.component_raw(None, &renamed.bytes)).collect();
    let mut made = Vec::new();
    for (instance, guest) in instances.iter().zip(&guests.of) {
        let (Some((_, renamed)), Some(component)) = (guests.renamed.get(*guest), components.get(*guest)) else { break };
        let mut arguments = Vec::new();
        for taken in &renamed.imports {
            let index = match taken {
                Taken::Joined { edge, .. } => exporter(graph, instance, *edge, &made, &mut builder),
                Taken::Slot { name, .. } => imports.get(name).copied(),
            };
            arguments.extend(index.map(|index| (taken.name(), ComponentExportKind::Instance, index)));
        }
        made.push(builder.instantiate(None, *component, arguments));
    }
    write_exports(graph, made.last().copied().unwrap_or_default(), &mut builder)?;
    Ok(builder.finish())
}

fn write_imports(
    graph: &Graph,
    guests: &Guests,
    builder: &mut ComponentBuilder,
) -> Result<BTreeMap<String, u32>, FuseError> {
    let named = |guest: usize| guests.renamed.get(guest).map_or("", |(node, _)| named(graph, *node));
    let mut preludes = Vec::new();
    for (guest, (_, renamed)) in guests.renamed.iter().enumerate() {
        preludes.push(Prelude::read(&renamed.bytes).map_err(|error| error.of(named(guest)))?);
    }
    let slot = |guest: usize, import: &str| {
        let imports = guests.renamed.get(guest).map_or(&[][..], |(_, renamed)| &renamed.imports);
        imports.iter().any(|taken| matches!(taken, Taken::Slot { name, .. } if name == import))
    };
    match Imports::write(&preludes, slot, builder) {
        Ok(written) => Ok(written.into_iter().map(|(name, index)| (name.to_owned(), index)).collect()),
        Err(fault) => {
            let (component, import) = (named(fault.component).to_owned(), fault.import);
            Err(FuseError::Type { component, import, reason: fault.reason })
        }
    }
}

/// The exporter's own instance for an edge of `instance`, or rather what that exports.
fn exporter(
    graph: &Graph,
    instance: &Instance,
    edge: usize,
    made: &[u32],
    builder: &mut ComponentBuilder,
) -> Option<u32> {
    let (_, place) = instance.calls.iter().find(|(number, _)| *number == edge)?;
    let export = &graph.edges.get(edge)?.export;
    Some(builder.alias_export(*made.get(*place)?, export, ComponentExportKind::Instance))
}

fn write_exports(graph: &Graph, root: u32, builder: &mut ComponentBuilder) -> Result<(), FuseError> {
    let node = graph.node(graph.root)?;
    if graph.exports.is_empty() {
        return Err(FuseError::NothingExported { component: node.name.clone() });
    }
    let own = exports(&node.bytes).map_err(|error| error.of(&node.name))?;
    for export in &graph.exports {
        let kind = match own.iter().find(|(name, _)| name == export) {
            Some((_, wasmparser::ComponentExternalKind::Instance)) => ComponentExportKind::Instance,
            Some((_, wasmparser::ComponentExternalKind::Func)) => ComponentExportKind::Func,
            _ => return Err(FuseError::NotExported { component: node.name.clone(), export: export.clone() }),
        };
        let index = builder.alias_export(root, export, kind);
        builder.export(export.as_str(), kind, index, None);
    }
    Ok(())
}

fn named(graph: &Graph, node: usize) -> &str {
    graph.nodes.get(node).map_or("", |node| &node.name)
}

/// Whose instance the validator speaks of: the last one that begins before where it stopped.
fn misfit(graph: &Graph, instances: &[Instance], composite: &[u8], error: ComponentError) -> FuseError {
    let ComponentError::Malformed { reason, offset } = error else { return error.of("the composite") };
    let mut begun = 0;
    for payload in sections(composite).unwrap_or_default() {
        let Payload::ComponentInstanceSection(section) = payload else { continue };
        let before = section.into_iter_with_offsets().flatten().filter(|(at, _)| *at <= offset).count();
        begun = usize::saturating_add(begun, before);
    }
    match begun.checked_sub(1).and_then(|place| instances.get(place)) {
        Some(instance) => FuseError::Misfit { component: named(graph, instance.node).to_owned(), reason },
        None => FuseError::Invalid { reason, offset },
    }
}

/// What all components of a composite have together.
const MOST_BYTES: usize = 128 << 20;
