//! Files that wasmCloud's wascap signed: shown, never believed, and each way in which it was got wrong before.

use serde_json::{Value, json};
use writ_signing::section::{self, SectionError};
use writ_signing::token::{Token, TokenError};
use writ_signing::wascap::{MAX_FOUND, MAX_NESTING, Wascap, read};
use writ_signing::{Role, Roots, SigningKey, VerifyError, verify};

use crate::fixture::{NOW, PREAMBLE, World, component, custom, forge, key, leb, with_content};

const HEADER: &str = r#"{"typ":"jwt","alg":"Ed25519"}"#;
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn payload(issuer: &SigningKey, revision: u64) -> Value {
    json!({
        "jti": "x", "iat": NOW, "iss": issuer.public(), "sub": key(Role::Component).public(),
        "wascap": { "name": "echo", "hash": "00", "tags": [], "caps": ["wasmcloud:httpserver"], "rev": 1, "prov": false },
        "wascap_revision": revision,
    })
}

fn token(issuer: &SigningKey, revision: u64) -> String {
    forge(HEADER, &payload(issuer, revision).to_string(), issuer)
}

fn nested(id: u8, inner: &[u8]) -> Vec<u8> {
    [&[id], leb(inner.len()).as_slice(), inner].concat()
}

/// Where tokens are found, and how deep.
#[track_caller]
fn places(file: &[u8]) -> Vec<(&'static str, usize, usize)> {
    read(file).into_iter().map(|found| (found.section, found.offset, found.depth)).collect()
}

#[test]
fn what_it_says_is_shown() {
    let account = key(Role::Account);
    for file in [MODULE, PREAMBLE] {
        for name in ["jwt", "wasmcloud_jwt"] {
            let file = [file, &custom("note", b""), &custom(name, token(&account, 3).as_bytes())].concat();
            let [found] = <[Wascap; 1]>::try_from(read(&file)).unwrap();
            assert_eq!((found.section, found.offset, found.depth), (name, 8 + custom("note", b"").len(), 0));
            let shown = found.token.unwrap();
            assert_eq!((shown.header.as_str(), shown.signed_by_issuer, shown.is_compared()), (HEADER, true, true));
            assert_eq!(shown.claims["wascap"]["caps"], json!(["wasmcloud:httpserver"]));
        }
    }
}

#[test]
fn at_any_depth_and_all_of_them() {
    let jwt = custom("jwt", token(&key(Role::Account), 3).as_bytes());
    let module = [MODULE, &jwt].concat();
    let inner = [PREAMBLE, &nested(1, &module), &jwt].concat();
    let file = [PREAMBLE, &jwt, &nested(4, &inner), &jwt].concat();
    let border = 8 + jwt.len();
    let size = |bytes: &[u8]| 1 + leb(bytes.len()).len();
    let in_inner = border + size(&inner) + 8;
    assert_eq!(
        places(&file),
        [
            ("jwt", 8, 0),
            ("jwt", in_inner + size(&module) + 8, 2),
            ("jwt", in_inner + size(&module) + module.len(), 1),
            ("jwt", border + size(&inner) + inner.len(), 0),
        ]
    );
    // A core module holds no others: its sections 1 and 4 are its types and tables.
    assert_eq!(places(&[MODULE, &nested(1, &module), &nested(4, &inner)].concat()), []);
}

