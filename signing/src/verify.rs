//! The one way from bytes to a proof.
//!
//! | step | what must hold |
//! |---|---|
//! | 1 | the file is a component with one claims section at its end ([`crate::section`]) |
//! | 2 | it holds a component's token, perhaps a signing key's, and an account's, in this order ([`crate::token`]) |
//! | 3 | each token's signature holds under the key that it names as its issuer |
//! | 4 | the account's issuer is one of the roots; every other issuer is the subject of the token behind it |
//! | 5 | the component's token names the digest and the length of what stands before the claims section |
//! | 6 | every token is valid now, give or take [`LEEWAY`] |
//! | 7 | the signing key may sign this component |
//! | 8 | nothing of it was revoked, and it is known that nothing was ([`crate::revocation`]) |

use std::collections::BTreeMap;
use std::ops::Deref;

use crate::defence;
use crate::digest::Digest;
use crate::keys::{BadSignature, PublicKey};
use crate::principal::Principal;
use crate::revocation::{Extent, Revocations, Subject, Unlisted};
use crate::section::{self, SectionError};
use crate::time::Timestamp;
use crate::token::{
    AccountClaims, Common, ComponentClaims, Kind, Read, SigningKeyClaims, Token, TokenError, Tokens, TokensError,
};

/// Checks a component file against the operators that are trusted, at `now` in unix seconds.
///
/// # Errors
/// A [`VerifyError`] which says what does not hold. Nothing of the file may be used then.
pub fn verify(file: &[u8], roots: &Roots, now: u64) -> Result<Verified<Component>, VerifyError> {
    let split = section::split(file)?;
    let tokens = Tokens::parse(split.content)?;
    let component = Component::signed(&tokens)?;
    component.check_chain(roots)?;
    component.check_content(split.covered)?;
    component.check_times(now)?;
    component.check_scope()?;
    component.check_revocations(roots, now)?;
    Ok(Verified(component))
}

/// What was checked. The only way to one is [`verify`]; it stays true of the bytes it was made from, but not forever: see
/// [`Component::check_times`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The operators that are trusted, keys `O…`, each with what can be revoked under it: nobody is trusted without an answer to
/// that. A key of another role among them never matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots(BTreeMap<PublicKey, Revocations>);

impl Roots {
    /// Whether this operator is trusted.
    pub fn contains(&self, operator: &PublicKey) -> bool {
        self.0.contains_key(operator)
    }

    /// The operators, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&PublicKey, &Revocations)> {
        self.0.iter()
    }

    /// The operators with what can be revoked under each, to say more of it.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&PublicKey, &mut Revocations)> {
        self.0.iter_mut()
    }

    /// Whether nobody is trusted, so that nothing verifies.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn get(&self, operator: PublicKey) -> Result<&Revocations, VerifyError> {
        match self.0.get(&operator) {
            Some(revocations) => Ok(revocations),
            None if defence::stands("pinned operators") => Err(VerifyError::UnknownIssuer { operator }),
            None => Ok(&Revocations::Never),
        }
    }
}

impl FromIterator<(PublicKey, Revocations)> for Roots {
    fn from_iter<I: IntoIterator<Item = (PublicKey, Revocations)>>(operators: I) -> Self {
        Roots(operators.into_iter().collect())
    }
}

impl Extend<(PublicKey, Revocations)> for Roots {
    fn extend<I: IntoIterator<Item = (PublicKey, Revocations)>>(&mut self, operators: I) {
        self.0.extend(operators);
    }
}

/// What the tokens of one component say. It is worth something as [`Verified`]`<Component>` only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    component: ComponentClaims,
    signing_key: Option<SigningKeyClaims>,
    account: AccountClaims,
}

impl Component {
    /// What the component's token says.
    pub fn component(&self) -> &ComponentClaims {
        &self.component
    }

    /// What the signing key's token says, if the account did not sign itself.
    pub fn signing_key(&self) -> Option<&SigningKeyClaims> {
        self.signing_key.as_ref()
    }

    /// What the account's token says.
    pub fn account(&self) -> &AccountClaims {
        &self.account
    }

    /// The operator that vouches for the account.
    pub fn operator(&self) -> PublicKey {
        self.account.common.issuer
    }

    /// SHA-256 of what the component's token covers.
    pub fn digest(&self) -> Digest {
        self.component.digest
    }

    /// Who holds this authority.
    pub fn principal(&self) -> Principal {
        let (account, component) = (&self.account.common, &self.component.common);
        Principal::new(account.subject, component.subject, &account.name, &component.name)
    }

