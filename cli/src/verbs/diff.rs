//! `writ diff`: what an upgrade newly asks for.
//!
//! What counts is what both files say together with the tokens behind them. The new file asks for nothing new if each
//! document of the old one covers a document of the new one: then so do all of them together. What is not certain to be
//! covered is newly asked for.

mod report;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;
use writ_host::{InterfaceName, Vocabulary, is_baseline};
use writ_provider::Rates;
use writ_signing::token::{Capabilities, Claims, ComponentClaims, Kind};

use crate::advice::Advice;
use crate::args::{Output, OutputArgs};
use crate::facts::Facts;
use crate::home::Home;
use crate::revocations::Marks;
use crate::runtime::{self, Options};
use crate::{Done, Outcome, clock, output, wider};
use report::{Kind as Change, Report};

#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// The signed component that is there
    old: PathBuf,
    /// The signed component that would take its place
    new: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Diff, home: &Home) -> Done {
    let roots = home.trust().sources()?.roots(&Marks::default());
    let now = clock::now()?;
    let [old, new] = [Facts::read(&args.old, &roots, now)?, Facts::read(&args.new, &roots, now)?];
    for facts in [&old, &new] {
        check(facts)?;
    }
    let registry = runtime::registry(&Options::default());
    let report = Comparison { old: &old, new: &new, vocabulary: registry.vocabulary() }.report()?;
    match args.output.output {
        Output::Json => output::json(&report.json())?,
        Output::Text => report.tell()?,
    }
    Ok(if report.asks_for_nothing() { Outcome::Done } else { Outcome::Exit(NEWLY_ASKED) })
}

/// Nothing is compared with what anybody may have written. Whether its operator is trusted here, and its time, are no matter.
fn check(facts: &Facts) -> Result<()> {
    if let Err(error) = &facts.artifact {
        return Err(Advice::new(format!("{}: {error}", facts.file), "no host takes it").into());
    }
    match &facts.coherent {
        Ok(()) => Ok(()),
        Err(error) => {
            let hint = "`writ inspect` shows what it says about itself, which anybody may have written";
            Err(Advice::new(format!("{} is not what was signed: {error}", facts.file), hint).into())
        }
    }
}

struct Comparison<'a> {
    old: &'a Facts,
    new: &'a Facts,
    vocabulary: &'a Vocabulary,
}

