//! Lines that vouch for the one before.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// The end of the chain: the number of the last line, and its SHA-256. Written `SEQ:HEX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The last line's number; 0 where there is none yet.
    pub seq: u64,
    hash: [u8; 32],
}

/// A text that is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number, `:` and 64 hexadecimal digits, as `writ audit head` prints them")]
pub struct InvalidHead;

impl Head {
    /// Where every chain begins.
    pub(super) const START: Self = Self { seq: 0, hash: [0; 32] };

    /// The head once `line` (without its end) was appended.
    pub(super) fn after(seq: u64, line: &[u8]) -> Self {
        Self { seq, hash: Sha256::digest(line).into() }
    }

    /// The SHA-256 in hexadecimal digits.
    pub fn hex(&self) -> String {
        self.hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hex())
    }
}

impl FromStr for Head {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, InvalidHead> {
        let (seq, hex) = text.split_once(':').ok_or(InvalidHead)?;
        let digits = hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let plain = !seq.is_empty() && seq.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || !plain {
            return Err(InvalidHead);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| InvalidHead)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidHead)?;
        }
        Ok(Self { seq: seq.parse().map_err(|_| InvalidHead)?, hash })
    }
}
