//! `writ call`: typed arguments in, a typed result out.

use expect_test::{Expect, expect};
use writ_tests::{Home, Output, guest};

fn call(function: &str, args: &[&str]) -> Output {
    let file = guest("calc.wasm");
    let mut words = vec!["call", file.to_str().unwrap(), function];
    words.extend(args);
    Home::shared().writ(&words)
}

#[track_caller]
fn check(function: &str, args: &[&str], expected: &str) {
    let output = call(function, args).succeeded();
    assert_eq!(output.stdout.trim_end(), expected, "{}", output.stderr);
}

#[track_caller]
fn check_refused(function: &str, args: &[&str], expected: Expect) {
    expected.assert_eq(&call(function, args).refused());
}

#[test]
fn results_are_values_in_wave() {
    check("greet", &["\"ada\""], "\"Hello, ada\"");
    check("greet", &["\"a \\\"quote\\\" and \\u{e9}\""], "\"Hello, a \\\"quote\\\" and é\"");
    check("add", &["18446744073709551615", "2"], "1");
    check("negate", &["-5"], "5");
    check("sum", &["[1, -2, 3]"], "2");
    check("sum", &["[]"], "0");
    check("mean", &["[1, 2.5]"], "some(1.75)");
    check("mean", &["[]"], "none");
    check("area", &["rectangle(({x: 0, y: 0}, {x: 2, y: -3}))"], "6");
    check("apply", &["multiply((1.5, 4))"], "6");
    check("apply", &["nothing"], "0");
    check(
        "birthday",
        &["{name: \"ada\", age: some(36), tags: [\"x\"]}"],
        "{name: \"ada\", age: some(37), tags: [\"x\"]}",
    );
    check("birthday", &["{name: \"ada\", tags: []}"], "{name: \"ada\", tags: []}");
    check("swap", &["(\"a\", 7)"], "(7, \"a\")");
    check("weekend", &["{friday, saturday}"], "{saturday}");
    check("next-colour", &["red"], "green");
    check("upper", &["'ß'"], "'S'");
    check("both", &["true", "false"], "false");
    check("reverse", &["[1, 2, 255]"], "[255, 2, 1]");
    check("nothing", &[], "");
}

#[test]
fn an_error_is_a_result_like_another() {
    check("divide", &["7", "2"], "ok(3)");
    check("divide", &["7", "0"], "err(\"division by zero\")");
    check("fail", &["\"because\""], "err(\"because\")");
}

#[test]
fn a_function_may_be_named_short_or_in_full() {
    for name in ["greet", "calc#greet", "demo:calc/calc#greet", "demo:calc/calc@0.1.0#greet"] {
        check(name, &["\"ada\""], "\"Hello, ada\"");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_signature() {
    check_refused(
        "add",
        &["1"],
        expect![[r#"
        error: `demo:calc/calc@0.1.0#add(a: u64, b: u64) -> u64` takes 2 arguments, and 1 were given
    "#]],
    );
    check_refused(
        "add",
        &["1", "2", "3"],
        expect![[r#"
        error: `demo:calc/calc@0.1.0#add(a: u64, b: u64) -> u64` takes 2 arguments, and 3 were given
    "#]],
    );
    check_refused(
        "add",
        &["1", "-1"],
        expect![[r#"
        error: argument 2 (`b: u64`): invalid value at 0..2
    "#]],
    );
    check_refused(
        "add",
        &["1", "\"2\""],
        expect![[r#"
        error: argument 2 (`b: u64`): invalid value type at 0..3
    "#]],
    );
    check_refused(
        "greet",
        &["ada"],
        expect![[r#"
        error: argument 1 (`name: string`): invalid value type at 0..3
    "#]],
    );
    check_refused(
        "next-colour",
        &["purple"],
        expect![[r#"
        error: argument 1 (`colour: enum { red, green, blue }`): expected a enum { red, green, blue }; got purple
    "#]],
    );
    check_refused(
        "birthday",
        &["{name: \"ada\"}"],
        expect![[r#"
        error: argument 1 (`person: record { name: string, age: option<u8>, tags: list<string> }`): missing field "tags"
    "#]],
    );
    check_refused(
        "reverse",
        &["[256]"],
        expect![[r#"
        error: argument 1 (`bytes: list<u8>`): invalid value at 1..4
    "#]],
    );
}

#[test]
fn a_function_that_is_not_there_is_answered_with_those_that_are() {
    for name in ["gret", "other#greet", "demo:calc/calc@0.2.0#greet", "", "#", "greet#"] {
        let stderr = call(name, &[]).refused();
        assert!(stderr.contains("it exports no function"), "{name}: {stderr}");
        assert!(stderr.contains("#divide(a: s64, b: s64) -> result<s64, string>"), "{name}: {stderr}");
    }
}

#[test]
fn a_trap_fails_the_call_and_the_log_names_the_function() {
    let stderr = call("trap", &[]).refused();
    assert!(stderr.contains("deliberately_trapping_function"), "{stderr}");
    assert!(stderr.contains("calc"), "{stderr}");
}

#[test]
fn a_call_ends_by_the_deadline_of_its_component() {
    let asked = std::time::Instant::now();
    let stderr = call("forever", &[]).refused();
    assert!(asked.elapsed().as_secs() < 20, "{:?}", asked.elapsed());
    assert!(stderr.contains("its time was over"), "{stderr}");
}

#[test]
fn what_passes_resources_cannot_be_called() {
    let file = guest("plain-kv.wasm");
    let stderr = Home::shared().writ(&["call", file.to_str().unwrap(), "handle", "1", "2"]).refused();
    assert!(stderr.contains("passes resources"), "{stderr}");
}
