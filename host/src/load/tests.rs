#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use wasm_encoder::{
    CodeSection, Component, ComponentExportKind, ComponentExportSection, Function, FunctionSection, Module,
    ModuleSection, NestedComponentSection, RawSection, TypeSection,
};

use super::*;

/// A module of functions with bodies of these lengths.
fn module(bodies: &[usize]) -> Module {
    let (mut types, mut functions, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    for length in bodies {
        functions.function(0);
        let mut function = Function::new([]);
        // No locals take one byte.
        function.raw(std::iter::repeat_n(1, length - 1));
        code.function(&function);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module
}

fn component(bodies: &[usize]) -> Vec<u8> {
    let mut inner = Component::new();
    inner.section(&ModuleSection(&module(bodies)));
    let mut exports = ComponentExportSection::new();
    exports.export("run", ComponentExportKind::Func, 0, None);
    let mut outer = Component::new();
    outer.section(&NestedComponentSection(&inner)).section(&ModuleSection(&module(bodies))).section(&exports);
    outer.finish()
}

#[track_caller]
fn check(bodies: &[usize], refused: Option<(&'static str, usize)>) {
    let refused = refused.map(|(what, most)| LoadError::TooLarge { what, most });
    assert_eq!(walk(&component(bodies)).err(), refused);
}

#[test]
fn what_was_composed_is_counted() {
    assert_eq!(walk(&component(&[])).unwrap().parts, 1);
    let module = module(&[]);
    let mut lone = Component::new();
    lone.section(&NestedComponentSection(&Component::new())).section(&ModuleSection(&module));
    assert_eq!(walk(&lone.finish()).unwrap().parts, 0);
    let mut part = Component::new();
    part.section(&ModuleSection(&module)).section(&ModuleSection(&module));
    let mut nested = Component::new();
    nested.section(&NestedComponentSection(&part)).section(&NestedComponentSection(&part));
    let mut whole = Component::new();
    whole.section(&NestedComponentSection(&part)).section(&NestedComponentSection(&nested));
    assert_eq!(walk(&whole.finish()).unwrap().parts, 2);
}

#[track_caller]
fn imports(name: &str, taken: bool) {
    let mut builder = wasm_encoder::ComponentBuilder::default();
    let empty = builder.type_instance(None, &wasm_encoder::InstanceType::new());
    builder.import(name, wasm_encoder::ComponentTypeRef::Instance(empty));
    assert_eq!(walk(&builder.finish()).is_ok(), taken, "{name}");
}

#[track_caller]
fn exports(name: &str, taken: bool) {
    let mut builder = wasm_encoder::ComponentBuilder::default();
    let empty = builder.component(None, wasm_encoder::ComponentBuilder::default());
    let empty = builder.instantiate(None, empty, Vec::<(&str, ComponentExportKind, u32)>::new());
    builder.export(name, ComponentExportKind::Instance, empty, None);
    assert_eq!(walk(&builder.finish()).is_ok(), taken, "{name}");
}

#[test]
fn instances_are_counted_wherever_they_are() {
    let with = |count: usize| {
        let mut instances = wasm_encoder::ComponentInstanceSection::new();
        for _ in 0..count {
            instances.instantiate::<[(&str, _, _); 0], &str>(0, []);
        }
        let mut component = Component::new();
        component.section(&NestedComponentSection(&Component::new())).section(&instances);
        component
    };
    let mut outer = with(MOST_INSTANCES / 2);
    outer.section(&NestedComponentSection(&with(MOST_INSTANCES / 2)));
    assert!(walk(&outer.clone().finish()).is_ok());
    outer.section(&NestedComponentSection(&with(1)));
    let refused = LoadError::TooLarge { what: "instances", most: MOST_INSTANCES };
    assert_eq!(walk(&outer.finish()).err(), Some(refused));
}

#[test]
fn sections_are_counted_wherever_they_are() {
    let refused = Some(LoadError::TooLarge { what: "sections", most: MOST_SECTIONS });
    // A custom section without a name is three bytes.
    let with = |start: &[u8], count: usize| [start, &[0, 1, 0].repeat(count)].concat();
    let outer = b"\0asm\x0d\0\x01\0";
    assert!(walk(&with(outer, MOST_SECTIONS / 2)).is_ok());
    assert_eq!(walk(&with(outer, MOST_SECTIONS)).err(), refused);
    let inner = with(&Module::new().finish(), MOST_SECTIONS);
    let mut nested = Component::new();
    nested.section(&wasm_encoder::RawSection { id: 1, data: &inner });
    assert_eq!(walk(&nested.finish()).err(), refused);
}

#[test]
fn names_that_the_host_gives_are_nobodys() {
    for name in
        ["p0-wasi:keyvalue/store@0.2.0", "p12-a:b/c", "e0-writ:identity/caller@0.1.0", "p0-p1-a:b/c", "P0-a:b/c"]
    {
        imports(name, false);
    }
    for name in [carry::CARRY, carry::RECEIVE, "writ:carry/other@0.1.0", "writ:carry/carry"] {
        imports(name, false);
        exports(name, false);
    }
    for name in ["writ:carry-on/a@0.1.0", "other:carry/carry@0.1.0", "writ:http/middleware@0.1.0"] {
        imports(name, true);
        exports(name, true);
    }
    for name in ["p-a:b/c", "p0:b/c", "pa0-a:b/c", "q0-a:b/c", "e:b/c", "a:p0-b/e0-c"] {
        imports(name, true);
    }
}

#[test]
fn functions_are_counted_and_measured() {
    check(&[], None);
    check(&[2, 1, MOST_BODY], None);
    check(&[2, MOST_BODY + 1], Some(("bytes in one function", MOST_BODY)));
    check(&vec![1; MOST_FUNCTIONS / 2], None);
    check(&vec![1; MOST_FUNCTIONS / 2 + 1], Some(("functions", MOST_FUNCTIONS)));
}

/// A code section as its bytes say, in a component.
fn raw(code: &[u8]) -> Vec<u8> {
    let mut module = Module::new();
    module.section(&RawSection { id: 10, data: code });
    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    component.finish()
}

#[test]
fn a_code_section_ends_with_its_last_function() {
    assert!(walk(&raw(&[0])).is_ok());
    for bad in [&[0, 0][..], &[], &[0x80], &[1], &[1, 3, 0, 0], &[1, 0x80]] {
        assert!(matches!(walk(&raw(bad)), Err(LoadError::Malformed { .. })), "{bad:?}");
    }
}

proptest! {
    /// What the parser says of every function one by one.
    #[test]
    fn the_walk_refuses_what_the_parser_refuses(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = component(&[3, 200, 1, 1]);
        for (at, byte) in changes {
            *at.get_mut(&mut bytes) = byte;
        }
        bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
        let mut depth = 0;
        let whole = Parser::new(0).parse_all(&bytes).all(|payload| match payload {
            Ok(Payload::Version { .. }) => { depth += 1; true }
            Ok(Payload::End(_)) => { depth -= 1; true }
            Ok(Payload::ComponentImportSection(section)) if depth == 1 => section.into_iter().all(|import| import.is_ok()),
            Ok(Payload::ComponentExportSection(section)) if depth == 1 => section.into_iter().all(|export| export.is_ok()),
            payload => payload.is_ok(),
        });
        match walk(&bytes) {
            Err(LoadError::Malformed { .. }) => prop_assert!(!whole),
            // Refused for another reason, perhaps before the end.
            Err(_) => {}
            Ok(_) => prop_assert!(whole),
        }
    }
}
