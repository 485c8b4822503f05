//! `writ sign`: the first one, the next ones, and whose key.

use std::fs;

use expect_test::expect;

use crate::fixture::{CLAIMS, Work, component, mode, section};

#[test]
fn the_first_signature_needs_no_keys() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm"])
        .out(&expect![[r#"
        signed a.wasm as local/orders-api (M…), revision 3, expires DAY
          blobstore  linked, permits nothing
          keyvalue   bucket orders, prefix order/, size 64KiB, verbs read write increment
          logging    level info, rate 200/s
          limits     memory 32MiB, time 500ms
    "#]])
        .err(&expect![[r#"
            there were no keys in WORK/home, so two were made there, readable by you alone:
              operator  local-operator  O…
              account   local           A…
            the account may claim anything, for a year. Hosts with this WRIT_HOME trust the operator; another does after
              writ trust add O… --any
            wrote the component's new id into writ.yaml; commit it
        "#]]);
    work.run(&["verify", "a.wasm"]).out(&expect![[r#"
        a.wasm: verified, local/orders-api (M…), revision 3, expires DAY
    "#]]);
    assert_eq!(mode(&work.path("home/keys/local.nk")), 0o600);
    assert_eq!(mode(&work.path("home/keys/local-operator.nk")), 0o600);

    // The id was written below the name, and nothing else was changed.
    let text = work.text("writ.yaml");
    let id = text.lines().find(|line| line.starts_with("id: M")).unwrap();
    assert_eq!(text.replace(&format!("{id}\n"), ""), CLAIMS);
    assert!(work.read("a.wasm").starts_with(&component(&[], &[])));
}

#[test]
fn signing_again_keeps_the_keys_the_id_and_the_component() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm", "-o", "b.wasm"]);
    let (claims, keys) = (work.text("writ.yaml"), work.text("home/keys/local.nk"));
    let ran = work.run(&["sign", "b.wasm", "--expires", "1d"]);
    assert_eq!(ran.stderr, "");
    assert_eq!((work.text("writ.yaml"), work.text("home/keys/local.nk")), (claims, keys));
    assert_eq!(work.read("a.wasm"), component(&[], &[]));
    work.run(&["verify", "b.wasm"]);
}

#[test]
fn other_bytes_under_the_same_revision_are_pointed_out() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm", "-o", "b.wasm"]);
    let mut changed = component(&[], &[]);
    section(&mut changed, 0, b"\x04note");
    work.write("a.wasm", changed);
    work.run(&["sign", "a.wasm", "-o", "b.wasm"]).err(&expect![[r#"
        hint: other bytes were signed as revision 3 before; raise `revision` with every release: hosts go by it, and then by the time
    "#]]);
    work.write("writ.yaml", work.text("writ.yaml").replace("revision: 3", "revision: 4"));
    work.run(&["sign", "a.wasm", "-o", "b.wasm"]).err(&expect![""]);
}

#[test]
fn a_signature_that_outlives_its_account_is_pointed_out() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm", "--expires", "1000d"]);
    work.run(&["sign", "a.wasm", "--expires", "1000d"]).err(&expect![[r#"
        warning: the account's token ends before this signature does, on DAY, and this with it
    "#]]);
}

#[test]
fn the_seed_may_come_from_elsewhere() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm"]);
    let seed = work.text("home/keys/local.nk");
    fs::remove_dir_all(work.path("home/keys")).unwrap();

    work.finish(work.command(&["sign", "a.wasm", "--seed-stdin"]), &seed, 0).err(&expect![""]);
    work.finish(work.shell("exec 7<&0 0</dev/null;", &["sign", "a.wasm", "--seed-fd", "7"]), &seed, 0)
        .err(&expect![""]);
    assert!(!work.path("home/keys").exists());

    let from_stdin = |seed: &str| work.finish(work.command(&["sign", "a.wasm", "--seed-stdin"]), seed, 1);
    from_stdin("").err(&expect![[r#"
        error: no key on stdin
          because: the seed is empty
    "#]]);
    from_stdin("\n").err(&expect![[r#"
        error: no key on stdin
          because: the seed is empty
    "#]]);
    from_stdin("secret").err(&expect![[r#"
        error: no key on stdin
          because: a key of 6 characters, where 58 were expected; was a part of it left out, or a newline left in?
    "#]]);
    from_stdin("SAAPN4W3EG6KCJGUQTKTJ5GSB5NHK5CHAJL4DBGFUM3HHROI4XUEP4OBK4").err(&expect![[r#"
        error: nothing vouches for the key A…: there is no WORK/home/tokens/A….jwt
        hint: an operator vouches for an account with `writ account create`; a token made elsewhere is kept with `writ account import`
    "#]]);
    work.refuses(&["sign", "a.wasm", "--seed-fd", "99"]).err(&expect![[r#"
        error: no key on file descriptor 99
          because: No such file or directory (os error 2)
    "#]]);
    work.finish(work.command(&["sign", "a.wasm", "--seed-stdin", "--key", "local"]), &seed, 2);
}

#[test]
fn the_key_is_the_one_that_was_asked_for() {
    let work = Work::with_component();
    work.run(&["key", "generate", "operator"]);
    work.refuses(&["sign", "a.wasm"]).err(&expect![[r#"
        error: there is no account's key in WORK/home
        hint: `writ account create NAME --operator NAME --any` makes one
    "#]]);
    work.run(&["key", "generate", "account", "--name", "one"]);
    work.refuses(&["sign", "a.wasm"]).err(&expect![[r#"
        error: nothing vouches for the key A…: there is no WORK/home/tokens/A….jwt
        hint: an operator vouches for an account with `writ account create`; a token made elsewhere is kept with `writ account import`
    "#]]);
    work.run(&["account", "create", "two", "--operator", "operator", "--any"]);
    work.refuses(&["sign", "a.wasm"]).err(&expect![[r#"
        error: there are several keys that can sign: one, two
        hint: choose one with --key
    "#]]);
    work.refuses(&["sign", "a.wasm", "--key", "operator"]).err(&expect![[r#"
        error: O… is the key of another role (operator); components are signed by accounts
    "#]]);
    work.refuses(&["sign", "a.wasm", "--key", "three"]).err(&expect![[r#"
        error: there is no key named three in WORK/home/keys
    "#]]);
    work.run(&["sign", "a.wasm", "--key", "two", "-o", "b.wasm"]).err(&expect![[r#"
        wrote the component's new id into writ.yaml; commit it
        warning: the operator O… is not trusted here, so it runs elsewhere only; `writ trust add O… --policy FILE` changes that
    "#]]);
    let operator = work.run(&["key", "show", "operator", "--output", "json"]).raw;
    let operator = operator.split('"').find(|word| word.len() == 56).unwrap();
    work.run(&["trust", "add", operator, "--any"]);
    work.run(&["sign", "a.wasm", "--key", "two"]).out(&expect![[r#"
        signed a.wasm as two/orders-api (M…), revision 3, expires DAY
          blobstore  linked, permits nothing
          keyvalue   bucket orders, prefix order/, size 64KiB, verbs read write increment
          logging    level info, rate 200/s
          limits     memory 32MiB, time 500ms
    "#]]);
}

#[test]
fn files_that_are_not_signed() {
    let work = Work::with_component();
    work.write("core.wasm", b"\0asm\x01\0\0\0");
    work.write("text.wasm", "hello");
    for (file, expected) in [
        (
            "core.wasm",
            expect![[r#"
            error: core.wasm cannot be signed
              because: a core WebAssembly module, not a component; build for wasm32-wasip2, or convert it with `wasm-tools component new`
        "#]],
        ),
        (
            "text.wasm",
            expect![[r#"
            error: text.wasm cannot be signed
              because: not a WebAssembly file: it does not start with \0asm
        "#]],
        ),
        (
            "missing.wasm",
            expect![[r#"
            error: cannot read missing.wasm
              because: No such file or directory (os error 2)
        "#]],
        ),
        (
            ".",
            expect![[r#"
            error: . is a folder, where a file was expected
        "#]],
        ),
    ] {
        work.refuses(&["sign", file]).err(&expected);
    }
    assert!(!work.path("home").exists(), "no keys are made for nothing");
}

#[test]
fn claims_that_are_not_signed() {
    let work = Work::with_component();
    for (claims, expected) in [
        (
            CLAIMS.replace("limits", "limit"),
            expect![[r#"
                error: writ.yaml:14:1: unknown field `limit` in a component file, expected one of `name`, `id`, `version`, `revision`, `expires`, `build`, `claims`, `limits`
            "#]],
        ),
        (
            CLAIMS.replace("name: orders-api", "name: Orders API"),
            expect![[r#"
                error: writ.yaml:2:7: `name` cannot be `Orders API`: expected 1 to 64 of a-z, 0-9 and `-`
            "#]],
        ),
        (
            CLAIMS.replace("version: 0.1.0", "version: 0 1"),
            expect![[r#"
                there were no keys in WORK/home, so two were made there, readable by you alone:
                  operator  local-operator  O…
                  account   local           A…
                the account may claim anything, for a year. Hosts with this WRIT_HOME trust the operator; another does after
                  writ trust add O… --any
                error: not signed, because no host would accept it: the token's field "writ.version" is not 1 to 64 of A-Z, a-z, 0-9, ., + and -
            "#]],
        ),
        (
            CLAIMS.replace("claims:\n", "id: ACODERUVFFAWZQDSS6SBIACUA5O6SXF7HJ3YTYXBALHZP3P7R4BUO4J2\nclaims:\n"),
            expect![[r#"
                error: writ.yaml:6:5: `id` cannot be `A…`: expected a component's public key: `M` and 55 more of A-Z and 2-7
            "#]],
        ),
    ] {
        work.write("writ.yaml", claims);
        work.refuses(&["sign", "a.wasm"]).err(&expected);
        assert_eq!(work.read("a.wasm"), component(&[], &[]));
        let _ = fs::remove_dir_all(work.path("home"));
    }
    fs::remove_file(work.path("writ.yaml")).unwrap();
    work.refuses(&["sign", "a.wasm"]).err(&expect![[r#"
        error: there is no writ.yaml beside a.wasm or in this folder
        hint: `writ init a.wasm` writes one; --claims names another file
    "#]]);
}

/// The account's token is swapped; the component's stays byte for byte.
#[test]
fn a_chain_is_refreshed_without_signing_again() {
    let work = Work::with_component();
    work.refuses(&["sign", "a.wasm", "--refresh-chain"]).err(&expect![[r#"
        error: a.wasm cannot be refreshed
          because: the component is not signed; sign it with `writ sign`
    "#]]);
    work.run(&["sign", "a.wasm"]);
    work.run(&["sign", "a.wasm", "--refresh-chain"])
        .out(&expect![[r#"
        refreshed a.wasm as local/orders-api (M…), revision 3, expires DAY
    "#]])
        .err(&expect![[r#"
        its tokens are those that are kept here; a renewed one is kept with `writ account import`
    "#]]);
    let before = work.read("a.wasm");
    work.run(&["account", "create", "local", "--key", "local", "--any", "--expires", "10d"]);
    let key = work.text("home/keys/local.nk");
    fs::remove_dir_all(work.path("home/keys")).unwrap();
    work.run(&["sign", "a.wasm", "--refresh-chain", "-o", "b.wasm"])
        .out(&expect![[r#"
        refreshed b.wasm as local/orders-api (M…), revision 3, expires DAY
    "#]])
        .err(&expect![""]);
    let after = work.read("b.wasm");
    assert_ne!(before, after);
    let component =
        |file: &[u8]| String::from_utf8_lossy(file).lines().next().unwrap().split('.').next_back().unwrap().to_owned();
    assert_eq!(component(&before), component(&after), "the component's signature");
    work.run(&["verify", "b.wasm"]);
    work.finish(work.command(&["sign", "a.wasm", "--refresh-chain", "--seed-stdin"]), &key, 2);
    work.finish(work.command(&["sign", "a.wasm", "--refresh-chain", "--expires", "1d"]), "", 2);

    // Nothing is refreshed that does not hold, or by tokens of nobody.
    let mut changed = work.read("a.wasm");
    changed.splice(8..8, [0, 5, 4, b'n', b'o', b't', b'e']);
    work.write("c.wasm", &changed);
    work.refuses(&["sign", "c.wasm", "--refresh-chain"]).err(&expect![[r#"
        error: what was signed would not verify, so nothing was written
          because: 15 bytes stand before the claims section, and 8 were signed; the file was changed after signing
    "#]]);
    assert_eq!(work.read("c.wasm"), changed);
    fs::remove_dir_all(work.path("home/tokens")).unwrap();
    work.refuses(&["sign", "a.wasm", "--refresh-chain"]).err(&expect![[r#"
        error: nothing vouches for the key A…: there is no WORK/home/tokens/A….jwt
        hint: an operator vouches for an account with `writ account create`; a token made elsewhere is kept with `writ account import`
    "#]]);
}

/// What a claim says in a table stays in its cell.
#[test]
fn a_claim_begins_no_line_of_what_is_shown() {
    let work = Work::new();
    let lines = |prefix: &str| {
        work.write("a.wasm", component(&[], &[]));
        let claims = format!("claims: {{ keyvalue: {{ bucket: b, prefix: \"{prefix}\" }} }}");
        work.write("writ.yaml", format!("name: a\nversion: 0.1.0\nrevision: 1\nexpires: 1d\n{claims}\n"));
        work.run(&["sign", "a.wasm"]);
        ["inspect", "explain"].map(|verb| work.command(&[verb, "a.wasm"]).output().unwrap().stdout).map(|shown| {
            let shown = String::from_utf8(shown).unwrap();
            assert!(shown.contains("granted"), "{shown}");
            shown.lines().count()
        })
    };
    assert_eq!(lines("granted"), lines("x\\n  granted everything\\u2028 and more"));
}
