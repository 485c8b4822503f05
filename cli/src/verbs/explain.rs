//! `writ explain`: of each import, which claims grant it here, and which document narrows it.
//!
//! It goes by the very decision that `up` makes. What does not verify is decided nothing about: then it says what is missing,
//! and what the file says of itself.

mod json;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;
use writ_host::{Candidate, Denials, InterfaceName, Reasons, Said, Stands, Vocabulary, is_baseline};
use writ_manifest::Application;
use writ_provider::{Document, Rates};
use writ_signing::section::SectionError;
use writ_signing::token::Capabilities;
use writ_signing::{Revocations, Roots, VerifyError};

use crate::application;
use crate::args::{Output, OutputArgs};
use crate::facts::Facts;
use crate::home::Home;
use crate::revocations::Marks;
use crate::runtime::{self, Options};
use crate::{Done, Outcome, clock, output, wider};

#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// A component, which need not hold in any way
    file: PathBuf,
    /// As a component of this application: also what its links ask for
    #[arg(long, value_name = "APP")]
    manifest: Option<PathBuf>,
    /// Which component of the application, if its image is another file
    #[arg(long, value_name = "NAME", requires = "manifest")]
    component: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Explain, home: &Home) -> Done {
    let roots = home.trust().sources()?.roots(&Marks::default());
    let now = clock::now()?;
    let facts = Facts::read(&args.file, &roots, now)?;
    let registry = runtime::registry(&Options::default());
    let report = Report {
        decided: decide(args, &facts, home, &roots, now)?,
        revocations: revocations(&facts, &roots),
        wider: facts.verified.as_ref().map(wider::in_chain).unwrap_or_default(),
        vocabulary: registry.vocabulary(),
        facts,
        now,
    };
    match args.output.output {
        Output::Json => output::json(&report.json())?,
        Output::Text => report.tell()?,
    }
    Ok(if report.starts() { Outcome::Done } else { Outcome::Refused })
}

/// What `decide` decides, with its reasons; nothing about a file that does not verify. Of the application's other components
/// those take part that verify: links lead to them.
fn decide(args: &Explain, facts: &Facts, home: &Home, roots: &Roots, now: u64) -> Result<Option<Decided>> {
    let Some(verified) = &facts.proof else { return Ok(None) };
    let own = &verified.component().common.name;
    let (application, place, others) = match &args.manifest {
        Some(manifest) => {
            let (application, place) = application::with_place(manifest, &args.file, args.component.as_deref())?;
            let others = application::others(manifest, &application, &place, roots, now);
            (application, place, others)
        }
        None => (Application::alone(own), own.clone(), Vec::new()),
    };
    let entry = application.components.iter().find(|entry| entry.name == place);
    let entry = entry.context("an application without a component")?;
    let others = others.iter().map(|(entry, verified)| Candidate { entry, verified });
    let candidates: Vec<_> = std::iter::once(Candidate { entry, verified }).chain(others).collect();
    let (policies, registry) = (application::policies(home)?, runtime::registry(&Options::default()));
    let decision = writ_host::decide(&candidates, &application, &policies, registry.vocabulary());
    let reasons = decision.reasons().first().cloned().context("an application without a component")?;
    let denials = decision.denials().of(&place);
    Ok(Some(Decided { denials, reasons, in_manifest: args.manifest.is_some() }))
}

/// What is known of lists that could have revoked it, for people.
fn revocations(facts: &Facts, roots: &Roots) -> Option<String> {
    let component = facts.verified.as_ref().ok()?;
    let (_, lists) = roots.iter().find(|(operator, _)| **operator == component.operator())?;
    Some(match lists {
        Revocations::Never => "no lists are read for its operator".to_owned(),
        Revocations::Lists(lists) => {
            let own = [component.operator(), component.account().common.subject];
            let named = lists.iter().filter(|list| own.contains(&list.issuer()));
            let named: Vec<_> = named.map(|list| format!("number {} of {}", list.number(), list.issuer())).collect();
            format!("not revoked, by the lists {}", named.join(" and "))
        }
    })
}

struct Report<'a> {
    facts: Facts,
    /// None: nothing is decided about what does not verify.
    decided: Option<Decided>,
    revocations: Option<String>,
    /// Where a token asks for what one behind it does not allow.
    wider: Vec<String>,
    vocabulary: &'a Vocabulary,
    now: u64,
}

