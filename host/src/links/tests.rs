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
