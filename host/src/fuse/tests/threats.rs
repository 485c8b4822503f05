//! What composing must not do, each with the defence against it switched off as well.

use std::collections::BTreeMap;

use writ_signing::defence::without;

use super::super::{CheckError, Serves, check, compose};
use super::parts::{Part, apart, together};
use super::topologies::{graph, table};

/// How many composites pass in which two principals have each other's slots of one interface, out of how many.
fn laundered() -> (usize, usize) {
    let (mut passed, mut tried) = (0, 0);
    for (_, graph, _) in table() {
        let parts = apart(&compose(&graph).unwrap());
        for [(one, left), (other, right)] in neighbours(&parts) {
            let mut parts = parts.clone();
            let moved = (argument(&parts, one, left), argument(&parts, other, right));
            let (Part::Instance(_, given), to) = (&mut parts[one], moved.1) else { panic!() };
            given[left].1 = to;
            let (Part::Instance(_, given), to) = (&mut parts[other], moved.0) else { panic!() };
            given[right].1 = to;
            passed += usize::from(check(together(&parts), &graph).is_ok());
            tried += 1;
        }
    }
    (passed, tried)
}

/// Arguments of two instances that are one interface for two principals: the instance's place, and the argument's.
fn neighbours(parts: &[Part]) -> Vec<[(usize, usize); 2]> {
    let (mut first, mut pairs) = (BTreeMap::new(), Vec::new());
    for (place, part) in parts.iter().enumerate() {
        let Part::Instance(_, given) = part else { continue };
        for (argument, (name, index)) in given.iter().enumerate() {
            let Some((_, interface)) = name.split_once('-').filter(|(first, _)| first.starts_with('p')) else {
                continue;
            };
            let (known, at) = *first.entry(interface.to_owned()).or_insert((*index, (place, argument)));
            if known != *index {
                pairs.push([at, (place, argument)]);
            }
        }
    }
    pairs
}

fn argument(parts: &[Part], place: usize, argument: usize) -> u32 {
    let Part::Instance(_, given) = &parts[place] else { panic!() };
    given[argument].1
}

#[test]
fn threat_15_composing_launders_nothing() {
    let (passed, tried) = laundered();
    assert!(passed == 0 && tried > 50, "{passed} of {tried}");
    assert!(without("fuse: own slots", laundered).0 > 0);
}

/// Whose store the components of a chain are given.
fn stores() -> Result<Vec<Serves>, CheckError> {
    let graph = graph("a>b b>c");
    let checked = check(compose(&graph).unwrap(), &graph)?;
    let stores = checked.imports().iter().filter(|import| import.interface.package == "keyvalue");
    Ok(stores.map(|import| import.serves).collect())
}

#[test]
fn threat_16_a_deputy_has_its_own_store_whoever_calls() {
    let own = [0, 1, 2].map(Serves::Principal);
    assert_eq!(stores().unwrap(), own);
    // Where what encodes gives all of them what the first was granted, what checks refuses it, and the other way round.
    for one in ["fuse: own names", "fuse: checked names"] {
        assert!(matches!(without(one, stores), Err(CheckError::Miswired { .. })));
    }
    let neither = || without("fuse: checked names", stores);
    assert_eq!(without("fuse: own names", neither).unwrap(), own[..1]);
}
