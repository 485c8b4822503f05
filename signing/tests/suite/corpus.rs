//! Components as compilers make them: a core module with code and data, a component inside, types and what tools note down.

use wasm_encoder::{
    CodeSection, Component, ComponentImportSection, ComponentTypeRef, ComponentTypeSection, ConstExpr, CustomSection,
    DataSection, ExportKind, ExportSection, Function, FunctionSection, MemorySection, MemoryType, Module,
    ModuleSection, NestedComponentSection, PrimitiveValType, ProducersField, ProducersSection, TypeSection, ValType,
};
use writ_signing::token::Components;

use crate::fixture::World;

/// A component about as long as this, always the same one for one length.
pub(crate) fn component(length: usize) -> Vec<u8> {
    let module = module(length.saturating_sub(1_200));
    let mut types = ComponentTypeSection::new();
    types.function().params([("key", PrimitiveValType::String)]).result(Some(PrimitiveValType::U64.into()));
    let mut imports = ComponentImportSection::new();
    imports.import("get", ComponentTypeRef::Func(0));
    let mut inner = Component::new();
    inner.section(&CustomSection { name: "note".into(), data: b"inside".as_slice().into() });
    inner.section(&ModuleSection(&self::module(300)));
    let mut producers = ProducersSection::new();
    producers.field("processed-by", ProducersField::new().value("wit-component", "0.254.0"));

    let mut component = Component::new();
    component.section(&types).section(&imports);
    component.section(&ModuleSection(&module));
    component.section(&NestedComponentSection(&inner));
    component.section(&CustomSection { name: "component-type:orders".into(), data: [7; 200].as_slice().into() });
    component.section(&producers);
    component.finish()
}

/// Three signed files: the account signs the first itself, a signing key of any component the second, of this one the third.
pub(crate) fn signed(world: &World, lengths: [usize; 3]) -> [Vec<u8>; 3] {
    let [direct, delegated, scoped] = lengths.map(component);
    let this = writ_signing::token::ComponentRef { name: "orders".to_owned(), id: world.id };
    [
        world.direct(&direct),
        world.delegated(&delegated, Components::Any),
        world.delegated(&scoped, Components::Only(vec![this])),
    ]
}

/// Functions that add and load, and data behind them.
fn module(length: usize) -> Module {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32, ValType::I32], [ValType::I32]);
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    let count = u32::try_from(length / 2 / 40).unwrap();
    for number in 0..count {
        functions.function(0);
        let mut function = Function::new([]);
        let mut body = function.instructions();
        for step in 0..8 {
            body.local_get(step % 2).i32_const((number * 31 + step).cast_signed());
            body.i32_add().local_set(0);
        }
        body.local_get(0).end();
        code.function(&function);
    }
    let mut memory = MemorySection::new();
    memory.memory(MemoryType { minimum: 1, maximum: Some(16), memory64: false, shared: false, page_size_log2: None });
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(1024), (0..length / 2).map(|at| (at * 97 % 251) as u8));

    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memory).section(&exports).section(&code).section(&data);
    module
}
