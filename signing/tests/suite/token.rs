//! Tokens whose payload is not exactly what is read.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use writ_signing::token::{
    Capabilities, ComponentDraft, Kind, MAX_DEPTH, MAX_TOKEN, Token, TokenError, sign_component,
};
use writ_signing::{KeyError, PublicKey, Role, VerifyError, verify};

use crate::fixture::{NOW, World, component, forge, key, with_jti};

/// Refused as a token and as a part of a file, although its signature holds.
#[track_caller]
pub(crate) fn check(world: &World, kind: Kind, header: &str, payload: &str, expected: TokenError) {
    let forged = forge(header, payload, world.issuer(kind));
    let read = forged.parse::<Token>().and_then(|token| token.unverified_claims());
    assert_eq!(read, Err(expected), "{header} {payload}");
    let mut tokens = [Kind::Component, Kind::Account]
        .map(|kind| forge(kind.header(), &with_jti(world.payload(kind)), world.issuer(kind)));
    match kind {
        Kind::Component => tokens[0] = forged,
        Kind::Account => tokens[1] = forged,
        Kind::SigningKey => return,
    }
    let file = world.with_tokens(&tokens[0], &tokens[1]);
    let verdict = verify(&file, &world.roots, NOW);
    assert!(matches!(verdict, Err(VerifyError::Tokens(_) | VerifyError::Token { .. })), "{verdict:?}");
}

/// The payload of `kind`, changed by `sabotage`, with the `jti` that fits it.
#[track_caller]
fn check_payload(kind: Kind, sabotage: impl Fn(&mut Value), expected: TokenError) {
    let world = World::new();
    let mut payload = world.payload(kind);
    sabotage(&mut payload);
    check(&world, kind, kind.header(), &with_jti(payload), expected);
}

/// The text of a payload, changed after its `jti` was made.
#[track_caller]
fn check_text(from: &str, to: &str, expected: TokenError) {
    let world = World::new();
    let payload = with_jti(world.payload(Kind::Component));
    assert!(payload.contains(from), "{payload}");
    check(&world, Kind::Component, Kind::Component.header(), &payload.replacen(from, to, 1), expected);
}

#[test]
fn unchanged_ones_are_read() {
    let world = World::new();
    for kind in Kind::ALL {
        let forged = forge(kind.header(), &with_jti(world.payload(kind)), world.issuer(kind));
        let token: Token = forged.parse().unwrap();
        assert_eq!((token.kind(), token.as_str()), (kind, forged.as_str()));
        assert_eq!(token.unverified_claims().unwrap().common().name, "orders");
    }
}

#[test]
fn twice_the_same_key() {
    let twice = |key: &str| TokenError::DuplicateKey { key: key.to_owned() };
    check_text("\"exp\":", "\"exp\":1,\"exp\":", twice("exp"));
    check_text("\"exp\":", "\"\\u0065xp\":1,\"exp\":", twice("exp"));
    check_text("\"kind\":", "\"kind\":\"account\",\"kind\":", twice("kind"));
    check_text("\"capabilities\":{}", "\"capabilities\":{\"a\":1,\"a\":1}", twice("a"));
    check_text("\"capabilities\":{}", "\"capabilities\":{\"a\":[[{\"b\":1,\"c\":2,\"b\":1}]]}", twice("b"));
    check_text("{\"exp\"", "{\"jti\":\"\",\"exp\"", twice("jti"));
    let long = "k".repeat(1000);
    let twice_long = format!("\"capabilities\":{{\"{long}\":1,\"{long}\":1}}");
    check_text("\"capabilities\":{}", &twice_long, twice(&long[..64]));
}

#[test]
fn what_is_no_json() {
    let world = World::new();
    for payload in [
        "",
        "{",
        "{}{}",
        "{} x",
        "nul",
        "'a'",
        "{a:1}",
        "{\"a\":1,}",
        "\u{feff}{}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":01}",
        "{\"a\":1e999}",
        "{\"a\":NaN}",
        "/**/{}",
        "{\"a\":+1}",
        "{\"a\":.5}",
    ] {
        let forged = forge(Kind::Account.header(), payload, &world.operator);
        let read = forged.parse::<Token>().unwrap().unverified_claims();
        assert!(matches!(read, Err(TokenError::Json { .. })), "{payload}: {read:?}");
    }
    for payload in ["[]", "\"any\"", "1", "null"] {
        let expected = TokenError::Field { field: "payload", expected: "an object" };
        check(&world, Kind::Account, Kind::Account.header(), payload, expected);
    }
}

