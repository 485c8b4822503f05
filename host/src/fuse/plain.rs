//! Whether the links of a graph pass plain data alone: over a link, a handle would be the other's authority.

use std::collections::HashSet;

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentDefinedTypeId, ComponentEntityType, ComponentFuncTypeId,
    ComponentInstanceTypeId, ComponentItem, ComponentValType,
};
use wasmparser::types::{Types, TypesRef};

use super::error::{CheckError, FuseError};
use super::graph::{Edge, Graph, Node};
use super::sections::validate;

/// Holds both ends of every link against the types in the verified bytes: both are there, and pass plain data.
///
/// # Errors
/// [`CheckError`] for the first link of which that is not so.
pub(super) fn plain(graph: &Graph) -> Result<(), CheckError> {
    let read = |node: &Node| validate(&node.bytes).map_err(|error| error.of(&node.name));
    let types = graph.nodes.iter().map(read).collect::<Result<Vec<Types>, FuseError>>()?;
    let types = |number: usize| types.get(number).map(Types::as_ref);
    for edge in &graph.edges {
        let Edge { importer, import, exporter, export } = edge;
        let (component, import) = (graph.node(*importer)?.name.clone(), import.clone());
        let imported = types(*importer).and_then(|types| passing(types, types.component_item_for_import(&import)?));
        let exported = types(*exporter).and_then(|types| passing(types, types.component_item_for_export(export)?));
        match (imported, exported) {
            (None, _) => return Err(FuseError::NotImported { component, import }.into()),
            (_, None) => {
                let component = graph.node(*exporter)?.name.clone();
                return Err(FuseError::NotExported { component, export: export.clone() }.into());
            }
            (Some(Some(what)), _) | (_, Some(Some(what))) => {
                return Err(CheckError::NotPlain { component, import, what });
            }
            (Some(None), Some(None)) => {}
        }
    }
    Ok(())
}

/// What passes over an interface besides plain data, if anything; none at all where that is no interface.
fn passing(types: TypesRef<'_>, item: &ComponentItem) -> Option<Option<&'static str>> {
    match item.ty {
        ComponentEntityType::Instance(instance) => Some(Passing { types, seen: HashSet::new() }.instance(instance)),
        _ => None,
    }
}

/// Looks for what is more than plain data. How deep types go, the validator bounds.
struct Passing<'a> {
    types: TypesRef<'a>,
    seen: HashSet<ComponentDefinedTypeId>,
}

impl Passing<'_> {
    fn instance(&mut self, instance: ComponentInstanceTypeId) -> Option<&'static str> {
        let types = self.types;
        let mut exports = types.get(instance)?.exports.values();
        exports.find_map(|export| match &export.ty {
            ComponentEntityType::Func(function) => self.function(*function),
            ComponentEntityType::Type { referenced: ComponentAnyTypeId::Resource(_), .. } => Some("a resource"),
            // A name for a type: what passes is what functions say.
            ComponentEntityType::Type { .. } => None,
            ComponentEntityType::Instance(inner) => self.instance(*inner),
            ComponentEntityType::Value(ty) => self.value(*ty),
            ComponentEntityType::Module(_) | ComponentEntityType::Component(_) => Some("code"),
        })
    }

    fn function(&mut self, function: ComponentFuncTypeId) -> Option<&'static str> {
        let function = self.types.get(function)?;
        let mut values = function.params.iter().map(|(_, ty)| *ty).chain(function.result);
        values.find_map(|ty| self.value(ty))
    }

    fn value(&mut self, ty: ComponentValType) -> Option<&'static str> {
        match ty {
            ComponentValType::Primitive(wasmparser::PrimitiveValType::ErrorContext) => Some("an error context"),
            ComponentValType::Primitive(_) => None,
            ComponentValType::Type(ty) => self.defined(ty),
        }
    }

    fn defined(&mut self, ty: ComponentDefinedTypeId) -> Option<&'static str> {
        if !self.seen.insert(ty) {
            return None;
        }
        match self.types.get(ty)? {
            ComponentDefinedType::Own(_) | ComponentDefinedType::Borrow(_) => Some("a resource"),
            ComponentDefinedType::Stream { .. } => Some("a stream"),
            ComponentDefinedType::Future { .. } => Some("a future"),
            ComponentDefinedType::Primitive(ty) => self.value(ComponentValType::Primitive(*ty)),
            ComponentDefinedType::Flags(_) | ComponentDefinedType::Enum(_) => None,
            ComponentDefinedType::Record(record) => record.fields.values().find_map(|ty| self.value(*ty)),
            ComponentDefinedType::Variant(variant) => variant.cases.values().find_map(|case| self.value(case.ty?)),
            ComponentDefinedType::Tuple(tuple) => tuple.types.iter().find_map(|ty| self.value(*ty)),
            ComponentDefinedType::List { element, .. } | ComponentDefinedType::FixedLengthList { element, .. } => {
                self.value(*element)
            }
            ComponentDefinedType::Option { ty, .. } => self.value(*ty),
            ComponentDefinedType::Map { key, value, .. } => self.value(*key).or_else(|| self.value(*value)),
            ComponentDefinedType::Result { ok, err, .. } => {
                [ok, err].into_iter().flatten().find_map(|ty| self.value(*ty))
            }
        }
    }
}
