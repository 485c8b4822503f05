//! Entries, documents and rates.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::convert::Infallible;
use std::fmt;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::{InvalidLink, testing};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// One of these characters.
    name: String,
    size: Option<u64>,
    rate: Option<Rate>,
}

#[derive(Clone)]
struct NoPlan(Infallible);

impl fmt::Display for NoPlan {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}

impl Constraint for Entry {
    const NAMED: bool = true;
    const EXAMPLE: &'static str = "{ name: NAME }";
    /// A name, and how much of it.
    type Request<'a> = (&'a str, u64);
    type Plan = NoPlan;

    fn permits(&self, (name, size): (&str, u64)) -> Result<(), Denied> {
        let permits = self.name.contains(name) && self.size.is_none_or(|most| size <= most);
        if permits { Ok(()) } else { Err(Denied::new(format!("permits {} of {:?}", self.name, self.size))) }
    }

    fn rate(&self) -> Option<Rate> {
        self.rate
    }

    fn plans(_: &LinkConfig) -> Result<Vec<NoPlan>, InvalidLink> {
        Ok(vec![])
    }

    fn request(plan: &NoPlan) -> (&str, u64) {
        match plan.0 {}
    }

    fn allowing((name, _): (&str, u64)) -> Value {
        json!({ "name": name })
    }
}

fn grant(claims: &[Value]) -> Grant<Entry> {
    let documents = [Document::Component, Document::Account, Document::HostPolicy];
    let layer = |(document, claim): (Document, &Value)| {
        Layer::new(document, Claim::parse(claim).unwrap(), |_, rate| Arc::new(Budget::new(rate)))
    };
    Grant::new(GrantParts {
        capability: "demo",
        principal: Principal::new(testing::account(), testing::component(), "acme", "orders"),
        link: LinkConfig::new(),
        settings: LinkConfig::new(),
        layers: documents.into_iter().zip(claims).map(layer).collect(),
    })
}

/// Whether `permits` and `refusals` agree, and say this.
#[track_caller]
fn check(claims: &[Value], name: &str, refused_by: &[Document]) {
    let grant = grant(claims);
    let refusals: Vec<_> = grant.refusals((name, 0)).into_iter().map(|refused| refused.document).collect();
    assert_eq!(refusals, refused_by);
    assert_eq!(grant.permits((name, 0)).err().map(|refused| refused.document).as_ref(), refused_by.first());
}

#[test]
fn every_document_must_permit_by_one_entry() {
    let (a, b) = (json!({ "name": "a" }), json!({ "name": "b" }));
    check(&[], "a", &[Document::Component]);
    check(&[json!([])], "a", &[Document::Component]);
    check(std::slice::from_ref(&a), "a", &[]);
    check(std::slice::from_ref(&a), "b", &[Document::Component]);
    check(&[json!([a, b]), a.clone()], "a", &[]);
    check(&[json!([a, b]), a.clone()], "b", &[Document::Account]);
    check(&[a.clone(), b.clone(), b], "b", &[Document::Component]);
    check(&[a.clone(), json!([]), json!([])], "a", &[Document::Account, Document::HostPolicy]);
}

#[test]
fn a_denied_request_uses_up_nobodys_rate() {
    let shared = Arc::new(Budget::new("1/h".parse().unwrap()));
    let layers = |last: Value| {
        let limited = Claim::parse(&json!({ "name": "a", "rate": "1/h" })).unwrap();
        let account = Layer::new(Document::Account, limited, |_, _| shared.clone());
        let last = Layer::new(Document::Restriction, Claim::parse(&last).unwrap(), |_, _| unreachable!());
        Grant::<Entry>::new(GrantParts {
            capability: "demo",
            principal: Principal::new(testing::account(), testing::component(), "acme", "orders"),
            link: LinkConfig::new(),
            settings: LinkConfig::new(),
            layers: vec![account, last],
        })
    };
    let restricted = layers(json!([]));
    assert!((0..5).all(|_| restricted.permits(("a", 0)).is_err()));
    assert!(layers(json!({ "name": "a" })).permits(("a", 0)).is_ok(), "its sibling still has the account's one");
    assert!(layers(json!({ "name": "a" })).permits(("a", 0)).is_err());
}

#[test]
fn an_entry_whose_rate_is_used_up_makes_way_for_another() {
    let limited = grant(&[json!([{ "name": "a", "rate": "1/h" }])]);
    assert!(limited.permits(("a", 0)).is_ok());
    assert_eq!(limited.permits(("a", 0)).unwrap_err().reason, Denied::new("the rate it permits is used up"));
    let with_another = grant(&[json!([{ "name": "a", "rate": "1/h" }, { "name": "a" }])]);
    assert!((0..5).all(|_| with_another.permits(("a", 0)).is_ok()));
}

#[test]
fn a_rate_that_is_used_up_is_told_before_what_does_not_match() {
    let grant = grant(&[json!([{ "name": "b" }, { "name": "a", "rate": "1/h" }])]);
    assert!(grant.permits(("a", 0)).is_ok());
    assert_eq!(grant.permits(("a", 0)).unwrap_err().reason, Denied::new("the rate it permits is used up"));
}

