//! Seeds and public keys in every form but the right one, and signatures that only a lax verifier accepts.

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use sha2::{Digest, Sha512};
use writ_signing::{KeyError, PublicKey, Role, SigningKey};

use crate::fixture::key;

const SEED: &str = "SAAPN4W3EG6KCJGUQTKTJ5GSB5NHK5CHAJL4DBGFUM3HHROI4XUEP4OBK4";
const PUBLIC: &str = "ACODERUVFFAWZQDSS6SBIACUA5O6SXF7HJ3YTYXBALHZP3P7R4BUO4J2";

#[test]
fn published_vector() {
    let key = SigningKey::from_seed(SEED).unwrap();
    assert_eq!(key.role(), Role::Account);
    assert_eq!(key.public().to_string(), PUBLIC);
    assert_eq!(PUBLIC.parse(), Ok(key.public()));
    assert_eq!(key.seed().as_str(), SEED);
}

#[test]
fn agrees_with_the_nkeys_crate() {
    for role in Role::ALL {
        let ours = key(role);
        let theirs = nkeys::KeyPair::from_seed(&ours.seed()).unwrap();
        assert_eq!(theirs.public_key(), ours.public().to_string());
        assert_eq!(theirs.seed().unwrap(), *ours.seed());
        assert_eq!(theirs.sign(b"message").unwrap(), ours.sign(b"message"));
        assert!(ours.public().to_string().starts_with(role.letter()));
        assert!(ours.seed().starts_with(['S']) && ours.seed()[1..].starts_with(role.letter()));
    }
}

#[test]
fn malformed_seeds() {
    for (seed, expected) in [
        ("", KeyError::Length { expected: 58, found: 0 }),
        (PUBLIC, KeyError::Length { expected: 58, found: 56 }),
        (&SEED[1..], KeyError::Length { expected: 58, found: 57 }),
        (&format!("{SEED}\n"), KeyError::Length { expected: 58, found: 59 }),
        (&format!("{SEED}{SEED}"), KeyError::Length { expected: 58, found: 116 }),
        (&SEED.to_lowercase(), KeyError::Alphabet),
        (&SEED.replace('N', "1"), KeyError::Alphabet),
        (&SEED.replace('N', "="), KeyError::Alphabet),
        (&"é".repeat(29), KeyError::Alphabet),
        (&SEED.replace('N', "M"), KeyError::Checksum),
        (&encode(&[0; 34]), KeyError::NotASeed),
        // Every role that nkeys knows and that is not used here, and one that nobody knows: nkeys reads it as an operator's.
        (&seed_of(20 << 3), KeyError::UnknownRole { prefix: 20 << 3 }),
        (&seed_of(21 << 3), KeyError::UnknownRole { prefix: 21 << 3 }),
        (&seed_of(23 << 3), KeyError::UnknownRole { prefix: 23 << 3 }),
        (&seed_of(2 << 3), KeyError::UnknownRole { prefix: 2 << 3 }),
        (&seed_of(25 << 3), KeyError::UnknownRole { prefix: 25 << 3 }),
        // The three bits between the role and the secret are zero.
        (&encode(&[&[18 << 3, 1], [7; 32].as_slice()].concat()), KeyError::NotCanonical),
    ] {
        assert_eq!(SigningKey::from_seed(seed).unwrap_err(), expected, "{seed}");
    }
}

#[test]
fn every_changed_character_of_a_seed() {
    for position in 0..SEED.len() {
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".chars() {
            let mut seed: Vec<char> = SEED.chars().collect();
            seed[position] = letter;
            let seed: String = seed.into_iter().collect();
            assert_eq!(SigningKey::from_seed(&seed).is_ok(), seed == SEED, "{seed}");
        }
    }
}

#[test]
fn malformed_public_keys() {
    let user = nkeys::KeyPair::new_user().public_key();
    for (text, expected) in [
        ("", KeyError::Length { expected: 56, found: 0 }),
        (SEED, KeyError::SeedGiven),
        (&format!(" {PUBLIC}"), KeyError::Length { expected: 56, found: 57 }),
        (&PUBLIC.to_lowercase(), KeyError::Alphabet),
        (&"é".repeat(28), KeyError::Alphabet),
        (&PUBLIC.replace('C', "D"), KeyError::Checksum),
        (&user, KeyError::UnknownRole { prefix: 20 << 3 }),
        (&public_of(1, &[3; 32]), KeyError::UnknownRole { prefix: 1 }),
        (&public_of(0, &[2; 32]), KeyError::NotAPoint),
    ] {
        assert_eq!(text.parse::<PublicKey>(), Err(expected), "{text}");
    }
}

