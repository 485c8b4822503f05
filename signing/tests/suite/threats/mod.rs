//! The threats of `docs/threats.md` against the signature's claim, each as an attack that counts how often it is accepted: never
//! with its defences standing, and sometimes without them, so that the count is worth something.

mod bits;
mod edges;
mod revoked;
mod roles;
mod structure;
mod times;
mod tokens;
mod update;

use writ_signing::{Roots, defence, verify};

use crate::fixture::NOW;

/// An attack succeeds never, and without these defences sometimes. Where there are several, they are layers that each would do,
/// or guards of different doors: the test that calls this says which.
#[track_caller]
pub(crate) fn check(defences: &[&'static str], attack: impl Fn() -> usize) {
    assert_eq!(attack(), 0, "accepted");
    let accepted = without(defences, &attack);
    assert!(accepted > 0, "it fails without {defences:?} as well, so it does not test them");
    println!("0 accepted; without {defences:?} {accepted}");
}

/// An attack succeeds only if every one of these is gone: each is a layer that would do alone.
#[track_caller]
pub(crate) fn check_layers(defences: &[&'static str], attack: impl Fn() -> usize) {
    for kept in defences {
        let gone: Vec<_> = defences.iter().copied().filter(|defence| defence != kept).collect();
        assert_eq!(without(&gone, &attack), 0, "accepted with {kept:?} alone");
    }
    check(defences, attack);
}

/// Does the work as if these defences had never been built.
pub(crate) fn without<T>(defences: &[&'static str], work: &dyn Fn() -> T) -> T {
    match defences.split_first() {
        None => work(),
        Some((first, rest)) => defence::without(first, || without(rest, work)),
    }
}

/// How many of these files verify.
pub(crate) fn accepted<F: AsRef<[u8]>>(files: impl IntoIterator<Item = F>, roots: &Roots) -> usize {
    files.into_iter().filter(|file| verify(file.as_ref(), roots, NOW).is_ok()).count()
}
