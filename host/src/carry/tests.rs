#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::{Arc, LazyLock, Mutex};

use proptest::prelude::*;
use writ_provider::wasmtime::component::{Component, Func, Linker, Val};
use writ_provider::wasmtime::{self, Config, Engine, Store, StoreLimits, StoreLimitsBuilder};

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
    let component = Component::new(&engine, interface.receiver().unwrap())?;
    let receive = Arc::new(Mutex::new(receiver(&component, &interface.functions(), given)?));
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

type Receiver = (Store<StoreLimits>, Func);

fn receiver(component: &Component, functions: &[Named], given: Arc<Mutex<Vec<Val>>>) -> wasmtime::Result<Receiver> {
    let engine = component.engine();
    let mut linker = Linker::new(engine);
    let mut at = linker.instance(NAME)?;
    for named in functions {
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
    let mut store = Store::new(engine, StoreLimitsBuilder::new().memory_size(MOST).build());
    store.limiter(|most| most);
    store.set_hostcall_fuel(MOST);
    let instance = linker.instantiate(&mut store, component)?;
    let at = instance.get_export_index(&mut store, None, RECEIVE).unwrap();
    let at = instance.get_export_index(&mut store, Some(&at), "receive").unwrap();
    let func = instance.get_func(&mut store, at).unwrap();
    Ok((store, func))
}

/// Gives a receiver a call that no sender made: it ends in a trap, or in a call of a function that there is, with values of
/// its types, and with no more of them than a host call may hold.
fn lie(number: u32, image: &[u8]) {
    static LIED: LazyLock<(Component, Vec<Named>)> = LazyLock::new(|| {
        let engine = Engine::new(Config::new().concurrency_support(false)).unwrap();
        let interface = interface(LIED_TO);
        (Component::new(&engine, interface.receiver().unwrap()).unwrap(), interface.functions())
    });
    let (component, functions) = &*LIED;
    let given = Arc::new(Mutex::new(Vec::new()));
    let (mut store, receive) = receiver(component, functions, given.clone()).unwrap();
    let receive = receive.typed::<(u32, Vec<u8>), (Vec<u8>,)>(&store).unwrap();
    let answered = receive.call(&mut store, (number, image.to_vec()));
    let held: usize = given.lock().unwrap().iter().map(bytes).sum();
    assert!(held <= MOST, "{held} bytes of values");
    if let Ok((reply,)) = answered {
        assert!(usize::try_from(number).unwrap() < functions.len(), "there is no function {number}");
        assert!(reply.len() <= MOST, "{} bytes of reply", reply.len());
    }
}

const LIED_TO: &str = "record r { a: u8, b: string, c: list<s64> } variant v { no, n(u32), s(string) }
    nothing: func();
    flat: func(a: u32, b: u64, c: f32, d: f64, e: char, f: bool) -> u64;
    text: func(text: string) -> string;
    texts: func(texts: list<string>) -> list<string>;
    named: func(r: r, v: v) -> v;
    many: func(a: string, b: string, c: string, d: string, e: string, f: string, g: string, h: string, i: string) -> string;";

/// The most that a receiver's memory, and one of its calls, has in these tests: twice what the host gives a call.
const MOST: usize = 8 << 20;

/// The bytes of memory that a value was read from, at least.
fn bytes(value: &Val) -> usize {
    match value {
        Val::String(text) => text.len(),
        Val::List(values) | Val::Tuple(values) => values.iter().map(bytes).sum::<usize>().max(values.len()),
        Val::Record(fields) => fields.iter().map(|(_, value)| bytes(value)).sum(),
        Val::Variant(_, Some(value)) => bytes(value),
        _ => 0,
    }
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

#[test]
fn images_that_lie() {
    let flats = |values: &[u64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    for number in [0, 1, 2, 3, 4, 5, 6, 7, 1 << 31, u32::MAX] {
        lie(number, &[]);
        lie(number, &[0]);
        for first in [0, 1, 8, 15, 16, 17, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff] {
            for second in [0, 1, 16, 0x1000, 0x0fff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, u64::MAX] {
                lie(number, &flats(&[first, second]));
                lie(number, &flats(&[second, first, second, first]));
                lie(number, &flats(&[first, second].repeat(9)));
            }
        }
    }
}

/// As short as an image may be, and as long as the host takes one.
#[test]
fn images_of_any_length() {
    for length in [0, 1, 7, 8, 9, 65_519, 65_520, 65_521, 1 << 20, 3 << 20] {
        for number in 0..8 {
            lie(number, &vec![0; length]);
            lie(number, &vec![0xff; length]);
        }
    }
}

/// Why no component has such a name: what is put beside it has another meaning for it.
#[test]
fn what_has_the_name_of_what_carries_is_not_carried() {
    let text = "package writ:carry@0.1.0; interface carry { carry: func(function: u32, image: list<u8>) -> list<u8>; } world w { export carry; }";
    let interface = Interfaces::written(text, CARRY);
    assert!(matches!(interface.sender(CARRY, &interface.functions()), Err(CarryError::Encode(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Bytes at random, and numbers that could be places and lengths.
    #[test]
    fn any_image(
        number in prop_oneof![4 => 0_u32..7, 1 => any::<u32>()],
        start in proptest::collection::vec(any::<u8>(), 0..200),
        flats in proptest::collection::vec(prop_oneof![0_u64..64, 0_u64..0x1_0010, any::<u64>()], 0..20),
        cut in 0_usize..9,
    ) {
        let mut image = start;
        image.extend(flats.into_iter().flat_map(u64::to_le_bytes));
        image.truncate(image.len().saturating_sub(cut));
        lie(number, &image);
    }
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
    let wit = crate::wit::told(&interface.sender(NAME, &interface.functions()).unwrap()).unwrap();
    for line in ["import writ:carry/carry@0.1.0;", "export test:kinds/all@0.1.0;", "f: func(value: option<string>)"] {
        assert!(wit.contains(line), "{wit}");
    }
}