#[test]
fn depth() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let put = |depth| format!("\"capabilities\":{{\"a\":{}}}", nested(depth));
    // The payload, `writ` and `capabilities` are three.
    let fits = MAX_DEPTH - 3;
    check_text("\"capabilities\":{}", &put(fits + 1), TokenError::TooDeep);
    check_text("\"capabilities\":{}", &put(100), TokenError::TooDeep);
    check_text("\"capabilities\":{}", &put(4000), TokenError::TooDeep);

    let world = World::new();
    let draft = |depth| {
        let value = serde_json::from_str(&nested(depth)).unwrap();
        let mut draft: ComponentDraft = world.component_draft();
        draft.common.capabilities = Capabilities::Only(BTreeMap::from([("a".to_owned(), value)]));
        sign_component(&draft, &component(), &world.account, NOW)
    };
    draft(fits).unwrap();
    assert_eq!(draft(fits + 1), Err(TokenError::TooDeep.into()));
    assert_eq!(draft(100), Err(TokenError::TooDeep.into()));
}

#[test]
fn size() {
    let world = World::new();
    let mut draft = world.component_draft();
    let text = Value::from("x".repeat(MAX_TOKEN));
    draft.common.limits = BTreeMap::from([("a".to_owned(), text)]);
    let refused = sign_component(&draft, &component(), &world.account, NOW).unwrap_err();
    assert!(matches!(refused, writ_signing::token::SignError::Token(TokenError::TooLong { .. })));
}

#[test]
fn every_field_is_required_and_no_other_is_known() {
    let world = World::new();
    for kind in Kind::ALL {
        let payload = world.payload(kind);
        for field in ["iss", "sub", "writ"] {
            check_payload(kind, |p| drop(p.as_object_mut().unwrap().remove(field)), TokenError::Missing { field });
        }
        let writ = payload["writ"].as_object().unwrap().keys();
        for name in writ {
            let field = format!("writ.{name}");
            let mut without = world.payload(kind);
            without["writ"].as_object_mut().unwrap().remove(name);
            let forged = forge(kind.header(), &with_jti(without), world.issuer(kind));
            let read = forged.parse::<Token>().unwrap().unverified_claims().unwrap_err();
            assert!(matches!(&read, TokenError::Missing { field: found } if *found == field), "{field}: {read}");
        }
        for name in ["aud", "kid", "Exp", "", "wascap", "writ "] {
            check_payload(kind, |p| p[name] = json!(1), TokenError::Unknown { field: name.to_owned() });
            let field = format!("writ.{name}");
            check_payload(kind, |p| p["writ"][name] = json!(1), TokenError::Unknown { field });
        }
    }
    // What another kind of token has is not known, either.
    let unknown = |field: &str| TokenError::Unknown { field: field.to_owned() };
    check_payload(Kind::Component, |p| p["writ"]["components"] = json!("any"), unknown("writ.components"));
    check_payload(Kind::Account, |p| p["writ"]["revision"] = json!(1), unknown("writ.revision"));
}

