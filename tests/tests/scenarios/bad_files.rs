//! Files that nobody should run: each is refused in words, by `verify` and by `up`, and nothing is started.

use std::fs;

use expect_test::{Expect, expect};
use serde_json::json;
use writ_signing::section;
use writ_tests::{DAY, Home, Manifest, Mint, Scratch, Up, guest, now, snapshot, unsigned_guest};

/// A home that trusts one operator, and a folder with data in it.
struct World {
    home: Home,
    scratch: Scratch,
    mint: Mint,
}

impl World {
    fn new() -> Self {
        let world = Self { home: Home::new(), scratch: Scratch::new(), mint: Mint::new() };
        world.home.writ(&["trust", "add", &world.mint.operator(), "--any"]).succeeded();
        world
    }

    /// What `verify` says against a file.
    #[track_caller]
    fn verify(&self, file: &[u8]) -> String {
        let path = self.scratch.write("bad.wasm", file);
        self.scratch.scrub(&self.home.writ(&["verify", path.to_str().unwrap()]).refused())
    }

    /// What `up` says against a file. It must leave a data folder alone.
    #[track_caller]
    fn up(&self, file: &[u8]) -> String {
        let path = self.scratch.write("bad.wasm", file);
        let manifest = self.scratch.write("app.yaml", Manifest::new("bad", &path).to_string());
        let data = self.scratch.data();
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join("precious"), "data").unwrap();
        let before = snapshot(&data);
        let words = ["up", manifest.to_str().unwrap(), "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
        let stderr = self.home.writ(&words).refused();
        assert_eq!(snapshot(&data), before, "the data folder was touched");
        self.scratch.scrub(&stderr)
    }

    /// Refused by both, for the same reason.
    #[track_caller]
    fn check(&self, file: &[u8], expected: Expect) {
        let stderr = self.verify(file);
        expected.assert_eq(&stderr);
        let reason = stderr.lines().find_map(|line| line.trim().strip_prefix("because: ")).unwrap_or(&stderr);
        let up = self.up(file);
        assert!(up.contains(reason.trim()), "`up` says something else than {reason:?}:\n{up}");
    }
}

fn custom(name: &str, content: &[u8]) -> Vec<u8> {
    let (length, name_length) = (name.len() + 1 + content.len(), name.len());
    let short = |length: usize| u8::try_from(length).ok().filter(|length| *length < 0x80).expect("a short section");
    [&[0, short(length), short(name_length)], name.as_bytes(), content].concat()
}

