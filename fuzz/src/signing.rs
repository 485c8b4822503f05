//! The readers of `writ-signing`, given whatever a file may hold.

use std::sync::LazyLock;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use writ_signing::revocation::List;
use writ_signing::section::{self, SectionError};
use writ_signing::token::{Kind, Token, Tokens};
use writ_signing::{Digest, PublicKey, Revocations, Roots, SigningKey, inspect, verify, wascap};

/// The section walk: the input is a file.
pub fn section(file: &[u8]) {
    let _ = wascap::read(file);
    let _ = inspect(file);
    // Nobody is trusted, so nothing verifies.
    assert!(verify(file, &Roots::default(), NOW).is_err());
    match section::split(file) {
        Ok(split) => {
            assert_eq!(section::unsigned(file).ok(), Some(split.covered));
            assert!(file.starts_with(split.covered) && file.ends_with(split.content));
        }
        Err(SectionError::NoClaims) => assert_eq!(section::unsigned(file), Ok(file)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// One token, and a revocation list: the input is its text.
pub fn token(text: &[u8]) {
    let _ = List::verify(text, WORLD.account.public());
    let _ = Tokens::parse(text);
    let Ok(text) = str::from_utf8(text) else { return };
    let _ = text.parse::<PublicKey>();
    let _ = SigningKey::from_seed(text);
    let Ok(token) = text.parse::<Token>() else { return };
    // One text for each token, and one header for each kind.
    assert_eq!(token.to_string(), text);
    assert!(text.starts_with(&BASE64URL_NOPAD.encode(token.kind().header().as_bytes())));
    let Ok(claims) = token.unverified_claims() else { return };
    let common = claims.common();
    assert_eq!(claims.kind(), token.kind());
    assert!(common.issuer != common.subject && common.exp > common.iat.max(common.nbf));
}

/// A chain, whose signatures all hold: the input is a line of JSON for each token, after a byte that says who signs them.
pub fn chain(input: &[u8]) {
    let Some((who, payloads)) = input.split_first() else { return };
    let Ok(payloads) = str::from_utf8(payloads) else { return };
    let lines: Vec<&str> = payloads.split('\n').take(3).collect();
    let kinds: &[Kind] = if lines.len() == 3 { &Kind::ALL } else { &[Kind::Component, Kind::Account] };
    let keys = [&WORLD.operator, &WORLD.account, &WORLD.signing_key, &WORLD.stranger];
    let tokens = kinds.iter().zip(&lines).enumerate().map(|(index, (kind, payload))| {
        let key = keys[usize::from(who >> (2 * index)) % keys.len()];
        sign(kind.header(), &named(payload), key)
    });
    let content = tokens.collect::<Vec<_>>().join("\n");
    let file = with_content(COMPONENT, content.as_bytes());
    let Ok(verified) = verify(&file, &WORLD.roots, NOW) else { return };

    assert_eq!(verified.operator(), WORLD.operator.public());
    assert_eq!((verified.digest(), verified.component().length), (Digest::of(COMPONENT), COMPONENT.len() as u64));
    for (_, common) in verified.chain() {
        assert!(common.iat <= NOW + 60 && common.nbf <= NOW + 60 && common.exp > NOW - 60);
    }
    let account = verified.account().common.subject;
    let (component, signer) = (&verified.component().common, verified.signing_key());
    match signer {
        None => assert_eq!(component.issuer, account),
        Some(key) => {
            assert_eq!((key.common.issuer, component.issuer), (account, key.common.subject));
            assert!(key.components.cover(&component.name, &component.subject));
        }
    }
}

/// An operator, an account, a signing key, and somebody that nobody vouches for. Their seeds are known to everybody.
pub struct World {
    pub operator: SigningKey,
    pub account: SigningKey,
    pub signing_key: SigningKey,
    pub stranger: SigningKey,
    pub roots: Roots,
}

pub static WORLD: LazyLock<World> = LazyLock::new(|| {
    let operator = key(14 << 3, 1);
    World {
        roots: Roots::from_iter([(operator.public(), Revocations::Never)]),
        operator,
        account: key(0, 2),
        signing_key: key(0, 3),
        stranger: key(0, 4),
    }
});

/// The smallest component.
pub const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
pub const NOW: u64 = 1_770_000_000;

/// The key of this role whose secret is one byte again and again.
pub fn key(prefix: u8, fill: u8) -> SigningKey {
    let raw = [&[18 << 3 | prefix >> 5, prefix << 3], [fill; 32].as_slice()].concat();
    let crc = raw.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    });
    let seed = BASE32_NOPAD.encode(&[raw, crc.to_le_bytes().to_vec()].concat());
    SigningKey::from_seed(&seed).expect("a seed of a known role")
}

/// The payload with the `jti` that it must have, where it is an object.
pub fn named(payload: &str) -> String {
    let Ok(Value::Object(mut object)) = serde_json::from_str(payload) else { return payload.to_owned() };
    object.remove("jti");
    let id = BASE32_NOPAD.encode(&Sha256::digest(Value::Object(object.clone()).to_string()));
    object.insert("jti".to_owned(), id.into());
    Value::Object(object).to_string()
}

/// A token with a signature that holds.
pub fn sign(header: &str, payload: &str, key: &SigningKey) -> String {
    let message = [header, payload].map(|part| BASE64URL_NOPAD.encode(part.as_bytes())).join(".");
    let signature = BASE64URL_NOPAD.encode(&key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// A file whose claims section has this content, whatever it is.
pub fn with_content(file: &[u8], content: &[u8]) -> Vec<u8> {
    let name = section::NAME.as_bytes();
    let body = [&[name.len() as u8], name, content].concat();
    let mut signed = [file, &[0]].concat();
    let mut size = body.len();
    while size >= 0x80 {
        signed.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    signed.push(size as u8);
    [signed, body].concat()
}
