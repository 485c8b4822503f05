//! Rows 9 and 10: a key that leaked and was revoked, and a date of revocation that a token is made to dodge.

use writ_signing::revocation::{AccountLists, Draft, Extent, List, Lists, Subject};
use writ_signing::token::{CommonDraft, ComponentDraft, Components, Tokens, sign_component};
use writ_signing::{Digest, Revocations, Roots, section, verify};

use super::{accepted, check};
use crate::fixture::{DAY, NOW, World, component};

/// The operator's first list, and the account's with these entries.
pub(super) fn lists(world: &World, number: u64, signed: u64, revoked: &[(Subject, Extent)]) -> [List; 2] {
    let mut draft = Draft::after(None);
    let own = (1..number).fold(None, |last: Option<List>, _| {
        let text = Draft::after(last.as_ref()).sign(&world.account, signed).unwrap();
        Some(List::verify(text.as_bytes(), world.account.public()).unwrap())
    });
    if let Some(last) = &own {
        draft = Draft::after(Some(last));
    }
    revoked.iter().for_each(|(subject, extent)| draft.revoke(*subject, *extent));
    let text = draft.sign(&world.account, signed).unwrap();
    let operators = Draft::after(None).sign(&world.operator, signed).unwrap();
    [
        List::verify(operators.as_bytes(), world.operator.public()).unwrap(),
        List::verify(text.as_bytes(), world.account.public()).unwrap(),
    ]
}

/// What a host trusts that found these lists, none of them older than a day.
pub(super) fn roots(world: &World, found: impl IntoIterator<Item = List>) -> Roots {
    let mut lists = Lists::new(DAY, AccountLists::Required);
    found.into_iter().for_each(|list| lists.insert(list.issuer(), Ok(list)));
    Roots::from_iter([(world.operator.public(), Revocations::Lists(lists))])
}

/// A file that the leaked key signs, whose token says that it was signed at `iat`.
fn leaked(world: &World, iat: u64) -> Vec<u8> {
    let draft = world.component_draft();
    let common = CommonDraft { nbf: Some(0), exp: NOW + 90 * DAY, ..draft.common };
    let token = sign_component(&ComponentDraft { common, ..draft }, &component(), &world.signing_key, iat).unwrap();
    let signing_key = world.signing_key_token(Components::Any);
    section::embed(&component(), &Tokens::new(token, Some(signing_key), world.account_token()).unwrap()).unwrap()
}

/// Revoking a key is total: whatever it signs, whenever that says it was signed, and what it signed before.
#[test]
fn threat_09_a_leaked_key_is_revoked() {
    let world = World::new();
    let files = [NOW, NOW - 1, NOW - 30 * DAY, 0, NOW + 60].map(|iat| leaked(&world, iat));
    let revoked = roots(&world, lists(&world, 1, NOW, &[(Subject::Key(world.signing_key.public()), Extent::Total)]));
    assert_eq!(accepted(&files, &roots(&world, lists(&world, 1, NOW, &[]))), files.len(), "before it is revoked");
    check(&["revocation"], || accepted(&files, &revoked));
}

/// A host that is cut off from new lists, or whose lists were taken away, starts nothing.
#[test]
fn threat_09_a_partitioned_host() {
    let world = World::new();
    let file = leaked(&world, NOW);
    let old = roots(&world, lists(&world, 1, NOW - DAY - 61, &[]));
    check(&["list age"], || accepted([&file], &old));
    let [operators, own] = lists(&world, 1, NOW, &[]);
    for found in [vec![], vec![operators], vec![own]] {
        check(&["list demanded"], || accepted([&file], &roots(&world, found.clone())));
    }
}

/// What a leaked key can say about when it signed, and what comes of it where the component is revoked before `NOW`.
#[test]
fn threat_10_dodging_a_date() {
    let world = World::new();
    let before = roots(&world, lists(&world, 1, NOW, &[(Subject::Key(world.id), Extent::Before(NOW))]));
    let is_accepted = |iat: u64| verify(&leaked(&world, iat), &before, NOW).is_ok();
    for (iat, expected) in [
        (0, false),
        (1, false),
        (NOW - 30 * DAY, false),
        (NOW - 1, false),
        (NOW, true),
        (NOW + 60, true),
        (NOW + 61, false),
        (NOW + DAY, false),
        (NOW + 89 * DAY, false),
    ] {
        assert_eq!(is_accepted(iat), expected, "{iat}");
    }
    let count = |iats: &[u64]| iats.iter().filter(|iat| is_accepted(**iat)).count();
    check(&["revocation"], || count(&[0, 1, NOW - 30 * DAY, NOW - 1]));
    check(&["issued in future"], || count(&[NOW + 61, NOW + DAY, NOW + 89 * DAY]));
}

/// A date that says less than the key itself: the old token made anew with a later one is what a date lets pass, and a total
/// revocation, of the key or of the file, does not.
#[test]
fn threat_10_made_again_later() {
    let world = World::new();
    let file = leaked(&world, NOW);
    let subject = Subject::Key(world.id);
    let voided = |subject, extent| roots(&world, lists(&world, 1, NOW, &[(subject, extent)]));
    assert_eq!(accepted([&file], &voided(subject, Extent::Before(NOW))), 1);
    for (subject, extent) in [
        (subject, Extent::Before(NOW + 1)),
        (subject, Extent::Total),
        (Subject::Digest(Digest::of(&component())), Extent::Total),
        (Subject::Key(world.signing_key.public()), Extent::Total),
        (Subject::Key(world.signing_key.public()), Extent::Before(NOW + 1)),
    ] {
        let roots = voided(subject, extent);
        check(&["revocation"], || accepted([&file], &roots));
    }
}

/// A list from the future would outlive its age; a list of another's says nothing.
#[test]
fn threat_10_lists_that_dodge() {
    let world = World::new();
    let file = leaked(&world, NOW);
    let ahead = roots(&world, lists(&world, 1, NOW + 61, &[]));
    check(&["list issued in future"], || accepted([&file], &ahead));
}
