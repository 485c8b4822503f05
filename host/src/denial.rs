//! Refusals at deployment: what was refused, by which documents, and the lines that would allow it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;
use writ_provider::{Document, Flow, Principal};

use crate::names::InterfaceName;

/// Everything that was refused, at once. Nothing was started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Denials {
    denials: Vec<Denial>,
    current: BTreeMap<(String, Document), BTreeMap<String, Value>>,
}

/// One thing that a manifest component may not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The manifest component.
    pub component: String,
    /// Who would have held it.
    pub principal: Principal,
    /// Where it belongs in a drawing of the application.
    pub about: About,
    /// What was refused.
    pub what: String,
    /// Every document that refuses it. None where no document could allow it; then there is a hint.
    pub refusals: Vec<Refusal>,
    /// What would help instead of a line.
    pub hint: Option<String>,
}

/// What a denial is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum About {
    /// The component itself.
    Itself,
    /// A capability that it would use, or claims.
    Capability(String),
    /// An import that nobody serves.
    Import(InterfaceName),
    /// What would call it: an entry of the manifest.
    Source(String),
    /// A call to another manifest component, over a link.
    Call {
        /// The callee.
        to: String,
        /// The import that leads there.
        interface: InterfaceName,
    },
    /// Serving another manifest component, over a link.
    Serve {
        /// The caller.
        to: String,
        /// The export that is called.
        interface: InterfaceName,
    },
    /// A link to another manifest component that cannot be, whatever anybody claims.
    Link {
        /// The component it would lead to.
        to: String,
        /// What it is for: an interface, without a version.
        interface: String,
        /// The link's line in the manifest.
        line: u32,
    },
}

/// One document's refusal, and what to write there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The document.
    pub document: Document,
    /// Why, in a sentence without the document's name.
    pub reason: String,
    /// The capability to write about, and what to add to its claim; none where a line cannot help.
    pub add: Option<Addition>,
}

/// What would allow it in one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The capability's name.
    pub capability: &'static str,
    /// The entry to add; none where the capability need only be there.
    pub entry: Option<Value>,
    /// Whether `any` is a claim of it, because it has no naming field.
    pub unnamed: bool,
    /// An entry as a person might write it.
    pub example: &'static str,
}

/// One line to write into a document: a capability and its whole claim, which holds what was there and what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The capability's name.
    pub capability: String,
    /// Its whole claim.
    pub claim: Value,
    /// What to mind, such as that it permits nothing yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl About {
    /// Whether it is about a link to or from another component.
    pub(crate) fn is_of_a_link(&self) -> bool {
        matches!(self, Self::Call { .. } | Self::Serve { .. } | Self::Link { .. })
    }
}

impl Addition {
    /// The shortest line: what is missing alone, without what the document's claim has already.
    pub fn line(&self) -> Line {
        Line { comment: None, ..line(self.capability, &[self], None) }
    }
}

impl fmt::Display for Line {
    /// As YAML that can be pasted below `claims:` or `capabilities:`. JSON is YAML, so values are printed as such.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.capability, Flow(&self.claim))?;
        match &self.comment {
            Some(comment) => write!(f, "  # {comment}"),
            None => Ok(()),
        }
    }
}

impl Denials {
    /// A link names several interfaces of one capability; what refuses it is said once.
    pub(crate) fn push(&mut self, denial: Denial) {
        if !self.denials.contains(&denial) {
            self.denials.push(denial);
        }
    }

    /// Remembers what a document says now, so that a line can hold it beside what is missing.
    pub(crate) fn says(&mut self, component: &str, document: &Document, capabilities: &BTreeMap<String, Value>) {
        self.current.insert((component.to_owned(), document.clone()), capabilities.clone());
    }

    /// Whether nothing was refused.
    pub fn is_empty(&self) -> bool {
        self.denials.is_empty()
    }