impl Comparison<'_> {
    fn report(&self) -> Result<Report> {
        let (old, new) = (component(self.old)?, component(self.new)?);
        let mut report = Report::of(self.old, self.new, (old, new));
        self.identity(&mut report);
        self.imports(&mut report);
        self.claims(&mut report);
        self.limits(&mut report);
        report.differs("revision", old.revision, new.revision);
        report.differs("version", &old.version, &new.version);
        report.differs("valid until", clock::day(exp(self.old)), clock::day(exp(self.new)));
        Ok(report)
    }

    /// Another principal holds nothing of the old one's: all that it may do is new.
    fn identity(&self, report: &mut Report) {
        let subject = |facts: &Facts, kind| facts.token(kind).map(|claims| claims.common().subject.to_string());
        let issuer = |facts: &Facts, kind| facts.token(kind).map(|claims| claims.common().issuer.to_string());
        let shown = |key: Option<String>| key.unwrap_or_else(|| "none".to_owned());
        for (name, of, kind) in [
            ("id", &subject as &dyn Fn(&Facts, Kind) -> Option<String>, Kind::Component),
            ("account", &subject, Kind::Account),
            ("operator", &issuer, Kind::Account),
        ] {
            let [old, new] = [of(self.old, kind), of(self.new, kind)];
            if old != new {
                report.push(Change::Asked, name, format!("{}, was {}", shown(new), shown(old)));
            }
        }
        let [old, new] = [issuer(self.old, Kind::Component), issuer(self.new, Kind::Component)].map(shown);
        report.differs("signed by", old, new);
    }

    fn imports(&self, report: &mut Report) {
        let missing = |from: &Facts, import: &&InterfaceName| !from.imports().iter().any(|other| other.matches(import));
        for import in self.new.imports().iter().filter(|import| missing(self.old, import)) {
            let kind = if is_baseline(import) { Change::Other } else { Change::Asked };
            report.push(kind, "import", import.to_string());
        }
        for import in self.old.imports().iter().filter(|import| missing(self.new, import)) {
            report.push(Change::Less, "import", import.to_string());
        }
    }

    fn claims(&self, report: &mut Report) {
        let [old, new] = [documents(self.old), documents(self.new)];
        let mut names: Vec<&String> = old.iter().chain(&new).flat_map(|(_, claims)| claims.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            self.claim(name, &old, &new, report);
        }
    }

    fn claim(&self, name: &str, old: &[Document<'_>], new: &[Document<'_>], report: &mut Report) {
        for (document, most) in old {
            let most = most.get(name);
            // The new document that goes least beyond it; the component's own if several do alike.
            let beyond = new.iter().map(|(_, claims)| self.beyond(name, most, claims.get(name)));
            let Some(beyond) = beyond.min_by_key(Vec::len).filter(|beyond| !beyond.is_empty()) else { continue };
            let entries = beyond.join("; ");
            let what = match (document, most) {
                (Kind::Component, None) => entries,
                (Kind::Component, Some(_)) => format!("{entries}, beyond what was claimed"),
                (above, _) => format!("{entries}, which the {above}'s token did not allow"),
            };
            return report.push(Change::Asked, name, what);
        }
        let own = |documents: &[Document<'_>]| documents.first().and_then(|(_, claims)| claims.get(name).cloned());
        let [old, new] = [own(old), own(new)];
        let less = self.beyond(name, new.as_ref(), old.as_ref());
        if !less.is_empty() {
            let all = "all of it".to_owned();
            report.push(Change::Less, name, if new.is_none() { all } else { less.join("; ") });
        }
    }

    fn limits(&self, report: &mut Report) {
        for kind in [Kind::Component, Kind::SigningKey, Kind::Account] {
            for name in ["memory", "time"] {
                let [old, new] = [self.old, self.new].map(|facts| limit(facts.token(kind), name));
                if old == new {
                    continue;
                }
                let about = if kind == Kind::Component { name.to_owned() } else { format!("{name} of the {kind}") };
                // Without a word of the component's own, a host gives it so much memory, and `writ run` all the time it takes.
                let default = (kind == Kind::Component && name == "memory").then(|| DEFAULT_MEMORY.to_owned());
                let less = match (old.clone().or_else(|| default.clone()), new.clone().or(default)) {
                    (None, _) => true,
                    (Some(old), Some(new)) => wider::exceeds(&old.into(), &new.into()),
                    (Some(_), None) => false,
                };
                let shown = |limit: Option<String>| limit.unwrap_or_else(|| "not written".to_owned());
                let change = if less { Change::Less } else { Change::Asked };
                report.push(change, &about, format!("{}, was {}", shown(new), shown(old)));
            }
        }
    }

    /// What a document says of a capability beyond another one, an entry each.
    fn beyond(&self, name: &str, most: Option<&Value>, asked: Option<&Value>) -> Vec<String> {
        let text = |entry: &Value| writ_provider::Flow(entry).to_string();
        match (most, asked) {
            (_, None) => Vec::new(),
            (None, Some(asked)) => vec![text(asked)],
            (Some(most), Some(asked)) => {
                self.vocabulary.beyond(name, most, asked, Rates::Counted).iter().map(text).collect()
            }
        }
    }
}

/// A token that restricts, and what it says.
type Document<'a> = (Kind, &'a BTreeMap<String, Value>);

/// The tokens of a file that restrict, the component's first.
fn documents(facts: &Facts) -> Vec<Document<'_>> {
    let tokens = facts.tokens().map(|token| &token.claims);
    let restricting = tokens.filter_map(|claims| match &claims.common().capabilities {
        Capabilities::Only(map) => Some((claims.kind(), map)),
        Capabilities::Any => None,
    });
    restricting.collect()
}

fn component(facts: &Facts) -> Result<&ComponentClaims> {
    facts.component().with_context(|| format!("{} has no component's token", facts.file))
}

/// When the first of its tokens expires.
fn exp(facts: &Facts) -> u64 {
    facts.tokens().map(|token| token.claims.common().exp).min().unwrap_or_default()
}

fn limit(claims: Option<&Claims>, name: &str) -> Option<String> {
    claims?.common().limits.get(name)?.as_str().map(str::to_owned)
}

/// What an instance has where nobody says.
const DEFAULT_MEMORY: &str = "64MiB";
/// The exit code where something is newly asked for.
const NEWLY_ASKED: u8 = 3;
