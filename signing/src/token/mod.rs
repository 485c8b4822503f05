//! Tokens: what an issuer lets a subject have, from when to when, in the issuer's signature.
//!
//! A token is a compact JWS (RFC 7515): `header.payload.signature`, each in base64url without padding and in its one
//! canonical form, at most [`MAX_TOKEN`] bytes together. The signature is ed25519 over the bytes `header.payload`.
//!
//! | kind | header, byte for byte | `iss` | `sub` | fields of `writ` besides `kind`, `name`, `capabilities`, `limits?` |
//! |---|---|---|---|---|
//! | component | `{"typ":"writ-component+jwt","alg":"ed25519-nkey"}` | `A…` | `M…` | `version`, `revision`, `digest`, `length` |
//! | signing key | `{"typ":"writ-signing-key+jwt","alg":"ed25519-nkey"}` | `A…` | `A…` | `components` |
//! | account | `{"typ":"writ-account+jwt","alg":"ed25519-nkey"}` | `O…` | `A…` | |
//!
//! The payload is a JSON object (RFC 8259) with exactly `iss`, `sub`, `jti`, `iat`, `nbf`, `exp` and `writ`. No object has a
//! key twice, none has a field that is not named here, and everything is at most [`MAX_DEPTH`] deep.
//!
//! | field | value |
//! |---|---|
//! | `iss`, `sub` | different public keys of the roles above |
//! | `jti` | base32 of the SHA-256 of the payload without `jti`, as canonical JSON: what has the same `jti` says the same |
//! | `iat`, `nbf`, `exp` | unsigned integers, unix seconds up to the year 9999; `exp` is later than the other two |
//! | `kind` | `component`, `signing-key` or `account`, as the header's `typ` |
//! | `name` | 1 to 64 of `A-Z a-z 0-9 - _` |
//! | `capabilities` | an object of name → JSON; or `"any"`, in a signing key's and an account's |
//! | `limits` | an object of name → JSON; may be left out |
//! | `components` | `"any"`, or a list of `{"name", "id"}` |
//! | `version` | 1 to 64 of `A-Z a-z 0-9 . + -` |
//! | `revision`, `length` | unsigned integers; `length` in bytes |
//! | `digest` | `sha256:` and 64 lower-case hexadecimal digits |
//!
//! What capabilities and limits hold is not interpreted here, except that their names are 1 to 64 visible ASCII characters,
//! and that numbers are integers: those have one canonical form. A figure with a fraction is written as text, with its unit.
//!
//! *Canonical JSON*: no white space, keys in the order of their Unicode code points, strings with the escapes that JSON
//! requires and no others (`\b \f \n \r \t` where they exist), integers in decimal.

use std::fmt;
use std::str::FromStr;

use crate::defence;
use crate::keys::{BadSignature, KeyError, PublicKey, Role};

use self::jws::Jws;

pub(crate) use claims::Read;
pub(crate) use tokens::lines;

pub use claims::{
    AccountClaims, Capabilities, Claims, Common, ComponentClaims, ComponentRef, Components, SigningKeyClaims,
};
pub use mint::{
    AccountDraft, CommonDraft, ComponentDraft, SignError, SigningKeyDraft, sign_account, sign_component,
    sign_signing_key,
};
pub use tokens::{Tokens, TokensError};

mod claims;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod jws;
mod mint;
mod tokens;

/// The longest token that is read, in bytes: 16 KiB.
pub const MAX_TOKEN: usize = 16 << 10;

/// How deep arrays and objects of a payload may nest, the payload itself counted.
pub const MAX_DEPTH: usize = 16;

/// A signed token. It has the form of one: three segments, a known header, a signature of 64 bytes. Its claims and its
/// signature are unchecked; that is [`crate::verify()`]'s work.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token {
    text: Box<str>,
    kind: Kind,
    payload: Box<[u8]>,
    signature: [u8; 64],
}

impl Token {
    /// Which of the three kinds the header says.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The compact form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The payload's JSON as its signer wrote it, unchecked: for showing, never for deciding.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Reads the claims without checking the signature: for showing, never for deciding.
    ///
    /// # Errors
    /// A [`TokenError`] if the payload is not as this module's page says.
    pub fn unverified_claims(&self) -> Result<Claims, TokenError> {
        Claims::read(self.kind, &self.payload)
    }

    /// Reads the claims of a token of the kind that `T` is; the header must say the same. The signature is not checked.
    pub(crate) fn read<T: Read>(&self) -> Result<T, TokenError> {
        if self.kind == T::KIND { T::read(&self.payload) } else { Err(TokenError::Header) }
    }

