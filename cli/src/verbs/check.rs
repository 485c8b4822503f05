//! `writ check`: where a component's claims and its code do not fit each other.
//!
//! | found | means |
//! |---|---|
//! | over-claimed | signed for, and never imported nor exported |
//! | under-claimed | imported or exported, and not claimed |
//! | in vain | an entry that a token behind the component's refuses whatever is asked of it, as far as that is certain |
//! | unrestricted | `any`: it is written on purpose, so it is shown and no reason to fail |

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use writ_host::{Export, InterfaceName, Vocabulary, is_baseline};
use writ_provider::Flow;
use writ_signing::token::{Capabilities, Common, Kind};

use crate::advice::Advice;
use crate::args::{Output, OutputArgs};
use crate::facts::Facts;
use crate::home::Home;
use crate::revocations::Marks;
use crate::runtime::{self, Options};
use crate::{Done, Outcome, clock, output};

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// A signed component
    file: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Check, home: &Home) -> Done {
    let roots = home.trust().sources()?.roots(&Marks::default());
    let facts = Facts::read(&args.file, &roots, clock::now()?)?;
    if let Err(error) = &facts.artifact {
        return Err(Advice::new(format!("{}: {error}", facts.file), "no host takes it").into());
    }
    let registry = runtime::registry(&Options::default());
    let findings = findings(&facts, registry.vocabulary())?;
    let reason = facts.verified.as_ref().err().map(ToString::to_string);
    match args.output.output {
        Output::Json => output::json(&as_json(&facts.file, &findings, reason.as_deref()))?,
        Output::Text => tell(&facts.file, &findings, reason.as_deref())?,
    }
    let fits = findings.iter().all(|finding| finding.kind == Found::Unrestricted);
    Ok(if fits { Outcome::Done } else { Outcome::Exit(DOES_NOT_FIT) })
}

/// What does not fit, or is to be looked at.
struct Finding {
    kind: Found,
    capability: String,
    what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    OverClaimed,
    UnderClaimed,
    InVain,
    Unrestricted,
}

impl Found {
    fn name(self) -> &'static str {
        match self {
            Self::OverClaimed => "over-claimed",
            Self::UnderClaimed => "under-claimed",
            Self::InVain => "in vain",
            Self::Unrestricted => "unrestricted",
        }
    }
}

