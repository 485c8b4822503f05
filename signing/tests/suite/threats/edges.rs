//! Row 4: signatures and keys that verifiers disagree about. Strictly, none of them proves anything.

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha512};
use writ_signing::PublicKey;

use super::{check, check_layers};
use crate::keys::{SMALL_ORDER, public_of, unhex};

const MESSAGE: &[u8] = b"header.payload";

/// A named attempt: a key's 32 bytes, and a signature over [`MESSAGE`].
struct Vector {
    name: String,
    key: [u8; 32],
    signature: Vec<u8>,
}

impl Vector {
    fn new(name: impl Into<String>, key: [u8; 32], r: [u8; 32], s: [u8; 32]) -> Self {
        Vector { name: name.into(), key, signature: [r, s].concat() }
    }

    fn is_accepted(&self) -> bool {
        let key = public_of(0, &self.key).parse::<PublicKey>();
        key.is_ok_and(|key| key.verify(MESSAGE, &self.signature).is_ok())
    }
}

fn accepted(vectors: &[Vector]) -> usize {
    vectors.iter().filter(|vector| vector.is_accepted()).inspect(|vector| print!("{}; ", vector.name)).count()
}

/// What RFC 8032 hashes.
fn challenge(r: &[u8; 32], key: &[u8; 32]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(key).chain_update(MESSAGE).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

/// A secret, its point, and the point of a nonce.
struct Signer {
    secret: Scalar,
    nonce: Scalar,
}

impl Signer {
    fn new(seed: u8) -> Self {
        let scalar = |salt: u8| Scalar::from_bytes_mod_order_wide(&Sha512::digest([seed, salt]).into());
        Signer { secret: scalar(1), nonce: scalar(2) }
    }

    fn key(&self) -> EdwardsPoint {
        ED25519_BASEPOINT_POINT * self.secret
    }

    /// R and S for the key that is told, which need not be its own.
    fn sign(&self, key: &[u8; 32]) -> ([u8; 32], Scalar) {
        let r = (ED25519_BASEPOINT_POINT * self.nonce).compress().to_bytes();
        (r, self.nonce + challenge(&r, key) * self.secret)
    }
}

/// The eight points of small order, and the six further ways in which a reader that reduces takes some of them.
fn small_order() -> Vec<[u8; 32]> {
    let mut points: Vec<_> = SMALL_ORDER.map(unhex).to_vec();
    // y = 1, 0 and -1 as p + 1, p and 2p - 1 do not all fit; with the sign bit, those that do are six.
    for (low, high) in [(0xee, 0x7f), (0xee, 0xff), (0xed, 0x7f), (0xed, 0xff)] {
        let mut point = [0xff; 32];
        (point[0], point[31]) = (low, high);
        points.push(point);
    }
    let [mut one, mut minus_one] = [SMALL_ORDER[0], SMALL_ORDER[1]].map(unhex);
    one[31] |= 0x80;
    minus_one[31] |= 0x80;
    points.extend([one, minus_one]);
    points
}

/// The matrix of ZIP 215: under cofactored rules that reduce, every one of them holds, over any message.
fn zip215() -> Vec<Vector> {
    let points = small_order();
    let pair = |(a, r): (usize, usize)| Vector::new(format!("ZIP 215, A {a}, R {r}"), points[a], points[r], [0; 32]);
    (0..points.len()).flat_map(|a| (0..points.len()).map(move |r| (a, r))).map(pair).collect()
}

/// R of small order under an honest key: its holder can make them, and then two texts sign the same.
fn small_r() -> Vec<Vector> {
    let signer = Signer::new(7);
    let key = signer.key().compress().to_bytes();
    let vector = |(index, r): (usize, [u8; 32])| {
        let s = challenge(&r, &key) * signer.secret;
        Vector::new(format!("R of small order, {index}"), key, r, s.to_bytes())
    };
    small_order().into_iter().enumerate().map(vector).collect()
}

/// The order of the group, which S must be below.
const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// S and S + kL are the same scalar, up to what 256 bits hold.
fn large_s() -> Vec<Vector> {
    let signer = Signer::new(9);
    let key = signer.key().compress().to_bytes();
    let (r, s) = signer.sign(&key);
    assert!(Vector::new("honest", key, r, s.to_bytes()).is_accepted());
    let mut vectors: Vec<Vector> = Vec::new();
    let mut large = s.to_bytes();
    while let Some(more) = plus_order(large) {
        large = more;
        vectors.push(Vector::new(format!("S + {}L", vectors.len() + 1), key, r, large));
    }
    for bit in [0x20, 0x40, 0x80, 0xe0] {
        let mut high = s.to_bytes();
        high[31] |= bit;
        vectors.push(Vector::new(format!("S with the bits {bit:#x}"), key, r, high));
    }
    vectors.push(Vector::new("S = L", key, r, unhex(ORDER)));
    vectors.push(Vector::new("S of ones", key, r, [0xff; 32]));
    vectors
}

fn plus_order(number: [u8; 32]) -> Option<[u8; 32]> {
    let mut carry = 0;
    let sum = number.iter().zip(unhex(ORDER)).map(|(byte, add)| {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        carry = sum >> 8;
        sum as u8
    });
    let sum: Vec<u8> = sum.collect();
    (carry == 0).then(|| sum.try_into().unwrap())
}

/// Keys and signatures that a cofactored check takes and a strict one does not, and other things that are not the signature.
fn others() -> Vec<Vector> {
    let signer = Signer::new(11);
    let key = signer.key().compress().to_bytes();
    let (r, s) = signer.sign(&key);
    let torsion = CompressedEdwardsY(unhex(SMALL_ORDER[4])).decompress().unwrap();
    let mixed_key = (signer.key() + torsion).compress().to_bytes();
    let (mixed_r, mixed_s) = signer.sign(&mixed_key);
    // A challenge that is a multiple of eight would hide the torsion.
    assert_ne!(challenge(&mixed_r, &mixed_key).to_bytes()[0] % 8, 0);
    let torsioned = (ED25519_BASEPOINT_POINT * signer.nonce + torsion).compress().to_bytes();
    let torsioned_s = signer.nonce + challenge(&torsioned, &key) * signer.secret;
    let negated = |point: [u8; 32]| (-CompressedEdwardsY(point).decompress().unwrap()).compress().to_bytes();
    let mut not_a_point = [0; 32];
    not_a_point[0] = 2;
    vec![
        Vector::new("a key of mixed order", mixed_key, mixed_r, mixed_s.to_bytes()),
        Vector::new("R of mixed order", key, torsioned, torsioned_s.to_bytes()),
        Vector::new("-R", key, negated(r), s.to_bytes()),
        Vector::new("-S", key, r, (-s).to_bytes()),
        Vector::new("-R and -S", key, negated(r), (-s).to_bytes()),
        Vector::new("-A", negated(key), r, s.to_bytes()),
        Vector::new("-A, -R and -S", negated(key), negated(r), (-s).to_bytes()),
        Vector::new("S before R", key, s.to_bytes(), r),
        Vector::new("S = 0", key, r, [0; 32]),
        Vector::new("R is no point", key, not_a_point, s.to_bytes()),
        Vector::new("A is no point", not_a_point, r, s.to_bytes()),
        Vector::new("noughts", key, [0; 32], [0; 32]),
    ]
}

/// Any other length than 64 bytes, with the signature at its start or its end.
fn lengths() -> Vec<Vector> {
    let signer = Signer::new(13);
    let key = signer.key().compress().to_bytes();
    let (r, s) = signer.sign(&key);
    let whole = [r, s.to_bytes()].concat();
    let mut vectors = Vec::new();
    let mut add = |name: String, signature: Vec<u8>| vectors.push(Vector { name, key, signature });
    for length in [0, 1, 31, 32, 33, 63] {
        add(format!("the first {length} bytes"), whole[..length].to_vec());
    }
    for (name, more) in [("0", vec![0]), ("a whole signature", whole.clone()), ("a recovery byte", vec![27])] {
        add(format!("{name} behind it"), [&whole[..], &more].concat());
        add(format!("{name} before it"), [&more[..], &whole].concat());
    }
    // The last of both is one file twice.
    vectors
}

/// Keys of small order need both: they are no keys, and what is strict refuses them once more. R of small order under an honest
/// key is refused by strictness alone.
#[test]
fn threat_04_small_orders() {
    let vectors = zip215();
    assert_eq!(vectors.len(), 14 * 14);
    check_layers(&["weak keys", "strict signatures"], || accepted(&vectors));
    let vectors = small_r();
    assert_eq!(vectors.len(), 14);
    check(&["strict signatures"], || accepted(&vectors));
}

/// That S is below the order, that a signature has 64 bytes, and the equation itself are the curve library's own: no switch
/// here opens them.
#[test]
fn threat_04_other_forms_of_a_signature() {
    for (vectors, at_least) in [(large_s(), 15), (others(), 12), (lengths(), 12)] {
        assert!(vectors.len() >= at_least, "{}", vectors.len());
        assert_eq!(accepted(&vectors), 0);
        let lax = ["weak keys", "strict signatures"];
        assert_eq!(super::without(&lax, &|| accepted(&vectors)), 0);
    }
}
