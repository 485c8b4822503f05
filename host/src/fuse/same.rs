//! Whether what stands in a composite is a verified component: every section byte for byte, but for what the fused form
//! changes, which is looked at by its meaning.
//!
//! | what may differ | how |
//! |---|---|
//! | the names of the imports of its top level | each is the one that is expected in its place |
//! | the most that a memory may have | at most what it asked for, and all together at most the component's limit |
//! | what is custom at its top level | left out |
//! | a name at the end of each core module | the one by which whoever fails is found |
//!
//! Nothing of what writes components is used here.

use std::slice::Iter;

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentImportSectionReader, ComponentInstance, ComponentOuterAliasKind,
    Import, ImportSectionReader, Instance, MemorySectionReader, MemoryType, Name, NameSectionReader, Parser, Payload,
    TypeRef,
};

use super::error::ComponentError;
use super::sections::{sections, slice};

/// What a verified component is expected to have become.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// The names of its imports, in their order.
    pub(super) imports: &'a [String],
    /// The most bytes that all its memories may have together.
    pub(super) memory: u64,
    /// What its modules are called.
    pub(super) called: &'a str,
}

/// Whether `found` is `verified` as it is expected.
///
/// # Errors
/// [`ComponentError`] for bytes that are no component.
pub(super) fn same(verified: &[u8], found: &[u8], expected: Expected<'_>) -> Result<bool, ComponentError> {
    let is_custom = |payload: &Payload<'_>| matches!(payload, Payload::CustomSection(_));
    let own = sections(verified)?.into_iter().filter(|payload| !is_custom(payload)).collect();
    let mut whole = Level { called: expected.called, names: Some(expected.imports.iter()), depth: 0 };
    Ok(whole.same((verified, own), found)? && memory(found, 0)?.is_some_and(|most| most <= expected.memory))
}

/// A component, or one that is nested in it.
struct Level<'a> {
    called: &'a str,
    /// Of the imports that were not met yet; none in what is nested, whose imports are its own affair.
    names: Option<Iter<'a, String>>,
    depth: usize,
}

/// Bytes, and a section of them.
type Section<'a> = (&'a [u8], Payload<'a>);

