//! The core modules of a sender and a receiver.
//!
//! ```text
//! 0        8            16                                                   top
//! | unused | reply: ptr,len | image: what the ABI put there … | flat values |
//! ```
//!
//! `top` is a global: what lies from [`ARENA`] to it is in use. The canonical ABI's allocations move it up, and the end of a
//! call takes it back.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, ImportSection, InstructionSink, MemArg, MemorySection, MemoryType, Module, TypeSection, ValType,
};

use super::interface::{Answer, Shape};
use super::{CARRY, RECEIVE};

/// Where an image begins, in both memories.
pub(super) const ARENA: i32 = 16;
/// Where the canonical ABI puts the place and length of a list that a call returns.
const REPLY: i32 = 8;
/// The global that says how far the arena is in use.
const TOP: u32 = 0;

/// A core module that is being made.
#[derive(Default)]
struct Draft {
    types: TypeSection,
    imports: ImportSection,
    functions: FunctionSection,
    exports: ExportSection,
    code: CodeSection,
    imported: u32,
    defined: u32,
}

impl Draft {
    fn ty(&mut self, parameters: &[ValType], results: &[ValType]) -> u32 {
        let index = self.types.len();
        self.types.ty().function(parameters.iter().copied(), results.iter().copied());
        index
    }

    /// All imports come before anything is defined.
    fn import(&mut self, module: &str, name: &str, parameters: &[ValType], results: &[ValType]) -> u32 {
        let ty = self.ty(parameters, results);
        self.imports.import(module, name, EntityType::Function(ty));
        self.imported += 1;
        self.imported - 1
    }

    fn define(&mut self, parameters: &[ValType], results: &[ValType], body: Function) -> u32 {
        let ty = self.ty(parameters, results);
        self.functions.function(ty);
        self.code.function(&body);
        self.defined += 1;
        self.imported + self.defined - 1
    }

    fn export(&mut self, name: &str, parameters: &[ValType], results: &[ValType], body: Function) {
        let index = self.define(parameters, results, body);
        self.exports.export(name, ExportKind::Func, index);
    }

    fn finish(mut self) -> Vec<u8> {
        let mut memories = MemorySection::new();
        memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
        self.exports.export("memory", ExportKind::Memory, 0);
        let mut globals = GlobalSection::new();
        let top = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        globals.global(top, &ConstExpr::i32_const(ARENA));
        let mut module = Module::new();
        module.section(&self.types).section(&self.imports).section(&self.functions).section(&memories);
        module.section(&globals).section(&self.exports).section(&self.code);
        module.finish()
    }
}

/// A module that exports the interface, and sends each call as number and image.
pub(super) fn sender(functions: &[(usize, Shape)]) -> Vec<u8> {
    use ValType::I32;
    let mut draft = Draft::default();
    let carry = draft.import(CARRY, "carry", &[I32, I32, I32, I32], &[]);
    let reserve = draft.define(&[I32], &[], reserve());
    draft.export("cabi_realloc", &[I32; 4], &[I32], realloc(reserve));
    for (number, shape) in functions {
        let results: Vec<_> = core_result(shape.result).into_iter().collect();
        let name = format!("{}#{}", shape.named.interface, shape.named.function);
        draft.export(&name, &shape.parameters, &results, send(*number, shape, (reserve, carry)));
        draft.export(&format!("cabi_post_{name}"), &results, &[], release());
    }
    draft.finish()
}

/// A module that imports the interface, and makes each call it receives.
pub(super) fn receiver(functions: &[Shape]) -> Vec<u8> {
    use ValType::I32;
    let mut draft = Draft::default();
    for shape in functions {
        let mut parameters = shape.parameters.clone();
        let results: Vec<_> = match shape.result {
            Answer::Nothing => Vec::new(),
            Answer::Flat(ty) => vec![ty],
            Answer::Stored(_) => {
                parameters.push(I32);
                Vec::new()
            }
        };
        draft.import(&shape.named.interface, &shape.named.function, &parameters, &results);
    }
    let reserve = draft.define(&[I32], &[], reserve());
    draft.export("cabi_realloc", &[I32; 4], &[I32], realloc(reserve));
    let name = format!("{RECEIVE}#receive");
    draft.export(&name, &[I32; 3], &[I32], receive(functions, reserve));
    draft.export(&format!("cabi_post_{name}"), &[I32], &[], release());
    draft.finish()
}

