//! What wasmCloud's older tool, wascap, signed into a file: read to be shown, never believed. Nothing decides anything by it.
//!
//! Such a token lies in a custom section `wasmcloud_jwt` (`jwt` before wascap 0.9) of a core module or a component, at any depth:
//! a compact JWS with the header `{"typ":"jwt","alg":"Ed25519"}`. Why it proves nothing, each a way in which it was got wrong:
//!
//! | wascap | here |
//! |---|---|
//! | a token with a `wascap_revision` below 3 switches the check of its hash off | no token has such a switch; a field that is not known refuses it |
//! | a section at any depth is honoured | only one at the top level and at the end is; every nested byte is covered |
//! | sections of its name are left out of the hash | every byte before the claims section is in the digest |
//! | the first of several tokens wins | two claims sections are refused |
//! | validation returns booleans that a caller may ignore | [`crate::verify()`] returns a proof or an error |
//! | a component's token can be read as an operator's | the header says the kind, byte for byte, and so does the payload |
//! | nobody is pinned: any key signs | without a trusted operator nothing verifies |
//! | no token at all is in order | a file without claims is refused |

use serde_json::{Map, Value};

use crate::keys::PublicKey;
use crate::section::{COMPONENT, MAX_FILE, MODULE, Raw, Reader};
use crate::token::jws::Jws;
use crate::token::{MAX_TOKEN, TokenError, json};

/// The sections of a file that have a wascap token's name, in the order in which they begin: at most [`MAX_FOUND`], and of what
/// nests at most [`MAX_NESTING`] deep. What is damaged is not looked into further.
pub fn read(file: &[u8]) -> Vec<Wascap> {
    let mut found = Vec::new();
    let mut open: Vec<_> = (file.len() <= MAX_FILE).then(|| Layer::of(file, 0)).flatten().into_iter().collect();
    while let Some(layer) = open.last_mut() {
        let raw = match layer.reader.is_at_end() {
            false => layer.reader.raw().ok(),
            true => None,
        };
        let (base, depth) = (layer.base, open.len());
        let Some(raw) = raw else {
            open.pop();
            continue;
        };
        let inner = layer_of(&raw, open.last().is_some_and(|layer| layer.is_component), base);
        open.extend(inner.filter(|_| depth <= MAX_NESTING));
        found.extend(wascap(&raw, base, depth.saturating_sub(1)));
        if found.len() == MAX_FOUND {
            break;
        }
    }
    found
}

/// A section with a wascap token's name. **Nothing of it was verified**, and nothing of it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wascap {
    /// The section's name.
    pub section: &'static str,
    /// Where the section begins in the file.
    pub offset: usize,
    /// In how many components and modules it lies besides the outermost.
    pub depth: usize,
    /// What it holds, if that has a token's form.
    pub token: Result<WascapToken, TokenError>,
}

/// What a wascap token says. **Nothing of it was verified.**
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WascapToken {
    /// The header as it is written. `alg` was never asked what to check.
    pub header: String,
    /// The payload.
    pub claims: Map<String, Value>,
    /// Whether the key that it names as its issuer made its signature. That is little: anybody has such a key.
    pub signed_by_issuer: bool,
}

impl WascapToken {
    /// Whether wascap would have compared the hash in it with the file: the token itself could switch that off.
    pub fn is_compared(&self) -> bool {
        self.claims.get("wascap_revision").and_then(Value::as_u64).is_some_and(|revision| revision >= 3)
    }
}

/// A component or a module that is being walked.
struct Layer<'a> {
    reader: Reader<'a>,
    /// Where it begins in the file.
    base: usize,
    is_component: bool,
}

impl<'a> Layer<'a> {
    fn of(bytes: &'a [u8], base: usize) -> Option<Self> {
        let is_component = bytes.starts_with(COMPONENT);
        let is_known = is_component || bytes.starts_with(MODULE);
        is_known.then(|| Layer { reader: Reader::behind_preamble(bytes), base, is_component })
    }
}

/// The component or module that a component's section holds.
fn layer_of<'a>(raw: &Raw<'a>, in_component: bool, base: usize) -> Option<Layer<'a>> {
    let holds = in_component && matches!(raw.id, NESTED_MODULE | NESTED_COMPONENT);
    holds.then(|| Layer::of(raw.body, base.saturating_add(raw.content_start))).flatten()
}

fn wascap(raw: &Raw<'_>, base: usize, depth: usize) -> Option<Wascap> {
    let custom = raw.custom().ok().flatten()?;
    let section = NAMES.into_iter().find(|name| name.as_bytes() == custom.name)?;
    Some(Wascap { section, offset: base.saturating_add(raw.start), depth, token: token(custom.content) })
}

fn token(content: &[u8]) -> Result<WascapToken, TokenError> {
    if content.len() > MAX_TOKEN {
        return Err(TokenError::TooLong { length: content.len() });
    }
    let text = str::from_utf8(content).map_err(|_| TokenError::Segments)?;
    let jws = Jws::parse(text)?;
    let Value::Object(claims) = json::parse(&jws.payload)? else {
        return Err(TokenError::Field { field: "payload", expected: "an object" });
    };
    let issuer = claims.get("iss").and_then(Value::as_str).and_then(|issuer| issuer.parse::<PublicKey>().ok());
    Ok(WascapToken {
        header: String::from_utf8_lossy(&jws.header).into_owned(),
        signed_by_issuer: issuer.is_some_and(|issuer| jws.check(&issuer).is_ok()),
        claims,
    })
}

/// How many such sections of a file are read.
pub const MAX_FOUND: usize = 8;

/// How deep components are looked into.
pub const MAX_NESTING: usize = 32;

const NAMES: [&str; 2] = ["wasmcloud_jwt", "jwt"];
const NESTED_MODULE: u8 = 1;
const NESTED_COMPONENT: u8 = 4;
