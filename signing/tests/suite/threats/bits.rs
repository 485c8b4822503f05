//! Row 6: any single bit changed.

use std::num::NonZero;
use std::thread;
use std::time::Instant;

use writ_signing::{Roots, verify};

use super::{check, check_layers};
use crate::corpus;
use crate::fixture::{NOW, World};

/// The three files' lengths before they are signed, about. `WRIT_BITS=80000` takes so many bytes for each: ten minutes.
fn lengths() -> [usize; 3] {
    std::env::var("WRIT_BITS").map_or([2_000, 4_000, 6_000], |length| [length.parse().unwrap(); 3])
}

/// Every bit of three signed components, in both forms of the chain, each flip by a whole `verify`, on all cores.
#[test]
fn threat_06_every_bit_of_three_components() {
    let world = World::new();
    let start = Instant::now();
    let mut tried = 0;
    for file in corpus::signed(&world, lengths()) {
        verify(&file, &world.roots, NOW).unwrap();
        let accepted = flip_all(&file, &world.roots);
        println!("{} bytes: {} bits flipped, {accepted} accepted", file.len(), file.len() * 8);
        assert_eq!(accepted, 0);
        tried += file.len() * 8;
    }
    println!("{tried} flips in {:.0?}", start.elapsed());
    assert!(tried > lengths().iter().sum::<usize>() * 7);
}

/// What is covered is guarded by the digest alone, for a flip changes no length; the tokens by their signatures.
#[test]
fn threat_06_flips_are_accepted_without_the_digest_or_the_signatures() {
    let world = World::new();
    let covered = corpus::component(1_500);
    let file = world.direct(&covered);
    let flip = |bytes: std::ops::Range<usize>| {
        let mut changed = file.clone();
        bytes
            .filter(|at| {
                changed[*at] ^= 1;
                let accepted = verify(&changed, &world.roots, NOW).is_ok();
                changed[*at] ^= 1;
                accepted
            })
            .count()
    };
    check_layers(&["digest"], || flip(0..covered.len()));
    check(&["signature"], || flip(covered.len()..file.len()));
}

fn flip_all(file: &[u8], roots: &Roots) -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = file.len().div_ceil(cores);
    thread::scope(|scope| {
        let flip = |first: usize| move || flip(file, first..(first + share).min(file.len()), roots);
        let workers: Vec<_> = (0..file.len()).step_by(share).map(|first| scope.spawn(flip(first))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    })
}

fn flip(file: &[u8], bytes: std::ops::Range<usize>, roots: &Roots) -> usize {
    let mut changed = file.to_vec();
    let mut accepted = 0;
    for at in bytes {
        for bit in 0..8 {
            changed[at] ^= 1 << bit;
            accepted += usize::from(verify(&changed, roots, NOW).is_ok());
            changed[at] = file[at];
        }
    }
    assert_eq!(changed, file);
    accepted
}
