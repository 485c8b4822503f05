//! `writ.yaml`: what lies beside a component's source.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::ManifestError;
use crate::position::{Position, Positions};
use crate::units::Time;

/// What a component is, how it is built, and what it claims.
///
/// ```yaml
/// name: orders-api
/// id: MB…                      # written by the first `writ sign`
/// version: 0.1.0
/// revision: 3                  # grows with every release; a host does not go back
/// expires: 90d
/// build: { language: rust }    # left out where a finished .wasm is signed
/// claims:
///   keyvalue: [{ bucket: orders, verbs: [read, write] }]
///   logging: any
/// limits: { memory: 32MiB, time: 500ms }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ComponentFile {
    /// Its own name: `[a-z0-9-]{1,64}`.
    pub name: String,
    /// Its key `M…`, once it was signed. The shape is checked here (56 characters of base32), not the checksum.
    pub id: Option<String>,
    /// Its version: text, not interpreted.
    pub version: String,
    /// Its revision, from 1.
    pub revision: u64,
    /// How long a signature lasts.
    pub expires: Time,
    /// How it is built; `None` where a finished binary is signed.
    pub build: Option<Build>,
    /// Capability to claim, as written. A capability that is absent is not claimed.
    pub claims: BTreeMap<String, Value>,
    /// Where the parts of `claims` stand.
    pub claims_at: Positions,
    /// Limit to value, as written.
    pub limits: BTreeMap<String, Value>,
    /// Where the parts of `limits` stand.
    pub limits_at: Positions,
    /// Where `name` stands.
    pub name_at: Position,
}

/// How a component is built.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Build {
    /// The language, such as `rust`; not interpreted here.
    pub language: String,
    /// The tool, where a language has several.
    pub tool: Option<String>,
    /// The compiler's target.
    pub target: Option<String>,
    /// Where `build` stands.
    pub at: Position,
}

impl ComponentFile {
    /// Parses a `writ.yaml`.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let _ = text;
        unimplemented!("the types come first")
    }

    /// The text with `id` set to a key `M…`: one line is replaced, or added below `name`; all else stays byte for byte.
    ///
    /// # Errors
    /// The text is not a `writ.yaml`, the id is not a component's key, or the text is written in a way that has no such
    /// line (`{name: …}` on one line).
    pub fn with_id(text: &str, id: &str) -> Result<String, ManifestError> {
        let _ = (text, id);
        unimplemented!("the types come first")
    }

    /// The text with `revision` set: one line is replaced, or added below `version`; all else stays byte for byte.
    ///
    /// # Errors
    /// As [`with_id`](Self::with_id).
    pub fn with_revision(text: &str, revision: u64) -> Result<String, ManifestError> {
        let _ = (text, revision);
        unimplemented!("the types come first")
    }
}