fn core_result(result: Answer) -> Option<ValType> {
    match result {
        Answer::Nothing => None,
        Answer::Flat(ty) => Some(ty),
        Answer::Stored(_) => Some(ValType::I32),
    }
}

/// `func(end)`: memory reaches to `end`, or the call traps.
fn reserve() -> Function {
    let mut body = Function::new([(1, ValType::I32)]);
    let (end, lacking) = (0, 1);
    let mut code = body.instructions();
    // Pages that are lacking, in 64 bits: an end near 4 GiB does not wrap around.
    code.local_get(end).i64_extend_i32_u().i64_const(0xffff).i64_add().i64_const(16).i64_shr_u();
    code.memory_size(0).i64_extend_i32_u().i64_sub().i32_wrap_i64().local_tee(lacking);
    code.i32_const(0).i32_gt_s().if_(BlockType::Empty);
    code.local_get(lacking).memory_grow(0).i32_const(-1).i32_eq().if_(BlockType::Empty).unreachable().end();
    code.end().end();
    body
}

/// The canonical ABI's allocator: `func(old, old-size, align, new-size) -> new`. What lies last grows and shrinks in place.
fn realloc(reserve: u32) -> Function {
    let mut body = Function::new([(2, ValType::I32)]);
    let (old, old_size, align, size, new, end) = (0, 1, 2, 3, 4, 5);
    let mut code = body.instructions();
    code.local_get(old).local_set(new);
    code.local_get(old_size).i32_eqz().local_get(old).local_get(old_size).i32_add().global_get(TOP).i32_ne().i32_or();
    code.if_(BlockType::Empty);
    // At the top, aligned.
    code.global_get(TOP).local_get(align).i32_add().i32_const(1).i32_sub();
    code.i32_const(0).local_get(align).i32_sub().i32_and().local_set(new);
    code.end();
    code.local_get(new).local_get(size).i32_add().local_tee(end);
    code.local_get(new).i32_lt_u().if_(BlockType::Empty).unreachable().end();
    code.local_get(end).call(reserve);
    code.local_get(end).global_set(TOP);
    // What was moved is copied: nothing where it was new, or stayed.
    code.local_get(new).local_get(old).i32_ne().local_get(old_size).i32_const(0).i32_ne().i32_and();
    code.if_(BlockType::Empty);
    code.local_get(new).local_get(old).local_get(old_size).local_get(size).local_get(old_size).local_get(size);
    code.i32_lt_u().select().memory_copy(0, 0).end();
    code.local_get(new).end();
    body
}

/// After a call: the arena is empty again.
fn release() -> Function {
    let mut body = Function::new([]);
    body.instructions().i32_const(ARENA).global_set(TOP).end();
    body
}

/// One function of a sender.
fn send(number: usize, shape: &Shape, (reserve, carry): (u32, u32)) -> Function {
    let mut body = Function::new([(1, ValType::I32)]);
    let at = index(shape.parameters.len());
    let mut code = body.instructions();
    push(&mut code, at, reserve, 8 * shape.parameters.len());
    for (place, ty) in shape.parameters.iter().enumerate() {
        code.local_get(at).local_get(index(place));
        store(&mut code, *ty, 8 * place);
    }
    code.i32_const(signed(number)).i32_const(ARENA).global_get(TOP).i32_const(ARENA).i32_sub();
    // The reply comes where the image ends, for there it lay in the receiver's memory.
    code.global_get(TOP).local_set(at);
    code.i32_const(REPLY).call(carry);
    let stored = !matches!(shape.result, Answer::Nothing);
    if stored {
        code.i32_const(REPLY).i32_load(at_offset(0, 2)).local_get(at).i32_ne();
        code.if_(BlockType::Empty).unreachable().end();
        code.local_get(at);
    }
    if let Answer::Flat(ty) = shape.result {
        load(&mut code, ty, 0);
    }
    code.end();
    body
}