/// Often and small, or seldom and large: but not often and large.
#[test]
fn the_rate_of_one_entry_and_the_size_of_another_do_not_add_up() {
    let often = json!({ "name": "a", "size": 10, "rate": "9/h" });
    let seldom = json!({ "name": "a", "size": 1000, "rate": "2/h" });
    let grant = grant(&[json!([often, seldom]), json!({ "name": "ab" })]);
    let receive = |size| grant.approve(("a", 0)).is_ok_and(|mut approved| approved.extend(("a", size)).is_ok());
    assert!((0..2).all(|_| receive(1000)));
    assert!(!receive(1000), "two large ones an hour");
    assert!((0..6).all(|_| receive(10)), "each large one was counted as a small one until it was known to be large");
    assert!(!receive(0));
}

#[test]
fn a_request_is_counted_once_while_it_grows() {
    let grant = grant(&[json!({ "name": "a", "size": 100, "rate": "1/h" })]);
    let mut approved = grant.approve(("a", 0)).unwrap();
    assert!((0..=100).all(|size| approved.extend(("a", size)).is_ok()));
    assert!(approved.extend(("a", 101)).is_err());
    assert!(grant.permits(("a", 0)).is_err());
}

/// What the documents say, evaluated as it is written down: no pass before another, no state but what is left.
struct Naive(Vec<Vec<(Entry, Option<u64>)>>);

impl Naive {
    fn new(claims: &[Value]) -> Self {
        let entries = |claim: &Value| Vec::<Entry>::deserialize(claim).unwrap();
        let full = |entry: Entry| {
            let left = entry.rate.map(Rate::count);
            (entry, left)
        };
        Self(claims.iter().map(|claim| entries(claim).into_iter().map(full).collect()).collect())
    }

    /// Which entry of each document counts the request, if all have one.
    fn settle(&mut self, held: &[Option<usize>], request: (&str, u64)) -> Option<Vec<Option<usize>>> {
        let choose = |(entries, held): (&Vec<(Entry, Option<u64>)>, &Option<usize>)| {
            let permits = |index: &usize| entries[*index].0.permits(request).is_ok();
            let free = |index: &usize| permits(index) && entries[*index].1 != Some(0);
            held.filter(permits).or_else(|| (0..entries.len()).find(free))
        };
        let chosen: Vec<_> = self.0.iter().zip(held).map(|pair| choose(pair).map(Some)).collect::<Option<_>>()?;
        for ((entries, held), chosen) in self.0.iter_mut().zip(held).zip(&chosen) {
            if let (true, Some(chosen)) = (held != chosen, *chosen) {
                entries[chosen].1 = entries[chosen].1.map(|left| left - 1);
            }
        }
        Some(chosen)
    }
}

#[test]
fn an_answer_is_fixed_where_nothing_is_counted() {
    let fixed = |rate: Value| grant(&[json!([{ "name": "a" }]), json!([{ "name": "a", "rate": rate }])]).is_fixed();
    assert!(grant(&[json!([{ "name": "a" }])]).is_fixed());
    assert!(!fixed("1/h".into()));
}

fn entries() -> impl Strategy<Value = Value> {
    let entry = ("[ab]{1,2}", prop::option::of(0_u64..4), prop::option::of(0_u64..5)).prop_map(|(name, size, rate)| {
        let mut entry = json!({ "name": name, "size": size, "rate": rate.map(|count| format!("{count}/h")) });
        entry.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        entry
    });
    prop::collection::vec(entry, 0..4).prop_map(Value::from)
}

proptest! {
    /// Requests that grow, one after the other: each is permitted, and counted by the entries, as the naive way says.
    #[test]
    fn every_request_is_settled_as_it_is_written(
        claims in prop::collection::vec(entries(), 1..4),
        requests in prop::collection::vec(("[ab]", prop::collection::vec(0_u64..5, 1..4)), 1..20),
    ) {
        let (grant, mut naive) = (grant(&claims), Naive::new(&claims));
        for (name, mut sizes) in requests {
            sizes.sort_unstable();
            let mut expected = naive.settle(&vec![None; claims.len()], (&name, sizes[0]));
            let mut approved = match sizes.len() {
                // What is known at once needs no approval that lasts.
                1 => {
                    prop_assert_eq!(grant.permits((&name, sizes[0])).is_ok(), expected.is_some());
                    continue;
                }
                _ => grant.approve((&name, sizes[0])).ok(),
            };
            for size in &sizes[1..] {
                let (Some(ours), Some(theirs)) = (&mut approved, &mut expected) else { break };
                prop_assert_eq!(&ours.held, &theirs.iter().copied().map(Option::unwrap).collect::<Entries>());
                match (ours.extend((&name, *size)), naive.settle(theirs, (&name, *size))) {
                    (Ok(()), Some(settled)) => *theirs = settled,
                    (Err(_), None) => break,
                    (ours, theirs) => prop_assert!(false, "{ours:?} {theirs:?}"),
                }
            }
            prop_assert_eq!(approved.is_some(), expected.is_some());
        }
    }
}