#[test]
fn weak_and_non_canonical_points() {
    let mut points: Vec<[u8; 32]> = SMALL_ORDER.map(unhex).to_vec();
    // Every y of at least the field's prime, with both signs.
    for low in 0xed..=0xff {
        for high in [0x7f, 0xff] {
            let mut point = [0xff; 32];
            (point[0], point[31]) = (low, high);
            points.push(point);
        }
    }
    for point in points {
        for role in [0, 14 << 3, 12 << 3, 13 << 3] {
            let refused = public_of(role, &point).parse::<PublicKey>();
            assert!(matches!(refused, Err(KeyError::Weak | KeyError::NotAPoint)), "{point:02x?}: {refused:?}");
        }
    }
}

#[test]
fn published_signature() {
    // RFC 8032, 7.1, test 1.
    let public = unhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let signature = HEXLOWER
        .decode(
            b"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555\
              fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        )
        .unwrap();
    let key: PublicKey = public_of(0, &public).parse().unwrap();
    key.verify(b"", &signature).unwrap();
    key.verify(b"x", &signature).unwrap_err();
    for length in [0, 1, 32, 63] {
        key.verify(b"", &signature[..length]).unwrap_err();
    }
    key.verify(b"", &[signature.as_slice(), &[0]].concat()).unwrap_err();
    for bit in 0..512 {
        let mut flipped = signature.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        key.verify(b"", &flipped).unwrap_err();
    }
}

/// S + L stands for the same scalar as S.
#[test]
fn malleable_scalar() {
    let key = key(Role::Account);
    let mut signature = key.sign(b"message");
    key.public().verify(b"message", &signature).unwrap();

    let order = unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(carry, 0);
    key.public().verify(b"message", &signature).unwrap_err();
}

/// The holder of a key can make one whose R is of small order. Verifiers disagree on those; nkeys' accepts some.
#[test]
fn small_order_r() {
    let key = key(Role::Account);
    let public = key.public();
    let (_, secret) = nkeys::decode_seed(&key.seed()).unwrap();
    let mut low = [0; 32];
    low.copy_from_slice(&Sha512::digest(secret)[..32]);
    let secret = Scalar::from_bytes_mod_order(curve25519_dalek::scalar::clamp_integer(low));

    for point in SMALL_ORDER.map(unhex) {
        assert!(CompressedEdwardsY(point).decompress().is_some());
        let hash = Sha512::new().chain_update(point).chain_update(public.bytes()).chain_update(b"message").finalize();
        let challenge = Scalar::from_bytes_mod_order_wide(&hash.into());
        let signature = [point, (challenge * secret).to_bytes()].concat();
        public.verify(b"message", &signature).unwrap_err();
        if point == unhex(SMALL_ORDER[0]) {
            let lax = nkeys::KeyPair::from_public_key(&public.to_string()).unwrap();
            lax.verify(b"message", &signature).expect("what makes strictness necessary");
        }
    }
}

#[test]
fn secrets_are_not_printed() {
    let key = SigningKey::from_seed(SEED).unwrap();
    assert_eq!(format!("{key:?}"), format!("SigningKey({PUBLIC})"));
    for error in [SigningKey::from_seed(&SEED[1..]).unwrap_err(), SEED.parse::<PublicKey>().unwrap_err()] {
        assert!(!format!("{error} {error:?}").contains(&SEED[10..20]));
    }
}

#[test]
fn serde_is_the_text() {
    let key: PublicKey = PUBLIC.parse().unwrap();
    let json = serde_json::to_string(&key).unwrap();
    assert_eq!(json, format!("{PUBLIC:?}"));
    assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), key);
    serde_json::from_str::<PublicKey>("\"A\"").unwrap_err();
}

/// The points of order 1, 2, 4, 4, 8, 8, 8, 8.
pub(crate) const SMALL_ORDER: [&str; 8] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

pub(crate) fn unhex(text: &str) -> [u8; 32] {
    HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
}

fn seed_of(prefix: u8) -> String {
    encode(&[&[18 << 3 | prefix >> 5, prefix << 3], [7; 32].as_slice()].concat())
}

pub(crate) fn public_of(prefix: u8, point: &[u8; 32]) -> String {
    encode(&[&[prefix], point.as_slice()].concat())
}

/// Base32 of the bytes and their CRC-16/XMODEM, computed by long division.
fn encode(raw: &[u8]) -> String {
    let mut crc = 0_u32;
    for byte in raw.iter().chain(&[0, 0]) {
        for bit in (0..8).rev() {
            crc = crc << 1 | u32::from(byte >> bit & 1);
            if crc > 0xffff {
                crc ^= 0x1_1021;
            }
        }
    }
    BASE32_NOPAD.encode(&[raw, &(crc as u16).to_le_bytes()].concat())
}
