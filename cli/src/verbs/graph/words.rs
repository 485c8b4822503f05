//! What a drawing says, in lines of text. Names in it may be anybody's: each line is escaped once, here.

use std::collections::BTreeMap;

use serde_json::Value;
use writ_host::{Caller, Form, Graph, Joined, Lacking, Means, Refused};
use writ_provider::{Document, Flow};

use crate::escape;

/// One line, escaped, and cut where it is too long to be read.
pub(super) fn line(text: &str) -> String {
    let text = escape::line(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => {
            let left = text.chars().count().saturating_sub(LONGEST);
            format!("{}… ({left} more characters)", text.get(..end).unwrap_or_default())
        }
        None => text.into_owned(),
    }
}

/// What each document says of a capability: the component's own entries, and what narrows them.
pub(super) fn claims(documents: &BTreeMap<String, Value>) -> Vec<String> {
    let own = Document::Component.to_string();
    let mut lines = documents.get(&own).map(entries).unwrap_or_default();
    for (document, claim) in documents.iter().filter(|(document, claim)| **document != own && *claim != "any") {
        lines.push(line(&format!("but no more than {document} allows: {}", Flow(claim))));
    }
    lines
}

/// Whether some document permits nothing of a capability.
pub(super) fn is_nothing(documents: &BTreeMap<String, Value>) -> bool {
    documents.values().any(|claim| claim.as_array().is_some_and(Vec::is_empty))
}

fn entries(claim: &Value) -> Vec<String> {
    let one = |value: &Value| line(&Flow(value).to_string());
    match claim {
        Value::Array(entries) if entries.is_empty() => vec!["[]".to_owned()],
        Value::Array(entries) => {
            let mut lines: Vec<_> = entries.iter().take(MOST).map(one).collect();
            if entries.len() > MOST {
                lines.push(format!("… and {} more entries", entries.len().saturating_sub(MOST)));
            }
            lines
        }
        other => vec![one(other)],
    }
}

/// How the manifest backs a capability, where it says anything about that.
pub(super) fn means(means: &Means) -> Option<String> {
    let image = means.image.iter().map(|image| format!("from {image}"));
    let given = means.given.iter().map(|given| format!("given {given}"));
    let told: Vec<_> = image.chain(given).collect();
    (!told.is_empty()).then(|| line(&told.join(", ")))
}

/// What a caller from outside calls for.
pub(super) fn called_for(caller: &Caller) -> String {
    let address = caller.config.get("address").map(|address| format!(" at {address}")).unwrap_or_default();
    line(&format!("{}{address}", caller.given.join(", ")))
}

/// Why something is denied, and what is missing where.
pub(super) fn reasons(refused: &Refused) -> Vec<String> {
    let hint = refused.hint.iter().map(|hint| line(&format!("hint: {hint}")));
    refused.lacking.iter().map(|lacking| reason(&refused.component, lacking)).chain(hint).collect()
}

fn reason(component: &str, Lacking { document, reason, line: missing, .. }: &Lacking) -> String {
    let whose = match *document == Document::Component.to_string() {
        true => format!("the token of {component}"),
        false => document.clone(),
    };
    match missing {
        Some(missing) => line(&format!("{whose} {reason}; missing: {missing}")),
        None => line(&format!("{whose} {reason}")),
    }
}

/// How a link leads to its callee, and where that runs.
pub(super) fn how(link: &Joined) -> impl Iterator<Item = &'static str> {
    let form = link.form.map(|form| match form {
        Form::Together => "in the same store",
        Form::Separate => "in a store of its own",
        Form::Either => "in the same store or in one of its own",
    });
    link.in_front.then_some("in front of it").into_iter().chain(form)
}

/// The application in one line: how much there is of it, and how much is denied.
pub(super) fn title(graph: &Graph) -> String {
    let of_links = graph.links.iter().flat_map(|link| &link.denied);
    let denials = match graph.components.iter().flat_map(|node| &node.denied).chain(of_links).count() {
        0 => "all admitted".to_owned(),
        1 => "1 denial, so nothing of it starts".to_owned(),
        many => format!("{many} denials, so nothing of it starts"),
    };
    let components = match graph.components.len() {
        1 => "1 component".to_owned(),
        many => format!("{many} components"),
    };
    line(&format!("{}: {components}, {denials}", graph.application))
}

/// Characters of a line.
const LONGEST: usize = 400;
/// Entries of a claim; JSON has them all.
const MOST: usize = 16;