#[test]
fn fields() {
    let refused = |field, expected| TokenError::Field { field, expected };
    let set = |field: &'static str, value: Value| move |p: &mut Value| p["writ"][field] = value.clone();
    let kind = Kind::Component;

    let object = "an object of values by name";
    for value in [json!(null), json!([]), json!("Any"), json!("any "), json!(true)] {
        check_payload(kind, set("capabilities", value), refused("writ.capabilities", object));
    }
    let any = refused("writ.capabilities", "an object, as a component's must be");
    check_payload(kind, set("capabilities", json!("any")), any);
    for value in [json!(null), json!("any"), json!([])] {
        check_payload(kind, set("limits", value), refused("writ.limits", object));
    }
    let names = "an object whose names are 1 to 64 visible ASCII characters";
    for name in ["", "a b", "a\n", "ä", &"x".repeat(65)] {
        check_payload(kind, set("capabilities", json!({ name: 1 })), refused("writ.capabilities", names));
    }
    let whole = "free of numbers with a fraction or an exponent";
    check_payload(kind, set("capabilities", json!({ "a": [1.5] })), refused("writ.capabilities", whole));
    check_payload(kind, set("limits", json!({ "a": { "b": 1.0 } })), refused("writ.limits", whole));

    let name = "1 to 64 of A-Z, a-z, 0-9, - and _";
    for value in ["", "a/b", "a b", "ä", "a\n", "../x", "a.b", "\u{202e}x", &"x".repeat(65)] {
        check_payload(kind, set("name", json!(value)), refused("writ.name", name));
    }
    let version = "1 to 64 of A-Z, a-z, 0-9, ., + and -";
    for value in ["", "1.0 ", "1/0", &"1".repeat(65)] {
        check_payload(kind, set("version", json!(value)), refused("writ.version", version));
    }
    for field in ["revision", "length"] {
        let path = if field == "revision" { "writ.revision" } else { "writ.length" };
        for value in [json!(-1), json!(1.0), json!("1"), json!(null)] {
            check_payload(kind, set(field, value), refused(path, "an unsigned integer"));
        }
    }
    let digest = "sha256: and 64 lower-case hexadecimal digits";
    check_payload(kind, set("digest", json!("sha256:00")), refused("writ.digest", digest));
    let components = "\"any\" or a list";
    check_payload(Kind::SigningKey, set("components", json!({})), refused("writ.components", components));
    check_payload(Kind::SigningKey, set("components", json!(["orders"])), refused("writ.components", "an object"));
    let id = TokenError::Missing { field: "writ.components.id" };
    check_payload(Kind::SigningKey, set("components", json!([{ "name": "orders" }])), id);

    let entry = |id: PublicKey| json!([{ "name": "orders", "id": id, "more": 1 }]);
    let more = TokenError::Unknown { field: "writ.components.more".to_owned() };
    check_payload(Kind::SigningKey, set("components", entry(key(Role::Component).public())), more);
    let (expected, found) = (Role::Component, Role::Account);
    let role = TokenError::Role { field: "writ.components.id", expected, found };
    check_payload(Kind::SigningKey, set("components", entry(key(found).public())), role);

    let source = KeyError::Length { expected: 56, found: 1 };
    check_payload(kind, |p| p["iss"] = json!("A"), TokenError::Key { field: "iss", source });
}

/// A token of one kind under the header of another, and one that says another kind inside.
#[test]
fn kinds_do_not_mix() {
    let world = World::new();
    let kind_field = TokenError::Field { field: "writ.kind", expected: "the kind that the header says" };
    for inside in Kind::ALL {
        for outside in Kind::ALL.into_iter().filter(|outside| *outside != inside) {
            let forged = forge(outside.header(), &with_jti(world.payload(inside)), world.issuer(inside));
            let read = forged.parse::<Token>().unwrap().unverified_claims();
            assert_eq!(read, Err(kind_field.clone()));
            check_payload(inside, |p| p["writ"]["kind"] = json!(outside.name()), kind_field.clone());
        }
    }
}

/// One `jti` cannot stand for two tokens.
#[test]
fn jti_names_the_payload() {
    let world = World::new();
    let right = with_jti(world.payload(Kind::Component));
    let jti = serde_json::from_str::<Value>(&right).unwrap()["jti"].as_str().unwrap().to_owned();
    let mut other = world.payload(Kind::Component);
    other["writ"]["revision"] = json!(4);
    other["jti"] = json!(jti);
    let forged = forge(Kind::Component.header(), &other.to_string(), &world.account);
    let read = forged.parse::<Token>().unwrap().unverified_claims();
    assert!(matches!(read, Err(TokenError::Id { .. })));

    // White space and the order of keys are free, as the name is made from the canonical form.
    let spaced = right.replace(',', " ,\n").replace(':', ": ").replace("sha256: ", "sha256:");
    let forged = forge(Kind::Component.header(), &spaced, &world.account);
    forged.parse::<Token>().unwrap().unverified_claims().unwrap();
}
