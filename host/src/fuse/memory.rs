//! How much memory each core module of a component may have, so that all of them together stay within one limit.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, Instance, MemoryType, Parser,
    Payload,
};

use super::error::ComponentError;
use super::sections::{sections, slice};

/// The modules and components of a component, each in the order of their sections.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) modules: Vec<Module>,
    pub(super) components: Vec<Nested>,
}

/// A core module: the memories it defines, and how often it is instantiated where it stands.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) memories: Vec<Memory>,
    times: u64,
}

/// A component in a component, and how often it is instantiated there.
#[derive(Debug)]
pub(super) struct Nested {
    pub(super) scope: Scope,
    times: u64,
}

/// A memory that a module defines, and the most pages it is left with.
#[derive(Debug)]
pub(super) struct Memory {
    ty: MemoryType,
    pub(super) maximum: u64,
}

impl Scope {
    /// Every memory of a component, with its share of `limit` bytes.
    pub(super) fn within(component: &[u8], limit: u64) -> Result<Self, ComponentError> {
        let mut scope = Self::read(component, 0)?;
        scope.share(limit)?;
        Ok(scope)
    }

    fn read(component: &[u8], depth: usize) -> Result<Self, ComponentError> {
        if depth > MOST_DEPTH {
            return Err(ComponentError::TooMany { what: "components nested in components", most: MOST_DEPTH });
        }
        let mut scope = Self::default();
        for payload in sections(component)? {
            scope.section(component, payload, depth)?;
        }
        Ok(scope)
    }

    fn section(&mut self, component: &[u8], payload: Payload<'_>, depth: usize) -> Result<(), ComponentError> {
        match payload {
            Payload::ModuleSection { unchecked_range, .. } => {
                let memories = memories(slice(component, unchecked_range)?)?;
                self.modules.push(Module { memories, times: 0 });
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                let scope = Self::read(slice(component, unchecked_range)?, depth.saturating_add(1))?;
                self.components.push(Nested { scope, times: 0 });
            }
            Payload::InstanceSection(section) => return section.into_iter().try_for_each(|made| self.core(&made?)),
            Payload::ComponentInstanceSection(section) => {
                return section.into_iter().try_for_each(|made| self.instance(&made?));
            }
            Payload::ComponentAliasSection(section) => return section.into_iter().try_for_each(|one| alias(&one?)),
            Payload::ComponentImportSection(section) => {
                return section.into_iter().try_for_each(|import| countable(import?.ty.kind()));
            }
            Payload::ComponentExportSection(section) => {
                return section.into_iter().try_for_each(|export| countable(export?.kind));
            }
            Payload::ComponentStartSection { .. } => {
                return Err(ComponentError::Unsupported { what: "has a start section" });
            }
            _ => {}
        }
        Ok(())
    }

    fn core(&mut self, made: &Instance<'_>) -> Result<(), ComponentError> {
        let Instance::Instantiate { module_index, .. } = made else { return Ok(()) };
        let place = usize::try_from(*module_index).unwrap_or(usize::MAX);
        let module = self.modules.get_mut(place).ok_or(UNCOUNTABLE)?;
        module.times = module.times.saturating_add(1);
        Ok(())
    }

    fn instance(&mut self, made: &ComponentInstance<'_>) -> Result<(), ComponentError> {
        match made {
            ComponentInstance::Instantiate { component_index, args } => {
                let place = usize::try_from(*component_index).unwrap_or(usize::MAX);
                let nested = self.components.get_mut(place).ok_or(UNCOUNTABLE)?;
                nested.times = nested.times.saturating_add(1);
                args.iter().try_for_each(|arg| countable(arg.kind))
            }
            ComponentInstance::FromExports(exports) => exports.iter().try_for_each(|export| countable(export.kind)),
        }
    }

    /// Gives every memory what it begins with. What is left is shared evenly, but no memory gets more than it asks for.
    fn share(&mut self, limit: u64) -> Result<(), ComponentError> {
        let mut all = Vec::new();
        self.gather(1, &mut all);
        let cost = |times: u64, bytes: u64| times.saturating_mul(bytes);
        let least = all.iter().map(|(times, memory)| cost(*times, memory.least())).fold(0, u64::saturating_add);
        let mut left = limit.checked_sub(least).ok_or(ComponentError::Memory { least, most: limit })?;
        let mut sharers = all.iter().map(|(times, _)| *times).fold(0, u64::saturating_add);
        all.sort_by_key(|(_, memory)| memory.wish());
        for (times, memory) in all {
            let given = memory.grow_by(left.checked_div(sharers).unwrap_or(left));
            left = left.saturating_sub(cost(times, given));
            sharers = sharers.saturating_sub(times);
        }
        Ok(())
    }

    fn gather<'a>(&'a mut self, times: u64, into: &mut Vec<(u64, &'a mut Memory)>) {
        for module in &mut self.modules {
            let times = times.saturating_mul(module.times);
            into.extend(module.memories.iter_mut().map(|memory| (times, memory)));
        }
        for nested in &mut self.components {
            nested.scope.gather(times.saturating_mul(nested.times), into);
        }
    }
}

impl Memory {
    fn new(ty: MemoryType) -> Self {
        Self { ty, maximum: ty.initial }
    }

    fn least(&self) -> u64 {
        self.ty.initial.saturating_mul(page(&self.ty))
    }

    /// How many bytes it would like to grow by.
    fn wish(&self) -> u64 {
        let pages = self.ty.maximum.unwrap_or(u64::MAX).saturating_sub(self.ty.initial);
        pages.saturating_mul(page(&self.ty))
    }

    /// Lets it grow by whole pages within `bytes`, and returns how many bytes these are.
    fn grow_by(&mut self, bytes: u64) -> u64 {
        let page = page(&self.ty);
        let pages = bytes.min(self.wish()).checked_div(page).unwrap_or(0);
        self.maximum = self.ty.initial.saturating_add(pages);
        pages.saturating_mul(page)
    }
}

/// The most pages that a memory of this type may have within `limit` bytes. What it begins with stays.
pub(super) fn clamped(ty: &MemoryType, limit: u64) -> u64 {
    let pages = limit.checked_div(page(ty)).unwrap_or(0);
    ty.maximum.unwrap_or(u64::MAX).min(pages).max(ty.initial)
}

fn page(ty: &MemoryType) -> u64 {
    1_u64.checked_shl(ty.page_size_log2.unwrap_or(16)).unwrap_or(u64::MAX)
}

fn memories(module: &[u8]) -> Result<Vec<Memory>, ComponentError> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::MemorySection(section) = payload? else { continue };
        for ty in section {
            found.push(Memory::new(ty?));
        }
    }
    Ok(found)
}

/// A module or component that is handed on could be instantiated anywhere, any number of times.
fn countable(kind: ComponentExternalKind) -> Result<(), ComponentError> {
    match kind {
        ComponentExternalKind::Module | ComponentExternalKind::Component => Err(UNCOUNTABLE),
        _ => Ok(()),
    }
}

fn alias(alias: &ComponentAlias<'_>) -> Result<(), ComponentError> {
    match alias {
        ComponentAlias::InstanceExport { kind, .. } => countable(*kind),
        ComponentAlias::Outer {
            kind: ComponentOuterAliasKind::CoreModule | ComponentOuterAliasKind::Component,
            ..
        } => Err(UNCOUNTABLE),
        _ => Ok(()),
    }
}

const UNCOUNTABLE: ComponentError =
    ComponentError::Unsupported { what: "hands core modules or components on as values" };
const MOST_DEPTH: usize = 16;
