//! What was taken back before its time: lists that issuers sign, and what stands under a trusted operator by them.
//!
//! A list has the form of a token, see [`crate::token`], and at most [`MAX_LIST`] bytes. An LF may follow it.
//!
//! | part | value |
//! |---|---|
//! | header | `{"typ":"writ-revocations+jwt","alg":"ed25519-nkey"}`, byte for byte |
//! | payload | canonical JSON, with exactly `iss`, `jti`, `iat` and `writ` |
//! | `iss` | whose list it is: an operator `O…` or an account `A…` |
//! | `jti`, `iat` | as in a token |
//! | `writ.kind` | `revocations` |
//! | `writ.number` | 1 for an issuer's first list, and more with each one after it |
//! | `writ.revoked` | an object of subject → `{}` or `{"before": unix seconds}` |
//!
//! An operator revokes accounts. An account revokes its signing keys, its components, and digests of files. `{}` is total: what
//! the key signed and what was said about it hold no more. `before` voids what was said about the subject before then, and
//! nothing that was said later; a digest has none, as it is what it is at any time.

mod list;

use std::collections::BTreeMap;
use std::fmt;

use crate::defence;
use crate::digest::Digest;
use crate::keys::PublicKey;
use crate::time::Timestamp;
use crate::verify::{Component, LEEWAY, VerifyError};

pub use list::{Draft, HEADER, List, ListError, MAX_LIST, SignListError};

/// What a list can take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An account, a signing key, or a component.
    Key(PublicKey),
    /// Files with this digest.
    Digest(Digest),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Key(key) => key.fmt(f),
            Subject::Digest(digest) => digest.fmt(f),
        }
    }
}

/// How much of a subject is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it, now and later.
    Total,
    /// What was said about it before this instant, in unix seconds.
    Before(u64),
}

impl Extent {
    /// Whether it voids what was said at `iat`, in unix seconds.
    pub fn voids(self, iat: u64) -> bool {
        match self {
            Extent::Total => true,
            Extent::Before(instant) => iat < instant,
        }
    }

    /// The one that voids whatever either voids.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Extent::Before(one), Extent::Before(other)) => Extent::Before(one.max(other)),
            _ => Extent::Total,
        }
    }
}

/// What can be revoked under a trusted operator, as its host's owner decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocations {
    /// Nothing, ever. Tokens end by their time alone.
    Never,
    /// What these lists say, and nothing starts without them.
    Lists(Lists),
}

/// The lists that were found under one operator, and what is demanded of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lists {
    max_age: u64,
    accounts: AccountLists,
    found: BTreeMap<PublicKey, Result<List, ListError>>,
    doubt: Option<ListError>,
    seen: BTreeMap<PublicKey, Mark>,
}

/// Whether every account must have a list. Its operator always must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountLists {
    /// Nothing of an account starts without one.
    Required,
    /// An account need not have one until it has had one.
    Optional,
}

/// A list that was seen: its issuer never goes back behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its number.
    pub number: u64,
    /// Its `jti`: no other list has this number.
    pub jti: String,
}

impl Lists {
    /// None yet. A list that is older than `max_age` seconds is not relied on.
    pub fn new(max_age: u64, accounts: AccountLists) -> Self {
        Lists { max_age, accounts, found: BTreeMap::new(), doubt: None, seen: BTreeMap::new() }
    }

    /// The list that was found for an issuer, or what was found in its place.
    pub fn insert(&mut self, issuer: PublicKey, list: Result<List, ListError>) {
        self.found.insert(issuer, list);
    }

    /// Demands this list of an issuer, or a later one.
    pub fn demand(&mut self, issuer: PublicKey, mark: Mark) {
        self.seen.insert(issuer, mark);
    }

    /// Relies on none of them any more, for this reason. What they are known to have revoked stays revoked.
    pub fn doubt(&mut self, reason: ListError) {
        self.doubt = Some(reason);
    }

    /// What to demand from now on: of each issuer the highest number that was demanded or is found.
    pub fn marks(&self) -> BTreeMap<PublicKey, Mark> {
        let mut marks = self.seen.clone();
        for (issuer, list) in &self.found {
            let Ok(list) = list else { continue };
            if marks.get(issuer).is_none_or(|mark| mark.number < list.number()) {
                marks.insert(*issuer, list.mark());
            }
        }
        marks
    }

    /// The lists that can be read, fresh or not.
    pub fn iter(&self) -> impl Iterator<Item = &List> {
        self.found.values().flatten()
    }

