//! Rows 3 and 7: a token with another header, of another kind, or with more to say than it may.

use serde_json::{Value, json};
use writ_signing::section::split;
use writ_signing::token::Kind;

use super::{accepted, check, check_layers};
use crate::fixture::{World, component, forge, with_content, with_jti};
use crate::header::headers;

/// A file with a whole chain, whose token of `kind` has this header and payload. Every signature holds.
fn file(world: &World, kind: Kind, header: &str, payload: &Value) -> Vec<u8> {
    let tokens = Kind::ALL.map(|other| {
        let key = if other == Kind::Component { &world.signing_key } else { world.issuer(other) };
        match other == kind {
            true => forge(header, &with_jti(payload.clone()), key),
            false => forge(other.header(), &with_jti(payload_of(world, other)), key),
        }
    });
    with_content(&component(), tokens.join("\n").as_bytes())
}

/// The payload that is in order, where a signing key signs.
fn payload_of(world: &World, kind: Kind) -> Value {
    let mut payload = world.payload(kind);
    if kind == Kind::Component {
        payload["iss"] = json!(world.signing_key.public());
    }
    payload
}

#[test]
fn threat_03_headers() {
    let world = World::new();
    let right = Kind::ALL.map(|kind| file(&world, kind, kind.header(), &payload_of(&world, kind)));
    assert_eq!(accepted(&right, &world.roots), 3);
    for kind in Kind::ALL {
        let payload = payload_of(&world, kind);
        let files: Vec<_> = headers(kind).iter().map(|header| file(&world, kind, header, &payload)).collect();
        println!("{kind}: {} headers", files.len());
        assert!(files.len() >= 200);
        check(&["header"], || accepted(&files, &world.roots));
    }
}

/// `alg: none` without a signature: the header is refused, and so is the signature.
#[test]
fn threat_03_nobody_signs() {
    let world = World::new();
    let files = Kind::ALL.map(|kind| {
        let right = file(&world, kind, &kind.header().replace("ed25519-nkey", "none"), &payload_of(&world, kind));
        let text = str::from_utf8(split(&right).unwrap().content).unwrap();
        let tokens: Vec<_> = text.split('\n').collect();
        let at = Kind::ALL.iter().position(|other| *other == kind).unwrap();
        let forged = format!("{}.{}", tokens[at].rsplit_once('.').unwrap().0, "A".repeat(86));
        let tokens: Vec<_> = (0..3).map(|index| if index == at { forged.as_str() } else { tokens[index] }).collect();
        with_content(&component(), tokens.join("\n").as_bytes())
    });
    check_layers(&["header", "signature"], || accepted(&files, &world.roots));
}

/// A token whose payload says another kind than its header: a list's, a provider's, another of the three.
#[test]
fn threat_07_of_another_kind() {
    let world = World::new();
    let mut files = Vec::new();
    for kind in Kind::ALL {
        for said in ["component", "signing-key", "account", "operator", "provider", "revocations", "Component", ""] {
            let mut payload = payload_of(&world, kind);
            payload["writ"]["kind"] = json!(said);
            files.extend((said != kind.name()).then(|| file(&world, kind, kind.header(), &payload)));
        }
    }
    check(&["kind"], || accepted(&files, &world.roots));
}

/// The tokens in each other's places. The place demands a kind, the header says it, and so do the payload and the keys' roles:
/// no switch makes one of them another.
#[test]
fn threat_07_in_the_place_of_another() {
    let world = World::new();
    let tokens = Kind::ALL.map(|kind| {
        let key = if kind == Kind::Component { &world.signing_key } else { world.issuer(kind) };
        forge(kind.header(), &with_jti(payload_of(&world, kind)), key)
    });
    let mut files = Vec::new();
    for places in 0..27_usize {
        let places = [places / 9, places / 3 % 3, places % 3];
        let content = places.map(|at| tokens[at].as_str()).join("\n");
        files.extend((places != [0, 1, 2]).then(|| with_content(&component(), content.as_bytes())));
    }
    assert_eq!((files.len(), accepted(&files, &world.roots)), (26, 0));
    let off = ["header", "kind", "roles", "unknown fields", "chain", "signature"];
    assert_eq!(super::without(&off, &|| accepted(&files, &world.roots)), 0);
}

/// W1: a switch in the token. There is none, and a field that nobody knows refuses the token that has it.
#[test]
fn threat_07_switches_in_the_token() {
    let world = World::new();
    let switches = [
        ("wascap_revision", json!(2)),
        ("wascap_revision", json!(0)),
        ("wascap", json!({ "hash": "", "prov": true })),
        ("version", json!(0)),
        ("v", json!(1)),
        ("crit", json!([])),
        ("verify", json!(false)),
        ("unsigned", json!(true)),
        ("aud", json!("*")),
        ("any", Value::Null),
    ];
    let mut files = Vec::new();
    for kind in Kind::ALL {
        for (field, value) in &switches {
            let (mut outside, mut inside) = (payload_of(&world, kind), payload_of(&world, kind));
            outside[*field] = value.clone();
            // A component's own token has a `version`, and this is none.
            inside["writ"][*field] = value.clone();
            files.extend([outside, inside].map(|payload| file(&world, kind, kind.header(), &payload)));
        }
    }
    assert_eq!(files.len(), 60);
    check(&["unknown fields"], || accepted(&files, &world.roots));
}
