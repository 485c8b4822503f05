//! Lists: what is one, what it revokes, and when it is relied on.

use proptest::prelude::*;
use serde_json::{Value, json};
use writ_signing::revocation::{
    AccountLists, Draft, Extent, HEADER, List, ListError, Lists, MAX_LIST, Subject, Unlisted,
};
use writ_signing::token::{Components, Kind, Token, TokenError, Tokens};
use writ_signing::{Digest, PublicKey, Revocations, Role, Roots, SigningKey, VerifyError, section, verify};

use crate::fixture::{DAY, NOW, World, component, forge, key, with_content, with_jti};

/// A list of this number about these subjects.
fn list(issuer: &SigningKey, number: u64, iat: u64, revoked: &[(Subject, Extent)]) -> List {
    let mut payload = json!({ "iss": issuer.public(), "iat": iat });
    let entry = |(subject, extent): &(Subject, Extent)| {
        let extent = match extent {
            Extent::Total => json!({}),
            Extent::Before(instant) => json!({ "before": instant }),
        };
        (subject.to_string(), extent)
    };
    let revoked: serde_json::Map<_, _> = revoked.iter().map(entry).collect();
    payload["writ"] = json!({ "kind": "revocations", "number": number, "revoked": revoked });
    List::verify(forge(HEADER, &with_jti(payload), issuer).as_bytes(), issuer.public()).unwrap()
}

/// A list's payload that is in order, for a test to spoil.
fn payload(world: &World) -> Value {
    let revoked = json!({ world.signing_key.public().to_string(): {}, world.id.to_string(): { "before": NOW } });
    json!({
        "iss": world.account.public(), "iat": NOW,
        "writ": { "kind": "revocations", "number": 3, "revoked": revoked },
    })
}

fn total(key: PublicKey) -> (Subject, Extent) {
    (Subject::Key(key), Extent::Total)
}

#[test]
fn a_list_says_what_its_draft_said_and_the_next_one_says_it_too() {
    let world = World::new();
    let mut draft = Draft::after(None);
    draft.revoke(Subject::Key(world.id), Extent::Before(NOW));
    draft.revoke(Subject::Digest(Digest::of(b"")), Extent::Total);
    let text = draft.sign(&world.account, NOW).unwrap();
    let first = List::verify(text.as_bytes(), world.account.public()).unwrap();
    assert_eq!((first.number(), first.iat(), first.issuer()), (1, NOW, world.account.public()));
    assert_eq!(first.iter().count(), 2);
    assert_eq!(List::verify(text.trim_end().as_bytes(), world.account.public()), Ok(first.clone()));
    assert!(List::verify(format!("{text}\n").as_bytes(), world.account.public()).is_err());

    let mut draft = Draft::after(Some(&first));
    // Less than was revoked takes nothing back.
    draft.revoke(Subject::Key(world.id), Extent::Before(NOW - 1));
    draft.revoke(Subject::Digest(Digest::of(b"")), Extent::Total);
    let second = List::verify(draft.sign(&world.account, NOW + 1).unwrap().as_bytes(), world.account.public()).unwrap();
    assert_eq!((second.number(), second.get(&Subject::Key(world.id))), (2, Some(Extent::Before(NOW))));
    assert_ne!(first.jti(), second.jti());
}

