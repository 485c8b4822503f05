//! An interface as a component has it, and the shapes of its functions in core WebAssembly.

use wasm_encoder::ValType;
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Function, InterfaceId, PackageId, Resolve, SizeAlign, WorldId};

use super::{CarryError, find};

/// An interface that a component imports or exports.
pub(crate) struct Interface {
    resolve: Resolve,
    id: InterfaceId,
    pub(super) name: String,
    sizes: SizeAlign,
}

/// One function, as the canonical ABI has it.
pub(super) struct Shape {
    pub(super) name: String,
    /// Its flat parameters; one pointer where they are too many.
    pub(super) parameters: Vec<ValType>,
    pub(super) result: Answer,
}

/// How a function answers.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    Nothing,
    /// One flat value.
    Flat(ValType),
    /// A value of so many bytes in memory.
    Stored(u32),
}

impl Interface {
    /// The interface `name`, in the component's own spelling, that a component imports.
    pub(crate) fn imported(component: &[u8], name: &str) -> Result<Self, CarryError> {
        Self::of(component, name, |resolve, world| {
            resolve.worlds.get(world).and_then(|world| find(resolve, world.imports.keys(), name))
        })
    }

    /// The interface `name`, in the component's own spelling, that a component exports.
    pub(crate) fn exported(component: &[u8], name: &str) -> Result<Self, CarryError> {
        Self::of(component, name, |resolve, world| {
            resolve.worlds.get(world).and_then(|world| find(resolve, world.exports.keys(), name))
        })
    }

    fn of(
        component: &[u8],
        name: &str,
        find: impl FnOnce(&Resolve, WorldId) -> Option<InterfaceId>,
    ) -> Result<Self, CarryError> {
        let (resolve, world) = crate::wit::world(component)?;
        let id = find(&resolve, world).ok_or_else(|| CarryError::Absent(name.to_owned()))?;
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        Ok(Self { resolve, id, name: name.to_owned(), sizes })
    }

    /// The interface `name` of a text.
    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    pub(super) fn written(text: &str, name: &str) -> Self {
        let mut resolve = Resolve::default();
        resolve.push_str("test.wit", text).unwrap();
        let id = resolve.interfaces.iter().map(|(id, _)| id).find(|id| resolve.id_of(*id).as_deref() == Some(name));
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        Self { id: id.unwrap(), resolve, name: name.to_owned(), sizes }
    }

    /// The names of its functions, in the order a receiver numbers them.
    pub(crate) fn functions(&self) -> Vec<String> {
        self.own().map(|function| function.name.clone()).collect()
    }

    pub(super) fn shapes(&self) -> impl Iterator<Item = Shape> {
        self.own().map(|function| self.shape(function))
    }

    fn own(&self) -> impl Iterator<Item = &Function> {
        self.resolve.interfaces.get(self.id).into_iter().flat_map(|interface| interface.functions.values())
    }

    fn shape(&self, function: &Function) -> Shape {
        let signature = self.resolve.wasm_signature(AbiVariant::GuestExport, function);
        let parameters = signature.params.iter().map(flat).collect();
        let result = match (&function.result, signature.retptr, signature.results.first()) {
            (Some(ty), true, _) => Answer::Stored(u32::try_from(self.sizes.size(ty).size_wasm32()).unwrap_or(u32::MAX)),
            (_, _, Some(ty)) => Answer::Flat(flat(ty)),
            _ => Answer::Nothing,
        };
        Shape { name: function.name.clone(), parameters, result }
    }

    /// The name with its parts marked as identifiers, for some are WIT's own words.
    pub(super) fn escaped(&self) -> String {
        let (path, version) = self.name.split_once('@').map_or((self.name.as_str(), None), |(p, v)| (p, Some(v)));
        let parts: Vec<_> = path.split(':').map(|part| part.replace('/', "/%")).collect();
        let path = format!("%{}", parts.join(":%"));
        version.map_or(path.clone(), |version| format!("{path}@{version}"))
    }

    /// A world of this interface's package and ours.
    pub(super) fn world(&self, name: &str, items: &str) -> Result<(Resolve, WorldId), CarryError> {
        const ONE: &str = "func(function: u32, image: list<u8>) -> list<u8>;";
        let text = format!(
            "package writ:carry@0.1.0;\n\
             interface carry {{ carry: {ONE} }}\n\
             interface receive {{ receive: {ONE} }}\n\
             world {name} {{ {items} }}"
        );
        let failed = |error: String| CarryError::Encode(error);
        let mut resolve = self.resolve.clone();
        let package: PackageId = resolve.push_str("carry.wit", &text).map_err(|error| failed(format!("{error:#}")))?;
        let world = resolve.packages.get(package).and_then(|package| package.worlds.get(name)).copied();
        world.map(|world| (resolve, world)).ok_or_else(|| failed("it has no world".to_owned()))
    }
}

fn flat(ty: &WasmType) -> ValType {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
    }
}