#[test]
fn what_is_no_component_is_refused() {
    let world = World::new();
    world.check(
        b"",
        expect![[r#"
        error: ./bad.wasm does not verify
          because: the file is cut off: what starts at byte 0 goes on past its end
    "#]],
    );
    world.check(
        b"#!/bin/sh\nexit 0\n",
        expect![[r#"
        error: ./bad.wasm does not verify
          because: not a WebAssembly file: it does not start with \0asm
    "#]],
    );
    world.check(b"\0asm\x01\0\0\0", expect![[r#"
        error: ./bad.wasm does not verify
          because: a core WebAssembly module, not a component; build for wasm32-wasip2, or convert it with `wasm-tools component new`
    "#]]);
    world.check(
        b"\0asm\x0e\0\x01\0",
        expect![[r#"
        error: ./bad.wasm does not verify
          because: WebAssembly of an unknown version or layer ([0e, 00, 01, 00]); a component has [0d, 00, 01, 00]
    "#]],
    );
}

#[test]
fn what_is_not_signed_is_refused() {
    let world = World::new();
    world.check(
        &fs::read(unsigned_guest("calc.wasm")).unwrap(),
        expect![[r#"
        error: ./bad.wasm does not verify
          because: the component is not signed; sign it with `writ sign`
    "#]],
    );
}

#[test]
fn a_file_that_is_cut_off_is_refused_wherever_it_is() {
    let world = World::new();
    let signed = world.mint.sign(&fs::read(unsigned_guest("calc.wasm")).unwrap());
    let last = signed.len() - 1;
    for length in [1, 4, 7, 8, 9, 11, 100, 1_000, last / 2, last - 1_000, last - 100, last - 1, last] {
        world.verify(&signed[..length]);
    }
    let _ = world.up(&signed[..last]);
}

#[test]
fn a_file_that_was_changed_after_signing_is_refused() {
    let world = World::new();
    let signed = world.mint.sign(&fs::read(unsigned_guest("calc.wasm")).unwrap());
    let covered = section::unsigned(&signed).unwrap().len();
    let mut changed = signed.clone();
    // In the data of the code, where a validator sees nothing.
    let at = find(&changed, b"trapping on purpose");
    changed[at] ^= 1;
    world.check(
        &changed,
        expect![[r#"
            error: ./bad.wasm does not verify
              because: the file has the digest sha256:…, and sha256:… was signed; the file was changed after signing
        "#]],
    );

    world.check(&[&signed, &custom("note", b"hello")[..]].concat(), expect![[r#"
        error: ./bad.wasm does not verify
          because: the claims section ends at byte N, and the file goes on; whatever was added after signing must be signed, too
    "#]]);
    world.check(
        &[&signed, &signed[covered..]].concat(),
        expect![[r#"
            error: ./bad.wasm does not verify
              because: two claims sections, at bytes N and N; sign the component as it was before, with `writ sign`
        "#]],
    );
    world.check(
        &[&signed, &b"\0"[..]].concat(),
        expect![[r#"
            error: ./bad.wasm does not verify
              because: the file is cut off: what starts at byte N goes on past its end
        "#]],
    );
    world.check(
        &[&signed[..8], &custom("note", b"hello"), &signed[8..]].concat(),
        expect![[r#"
        error: ./bad.wasm does not verify
          because: N bytes stand before the claims section, and N were signed; the file was changed after signing
    "#]],
    );
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).expect("it is there")
}

#[test]
fn any_bit_that_is_flipped_makes_verify_fail() {
    let world = World::new();
    let signed = world.mint.sign(&fs::read(unsigned_guest("calc.wasm")).unwrap());
    let covered = section::unsigned(&signed).unwrap().len();
    // All of the section's first bytes, and bits all over the rest. `verify` takes many files at a time.
    let mut bits: Vec<usize> = (covered * 8..covered * 8 + 200).collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for range in [0..covered * 8, covered * 8..signed.len() * 8] {
        bits.extend((0..200).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            range.start + usize::try_from(state).unwrap() % range.len()
        }));
    }
    bits.sort_unstable();
    bits.dedup();
    for some in bits.chunks(100) {
        let files: Vec<_> = some
            .iter()
            .map(|bit| {
                let mut flipped = signed.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                world.scratch.write(&format!("bit-{bit}.wasm"), flipped).to_str().unwrap().to_owned()
            })
            .collect();
        let words: Vec<_> = std::iter::once("verify").chain(files.iter().map(String::as_str)).collect();
        // Nothing on stdout: none of them was verified.
        let stderr = world.home.writ(&words).refused();
        for file in &files {
            assert!(stderr.contains(file), "{file} is not refused in\n{stderr}");
            fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn tokens_out_of_their_time_are_refused() {
    let mut world = World::new();
    let calc = fs::read(unsigned_guest("calc.wasm")).unwrap();
    world.mint.iat = 1_700_000_000;
    world.mint.exp = 1_700_000_000 + DAY;
    let expired = world.mint.sign(&calc);
    for said in [world.verify(&expired), world.up(&expired)] {
        assert!(said.contains("the component's token expired at 2023-11-15T22:13:20Z"), "{said}");
    }
    world.mint.iat = now();
    world.mint.nbf = Some(4_000_000_000);
    world.mint.exp = 4_000_000_000 + DAY;
    let early = world.mint.sign(&calc);
    for said in [world.verify(&early), world.up(&early)] {
        assert!(said.contains("the component's token is valid from 2096-10-02T07:06:40Z on"), "{said}");
    }
    world.mint.iat = now() + 3_600;
    world.mint.nbf = None;
    let from_the_future = world.mint.sign(&calc);
    for said in [world.verify(&from_the_future), world.up(&from_the_future)] {
        assert!(said.contains("says it was signed at"), "{said}");
    }
}

#[test]
fn an_issuer_that_is_not_trusted_here_is_refused() {
    let world = World::new();
    let other = Mint::new().sign(&fs::read(unsigned_guest("calc.wasm")).unwrap());
    world.check(
        &other,
        expect![[r#"
            error: ./bad.wasm does not verify
              because: the operator … is not trusted here; if it should be, add it with `writ trust add … --policy FILE`, or `--any`
        "#]],
    );

    // Trusted, and then no longer.
    let mine = world.mint.sign(&fs::read(unsigned_guest("calc.wasm")).unwrap());
    let path = world.scratch.write("mine.wasm", mine);
    let verify = || world.home.writ(&["verify", path.to_str().unwrap()]);
    verify().succeeded();
    world.home.writ(&["trust", "remove", &world.mint.operator()]).succeeded();
    verify().refused();
}

#[test]
fn claims_that_this_host_does_not_understand_are_refused() {
    let mut world = World::new();
    let calc = fs::read(unsigned_guest("calc.wasm")).unwrap();
    let mut up = |claims: serde_json::Value| {
        world.mint.claims = claims.as_object().unwrap().clone().into_iter().collect();
        let signed = world.mint.sign(&calc);
        world.up(&signed)
    };
    for (claims, words) in [
        (json!({ "keyvalue": [{ "bucket": "b", "colour": "red" }] }), "unknown field `colour`"),
        (json!({ "keyvalue": [{}] }), "bucket"),
        (json!({ "keyvalue": null }), "keyvalue"),
        (json!({ "keyvalue": "all" }), "keyvalue"),
        (json!({ "teleport": [] }), "claims `teleport`, which this host does not know"),
        (json!({ "blobstore": [{ "container": "c" }] }), "claims `blobstore`, which no provider serves here"),
        (json!({ "messaging": [{ "publish": ["a..b"] }] }), "messaging"),
        (json!({ "http-server": [{ "hosts": "any" }] }), "http-server"),
    ] {
        let said = up(claims.clone());
        assert!(said.contains(words), "{claims}: {said}");
    }
}

#[test]
fn imports_that_nobody_granted_are_refused_and_named() {
    let world = World::new();
    let plain = world.mint.sign(&fs::read(unsigned_guest("plain-kv.wasm")).unwrap());
    let said = world.up(&plain);
    for words in ["wasi:keyvalue/store@0.2.0-draft", "`keyvalue`", "`http-server`"] {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
}

#[test]
fn one_bad_file_of_an_application_keeps_all_of_it_from_starting() {
    let (home, scratch) = (Home::shared(), Scratch::new());
    for file in ["orders-api.wasm", "totals.wasm", "orders.yaml"] {
        scratch.copy(&guest(file), file);
    }
    let totals = scratch.path("totals.wasm");
    let mut bytes = fs::read(&totals).unwrap();
    bytes[100] ^= 1;
    fs::write(&totals, bytes).unwrap();
    let manifest = scratch.path("orders.yaml");
    let address = writ_tests::free_address();
    let (listen, data) = (address.to_string(), scratch.data());
    let words = ["up", manifest.to_str().unwrap(), "--listen", &listen, "--data", data.to_str().unwrap()];
    let stderr = home.writ(&words).refused();
    assert!(stderr.contains("totals") && stderr.contains("orders.yaml:"), "{stderr}");
    assert!(!data.exists() && writ_tests::http::connect(address).is_err());

    // With the file as it was, it starts.
    scratch.copy(&guest("totals.wasm"), "totals.wasm");
    Up::start(&home, &manifest, &data).stop();
}
