//! What keeps keys and values, and the rules that every backend follows in the same way.

pub mod disk;
pub mod memory;
pub mod page;

use std::collections::BTreeMap;

use futures::future::BoxFuture;

use crate::key::StoredKey;
use page::{Listing, Page};

/// A store of keys and values that many principals share. It knows no claims: keys come scoped and checked.
///
/// A future that is dropped may leave its change made; one that answered `Ok` has made it, as durably as the backend says.
pub trait Backend: Send + Sync + 'static {
    /// The values of `keys`, in their order; together at most `budget` bytes.
    fn get(&self, keys: Vec<StoredKey>, budget: usize) -> Answer<'_, Vec<Option<Vec<u8>>>>;

    /// Whether there is such a key.
    fn exists(&self, key: StoredKey) -> Answer<'_, bool>;

    /// A page of keys, in order.
    fn list(&self, listing: Listing) -> Answer<'_, Page>;

    /// Makes all of the changes, or none. All are about one account.
    fn write(&self, changes: Changes) -> Answer<'_, ()>;

    /// Adds to the number at a key, 0 where there is none, and answers the sum. No two additions get lost in each other.
    ///
    /// A number is 1 to 20 decimal digits in ASCII, as other hosts store it: a component may `set` and `get` it as text.
    fn increment(&self, key: StoredKey, delta: u64) -> Answer<'_, u64>;
}

/// What a backend gives back.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, BackendError>>;

/// Values to write, and `None` for keys to remove. A key cannot be in it twice.
pub type Changes = BTreeMap<StoredKey, Option<Vec<u8>>>;

/// Why a backend did not do it. Nothing here tells a guest of paths or of other principals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The value at an incremented key is no number.
    #[error("the value is not a decimal number below 2^64")]
    NotANumber,
    /// The sum does not fit 64 bits.
    #[error("the sum is above 2^64 - 1")]
    Overflow,
    /// The account stored as much as it may.
    #[error("the account's share of the store is used up")]
    Full,
    /// The values together are larger than one answer may be.
    #[error("the values are together larger than {most} bytes")]
    Large {
        /// How large an answer may be.
        most: usize,
    },
    /// The call's time was over while it was at work.
    #[error("the time was over")]
    Interrupted,
    /// The store failed; the host's log says how.
    #[error("the store is unavailable")]
    Unavailable,
}

/// The sum of the number in a stored value, and `delta`.
fn sum(stored: Option<&[u8]>, delta: u64) -> Result<u64, BackendError> {
    let Some(stored) = stored else { return Ok(delta) };
    let digits = std::str::from_utf8(stored).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number: u64 = digits.and_then(|digits| digits.parse().ok()).ok_or(BackendError::NotANumber)?;
    number.checked_add(delta).ok_or(BackendError::Overflow)
}

/// Keeps the values of one answer below its budget.
struct AnswerSize {
    left: usize,
    most: usize,
}

impl AnswerSize {
    fn new(most: usize) -> Self {
        Self { left: most, most }
    }

    /// Called before a value is copied.
    fn take(&mut self, bytes: usize) -> Result<(), BackendError> {
        self.left = self.left.checked_sub(bytes).ok_or(BackendError::Large { most: self.most })?;
        Ok(())
    }
}

/// What changes do to the bytes that their account has stored.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Balance {
    added: u64,
    freed: u64,
}

impl Balance {
    /// Counts one change: the bytes of the value there was, and of the one there will be.
    fn count(&mut self, key: &StoredKey, before: Option<usize>, after: Option<usize>) {
        let bytes = |value: usize| {
            let bytes = key.bytes().len().saturating_add(value).saturating_add(OVERHEAD);
            u64::try_from(bytes).unwrap_or(u64::MAX)
        };
        self.freed = self.freed.saturating_add(before.map_or(0, bytes));
        self.added = self.added.saturating_add(after.map_or(0, bytes));
    }

    /// What the account will have stored, unless that is more than before and more than `quota`.
    fn apply(self, used: u64, quota: u64) -> Result<u64, BackendError> {
        let after = used.saturating_sub(self.freed).saturating_add(self.added);
        // Making it smaller is always allowed, also where the quota was lowered below what is stored.
        if after > quota && self.added > self.freed { Err(BackendError::Full) } else { Ok(after) }
    }
}

/// Bytes that an entry takes up beside its key and value, roughly.
const OVERHEAD: usize = 64;

#[cfg(test)]
pub(crate) mod conformance;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums() {
        let check = |stored: Option<&str>, delta: u64, expected: Result<u64, BackendError>| {
            assert_eq!(sum(stored.map(str::as_bytes), delta), expected, "{stored:?} + {delta}");
        };
        check(None, 0, Ok(0));
        check(None, u64::MAX, Ok(u64::MAX));
        check(Some("41"), 1, Ok(42));
        check(Some("007"), 1, Ok(8));
        check(Some("18446744073709551615"), 0, Ok(u64::MAX));
        check(Some("18446744073709551615"), 1, Err(BackendError::Overflow));
        for stored in
            ["", "-1", "+1", " 1", "1\n", "1.0", "0x1", "18446744073709551616", "\u{661}", "\0\0\0\0\0\0\0\u{1}"]
        {
            check(Some(stored), 1, Err(BackendError::NotANumber));
        }
        assert_eq!(sum(Some(&[0xff]), 1), Err(BackendError::NotANumber));
    }

    #[test]
    fn a_full_account_may_still_shrink() {
        let balance = |added, freed| Balance { added, freed };
        assert_eq!(balance(10, 0).apply(90, 100), Ok(100));
        assert_eq!(balance(11, 0).apply(90, 100), Err(BackendError::Full));
        assert_eq!(balance(11, 1).apply(90, 100), Ok(100));
        assert_eq!(balance(0, 10).apply(200, 100), Ok(190));
        assert_eq!(balance(10, 10).apply(200, 100), Ok(200));
    }
}