/// A list is no token, and no token is a list, whoever signed it and whatever its payload says.
#[test]
fn a_list_offered_as_a_token_and_the_reverse() {
    let world = World::new();
    let own = Draft::after(None).sign(&world.account, NOW).unwrap();
    assert_eq!(own.trim_end().parse::<Token>(), Err(TokenError::Header));
    let file = component();
    for tokens in [
        format!("{}\n{}", world.component_token(&file, &world.account), own.trim_end()),
        format!("{}\n{}", own.trim_end(), world.account_token()),
        format!("{}\n{}\n{}", world.component_token(&file, &world.signing_key), own.trim_end(), world.account_token()),
    ] {
        assert!(Tokens::parse(tokens.as_bytes()).is_err());
        assert!(verify(&with_content(&file, tokens.as_bytes()), &world.roots, NOW).is_err());
    }
    let tokens = [
        (world.component_token(&file, &world.account), world.account.public()),
        (world.signing_key_token(Components::Any), world.account.public()),
        (world.account_token(), world.operator.public()),
    ];
    for (token, issuer) in tokens {
        assert_eq!(List::verify(token.as_str().as_bytes(), issuer), Err(ListError::Header));
    }
    // The right payload below another kind's header, and the reverse, with signatures that hold.
    for kind in Kind::ALL {
        let issuer = world.issuer(kind);
        let confused = forge(kind.header(), &with_jti(payload(&world)), issuer);
        assert_eq!(List::verify(confused.as_bytes(), issuer.public()), Err(ListError::Header));
        assert!(confused.parse::<Token>().unwrap().unverified_claims().is_err());
        let confused = forge(HEADER, &with_jti(world.payload(kind)), issuer);
        assert!(matches!(List::verify(confused.as_bytes(), issuer.public()), Err(ListError::Content(_))));
        assert_eq!(confused.parse::<Token>(), Err(TokenError::Header));
    }
}

#[test]
fn headers() {
    let world = World::new();
    for header in [
        r#"{"alg":"ed25519-nkey","typ":"writ-revocations+jwt"}"#,
        r#"{"typ":"writ-revocations+jwt","alg":"none"}"#,
        r#"{"typ":"writ-revocations+jwt","alg":"ed25519"}"#,
        r#"{"typ":"writ-revocations+jwt","alg":"ed25519-nkey","kid":"x"}"#,
        r#"{"typ":"writ-revocations+jwt", "alg":"ed25519-nkey"}"#,
        r#"{"typ":"Writ-revocations+jwt","alg":"ed25519-nkey"}"#,
        r#"{"typ":"jwt","alg":"ed25519-nkey"}"#,
        "",
        "{}",
    ] {
        let text = forge(header, &with_jti(payload(&world)), &world.account);
        assert_eq!(List::verify(text.as_bytes(), world.account.public()), Err(ListError::Header), "{header}");
    }
}

#[test]
fn signed_by_another() {
    let world = World::new();
    let issuer = world.account.public();
    for other in [&world.operator, &world.signing_key, &key(Role::Account)] {
        let text = forge(HEADER, &with_jti(payload(&world)), other);
        assert_eq!(List::verify(text.as_bytes(), issuer), Err(ListError::BadSignature { issuer }));
    }
    // Signed by the very key, and about another: the file's name and what is in it must agree.
    let other = key(Role::Account);
    let text = forge(HEADER, &with_jti(payload(&world)), &other);
    let expected = ListError::Issuer { expected: other.public(), found: issuer };
    assert_eq!(List::verify(text.as_bytes(), other.public()), Err(expected));
    let text = forge(HEADER, &with_jti(payload(&world)), &world.operator);
    assert!(matches!(
        List::verify(text.as_bytes(), world.operator.public()),
        Err(ListError::Content(TokenError::Role { .. }))
    ));
}

