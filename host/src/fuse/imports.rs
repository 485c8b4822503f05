//! The imports of a composite, with their types.
//!
//! A type is copied from the component that imports it, in that component's own words, with its indices moved. Where several
//! components import one name (the shared interfaces, or two components of one principal), the import has what all of them
//! ask for: the items of the first, then what each further one has besides. The copy follows what an import's type refers
//! to, so the order in which components list their imports does not matter.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use wasm_encoder::reencode::{Reencode, ReencodeComponent};
use wasm_encoder::{
    Alias, ComponentBuilder, ComponentExportKind, ComponentExternName, ComponentOuterAliasKind, ComponentTypeEncoder,
    ComponentTypeRef, InstanceType, TypeBounds,
};
use wasmparser::{ComponentAlias, ComponentExternalKind, ComponentType, InstanceTypeDeclaration, Payload};

use super::error::ComponentError;
use super::sections::sections;

/// What the types of a component's imports are made of.
#[derive(Default)]
pub(super) struct Prelude<'a> {
    /// The index space of types.
    types: Vec<Type<'a>>,
    /// The index space of instances: the import's name, or none for what is made inside.
    instances: Vec<Option<&'a str>>,
    /// Each import and the index of its type.
    imports: Vec<(&'a str, u32)>,
}

enum Type<'a> {
    Defined(ComponentType<'a>),
    /// Exported by an instance.
    Of(u32, &'a str),
    /// Nothing that an import's type may be made of.
    Other,
}

/// What is copied: a component's type by its index, or an import by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Item<'a> {
    Type(usize, u32),
    Import(&'a str),
}

/// The imports of a composite while they are copied into `builder`.
pub(super) struct Imports<'a, 'b> {
    preludes: &'a [Prelude<'b>],
    /// Which components import a name, and as what.
    wanted: BTreeMap<&'b str, Vec<(usize, u32)>>,
    done: HashMap<Item<'b>, u32>,
    builder: &'a mut ComponentBuilder,
}

impl<'a> Prelude<'a> {
    pub(super) fn read(component: &'a [u8]) -> Result<Self, ComponentError> {
        let mut prelude = Self::default();
        for payload in sections(component)? {
            prelude.section(payload)?;
        }
        Ok(prelude)
    }

    fn section(&mut self, payload: Payload<'a>) -> Result<(), ComponentError> {
        match payload {
            Payload::ComponentTypeSection(section) => {
                for ty in section {
                    self.types.push(Type::Defined(ty?));
                }
            }
            Payload::ComponentAliasSection(section) => section.into_iter().try_for_each(|one| self.alias(one?))?,
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    self.import(import.name.name, import.ty);
                }
            }
            Payload::ComponentInstanceSection(section) => self.instances.extend(section.into_iter().map(|_| None)),
            Payload::ComponentExportSection(section) => {
                for export in section {
                    self.made(export?.kind);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: ComponentAlias<'a>) -> Result<(), ComponentError> {
        match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Type, instance_index, name } => {
                self.types.push(Type::Of(instance_index, name));
            }
            ComponentAlias::InstanceExport { kind, .. } => self.made(kind),
            ComponentAlias::Outer { kind: wasmparser::ComponentOuterAliasKind::Type, .. } => {
                self.types.push(Type::Other);
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, name: &'a str, ty: wasmparser::ComponentTypeRef) {
        match ty {
            wasmparser::ComponentTypeRef::Instance(ty) => {
                self.instances.push(Some(name));
                self.imports.push((name, ty));
            }
            other => self.made(other.kind()),
        }
    }

    /// Something new in an index space that no import's type may refer to.
    fn made(&mut self, kind: ComponentExternalKind) {
        match kind {
            ComponentExternalKind::Type => self.types.push(Type::Other),
            ComponentExternalKind::Instance => self.instances.push(None),
            _ => {}
        }
    }

    fn ty(&self, index: u32) -> Option<&Type<'a>> {
        self.types.get(usize::try_from(index).ok()?)
    }

    fn imported(&self, instance: u32) -> Option<&'a str> {
        *self.instances.get(usize::try_from(instance).ok()?)?
    }

    /// What an instance of this type is declared to be.
    fn declared(&self, index: u32) -> Option<&[InstanceTypeDeclaration<'a>]> {
        match self.ty(index)? {
            Type::Defined(ComponentType::Instance(declared)) => Some(declared),
            _ => None,
        }
    }
}

