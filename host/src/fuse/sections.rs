//! Reading a component without running over its end, however it was made.

use wasmparser::types::Types;
use wasmparser::{
    Chunk, ComponentExternalKind, ComponentImport, ComponentTypeRef, Parser, Payload, ValidPayload, Validator,
};

use super::error::{ComponentError, cut};
use crate::names::InterfaceName;

/// The sections of a component's top level. What is nested is one payload, whose range lies within `bytes`.
pub(super) fn sections(bytes: &[u8]) -> Result<Vec<Payload<'_>>, ComponentError> {
    let (mut parser, mut rest, mut found) = (Parser::new(0), bytes, Vec::new());
    loop {
        let Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? else { return Err(cut_off(bytes)) };
        rest = rest.get(consumed..).ok_or_else(|| cut_off(bytes))?;
        if let Payload::ModuleSection { unchecked_range, .. } | Payload::ComponentSection { unchecked_range, .. } =
            &payload
        {
            rest = rest.get(unchecked_range.len()..).ok_or_else(|| cut_off(bytes))?;
        }
        match payload {
            Payload::End(_) if rest.is_empty() => return Ok(found),
            Payload::End(_) => return Err(cut_off(bytes)),
            Payload::Version { encoding: wasmparser::Encoding::Module, .. } => return Err(no_component()),
            payload => found.push(payload),
        }
    }
}

/// The bytes of a section.
pub(super) fn slice(bytes: &[u8], range: std::ops::Range<usize>) -> Result<&[u8], ComponentError> {
    bytes.get(range).ok_or_else(|| cut_off(bytes))
}

/// Validates everything but the bodies of functions, which the compiler does.
pub(super) fn validate(bytes: &[u8]) -> Result<Types, ComponentError> {
    let (mut validator, mut last) = (Validator::new(), None);
    for payload in Parser::new(0).parse_all(bytes) {
        // Every nested component ends too; the last end is the whole's.
        if let ValidPayload::End(types) = validator.payload(&payload?)? {
            last = Some(types);
        }
    }
    last.ok_or_else(|| cut_off(bytes))
}

/// The imports of a component's top level: each an interface that a claim can stand for, under a name that is not the host's.
pub(super) fn imports(bytes: &[u8]) -> Result<Vec<(&str, InterfaceName)>, ComponentError> {
    let mut found = Vec::new();
    for payload in sections(bytes)? {
        let Payload::ComponentImportSection(section) = payload else { continue };
        for import in section {
            found.push(interface(&import?)?);
            if found.len() > MOST_IMPORTS {
                return Err(ComponentError::TooMany { what: "imports", most: MOST_IMPORTS });
            }
        }
    }
    Ok(found)
}

fn interface<'a>(import: &ComponentImport<'a>) -> Result<(&'a str, InterfaceName), ComponentError> {
    let name = import.name;
    let plain = name.implements.is_none() && name.version_suffix.is_none() && name.external_id.is_none();
    match name.name.parse::<InterfaceName>() {
        Ok(parsed) if parsed.is_reserved() => Err(ComponentError::Reserved { import: cut(name.name) }),
        Ok(parsed) if plain && matches!(import.ty, ComponentTypeRef::Instance(_)) => Ok((name.name, parsed)),
        _ => Err(ComponentError::Import { import: cut(name.name) }),
    }
}

/// The exports of a component's top level.
pub(super) fn exports(bytes: &[u8]) -> Result<Vec<(&str, ComponentExternalKind)>, ComponentError> {
    let mut found = Vec::new();
    for payload in sections(bytes)? {
        let Payload::ComponentExportSection(section) = payload else { continue };
        for export in section {
            let export = export?;
            found.push((export.name.name, export.kind));
        }
    }
    Ok(found)
}

fn cut_off(bytes: &[u8]) -> ComponentError {
    ComponentError::Malformed { reason: "unexpected end-of-file".to_owned(), offset: bytes.len() }
}

fn no_component() -> ComponentError {
    ComponentError::Malformed { reason: "a core module".to_owned(), offset: 0 }
}

const MOST_IMPORTS: usize = 1_000;
