//! Authority cannot be widened: what the product permits is what a naive reading of the claims permits, over chains at
//! random; and a defence that is left out in any one dimension is found by the same comparison.
//!
//! `WRIT_CHAINS` says how many chains there are. Rates and other budgets are no part of this: what they permit depends on
//! what was asked before, and the grant's own tests are about them.

mod chain;
mod composed;
mod generate;
mod matrix;
mod naive;
mod names;

use std::collections::BTreeMap;

use chain::{Chain, World};
use writ_signing::defence::without;

/// Where the product and the naive reading differ about a chain, if they do: which request, and what the product says.
fn difference(world: &World, chain: &Chain) -> Option<(usize, bool)> {
    let (product, naive) = (world.decide(chain), naive::decide(chain));
    let differs = product.iter().zip(&naive).position(|(product, naive)| product != naive)?;
    Some((differs, product[differs]))
}

fn chains() -> u64 {
    std::env::var("WRIT_CHAINS").map_or(20_000, |number| number.parse().expect("WRIT_CHAINS is a number"))
}

/// Requests of one capability that were permitted, and all.
#[derive(Debug, Default, Clone, Copy)]
struct Share(u64, u64);

#[test]
fn threat_12_no_chain_permits_more_than_each_of_its_documents() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let all = chains();
    let part = |first: u64| {
        let world = World::new();
        let mut shares = BTreeMap::<&str, Share>::new();
        for number in (first..all).step_by(threads as usize) {
            let chain = generate::chain(number);
            let (product, naive) = (world.decide(&chain), naive::decide(&chain));
            assert_eq!(product, naive, "the product, and what it should say of chain {number}: {chain:?}");
            let share = shares.entry(chain.capability).or_default();
            share.0 += product.iter().filter(|permitted| **permitted).count() as u64;
            share.1 += product.len() as u64;
        }
        shares
    };
    let parts: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || part(first))).collect();
        running.into_iter().map(|part| part.join().unwrap()).collect()
    });
    let mut shares = BTreeMap::<&str, Share>::new();
    for (capability, Share(permitted, asked)) in parts.into_iter().flatten() {
        let share = shares.entry(capability).or_default();
        (share.0, share.1) = (share.0 + permitted, share.1 + asked);
    }
    println!("permitted, and asked, by capability: {shares:?}");
    for (capability, Share(permitted, asked)) in shares {
        assert!(permitted * 5 >= asked, "too few are permitted of {capability}: {permitted} of {asked}");
        assert!((asked - permitted) * 5 >= asked, "too few are refused of {capability}: {permitted} of {asked}");
    }
}

/// Every dimension in which a claim narrows, and every document of a chain.
const DIMENSIONS: &[&str] = &[
    "claim: field without a value",
    "keyvalue: bucket",
    "keyvalue: prefix",
    "keyvalue: verb",
    "keyvalue: size",
    "messaging: publish",
    "messaging: subscribe",
    "messaging: deliver",
    "messaging: size",
    "logging: level",
    "http-server: host",
    "http-server: path",
    "http-server: method",
    "http-client: host",
    "http-client: method",
    "http-client: scheme",
    "http-client: port",
    "http-client: path",
    "http-client: address",
    "http-client: size",
    "config: key",
    "environment: name",
    "filesystem: path",
    "filesystem: host",
    "filesystem: right",
    "document: component",
    "document: signing key",
    "document: account",
    "document: trust",
    "document: host policy",
    "document: restriction",
];

#[test]
fn threat_12_a_widening_in_any_dimension_is_found() {
    let world = World::new();
    for dimension in DIMENSIONS {
        let found = without(dimension, || {
            (0..20_000).find_map(|number| {
                let chain = generate::chain(number);
                difference(&world, &chain).map(|(_, permits)| (number, permits))
            })
        });
        let Some((number, permits)) = found else { panic!("without `{dimension}` nothing was found") };
        assert!(permits, "without `{dimension}` chain {number} is narrower");
        println!("{dimension}: found by chain {number}");
    }
}
