#![allow(clippy::unwrap_used)]
use serde_json::json;
use writ_provider::{Claim, testing};

use super::*;

#[track_caller]
fn reads<C: Constraint>(claim: Value, reads: bool) {
    assert_eq!(Claim::<C>::parse(&claim).is_ok(), reads, "{claim}");
}

#[test]
fn forms() {
    let name = "demo:pricing/price@0.1.0";
    let account = testing::account();
    reads::<Call>(json!([{ "interface": name, "component": "pricing" }]), true);
    reads::<Call>(json!([{ "interface": name, "component": format!("{account}/pricing") }]), true);
    reads::<Call>(json!([{ "interface": name, "component": format!("{}/pricing", testing::component()) }]), false);
    reads::<Call>(json!({ "interface": "any", "component": "any" }), true);
    reads::<Call>(json!({ "interface": name }), false);
    reads::<Call>(json!({ "interface": "pricing", "component": "a" }), false);
    reads::<Call>(json!({ "interface": name, "component": "a", "more": 1 }), false);
    reads::<Call>(json!("any"), false);
    reads::<Serve>(json!({ "interface": name, "account": "self" }), true);
    reads::<Serve>(json!({ "interface": name, "account": account.to_string() }), true);
    reads::<Serve>(json!({ "interface": name, "account": "acme" }), false);
    reads::<Serve>(json!({ "interface": name, "component": "a" }), true);
    reads::<Serve>(json!({ "interface": name, "component": "a", "account": "self" }), false);
    reads::<Serve>(json!({ "interface": name }), false);
}

/// What two accounts' components ask each other under a claim, in which `ACME` and `OTHER` stand for the accounts' keys.
struct Case {
    acme: PublicKey,
    other: PublicKey,
}

impl Case {
    fn of() -> Self {
        Self { acme: testing::account(), other: testing::account() }
    }

    fn parse<C: Constraint>(&self, claim: Value) -> Claim<C> {
        let text = claim.to_string().replace("ACME", &self.acme.to_string()).replace("OTHER", &self.other.to_string());
        Claim::parse(&serde_json::from_str(&text).unwrap()).unwrap()
    }

    /// Asks as `acme/shop` about `pricing` in the same account, and about `pricing` in the other.
    #[track_caller]
    fn check<C>(&self, claim: Value, expected: [bool; 2])
    where
        C: for<'r> Constraint<Request<'r> = &'r Asked>,
    {
        let own = Principal::new(self.acme, testing::component(), "acme", "shop");
        let parsed = self.parse::<C>(claim.clone());
        let ask = |account| {
            let peer = Principal::new(account, testing::component(), "acme", "pricing");
            let asked = Asked::new(&"demo:pricing/price@0.2.3".parse().unwrap(), &own, &peer);
            // What is offered permits it, and nothing of the other account.
            let offered = Claim::<C>::parse(&C::allowing(&asked)).unwrap();
            assert!(offered.permits(&asked).is_ok());
            parsed.permits(&asked).is_ok()
        };
        assert_eq!([ask(self.acme), ask(self.other)], expected, "{claim}");
    }
}

#[test]
fn who_and_what() {
    let case = Case::of();
    let on = |component: &str| json!({ "interface": "demo:pricing/price@0.2.0", "component": component });
    case.check::<Call>(on("pricing"), [true, false]);
    case.check::<Call>(on("prices"), [false, false]);
    case.check::<Call>(on("any"), [true, true]);
    case.check::<Call>(on("ACME/pricing"), [true, false]);
    case.check::<Call>(on("OTHER/pricing"), [false, true]);
    case.check::<Call>(on("OTHER/prices"), [false, false]);
    case.check::<Serve>(on("pricing"), [true, false]);
    case.check::<Serve>(on("OTHER/pricing"), [false, true]);
    let to = |account: &str| json!({ "interface": "any", "account": account });
    case.check::<Serve>(to("self"), [true, false]);
    case.check::<Serve>(to("OTHER"), [false, true]);
    let name = |interface: &str| json!({ "interface": interface, "component": "any" });
    case.check::<Call>(name("demo:pricing/price@0.2.9"), [true, true]);
    case.check::<Call>(name("demo:pricing/price@0.3.0"), [false, false]);
    case.check::<Call>(name("demo:pricing/price"), [false, false]);
    case.check::<Call>(name("demo:pricing/rebate@0.2.0"), [false, false]);
    case.check::<Call>(json!([]), [false, false]);
    // No two entries permit together what neither permits alone.
    case.check::<Call>(
        json!([on("prices"), { "interface": "demo:x/y@0.1.0", "component": "pricing" }]),
        [false, false],
    );
}

