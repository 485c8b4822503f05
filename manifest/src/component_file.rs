//! `writ.yaml`: what lies beside a component's source.

mod edit;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::ManifestError;
use crate::node::{Content, Fields, Node};
use crate::policy::limits;
use crate::position::{Position, Positions};
use crate::yaml;
use writ_signing::units::Time;

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
    /// The world in the project's WIT, where it has several.
    pub world: Option<String>,
    /// Where `build` stands.
    pub at: Position,
}

const FIELDS: &[&str] = &["name", "id", "version", "revision", "expires", "build", "claims", "limits"];

impl ComponentFile {
    /// Parses a `writ.yaml`.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let root = yaml::parse(text)?;
        let fields = root.fields("a component file", FIELDS)?;
        let name = fields.required("name")?;
        let (claims, claims_at) = claims(&fields)?;
        let (limits, limits_at) = limits(&fields)?;
        Ok(Self {
            name: own_name(name)?,
            id: fields.get("id").map(read_id).transpose()?,
            version: fields.text("version")?.value,
            revision: read_revision(fields.required("revision")?)?,
            expires: expires(fields.required("expires")?)?,
            build: fields.get("build").map(build).transpose()?,
            claims,
            claims_at,
            limits,
            limits_at,
            name_at: name.at,
        })
    }

    /// The text with `id` set to a key `M…`: one line is replaced, or added below `name`; all else stays byte for byte.
    ///
    /// # Errors
    /// The text is not a mapping with a `name`, the id is not a component's key, or the text is written in a way that has
    /// no such line (`{name: …}` on one line).
    pub fn with_id(text: &str, id: &str) -> Result<String, ManifestError> {
        read_id(&Node::argument(Content::Text(id.to_owned())))?;
        edit::set(text, "id", id, "name")
    }

    /// The text with `revision` set: one line is replaced, or added below `version`; all else stays byte for byte.
    ///
    /// # Errors
    /// The text is not a mapping with a `version`, the revision is zero, or the text is written in a way that has no such
    /// line (`{name: …}` on one line).
    pub fn with_revision(text: &str, revision: u64) -> Result<String, ManifestError> {
        read_revision(&Node::argument(Content::number(revision)))?;
        edit::set(text, "revision", &revision.to_string(), "version")
    }
}

/// Narrower than a manifest's names: a component's own name goes into claims, stored keys and file names.
fn own_name(node: &Node) -> Result<String, ManifestError> {
    let name = node.text("name")?.value;
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.len() > 64 || !name.bytes().all(allowed) {
        return Err(node.bad_value("name", "expected 1 to 64 of a-z, 0-9 and `-`"));
    }
    Ok(name)
}

fn read_id(node: &Node) -> Result<String, ManifestError> {
    node.key("id", 'M', "a component's public key")
}

fn read_revision(node: &Node) -> Result<u64, ManifestError> {
    node.whole("revision", 1, u64::MAX)
}

fn expires(node: &Node) -> Result<Time, ManifestError> {
    let time: Time = node.measure("expires")?;
    if time.seconds() == 0 {
        return Err(node.bad_value("expires", "expected a second at least, such as `90d`"));
    }
    Ok(time)
}

fn build(node: &Node) -> Result<Build, ManifestError> {
    let fields = node.fields("`build`", &["language", "tool", "target", "world"])?;
    Ok(Build {
        language: fields.text("language")?.value,
        tool: fields.optional_text("tool")?,
        target: fields.optional_text("target")?,
        world: fields.optional_text("world")?,
        at: fields.at(),
    })
}

fn claims(fields: &Fields<'_>) -> Result<(BTreeMap<String, Value>, Positions), ManifestError> {
    let Some(node) = fields.get("claims") else {
        return Ok(Default::default());
    };
    if node.is_text("any") {
        let message = "a component cannot claim `any` for everything: name each capability it uses";
        return Err(node.conflict(message));
    }
    let advice =
        "`[]` is linked and permits nothing, `any` does not restrict; leave the capability out to not claim it";
    Ok((node.value_map("claims", advice)?, Positions::of(node.clone())))
}
