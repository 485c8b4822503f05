//! `trust/O….yaml`: an operator a host trusts.

use crate::error::ManifestError;
use crate::policy::Policy;
use crate::units::Time;

/// One operator a host trusts, and how far.
///
/// ```yaml
/// name: acme
/// operator: OB…
/// policy: any                  # or a policy's fields, inline
/// revocations: none            # or { dir: /etc/writ/revoked, max_age: 24h, accounts: required }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TrustEntry {
    /// What the host's owner calls the operator: letters, digits, `_` and `-`.
    pub name: String,
    /// Its public key `O…`. The shape is checked here (56 characters of base32), not the checksum.
    pub operator: String,
    /// The most it may grant.
    pub policy: TrustPolicy,
    /// Where its revocation lists are.
    pub revocations: Revocations,
}

/// The most an operator may grant on this host.
#[derive(Debug, Clone, PartialEq)]
pub enum TrustPolicy {
    /// `any`: restricts nothing.
    Any,
    /// A policy, inline.
    Inline(Policy),
}

/// Whether and where revocation lists are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocations {
    /// `none`: nothing is ever revoked.
    None,
    /// Lists lie in a folder.
    Lists {
        /// The folder of `O….revoked` and one `A….revoked` per account.
        dir: String,
        /// How old a list may be and still count as fresh.
        max_age: Time,
        /// Whether accounts must have lists too.
        accounts: AccountLists,
    },
}

/// Whether every account must have a fresh revocation list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountLists {
    /// Without one, nothing of that account starts.
    Required,
    /// One is honoured where it exists.
    Optional,
}

impl TrustEntry {
    /// Parses an entry.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let _ = text;
        unimplemented!("the types come first")
    }

    /// The entry as a text that [`parse`](Self::parse) reads back to the same entry.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        unimplemented!("the types come first")
    }
}
