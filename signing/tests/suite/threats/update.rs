//! Row 18: the attacks on updates that The Update Framework names, ten rows, at what stands against each here. Releases that go
//! back are the command line's, with a test of this row's name there.

use serde_json::json;
use writ_signing::revocation::{AccountLists, Draft, Extent, HEADER, List, Lists, MAX_LIST, Mark, Subject};
use writ_signing::section::{self, split};
use writ_signing::token::{ComponentRef, Components, MAX_TOKEN};
use writ_signing::{Revocations, Role, Roots, verify};

use super::revoked::{lists, roots};
use super::{accepted, check};
use crate::fixture::{DAY, NOW, PREAMBLE, World, component, custom, forge, key, leb, with_content, with_jti};

/// A file that nobody we trust signed.
#[test]
fn threat_18_arbitrary_installation() {
    let (world, attacker) = (World::new(), World::new());
    let files = [attacker.direct(&component()), attacker.delegated(&component(), Components::Any)];
    check(&["pinned operators"], || accepted(&files, &world.roots));
    assert_eq!(super::without(&["signature"], &|| accepted([component()], &world.roots)), 0);
}

/// An older list in the place of the one that revoked a key.
#[test]
fn threat_18_rollback_of_a_list() {
    let world = World::new();
    let file = world.direct(&component());
    let [operators, old] = lists(&world, 1, NOW, &[]);
    let revoked = (Subject::Key(world.id), Extent::Total);
    let [_, new] = lists(&world, 2, NOW, &[revoked]);
    assert_eq!(accepted([&file], &roots(&world, [operators.clone(), new.clone()])), 0);
    // And another list of the same number, as if the newer one had never been.
    let [_, same_number] = lists(&world, 2, NOW - 1, &[]);
    for back in [old, same_number] {
        let roots = demanding(&world, [operators.clone(), back], new.mark());
        check(&["list number"], || accepted([&file], &roots));
    }
}

/// These lists, where the account's was seen with this mark.
fn demanding(world: &World, found: [List; 2], mark: Mark) -> Roots {
    let mut lists = Lists::new(DAY, AccountLists::Required);
    found.into_iter().for_each(|list| lists.insert(list.issuer(), Ok(list)));
    lists.demand(world.account.public(), mark);
    Roots::from_iter([(world.operator.public(), Revocations::Lists(lists))])
}

/// The last list, and the last release, for ever: a list ends by its age, a token by its `exp`.
#[test]
fn threat_18_freeze() {
    let world = World::new();
    let file = world.direct(&component());
    let frozen = roots(&world, lists(&world, 1, NOW, &[]));
    let at = |now: u64| usize::from(verify(&file, &frozen, now).is_ok());
    assert_eq!(at(NOW), 1);
    // A day later the list ends, and so does the token, which is valid for a day.
    check(&["list age", "expiry"], || at(NOW + 30 * DAY));
    let never = &world.roots;
    check(&["expiry"], || usize::from(verify(&file, never, NOW + 30 * DAY).is_ok()));
}

/// The tokens of one release on the bytes of the next, and of one chain with another's.
#[test]
fn threat_18_mix_and_match() {
    let world = World::new();
    let releases: Vec<_> = (0..5_u8).map(|number| [PREAMBLE, &custom("release", &[number])].concat()).collect();
    let mut mixed = Vec::new();
    for of in &releases {
        let signed = world.direct(of);
        mixed
            .extend(releases.iter().filter(|on| *on != of).map(|on| with_content(on, split(&signed).unwrap().content)));
    }
    check(&["digest"], || accepted(&mixed, &world.roots));
    let token = |world: &World| world.component_token(&component(), &world.account).to_string();
    let other = World { account: key(Role::Account), ..World::new() };
    let chains = [world.with_tokens(&token(&other), world.account_token().as_str())];
    check(&["chain"], || accepted(&chains, &world.roots));
}

/// A number so high that no honest list comes after it: only the issuer's own signature raises the mark.
#[test]
fn threat_18_fast_forward() {
    let world = World::new();
    let attacker = key(Role::Account);
    let payload = with_jti(json!({
        "iss": world.account.public(), "iat": NOW,
        "writ": { "kind": "revocations", "number": u64::MAX, "revoked": {} },
    }));
    let text = forge(HEADER, &payload, &attacker);
    let raised = || {
        let mut lists = Lists::new(DAY, AccountLists::Required);
        lists.insert(world.account.public(), List::verify(text.as_bytes(), world.account.public()));
        lists.marks().len()
    };
    check(&["signature"], raised);
}

