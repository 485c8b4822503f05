//! `inspect` and `verify`: what is in a file, and whether it holds.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use writ_signing::{Role, SigningKey};
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

/// What wasmCloud's wascap signed, in a core module and in a component: shown, made harmless, and vouching for nothing.
#[test]
fn inspect_shows_what_wascap_signed_and_trusts_none_of_it() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let account = SigningKey::generate(Role::Account).unwrap();
    let payload = json!({
        "jti": "x", "iat": 1_600_000_000, "iss": account.public(), "sub": "MB…", "wascap_revision": 2,
        "wascap": { "name": "echo\u{1b}[2J\nverifies  yes", "hash": "00", "caps": ["wasmcloud:httpserver"] },
    });
    let segments = [r#"{"typ":"jwt","alg":"Ed25519"}"#, &payload.to_string()];
    let message = segments.map(|segment| BASE64URL_NOPAD.encode(segment.as_bytes())).join(".");
    let token = format!("{message}.{}", BASE64URL_NOPAD.encode(&account.sign(message.as_bytes())));
    let length = token.len() + 4;
    let section =
        [[0, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8, 3].as_slice(), b"jwt".as_slice(), token.as_bytes()]
            .concat();
    for preamble in [b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0"] {
        let file = scratch.write("old.wasm", [preamble, section.as_slice()].concat());
        let file = file.to_str().unwrap();
        let said = home.writ(&["inspect", file]).succeeded();
        assert!(said.stderr.contains("nothing of that is trusted"), "{said:?}");
        for words in [
            "verifies  no: ",
            "untrusted wascap token, section jwt at byte 8",
            "wasmcloud:httpserver",
            "never compared",
        ] {
            assert!(said.stdout.contains(words), "{words} is not in\n{}", said.stdout);
        }
        assert!(!said.stdout.contains('\u{1b}') && !said.stdout.contains("\nverifies  yes"), "{}", said.stdout);
        let found = inspect(&home, file);
        assert_eq!(found["verifies"], false);
        assert_eq!(found["untrusted_wascap"][0]["claims"]["iss"], json!(account.public()));
        assert_eq!(found["untrusted_wascap"][0]["signed_by_issuer"], true);
        home.writ(&["verify", file]).refused();
    }
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