/// What a payload is refused for after `spoil`.
#[track_caller]
fn spoiled(spoil: impl FnOnce(&World, &mut Value), expected: &str) {
    let world = World::new();
    let mut payload = payload(&world);
    spoil(&world, &mut payload);
    let text = forge(HEADER, &with_jti(payload), &world.account);
    let error = List::verify(text.as_bytes(), world.account.public()).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn contents_that_are_refused() {
    for (number, expected) in [
        (json!(0), "not 1 or more"),
        (json!(-1), "not an unsigned integer"),
        (json!("3"), "not an unsigned integer"),
        (json!(1e300), "not an unsigned integer"),
        (Value::Null, "not an unsigned integer"),
    ] {
        spoiled(|_, payload| payload["writ"]["number"] = number, expected);
    }
    for iat in [json!("now"), json!(-1), json!(253_402_300_800_u64), json!(1.5)] {
        spoiled(|_, payload| payload["iat"] = iat, "\"iat\"");
    }
    spoiled(|_, payload| drop(payload.as_object_mut().unwrap().remove("iat")), "no field \"iat\"");
    spoiled(|_, payload| payload["exp"] = json!(NOW), "\"exp\" that is not known");
    spoiled(|_, payload| payload["sub"] = json!("x"), "\"sub\" that is not known");
    spoiled(|_, payload| payload["writ"]["kind"] = json!("account"), "`revocations`");
    spoiled(|_, payload| payload["writ"]["name"] = json!("x"), "\"writ.name\" that is not known");
    spoiled(|_, payload| payload["writ"]["revoked"] = json!([]), "not an object");
    spoiled(|_, payload| payload["writ"] = json!(7), "not an object");
    spoiled(|world, payload| payload["writ"]["revoked"][world.id.to_string()] = json!(true), "not an object");
    spoiled(|world, payload| payload["writ"]["revoked"][world.id.to_string()] = json!({ "after": 1 }), "not known");
    spoiled(|world, payload| payload["writ"]["revoked"][world.id.to_string()] = json!({ "before": "now" }), "integer");
    let deep = (0..20).fold(json!({}), |inner, _| json!({ "x": inner }));
    spoiled(|_, payload| payload["writ"]["revoked"]["x"] = deep, "nested more than");
}

#[test]
fn subjects_that_are_not_the_issuers_to_revoke() {
    let world = World::new();
    let digest = Subject::Digest(Digest::of(b""));
    let [operator, host] = [Role::Operator, Role::Host].map(|role| Subject::Key(key(role).public()));
    let (account, component) = (Subject::Key(key(Role::Account).public()), Subject::Key(world.id));
    let own = Subject::Key(world.account.public());
    for (issuer, subject, extent, allowed) in [
        (&world.operator, account, Extent::Total, true),
        (&world.operator, account, Extent::Before(1), true),
        (&world.operator, component, Extent::Total, false),
        (&world.operator, operator, Extent::Total, false),
        (&world.operator, Subject::Key(world.operator.public()), Extent::Total, false),
        (&world.operator, digest, Extent::Total, false),
        (&world.account, account, Extent::Total, true),
        (&world.account, component, Extent::Before(1), true),
        (&world.account, digest, Extent::Total, true),
        (&world.account, digest, Extent::Before(1), false),
        (&world.account, own, Extent::Total, false),
        (&world.account, operator, Extent::Total, false),
        (&world.account, host, Extent::Total, false),
    ] {
        let mut draft = Draft::after(None);
        draft.revoke(subject, extent);
        let signed = draft.sign(issuer, NOW);
        assert_eq!(signed.is_ok(), allowed, "{subject}: {signed:?}");
    }
    for subject in
        ["", "x", "orders", "SAAPN4W3EG6KCJGUQTKTJ5GSB5NHK5CHAJL4DBGFUM3HHROI4XUEP4OBK4", "sha256:00", "\u{202e}"]
    {
        spoiled(|_, payload| payload["writ"]["revoked"][subject] = json!({}), "neither a key nor a digest");
    }
}

#[test]
fn other_forms_of_the_same_list() {
    let world = World::new();
    let issuer = world.account.public();
    let right = with_jti(payload(&world));
    List::verify(forge(HEADER, &right, &world.account).as_bytes(), issuer).unwrap();
    let id = world.id.to_string();
    for (form, expected) in [
        (right.replace(',', ", "), ListError::NotCanonical),
        (right.replace("\"kind\"", "\"\\u006bind\""), ListError::NotCanonical),
        (format!("{right} "), ListError::NotCanonical),
        (
            right.replace("\"number\":3", "\"number\":3,\"number\":3"),
            ListError::Content(TokenError::DuplicateKey { key: "number".into() }),
        ),
        (
            right.replace(&format!("\"{id}\":"), &format!("\"{id}\":{{}},\"{id}\":")),
            ListError::Content(TokenError::DuplicateKey { key: id.clone() }),
        ),
    ] {
        assert_ne!(form, right);
        assert_eq!(List::verify(forge(HEADER, &form, &world.account).as_bytes(), issuer), Err(expected), "{form}");
    }
    let wrong = right.replace("\"number\":3", "\"number\":4");
    let refused = List::verify(forge(HEADER, &wrong, &world.account).as_bytes(), issuer);
    assert!(matches!(refused, Err(ListError::Content(TokenError::Id { .. }))), "{refused:?}");
}

#[test]
fn sizes() {
    let world = World::new();
    let issuer = world.account.public();
    let long = vec![b'x'; MAX_LIST + 1];
    assert_eq!(List::verify(&long, issuer), Err(ListError::TooLong { length: MAX_LIST + 1 }));
    assert_eq!(List::verify(b"\xff", issuer), Err(ListError::NotText));
    let mut draft = Draft::after(None);
    for number in 0_u32..8_000 {
        draft.revoke(Subject::Digest(Digest::of(&number.to_le_bytes())), Extent::Total);
    }
    let text = draft.sign(&world.account, NOW).unwrap();
    assert_eq!(List::verify(text.as_bytes(), issuer).unwrap().iter().count(), 8_000);
    for number in 8_000_u32..12_000 {
        draft.revoke(Subject::Digest(Digest::of(&number.to_le_bytes())), Extent::Total);
    }
    assert!(draft.sign(&world.account, NOW).unwrap_err().to_string().contains("at most 1048576 are read"));
}

#[test]
fn every_bit_of_a_list_counts() {
    let world = World::new();
    let own = forge(HEADER, &with_jti(payload(&world)), &world.account).into_bytes();
    let operators = Draft::after(None).sign(&world.operator, NOW).unwrap().trim_end().as_bytes().to_vec();
    for (text, issuer) in [(own, world.account.public()), (operators, world.operator.public())] {
        List::verify(&text, issuer).unwrap();
        for (byte, bit) in (0..text.len()).flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
            let mut flipped = text.clone();
            flipped[byte] ^= 1 << bit;
            assert!(List::verify(&flipped, issuer).is_err(), "bit {bit} of byte {byte}");
        }
        for length in 0..text.len() {
            assert!(List::verify(&text[..length], issuer).is_err(), "cut off at {length}");
        }
    }
}

