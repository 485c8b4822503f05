//! Components as somebody composed them before signing: one component around instances of another.

use wasm_encoder::{
    Alias, Component, ComponentAliasSection, ComponentExportKind, ComponentExportSection, ComponentInstanceSection,
    RawSection,
};
use wasmparser::{ComponentExternalKind, ComponentTypeRef, Parser, Payload};

/// A component that holds another one, once for each interface it exports: it imports what that imports, and hands it on.
///
/// # Panics
/// When it cannot be read, or exports or imports anything but interfaces.
#[must_use]
pub fn composed(inner: &[u8]) -> Vec<u8> {
    let (mut outer, mut imports, mut exports, mut depth) = (Component::new(), Vec::new(), Vec::new(), 0);
    let mut is_before_code = true;
    for payload in Parser::new(0).parse_all(inner) {
        let payload = payload.expect("a component");
        match &payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => is_before_code = false,
            Payload::ComponentImportSection(section) if depth == 1 => {
                imports.extend(section.clone().into_iter().map(|import| {
                    let import = import.expect("an import");
                    assert!(matches!(import.ty, ComponentTypeRef::Instance(_)), "{}", import.name.name);
                    import.name.name
                }))
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                exports.extend(section.clone().into_iter().map(|export| {
                    let export = export.expect("an export");
                    assert_eq!(export.kind, ComponentExternalKind::Instance, "{}", export.name.name);
                    export.name.name
                }))
            }
            _ => {}
        }
        // Types, imports and aliases come first, and speak of each other alone.
        let is_of_imports = matches!(
            payload,
            Payload::ComponentTypeSection(_) | Payload::ComponentImportSection(_) | Payload::ComponentAliasSection(_)
        );
        if depth == 1 && is_before_code && is_of_imports {
            let (id, range) = payload.as_section().expect("a section");
            outer.section(&RawSection { id, data: &inner[range] });
        }
    }
    around(outer, inner, &imports, &exports)
}

/// The inner component in the outer one, which has all imports already.
fn around(mut outer: Component, inner: &[u8], imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let number = |at: usize| u32::try_from(at).expect("a few");
    let (mut instances, mut aliases, mut exported) =
        (ComponentInstanceSection::new(), ComponentAliasSection::new(), ComponentExportSection::new());
    let kind = ComponentExportKind::Instance;
    for (at, name) in exports.iter().enumerate() {
        instances.instantiate(0, imports.iter().enumerate().map(|(at, import)| (*import, kind, number(at))));
        aliases.alias(Alias::InstanceExport { instance: number(imports.len() + at), kind, name });
        exported.export(*name, kind, number(imports.len() + exports.len() + at), None);
    }
    // A component's section holds the component as it is.
    outer.section(&RawSection { id: 4, data: inner }).section(&instances).section(&aliases).section(&exported);
    outer.finish()
}