    /// The shared part of every token, from the component's to the account's.
    pub fn chain(&self) -> impl Iterator<Item = (Kind, &Common)> {
        let signing_key = self.signing_key.iter().map(|claims| (Kind::SigningKey, &claims.common));
        std::iter::once((Kind::Component, &self.component.common))
            .chain(signing_key)
            .chain(std::iter::once((Kind::Account, &self.account.common)))
    }

    /// When the first of the tokens expires, in unix seconds.
    pub fn exp(&self) -> u64 {
        self.chain().map(|(_, common)| common.exp).min().unwrap_or_default()
    }

    /// Checks again, later: whether every token is valid at `now`, in unix seconds.
    ///
    /// # Errors
    /// [`VerifyError::Expired`], [`VerifyError::NotYetValid`] or [`VerifyError::IssuedInFuture`].
    pub fn check_times(&self, now: u64) -> Result<(), VerifyError> {
        self.chain().try_for_each(|(token, common)| check_times(token, common, now))
    }

    /// Checks again, later and perhaps by newer lists: whether nothing that this rests on was revoked.
    ///
    /// # Errors
    /// [`VerifyError::Revoked`]; [`VerifyError::Unlisted`] where that is not known; [`VerifyError::UnknownIssuer`] where its
    /// operator is none of these roots.
    pub fn check_revocations(&self, roots: &Roots, now: u64) -> Result<(), VerifyError> {
        match roots.get(self.operator())? {
            Revocations::Never => Ok(()),
            Revocations::Lists(lists) => lists.check(self, now),
        }
    }

    /// What an issuer could revoke of it, each with the time at which it was said. An issuer that is none of its own: nothing.
    pub(crate) fn revocable_by(&self, issuer: PublicKey) -> Vec<(Subject, u64)> {
        let about = |common: &Common| (Subject::Key(common.subject), common.iat);
        if issuer == self.operator() {
            return vec![about(&self.account.common)];
        }
        if issuer != self.account.common.subject {
            return Vec::new();
        }
        let own = &self.component.common;
        let signing_key = self.signing_key.iter().map(|key| about(&key.common));
        signing_key.chain([about(own), (Subject::Digest(self.digest()), own.iat)]).collect()
    }

    /// Reads the claims, and refuses a signature that was not made by the issuer they name.
    fn signed(tokens: &Tokens) -> Result<Self, VerifyError> {
        Ok(Component {
            account: signed(tokens.account())?,
            signing_key: tokens.signing_key().map(signed).transpose()?,
            component: signed(tokens.component())?,
        })
    }

    fn check_chain(&self, roots: &Roots) -> Result<(), VerifyError> {
        let operator = self.operator();
        roots.get(operator)?;
        if !defence::stands("chain") {
            return Ok(());
        }
        let account = &self.account.common;
        let signer = match &self.signing_key {
            None => account.subject,
            Some(key) if key.common.issuer == account.subject => key.common.subject,
            Some(key) => {
                let (token, issuer, expected) = (Kind::SigningKey, key.common.issuer, account.subject);
                return Err(VerifyError::BrokenChain { token, issuer, expected });
            }
        };
        match self.component.common.issuer {
            issuer if issuer == signer => Ok(()),
            issuer => Err(VerifyError::BrokenChain { token: Kind::Component, issuer, expected: signer }),
        }
    }

    fn check_content(&self, covered: &[u8]) -> Result<(), VerifyError> {
        let (signed, found) = (self.component.length, covered.len() as u64);
        if signed != found && defence::stands("length") {
            return Err(VerifyError::LengthMismatch { signed, found });
        }
        let (signed, found) = (self.component.digest, Digest::of(covered));
        if signed != found && defence::stands("digest") {
            return Err(VerifyError::DigestMismatch { signed, found });
        }
        Ok(())
    }

    fn check_scope(&self) -> Result<(), VerifyError> {
        let Some(key) = &self.signing_key else {
            return Ok(());
        };
        let component = &self.component.common;
        if key.components.cover(&component.name, &component.subject) || !defence::stands("scope") {
            return Ok(());
        }
        let (name, id) = (component.name.clone(), component.subject);
        Err(VerifyError::OutOfScope { signing_key: key.common.subject, name, id })
    }
}

/// How far two clocks may be apart, in seconds.
pub const LEEWAY: u64 = 60;