/// Roots by which the world's operator has these lists.
fn roots(world: &World, accounts: AccountLists, lists: impl IntoIterator<Item = List>) -> Roots {
    let mut found = Lists::new(DAY, accounts);
    lists.into_iter().for_each(|list| found.insert(list.issuer(), Ok(list)));
    Roots::from_iter([(world.operator.public(), Revocations::Lists(found))])
}

/// Who revokes what, and which of a directly signed and a delegated file that ends.
#[test]
fn what_is_revoked_ends() {
    let world = World::new();
    let (direct, delegated) = (world.direct(&component()), world.delegated(&component(), Components::Any));
    let (account, id, signing_key) = (world.account.public(), world.id, world.signing_key.public());
    let digest = Subject::Digest(Digest::of(&component()));
    let other = [Role::Account, Role::Component].map(|role| Subject::Key(key(role).public()));
    let before = |key, instant| (Subject::Key(key), Extent::Before(instant));
    for (by_operator, by_account, direct_stands, delegated_stands) in [
        (vec![], vec![], true, true),
        (vec![total(account)], vec![], false, false),
        (vec![before(account, NOW + 1)], vec![], false, false),
        (vec![before(account, NOW)], vec![], true, true),
        // An operator has no say about signing keys, which are accounts' keys in form.
        (vec![total(signing_key)], vec![], true, true),
        (vec![(other[0], Extent::Total)], vec![(other[0], Extent::Total), (other[1], Extent::Total)], true, true),
        (vec![], vec![total(signing_key)], true, false),
        (vec![], vec![before(signing_key, NOW + 1)], true, false),
        (vec![], vec![before(signing_key, NOW)], true, true),
        (vec![], vec![total(id)], false, false),
        (vec![], vec![before(id, NOW + 1)], false, false),
        (vec![], vec![before(id, NOW)], true, true),
        (vec![], vec![(digest, Extent::Total)], false, false),
        (vec![], vec![(Subject::Digest(Digest::of(b"")), Extent::Total)], true, true),
    ] {
        let operators = list(&world.operator, 1, NOW, &by_operator);
        let accounts = list(&world.account, 1, NOW, &by_account);
        let roots = roots(&world, AccountLists::Required, [operators, accounts]);
        for (file, stands) in [(&direct, direct_stands), (&delegated, delegated_stands)] {
            let verdict = verify(file, &roots, NOW);
            let revoked = matches!(verdict, Err(VerifyError::Revoked { .. }));
            assert_eq!((verdict.is_ok(), revoked), (stands, !stands), "{by_operator:?} {by_account:?}: {verdict:?}");
        }
    }
}

