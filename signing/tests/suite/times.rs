//! Times: what a token may say, and what the clock makes of it.

use serde_json::json;
use writ_signing::time::Timestamp;
use writ_signing::token::{
    AccountDraft, Capabilities, ComponentDraft, Kind, Token, TokenError, Tokens, sign_account, sign_component,
};
use writ_signing::{VerifyError, section, verify};

use crate::fixture::{DAY, NOW, World, common, component, forge, with_jti};

const FAR: u64 = Timestamp::MAX.0;

/// What becomes of a component's token with these times, at `now`; the account's is valid all the while.
#[track_caller]
fn check((iat, nbf, exp): (u64, u64, u64), now: u64, expected: Result<(), VerifyError>) {
    let world = World::new();
    let mut account = AccountDraft { common: common(world.account.public(), "acme", Capabilities::Any) };
    (account.common.nbf, account.common.exp) = (Some(0), FAR);
    let account = sign_account(&account, &world.operator, 0).unwrap();

    let mut draft: ComponentDraft = world.component_draft();
    (draft.common.nbf, draft.common.exp) = (Some(nbf), exp);
    let token = sign_component(&draft, &component(), &world.account, iat).unwrap();
    let file = section::embed(&component(), &Tokens::new(token, None, account).unwrap()).unwrap();
    assert_eq!(verify(&file, &world.roots, now).map(drop), expected);
}

#[test]
fn the_clock() {
    let token = Kind::Component;
    let times = (NOW, NOW, NOW + DAY);
    let expired = |now| Err(VerifyError::Expired { token, now, exp: NOW + DAY });
    check(times, NOW, Ok(()));
    check(times, NOW - 60, Ok(()));
    check(times, NOW - 61, Err(VerifyError::IssuedInFuture { token, now: NOW - 61, iat: NOW }));
    check(times, 0, Err(VerifyError::IssuedInFuture { token, now: 0, iat: NOW }));
    check(times, NOW + DAY + 59, Ok(()));
    check(times, NOW + DAY + 60, expired(NOW + DAY + 60));
    check(times, NOW + 2 * DAY, expired(NOW + 2 * DAY));

    let later = (NOW, NOW + DAY, NOW + 2 * DAY);
    check(later, NOW, Err(VerifyError::NotYetValid { token, now: NOW, nbf: NOW + DAY }));
    check(later, NOW + DAY - 61, Err(VerifyError::NotYetValid { token, now: NOW + DAY - 61, nbf: NOW + DAY }));
    check(later, NOW + DAY - 60, Ok(()));
    // Backdated validity does not backdate the signature.
    let backdated = (NOW, 0, NOW + DAY);
    check(backdated, NOW - DAY, Err(VerifyError::IssuedInFuture { token, now: NOW - DAY, iat: NOW }));
}

/// Clocks and times at the ends of their ranges.
#[test]
fn nothing_overflows() {
    let token = Kind::Component;
    check((0, 0, FAR), 0, Ok(()));
    check((0, 0, FAR), FAR, Ok(()));
    check((0, 0, 1), 60, Ok(()));
    check((FAR - 1, FAR - 1, FAR), 0, Err(VerifyError::IssuedInFuture { token, now: 0, iat: FAR - 1 }));
    let now = u64::MAX;
    let world = World::new();
    let file = world.direct(&component());
    let verdict = verify(&file, &world.roots, now);
    assert_eq!(verdict, Err(VerifyError::Expired { token, now, exp: NOW + DAY }));
}

#[test]
fn each_token_expires() {
    let world = World::new();
    for kind in [Kind::Component, Kind::Account] {
        let mut payloads = [world.payload(Kind::Component), world.payload(Kind::Account)];
        payloads[usize::from(kind == Kind::Account)]["exp"] = json!(NOW + 1);
        let [component, account] = payloads.map(with_jti);
        let component = forge(Kind::Component.header(), &component, &world.account);
        let account = forge(Kind::Account.header(), &account, &world.operator);
        let file = world.with_tokens(&component, &account);
        let verified = verify(&file, &world.roots, NOW).unwrap();
        assert_eq!(verified.exp(), NOW + 1);
        let now = NOW + 61;
        let expired = VerifyError::Expired { token: kind, now, exp: NOW + 1 };
        assert_eq!(verified.check_times(now), Err(expired.clone()));
        assert_eq!(verify(&file, &world.roots, now), Err(expired));
    }
}

#[test]
fn what_is_no_time() {
    let world = World::new();
    let integer = "an unsigned integer";
    let bounded = "a time up to the year 9999, in unix seconds";
    for kind in Kind::ALL {
        for field in ["iat", "nbf", "exp"] {
            let refused = |expected| TokenError::Field { field, expected };
            for (text, expected) in [
                ("\"1770000000\"", refused(integer)),
                ("-1", refused(integer)),
                ("-0", refused(integer)),
                ("1770000000.0", refused(integer)),
                ("1770000000.5", refused(integer)),
                ("1.77e9", refused(integer)),
                ("1e308", refused(integer)),
                ("18446744073709551616", refused(integer)),
                ("null", refused(integer)),
                ("true", refused(integer)),
                ("[1770000000]", refused(integer)),
                ("{}", refused(integer)),
                ("18446744073709551615", refused(bounded)),
                ("253402300800", refused(bounded)),
            ] {
                let right = json!(world.payload(kind)[field]).to_string();
                let payload = with_jti(world.payload(kind));
                let payload = payload.replace(&format!("\"{field}\":{right}"), &format!("\"{field}\":{text}"));
                assert!(payload.contains(text));
                let token: Token = forge(kind.header(), &payload, world.issuer(kind)).parse().unwrap();
                assert_eq!(token.unverified_claims(), Err(expected), "{kind} {field} {text}");
            }
            let mut payload = world.payload(kind);
            payload.as_object_mut().unwrap().remove(field);
            let token: Token = forge(kind.header(), &with_jti(payload), world.issuer(kind)).parse().unwrap();
            assert_eq!(token.unverified_claims(), Err(TokenError::Missing { field }));
        }
    }
}

#[test]
fn never_valid() {
    let world = World::new();
    for (nbf, exp) in [(NOW, NOW), (NOW, NOW - 1), (NOW - 10, NOW), (NOW + 10, NOW + 10), (NOW + 10, NOW + 5)] {
        let mut draft = world.component_draft();
        (draft.common.nbf, draft.common.exp) = (Some(nbf), exp);
        let refused = sign_component(&draft, &component(), &world.account, NOW).unwrap_err();
        assert_eq!(refused, TokenError::NeverValid.into(), "{nbf} {exp}");
    }
}

#[test]
fn messages_say_what_would_help() {
    let token = Kind::SigningKey;
    let expired = VerifyError::Expired { token, now: NOW, exp: 0 }.to_string();
    assert_eq!(
        expired,
        "the signing key's token expired at 1970-01-01T00:00:00Z, and it is 2026-02-02T02:40:00Z; have it signed again"
    );
}