    /// What was refused, in the order of the manifest.
    pub fn iter(&self) -> impl Iterator<Item = &Denial> {
        self.denials.iter()
    }

    /// What was refused of one component of the manifest, if anything was.
    #[must_use]
    pub fn of(&self, component: &str) -> Option<Self> {
        let denials: Vec<_> = self.denials.iter().filter(|denial| denial.component == component).cloned().collect();
        (!denials.is_empty()).then(|| Self { denials, current: self.current.clone() })
    }

    /// For each component and document, the lines that together would allow everything that was refused.
    ///
    /// A line replaces the capability's line, if the document has one: it holds what was there as well.
    pub fn lines(&self) -> BTreeMap<(String, Document), Vec<Line>> {
        let mut wanted: BTreeMap<(String, Document), BTreeMap<&str, Vec<&Addition>>> = BTreeMap::new();
        for denial in &self.denials {
            for refusal in &denial.refusals {
                let Some(addition) = &refusal.add else { continue };
                let place = wanted.entry((denial.component.clone(), refusal.document.clone())).or_default();
                place.entry(addition.capability).or_default().push(addition);
            }
        }
        let lines = |(place, capabilities): (_, BTreeMap<&str, Vec<&Addition>>)| {
            let current = self.current.get(&place);
            let line =
                |(name, additions): (&str, Vec<&Addition>)| line(name, &additions, current.and_then(|c| c.get(name)));
            let lines = capabilities.into_iter().map(line).collect();
            (place, lines)
        };
        wanted.into_iter().map(lines).collect()
    }
}

/// The whole claim of one capability: what the document says, and every missing entry once.
fn line(capability: &str, additions: &[&Addition], current: Option<&Value>) -> Line {
    let mut entries = match current {
        Some(Value::Array(entries)) => entries.clone(),
        Some(entry @ Value::Object(_)) => vec![entry.clone()],
        _ => Vec::new(),
    };
    for entry in additions.iter().filter_map(|addition| addition.entry.as_ref()) {
        if !entries.contains(entry) {
            entries.push(entry.clone());
        }
    }
    let unnamed = additions.iter().any(|addition| addition.unnamed);
    let example = additions.first().map_or("", |addition| addition.example);
    match (entries.is_empty(), unnamed) {
        (true, true) => Line { capability: capability.to_owned(), claim: "any".into(), comment: None },
        (true, false) => Line {
            capability: capability.to_owned(),
            claim: Value::Array(Vec::new()),
            comment: (!example.is_empty())
                .then(|| format!("links it, permits nothing yet; an entry is like {example}")),
        },
        (false, _) => Line { capability: capability.to_owned(), claim: Value::Array(entries), comment: None },
    }
}

impl fmt::Display for Denials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for denial in &self.denials {
            write!(f, "{denial}")?;
        }
        for ((component, document), lines) in self.lines() {
            writeln!(f, "\nto allow it to {component}, write in {document} ({}):", place(&document))?;
            for line in lines {
                writeln!(f, "  {line}")?;
            }
        }
        Ok(())
    }
}

/// Where a person finds a document, and the key that its lines go under.
fn place(document: &Document) -> &'static str {
    match document {
        Document::Component => "its writ.yaml, below `claims:`; then sign again",
        Document::SigningKey => "below `capabilities:`; the account issues it again",
        Document::Account => "below `capabilities:`; the operator issues it again",
        Document::Trust => "WRIT_HOME/trust/O….yaml, below `policy: capabilities:`",
        Document::HostPolicy => "WRIT_HOME/policy.yaml, below `capabilities:`",
        Document::Restriction => "the application's manifest, below `writ.dev/restrict`",
        _ => "below `capabilities:`",
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "denied: {} ({}) {}", self.component, self.principal, self.what)?;
        for refusal in &self.refusals {
            writeln!(f, "  {} {}", refusal.document, refusal.reason)?;
        }
        match &self.hint {
            Some(hint) => writeln!(f, "  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Denials {}
