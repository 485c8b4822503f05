//! Where a principal's keys are stored.
//!
//! ```text
//! account's public key (32 bytes) ‖ length of the bucket's name (u32, big-endian) ‖ the name ‖ the key
//! ```
//!
//! The first two parts have a fixed length and the second says how long the third is, so no two (account, bucket, key)
//! share an encoding, whatever bytes names and keys hold, and the keys of one bucket are one range, in the order of their
//! bytes.

use std::ops::Bound;

/// The account's public key.
pub type Account = [u8; ACCOUNT];

/// The start of all stored keys of one account's bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(Vec<u8>);

/// One account's key in one bucket, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredKey {
    bytes: Vec<u8>,
    account: Account,
}

/// Stored keys from one to another, in their order.
pub type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

impl Scope {
    /// The bucket of that name in that account. The name's length must fit 32 bits: callers take no name near it.
    pub fn new(account: &Account, bucket: &str) -> Self {
        let mut bytes = Vec::with_capacity(ACCOUNT + 4 + bucket.len());
        bytes.extend_from_slice(account);
        // Saturating would break the encoding only for a name of 4 GiB, 16 million times what is let in.
        bytes.extend_from_slice(&u32::try_from(bucket.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(bucket.as_bytes());
        Self(bytes)
    }

    /// A key in it.
    pub fn key(&self, key: &str) -> StoredKey {
        let mut account = [0; ACCOUNT];
        if let Some(start) = self.0.first_chunk() {
            account = *start;
        }
        StoredKey { bytes: self.join(key), account }
    }

    /// The keys that start with `prefix`, from the one after the stored key `after` if that is given. None if that is past
    /// them all: ordered maps panic at a range that ends before it starts.
    pub fn range(&self, prefix: &str, after: Option<&[u8]>) -> Option<Range> {
        let start = self.join(prefix);
        let end = successor(start.clone());
        if end.as_deref().zip(after).is_some_and(|(end, after)| after >= end) {
            return None;
        }
        let start = match after.filter(|after| *after >= start.as_slice()) {
            Some(after) => Bound::Excluded(after.to_vec()),
            None => Bound::Included(start),
        };
        Some((start, end.map_or(Bound::Unbounded, Bound::Excluded)))
    }

    /// The key that was stored, if it is of this bucket.
    pub fn strip<'a>(&self, stored: &'a [u8]) -> Option<&'a [u8]> {
        stored.strip_prefix(self.0.as_slice())
    }

    /// `key` as it is stored.
    pub fn join(&self, key: &str) -> Vec<u8> {
        [self.0.as_slice(), key.as_bytes()].concat()
    }
}

impl StoredKey {
    /// The encoding.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whose it is.
    pub fn account(&self) -> &Account {
        &self.account
    }
}

/// The least bytes that sort after everything that starts with `prefix`; none if all its bytes are 255.
fn successor(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if let Some(next) = last.checked_add(1) {
            prefix.push(next);
            return Some(prefix);
        }
    }
    None
}

/// Bytes of an account's public key.
const ACCOUNT: usize = 32;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Names that try to run into their neighbours.
    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ab]{0,3}",
            "[\\x00\\x01./:%*>]{0,4}",
            any::<String>(),
            Just("..".to_owned()),
            Just("%2e".to_owned()),
            Just("\u{e9}".to_owned()),
            Just("e\u{301}".to_owned()),
        ]
    }

    fn account() -> impl Strategy<Value = Account> {
        prop_oneof![Just([0; 32]), Just([255; 32]), any::<Account>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn no_two_share_an_encoding(one in (account(), part(), part()), two in (account(), part(), part())) {
            let stored = |(account, bucket, key): &(Account, String, String)| Scope::new(account, bucket).key(key);
            prop_assert_eq!(stored(&one) == stored(&two), one == two);
            prop_assert_eq!(stored(&one).bytes() == stored(&two).bytes(), one == two);
            prop_assert_eq!(*stored(&one).account(), one.0);
        }

        #[test]
        fn a_range_holds_exactly_the_keys_with_its_prefix(
            one in (account(), part(), part()), two in (account(), part()), prefix in part(),
        ) {
            let (scope, stored) = (Scope::new(&two.0, &two.1), Scope::new(&one.0, &one.1).key(&one.2));
            let range = scope.range(&prefix, None).unwrap();
            let holds = std::ops::RangeBounds::contains(&range, &stored.bytes().to_vec());
            let same = one.0 == two.0 && one.1 == two.1;
            prop_assert_eq!(holds, same && one.2.starts_with(&prefix));
            prop_assert_eq!(scope.strip(stored.bytes()), same.then_some(one.2.as_bytes()));
        }
    }

    #[test]
    fn a_range_continues_after_a_key() {
        let scope = Scope::new(&[255; 32], "b");
        let after = scope.join("k5");
        let start = |prefix| scope.range(prefix, Some(&after)).map(|range| range.0);
        assert_eq!(start("k"), Some(Bound::Excluded(after.clone())));
        // A key before the range does not move its start back; one past its end leaves nothing of it.
        assert_eq!(start("m"), Some(Bound::Included(scope.join("m"))));
        assert_eq!(start("a"), None);
    }
}
