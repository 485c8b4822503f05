//! The claims section of a component file, found without trusting anything in it.
//!
//! The file is walked at its top level only: a preamble, then sections of `id (1 byte), size (LEB128 u32), content`. Exactly
//! one of them is the custom section `writ.claims`; it is the last, ends where the file ends, and its own lengths are minimal
//! LEB128. Everything before its id byte is what the component's token covers: raw bytes, never a re-encoding.
//!
//! | bytes | meaning |
//! |---|---|
//! | `00` | a custom section |
//! | LEB128 | its size in bytes, minimal |
//! | `0b` `writ.claims` | its name |
//! | the rest | [`Tokens`]: up to three, with one LF between |
//!
//! A `writ.claims` inside a nested component or module grants nothing: it is covered like every other byte. Other sections'
//! lengths need not be minimal, as common tools pad them, but they must be well formed.

use crate::defence;
use crate::token::Tokens;

/// The longest file that is read, in bytes: 64 MiB.
pub const MAX_FILE: usize = 64 << 20;

/// The name of the custom section that carries the tokens.
pub const NAME: &str = "writ.claims";

/// A component file, split where its claims section begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split<'a> {
    /// What the component's token covers: everything before the claims section's id byte.
    pub covered: &'a [u8],
    /// The claims section's content: the tokens, not yet looked at.
    pub content: &'a [u8],
}

/// Splits a signed component file. Proves nothing about the tokens.
///
/// # Errors
/// A [`SectionError`] for anything but a component with exactly one claims section at its end.
pub fn split(file: &[u8]) -> Result<Split<'_>, SectionError> {
    let found = find(file)?.ok_or(SectionError::NoClaims)?;
    Ok(Split { covered: file.get(..found.start).unwrap_or_default(), content: found.content })
}

/// The bytes that a component's token covers or would cover: the file without its claims section, if it has one.
///
/// # Errors
/// A [`SectionError`] as for [`split`], but a file without a claims section is fine.
pub fn unsigned(file: &[u8]) -> Result<&[u8], SectionError> {
    let end = find(file)?.map_or(file.len(), |found| found.start);
    Ok(file.get(..end).unwrap_or_default())
}

/// The file with these tokens as its claims section; one it had before is replaced, and no other byte changes.
///
/// # Errors
/// A [`SectionError`] as for [`unsigned`], and [`SectionError::TooLarge`] if the result would be longer than [`MAX_FILE`].
pub fn embed(file: &[u8], tokens: &Tokens) -> Result<Vec<u8>, SectionError> {
    let mut content = Vec::new();
    content.push(NAME.len() as u8);
    content.extend_from_slice(NAME.as_bytes());
    content.extend_from_slice(tokens.to_string().as_bytes());

    let mut signed = unsigned(file)?.to_vec();
    signed.push(CUSTOM);
    write_leb(&mut signed, content.len());
    signed.append(&mut content);
    match signed.len() {
        length if length > MAX_FILE => Err(SectionError::TooLarge { length }),
        _ => Ok(signed),
    }
}

/// Why a file has no claims section to look at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SectionError {
    /// The file does not start as WebAssembly does.
    #[error("not a WebAssembly file: it does not start with \\0asm")]
    NotWasm,
    /// A core module, as compilers for `wasm32-unknown-unknown` and `wasm32-wasip1` write it.
    #[error(
        "a core WebAssembly module, not a component; build for wasm32-wasip2, or convert it with `wasm-tools component new`"
    )]
    CoreModule,
    /// WebAssembly, but neither a core module nor a component of the version that is known.
    #[error("WebAssembly of an unknown version or layer ({found:02x?}); a component has [0d, 00, 01, 00]")]
    UnknownVersion {
        /// The four bytes after `\0asm`.
        found: [u8; 4],
    },
    /// A section, or the preamble, goes on where the file has ended.
    #[error("the file is cut off: what starts at byte {offset} goes on past its end")]
    Truncated {
        /// Where the unfinished part starts.
        offset: usize,
    },
    /// A length that is no LEB128 number of 32 bits, or a name that is longer than its section.
    #[error("the file is damaged: the length at byte {offset} makes no sense")]
    Malformed {
        /// Where the length starts.
        offset: usize,
    },
    /// The file is longer than [`MAX_FILE`].
    #[error("the file has {length} bytes, and at most {MAX_FILE} are read")]
    TooLarge {
        /// The file's length in bytes.
        length: usize,
    },
    /// The component is not signed.
    #[error("the component is not signed; sign it with `writ sign`")]
    NoClaims,
    /// More than one claims section at the top level.
    #[error(
        "two claims sections, at bytes {first} and {second}; sign the component as it was before, with `writ sign`"
    )]
    TwoSections {
        /// Where the first one starts.
        first: usize,
        /// Where the second one starts.
        second: usize,
    },
    /// Something follows the claims section.
    #[error(
        "the claims section ends at byte {end}, and the file goes on; whatever was added after signing must be signed, too"
    )]
    NotLast {
        /// Where the claims section ends.
        end: usize,
    },
    /// The claims section's size or the length of its name is not written in the shortest way.
    #[error("a length in the claims section at byte {offset} is not written in the shortest way")]
    NotMinimal {
        /// Where the claims section starts.
        offset: usize,
    },
}

struct Found<'a> {
    start: usize,
    content: &'a [u8],
}

