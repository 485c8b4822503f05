#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use writ_provider::wasmtime::component::{Component, Func, Linker, Val};
use writ_provider::wasmtime::{self, Config, Engine, Store};

use super::*;

const NAME: &str = "test:kinds/all@0.1.0";

/// An interface of these items.
fn interface(items: &str) -> Interfaces {
    let text = format!("package test:kinds@0.1.0; interface all {{ {items} }} world w {{ export all; }}");
    Interfaces::written(&text, NAME)
}

/// Calls `function` of a sender, whose calls go to a receiver beside which every function answers with what it was given.
fn echo(interface: &Interfaces, function: &str, arguments: &[&str]) -> wasmtime::Result<Vec<Val>> {
    let engine = Engine::new(Config::new().concurrency_support(false))?;
    let given = Arc::new(Mutex::new(Vec::new()));
    let receive = Arc::new(Mutex::new(receiver(&engine, interface, given)?));
    let sender = Component::new(&engine, interface.sender(NAME, &interface.functions()).unwrap())?;
    let mut linker = Linker::new(&engine);
    linker.instance(CARRY)?.func_wrap("carry", move |_, (number, image): (u32, Vec<u8>)| {
        let mut receive = receive.lock().unwrap();
        let (store, func) = &mut *receive;
        func.typed::<(u32, Vec<u8>), (Vec<u8>,)>(&*store)?.call(store, (number, image))
    })?;
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &sender)?;
    let at = instance.get_export_index(&mut store, None, NAME).unwrap();
    let at = instance.get_export_index(&mut store, Some(&at), function).unwrap();
    let func = instance.get_func(&mut store, at).unwrap();
    let ty = func.ty(&store);
    let values: Vec<_> = ty.params().zip(arguments).map(|((_, ty), text)| Val::from_wave(&ty, text).unwrap()).collect();
    let mut results = vec![Val::Bool(false); ty.results().len()];
    func.call(&mut store, &values, &mut results)?;
    // The arena is empty again: a second call is as the first.
    func.call(&mut store, &values, &mut results)?;
    Ok(results)
}

type Receiver = (Store<()>, Func);

fn receiver(engine: &Engine, interface: &Interfaces, given: Arc<Mutex<Vec<Val>>>) -> wasmtime::Result<Receiver> {
    let component = Component::new(engine, interface.receiver().unwrap())?;
    let mut linker = Linker::new(engine);
    let mut at = linker.instance(NAME)?;
    for named in interface.functions() {
        let given = given.clone();
        at.func_new(&named.function, move |_, ty, arguments, results| {
            *given.lock().unwrap() = arguments.to_vec();
            // Of several arguments, the last that has the result's type.
            let wanted = ty.results().next();
            for (argument, (_, ty)) in arguments.iter().zip(ty.params()) {
                if Some(&ty) == wanted.as_ref() {
                    results[0] = argument.clone();
                }
            }
            Ok(())
        })?;
    }
    let mut store = Store::new(engine, ());
    let instance = linker.instantiate(&mut store, &component)?;
    let at = instance.get_export_index(&mut store, None, RECEIVE).unwrap();
    let at = instance.get_export_index(&mut store, Some(&at), "receive").unwrap();
    let func = instance.get_func(&mut store, at).unwrap();
    Ok((store, func))
}

/// One value of a type, in WAVE, comes back as it went.
#[track_caller]
fn check(ty: &str, value: &str) {
    check_in("", ty, value);
}

#[track_caller]
fn check_in(items: &str, ty: &str, value: &str) {
    let interface = interface(&format!("{items} same: func(value: {ty}) -> {ty};"));
    let results = echo(&interface, "same", &[value]).unwrap();
    assert_eq!(results[0].to_wave().unwrap(), value, "{ty}");
}

#[test]
fn every_kind_of_value() {
    for (ty, value) in [
        ("bool", "true"),
        ("u8", "255"),
        ("s8", "-128"),
        ("u16", "65535"),
        ("s16", "-32768"),
        ("u32", "4294967295"),
        ("s32", "-2147483648"),
        ("u64", "18446744073709551615"),
        ("s64", "-9223372036854775808"),
        ("f32", "1.5"),
        ("f64", "-2.25"),
        ("f64", "nan"),
        ("char", "'😀'"),
        ("string", "\"\""),
        ("string", "\"grün 😀\""),
        ("list<u8>", "[]"),
        ("list<u8>", "[1, 2, 255]"),
        ("list<string>", "[\"a\", \"\", \"ccc\"]"),
        ("list<list<u64>>", "[[], [1, 2], [18446744073709551615]]"),
        ("option<string>", "none"),
        ("option<string>", "some(\"x\")"),
        ("option<option<u8>>", "some(none)"),
        ("result", "ok"),
        ("result<u64, string>", "ok(7)"),
        ("result<u64, string>", "err(\"why\")"),
        ("result<f32, u64>", "ok(0.5)"),
        ("tuple<u8, string, f64>", "(1, \"two\", 3)"),
    ] {
        check(ty, value);
    }
}

