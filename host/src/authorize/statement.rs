//! What each document says that applies to a component, before any of it is understood.

use std::collections::BTreeMap;

use serde_json::Value;
use writ_manifest::{self as manifest, Application, TrustPolicy};
use writ_provider::Document;
use writ_signing::defence::stands;
use writ_signing::token;

use super::{Candidate, Policies};
use crate::budgets::Source;

/// What one document says.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) document: Document,
    /// Whom the document is about: what it budgets is shared by all who stand under it, whatever its release.
    pub(crate) id: String,
    /// None: restricts nothing.
    pub(crate) capabilities: Option<BTreeMap<String, Value>>,
    pub(crate) limits: BTreeMap<String, Value>,
}

impl Statement {
    /// The document, as budgets know it.
    pub(crate) fn source(&self) -> Source {
        (self.document.clone(), self.id.clone())
    }

    /// What it says about a capability: `Err` where it is refused, `Ok(None)` where it is not restricted.
    pub(crate) fn about(&self, capability: &str) -> Result<Option<&Value>, String> {
        let Some(map) = &self.capabilities else { return Ok(None) };
        match map.get(capability) {
            Some(claim) => Ok(Some(claim)),
            None if self.document == Document::Restriction => Ok(None),
            None => Err(format!("has no `{capability}`")),
        }
    }
}

/// Every document that applies to a component, narrowest first.
pub(super) fn statements(candidate: &Candidate<'_>, application: &Application, policies: &Policies) -> Vec<Statement> {
    let verified = candidate.verified;
    let token = |document, id: String, common: &token::Common| Statement {
        document,
        id,
        capabilities: match &common.capabilities {
            token::Capabilities::Any => None,
            token::Capabilities::Only(map) => Some(map.clone()),
        },
        limits: common.limits.clone(),
    };
    let policy = |document, id: String, policy: &manifest::Policy| Statement {
        document,
        id,
        capabilities: match &policy.capabilities {
            manifest::Capabilities::Any => None,
            manifest::Capabilities::Only(map) => Some(map.clone()),
        },
        limits: policy.limits.clone(),
    };
    let own = verified.principal().keyed().to_string();
    let of_subject = |document, common: &token::Common| token(document, common.subject.to_string(), common);
    let mut statements = vec![token(Document::Component, own, &verified.component().common)];
    statements.extend(verified.signing_key().map(|key| of_subject(Document::SigningKey, &key.common)));
    statements.push(of_subject(Document::Account, &verified.account().common));
    let operator = verified.operator();
    match policies.trust.get(&operator) {
        Some(TrustPolicy::Any) => {}
        Some(TrustPolicy::Inline(inline)) => statements.push(policy(Document::Trust, operator.to_string(), inline)),
        // Verification pinned the operator; one without an entry may grant nothing.
        None => statements.push(Statement {
            document: Document::Trust,
            id: operator.to_string(),
            capabilities: Some(BTreeMap::new()),
            limits: BTreeMap::new(),
        }),
    }
    statements.extend(policies.host.as_ref().map(|host| policy(Document::HostPolicy, String::new(), host)));
    statements.extend(candidate.entry.restriction.clone().map(|restriction| Statement {
        document: Document::Restriction,
        id: format!("{}/{}", application.name, candidate.entry.name),
        capabilities: Some(restriction),
        limits: BTreeMap::new(),
    }));
    statements.retain(|statement| stands(heard(&statement.document)));
    statements
}

/// The defence that a document is: that it is not left out.
fn heard(document: &Document) -> &'static str {
    match document {
        Document::Component => "document: component",
        Document::SigningKey => "document: signing key",
        Document::Account => "document: account",
        Document::Trust => "document: trust",
        Document::HostPolicy => "document: host policy",
        _ => "document: restriction",
    }
}
