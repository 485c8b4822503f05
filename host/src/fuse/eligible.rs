//! The part of the rule in `docs/composing.md`, under "Which run together", that two components alone decide.

use std::collections::HashSet;

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentDefinedTypeId, ComponentEntityType, ComponentFuncTypeId,
    ComponentInstanceTypeId, ComponentItem, ComponentValType,
};
use wasmparser::types::TypesRef;

use super::error::ComponentError;
use super::sections::{imports, types};

/// A link as it was admitted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link<'a> {
    /// The importer's verified bytes.
    pub(crate) importer: &'a [u8],
    /// Its import, in its own spelling.
    pub(crate) import: &'a str,
    /// The exporter's verified bytes.
    pub(crate) exporter: &'a [u8],
    /// Its export, in its own spelling.
    pub(crate) export: &'a str,
    /// Whether both are of one account.
    pub(crate) same_account: bool,
    /// The capability that the interface stands for, if the vocabulary has one.
    pub(crate) capability: Option<&'a str>,
    /// Whether the manifest says `isolation: separate`.
    pub(crate) separate: bool,
}

/// Why a link stays separate. This is not a denial: the call goes through the host, and means the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Separate {
    /// The manifest says so.
    #[error("the manifest says `isolation: separate`")]
    Asked,
    /// What fails together must belong together.
    #[error("the two components are of different accounts")]
    OtherAccount,
    /// The consumer's grant is checked at each call, which nobody would do.
    #[error("{import} stands for the capability {capability}, whose claims are checked at each call")]
    Capability {
        /// The import.
        import: String,
        /// The capability.
        capability: String,
    },
    /// One engine serves one generation.
    #[error("one of the two is built for WASI 0.2 and the other for WASI 0.3")]
    OtherGeneration,
    /// More than plain data would pass.
    #[error("{interface} passes {what}, not plain data alone")]
    NotPlain {
        /// The interface, in the spelling of whoever has it.
        interface: String,
        /// What passes.
        what: &'static str,
    },
    /// It is not what one of the two has.
    #[error("{interface} is not there as an interface")]
    Missing {
        /// The interface.
        interface: String,
    },
    /// A component that is not read.
    #[error(transparent)]
    Component(#[from] ComponentError),
}

/// Which WASI a component is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// It imports no WASI interface whose version says it, and fits any.
    Any,
    /// 0.2.
    Second,
    /// 0.3.
    Third,
}

/// Whether a link may be fused, as far as its two ends and the manifest say.
///
/// # Errors
/// [`Separate`] says what keeps the two apart.
pub(crate) fn eligible(link: &Link<'_>) -> Result<(), Separate> {
    if link.separate {
        return Err(Separate::Asked);
    }
    if !link.same_account {
        return Err(Separate::OtherAccount);
    }
    if let Some(capability) = link.capability {
        return Err(Separate::Capability { import: link.import.to_owned(), capability: capability.to_owned() });
    }
    match (generation(link.importer)?, generation(link.exporter)?) {
        (Generation::Second, Generation::Third) | (Generation::Third, Generation::Second) => {
            return Err(Separate::OtherGeneration);
        }
        _ => {}
    }
    let importer = types(link.importer)?;
    plain(importer.as_ref(), link.import, importer.as_ref().component_item_for_import(link.import))?;
    let exporter = types(link.exporter)?;
    plain(exporter.as_ref(), link.export, exporter.as_ref().component_item_for_export(link.export))
}

/// Which WASI a component is built for: 0.3 as soon as it imports anything of it.
///
/// # Errors
/// [`ComponentError`] for what is no component, or has an import that no claim can stand for.
pub(crate) fn generation(component: &[u8]) -> Result<Generation, ComponentError> {
    let mut found = Generation::Any;
    for (_, name) in imports(component)?.into_iter().filter(|(_, name)| name.namespace == "wasi") {
        match name.version.map(|version| (version.major, version.minor)) {
            Some((0, 3)) => return Ok(Generation::Third),
            Some((0, 2)) => found = Generation::Second,
            _ => {}
        }
    }
    Ok(found)
}

fn plain(types: TypesRef<'_>, interface: &str, item: Option<&ComponentItem>) -> Result<(), Separate> {
    let Some(ComponentEntityType::Instance(instance)) = item.map(|item| &item.ty) else {
        return Err(Separate::Missing { interface: interface.to_owned() });
    };
    let what = Passing { types, seen: HashSet::new() }.instance(*instance);
    what.map_or(Ok(()), |what| Err(Separate::NotPlain { interface: interface.to_owned(), what }))
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
            ComponentEntityType::Type { referenced: ComponentAnyTypeId::Defined(ty), .. } => self.defined(*ty),
            ComponentEntityType::Type { referenced: ComponentAnyTypeId::Func(ty), .. } => self.function(*ty),
            ComponentEntityType::Type { .. } => Some("a type of instances or components"),
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
