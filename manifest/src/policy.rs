//! What somebody allows at most: the host's policy, and the policy of one trusted operator.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{ErrorKind, ManifestError};
use crate::node::{Fields, Node};
use crate::position::Positions;
use crate::yaml;

/// A policy.
///
/// ```yaml
/// capabilities: any            # or capability to value; one that is absent is refused
/// limits: { memory: 64MiB }    # optional
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Policy {
    /// What is allowed.
    pub capabilities: Capabilities,
    /// Where the parts of `capabilities` stand.
    pub capabilities_at: Positions,
    /// Limit to value, as written.
    pub limits: BTreeMap<String, Value>,
    /// Where the parts of `limits` stand.
    pub limits_at: Positions,
}

/// What a policy allows.
#[derive(Debug, Clone, PartialEq)]
pub enum Capabilities {
    /// `any`: restricts nothing, now or later.
    Any,
    /// Capability to value, as written; a capability that is absent is refused.
    Only(BTreeMap<String, Value>),
}

impl Policy {
    /// A policy that is not read from a text; it has no positions.
    #[must_use]
    pub fn new(capabilities: Capabilities, limits: BTreeMap<String, Value>) -> Self {
        Self {
            capabilities,
            capabilities_at: Positions::default(),
            limits,
            limits_at: Positions::default(),
        }
    }

    /// Parses a policy.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        Self::read(&yaml::parse(text)?)
    }

    pub(crate) fn read(node: &Node) -> Result<Self, ManifestError> {
        let fields = node.fields("a policy", &["capabilities", "limits"])?;
        let written = fields.required("capabilities")?;
        let (capabilities, capabilities_at) = if written.is_text("any") {
            (Capabilities::Any, Positions::default())
        } else {
            let advice = "`[]` permits nothing, `any` restricts nothing";
            let values = written
                .value_map("capabilities", advice)
                .map_err(|error| any_or_mapping(written, error))?;
            (Capabilities::Only(values), Positions::of(written.clone()))
        };
        let (limits, limits_at) = limits(&fields)?;
        Ok(Self {
            capabilities,
            capabilities_at,
            limits,
            limits_at,
        })
    }

    /// As JSON, whose text form is also YAML.
    pub(crate) fn value(&self) -> Value {
        let capabilities = match &self.capabilities {
            Capabilities::Any => Value::from("any"),
            Capabilities::Only(values) => values.clone().into_iter().collect(),
        };
        let mut fields = serde_json::Map::from_iter([("capabilities".to_owned(), capabilities)]);
        if !self.limits.is_empty() {
            fields.insert(
                "limits".to_owned(),
                self.limits.clone().into_iter().collect(),
            );
        }
        Value::Object(fields)
    }
}

/// Two policies that say the same are equal, wherever their parts stand.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.capabilities == other.capabilities && self.limits == other.limits
    }
}

/// The field `limits` of a policy or a component file: uninterpreted, and may be left out.
pub(crate) fn limits(
    fields: &Fields<'_>,
) -> Result<(BTreeMap<String, Value>, Positions), ManifestError> {
    let Some(node) = fields.get("limits") else {
        return Ok(Default::default());
    };
    let advice = "write a value with its unit, or leave the limit out";
    Ok((
        node.value_map("limits", advice)?,
        Positions::of(node.clone()),
    ))
}

fn any_or_mapping(written: &Node, error: ManifestError) -> ManifestError {
    match error.kind {
        ErrorKind::WrongType { .. } => written.wrong_type(
            "`capabilities`".to_owned(),
            "`any`, or a mapping of capabilities",
        ),
        _ => error,
    }
}
