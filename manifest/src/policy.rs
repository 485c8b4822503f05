//! What somebody allows at most: the host's policy, and the policy of one trusted operator.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::ManifestError;
use crate::position::Positions;

/// A policy.
///
/// ```yaml
/// capabilities: any            # or capability to value; one that is absent is refused
/// limits: { memory: 64MiB }    # optional
/// ```
#[derive(Debug, Clone, PartialEq)]
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
        let _ = text;
        unimplemented!("the types come first")
    }
}
