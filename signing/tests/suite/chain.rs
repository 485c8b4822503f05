//! Who may sign what: the round trip, and every link that does not hold.

use serde_json::json;
use writ_signing::token::{
    AccountDraft, Capabilities, Claims, ComponentRef, Components, Kind, SigningKeyDraft, TokenError, Tokens,
    sign_account, sign_signing_key,
};
use writ_signing::{Digest, Role, Roots, VerifyError, inspect, section, verify};

use crate::fixture::{DAY, NOW, World, common, component, forge, key, trusted, with_content, with_jti};

#[test]
fn direct() {
    let world = World::new();
    let file = world.direct(&component());
    let verified = verify(&file, &world.roots, NOW).unwrap();
    assert_eq!(verified.operator(), world.operator.public());
    assert_eq!(verified.account().common.name, "acme");
    assert_eq!(verified.account().common.capabilities, Capabilities::Any);
    assert_eq!(verified.signing_key(), None);
    assert_eq!(verified.digest(), Digest::of(&component()));
    assert_eq!(verified.exp(), NOW + DAY);
    assert_eq!(verified.principal().to_string(), "acme/orders");
    assert_eq!(verified.principal().keyed().to_string(), format!("{}/{}", world.account.public(), world.id));

    let claims = verified.component();
    assert_eq!((claims.version.as_str(), claims.revision, claims.length), ("0.1.0", 3, component().len() as u64));
    assert_eq!(claims.common.limits["memory"], json!("32MiB"));
    let Capabilities::Only(capabilities) = &claims.common.capabilities else { panic!("any") };
    assert_eq!(capabilities["keyvalue"], json!([{ "bucket": "orders", "verbs": ["read", "write"] }]));
}

#[test]
fn delegated() {
    let world = World::new();
    let verified = verify(&world.delegated(&component(), Components::Any), &world.roots, NOW).unwrap();
    assert_eq!(verified.signing_key().unwrap().common.subject, world.signing_key.public());
    assert_eq!(verified.principal().account(), world.account.public());
    let kinds: Vec<_> = verified.chain().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, Kind::ALL);
}

#[test]
fn same_claims_same_jti() {
    let world = World::new();
    let jti = |revision| {
        let draft = writ_signing::token::ComponentDraft { revision, ..world.component_draft() };
        let token = writ_signing::token::sign_component(&draft, &component(), &world.account, NOW).unwrap();
        token.unverified_claims().unwrap().common().jti.clone()
    };
    assert_eq!(jti(1), jti(1));
    assert_ne!(jti(1), jti(2));
}

#[test]
fn roots() {
    let world = World::new();
    let file = world.direct(&component());
    let operator = world.operator.public();
    let unknown = Err(VerifyError::UnknownIssuer { operator });
    assert_eq!(verify(&file, &Roots::default(), NOW), unknown);
    assert_eq!(verify(&file, &trusted([key(Role::Operator).public()]), NOW), unknown);
    assert_eq!(verify(&file, &trusted([world.account.public()]), NOW), unknown);
    let both = trusted([key(Role::Operator).public(), operator]);
    verify(&file, &both, NOW).unwrap();
}

#[test]
fn scope_of_a_signing_key() {
    let world = World::new();
    let entry = |name: &str, id| ComponentRef { name: name.to_owned(), id };
    let other = key(Role::Component).public();
    for (components, covered) in [
        (Components::Any, true),
        (Components::Only(vec![entry("orders", world.id)]), true),
        (Components::Only(vec![entry("x", other), entry("orders", world.id)]), true),
        (Components::Only(vec![]), false),
        (Components::Only(vec![entry("orders", other)]), false),
        (Components::Only(vec![entry("Orders", world.id)]), false),
        // One entry must have both.
        (Components::Only(vec![entry("orders", other), entry("pricing", world.id)]), false),
    ] {
        let verdict = verify(&world.delegated(&component(), components.clone()), &world.roots, NOW);
        let refused = matches!(verdict, Err(VerifyError::OutOfScope { .. }));
        assert_eq!((verdict.is_ok(), refused), (covered, !covered), "{components:?}: {verdict:?}");
    }
}

/// Each token in turn signed by a key that is none of its issuer.
#[test]
fn signed_by_another() {
    let world = World::new();
    let right = Kind::ALL.map(|kind| forge(kind.header(), &with_jti(world.payload(kind)), world.issuer(kind)));
    let component_by_key = {
        let mut payload = world.payload(Kind::Component);
        payload["iss"] = json!(world.signing_key.public());
        forge(Kind::Component.header(), &with_jti(payload), &world.signing_key)
    };
    let right = [component_by_key, right[1].clone(), right[2].clone()];
    verify(&with_content(&component(), right.join("\n").as_bytes()), &world.roots, NOW).unwrap();

    let keys = [&world.operator, &world.account, &world.signing_key, &key(Role::Account), &key(Role::Operator)];
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let issuer = if kind == Kind::Component { &world.signing_key } else { world.issuer(kind) };
        for key in keys.iter().filter(|key| key.public() != issuer.public()) {
            let mut tokens = right.clone();
            let (message, _) = tokens[index].rsplit_once('.').unwrap();
            let signature = data_encoding::BASE64URL_NOPAD.encode(&key.sign(message.as_bytes()));
            tokens[index] = format!("{message}.{signature}");
            let verdict = verify(&with_content(&component(), tokens.join("\n").as_bytes()), &world.roots, NOW);
            assert_eq!(verdict, Err(VerifyError::BadSignature { token: kind, issuer: issuer.public() }));
        }
    }
}

