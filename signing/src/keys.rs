//! Keys as [nkeys](https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth) write them:
//! ed25519, in base32 with a role letter in front and a checksum behind.
//!
//! | text | bytes before base32 (RFC 4648, upper case, no padding) |
//! |---|---|
//! | public key, 56 characters | role prefix (1), point (32), CRC-16/XMODEM of what precedes (2, little-endian) |
//! | seed, 58 characters | `S` and role prefix (2), secret (32), CRC-16/XMODEM of what precedes (2, little-endian) |
//!
//! Public keys are read by the `nkeys` crate. Seeds are read here, because `nkeys` takes an unknown role for an operator's
//! and leaves copies of the secret in memory; signatures are verified here, because `nkeys` does not verify strictly.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use ed25519_dalek::{Signature, Signer, Verifier, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use crate::defence;

/// What a key is for: the first letter of its public form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `O`: signs accounts. Hosts pin these.
    Operator,
    /// `A`: signs components and signing keys. A signing key is of this role, too.
    Account,
    /// `M`: names a component's lineage. Nothing is signed with it.
    Component,
    /// `N`: names a host.
    Host,
}

impl Role {
    /// Every role, in the order of their declaration.
    pub const ALL: [Role; 4] = [Role::Operator, Role::Account, Role::Component, Role::Host];

    /// The letter a public key of this role starts with.
    pub const fn letter(self) -> char {
        match self {
            Role::Operator => 'O',
            Role::Account => 'A',
            Role::Component => 'M',
            Role::Host => 'N',
        }
    }

    const fn prefix(self) -> u8 {
        match self {
            Role::Operator => 14 << 3,
            Role::Account => 0,
            Role::Component => 12 << 3,
            Role::Host => 13 << 3,
        }
    }

    fn from_prefix(prefix: u8) -> Result<Role, KeyError> {
        let found = Role::ALL.into_iter().find(|role| role.prefix() == prefix);
        found.ok_or(KeyError::UnknownRole { prefix })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Operator => "operator",
            Role::Account => "account",
            Role::Component => "component",
            Role::Host => "host",
        })
    }
}

/// A public key and its role: 56 characters such as `ACODERUV…`.
///
/// A value of this type is the canonical encoding of a point of the curve that is not of small order, so two keys are the
/// same exactly if their texts are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    role: Role,
    bytes: [u8; 32],
}

impl PublicKey {
    /// What the key is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The 32 bytes of the point, as ed25519 encodes it.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Checks an ed25519 signature over `message`, strictly (RFC 8032 with small-order points refused).
    ///
    /// # Errors
    /// [`BadSignature`] if it is not 64 bytes, or was not made over exactly this message by this key.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let key = VerifyingKey::from_bytes(&self.bytes).map_err(|_| BadSignature)?;
        let signature = Signature::from_slice(signature).map_err(|_| BadSignature)?;
        let verified = match defence::stands("strict signatures") {
            true => key.verify_strict(message, &signature),
            false => key.verify(message, &signature),
        };
        verified.map_err(|_| BadSignature)
    }

    fn new(role: Role, bytes: [u8; 32]) -> Result<Self, KeyError> {
        let point = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::NotAPoint)?;
        if (point.is_weak() || !is_canonical(&bytes)) && defence::stands("weak keys") {
            return Err(KeyError::Weak);
        }
        Ok(PublicKey { role, bytes })
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        if text.starts_with('S') && text.len() == SEED_LENGTH {
            return Err(KeyError::SeedGiven);
        }
        check_length(text, PUBLIC_LENGTH)?;
        check_alphabet(text)?;
        let (prefix, bytes) = nkeys::from_public_key(text).map_err(|error| match error.kind() {
            nkeys::error::ErrorKind::ChecksumFailure => KeyError::Checksum,
            // The first character carries five bits of the prefix byte; its lower three are zero in every role.
            _ => KeyError::UnknownRole { prefix: first_byte(text) },
        })?;
        PublicKey::new(Role::from_prefix(prefix)?, bytes)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut raw = Vec::with_capacity(35);
        raw.push(self.role.prefix());
        raw.extend_from_slice(&self.bytes);
        raw.extend_from_slice(&crc16(&raw).to_le_bytes());
        f.pad(&BASE32_NOPAD.encode(&raw))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A secret key and its role. Its memory is cleared when it is dropped, and `Debug` prints the public key only.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    public: PublicKey,
}