    /// Checks every list that was found, and that the operator's own is among them.
    ///
    /// # Errors
    /// [`VerifyError::Unlisted`], about the first that is not relied on.
    pub fn check_all(&self, operator: PublicKey, now: u64) -> Result<(), VerifyError> {
        self.check_usable(operator, AccountLists::Required, now)?;
        self.found.keys().try_for_each(|issuer| self.check_usable(*issuer, self.accounts, now))
    }

    /// Whether what a component rests on still stands.
    pub(crate) fn check(&self, component: &Component, now: u64) -> Result<(), VerifyError> {
        let (operator, account) = (component.operator(), component.account().common.subject);
        // What is known to be revoked is said before what is not known for certain.
        self.check_revoked(operator, component)?;
        self.check_revoked(account, component)?;
        self.check_usable(operator, AccountLists::Required, now)?;
        self.check_usable(account, self.accounts, now)
    }

    fn check_revoked(&self, issuer: PublicKey, component: &Component) -> Result<(), VerifyError> {
        let Some(Ok(list)) = self.found.get(&issuer) else { return Ok(()) };
        for (subject, iat) in component.revocable_by(issuer) {
            if let Some(extent) = list.get(&subject).filter(|extent| extent.voids(iat) && defence::stands("revocation"))
            {
                let number = list.number();
                return Err(VerifyError::Revoked { subject, extent, issuer, number });
            }
        }
        Ok(())
    }

    fn check_usable(&self, issuer: PublicKey, demanded: AccountLists, now: u64) -> Result<(), VerifyError> {
        if let Some(doubt) = &self.doubt {
            return Err(VerifyError::Unlisted { issuer, reason: Unlisted::Unusable(doubt.clone()) });
        }
        let seen = self.seen.get(&issuer);
        let list = match self.found.get(&issuer) {
            Some(Ok(list)) => Ok(list),
            Some(Err(error)) => Err(Unlisted::Unusable(error.clone())),
            None if seen.is_some() && defence::stands("list demanded") => Err(Unlisted::Gone),
            None if demanded == AccountLists::Required && defence::stands("list demanded") => Err(Unlisted::Missing),
            None => return Ok(()),
        };
        let checked = list.and_then(|list| self.check_list(list, seen, now));
        checked.map_err(|reason| VerifyError::Unlisted { issuer, reason })
    }

    fn check_list(&self, list: &List, seen: Option<&Mark>, now: u64) -> Result<(), Unlisted> {
        let (number, iat) = (list.number(), list.iat());
        if iat > now.saturating_add(LEEWAY) && defence::stands("list issued in future") {
            return Err(Unlisted::FromFuture { iat, now });
        }
        if now > iat.saturating_add(self.max_age).saturating_add(LEEWAY) && defence::stands("list age") {
            return Err(Unlisted::Stale { iat, now });
        }
        match seen {
            Some(_) if !defence::stands("list number") => Ok(()),
            Some(seen) if number < seen.number => Err(Unlisted::Older { number, seen: seen.number }),
            Some(seen) if number == seen.number && list.jti() != seen.jti => Err(Unlisted::Other { number }),
            _ => Ok(()),
        }
    }
}

/// Why it is not known what an issuer has revoked. Nothing that rests on it starts then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unlisted {
    /// There is no list, and there must be one.
    #[error("it has no revocation list here; have it put beside the others")]
    Missing,
    /// There was a list once.
    #[error("its revocation list is gone; have it put back")]
    Gone,
    /// What lies there is no list of this issuer's.
    #[error("its revocation list cannot be used: {0}")]
    Unusable(ListError),
    /// Signed too long ago.
    #[error("its revocation list was signed at {iat}, and it is {now}: that is longer ago than the trust entry's `max_age`; have it signed again with `writ revoke`", iat = Timestamp(*.iat), now = Timestamp(*.now))]
    Stale {
        /// When it was signed, in unix seconds.
        iat: u64,
        /// The time it was checked at, in unix seconds.
        now: u64,
    },
    /// Signed in the future.
    #[error("its revocation list says it was signed at {iat}, and it is {now}; set the clock of this host or of the signer", iat = Timestamp(*.iat), now = Timestamp(*.now))]
    FromFuture {
        /// When it says it was signed, in unix seconds.
        iat: u64,
        /// The time it was checked at, in unix seconds.
        now: u64,
    },
    /// A later list was seen here.
    #[error(
        "its revocation list has the number {number}, and number {seen} was seen here; have the newest one put back"
    )]
    Older {
        /// The number found.
        number: u64,
        /// The highest number that was seen.
        seen: u64,
    },
    /// Another list of this number was seen here.
    #[error("another revocation list with the number {number} was seen here; have its issuer sign a further one")]
    Other {
        /// The number of both.
        number: u64,
    },
}