struct Decided {
    denials: Option<Denials>,
    reasons: Reasons,
    in_manifest: bool,
}

/// What one document says of a capability, and what comes of it.
struct Word<'a> {
    document: String,
    said: Said<'a>,
    effect: &'static str,
}

impl Report<'_> {
    fn starts(&self) -> bool {
        self.decided.as_ref().is_some_and(|decided| decided.denials.is_none())
    }

    /// The imports that stand for each capability; `None` for what nobody serves. The baseline is not among them.
    fn imports(&self) -> BTreeMap<Option<&'static str>, Vec<&InterfaceName>> {
        let mut imports: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for import in self.facts.imports() {
            match self.stands(import) {
                Stands::Baseline(_) => {}
                Stands::Joined => imports.entry(Some("call")).or_default().push(import),
                Stands::Capability(capability) => imports.entry(Some(capability)).or_default().push(import),
                Stands::Nothing => imports.entry(None).or_default().push(import),
            }
        }
        imports
    }

    fn stands(&self, import: &InterfaceName) -> Stands {
        let known = self.decided.iter().flat_map(|decided| decided.reasons.imports());
        let known = known.into_iter().find(|known| known.interface == *import).map(|known| known.stands);
        known.unwrap_or_else(|| match self.vocabulary.capability_of(import) {
            opened if is_baseline(import) => Stands::Baseline(opened),
            Some(capability) => Stands::Capability(capability),
            None => Stands::Nothing,
        })
    }

    fn baseline(&self) -> Vec<&InterfaceName> {
        let imports = self.facts.imports().iter();
        imports.filter(|import| matches!(self.stands(import), Stands::Baseline(_))).collect()
    }

    /// The capabilities that its imports and links use, and those it claims.
    fn capabilities(&self) -> BTreeSet<String> {
        let imported = self.imports().into_keys().flatten().map(str::to_owned);
        let asked = self.decided.iter().flat_map(|decided| decided.reasons.asked()).map(|asked| asked.capability);
        let claimed = self.facts.component().map(|own| &own.common.capabilities);
        let claimed: Vec<String> = match claimed {
            Some(Capabilities::Only(claims)) => claims.keys().cloned().collect(),
            _ => Vec::new(),
        };
        imported.chain(asked.map(str::to_owned)).chain(claimed).collect()
    }

    /// What every document says of a capability. Of a file that does not verify, what its tokens say.
    fn words(&self, capability: &str) -> Vec<Word<'_>> {
        let Some(decided) = &self.decided else { return self.unverified(capability) };
        let about = || decided.reasons.about(capability);
        let own = about().find_map(|(document, said)| match said {
            Said::Claim(claim) if *document == Document::Component => Some(claim),
            _ => None,
        });
        let effect = |document: &Document, said| match (said, own) {
            (Said::Nothing, _) => "refuses",
            _ if *document == Document::Component => "grants",
            (Said::Claim(claim), Some(own)) if self.narrows(capability, claim, own) => "narrows",
            _ => "does not narrow",
        };
        about()
            .map(|(document, said)| Word { document: document.to_string(), said, effect: effect(document, said) })
            .collect()
    }

    fn narrows(&self, capability: &str, claim: &Value, own: &Value) -> bool {
        !self.vocabulary.beyond(capability, claim, own, Rates::Counted).is_empty()
    }

    fn unverified(&self, capability: &str) -> Vec<Word<'_>> {
        let tokens = self.facts.tokens().map(|token| {
            let said = match &token.claims.common().capabilities {
                Capabilities::Any => Said::Any,
                Capabilities::Only(claims) => claims.get(capability).map_or(Said::Nothing, Said::Claim),
            };
            let effect = if said == Said::Nothing { "refuses" } else { "nothing vouches for it" };
            Word { document: format!("the {}'s token", token.claims.kind()), said, effect }
        });
        tokens.collect()
    }

    /// What would help, where it does not verify.
    fn help(&self) -> Option<String> {
        match &self.facts.verified {
            Err(VerifyError::Section(SectionError::NoClaims)) => {
                let file = &self.facts.file;
                Some(format!(
                    "`writ init {file}` writes what it imports into a writ.yaml, and `writ sign {file}` signs it"
                ))
            }
            _ => None,
        }
    }
}