fn findings(facts: &Facts, vocabulary: &Vocabulary) -> Result<Vec<Finding>> {
    let not_signed = || format!("{} has no claims that can be read; `writ explain` says why", facts.file);
    let own = &facts.component().with_context(not_signed)?.common;
    let Capabilities::Only(claims) = &own.capabilities else { return Ok(Vec::new()) };
    let used = used(facts, vocabulary);
    let mut found = Vec::new();
    let mut push = |kind, capability: &str, what: String| {
        found.push(Finding { kind, capability: capability.to_owned(), what });
    };
    for (name, claim) in claims {
        if !used.iter().any(|used| used.capability == Some(name)) && !is_called(name, claim, &used) {
            push(Found::OverClaimed, name, "the component neither imports nor exports it".to_owned());
        }
        for entry in entries(claim) {
            for (kind, parent) in parents(facts) {
                if refuses_all(parent, name, entry) {
                    push(Found::InVain, name, format!("{}: the {kind}'s token refuses all of it", Flow(entry)));
                }
            }
            let fields = unrestricted(entry);
            if !fields.is_empty() {
                push(Found::Unrestricted, name, format!("{}: {}", Flow(entry), fields.join(", ")));
            }
        }
    }
    for used in used.iter().filter(|used| !used.is_baseline) {
        match used.capability {
            Some(capability) if !claims.contains_key(capability) => {
                push(Found::UnderClaimed, capability, format!("the component {} {}", used.how, used.interface));
            }
            None if used.how == IMPORTS && !is_called_for(claims.get("call"), used.interface) => {
                push(Found::UnderClaimed, "call", format!("the component imports {}", used.interface));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// An interface that the component imports, or exports for others to call.
struct Used<'a> {
    interface: &'a InterfaceName,
    how: &'static str,
    capability: Option<&'static str>,
    is_baseline: bool,
}

fn used<'a>(facts: &'a Facts, vocabulary: &Vocabulary) -> Vec<Used<'a>> {
    let exports = facts.artifact.as_ref().map(|artifact| artifact.exports()).unwrap_or_default();
    let exports = exports.iter().filter_map(|export| match export {
        Export::Interface(name) => Some((name, EXPORTS)),
        Export::Plain(_) => None,
    });
    let all = facts.imports().iter().map(|import| (import, IMPORTS)).chain(exports);
    let used = |(interface, how)| Used {
        interface,
        how,
        capability: vocabulary.capability_of(interface),
        is_baseline: how == IMPORTS && is_baseline(interface),
    };
    all.map(used).collect()
}

/// Whether a claim about other components names an interface that this one imports or exports.
fn is_called(capability: &str, claim: &Value, used: &[Used<'_>]) -> bool {
    let how = match capability {
        "call" => IMPORTS,
        "serve" => EXPORTS,
        _ => return false,
    };
    let others = used.iter().filter(|used| used.how == how && used.capability.is_none() && !used.is_baseline);
    let mut others = others.map(|used| used.interface);
    // Nothing is claimed by an empty claim: an import that it links is there to be looked for.
    others.any(|interface| entries(claim).is_empty() || is_called_for(Some(claim), interface))
}

fn is_called_for(claim: Option<&Value>, interface: &InterfaceName) -> bool {
    let names = |entry: &Value| match entry.get("interface").and_then(Value::as_str) {
        Some("any") => true,
        Some(name) => name.parse::<InterfaceName>().is_ok_and(|name| name.matches(interface)),
        None => false,
    };
    claim.is_some_and(|claim| entries(claim).is_empty() || entries(claim).iter().any(names))
}

/// The tokens behind the component's, each with the shared part.
fn parents(facts: &Facts) -> impl Iterator<Item = (Kind, &Common)> {
    let above = facts.tokens().filter(|token| token.claims.kind() != Kind::Component);
    above.map(|token| (token.claims.kind(), token.claims.common()))
}

/// Whether no request that an entry permits can be permitted by a token behind it.
fn refuses_all(parent: &Common, capability: &str, entry: &Value) -> bool {
    let Capabilities::Only(claims) = &parent.capabilities else { return false };
    match claims.get(capability) {
        None => true,
        Some(claim) => entries(claim).iter().all(|most| is_apart(most, entry)),
    }
}

/// Whether two entries certainly have nothing in common: a field that both narrow, to values of which none is within the other.
fn is_apart(most: &Value, entry: &Value) -> bool {
    let (Some(most), Some(entry)) = (most.as_object(), entry.as_object()) else { return false };
    let values = |fields: &Map<String, Value>, field: &str| -> Option<Vec<String>> {
        let texts: Vec<_> = entries(fields.get(field)?).iter().map(text).collect();
        (!texts.is_empty() && !texts.iter().any(|text| text == ANY || text.contains('*'))).then_some(texts)
    };
    COMPARED.iter().any(|(field, by_start)| {
        let (Some(most), Some(own)) = (values(most, field), values(entry, field)) else { return false };
        let meet = |a: &str, b: &str| a == b || (*by_start && (a.starts_with(b) || b.starts_with(a)));
        !own.iter().any(|own| most.iter().any(|most| meet(own, most)))
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The fields of an entry that say `any`, or `any` itself.
fn unrestricted(entry: &Value) -> Vec<String> {
    match entry {
        Value::Object(fields) => {
            fields.iter().filter(|(_, value)| *value == ANY).map(|(name, _)| format!("any `{name}`")).collect()
        }
        Value::String(word) if word == ANY => vec!["not restricted at all".to_owned()],
        _ => Vec::new(),
    }
}

/// The entries of a claim; a mapping is a list of one.
fn entries(claim: &Value) -> &[Value] {
    claim.as_array().map_or(std::slice::from_ref(claim), Vec::as_slice)
}

fn tell(file: &str, findings: &[Finding], reason: Option<&str>) -> Result<()> {
    if let Some(reason) = reason {
        output::warning(format_args!("{file} does not verify here, so this is what it says about itself: {reason}"));
    }
    if findings.is_empty() {
        return output::data(format_args!("{file}: its claims fit what it imports and exports"));
    }
    let row = |found: &Finding| [found.kind.name().to_owned(), found.capability.clone(), found.what.clone()];
    output::table(&findings.iter().map(row).collect::<Vec<_>>())
}

fn as_json(file: &str, findings: &[Finding], reason: Option<&str>) -> Value {
    let finding =
        |found: &Finding| json!({ "found": found.kind.name(), "capability": found.capability, "what": found.what });
    json!({
        "file": file,
        "verifies": reason.is_none(),
        "reason": reason,
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

const ANY: &str = "any";
const IMPORTS: &str = "imports";
const EXPORTS: &str = "exports";
/// Fields that mean the same in every capability, and whether a value stands for all that starts with it.
const COMPARED: &[(&str, bool)] = &[
    ("bucket", false),
    ("prefix", true),
    ("keys", false),
    ("verbs", false),
    ("hosts", false),
    ("paths", true),
    ("methods", false),
    ("schemes", false),
    ("ports", false),
];
/// The exit code where claims and code do not fit.
const DOES_NOT_FIT: u8 = 3;
