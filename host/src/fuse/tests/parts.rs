//! A composite taken apart, so that one thing of it can be changed and the rest stays where it was.

use wasm_encoder::reencode::{ReencodeComponent, RoundtripReencoder};
use wasm_encoder::{
    Component, ComponentAliasSection, ComponentExportKind, ComponentExportSection, ComponentImportSection,
    ComponentInstanceSection, ComponentTypeSection, RawSection,
};
use wasmparser::Payload;

use super::super::ComponentError;
use super::super::sections::sections;

/// One item of the top level.
#[derive(Clone)]
pub(super) enum Part {
    /// A section as it stands, of types or of anything that a mutant adds.
    Raw(u8, Vec<u8>),
    Import(String, u32),
    Alias(ComponentExportKind, u32, String),
    Component(Vec<u8>),
    Instance(u32, Vec<(String, u32)>),
    Export(String, ComponentExportKind, u32),
}

pub(super) fn apart(composite: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    for payload in sections(composite).unwrap() {
        match payload {
            Payload::ComponentImportSection(section) => parts.extend(section.into_iter().map(|import| {
                let import = import.unwrap();
                let wasmparser::ComponentTypeRef::Instance(ty) = import.ty else { panic!() };
                Part::Import(import.name.name.to_owned(), ty)
            })),
            Payload::ComponentAliasSection(section) => parts.extend(section.into_iter().map(|alias| {
                let wasmparser::ComponentAlias::InstanceExport { kind, instance_index, name } = alias.unwrap() else {
                    panic!()
                };
                Part::Alias(kind.into(), instance_index, name.to_owned())
            })),
            Payload::ComponentSection { unchecked_range, .. } => {
                parts.push(Part::Component(composite[unchecked_range].to_vec()));
            }
            Payload::ComponentInstanceSection(section) => parts.extend(section.into_iter().map(|instance| {
                let wasmparser::ComponentInstance::Instantiate { component_index, args } = instance.unwrap() else {
                    panic!()
                };
                Part::Instance(component_index, args.iter().map(|arg| (arg.name.to_owned(), arg.index)).collect())
            })),
            Payload::ComponentExportSection(section) => parts.extend(section.into_iter().map(|export| {
                let export = export.unwrap();
                Part::Export(export.name.name.to_owned(), export.kind.into(), export.index)
            })),
            Payload::ComponentTypeSection(section) => {
                for ty in section {
                    let mut one = ComponentTypeSection::new();
                    RoundtripReencoder.parse_component_type(one.ty(), ty.unwrap()).unwrap();
                    parts.push(raw(&one));
                }
            }
            Payload::Version { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    parts
}

pub(super) fn together(parts: &[Part]) -> Vec<u8> {
    let mut component = Component::new();
    for part in parts {
        match part {
            Part::Raw(id, data) => component.section(&RawSection { id: *id, data }),
            Part::Import(name, ty) => {
                let mut section = ComponentImportSection::new();
                component.section(section.import(name, wasm_encoder::ComponentTypeRef::Instance(*ty)))
            }
            Part::Alias(kind, instance, name) => {
                let mut section = ComponentAliasSection::new();
                let alias = wasm_encoder::Alias::InstanceExport { instance: *instance, kind: *kind, name };
                component.section(section.alias(alias))
            }
            Part::Component(data) => component.section(&RawSection { id: 4, data }),
            Part::Instance(of, arguments) => {
                let mut section = ComponentInstanceSection::new();
                let arguments = arguments.iter().map(|(name, index)| (name, ComponentExportKind::Instance, *index));
                component.section(section.instantiate(*of, arguments))
            }
            Part::Export(name, kind, index) => {
                let mut section = ComponentExportSection::new();
                component.section(section.export(name, *kind, *index, None))
            }
        };
    }
    component.finish()
}

/// A section as raw bytes, without its id and length.
pub(super) fn raw(section: &impl wasm_encoder::ComponentSection) -> Part {
    let mut component = Component::new();
    component.section(section);
    let bytes = component.finish();
    let payload = bytes.get(8..).unwrap();
    let length = payload.iter().skip(1).take_while(|byte| **byte >= 0x80).count() + 1;
    Part::Raw(payload[0], payload[1 + length..].to_vec())
}

/// The index of each part in its own index space of instances, if it makes one.
pub(super) fn instances(parts: &[Part]) -> Vec<(usize, u32)> {
    let makes = |part: &Part| {
        matches!(
            part,
            Part::Import(..)
                | Part::Instance(..)
                | Part::Alias(ComponentExportKind::Instance, ..)
                | Part::Export(_, ComponentExportKind::Instance, _)
        )
    };
    let places = parts.iter().enumerate().filter(|(_, part)| makes(part)).map(|(place, _)| place);
    places.zip(0..).collect()
}

/// A component that imports `to` where it imported `from`.
pub(super) fn importing(component: &[u8], from: &str, to: &str) -> Result<Vec<u8>, ComponentError> {
    let mut out = Component::new();
    for payload in sections(component)? {
        match payload {
            Payload::ComponentImportSection(section) => {
                let mut imports = ComponentImportSection::new();
                for import in section {
                    let import = import?;
                    let name = if import.name.name == from { to } else { import.name.name };
                    imports.import(name, import.ty.into());
                }
                out.section(&imports);
            }
            payload => {
                if let Some((id, range)) = payload.as_section() {
                    out.section(&RawSection { id, data: &component[range] });
                }
            }
        }
    }
    Ok(out.finish())
}

/// A component in the one spelling of its imports' names: their first byte may be 0 or 1.
pub(super) fn spelled(component: &[u8]) -> Result<Vec<u8>, ComponentError> {
    importing(component, "", "")
}
