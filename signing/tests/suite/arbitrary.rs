//! Whatever the bytes, nothing panics; and only what was signed verifies.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use writ_signing::token::{Components, Kind, Token, Tokens};
use writ_signing::{PublicKey, SigningKey, inspect, section, verify};

use crate::fixture::{NOW, PREAMBLE, World, component, forge, with_content};

static WORLD: LazyLock<World> = LazyLock::new(World::new);
static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| WORLD.delegated(&component(), Components::Any));

#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Copy(Index, Index, usize),
    Swap(Index, Index),
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        let at = |index: &Index| index.index(length);
        let end = |start: usize, count: usize| (start + count).min(length);
        match self {
            Edit::Set(index, byte) => bytes[at(index)] = *byte,
            Edit::Insert(index, new) => drop(bytes.splice(at(index)..at(index), new.iter().copied())),
            Edit::Remove(index, count) => drop(bytes.drain(at(index)..end(at(index), *count))),
            Edit::Copy(from, to, count) => {
                let copied = bytes[at(from)..end(at(from), *count)].to_vec();
                drop(bytes.splice(at(to)..at(to), copied));
            }
            Edit::Swap(one, two) => bytes.swap(at(one), at(two)),
        }
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let index = any::<Index>;
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (index(), prop::collection::vec(any::<u8>(), 1..8)).prop_map(|(at, new)| Edit::Insert(at, new)),
        (index(), 1_usize..200).prop_map(|(at, count)| Edit::Remove(at, count)),
        (index(), index(), 1_usize..2000).prop_map(|(from, to, count)| Edit::Copy(from, to, count)),
        (index(), index()).prop_map(|(one, two)| Edit::Swap(one, two)),
    ]
}

fn never_verifies(bytes: &[u8]) {
    assert!(verify(bytes, &WORLD.roots, NOW).is_err());
    let _ = inspect(bytes);
    if let Ok(covered) = section::unsigned(bytes) {
        let tokens = Tokens::parse(section::split(&FILE).unwrap().content).unwrap();
        let signed = section::embed(bytes, &tokens).unwrap();
        assert_eq!(section::unsigned(&signed).unwrap(), covered);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        never_verifies(&bytes);
        never_verifies(&[PREAMBLE, &bytes].concat());
        never_verifies(&with_content(&component(), &bytes));
    }

    #[test]
    fn edited_files(edits in prop::collection::vec(edit(), 1..6)) {
        let mut bytes = FILE.clone();
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        prop_assume!(bytes != *FILE);
        never_verifies(&bytes);
    }

    #[test]
    fn edited_payloads(edits in prop::collection::vec(edit(), 0..6), kind in prop::sample::select(&Kind::ALL[..])) {
        let mut payload = WORLD.payload(kind).to_string().into_bytes();
        edits.iter().for_each(|edit| edit.apply(&mut payload));
        let token = forge(kind.header(), &String::from_utf8_lossy(&payload), WORLD.issuer(kind));
        // Without a `jti`, or with one that an edit brought about, nothing is read.
        prop_assert!(token.parse::<Token>().unwrap().unverified_claims().is_err());
    }

    #[test]
    fn texts(text in "\\PC{0,80}") {
        prop_assert!(text.parse::<PublicKey>().is_err());
        prop_assert!(SigningKey::from_seed(&text).is_err());
        prop_assert!(text.parse::<Token>().is_err());
    }

    #[test]
    fn keys_of_the_right_shape(text in "[A-Z2-7]{56}", seed in "S[A-Z2-7]{57}") {
        if let Ok(key) = text.parse::<PublicKey>() {
            prop_assert_eq!(key.to_string(), text);
        }
        if let Ok(key) = SigningKey::from_seed(&seed) {
            prop_assert!(*key.seed() == seed);
        }
    }
}