fn find(file: &[u8]) -> Result<Option<Found<'_>>, SectionError> {
    if file.len() > MAX_FILE && defence::stands("sizes") {
        return Err(SectionError::TooLarge { length: file.len() });
    }
    let mut reader = Reader { bytes: file, at: 0 };
    reader.preamble()?;

    let mut found: Option<(Found<'_>, usize)> = None;
    while !reader.is_at_end() {
        let Some(claims) = reader.section()? else {
            continue;
        };
        match &found {
            Some((first, _)) if defence::stands("one claims section") => {
                return Err(SectionError::TwoSections { first: first.start, second: claims.start });
            }
            Some(_) => {}
            None => found = Some((claims, reader.at)),
        }
    }
    match found {
        Some((_, end)) if end != file.len() && defence::stands("claims section last") => {
            Err(SectionError::NotLast { end })
        }
        found => Ok(found.map(|(claims, _)| claims)),
    }
}

/// A cursor that only moves forward and never reads past the end.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the first section of a component or a module, behind the preamble.
    pub(crate) fn behind_preamble(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: PREAMBLE }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn preamble(&mut self) -> Result<(), SectionError> {
        let magic = self.bytes.get(..MAGIC.len()).unwrap_or(self.bytes);
        if !MAGIC.starts_with(magic) {
            return Err(SectionError::NotWasm);
        }
        let version = self.bytes.get(MAGIC.len()..).and_then(<[u8]>::first_chunk);
        match version.ok_or(SectionError::Truncated { offset: 0 })? {
            [0x0d, 0, 1, 0] => {}
            [1, 0, 0, 0] => return Err(SectionError::CoreModule),
            other => return Err(SectionError::UnknownVersion { found: *other }),
        }
        self.take(PREAMBLE, 0).map(drop)
    }

    /// Steps over one section; gives it back if it is a claims section.
    fn section(&mut self) -> Result<Option<Found<'a>>, SectionError> {
        let raw = self.raw()?;
        let Some(custom) = raw.custom()?.filter(|custom| custom.name == NAME.as_bytes()) else {
            return Ok(None);
        };
        if !(raw.minimal && custom.minimal) && defence::stands("minimal lengths") {
            return Err(SectionError::NotMinimal { offset: raw.start });
        }
        Ok(Some(Found { start: raw.start, content: custom.content }))
    }

    /// Steps over one section, whatever it is.
    pub(crate) fn raw(&mut self) -> Result<Raw<'a>, SectionError> {
        let start = self.at;
        let id = self.take(1, start)?.first().copied().unwrap_or_default();
        let size = self.leb(start)?;
        let content_start = self.at;
        Ok(Raw { start, id, content_start, body: self.take(size.value, start)?, minimal: size.minimal })
    }

    /// The next `length` bytes of what started at `start`.
    fn take(&mut self, length: usize, start: usize) -> Result<&'a [u8], SectionError> {
        let truncated = SectionError::Truncated { offset: start };
        let end = self.at.checked_add(length).ok_or(truncated.clone())?;
        let taken = self.bytes.get(self.at..end).ok_or(truncated)?;
        self.at = end;
        Ok(taken)
    }

    /// A LEB128 number of at most 32 bits, which takes at most five bytes.
    fn leb(&mut self, start: usize) -> Result<Leb, SectionError> {
        let offset = self.at;
        let mut value = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = match self.take(1, start)? {
                [byte] => *byte,
                _ => return Err(SectionError::Truncated { offset: start }),
            };
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 != 0 {
                continue;
            }
            let value = u32::try_from(value).map_err(|_| SectionError::Malformed { offset })?;
            let value = usize::try_from(value).map_err(|_| SectionError::Malformed { offset })?;
            return Ok(Leb { value, minimal: byte != 0 || shift == 0 });
        }
        Err(SectionError::Malformed { offset })
    }
}

/// A section that was stepped over.
pub(crate) struct Raw<'a> {
    /// Where its id stands.
    pub(crate) start: usize,
    pub(crate) id: u8,
    /// Where its body begins.
    pub(crate) content_start: usize,
    pub(crate) body: &'a [u8],
    minimal: bool,
}

impl<'a> Raw<'a> {
    /// Its name and content, if it is a custom section.
    pub(crate) fn custom(&self) -> Result<Option<Custom<'a>>, SectionError> {
        if self.id != CUSTOM {
            return Ok(None);
        }
        let mut body = Reader { bytes: self.body, at: 0 };
        let malformed = |_| SectionError::Malformed { offset: self.start };
        let length = body.leb(self.start).map_err(malformed)?;
        let name = body.take(length.value, self.start).map_err(malformed)?;
        let content = self.body.get(body.at..).unwrap_or_default();
        Ok(Some(Custom { name, content, minimal: length.minimal }))
    }
}

/// A custom section, taken apart.
pub(crate) struct Custom<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) content: &'a [u8],
    minimal: bool,
}

struct Leb {
    value: usize,
    /// Whether no shorter form says the same: the last byte, unless it is the only one, is not zero.
    minimal: bool,
}

fn write_leb(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The preamble of a component, of the version that is known.
pub(crate) const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// The preamble of a core module.
pub(crate) const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const MAGIC: &[u8] = b"\0asm";
const PREAMBLE: usize = 8;
const CUSTOM: u8 = 0;