/// A list by another account, or by another operator, has no say.
#[test]
fn lists_of_others_revoke_nothing() {
    let (ours, theirs) = (World::new(), World::new());
    let file = ours.direct(&component());
    let lists = [
        list(&ours.operator, 1, NOW, &[]),
        list(
            &theirs.account,
            1,
            NOW,
            &[total(ours.id), total(ours.signing_key.public()), total(ours.account.public())],
        ),
        list(&theirs.operator, 1, NOW, &[total(ours.account.public())]),
        list(&ours.signing_key, 1, NOW, &[total(ours.id), total(ours.account.public())]),
    ];
    verify(&file, &roots(&ours, AccountLists::Optional, lists), NOW).unwrap();
}

/// What is relied on, when, and in which words it is refused else.
#[test]
fn lists_that_are_relied_on() {
    let world = World::new();
    let file = world.direct(&component());
    let (operator, account) = (world.operator.public(), world.account.public());
    let by = |key: &SigningKey, number, iat| list(key, number, iat, &[]);
    let (o, a) = (&world.operator, &world.account);
    use AccountLists::{Optional, Required};
    let missing = |issuer| Some((issuer, Unlisted::Missing));
    for (accounts, lists, now, expected) in [
        (Optional, vec![by(o, 1, NOW)], NOW, None),
        (Optional, vec![], NOW, missing(operator)),
        (Optional, vec![by(a, 1, NOW)], NOW, missing(operator)),
        (Required, vec![by(o, 1, NOW)], NOW, missing(account)),
        (Required, vec![by(o, 1, NOW), by(a, 1, NOW)], NOW, None),
        // A day is the longest they may be old here, and a minute for the clocks.
        (Optional, vec![by(o, 1, NOW - DAY)], NOW, None),
        (Optional, vec![by(o, 1, NOW - DAY - 60)], NOW, None),
        (
            Optional,
            vec![by(o, 1, NOW - DAY - 61)],
            NOW,
            Some((operator, Unlisted::Stale { iat: NOW - DAY - 61, now: NOW })),
        ),
        (
            Optional,
            vec![by(o, 1, NOW), by(a, 1, NOW - DAY - 61)],
            NOW,
            Some((account, Unlisted::Stale { iat: NOW - DAY - 61, now: NOW })),
        ),
        (Optional, vec![by(o, 1, NOW + 60)], NOW, None),
        (Optional, vec![by(o, 1, NOW + 61)], NOW, Some((operator, Unlisted::FromFuture { iat: NOW + 61, now: NOW }))),
    ] {
        let verdict = verify(&file, &roots(&world, accounts, lists), now).map(drop);
        let expected = expected.map_or(Ok(()), |(issuer, reason)| Err(VerifyError::Unlisted { issuer, reason }));
        assert_eq!(verdict, expected);
    }
}