impl SigningKey {
    /// Makes a key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`] if the system has none to give.
    pub fn generate(role: Role) -> Result<Self, KeyError> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut_slice()).map_err(|_| KeyError::NoRandomness)?;
        Self::from_secret(role, &secret)
    }

    /// Reads a seed: 58 characters such as `SAAPN4W3…`, with nothing around them.
    ///
    /// # Errors
    /// A [`KeyError`] for everything that is not the one encoding of a seed of a known role. It never contains the text.
    pub fn from_seed(seed: &str) -> Result<Self, KeyError> {
        check_length(seed, SEED_LENGTH)?;
        check_alphabet(seed)?;
        let mut raw = Zeroizing::new([0; 36]);
        BASE32_NOPAD.decode_mut(seed.as_bytes(), raw.as_mut_slice()).map_err(|_| KeyError::NotCanonical)?;
        let [first, second, secret @ .., crc_low, crc_high] = &*raw;

        let (covered, _) = raw.split_at(34);
        if crc16(covered) != u16::from_le_bytes([*crc_low, *crc_high]) {
            return Err(KeyError::Checksum);
        }
        if *first & 0b1111_1000 != SEED_PREFIX {
            return Err(KeyError::NotASeed);
        }
        if *second & 0b0000_0111 != 0 {
            return Err(KeyError::NotCanonical);
        }
        let role = Role::from_prefix((*first & 0b0000_0111) << 5 | *second >> 3)?;
        Self::from_secret(role, secret)
    }

    /// The seed this key can be read from again. Keep it secret.
    pub fn seed(&self) -> Zeroizing<String> {
        let mut raw = Zeroizing::new(Vec::with_capacity(36));
        let prefix = self.role().prefix();
        raw.extend_from_slice(&[SEED_PREFIX | prefix >> 5, prefix << 3]);
        raw.extend_from_slice(self.key.as_bytes());
        let crc = crc16(&raw);
        raw.extend_from_slice(&crc.to_le_bytes());
        Zeroizing::new(BASE32_NOPAD.encode(&raw))
    }

    /// The key others verify with.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// What the key is for.
    pub fn role(&self) -> Role {
        self.public.role
    }

    /// An ed25519 signature (RFC 8032, deterministic) over `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    fn from_secret(role: Role, secret: &[u8; 32]) -> Result<Self, KeyError> {
        let key = ed25519_dalek::SigningKey::from_bytes(secret);
        let public = PublicKey::new(role, key.verifying_key().to_bytes())?;
        Ok(SigningKey { key, public })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public).finish()
    }
}

/// Why a text is not a key. It never contains the text, as that may be somebody's seed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A public key has 56 characters, a seed 58.
    #[error(
        "a key of {found} characters, where {expected} were expected; was a part of it left out, or a newline left in?"
    )]
    Length {
        /// How many characters such a key has.
        expected: usize,
        /// How many bytes the text has.
        found: usize,
    },
    /// A character that is not among `A`–`Z` and `2`–`7`.
    #[error("a key with a character other than A-Z and 2-7; keys are upper case")]
    Alphabet,
    /// The checksum at the end does not fit.
    #[error("the key's checksum is wrong; it was mistyped or damaged")]
    Checksum,
    /// Another text stands for the same key; only the canonical one is read.
    #[error("the key is not written in its one canonical form")]
    NotCanonical,
    /// A seed was expected, and this does not start with `S`.
    #[error("this is not a seed; seeds start with S")]
    NotASeed,
    /// A public key was expected, and this looks like a seed.
    #[error("this is a seed, where a public key was expected; keep it secret")]
    SeedGiven,
    /// The role is none of `O`, `A`, `M`, `N`.
    #[error("keys of this role (prefix {prefix:#04x}) are not used here; expected O, A, M or N")]
    UnknownRole {
        /// The prefix byte found.
        prefix: u8,
    },
    /// The 32 bytes are no point of the curve.
    #[error("the key is not a point of the curve")]
    NotAPoint,
    /// A point of small order, or one written in a non-canonical way: signatures under it prove nothing.
    #[error("the key is a weak point of the curve; signatures under it prove nothing")]
    Weak,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    NoRandomness,
}

/// A signature that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not hold")]
pub struct BadSignature;

fn check_length(text: &str, expected: usize) -> Result<(), KeyError> {
    let found = text.len();
    if found == expected { Ok(()) } else { Err(KeyError::Length { expected, found }) }
}

fn check_alphabet(text: &str) -> Result<(), KeyError> {
    let known = text.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
    if known { Ok(()) } else { Err(KeyError::Alphabet) }
}

fn first_byte(text: &str) -> u8 {
    let decoded = text.get(..8).and_then(|start| BASE32_NOPAD.decode(start.as_bytes()).ok());
    decoded.and_then(|bytes| bytes.first().copied()).unwrap_or_default()
}

/// Whether the y coordinate is below the field's prime, 2^255 − 19. The curve library reduces larger ones silently, which
/// would give one point two names.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    let all_ones = high & 0x7f == 0x7f && middle.iter().all(|byte| *byte == 0xff);
    !(all_ones && *low >= 0xed)
}

/// CRC-16/XMODEM: polynomial 0x1021, initial value 0, not reflected.
fn crc16(data: &[u8]) -> u16 {
    data.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 { shifted } else { shifted ^ 0x1021 }
        })
    })
}

const PUBLIC_LENGTH: usize = 56;
const SEED_LENGTH: usize = 58;
const SEED_PREFIX: u8 = 18 << 3;
