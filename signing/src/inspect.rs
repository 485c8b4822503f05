//! What a file says about itself, unchecked: to show people why it does not verify. Never decide anything by it.

use crate::digest::Digest;
use crate::section::{self, SectionError};
use crate::token::{self, Claims, Token, TokenError, TokensError};

/// Reads what a file's claims section holds, without trusting any of it and as far as it can be read.
///
/// # Errors
/// [`InspectError`] if there is no claims section to look at, or it is not lines of text.
pub fn inspect(file: &[u8]) -> Result<Unverified, InspectError> {
    let split = section::split(file)?;
    let lines = token::lines(split.content)?;
    Ok(Unverified {
        digest: Digest::of(split.covered),
        length: split.covered.len() as u64,
        tokens: lines.into_iter().map(token).collect(),
    })
}

/// What a file says about itself. **Nothing here was verified**: anybody can write all of it, except the digest and the
/// length, which are the file's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// SHA-256 of what stands before the claims section.
    pub digest: Digest,
    /// How many bytes stand before the claims section.
    pub length: u64,
    /// The lines of the claims section, in their order: one to three.
    pub tokens: Vec<Result<UnverifiedToken, TokenError>>,
}

/// What a token says. **Nothing here was verified.**
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedToken {
    /// The token itself; its header says its kind.
    pub token: Token,
    /// What it says.
    pub claims: Claims,
    /// Whether the key that it names as its issuer made its signature. That is little: anybody has such a key.
    pub signed_by_issuer: bool,
}

/// Why there is nothing to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// No claims section.
    #[error(transparent)]
    Section(#[from] SectionError),
    /// The claims section is not lines of text.
    #[error(transparent)]
    Tokens(#[from] TokensError),
}

/// Reads what one token says, without trusting any of it.
///
/// # Errors
/// A [`TokenError`] if the text is no token, or says what no token may say.
pub fn token(text: &str) -> Result<UnverifiedToken, TokenError> {
    let token: Token = text.parse()?;
    let claims = token.unverified_claims()?;
    let signed_by_issuer = token.check_signature(&claims.common().issuer).is_ok();
    Ok(UnverifiedToken { token, claims, signed_by_issuer })
}