/// Once a list was seen, nothing that rests on its issuer starts by an older one, another one of that number, or none.
#[test]
fn lists_never_go_back() {
    let world = World::new();
    let file = world.direct(&component());
    let (o, a) = (&world.operator, &world.account);
    let operators = || list(o, 5, NOW, &[]);
    let seen = list(a, 3, NOW, &[]);
    let check = |found: Option<Result<List, ListError>>, expected: Option<Unlisted>| {
        let mut lists = Lists::new(DAY, AccountLists::Optional);
        lists.insert(o.public(), Ok(operators()));
        lists.demand(a.public(), seen.mark());
        if let Some(found) = found {
            lists.insert(a.public(), found);
        }
        let marks = lists.marks();
        let roots = Roots::from_iter([(o.public(), Revocations::Lists(lists))]);
        let verdict = verify(&file, &roots, NOW).map(drop);
        let issuer = a.public();
        assert_eq!(verdict, expected.map_or(Ok(()), |reason| Err(VerifyError::Unlisted { issuer, reason })));
        (marks[&o.public()].number, marks[&a.public()].number)
    };
    assert_eq!(check(Some(Ok(seen.clone())), None), (5, 3));
    assert_eq!(check(Some(Ok(list(a, 4, NOW, &[]))), None), (5, 4));
    assert_eq!(check(Some(Ok(list(a, 2, NOW, &[]))), Some(Unlisted::Older { number: 2, seen: 3 })), (5, 3));
    assert_eq!(check(Some(Ok(list(a, 3, NOW - 1, &[]))), Some(Unlisted::Other { number: 3 })), (5, 3));
    assert_eq!(check(None, Some(Unlisted::Gone)), (5, 3));
    assert_eq!(check(Some(Err(ListError::NotText)), Some(Unlisted::Unusable(ListError::NotText))), (5, 3));
    // What an old list revokes is revoked all the more.
    let mut lists = Lists::new(DAY, AccountLists::Optional);
    lists.insert(o.public(), Ok(operators()));
    lists.demand(a.public(), seen.mark());
    lists.insert(a.public(), Ok(list(a, 2, 0, &[total(world.id)])));
    let roots = Roots::from_iter([(o.public(), Revocations::Lists(lists))]);
    assert!(matches!(verify(&file, &roots, NOW), Err(VerifyError::Revoked { number: 2, .. })));
}

/// A component that was verified is asked again, by later lists and without its file.
#[test]
fn asked_again_later() {
    let world = World::new();
    let verified = verify(&world.delegated(&component(), Components::Any), &world.roots, NOW).unwrap();
    let before = roots(&world, AccountLists::Optional, [list(&world.operator, 1, NOW, &[])]);
    assert_eq!(verified.check_revocations(&before, NOW), Ok(()));
    let (issuer, subject) = (world.account.public(), Subject::Key(world.signing_key.public()));
    let lists = [list(&world.operator, 1, NOW, &[]), list(&world.account, 7, NOW, &[(subject, Extent::Total)])];
    let after = roots(&world, AccountLists::Optional, lists);
    let revoked = VerifyError::Revoked { subject, extent: Extent::Total, issuer, number: 7 };
    assert_eq!(verified.check_revocations(&after, NOW), Err(revoked));
    let operator = world.operator.public();
    assert_eq!(verified.check_revocations(&Roots::default(), NOW), Err(VerifyError::UnknownIssuer { operator }));
}