/// `func(number, image, length) -> reply`.
fn receive(functions: &[Shape], reserve: u32) -> Function {
    let mut body = Function::new([(1, ValType::I32)]);
    let (number, image, length, at) = (0, 1, 2, 3);
    let mut code = body.instructions();
    code.local_get(image).i32_const(ARENA).i32_ne().if_(BlockType::Empty).unreachable().end();
    // The flat values end with the image.
    code.local_get(image).local_get(length).i32_add().local_set(image);
    code.block(BlockType::Empty);
    for _ in functions {
        code.block(BlockType::Empty);
    }
    let last = index(functions.len());
    code.local_get(number).br_table((0..last).collect::<Vec<_>>(), last);
    for (place, shape) in functions.iter().enumerate() {
        code.end();
        answer(&mut code, (place, shape), (image, at), reserve);
        code.i32_const(REPLY).return_();
    }
    code.end().unreachable().end();
    body
}

/// Calls the component, and says where its result lies.
fn answer(code: &mut InstructionSink<'_>, (place, shape): (usize, &Shape), (flats_end, at): (u32, u32), reserve: u32) {
    let size = match shape.result {
        Answer::Nothing => 0,
        Answer::Flat(_) => 8,
        Answer::Stored(size) => usize::try_from(size).unwrap_or(usize::MAX),
    };
    push(code, at, reserve, size);
    let flats = 8 * shape.parameters.len();
    if let Answer::Flat(_) = shape.result {
        code.local_get(at);
    }
    code.local_get(flats_end).i32_const(signed(flats)).i32_sub().local_set(flats_end);
    for (place, ty) in shape.parameters.iter().enumerate() {
        code.local_get(flats_end);
        load(code, *ty, 8 * place);
    }
    if let Answer::Stored(_) = shape.result {
        code.local_get(at);
    }
    code.call(index(place));
    if let Answer::Flat(ty) = shape.result {
        store(code, ty, 0);
    }
    code.i32_const(REPLY).local_get(at).i32_store(at_offset(0, 2));
    code.i32_const(REPLY).global_get(TOP).local_get(at).i32_sub().i32_store(at_offset(4, 2));
}

/// Takes so many bytes at the top, aligned to eight, and keeps where they begin.
fn push(code: &mut InstructionSink<'_>, at: u32, reserve: u32, size: usize) {
    code.global_get(TOP).i32_const(7).i32_add().i32_const(-8).i32_and().local_tee(at);
    code.i32_const(signed(size)).i32_add().global_set(TOP);
    code.global_get(TOP).call(reserve);
}

fn store(code: &mut InstructionSink<'_>, ty: ValType, offset: usize) {
    match ty {
        ValType::I64 => code.i64_store(at_offset(offset, 3)),
        ValType::F32 => code.f32_store(at_offset(offset, 2)),
        ValType::F64 => code.f64_store(at_offset(offset, 3)),
        _ => code.i32_store(at_offset(offset, 2)),
    };
}

fn load(code: &mut InstructionSink<'_>, ty: ValType, offset: usize) {
    match ty {
        ValType::I64 => code.i64_load(at_offset(offset, 3)),
        ValType::F32 => code.f32_load(at_offset(offset, 2)),
        ValType::F64 => code.f64_load(at_offset(offset, 3)),
        _ => code.i32_load(at_offset(offset, 2)),
    };
}

fn at_offset(offset: usize, align: u32) -> MemArg {
    MemArg { offset: u64::try_from(offset).unwrap_or(u64::MAX), align, memory_index: 0 }
}

fn index(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn signed(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
