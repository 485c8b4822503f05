//! `writ verify` and `writ inspect`: what holds, and every way in which a file does not.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use writ_signing::token::{self, AccountDraft, Capabilities, CommonDraft, ComponentDraft, Tokens};
use writ_signing::{Role, SigningKey, section};

use crate::fixture::{Work, component, section};

#[test]
fn one_bit_is_enough() {
    let work = Work::with_component();
    let mut plain = component(&[], &[]);
    section(&mut plain, 0, b"\x04noteabc");
    work.write("a.wasm", plain);
    work.run(&["sign", "a.wasm"]);
    let signed = work.read("a.wasm");
    let positions = (0..signed.len()).step_by(97).chain([0, 8, 12, signed.len() - 1]);
    for position in positions {
        let mut flipped = signed.clone();
        flipped[position] ^= 1;
        work.write("b.wasm", flipped);
        work.refuses(&["verify", "b.wasm"]);
    }
    let mut flipped = signed.clone();
    flipped[17] ^= 1;
    work.write("b.wasm", &flipped);
    work.refuses(&["verify", "b.wasm"]).err(&expect![[r#"
        error: b.wasm does not verify
          because: the file has the digest sha256:160892516dff7f4e9ba5f2e88788da40f9a1a5f6a41a43c48736c17f5895953f, and sha256:989ccd0584d3c745797eefe9d8bbe4993f0a1a088d3369531e3beb3108ba5699 was signed; the file was changed after signing
    "#]]);
    // The others are still looked at.
    work.refuses(&["verify", "b.wasm", "a.wasm"]).out(&expect![[r#"
        a.wasm: verified, local/orders-api (M…), revision 3, expires DAY
    "#]]);
}

/// What `verify` says about a file.
#[track_caller]
fn check(file: &[u8], expected: Expect) {
    let work = Work::new();
    work.write("a.wasm", file);
    work.refuses(&["verify", "a.wasm"]).out(&expect![""]).err(&expected);
}

#[test]
fn files_that_do_not_verify() {
    check(
        b"",
        expect![[r#"
        error: a.wasm does not verify
          because: the file is cut off: what starts at byte 0 goes on past its end
    "#]],
    );
    check(
        b"#!/bin/sh\n",
        expect![[r#"
        error: a.wasm does not verify
          because: not a WebAssembly file: it does not start with \0asm
    "#]],
    );
    check(
        b"\0asm\x01\0\0\0",
        expect![[r#"
        error: a.wasm does not verify
          because: a core WebAssembly module, not a component; build for wasm32-wasip2, or convert it with `wasm-tools component new`
    "#]],
    );
    check(
        b"\0asm\x0d\0\x01",
        expect![[r#"
        error: a.wasm does not verify
          because: the file is cut off: what starts at byte 0 goes on past its end
    "#]],
    );
    check(
        b"\0asm\x0d\0\x01\0\0\x09\x04abc",
        expect![[r#"
        error: a.wasm does not verify
          because: the file is cut off: what starts at byte 8 goes on past its end
    "#]],
    );
    check(
        &component(&[], &[]),
        expect![[r#"
        error: a.wasm does not verify
          because: the component is not signed; sign it with `writ sign`
    "#]],
    );
    let mut two = component(&[], &[]);
    section(&mut two, 0, b"\x0bwrit.claimsa");
    section(&mut two, 0, b"\x0bwrit.claimsb");
    check(
        &two,
        expect![[r#"
        error: a.wasm does not verify
          because: two claims sections, at bytes 8 and 23; sign the component as it was before, with `writ sign`
    "#]],
    );
    let mut followed = component(&[], &[]);
    section(&mut followed, 0, b"\x0bwrit.claimsa");
    section(&mut followed, 0, b"\x04note");
    check(
        &followed,
        expect![[r#"
        error: a.wasm does not verify
          because: the claims section ends at byte 23, and the file goes on; whatever was added after signing must be signed, too
    "#]],
    );
}

/// A component signed at `now` for a day, and its operator.
fn signed_at(now: u64) -> (Vec<u8>, String) {
    let key = |role| SigningKey::generate(role).unwrap();
    let (operator, account) = (key(Role::Operator), key(Role::Account));
    let common = |subject, name: &str, capabilities, exp| CommonDraft {
        subject,
        name: name.to_owned(),
        capabilities,
        limits: BTreeMap::new(),
        nbf: None,
        exp,
    };
    let about_account = common(account.public(), "acme", Capabilities::Any, now + 10 * 86_400);
    let account_token = token::sign_account(&AccountDraft { common: about_account }, &operator, now).unwrap();
    let about_component =
        common(key(Role::Component).public(), "orders", Capabilities::Only(BTreeMap::new()), now + 86_400);
    let draft = ComponentDraft { common: about_component, version: "0.1.0".to_owned(), revision: 1 };
    let file = component(&[], &[]);
    let component_token = token::sign_component(&draft, &file, &account, now).unwrap();
    let file = section::embed(&file, &Tokens::new(component_token, None, account_token).unwrap()).unwrap();
    (file, operator.public().to_string())
}

#[test]
fn times_and_operators() {
    let (past, operator) = signed_at(1_000_000_000);
    check(
        &past,
        expect![[r#"
            error: a.wasm does not verify
              because: the operator O… is not trusted here; if it should be, add it with `writ trust add O… --policy FILE`, or `--any`
        "#]],
    );
    let work = Work::new();
    work.run(&["trust", "add", &operator, "--any"]);
    work.write("a.wasm", past);
    let ran = work.refuses(&["verify", "a.wasm"]);
    assert!(ran.stderr.contains("the component's token expired at TIME, and it is TIME"), "{}", ran.stderr);

    let (future, operator) = signed_at(10_000_000_000);
    work.run(&["trust", "add", &operator, "--any"]);
    work.write("a.wasm", future);
    let ran = work.refuses(&["verify", "a.wasm"]);
    assert!(ran.stderr.contains("says it was signed at TIME, and it is TIME"), "{}", ran.stderr);
}

#[test]
fn inspect_shows_claims_and_chain() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm"]);
    work.run(&["inspect", "a.wasm"])
        .out(&expect![[r#"
            a.wasm
              digest     sha256:24eaf3439a60c96764c4f2c92a0a81b52bd4fe5d5b91f090184a0f6486b1bf29
              length     8 bytes
              verifies   yes, until DAY
              principal  local/orders-api

            component orders-api
              key            M…
              version        0.1.0, revision 3
              signed by      A…
              valid          DAY to DAY
              may blobstore  linked, permits nothing
              may keyvalue   bucket orders, prefix order/, size 64KiB, verbs read write increment
              may logging    level info, rate 200/s
              limits         memory 32MiB, time 500ms

            account local
              key        A…
              signed by  O…, local-operator, who is trusted here
              valid      DAY to DAY
              may        any capability

            imports nothing

            exports nothing

            here its imports would be granted nothing but the baseline
        "#]])
        .err(&expect![""]);
    let json: serde_json::Value =
        serde_json::from_str(&work.run(&["inspect", "a.wasm", "--output", "json"]).raw).unwrap();
    assert_eq!(json["verifies"], true);
    assert_eq!(json["principal"], "local/orders-api");
    assert_eq!(json["tokens"][0]["capabilities"]["logging"]["level"], "info");
    assert_eq!(json["tokens"][1]["capabilities"], "any");
    assert_eq!(json["tokens"][0]["digest"], json["digest"]);

    work.run(&["trust", "remove", "local-operator"]);
    work.run(&["inspect", "a.wasm"])
        .out(&expect![[r#"
            a.wasm
              digest    sha256:24eaf3439a60c96764c4f2c92a0a81b52bd4fe5d5b91f090184a0f6486b1bf29
              length    8 bytes
              verifies  no: the operator O… is not trusted here; if it should be, add it with `writ trust add O… --policy FILE`, or `--any`

            component orders-api
              key            M…
              version        0.1.0, revision 3
              signed by      A…
              valid          DAY to DAY
              may blobstore  linked, permits nothing
              may keyvalue   bucket orders, prefix order/, size 64KiB, verbs read write increment
              may logging    level info, rate 200/s
              limits         memory 32MiB, time 500ms

            account local
              key        A…
              signed by  O…, who is not trusted here
              valid      DAY to DAY
              may        any capability

            imports nothing

            exports nothing
        "#]])
        .err(&expect![[r#"
        warning: below is what the file says about itself; nothing vouches for it
    "#]]);
}

#[test]
fn inspect_shows_what_is_not_signed() {
    let work = Work::with_component();
    work.run(&["inspect", "a.wasm"]).out(&expect![[r#"
        a.wasm
          digest    sha256:24eaf3439a60c96764c4f2c92a0a81b52bd4fe5d5b91f090184a0f6486b1bf29
          length    8 bytes
          verifies  no: the component is not signed; sign it with `writ sign`

        imports nothing

        exports nothing
    "#]]);
    let mut odd = component(&[], &[]);
    section(&mut odd, 0, b"\x0bwrit.claimsno.token.\x1b[31m");
    work.write("a.wasm", odd);
    work.run(&["inspect", "a.wasm"]).out(&expect![[r#"
        a.wasm
          digest    sha256:24eaf3439a60c96764c4f2c92a0a81b52bd4fe5d5b91f090184a0f6486b1bf29
          length    8 bytes
          verifies  no: line 1 of the claims section is not a token: the token's header is not base64url without padding, in its canonical form

        a token that cannot be read: the token's header is not base64url without padding, in its canonical form

        imports nothing

        exports nothing
    "#]]);
    work.write("a.wasm", "text");
    work.refuses(&["inspect", "a.wasm"]).err(&expect![[r#"
        error: a.wasm cannot be inspected
          because: not a WebAssembly file: it does not start with \0asm
    "#]]);
}
