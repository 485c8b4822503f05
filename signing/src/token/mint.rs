//! Makes tokens. Whatever is made here was read back, so that it holds what a reader demands.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::claims::{Capabilities, Components, to_json};
use super::{Kind, MAX_DEPTH, Token, TokenError, json, jws};
use crate::digest::Digest;
use crate::keys::{PublicKey, SigningKey};
use crate::section::{self, SectionError};

/// What every token's issuer decides. The rest is the issuer's key, the time, and a name made from all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonDraft {
    /// The key the token is about.
    pub subject: PublicKey,
    /// What people call it: 1 to 64 of `A-Z a-z 0-9 - _`.
    pub name: String,
    /// What the subject may have. [`Capabilities::Any`] is refused in a component's token.
    pub capabilities: Capabilities,
    /// Limits by name; may be empty.
    pub limits: BTreeMap<String, Value>,
    /// From when on it is valid, in unix seconds; `None` means from now.
    pub nbf: Option<u64>,
    /// From when on it is valid no more, in unix seconds. Later than now and `nbf`.
    pub exp: u64,
}

/// An account's token, before an operator signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountDraft {
    /// What every token says; the subject is the account.
    pub common: CommonDraft,
}

/// A signing key's token, before its account signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyDraft {
    /// What every token says; the subject is the signing key, of role account.
    pub common: CommonDraft,
    /// What the key may sign.
    pub components: Components,
}

/// A component's token, before the account or its signing key signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentDraft {
    /// What every token says; the subject is the component's key `M…`.
    pub common: CommonDraft,
    /// The release's name: 1 to 64 of `A-Z a-z 0-9 . + -`.
    pub version: String,
    /// The release's number, which grows with every release.
    pub revision: u64,
}

/// An operator signs an account's token, at `now` in unix seconds.
///
/// # Errors
/// [`SignError::Token`] if the draft says what no token may say, a wrong role of either key included.
pub fn sign_account(draft: &AccountDraft, operator: &SigningKey, now: u64) -> Result<Token, SignError> {
    sign(Kind::Account, &draft.common, [], operator, now)
}

/// An account signs a signing key's token, at `now` in unix seconds.
///
/// # Errors
/// As for [`sign_account`].
pub fn sign_signing_key(draft: &SigningKeyDraft, account: &SigningKey, now: u64) -> Result<Token, SignError> {
    sign(Kind::SigningKey, &draft.common, [("components", draft.components.to_json())], account, now)
}

/// An account, or a signing key of one, signs a component's token over `file`, at `now` in unix seconds.
///
/// A claims section that `file` already has is not covered; [`section::embed`] replaces it.
///
/// # Errors
/// As for [`sign_account`], and [`SignError::Section`] if `file` is no component.
pub fn sign_component(draft: &ComponentDraft, file: &[u8], key: &SigningKey, now: u64) -> Result<Token, SignError> {
    let covered = section::unsigned(file)?;
    let fields = [
        ("version", draft.version.as_str().into()),
        ("revision", draft.revision.into()),
        ("digest", Digest::of(covered).to_string().into()),
        ("length", covered.len().into()),
    ];
    sign(Kind::Component, &draft.common, fields, key, now)
}

/// Why a token was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The file to sign is not a component.
    #[error(transparent)]
    Section(#[from] SectionError),
    /// The token would say what no token may say.
    #[error("not signed, because no host would accept it: {0}")]
    Token(#[from] TokenError),
}

fn sign<const N: usize>(
    kind: Kind,
    draft: &CommonDraft,
    fields: [(&str, Value); N],
    key: &SigningKey,
    now: u64,
) -> Result<Token, SignError> {
    let payload = payload(kind, draft, fields, key, now)?;
    let token: Token = jws::sign(kind.header(), &payload, key).parse()?;
    token.unverified_claims()?;
    Ok(token)
}

fn payload<const N: usize>(
    kind: Kind,
    draft: &CommonDraft,
    fields: [(&str, Value); N],
    key: &SigningKey,
    now: u64,
) -> Result<String, TokenError> {
    let mut writ = Map::new();
    writ.insert("kind".to_owned(), kind.name().into());
    writ.insert("name".to_owned(), draft.name.as_str().into());
    writ.insert("capabilities".to_owned(), draft.capabilities.to_json());
    if !draft.limits.is_empty() {
        writ.insert("limits".to_owned(), to_json(&draft.limits));
    }
    writ.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    let writ = Value::Object(writ);
    if !json::is_shallow(&writ, MAX_DEPTH.saturating_sub(1)) {
        return Err(TokenError::TooDeep);
    }

    let mut payload = Map::new();
    payload.insert("iss".to_owned(), key.public().to_string().into());
    payload.insert("sub".to_owned(), draft.subject.to_string().into());
    payload.insert("iat".to_owned(), now.into());
    payload.insert("nbf".to_owned(), draft.nbf.unwrap_or(now).into());
    payload.insert("exp".to_owned(), draft.exp.into());
    payload.insert("writ".to_owned(), writ);
    payload.insert("jti".to_owned(), json::id(&payload).into());
    Ok(json::canonical(&payload))
}
