//! Row 8: times that are missing, absurd or over, on every clock.

use proptest::prelude::*;
use serde_json::{Value, json};
use writ_signing::time::Timestamp;
use writ_signing::token::Kind;
use writ_signing::verify;

use super::check;
use crate::fixture::{DAY, NOW, World, forge, with_jti};

/// A payload's `iat`, `nbf` and `exp`: JSON, or nothing.
type Times = [Option<Value>; 3];

/// What the rules say, written once more: three integers up to the year 9999, the last later than the others, a minute's leeway.
fn is_valid(times: &Times, now: u64) -> bool {
    let [Some(iat), Some(nbf), Some(exp)] = times.each_ref().map(|time| time.as_ref().and_then(Value::as_u64)) else {
        return false;
    };
    let now = u128::from(now);
    let [iat, nbf, exp] = [iat, nbf, exp].map(u128::from);
    iat <= now + 60 && nbf <= now + 60 && now < exp + 60 && exp > iat.max(nbf) && exp <= u128::from(Timestamp::MAX.0)
}

/// A file whose component's token has these times. Its account's are in order from 1970 to 9999.
fn file(world: &World, times: &Times) -> Vec<u8> {
    let mut payload = world.payload(Kind::Component);
    for (field, time) in ["iat", "nbf", "exp"].into_iter().zip(times) {
        match time {
            Some(time) => payload[field] = time.clone(),
            None => drop(payload.as_object_mut().unwrap().remove(field)),
        }
    }
    let mut account = world.payload(Kind::Account);
    (account["iat"], account["nbf"], account["exp"]) = (json!(0), json!(0), json!(Timestamp::MAX.0));
    let component = forge(Kind::Component.header(), &with_jti(payload), &world.account);
    world.with_tokens(&component, &forge(Kind::Account.header(), &with_jti(account), &world.operator))
}

/// How many of these are accepted against the rules; a refusal against them fails here.
fn accepted(world: &World, files: &[(Times, Vec<u8>)]) -> usize {
    let mut accepted = 0;
    for (times, file) in files {
        for now in [0, NOW - 61, NOW - 60, NOW, NOW + DAY + 59, NOW + DAY + 60, Timestamp::MAX.0, u64::MAX] {
            let (verdict, valid) = (verify(file, &world.roots, now).is_ok(), is_valid(times, now));
            assert!(verdict || !valid, "{times:?} at {now} was refused");
            accepted += usize::from(verdict && !valid);
        }
    }
    accepted
}

fn files(world: &World, values: [Vec<Option<Value>>; 3]) -> Vec<(Times, Vec<u8>)> {
    let [iats, nbfs, exps] = values;
    let mut files = Vec::new();
    for iat in &iats {
        for nbf in &nbfs {
            for exp in &exps {
                let times = [iat.clone(), nbf.clone(), exp.clone()];
                files.push((times.clone(), file(world, &times)));
            }
        }
    }
    files
}

/// Integers around the clocks, and the ends of what can be said.
#[test]
fn threat_08_integers() {
    let world = World::new();
    let far = Timestamp::MAX.0;
    let some = |times: &[u64]| times.iter().map(|time| Some(json!(time))).collect::<Vec<_>>();
    let starts = some(&[0, NOW - DAY, NOW, NOW + 60, NOW + 61, far - 1, u64::MAX]);
    let ends = some(&[0, 1, NOW - 60, NOW, NOW + DAY, far, far + 1, u64::MAX]);
    let files = files(&world, [starts.clone(), starts, ends]);
    println!("{} files on 8 clocks", files.len());
    for defence in ["expiry", "not before", "issued in future"] {
        check(&[defence], || accepted(&world, &files));
    }
}

/// What is no integer, or is not there. An `exp` that is none never ends, where times are optional.
#[test]
fn threat_08_no_integers() {
    let world = World::new();
    let right = [NOW, NOW, NOW + DAY].map(|time| Some(json!(time)));
    let huge: Value = serde_json::from_str("1e308").unwrap();
    let wrong = [
        None,
        Some(Value::Null),
        Some(json!("1770000000")),
        Some(json!("")),
        Some(json!(-1)),
        Some(json!(1.5)),
        Some(json!(1_770_000_000.0)),
        Some(huge),
        Some(json!(true)),
        Some(json!([NOW])),
        Some(json!({ "$date": NOW })),
    ];
    let mut all = Vec::new();
    for field in 0..3 {
        for value in &wrong {
            let mut times = right.clone();
            times[field] = value.clone();
            all.push((times.clone(), file(&world, &times)));
        }
    }
    assert_eq!(all.len(), 33);
    check(&["integer times"], || accepted(&world, &all));
}

fn time() -> impl Strategy<Value = u64> {
    let near = (NOW - 2 * DAY)..(NOW + 2 * DAY);
    prop_oneof![near, (NOW - 100)..(NOW + 100), 0..u64::MAX, Just(u64::MAX), Just(0)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn threat_08_any_clock_and_any_times(iat in time(), nbf in time(), exp in time(), now in time()) {
        let world = World::new();
        let times = [iat, nbf, exp].map(|time| Some(json!(time)));
        let verdict = verify(&file(&world, &times), &world.roots, now);
        prop_assert_eq!(verdict.is_ok(), is_valid(&times, now), "{:?}", verdict);
    }
}
