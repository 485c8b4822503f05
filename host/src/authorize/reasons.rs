//! What was decided about each import and each link, kept to be told.

use std::collections::BTreeMap;

use serde_json::Value;
use writ_provider::Document;

use super::Statement;
use crate::names::InterfaceName;

/// How it came about what one component may do: what was asked, and what each document says of it.
#[derive(Debug, Clone)]
pub struct Reasons {
    component: String,
    imports: Vec<Import>,
    asked: Vec<Asked>,
    documents: Vec<Statement>,
}

/// What an import stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The import, in the component's own spelling.
    pub interface: InterfaceName,
    /// What it stands for.
    pub stands: Stands,
}

/// What grants an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// Everyone gets it, as what holds types alone. A claim of this capability, if there is one, opens it further.
    Baseline(Option<&'static str>),
    /// A claim of this capability.
    Capability(&'static str),
    /// A link to another component of the application.
    Joined,
    /// Nothing here.
    Nothing,
}

/// One thing that a manifest's link asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The capability.
    pub capability: &'static str,
    /// What for, as a denial would say it after “may not”.
    pub what: String,
    /// The documents that refuse it. None: it is granted.
    pub refused_by: Vec<Document>,
    /// The smallest entry that permits it.
    pub allowing: Value,
    /// Which entry of the component's own claim permits it, by its index; 0 where that is `any`.
    pub entry: Option<usize>,
}

/// What one document says about one capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// It does not restrict it.
    Any,
    /// It restricts it to this claim.
    Claim(&'a Value),
    /// It does not name it, and so refuses it.
    Nothing,
}

impl Reasons {
    pub(super) fn new(component: &str, imports: Vec<Import>, asked: Vec<Asked>, documents: &[Statement]) -> Self {
        Self { component: component.to_owned(), imports, asked, documents: documents.to_vec() }
    }

    /// The manifest component.
    pub fn component(&self) -> &str {
        &self.component
    }

    /// Its imports, in their order.
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// What the manifest's links ask for.
    pub fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// What every document that applies says about a capability, the narrowest document first.
    pub fn about(&self, capability: &str) -> impl Iterator<Item = (&Document, Said<'_>)> {
        self.documents.iter().map(move |statement| {
            let said = match statement.about(capability) {
                Ok(None) => Said::Any,
                Ok(Some(claim)) => Said::Claim(claim),
                Err(_) => Said::Nothing,
            };
            (&statement.document, said)
        })
    }

    /// The limits of every document that has some.
    pub fn limits(&self) -> impl Iterator<Item = (&Document, &BTreeMap<String, Value>)> {
        let some = self.documents.iter().filter(|statement| !statement.limits.is_empty());
        some.map(|statement| (&statement.document, &statement.limits))
    }
}