#[test]
fn every_kind_of_type_with_a_name() {
    check_in("record r { a: u8, b: string, c: list<s64> }", "r", "{a: 1, b: \"b\", c: [-1]}");
    check_in("enum e { one, two }", "e", "two");
    check_in("flags f { a, b, c }", "f", "{a, c}");
    check_in("variant v { no, n(u32), s(string), f(f64) }", "v", "s(\"x\")");
    check_in("variant v { no, n(u32), s(string), f(f64) }", "list<v>", "[no, n(1), s(\"x\"), f(0.5)]");
    check_in("record r { a: option<string> } type t = list<r>;", "t", "[{a: some(\"x\")}, {a: some(\"\")}]");
}

#[test]
fn more_parameters_than_are_passed_flat() {
    let many = (0..20).map(|n| format!("p{n}: string")).collect::<Vec<_>>().join(", ");
    let interface = interface(&format!("f: func({many}) -> string;"));
    let arguments: Vec<_> = (0..20).map(|n| format!("\"value {n}\"")).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    assert_eq!(echo(&interface, "f", &arguments).unwrap(), [Val::String("value 19".to_owned())]);
}

#[test]
fn sixteen_parameters_and_a_result_in_memory() {
    let many = (0..16).map(|n| format!("p{n}: u64")).collect::<Vec<_>>().join(", ");
    let interface = interface(&format!("f: func({many}) -> tuple<u64, u64>; g: func({many}) -> u64; h: func();"));
    let arguments: Vec<_> = (0..16).map(|n| n.to_string()).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    assert_eq!(echo(&interface, "g", &arguments).unwrap(), [Val::U64(15)]);
    assert_eq!(echo(&interface, "h", &[]).unwrap(), []);
}

#[test]
fn a_mebibyte() {
    let interface = interface("f: func(bytes: string) -> string;");
    let text = format!("\"{}\"", "x".repeat(1 << 20));
    assert_eq!(echo(&interface, "f", &[&text]).unwrap(), [Val::String("x".repeat(1 << 20))]);
}

#[test]
fn names_that_wit_keeps_for_itself() {
    let text = "package %interface:%use@0.1.0; interface %func { %list: func(%type: string) -> string; } world w { export %func; }";
    let interface = Interfaces::written(text, "interface:use/func@0.1.0");
    let sender = interface.sender("interface:use/func@0.1.0", &interface.functions()).unwrap();
    Component::new(&Engine::default(), sender).unwrap();
    Component::new(&Engine::default(), interface.receiver().unwrap()).unwrap();
}

#[test]
fn types_of_another_interface() {
    let text = "package test:kinds@0.1.0; interface money { record amount { cents: u64, currency: string } }
        interface all { use money.{amount}; same: func(value: amount) -> amount; } world w { export all; }";
    let interface = Interfaces::written(text, NAME);
    let results = echo(&interface, "same", &["{cents: 5, currency: \"EUR\"}"]).unwrap();
    assert_eq!(results[0].to_wave().unwrap(), "{cents: 5, currency: \"EUR\"}");
}

#[test]
fn a_function_that_is_not_served() {
    let interface = interface("f: func(); g: func();");
    let served = [Named { interface: NAME.to_owned(), function: "f".to_owned() }];
    assert!(matches!(interface.sender(NAME, &served), Err(CarryError::Function(name)) if name == "g"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn texts_of_any_length(texts in proptest::collection::vec(".{0,200}", 0..20)) {
        let interface = interface("f: func(texts: list<string>) -> list<string>;");
        let value = Val::List(texts.iter().cloned().map(Val::String).collect());
        prop_assert_eq!(echo(&interface, "f", &[&value.to_wave().unwrap()]).unwrap(), [value]);
    }
}

#[test]
fn a_made_component_is_told_as_wit() {
    let interface = interface("f: func(value: option<string>) -> result<u8, string>;");
    let artifact = crate::Artifact::new(interface.sender(NAME, &interface.functions()).unwrap()).unwrap();
    let wit = artifact.wit().unwrap();
    for line in ["import writ:carry/carry@0.1.0;", "export test:kinds/all@0.1.0;", "f: func(value: option<string>)"] {
        assert!(wit.contains(line), "{wit}");
    }
}