    /// Checks the signature against one key.
    pub(crate) fn check_signature(&self, issuer: &PublicKey) -> Result<(), BadSignature> {
        let message = jws::message(&self.text).map_err(|_| BadSignature)?;
        jws::check(message, &self.signature, issuer)
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN && defence::stands("sizes") {
            return Err(TokenError::TooLong { length: text.len() });
        }
        let jws = Jws::parse(text)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.has_header(&jws.header));
        let found = jws.signature.len();
        Ok(Token {
            text: text.into(),
            kind: kind.ok_or(TokenError::Header)?,
            payload: jws.payload.into(),
            signature: jws.signature.try_into().map_err(|_| TokenError::SignatureLength { found })?,
        })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Token").field(&self.kind).field(&self.text).finish()
    }
}

/// What a token is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An account, or a signing key of one, about a component.
    Component,
    /// An account about a key that signs components in its place.
    SigningKey,
    /// An operator about an account.
    Account,
}

impl Kind {
    /// Every kind, in the order in which their tokens stand in a file.
    pub const ALL: [Kind; 3] = [Kind::Component, Kind::SigningKey, Kind::Account];

    /// The header a token of this kind has, byte for byte.
    pub const fn header(self) -> &'static str {
        match self {
            Kind::Component => r#"{"typ":"writ-component+jwt","alg":"ed25519-nkey"}"#,
            Kind::SigningKey => r#"{"typ":"writ-signing-key+jwt","alg":"ed25519-nkey"}"#,
            Kind::Account => r#"{"typ":"writ-account+jwt","alg":"ed25519-nkey"}"#,
        }
    }

    /// What the payload's `writ.kind` says.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Component => "component",
            Kind::SigningKey => "signing-key",
            Kind::Account => "account",
        }
    }

    /// Byte for byte. Without that, whatever names the kind would do.
    fn has_header(self, header: &[u8]) -> bool {
        let names_it = || String::from_utf8_lossy(header).contains(self.name());
        header == self.header().as_bytes() || !defence::stands("header") && names_it()
    }

    const fn issuer(self) -> Role {
        match self {
            Kind::Component | Kind::SigningKey => Role::Account,
            Kind::Account => Role::Operator,
        }
    }

    const fn subject(self) -> Role {
        match self {
            Kind::Component => Role::Component,
            Kind::SigningKey | Kind::Account => Role::Account,
        }
    }
}

/// As a word in a sentence: `component`, `signing key`, `account`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Component => "component",
            Kind::SigningKey => "signing key",
            Kind::Account => "account",
        })
    }
}

/// Why a text is not a token, or says what no token may say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Longer than [`MAX_TOKEN`].
    #[error("the token has {length} bytes, and at most {MAX_TOKEN} are read")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Not three segments with a dot between.
    #[error("a token has three segments with a dot between")]
    Segments,
    /// A segment that is not canonical base64url without padding.
    #[error("the token's {segment} is not base64url without padding, in its canonical form")]
    Encoding {
        /// `header`, `payload` or `signature`.
        segment: &'static str,
    },
    /// The signature is not 64 bytes.
    #[error("the token's signature has {found} bytes, where 64 were expected")]
    SignatureLength {
        /// How many it has.
        found: usize,
    },
    /// The header is not, byte for byte, one of the three. No other algorithm and no other parameter is understood.
    #[error("the token's header is not one that is known here; every kind of token has exactly one")]
    Header,
    /// The payload is not JSON.
    #[error("the token's payload is not JSON: {reason}")]
    Json {
        /// What the JSON reader said.
        reason: String,
    },
    /// An object with one key twice.
    #[error("the token's payload has the key {key:?} twice in one object")]
    DuplicateKey {
        /// The key, shortened.
        key: String,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the token's payload is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// A field that must be there is not.
    #[error("the token has no field {field:?}")]
    Missing {
        /// The field, such as `writ.name`.
        field: &'static str,
    },
    /// A field that no token of this kind has.
    #[error("the token has a field {field:?} that is not known here; was it made by a newer version?")]
    Unknown {
        /// The field, shortened.
        field: String,
    },
    /// A field of another shape than it must have.
    #[error("the token's field {field:?} is not {expected}")]
    Field {
        /// The field, such as `exp`.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A field that must be a public key is none.
    #[error("the token's field {field:?} is not a public key: {source}")]
    Key {
        /// The field.
        field: &'static str,
        /// Why.
        source: KeyError,
    },
    /// A key of the wrong role.
    #[error("the token's field {field:?} is the key of another role ({found}) than the one needed ({expected})")]
    Role {
        /// The field.
        field: &'static str,
        /// The role it must have.
        expected: Role,
        /// The role it has.
        found: Role,
    },
    /// Issuer and subject are one key.
    #[error("the token's issuer and subject are the same key, {key}; a key cannot vouch for itself")]
    SelfIssued {
        /// The key.
        key: PublicKey,
    },
    /// It expires before it begins.
    #[error("the token is never valid: its `exp` is not later than its `iat` and `nbf`")]
    NeverValid,
    /// `jti` does not name this payload.
    #[error("the token's `jti` does not fit its payload; expected {expected}")]
    Id {
        /// What `jti` should be.
        expected: String,
    },
}