/// What does not hold. `Display` says what would help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Not a component, or not signed, or changed in its structure after signing.
    #[error(transparent)]
    Section(#[from] SectionError),
    /// The claims section does not hold a component's tokens.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// A token says what no token may say.
    #[error("the {token}'s token is refused: {source}")]
    Token {
        /// Which token.
        token: Kind,
        /// Why.
        source: TokenError,
    },
    /// A token was not signed by the issuer that it names, or was changed since.
    #[error("the {token}'s token was not signed by {issuer}, or was changed since; sign it again")]
    BadSignature {
        /// Which token.
        token: Kind,
        /// The issuer that it names.
        issuer: PublicKey,
    },
    /// The operator is not trusted here.
    #[error(
        "the operator {operator} is not trusted here; if it should be, add it with `writ trust add {operator} --policy FILE`, or `--any`"
    )]
    UnknownIssuer {
        /// The operator that signed the account's token.
        operator: PublicKey,
    },
    /// A token's issuer is not the key that the next token is about.
    #[error(
        "the {token}'s token was issued by {issuer}, but the file's next token is about {expected}; sign with the key whose tokens go with it"
    )]
    BrokenChain {
        /// Which token.
        token: Kind,
        /// Who issued it.
        issuer: PublicKey,
        /// Who would have had to.
        expected: PublicKey,
    },
    /// The file is longer or shorter than what was signed.
    #[error(
        "{found} bytes stand before the claims section, and {signed} were signed; the file was changed after signing"
    )]
    LengthMismatch {
        /// How many bytes were signed.
        signed: u64,
        /// How many there are.
        found: u64,
    },
    /// The file is not the one that was signed.
    #[error("the file has the digest {found}, and {signed} was signed; the file was changed after signing")]
    DigestMismatch {
        /// What was signed.
        signed: Digest,
        /// What there is.
        found: Digest,
    },
    /// A token is valid no more.
    #[error("the {token}'s token expired at {exp}, and it is {now}; have it signed again", exp = Timestamp(*.exp), now = Timestamp(*.now))]
    Expired {
        /// Which token.
        token: Kind,
        /// The time it was checked at, in unix seconds.
        now: u64,
        /// When it expired, in unix seconds.
        exp: u64,
    },
    /// A token is not valid yet.
    #[error("the {token}'s token is valid from {nbf} on, and it is {now}; wait, or set this host's clock", nbf = Timestamp(*.nbf), now = Timestamp(*.now))]
    NotYetValid {
        /// Which token.
        token: Kind,
        /// The time it was checked at, in unix seconds.
        now: u64,
        /// When it becomes valid, in unix seconds.
        nbf: u64,
    },
    /// A token claims to have been signed in the future, which would let it escape a revocation by date.
    #[error("the {token}'s token says it was signed at {iat}, and it is {now}; set the clock of this host or of the signer", iat = Timestamp(*.iat), now = Timestamp(*.now))]
    IssuedInFuture {
        /// Which token.
        token: Kind,
        /// The time it was checked at, in unix seconds.
        now: u64,
        /// When it says it was signed, in unix seconds.
        iat: u64,
    },
    /// The signing key may not sign this component.
    #[error(
        "the signing key {signing_key} may not sign the component {name} ({id}); its account must list both in the key's token"
    )]
    OutOfScope {
        /// The signing key.
        signing_key: PublicKey,
        /// The component's name.
        name: String,
        /// The component's key.
        id: PublicKey,
    },
    /// An issuer took back what this rests on.
    #[error("{subject} was revoked by {issuer}, in its list number {number}: {extent}")]
    Revoked {
        /// What was revoked.
        subject: Subject,
        /// How much of it.
        extent: Extent,
        /// Who did so.
        issuer: PublicKey,
        /// The number of the list that says so.
        number: u64,
    },
    /// It is not known what an issuer took back.
    #[error("nothing that rests on {issuer} starts: {reason}")]
    Unlisted {
        /// Whose list it is about.
        issuer: PublicKey,
        /// Why its list is not relied on.
        reason: Unlisted,
    },
}

fn signed<T: Read>(token: &Token) -> Result<T, VerifyError> {
    let kind = T::KIND;
    let claims: T = token.read().map_err(|source| VerifyError::Token { token: kind, source })?;
    let issuer = claims.common().issuer;
    token.check_signature(&issuer).map_err(|BadSignature| VerifyError::BadSignature { token: kind, issuer })?;
    Ok(claims)
}

fn check_times(token: Kind, common: &Common, now: u64) -> Result<(), VerifyError> {
    let Common { iat, nbf, exp, .. } = *common;
    let soon = now.saturating_add(LEEWAY);
    if iat > soon && defence::stands("issued in future") {
        return Err(VerifyError::IssuedInFuture { token, now, iat });
    }
    if nbf > soon && defence::stands("not before") {
        return Err(VerifyError::NotYetValid { token, now, nbf });
    }
    if now >= exp.saturating_add(LEEWAY) && defence::stands("expiry") {
        return Err(VerifyError::Expired { token, now, exp });
    }
    Ok(())
}
