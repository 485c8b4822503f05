//! Guests made by hand: each interface that is not WASI's has one function, and `call` of an export calls every one.

use std::collections::HashMap;

use wasm_encoder::{
    Alias, CanonicalOption, CodeSection, ComponentBuilder, ComponentExportKind, ComponentOuterAliasKind,
    ComponentTypeRef, ComponentValType, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, InstanceType, MemorySection, MemoryType, Module, ModuleArg, PrimitiveValType, TypeBounds,
    TypeSection,
};

const U32: ComponentValType = ComponentValType::Primitive(PrimitiveValType::U32);

/// What a guest is made of.
#[derive(Default, Clone)]
pub(super) struct Guest<'a> {
    pub(super) imports: Vec<&'a str>,
    pub(super) exports: Vec<&'a str>,
    /// The memories of its core module, each with what it begins with and its own maximum.
    pub(super) memories: Vec<(u64, Option<u64>)>,
    /// How often that module is instantiated besides.
    pub(super) again: usize,
    /// Whether its WASI interfaces have one function more.
    pub(super) rich: bool,
}

impl Guest<'_> {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut builder = ComponentBuilder::default();
        let (mut types, mut lowered) = (HashMap::new(), Vec::new());
        for import in &self.imports {
            let instance = self.import(&mut builder, import, &mut types);
            if !import.starts_with("wasi:") {
                let call = builder.alias_export(instance, "call", ComponentExportKind::Func);
                lowered.push(builder.lower_func(None, call, []));
            }
        }
        let module = builder.core_module(None, &self.module(lowered.len()));
        let names: Vec<String> = (0..lowered.len()).map(|number| number.to_string()).collect();
        let host = names.iter().zip(&lowered).map(|(name, index)| (name.as_str(), ExportKind::Func, *index));
        let host = builder.core_instantiate_exports(None, host);
        let core = builder.core_instantiate(None, module, [("host", ModuleArg::Instance(host))]);
        for _ in 0..self.again {
            builder.core_instantiate(None, module, [("host", ModuleArg::Instance(host))]);
        }
        let call = builder.core_alias_export(None, core, "call", ExportKind::Func);
        for export in &self.exports {
            lift(&mut builder, call, export);
        }
        builder.finish()
    }

    /// Imports an interface. `types` are those that interfaces after it use.
    fn import(&self, builder: &mut ComponentBuilder, name: &str, types: &mut HashMap<&'static str, u32>) -> u32 {
        let mut ty = InstanceType::new();
        let made = match name.split('@').next().unwrap() {
            "wasi:io/poll" => Some(resource(&mut ty, "pollable")),
            "wasi:io/streams" => {
                used(&mut ty, "pollable", types["pollable"]);
                Some(resource(&mut ty, "output-stream"))
            }
            // Its principal's own name sorts before the shared one that it refers to.
            "wasi:cli/stdout" => {
                used(&mut ty, "output-stream", types["output-stream"]);
                Some("output-stream")
            }
            "wasi:clocks/monotonic-clock" => Some(alias_of_u64(&mut ty, "duration")),
            "wasi:http/types" => {
                used(&mut ty, "duration", types["duration"]);
                Some(resource(&mut ty, "fields"))
            }
            "wasi:keyvalue/store" => Some(resource(&mut ty, "bucket")),
            _ => {
                function(&mut ty, "call");
                None
            }
        };
        if self.rich && made.is_some() {
            function(&mut ty, "more");
        }
        let ty = builder.type_instance(None, &ty);
        let instance = builder.import(name, ComponentTypeRef::Instance(ty));
        if let Some(made) = made {
            types.insert(made, builder.alias_export(instance, made, ComponentExportKind::Type));
        }
        instance
    }

    fn module(&self, imported: usize) -> Module {
        let (mut types, mut imports, mut functions) =
            (TypeSection::new(), ImportSection::new(), FunctionSection::new());
        let (mut memories, mut exports, mut code) = (MemorySection::new(), ExportSection::new(), CodeSection::new());
        types.ty().function([wasm_encoder::ValType::I32], [wasm_encoder::ValType::I32]);
        for number in 0..imported {
            imports.import("host", &number.to_string(), EntityType::Function(0));
        }
        functions.function(0);
        for (minimum, maximum) in &self.memories {
            let (minimum, maximum) = (*minimum, *maximum);
            memories.memory(MemoryType { minimum, maximum, memory64: false, shared: false, page_size_log2: None });
        }
        exports.export("call", ExportKind::Func, u32::try_from(imported).unwrap());
        let mut call = Function::new([]);
        call.instructions().local_get(0);
        for number in 0..imported {
            call.instructions().call(u32::try_from(number).unwrap());
        }
        call.instructions().end();
        code.function(&call);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&memories);
        module.section(&exports).section(&code);
        module
    }
}

/// Exports an interface whose one function is the core function `call`.
fn lift(builder: &mut ComponentBuilder, call: u32, export: &str) {
    let (ty, mut encoder) = builder.type_function(None);
    encoder.params([("number", U32)]).result(Some(U32));
    let lifted = builder.lift_func(None, call, ty, std::iter::empty::<CanonicalOption>());
    let mut inner = ComponentBuilder::default();
    let (ty, mut encoder) = inner.type_function(None);
    encoder.params([("number", U32)]).result(Some(U32));
    let given = inner.import("call", ComponentTypeRef::Func(ty));
    inner.export("call", ComponentExportKind::Func, given, None);
    let inner = builder.component(None, inner);
    let instance = builder.instantiate(None, inner, [("call", ComponentExportKind::Func, lifted)]);
    builder.export(export, ComponentExportKind::Instance, instance, None);
}

fn function(ty: &mut InstanceType, name: &str) {
    let at = ty.type_count();
    ty.ty().function().params([("number", U32)]).result(Some(U32));
    ty.export(name, ComponentTypeRef::Func(at));
}

/// A resource with a function that takes one.
fn resource(ty: &mut InstanceType, name: &'static str) -> &'static str {
    let at = ty.type_count();
    ty.export(name, ComponentTypeRef::Type(TypeBounds::SubResource));
    ty.ty().defined_type().borrow(at);
    ty.ty().function().params([("self", ComponentValType::Type(at + 1))]).result(Some(U32));
    ty.export(format!("[method]{name}.get"), ComponentTypeRef::Func(at + 2));
    name
}

fn alias_of_u64(ty: &mut InstanceType, name: &'static str) -> &'static str {
    let at = ty.type_count();
    ty.ty().defined_type().primitive(PrimitiveValType::U64);
    ty.export(name, ComponentTypeRef::Type(TypeBounds::Eq(at)));
    name
}

/// A type that another interface exports, exported again.
fn used(ty: &mut InstanceType, name: &str, index: u32) {
    let at = ty.type_count();
    ty.alias(Alias::Outer { kind: ComponentOuterAliasKind::Type, count: 1, index });
    ty.export(name, ComponentTypeRef::Type(TypeBounds::Eq(at)));
}