#[test]
fn hostile_sections_are_bounded() {
    let jwt = custom("jwt", token(&key(Role::Account), 3).as_bytes());
    assert_eq!(places(&[MODULE, &jwt.repeat(1000)].concat()).len(), MAX_FOUND);
    let bottomless =
        |depth| (0..depth).fold([PREAMBLE, &jwt].concat(), |inner, _| [PREAMBLE, &nested(4, &inner)].concat());
    assert_eq!(places(&bottomless(MAX_NESTING)).len(), 1);
    assert_eq!(places(&bottomless(MAX_NESTING + 1)), []);
    assert_eq!(places(&bottomless(10_000)), []);
    for (content, expected) in [
        (vec![b'x'; 20_000], TokenError::TooLong { length: 20_000 }),
        (b"\xff".to_vec(), TokenError::Segments),
        (b"".to_vec(), TokenError::Segments),
        (b"e30.e30".to_vec(), TokenError::Segments),
        (b"e30.e31.".to_vec(), TokenError::Encoding { segment: "payload" }),
        (b"e30.MQ.".to_vec(), TokenError::Field { field: "payload", expected: "an object" }),
    ] {
        let found = read(&[MODULE, &custom("jwt", &content)].concat());
        assert_eq!(found[0].token, Err(expected));
    }
    let twice = forge(HEADER, r#"{"iss":"A","iss":"B"}"#, &key(Role::Account));
    let found = read(&[MODULE, &custom("jwt", twice.as_bytes())].concat());
    assert_eq!(found[0].token, Err(TokenError::DuplicateKey { key: "iss".to_owned() }));
    // What is damaged ends the walk, not the process.
    for damaged in [&b""[..], b"\0asm", b"#!/bin/sh", &[MODULE, &[0, 0xff]].concat(), &[MODULE, &[0, 0]].concat()] {
        assert_eq!(places(damaged), []);
    }
    let after = [PREAMBLE, &nested(4, &[PREAMBLE, &[0, 9]].concat()), &jwt].concat();
    assert_eq!(places(&after).len(), 1, "a damaged part hides nothing behind it");
}

#[test]
fn a_signature_that_does_not_hold_is_said_not_to() {
    let (one, other) = (key(Role::Account), key(Role::Account));
    for (text, holds) in [
        (token(&one, 3), true),
        (forge(HEADER, &payload(&one, 3).to_string(), &other), false),
        (forge(HEADER, r#"{"iss":"nobody"}"#, &one), false),
        (forge(HEADER, "{}", &one), false),
    ] {
        let found = read(&[MODULE, &custom("jwt", text.as_bytes())].concat());
        assert_eq!(found[0].token.as_ref().unwrap().signed_by_issuer, holds);
    }
}

/// W1: the token says whether its hash is to be compared. Here none has a say in that, and a field that is not known refuses.
#[test]
fn defect_the_token_switches_the_hash_off() {
    let world = World::new();
    for revision in [0, 1, 2] {
        let text = token(&world.account, revision);
        let found = read(&[MODULE, &custom("jwt", text.as_bytes())].concat());
        assert!(!found[0].token.as_ref().unwrap().is_compared());
        let file = with_content(&component(), format!("{text}\n{}", world.account_token()).as_bytes());
        assert!(matches!(verify(&file, &world.roots, NOW), Err(VerifyError::Tokens(_))));
    }
    let missing = forge(HEADER, "{}", &world.account);
    assert!(!read(&[MODULE, &custom("jwt", missing.as_bytes())].concat())[0].token.as_ref().unwrap().is_compared());
}

/// A section at any depth is honoured, sections of that name are in no hash, and the first of several wins.
#[test]
fn defects_of_place() {
    let world = World::new();
    let jwt = custom("jwt", token(&world.account, 3).as_bytes());
    let signed = world.direct(&component());
    let border = component().len();
    for at in [PREAMBLE.len(), border, signed.len()] {
        let changed = [&signed[..at], &jwt, &signed[at..]].concat();
        assert!(verify(&changed, &world.roots, NOW).is_err(), "at {at}");
    }
    let inside = [PREAMBLE, &nested(4, &[PREAMBLE, &jwt].concat())].concat();
    assert_eq!(verify(&inside, &world.roots, NOW), Err(SectionError::NoClaims.into()));
    let (bare, with) = ([PREAMBLE, &nested(4, PREAMBLE)].concat(), inside);
    let tokens = section::split(&world.direct(&bare)).unwrap().content.to_vec();
    verify(&with_content(&bare, &tokens), &world.roots, NOW).unwrap();
    verify(&with_content(&with, &tokens), &world.roots, NOW).unwrap_err();
}

/// A component's token reads as an operator's, nobody is pinned, no token at all is in order, and booleans are ignored.
#[test]
fn defects_of_trust() {
    let world = World::new();
    let text = token(&world.account, 3);
    assert_eq!(text.parse::<Token>(), Err(TokenError::Header));
    let jwt = [PREAMBLE, &custom("wasmcloud_jwt", text.as_bytes())].concat();
    assert_eq!(verify(&jwt, &world.roots, NOW), Err(SectionError::NoClaims.into()));
    let operator = world.operator.public();
    let unknown = Err(VerifyError::UnknownIssuer { operator });
    assert_eq!(verify(&world.direct(&component()), &Roots::default(), NOW), unknown);
    // What it was signed with before is kept as it was, covered, and counts for nothing.
    verify(&world.direct(&jwt), &world.roots, NOW).unwrap();
}
