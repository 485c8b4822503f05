//! An interface as a component has it, and the shapes of its functions in core WebAssembly.

use wasm_encoder::ValType;
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Function, InterfaceId, PackageId, Resolve, SizeAlign, WorldId};

use super::{CarryError, find};

/// Interfaces that a component imports or exports.
pub(crate) struct Interfaces {
    resolve: Resolve,
    ids: Vec<(String, InterfaceId)>,
    sizes: SizeAlign,
}

/// A function of one of them, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) interface: String,
    pub(crate) function: String,
}

/// One function, as the canonical ABI has it.
pub(super) struct Shape {
    pub(super) named: Named,
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

impl Interfaces {
    /// An interface, in the component's own spelling, that a component imports.
    pub(crate) fn imported(component: &[u8], name: &str) -> Result<Self, CarryError> {
        let (resolve, world) = crate::wit::world(component)?;
        let items = resolve.worlds.get(world).map(|world| &world.imports);
        let id = items.and_then(|items| find(&resolve, items.keys(), name));
        let ids = vec![(name.to_owned(), id.ok_or_else(|| CarryError::Absent(name.to_owned()))?)];
        Ok(Self::of(resolve, ids))
    }

    /// Interfaces, in the component's own spelling, that a component exports.
    pub(crate) fn exported(component: &[u8], names: &[String]) -> Result<Self, CarryError> {
        let (resolve, world) = crate::wit::world(component)?;
        let items = resolve.worlds.get(world).map(|world| &world.exports);
        let id = |name: &String| {
            let id = items.and_then(|items| find(&resolve, items.keys(), name));
            Ok((name.clone(), id.ok_or_else(|| CarryError::Absent(name.clone()))?))
        };
        let ids = names.iter().map(id).collect::<Result<_, CarryError>>()?;
        Ok(Self::of(resolve, ids))
    }

    fn of(resolve: Resolve, ids: Vec<(String, InterfaceId)>) -> Self {
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        Self { resolve, ids, sizes }
    }

    /// The interface `name` of a text.
    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    pub(super) fn written(text: &str, name: &str) -> Self {
        let mut resolve = Resolve::default();
        resolve.push_str("test.wit", text).unwrap();
        let id = resolve.interfaces.iter().map(|(id, _)| id).find(|id| resolve.id_of(*id).as_deref() == Some(name));
        Self::of(resolve, vec![(name.to_owned(), id.unwrap())])
    }

    /// The functions, in the order a receiver numbers them.
    pub(crate) fn functions(&self) -> Vec<Named> {
        self.shapes().map(|shape| shape.named).collect()
    }

    pub(super) fn shapes(&self) -> impl Iterator<Item = Shape> {
        self.ids.iter().flat_map(|(name, id)| {
            let functions = self.resolve.interfaces.get(*id).into_iter().flat_map(|one| one.functions.values());
            functions.map(|function| self.shape(name, function))
        })
    }

    fn shape(&self, interface: &str, function: &Function) -> Shape {
        let signature = self.resolve.wasm_signature(AbiVariant::GuestExport, function);
        let parameters = signature.params.iter().map(flat).collect();
        let result = match (&function.result, signature.retptr, signature.results.first()) {
            (Some(ty), true, _) => Answer::Stored(u32::try_from(self.sizes.size(ty).size_wasm32()).unwrap_or(u32::MAX)),
            (_, _, Some(ty)) => Answer::Flat(flat(ty)),
            _ => Answer::Nothing,
        };
        let named = Named { interface: interface.to_owned(), function: function.name.clone() };
        Shape { named, parameters, result }
    }

    /// Each as an item of a world.
    pub(super) fn items(&self, verb: &str) -> String {
        self.ids.iter().map(|(name, _)| format!("{verb} {};", escaped(name))).collect()
    }

    /// A world of these interfaces' packages and ours.
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

/// A name with its parts marked as identifiers, for some are WIT's own words.
fn escaped(name: &str) -> String {
    let (path, version) = name.split_once('@').map_or((name, None), |(path, version)| (path, Some(version)));
    let parts: Vec<_> = path.split(':').map(|part| part.replace('/', "/%")).collect();
    let path = format!("%{}", parts.join(":%"));
    version.map_or(path.clone(), |version| format!("{path}@{version}"))
}

fn flat(ty: &WasmType) -> ValType {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
    }
}