impl Level<'_> {
    fn same(&mut self, (verified, own): (&[u8], Vec<Payload<'_>>), found: &[u8]) -> Result<bool, ComponentError> {
        let there = sections(found)?;
        if own.len() != there.len() {
            return Ok(false);
        }
        for (own, there) in own.into_iter().zip(there) {
            if !self.section((verified, own), (found, there))? {
                return Ok(false);
            }
        }
        Ok(self.names.as_mut().is_none_or(|names| names.next().is_none()))
    }

    fn section(&mut self, own: Section<'_>, there: Section<'_>) -> Result<bool, ComponentError> {
        use Payload::{ComponentImportSection, ComponentSection, ModuleSection};
        match (own, there) {
            ((_, ComponentImportSection(own)), (_, ComponentImportSection(there))) if self.names.is_some() => {
                self.imports(own, there)
            }
            (
                (verified, ModuleSection { unchecked_range: own, .. }),
                (found, ModuleSection { unchecked_range: there, .. }),
            ) => modules(slice(verified, own)?, slice(found, there)?, self.called),
            (
                (verified, ComponentSection { unchecked_range: own, .. }),
                (found, ComponentSection { unchecked_range: there, .. }),
            ) => {
                let own = slice(verified, own)?;
                let mut nested = Level { called: self.called, names: None, depth: deeper(self.depth)? };
                nested.same((own, sections(own)?), slice(found, there)?)
            }
            (own, there) => identical(own, there),
        }
    }

    fn imports(
        &mut self,
        own: ComponentImportSectionReader<'_>,
        there: ComponentImportSectionReader<'_>,
    ) -> Result<bool, ComponentError> {
        if own.count() != there.count() {
            return Ok(false);
        }
        for (own, there) in own.into_iter().zip(there) {
            let (own, there) = (own?, there?);
            let name = there.name;
            let plain = name.implements.is_none() && name.version_suffix.is_none() && name.external_id.is_none();
            let expected = self.names.as_mut().and_then(Iterator::next);
            if !plain || expected.map(String::as_str) != Some(name.name) || own.ty != there.ty {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn identical((verified, own): Section<'_>, (found, there): Section<'_>) -> Result<bool, ComponentError> {
    match (own.as_section(), there.as_section()) {
        (Some((id, own)), Some((other, there))) => Ok(id == other && slice(verified, own)? == slice(found, there)?),
        // What is no section stands at the beginning of either.
        (None, None) => Ok(true),
        _ => Ok(false),
    }
}

/// Whether a module is a verified one, but for the most its memories may have, and called `called`.
fn modules(verified: &[u8], found: &[u8], called: &str) -> Result<bool, ComponentError> {
    let (own, mut there) = (parts(verified)?, parts(found)?);
    let named = match there.pop() {
        Some(Payload::CustomSection(custom)) if custom.name() == "name" => {
            let mut names = NameSectionReader::new(wasmparser::BinaryReader::new(custom.data(), custom.data_offset()));
            matches!(names.next().transpose()?, Some(Name::Module { name, .. }) if name == called)
                && names.next().is_none()
        }
        _ => false,
    };
    if !named || own.len() != there.len() {
        return Ok(false);
    }
    for (own, there) in own.into_iter().zip(there) {
        let same = match (own, there) {
            (Payload::ImportSection(own), Payload::ImportSection(there)) => imported(own, there)?,
            (Payload::MemorySection(own), Payload::MemorySection(there)) => defined(own, there)?,
            (own, there) => identical((verified, own), (found, there))?,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The sections of a module; its functions are in the one that holds them.
fn parts(module: &[u8]) -> Result<Vec<Payload<'_>>, ComponentError> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if payload.as_section().is_some() {
            found.push(payload);
        }
    }
    Ok(found)
}

fn imported(own: ImportSectionReader<'_>, there: ImportSectionReader<'_>) -> Result<bool, ComponentError> {
    let own = own.into_imports().collect::<Result<Vec<_>, _>>()?;
    let there = there.into_imports().collect::<Result<Vec<_>, _>>()?;
    let same = |(own, there): (&Import<'_>, &Import<'_>)| match (own.ty, there.ty) {
        (TypeRef::Memory(memory), TypeRef::Memory(clamped)) => {
            (own.module, own.name) == (there.module, there.name) && is_clamped(memory, clamped)
        }
        _ => own == there,
    };
    Ok(own.len() == there.len() && own.iter().zip(&there).all(same))
}

fn defined(own: MemorySectionReader<'_>, there: MemorySectionReader<'_>) -> Result<bool, ComponentError> {
    if own.count() != there.count() {
        return Ok(false);
    }
    for (own, there) in own.into_iter().zip(there) {
        if !is_clamped(own?, there?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether nothing but the most that a memory may have differs, and that is no more than it asked for.
fn is_clamped(own: MemoryType, there: MemoryType) -> bool {
    let within = |most: u64| most >= own.initial && own.maximum.is_none_or(|asked| most <= asked);
    MemoryType { maximum: own.maximum, ..there } == own && there.maximum.is_some_and(within)
}

/// The most bytes that all instances in a component have of memory; none where that cannot be told.
fn memory(component: &[u8], depth: usize) -> Result<Option<u64>, ComponentError> {
    let (mut modules, mut components, mut most) = (Vec::new(), Vec::new(), Some(0_u64));
    let mut add = |space: &[Option<u64>], index: u32| {
        let one = usize::try_from(index).ok().and_then(|index| space.get(index).copied().flatten());
        most = most.zip(one).and_then(|(most, one)| most.checked_add(one));
    };
    for payload in sections(component)? {
        match payload {
            Payload::ModuleSection { unchecked_range, .. } => {
                modules.push(memory_of(slice(component, unchecked_range)?)?);
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                components.push(memory(slice(component, unchecked_range)?, deeper(depth)?)?);
            }
            Payload::InstanceSection(section) => {
                for made in section {
                    if let Instance::Instantiate { module_index, .. } = made? {
                        add(&modules, module_index);
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for made in section {
                    if let ComponentInstance::Instantiate { component_index, .. } = made? {
                        add(&components, component_index);
                    }
                }
            }
            // What comes from outside has an index as well, and nobody knows its memory.
            other if hands_on(&other)? => return Ok(None),
            _ => {}
        }
    }
    Ok(most)
}

/// Whether a section takes modules or components from elsewhere.
fn hands_on(payload: &Payload<'_>) -> Result<bool, ComponentError> {
    use ComponentExternalKind::{Component, Module};
    use ComponentOuterAliasKind::CoreModule;
    let is_code = |kind| matches!(kind, Module | Component);
    match payload {
        Payload::ComponentImportSection(section) => {
            for import in section.clone() {
                if is_code(import?.ty.kind()) {
                    return Ok(true);
                }
            }
        }
        Payload::ComponentAliasSection(section) => {
            for alias in section.clone() {
                match alias? {
                    ComponentAlias::InstanceExport { kind, .. } if is_code(kind) => return Ok(true),
                    ComponentAlias::Outer { kind: CoreModule | ComponentOuterAliasKind::Component, .. } => {
                        return Ok(true);
                    }
                    _ => {}
                }
            }
        }
        Payload::ComponentExportSection(section) => {
            for export in section.clone() {
                if is_code(export?.kind) {
                    return Ok(true);
                }
            }
        }
        _ => {}
    }
    Ok(false)
}

/// The most bytes that the memories of a module may have; none where one of them has no bound.
fn memory_of(module: &[u8]) -> Result<Option<u64>, ComponentError> {
    let mut most = Some(0_u64);
    for payload in parts(module)? {
        let Payload::MemorySection(section) = payload else { continue };
        for ty in section {
            let ty = ty?;
            let page = 1_u64.checked_shl(ty.page_size_log2.unwrap_or(16));
            let bytes = ty.maximum.zip(page).and_then(|(pages, page)| pages.checked_mul(page));
            most = most.zip(bytes).and_then(|(most, bytes)| most.checked_add(bytes));
        }
    }
    Ok(most)
}

fn deeper(depth: usize) -> Result<usize, ComponentError> {
    match depth < MOST_DEPTH {
        true => Ok(depth.saturating_add(1)),
        false => Err(ComponentError::TooMany { what: "components nested in components", most: MOST_DEPTH }),
    }
}

const MOST_DEPTH: usize = 16;