mod covering {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    /// Two accounts that claims name, and one that none does.
    static ACCOUNTS: LazyLock<[PublicKey; 3]> = LazyLock::new(|| [(); 3].map(|()| testing::account()));
    const INTERFACES: &[&str] =
        &["a:b/c@0.2.0", "a:b/c@0.2.1", "a:b/c@0.3.0", "a:b/c@1.0.0", "a:b/c@1.2.0-rc", "a:b/d"];

    fn interfaces() -> impl Strategy<Value = &'static str> {
        prop_oneof![prop::sample::select(INTERFACES), Just("any")]
    }

    fn components() -> impl Strategy<Value = String> {
        let elsewhere = |(account, name): (usize, &str)| format!("{}/{name}", ACCOUNTS[account]);
        let name = || prop::sample::select(vec!["x", "y"]);
        prop_oneof![Just("any".to_owned()), name().prop_map(str::to_owned), (0..2_usize, name()).prop_map(elsewhere)]
    }

    fn calls() -> impl Strategy<Value = Call> {
        let entry = |(interface, component)| json!({ "interface": interface, "component": component });
        (interfaces(), components()).prop_map(entry).prop_map(|entry| serde_json::from_value(entry).unwrap())
    }

    fn serves() -> impl Strategy<Value = Serve> {
        let account =
            prop_oneof![Just("self".to_owned()), (0..2_usize).prop_map(|account| ACCOUNTS[account].to_string())];
        let who = prop_oneof![
            components().prop_map(|component| ("component", component)),
            account.prop_map(|account| ("account", account))
        ];
        let entry = |(interface, (field, who))| {
            let mut entry = json!({ "interface": interface });
            entry[field] = json!(who);
            serde_json::from_value(entry).unwrap()
        };
        (interfaces(), who).prop_map(entry)
    }

    /// Everything that a component of either account, or of a third, asks about one of any of them.
    static REQUESTS: LazyLock<Vec<Asked>> = LazyLock::new(|| {
        let peers = ACCOUNTS.iter().flat_map(|account| ["x", "y", "z"].map(|name| (*account, name)));
        let of = |(account, name): (PublicKey, &str)| Principal::new(account, testing::component(), "an account", name);
        let pairs = peers.flat_map(|peer| ACCOUNTS.map(|own| (of((own, "own")), of(peer))));
        let asked = |(own, peer): (Principal, Principal)| {
            INTERFACES.iter().map(move |name| Asked::new(&name.parse().unwrap(), &own, &peer))
        };
        pairs.flat_map(asked).collect()
    });

    /// What the second entry permits and the first does not.
    fn more<C>(one: &C, other: &C) -> Option<&'static Asked>
    where
        C: for<'r> Constraint<Request<'r> = &'r Asked>,
    {
        REQUESTS.iter().find(|asked| other.permits(asked).is_ok() && one.permits(asked).is_err())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        /// And nothing that is certain is missed: whoever these claims belong to was tried.
        #[test]
        fn a_call_covers_what_permits_nothing_more(one in calls(), other in calls()) {
            prop_assert_eq!(one.covers(&other), more(&one, &other).is_none(), "{:?} {:?}", one, other);
        }

        #[test]
        fn to_serve_covers_what_permits_nothing_more(one in serves(), other in serves()) {
            prop_assert_eq!(one.covers(&other), more(&one, &other).is_none(), "{:?} {:?}", one, other);
        }
    }
}
