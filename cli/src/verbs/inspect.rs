//! `writ inspect`: what a component's file says, who signed it, and whether that holds here.

mod older;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use writ_host::{Artifact, Candidate, Denials, Export, VerifiedArtifact};
use writ_manifest::Application;
use writ_signing::inspect::UnverifiedToken;
use writ_signing::token::{Capabilities, Claims, Kind, TokenError};

use crate::args::{Output, OutputArgs};
use crate::facts::Facts;
use crate::home::Home;
use crate::revocations::Marks;
use crate::runtime::{self, Options};
use crate::{Done, Outcome, application, clock, describe, output, wider};

#[derive(Debug, clap::Args)]
pub(crate) struct Inspect {
    /// A component, signed or not
    file: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Inspect, home: &Home) -> Done {
    let roots = home.trust().sources()?.roots(&Marks::default());
    let facts = Facts::read(&args.file, &roots, clock::now()?)?;
    let report = Report {
        here: facts.proof.as_ref().map(|proof| here(proof, home)).transpose()?,
        operators: home.trust().entries()?.into_iter().map(|(_, entry)| (entry.operator, entry.name)).collect(),
        facts,
    };
    match args.output.output {
        Output::Json => output::json(&report.json())?,
        Output::Text => report.tell()?,
    }
    Ok(Outcome::Done)
}

/// What the component would be granted on this host, on its own and without a manifest.
fn here(verified: &VerifiedArtifact, home: &Home) -> Result<Result<Vec<&'static str>, Denials>> {
    let registry = runtime::registry(&Options::default());
    let application = Application::alone(&verified.component().common.name);
    let entry = application.components.first().context("an application without a component")?;
    let candidate = Candidate { entry, verified };
    let policies = application::policies(home)?;
    let decided = writ_host::authorize(&[candidate], &application, &policies, registry.vocabulary());
    let granted = |admission: writ_host::Admission| {
        admission.components().iter().flat_map(|admitted| admitted.capabilities()).collect()
    };
    Ok(decided.map(granted))
}

struct Report {
    facts: Facts,
    /// The capabilities that would be granted here, or every denial; nothing is decided about what does not verify.
    here: Option<Result<Vec<&'static str>, Denials>>,
    /// What trusted operators are called here, by key.
    operators: BTreeMap<String, String>,
}

impl Report {
    fn json(&self) -> Value {
        let principal = self.facts.verified.as_ref().ok().map(|component| component.principal().to_string());
        json!({
            "file": self.facts.file,
            "digest": self.facts.content.digest.to_string(),
            "length": self.facts.content.length,
            "verifies": self.facts.verified.is_ok(),
            "reason": self.facts.verified.as_ref().err().map(ToString::to_string),
            "principal": principal,
            "composed_of": self.facts.artifact.as_ref().map_or(0, Artifact::parts),
            "imports": self.imports(),
            "exports": self.exports(),
            "granted": self.here.as_ref().and_then(|here| here.as_ref().ok()),
            "denied": self.here.as_ref().and_then(|here| here.as_ref().err()).map(as_denials),
            "untrusted_wascap": self.facts.older.iter().map(older::as_json).collect::<Vec<_>>(),
            "tokens": self.facts.content.tokens.iter().map(|token| Value::Object(as_json(token))).collect::<Vec<_>>(),
        })
    }

    fn tell(&self) -> Result<()> {
        output::data(&self.facts.file)?;
        let mut rows = vec![
            describe::row("digest", self.facts.content.digest),
            describe::row("length", format_args!("{} bytes", self.facts.content.length)),
        ];
        match &self.facts.verified {
            Ok(component) => {
                rows.push(describe::row("verifies", format_args!("yes, until {}", clock::day(component.exp()))));
                rows.push(describe::row("principal", component.principal()));
            }
            Err(error) => rows.push(describe::row("verifies", format_args!("no: {error}"))),
        }
        rows.extend(self.composed());
        output::table(&rows)?;
        if self.facts.verified.is_err() && !self.facts.content.tokens.is_empty() {
            output::words("warning: below is what the file says about itself; nothing vouches for it");
        }
        self.facts.content.tokens.iter().try_for_each(|token| self.tell_token(token))?;
        if let Ok(component) = &self.facts.verified {
            wider::warn(component);
        }
        older::tell(&self.facts.older)?;
        self.tell_interfaces()?;
        self.tell_here()?;
        self.tell_opened()
    }

    /// Whoever composed it before signing made one principal of its parts.
    fn composed(&self) -> Option<[String; 2]> {
        let parts = self.facts.artifact.as_ref().map_or(0, Artifact::parts);
        let plural = if parts == 1 { "" } else { "s" };
        let told = format!("of {parts} component{plural} before it was signed: one principal, one set of claims");
        (parts > 0).then(|| describe::row("composed", told))
    }