impl<'a, 'b> Imports<'a, 'b> {
    /// Imports what the components import under a name of the composite: where `slot` says so.
    pub(super) fn write(
        preludes: &'a [Prelude<'b>],
        slot: impl Fn(usize, &str) -> bool,
        builder: &'a mut ComponentBuilder,
    ) -> Result<BTreeMap<&'b str, u32>, Unsayable> {
        let mut wanted = BTreeMap::<_, Vec<_>>::new();
        for (component, prelude) in preludes.iter().enumerate() {
            for (name, ty) in prelude.imports.iter().filter(|(name, _)| slot(component, name)) {
                wanted.entry(*name).or_default().push((component, *ty));
            }
        }
        let names: Vec<&str> = wanted.keys().copied().collect();
        let mut imports = Imports { preludes, wanted, done: HashMap::new(), builder };
        let mut written = BTreeMap::new();
        for name in names {
            written.insert(name, imports.copied(name).map_err(|fault| fault.of(name))?);
        }
        Ok(written)
    }

    /// Copies an import after all that it refers to. The stack is a list: a file chooses how deep this goes.
    fn copied(&mut self, name: &'b str) -> Result<u32, Fault> {
        let wanted = Item::Import(name);
        // It may be there: another import refers to it.
        let mut stack: Vec<_> = Some(wanted.clone()).filter(|item| !self.done.contains_key(item)).into_iter().collect();
        while let Some(item) = stack.last().cloned() {
            match self.refers_to(&item)?.into_iter().find(|item| !self.done.contains_key(item)) {
                Some(next) if stack.contains(&next) => return Err(self.fault(&item, "it refers to itself")),
                Some(next) => stack.push(next),
                None => {
                    let index = self.copy(&item)?;
                    self.done.insert(item, index);
                    stack.pop();
                }
            }
        }
        self.done.get(&wanted).copied().ok_or_else(|| self.fault(&wanted, UNKNOWN))
    }

    fn refers_to(&self, item: &Item<'b>) -> Result<Vec<Item<'b>>, Fault> {
        match item {
            Item::Type(component, index) => Ok(match self.ty(*component, *index) {
                Some(Type::Of(instance, _)) => vec![Item::Import(self.instance(item, *component, *instance)?)],
                Some(Type::Defined(ty)) => {
                    let found = referred(ty).ok_or_else(|| self.fault(item, UNKNOWN))?;
                    found.into_iter().map(|index| Item::Type(*component, index)).collect()
                }
                _ => return Err(self.fault(item, "its type is made of something that the component makes itself")),
            }),
            Item::Import(name) => {
                let members = self.members(name)?;
                let outer = |(component, declared): (usize, &[InstanceTypeDeclaration<'_>])| {
                    declared.iter().filter_map(outer).map(|index| Item::Type(component, index)).collect::<Vec<_>>()
                };
                Ok(members.into_iter().flat_map(outer).collect())
            }
        }
    }

    fn ty(&self, component: usize, index: u32) -> Option<&'a Type<'b>> {
        self.preludes.get(component)?.ty(index)
    }

    /// The import that an instance is. One that an edge joins has no place among the composite's own.
    fn instance(&self, item: &Item<'b>, component: usize, instance: u32) -> Result<&'b str, Fault> {
        let import = self.preludes.get(component).and_then(|prelude| prelude.imported(instance));
        let import = import.filter(|name| {
            self.wanted.get(name).is_some_and(|members| members.iter().any(|(member, _)| *member == component))
        });
        import.ok_or_else(|| self.fault(item, "its type is made of types from an interface that a link joins"))
    }

    /// The components that import a name, each with what it declares of it.
    fn members(&self, name: &'b str) -> Result<Vec<(usize, &'a [InstanceTypeDeclaration<'b>])>, Fault> {
        let members = self.wanted.get(name).into_iter().flatten();
        members
            .map(|(component, ty)| {
                let declared = self.preludes.get(*component).and_then(|prelude| prelude.declared(*ty));
                declared.map(|declared| (*component, declared)).ok_or(Fault { component: *component, reason: UNKNOWN })
            })
            .collect()
    }

    fn copy(&mut self, item: &Item<'b>) -> Result<u32, Fault> {
        match item {
            Item::Import(name) => {
                let mut merged = Merged::default();
                for (component, declared) in self.members(name)? {
                    let outer = |index| self.done.get(&Item::Type(component, index)).copied();
                    merged.add(declared, outer).ok_or(Fault { component, reason: UNKNOWN })?;
                }
                let ty = self.builder.type_instance(None, &merged.ty);
                Ok(self.builder.import(*name, ComponentTypeRef::Instance(ty)))
            }
            Item::Type(component, index) => match self.ty(*component, *index) {
                Some(Type::Of(instance, name)) => {
                    let import = Item::Import(self.instance(item, *component, *instance)?);
                    let instance = *self.done.get(&import).ok_or_else(|| self.fault(item, UNKNOWN))?;
                    Ok(self.builder.alias_export(instance, name, ComponentExportKind::Type))
                }
                Some(Type::Defined(ty)) => {
                    let (at, encoder) = self.builder.ty(None);
                    let mut known = |index| self.done.get(&Item::Type(*component, index)).copied();
                    encode(encoder, ty, &mut known).map(|()| at).ok_or(Fault { component: *component, reason: UNKNOWN })
                }
                _ => Err(self.fault(item, UNKNOWN)),
            },
        }
    }

    fn fault(&self, item: &Item<'b>, reason: &'static str) -> Fault {
        let component = match item {
            Item::Type(component, _) => *component,
            Item::Import(name) => {
                self.wanted.get(name).and_then(|members| members.first()).map_or(0, |member| member.0)
            }
        };
        Fault { component, reason }
    }
}

/// An instance type with what several components declare of one import.
#[derive(Default)]
struct Merged<'a> {
    ty: InstanceType,
    /// What is exported already, with its index if it is a type.
    exported: HashMap<&'a str, Option<u32>>,
}

impl<'a> Merged<'a> {
    /// Adds what is not there yet. None if it declares something that is not copied.
    fn add(&mut self, declared: &[InstanceTypeDeclaration<'a>], known: impl Fn(u32) -> Option<u32>) -> Option<()> {
        let mut moved = Vec::new();
        for item in declared {
            match item {
                InstanceTypeDeclaration::Type(ty) => {
                    let at = self.ty.type_count();
                    encode(self.ty.ty(), ty, &mut |index| local(&moved, index))?;
                    moved.push(at);
                }
                InstanceTypeDeclaration::Alias(_) => {
                    moved.push(self.ty.type_count());
                    let index = known(outer(item)?)?;
                    self.ty.alias(Alias::Outer { kind: ComponentOuterAliasKind::Type, count: 1, index });
                }
                InstanceTypeDeclaration::Export { name, ty: wasmparser::ComponentTypeRef::Type(bounds) } => {
                    let bounds = match bounds {
                        wasmparser::TypeBounds::Eq(index) => TypeBounds::Eq(local(&moved, *index)?),
                        wasmparser::TypeBounds::SubResource => TypeBounds::SubResource,
                    };
                    moved.push(self.export_type(*name, bounds)?);
                }
                InstanceTypeDeclaration::Export { name, ty: wasmparser::ComponentTypeRef::Func(index) } => {
                    self.export_function(*name, local(&moved, *index)?);
                }
                _ => return None,
            }
        }
        Some(())
    }

    fn export_type(&mut self, name: wasmparser::ComponentExternName<'a>, bounds: TypeBounds) -> Option<u32> {
        match self.exported.get(name.name) {
            Some(there) => *there,
            None => {
                let at = self.ty.type_count();
                self.ty.export(ComponentExternName::from(name), ComponentTypeRef::Type(bounds));
                self.exported.insert(name.name, Some(at));
                Some(at)
            }
        }
    }

    fn export_function(&mut self, name: wasmparser::ComponentExternName<'a>, ty: u32) {
        if !self.exported.contains_key(name.name) {
            self.ty.export(ComponentExternName::from(name), ComponentTypeRef::Func(ty));
            self.exported.insert(name.name, None);
        }
    }
}

fn local(moved: &[u32], index: u32) -> Option<u32> {
    moved.get(usize::try_from(index).ok()?).copied()
}

/// The component's own type that an item of an instance's type refers to.
fn outer(item: &InstanceTypeDeclaration<'_>) -> Option<u32> {
    match item {
        InstanceTypeDeclaration::Alias(ComponentAlias::Outer {
            kind: wasmparser::ComponentOuterAliasKind::Type,
            count: 1,
            index,
        }) => Some(*index),
        _ => None,
    }
}

/// Copies a value's or a function's type with its indices moved; none if an index is not known, or for any other type.
fn encode(
    encoder: ComponentTypeEncoder<'_>,
    ty: &ComponentType<'_>,
    known: &mut dyn FnMut(u32) -> Option<u32>,
) -> Option<()> {
    let mut moved = Moved { known, all: matches!(ty, ComponentType::Defined(_) | ComponentType::Func(_)) };
    if moved.all {
        moved.parse_component_type(encoder, ty.clone()).ok()?;
    }
    moved.all.then_some(())
}

/// The indices that a type refers to.
fn referred(ty: &ComponentType<'_>) -> Option<Vec<u32>> {
    let (mut scratch, mut found) = (InstanceType::new(), Vec::new());
    encode(scratch.ty(), ty, &mut |index| {
        found.push(index);
        Some(index)
    })?;
    Some(found)
}

struct Moved<'a> {
    known: &'a mut dyn FnMut(u32) -> Option<u32>,
    all: bool,
}

impl Reencode for Moved<'_> {
    type Error = Infallible;
}

impl ReencodeComponent for Moved<'_> {
    fn component_type_index(&mut self, index: u32) -> u32 {
        let moved = (self.known)(index);
        self.all &= moved.is_some();
        moved.unwrap_or_default()
    }
}

/// Why a component's import cannot be copied.
struct Fault {
    component: usize,
    reason: &'static str,
}

/// An import whose type cannot be said in the composite, and by its place whose it is.
pub(super) struct Unsayable {
    pub(super) component: usize,
    pub(super) import: String,
    pub(super) reason: &'static str,
}

impl Fault {
    fn of(self, import: &str) -> Unsayable {
        Unsayable { component: self.component, import: import.to_owned(), reason: self.reason }
    }
}

const UNKNOWN: &str = "its type is made of something that the fused form does not copy";