/// Tokens that are valid each, and do not belong together.
#[test]
fn broken_chains() {
    let (ours, theirs) = (World::new(), World::new());
    let roots = trusted([ours.operator.public(), theirs.operator.public()]);
    let file = component();
    let broken = |token, issuer, expected| Err(VerifyError::BrokenChain { token, issuer, expected });
    let (account, signing_key) = (ours.account.public(), ours.signing_key.public());
    let any = || Components::Any;
    for (component, key, account_token, expected) in [
        // Another account's, under our account.
        (
            theirs.component_token(&file, &theirs.account),
            None,
            ours.account_token(),
            broken(Kind::Component, theirs.account.public(), account),
        ),
        // Signed by a signing key whose token is missing.
        (
            ours.component_token(&file, &ours.signing_key),
            None,
            ours.account_token(),
            broken(Kind::Component, signing_key, account),
        ),
        // Signed by the account, with a signing key's token beside it.
        (
            ours.component_token(&file, &ours.account),
            Some(ours.signing_key_token(any())),
            ours.account_token(),
            broken(Kind::Component, account, signing_key),
        ),
        // Another account's signing key.
        (
            ours.component_token(&file, &theirs.signing_key),
            Some(theirs.signing_key_token(any())),
            ours.account_token(),
            broken(Kind::SigningKey, theirs.account.public(), account),
        ),
        // A signing key that made itself a token for a further one: no third level.
        (
            ours.component_token(&file, &theirs.signing_key),
            Some({
                let common = common(theirs.signing_key.public(), "ci", Capabilities::Any);
                sign_signing_key(&SigningKeyDraft { common, components: any() }, &ours.signing_key, NOW).unwrap()
            }),
            ours.account_token(),
            broken(Kind::SigningKey, signing_key, account),
        ),
    ] {
        let signed = section::embed(&file, &Tokens::new(component, key, account_token).unwrap()).unwrap();
        assert_eq!(verify(&signed, &roots, NOW), expected);
    }
}

/// Every role as issuer and as subject of every kind of token: exactly one pair each is read.
#[test]
fn roles() {
    let world = World::new();
    let types = ["OPERATOR", "ACCOUNT", "MODULE", "SERVER", "USER", "SERVICE", "CURVE", "CLUSTER"];
    let keys = || types.map(|name| nkeys::KeyPair::new(name.parse().unwrap()).public_key());
    for kind in Kind::ALL {
        let mut accepted = Vec::new();
        for (issuer, subject) in keys().into_iter().flat_map(|iss| keys().map(|sub| (iss.clone(), sub))) {
            let mut payload = world.payload(kind);
            payload["iss"] = issuer.as_str().into();
            payload["sub"] = subject.as_str().into();
            let token = forge(kind.header(), &with_jti(payload), &world.account);
            match token.parse::<writ_signing::token::Token>().unwrap().unverified_claims() {
                Ok(_) => accepted.push((issuer.chars().next().unwrap(), subject.chars().next().unwrap())),
                Err(TokenError::Role { .. } | TokenError::Key { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        let expected = match kind {
            Kind::Component => ('A', 'M'),
            Kind::SigningKey => ('A', 'A'),
            Kind::Account => ('O', 'A'),
        };
        assert_eq!(accepted, [expected], "{kind}");
    }
}

#[test]
fn nobody_vouches_for_themselves() {
    let world = World::new();
    let draft = SigningKeyDraft {
        common: common(world.account.public(), "self", Capabilities::Any),
        components: Components::Any,
    };
    let refused = sign_signing_key(&draft, &world.account, NOW).unwrap_err();
    let key = world.account.public();
    assert_eq!(refused, TokenError::SelfIssued { key }.into());
}

#[test]
fn a_wrong_key_signs_nothing() {
    let world = World::new();
    let draft = AccountDraft { common: common(world.account.public(), "acme", Capabilities::Any) };
    let role = |expected, found| TokenError::Role { field: "iss", expected, found };
    for found in [Role::Account, Role::Component, Role::Host] {
        let refused = sign_account(&draft, &key(found), NOW).unwrap_err();
        assert_eq!(refused, role(Role::Operator, found).into());
    }
}

#[test]
fn inspection_shows_what_does_not_verify() {
    let world = World::new();
    let file = world.direct(&component());
    let shown = inspect(&file).unwrap();
    assert_eq!((shown.digest, shown.length), (Digest::of(&component()), component().len() as u64));
    let tokens: Vec<_> = shown.tokens.into_iter().map(Result::unwrap).collect();
    assert!(tokens.iter().all(|token| token.signed_by_issuer));
    assert!(matches!(&tokens[0].claims, Claims::Component(claims) if claims.revision == 3));
    assert_eq!(tokens[1].token.kind(), Kind::Account);

    let forged = forge(Kind::Component.header(), &with_jti(world.payload(Kind::Component)), &key(Role::Account));
    let shown = inspect(&with_content(&component(), format!("{forged}\nx").as_bytes())).unwrap();
    assert!(!shown.tokens[0].as_ref().unwrap().signed_by_issuer);
    assert_eq!(shown.tokens[1], Err(TokenError::Segments));
    let payload = shown.tokens[0].as_ref().unwrap().token.unverified_payload();
    assert_eq!(payload, with_jti(world.payload(Kind::Component)).as_bytes());
    assert!(inspect(&component()).is_err());
}