    fn imports(&self) -> Vec<String> {
        self.facts.imports().iter().map(ToString::to_string).collect()
    }

    fn exports(&self) -> Vec<String> {
        let text = |export: &Export| match export {
            Export::Interface(name) => name.to_string(),
            Export::Plain(name) => name.clone(),
        };
        let artifact = self.facts.artifact.as_ref().ok();
        artifact.map(|artifact| artifact.exports().iter().map(text).collect()).unwrap_or_default()
    }

    fn tell_interfaces(&self) -> Result<()> {
        if let Err(error) = &self.facts.artifact {
            return output::data(format_args!("\nno host takes it: {error}"));
        }
        for (what, names) in [("imports", self.imports()), ("exports", self.exports())] {
            output::data(format_args!("\n{what}{}", if names.is_empty() { " nothing" } else { "" }))?;
            names.iter().try_for_each(|name| output::data(format_args!("  {name}")))?;
        }
        Ok(())
    }

    /// What is in the baseline for everybody, and open where its owner gives something.
    fn tell_opened(&self) -> Result<()> {
        let Some(Capabilities::Only(claims)) =
            self.facts.verified.as_ref().ok().map(|own| &own.component().common.capabilities)
        else {
            return Ok(());
        };
        for (capability, how) in [("environment", "`writ run --env`"), ("filesystem", "`writ run --dir`")] {
            if claims.contains_key(capability) {
                output::data(format_args!("what it sees by {capability}, {how} or a manifest gives it"))?;
            }
        }
        Ok(())
    }

    fn tell_here(&self) -> Result<()> {
        match &self.here {
            None => Ok(()),
            Some(Ok(granted)) if granted.is_empty() => {
                output::data("\nhere its imports would be granted nothing but the baseline")
            }
            Some(Ok(granted)) => output::data(format_args!(
                "\nhere its imports would be granted {}; what calls it, a manifest says",
                granted.join(", ")
            )),
            Some(Err(denials)) => {
                output::data(format_args!("\nhere it would not start:\n{}", denials.to_string().trim_end()))
            }
        }
    }

    fn tell_token(&self, token: &Result<UnverifiedToken, TokenError>) -> Result<()> {
        let token = match token {
            Ok(token) => token,
            Err(error) => return output::data(format_args!("\na token that cannot be read: {error}")),
        };
        let common = token.claims.common();
        output::data(format_args!("\n{} {}", token.token.kind(), common.name))?;
        let mut rows = vec![describe::row("key", common.subject)];
        if let Claims::Component(component) = &token.claims {
            rows.push(describe::row("version", format_args!("{}, revision {}", component.version, component.revision)));
        }
        rows.push(describe::row("signed by", self.issuer(token)));
        rows.push(describe::row("valid", format_args!("{} to {}", clock::day(common.nbf), clock::day(common.exp))));
        if let Claims::SigningKey(key) = &token.claims {
            rows.push(describe::row("signs", describe::signs(&key.components)));
        }
        rows.extend(describe::may(common));
        output::table(&rows)
    }

    fn issuer(&self, token: &UnverifiedToken) -> String {
        let issuer = token.claims.common().issuer.to_string();
        let known = match (token.token.kind(), self.operators.get(&issuer)) {
            (Kind::Account, Some(name)) => format!(", {name}, who is trusted here"),
            (Kind::Account, None) => ", who is not trusted here".to_owned(),
            _ => String::new(),
        };
        let forged = if token.signed_by_issuer { "" } else { ", says the token; but the signature does not hold" };
        format!("{issuer}{known}{forged}")
    }
}

/// Each denial: what, which documents refuse and why, and the lines that would allow it there.
pub(crate) fn as_denials(denials: &Denials) -> Value {
    let refusals = |denial: &writ_host::Denial| {
        let refusal = |refusal: &writ_host::Refusal| json!({ "document": refusal.document.to_string(), "reason": refusal.reason });
        denial.refusals.iter().map(refusal).collect::<Vec<_>>()
    };
    let one = |denial: &writ_host::Denial| json!({ "component": denial.component, "what": denial.what, "refusals": refusals(denial), "hint": denial.hint });
    let lines = |((component, document), lines): ((String, _), Vec<writ_host::Line>)| {
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        json!({ "component": component, "document": writ_provider::Document::to_string(&document), "lines": lines })
    };
    json!({
        "denials": denials.iter().map(one).collect::<Vec<_>>(),
        "lines": denials.lines().into_iter().map(lines).collect::<Vec<_>>(),
    })
}

fn as_json(token: &Result<UnverifiedToken, TokenError>) -> Map<String, Value> {
    match token {
        Ok(token) => {
            let mut fields = describe::token(&token.claims);
            fields.insert("signed_by_issuer".to_owned(), token.signed_by_issuer.into());
            fields
        }
        Err(error) => Map::from_iter([("error".to_owned(), error.to_string().into())]),
    }
}
