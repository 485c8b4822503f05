//! `inspect` and `verify`: what is in a file, and whether it holds.

use data_encoding::BASE64URL_NOPAD;
use expect_test::expect;
use serde_json::{Value, json};
use wasm_encoder::{ComponentSectionId, Encode};
use writ_signing::{Role, SigningKey};
use writ_tests::{Home, Mint, Scratch, composed, guest, unsigned_guest};

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

/// What somebody fused before signing is one principal with one set of claims, whatever is in it.
#[test]
fn inspect_says_of_what_was_composed_before_signing_that_it_is_one_principal() {
    let (home, scratch, mint) = (Home::new(), Scratch::new(), Mint::new());
    home.writ(&["trust", "add", &mint.operator(), "--any"]).succeeded();
    let claims = [("config", json!({ "keys": ["greeting"] })), ("logging", json!("any"))];
    let claims = claims.map(|(name, claim)| (name.to_owned(), claim)).into();
    let [inner, other] = ["settings.wasm", "calc.wasm"].map(|name| std::fs::read(unsigned_guest(name)).unwrap());
    let mut both = composed(&inner);
    both.push(ComponentSectionId::Component.into());
    other.encode(&mut both);
    let file = scratch.write("fused.wasm", mint.sign_as("fused", &claims, &Default::default(), &both));
    // The days are the test's own, and so is the operator's key, of which the beginning is told.
    let scrub = |text: &str| {
        let is_day = |word: &str| word.len() == 10 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let scrubbed = scratch.scrub(text).replace(&mint.operator()[..8], "O…");
        let words = scrubbed.split_inclusive([' ', '\n']);
        words
            .map(|word| if is_day(word.trim()) { word.replace(word.trim(), "DAY") } else { word.to_owned() })
            .collect::<String>()
    };
    let text = home.writ(&["inspect", file.to_str().unwrap()]).succeeded().stdout;
    expect![[r#"
        ./fused.wasm
          digest     sha256:…
          length     N bytes
          verifies   yes, until DAY
          principal  mint/fused
          composed   of 2 components before it was signed: one principal, one set of claims

        component fused
          key          …
          version      0.1.0, revision 1
          signed by    …
          valid        DAY to DAY
          may config   keys greeting
          may logging  any

        account mint
          key        …
          signed by  …, O…, who is trusted here
          valid      DAY to DAY
          may        any capability

        imports
          wasi:io/poll@0.2.12
          wasi:io/error@0.2.12
          wasi:io/streams@0.2.12
          wasi:http/types@0.2.12
          wasi:config/store@0.2.0-rc.1
          wasi:config/runtime@0.2.0-draft
          wasi:logging/logging
          wasi:cli/environment@0.2.6
          wasi:cli/exit@0.2.6
          wasi:cli/stdin@0.2.6
          wasi:cli/stdout@0.2.6
          wasi:cli/stderr@0.2.6
          wasi:cli/terminal-input@0.2.6
          wasi:cli/terminal-output@0.2.6
          wasi:cli/terminal-stdin@0.2.6
          wasi:cli/terminal-stdout@0.2.6
          wasi:cli/terminal-stderr@0.2.6

        exports
          wasi:http/incoming-handler@0.2.12

        here its imports would be granted config, logging; what calls it, a manifest says
    "#]]
    .assert_eq(&scrub(&text));
    let found = inspect(&home, file.to_str().unwrap());
    expect![[r#"
        {
          "composed_of": 2,
          "denied": null,
          "digest": "sha256:…",
          "exports": [
            "wasi:http/incoming-handler@0.2.12"
          ],
          "file": "./fused.wasm",
          "granted": [
            "config",
            "logging"
          ],
          "imports": [
            "wasi:io/poll@0.2.12",
            "wasi:io/error@0.2.12",
            "wasi:io/streams@0.2.12",
            "wasi:http/types@0.2.12",
            "wasi:config/store@0.2.0-rc.1",
            "wasi:config/runtime@0.2.0-draft",
            "wasi:logging/logging",
            "wasi:cli/environment@0.2.6",
            "wasi:cli/exit@0.2.6",
            "wasi:cli/stdin@0.2.6",
            "wasi:cli/stdout@0.2.6",
            "wasi:cli/stderr@0.2.6",
            "wasi:cli/terminal-input@0.2.6",
            "wasi:cli/terminal-output@0.2.6",
            "wasi:cli/terminal-stdin@0.2.6",
            "wasi:cli/terminal-stdout@0.2.6",
            "wasi:cli/terminal-stderr@0.2.6"
          ],
          "length": N,
          "principal": "mint/fused",
          "reason": null,
          "tokens": [
            {
              "capabilities": {
                "config": {
                  "keys": [
                    "greeting"
                  ]
                },
                "logging": "any"
              },
              "digest": "sha256:…",
              "exp": N,
              "iat": N,
              "iss": "…",
              "jti": "…",
              "kind": "component",
              "length": N,
              "limits": {},
              "name": "fused",
              "nbf": N,
              "revision": 1,
              "signed_by_issuer": true,
              "sub": "…",
              "version": "0.1.0"
            },
            {
              "capabilities": "any",
              "exp": N,
              "iat": N,
              "iss": "…",
              "jti": "…",
              "kind": "account",
              "limits": {},
              "name": "mint",
              "nbf": N,
              "signed_by_issuer": true,
              "sub": "…"
            }
          ],
          "untrusted_wascap": [],
          "verifies": true
        }"#]]
    .assert_eq(&scrub(&format!("{found:#}")));

    let alone = scratch.write("alone.wasm", mint.sign_as("alone", &claims, &Default::default(), &inner));
    let text = home.writ(&["inspect", alone.to_str().unwrap()]).succeeded().stdout;
    assert!(!text.contains("composed"), "{text}");
    assert_eq!(inspect(&home, alone.to_str().unwrap())["composed_of"], 0);
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
