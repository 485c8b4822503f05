//! `inspect` and `verify`: what is in a file, and whether it holds.

use serde_json::Value;
use writ_tests::{Home, Scratch, guest, unsigned_guest};

fn inspect(home: &Home, file: &str) -> Value {
    let said = home.writ(&["inspect", file, "--output", "json"]).succeeded().stdout;
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error} in\n{said}"))
}

#[test]
fn inspect_names_imports_exports_claims_and_the_chain() {
    let file = guest("orders-api.wasm");
    let found = inspect(&Home::shared(), file.to_str().unwrap());
    let text = found.to_string();
    for words in [
        "wasi:keyvalue/store@0.2.0-draft",
        "wasmcloud:messaging/consumer@0.2.0",
        "wasi:http/incoming-handler@0.2.12",
        "\"bucket\":\"orders\"",
        "\"publish\":[\"orders.*\"]",
        "orders-api",
    ] {
        assert!(text.contains(words), "{words} is not in\n{found:#}");
    }
}

#[test]
fn inspect_shows_a_file_that_does_not_hold_and_says_so() {
    let (home, stranger) = (Home::shared(), Home::new());
    let file = guest("orders-api.wasm");
    let words = ["inspect", file.to_str().unwrap()];
    let known = home.writ(&words).succeeded().stdout;
    let unknown = stranger.writ(&words);
    let unknown = format!("{}{}", unknown.stdout, unknown.stderr);
    assert!(known.contains("orders-api") && unknown.contains("orders-api"), "{known}\n{unknown}");
    assert!(unknown.contains("not trusted"), "{unknown}");
    assert!(!known.contains("not trusted"), "{known}");
}

#[test]
fn inspect_shows_the_imports_of_an_unsigned_file() {
    let file = unsigned_guest("plain-kv.wasm");
    let output = Home::shared().writ(&["inspect", file.to_str().unwrap()]);
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(said.contains("wasi:keyvalue/store@0.2.0-draft") && said.contains("not signed"), "{said}");
}

#[test]
fn verify_says_by_its_exit_code_whether_all_hold() {
    let scratch = Scratch::new();
    let [orders, calc] = [guest("orders-api.wasm"), guest("calc.wasm")];
    let unsigned = scratch.copy(&unsigned_guest("calc.wasm"), "unsigned.wasm");
    let [orders, calc, unsigned] = [&orders, &calc, &unsigned].map(|path| path.to_str().unwrap());
    let home = Home::shared();
    assert_eq!(home.writ(&["verify", orders]).status.code(), Some(0));
    assert_eq!(home.writ(&["verify", orders, calc]).status.code(), Some(0));
    let mixed = home.writ(&["verify", orders, unsigned, calc]);
    assert_eq!(mixed.status.code(), Some(1));
    assert!(mixed.stdout.contains(orders) && mixed.stdout.contains(calc), "{mixed:?}");
    assert!(mixed.stderr.contains(unsigned) && mixed.stderr.contains("not signed"), "{mixed:?}");
    assert_eq!(Home::new().writ(&["verify", orders]).status.code(), Some(1), "a stranger trusts nobody");
}
