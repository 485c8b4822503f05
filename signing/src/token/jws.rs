//! The compact form that tokens and revocation lists share: `header.payload.signature`, each in canonical base64url.

use data_encoding::BASE64URL_NOPAD;

use super::TokenError;
use crate::defence;
use crate::keys::{BadSignature, PublicKey, SigningKey};

/// A text of three segments, decoded. Nothing about it was checked.
pub(crate) struct Jws<'a> {
    /// What the signature is over: the first two segments as they are written.
    pub(crate) message: &'a str,
    pub(crate) header: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a text apart. How long it may be is the caller's to say, before.
    pub(crate) fn parse(text: &'a str) -> Result<Self, TokenError> {
        let mut segments = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(TokenError::Segments);
        };
        let decode = |segment: &str, name| {
            BASE64URL_NOPAD.decode(segment.as_bytes()).map_err(|_| TokenError::Encoding { segment: name })
        };
        let (header, payload) = (decode(header, "header")?, decode(payload, "payload")?);
        let signature = decode(signature, "signature")?;
        Ok(Jws { message: message(text)?, header, payload, signature })
    }

    /// Checks the signature against one key.
    pub(crate) fn check(&self, issuer: &PublicKey) -> Result<(), BadSignature> {
        check(self.message, &self.signature, issuer)
    }
}

/// Checks a signature over the part of a compact form that is signed.
pub(crate) fn check(message: &str, signature: &[u8], issuer: &PublicKey) -> Result<(), BadSignature> {
    match defence::stands("signature") {
        true => issuer.verify(message.as_bytes(), signature),
        false => Ok(()),
    }
}

/// The part of a compact form that is signed.
pub(crate) fn message(text: &str) -> Result<&str, TokenError> {
    text.rsplit_once('.').map(|(message, _)| message).ok_or(TokenError::Segments)
}

/// The compact form of a header and a payload, signed.
pub(crate) fn sign(header: &str, payload: &str, key: &SigningKey) -> String {
    let message = [header, payload].map(|part| BASE64URL_NOPAD.encode(part.as_bytes())).join(".");
    let signature = BASE64URL_NOPAD.encode(&key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}