/// A token that was made again with an old `iat` does not escape a date, nor one from the future.
#[test]
fn dates_are_not_dodged() {
    let world = World::new();
    let roots = roots(
        &world,
        AccountLists::Optional,
        [
            list(&world.operator, 1, NOW, &[]),
            list(&world.account, 1, NOW, &[(Subject::Key(world.id), Extent::Before(NOW))]),
        ],
    );
    for (iat, accepted) in
        [(NOW - 1, false), (0, false), (NOW, true), (NOW + 60, true), (NOW + 61, false), (NOW * 2, false)]
    {
        let draft = world.component_draft();
        let draft = writ_signing::token::ComponentDraft {
            common: writ_signing::token::CommonDraft { exp: NOW * 3, ..draft.common },
            ..draft
        };
        let token = writ_signing::token::sign_component(&draft, &component(), &world.account, iat).unwrap();
        let file = section::embed(&component(), &Tokens::new(token, None, world.account_token()).unwrap()).unwrap();
        assert_eq!(verify(&file, &roots, NOW).is_ok(), accepted, "{iat}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_refused(bytes: Vec<u8>) {
        let issuer = key(Role::Account).public();
        prop_assert!(List::verify(&bytes, issuer).is_err());
    }

    /// With a signature that holds, whatever the payload is.
    #[test]
    fn any_payload_is_read_or_refused(payload in "\\PC{0,200}", number: u64, name in "[a-z]{0,8}", before: u64) {
        let world = World::new();
        let issuer = world.account.public();
        let _ = List::verify(forge(HEADER, &payload, &world.account).as_bytes(), issuer);
        let json = json!({
            "iss": issuer, "iat": before,
            "writ": { "kind": "revocations", "number": number, "revoked": { name: { "before": before }, payload: {} } },
        });
        prop_assert!(List::verify(forge(HEADER, &with_jti(json), &world.account).as_bytes(), issuer).is_err());
    }

    /// Any two lists, any time, any memory: what stands is what a plain reading of the rules lets stand.
    #[test]
    fn as_the_rules_read(
        [operators, accounts] in prop::array::uniform2(prop::option::of((1_u64..4, 0_u64..4, prop::option::of(any::<bool>())))),
        [seen_operators, seen_accounts] in prop::array::uniform2(prop::option::of(1_u64..4)),
        required: bool,
    ) {
        static WORLD: std::sync::LazyLock<World> = std::sync::LazyLock::new(World::new);
        let world = &*WORLD;
        let file = world.direct(&component());
        let now = NOW + 3600;
        // Ages in steps of twenty hours, of which one is fresh where lists may be a day old.
        let iat = |age: u64| now - age * 20 * 3600;
        let make = |key: &SigningKey, subject: PublicKey, (number, age, revoked): (u64, u64, Option<bool>)| {
            let extent = revoked.map(|total| if total { Extent::Total } else { Extent::Before(NOW) });
            let revoked: Vec<_> = extent.into_iter().map(|extent| (Subject::Key(subject), extent)).collect();
            list(key, number, iat(age), &revoked)
        };
        let demanded = if required { AccountLists::Required } else { AccountLists::Optional };
        let mut lists = Lists::new(DAY, demanded);
        let parts = [
            (&world.operator, world.account.public(), operators, seen_operators, true),
            (&world.account, world.id, accounts, seen_accounts, required),
        ];
        let mut stands = true;
        for (key, subject, found, seen, needed) in parts {
            if let Some(number) = seen {
                // As if the very list that is found had been seen, where the numbers are the same.
                let same = found.filter(|found| found.0 == number).map(|found| make(key, subject, found).mark());
                let mark = same.unwrap_or_else(|| list(key, number, 1, &[]).mark());
                lists.demand(key.public(), mark);
            }
            stands &= match found {
                None => !needed && seen.is_none(),
                // The tokens are of `NOW`, so what was said before then is another matter.
                Some((number, age, revoked)) => age <= 1 && seen.is_none_or(|seen| number >= seen) && revoked != Some(true),
            };
            if let Some(found) = found {
                lists.insert(key.public(), Ok(make(key, subject, found)));
            }
        }
        let roots = Roots::from_iter([(world.operator.public(), Revocations::Lists(lists))]);
        prop_assert_eq!(verify(&file, &roots, now).is_ok(), stands);
    }

    /// However lists follow each other, what was voided stays so.
    #[test]
    fn what_was_revoked_stays_so(steps in proptest::collection::vec((0_usize..4, proptest::option::of(0_u64..100)), 1..12)) {
        let world = World::new();
        let keys: Vec<_> = (0..4).map(|_| Subject::Key(key(Role::Component).public())).collect();
        let voids = |extent: Option<Extent>, iat: u64| match extent {
            None => false,
            Some(Extent::Total) => true,
            Some(Extent::Before(instant)) => iat < instant,
        };
        let mut last: Option<List> = None;
        for (index, before) in steps {
            let mut draft = Draft::after(last.as_ref());
            draft.revoke(keys[index], before.map_or(Extent::Total, Extent::Before));
            let text = draft.sign(&world.account, NOW).unwrap();
            let next = List::verify(text.as_bytes(), world.account.public()).unwrap();
            for (key, iat) in keys.iter().flat_map(|key| (0..101).map(move |iat| (key, iat))) {
                let was = last.as_ref().is_some_and(|last| voids(last.get(key), iat));
                prop_assert!(!was || voids(next.get(key), iat));
            }
            prop_assert!(last.as_ref().is_none_or(|last| last.number() + 1 == next.number()));
            last = Some(next);
        }
    }
}