/// More bytes than anybody reads: lists, tokens, claims, files.
#[test]
fn threat_18_endless_data() {
    let world = World::new();
    let account = world.account.public();
    let digest = |number: u32| Subject::Digest(writ_signing::Digest::of(&number.to_le_bytes()));
    let revoked: serde_json::Map<_, _> = (0..12_000).map(|number| (digest(number).to_string(), json!({}))).collect();
    let payload =
        json!({ "iss": account, "iat": NOW, "writ": { "kind": "revocations", "number": 1, "revoked": revoked } });
    let list = forge(HEADER, &with_jti(payload), &world.account);
    assert!(list.len() > MAX_LIST);
    check(&["sizes"], || usize::from(List::verify(list.as_bytes(), account).is_ok()));

    let mut payload = world.payload(writ_signing::token::Kind::Component);
    payload["writ"]["limits"] = json!({ "memory": "9".repeat(MAX_TOKEN) });
    let long = forge(writ_signing::token::Kind::Component.header(), &with_jti(payload), &world.account);
    let file = world.with_tokens(&long, world.account_token().as_str());
    check(&["sizes"], || accepted([&file], &world.roots));

    let mut endless = [PREAMBLE, &[9], &leb(section::MAX_FILE)].concat();
    endless.resize(endless.len() + section::MAX_FILE, 0);
    check(&["sizes"], || usize::from(section::unsigned(&endless).is_ok()));
}

/// What a signing key may not sign, under its own account: another component's name, another's key.
#[test]
fn threat_18_wrong_software() {
    let world = World::new();
    let id = key(Role::Component).public();
    let other = |name: &str, id| Components::Only(vec![ComponentRef { name: name.to_owned(), id }]);
    let files = [other("payments", world.id), other("orders", id), other("payments", id), Components::Only(vec![])]
        .map(|components| world.delegated(&component(), components));
    check(&["scope"], || accepted(&files, &world.roots));
}

/// A mirror can leave out, cut and put others in their place: of what was signed, and of the lists.
#[test]
fn threat_18_malicious_mirror() {
    let world = World::new();
    let file = world.direct(&component());
    let cut = (0..file.len()).map(|length| file[..length].to_vec());
    assert_eq!(accepted(cut, &world.roots), 0);
    let [operators, own] = lists(&world, 1, NOW, &[]);
    for found in [vec![], vec![own], vec![operators]] {
        check(&["list demanded"], || accepted([&file], &roots(&world, found.clone())));
    }
}

/// Parts that were not there when it was signed: a module, a component, an import, before what is signed and behind it.
#[test]
fn threat_18_extraneous_dependencies() {
    let world = World::new();
    let file = world.direct(&component());
    let module = b"\0asm\x01\0\0\0".as_slice();
    let parts = [(1, module), (4, PREAMBLE), (10, [1, 0, 1, b'x', 1, 0].as_slice()), (0, b"\x04note")];
    let borders = [PREAMBLE.len(), component().len(), file.len()];
    let mut files = Vec::new();
    for (id, content) in parts {
        let section = [&[id], leb(content.len()).as_slice(), content].concat();
        files.extend(borders.map(|border| [&file[..border], &section, &file[border..]].concat()));
    }
    check(&["digest", "length"], || accepted(&files, &world.roots));
    check(&["claims section last"], || accepted(&files, &world.roots));
}

/// The keys themselves are stolen: each is revoked by the one above it, and the operator's by whoever pinned it.
#[test]
fn threat_18_key_compromise() {
    let world = World::new();
    let (direct, delegated) = (world.direct(&component()), world.delegated(&component(), Components::Any));
    let signing_key = (Subject::Key(world.signing_key.public()), Extent::Total);
    let leaked = roots(&world, lists(&world, 1, NOW, &[signing_key]));
    check(&["revocation"], || accepted([&delegated], &leaked));

    let mut draft = Draft::after(None);
    draft.revoke(Subject::Key(world.account.public()), Extent::Total);
    let operators = draft.sign(&world.operator, NOW).unwrap();
    let operators = List::verify(operators.as_bytes(), world.operator.public()).unwrap();
    let [_, own] = lists(&world, 1, NOW, &[]);
    let account = roots(&world, [operators, own]);
    check(&["revocation"], || accepted([&direct, &delegated], &account));
    check(&["pinned operators"], || accepted([&direct, &delegated], &Roots::default()));
}
