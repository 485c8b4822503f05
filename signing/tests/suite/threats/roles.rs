//! Row 11: who signs as whom. Keys of every role in every place, and issuers that made themselves.

use serde_json::json;
use writ_signing::token::{Components, Kind, Tokens};
use writ_signing::{PublicKey, Revocations, Role, Roots, SigningKey, section};

use super::{accepted, check, check_layers};
use crate::fixture::{World, common, component, forge, key, trusted, with_content, with_jti};
use crate::keys::public_of;

/// The letters of nkeys' eight roles, and one that nobody has, each with its prefix.
const ROLES: [(char, u8); 9] = [
    ('O', 14 << 3),
    ('A', 0),
    ('M', 12 << 3),
    ('N', 13 << 3),
    ('U', 20 << 3),
    ('V', 21 << 3),
    ('C', 2 << 3),
    ('X', 23 << 3),
    ('Z', 25 << 3),
];

/// A key's text with another role's letter: the same point.
fn dressed(key: &SigningKey, prefix: u8) -> String {
    public_of(prefix, key.public().bytes())
}

/// A file whose token of `kind` is issued by and about keys of these roles, and all else agrees with it: only the roles are wrong.
fn file(world: &World, kind: Kind, issuer: u8, subject: u8, lineage: &SigningKey) -> Vec<u8> {
    let (operator, account, signing_key) = (&world.operator, &world.account, &world.signing_key);
    let (mut o, mut a, mut k, mut m) = (14 << 3, 0, 0, 12 << 3);
    match kind {
        Kind::Component => (k, m) = (issuer, subject),
        Kind::SigningKey => (a, k) = (issuer, subject),
        Kind::Account => (o, a) = (issuer, subject),
    }
    let (o, a, k, m) = (dressed(operator, o), dressed(account, a), dressed(signing_key, k), dressed(lineage, m));
    let token = |kind: Kind, iss: &str, sub: &str, key: &SigningKey| {
        let mut payload = world.payload(kind);
        (payload["iss"], payload["sub"]) = (json!(iss), json!(sub));
        forge(kind.header(), &with_jti(payload), key)
    };
    let tokens = [
        token(Kind::Component, &k, &m, signing_key),
        token(Kind::SigningKey, &a, &k, account),
        token(Kind::Account, &o, &a, operator),
    ];
    with_content(&component(), tokens.join("\n").as_bytes())
}

#[test]
fn threat_11_every_role_in_every_place() {
    let world = World::new();
    let lineage = key(Role::Component);
    // The operator's point is trusted under every role that a root can be written with.
    let dressed_roots =
        ROLES.iter().filter_map(|(_, prefix)| dressed(&world.operator, *prefix).parse::<PublicKey>().ok());
    let roots: Roots = dressed_roots.map(|operator| (operator, Revocations::Never)).collect();
    assert_eq!(roots.iter().count(), 4);
    let mut wrong = Vec::new();
    for (kind, right) in [(Kind::Component, "AM"), (Kind::SigningKey, "AA"), (Kind::Account, "OA")] {
        for (issuer, issuer_prefix) in ROLES {
            for (subject, subject_prefix) in ROLES {
                let file = file(&world, kind, issuer_prefix, subject_prefix, &lineage);
                match [issuer, subject].iter().collect::<String>() == right {
                    true => assert_eq!(accepted([&file], &roots), 1, "{kind} {right}"),
                    false => wrong.push(file),
                }
            }
        }
    }
    assert_eq!(wrong.len(), 3 * (9 * 9 - 1));
    check(&["roles"], || accepted(&wrong, &roots));
}

/// A whole world that somebody made for themselves: every signature holds, and only the pin is missing.
#[test]
fn threat_11_a_self_made_operator() {
    let (world, own) = (World::new(), World::new());
    let files = [own.direct(&component()), own.delegated(&component(), Components::Any)];
    check(&["pinned operators"], || accepted(&files, &world.roots));
    // Trusted with what their place is not: the account as a root, the signing key as one.
    let keys = trusted([own.account.public(), own.signing_key.public(), own.id]);
    check(&["pinned operators"], || accepted(&files, &keys));
}

/// Somebody's own key under another's account: the name in `iss` is one thing, the signature another, and the chain a third.
#[test]
fn threat_11_impersonation() {
    let (world, attacker) = (World::new(), key(Role::Account));
    let file = component();
    let embed = |component_token, signing_key| {
        section::embed(&file, &Tokens::new(component_token, signing_key, world.account_token()).unwrap()).unwrap()
    };
    // Their own name, under the victim's account and under the victim's signing key.
    let own = world.component_token(&file, &attacker);
    let foreign = [embed(own.clone(), None), embed(own, Some(world.signing_key_token(Components::Any)))];
    check(&["chain"], || accepted(&foreign, &world.roots));
    // The victim's name, and their own signature.
    let payload = with_jti(world.payload(Kind::Component));
    let forged = forge(Kind::Component.header(), &payload, &attacker).parse().unwrap();
    let forged = embed(forged, None);
    check_layers(&["signature"], || accepted([&forged], &world.roots));
    // A signing key that the attacker vouched for.
    let draft = writ_signing::token::SigningKeyDraft {
        common: common(world.signing_key.public(), "ci", writ_signing::token::Capabilities::Any),
        components: Components::Any,
    };
    let vouched = writ_signing::token::sign_signing_key(&draft, &attacker, crate::fixture::NOW).unwrap();
    let delegated = embed(world.component_token(&file, &world.signing_key), Some(vouched));
    check(&["chain"], || accepted([&delegated], &world.roots));
}
