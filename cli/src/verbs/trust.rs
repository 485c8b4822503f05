//! `writ trust`: which operators this host trusts, and how far.

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};
use writ_manifest::{AccountLists, Capabilities, Revocations, TrustEntry, TrustPolicy};
use writ_provider::units::Time;
use writ_signing::PublicKey;

use super::account::read_policy;
use crate::args::{Output, OutputArgs, PolicyArgs};
use crate::home::{self, Home};
use crate::{Done, Outcome, output};

#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    /// Trust an operator
    Add(Add),
    /// List the operators that are trusted here
    List(OutputArgs),
    /// Trust an operator no longer
    Remove {
        /// Its name, or its public key
        #[arg(value_name = "NAME|KEY")]
        operator: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// The operator's public key, O…
    #[arg(value_name = "KEY")]
    operator: String,

    /// What to call it here [default: its key's name, or the start of the key]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    most: PolicyArgs,

    /// Where its revocation list and those of its accounts lie; nothing starts without them [default: nothing is revoked]
    #[arg(long, value_name = "DIR")]
    revocations: Option<String>,

    /// How old a list may be
    #[arg(long, value_name = "TIME", default_value = "24h", requires = "revocations")]
    max_age: Time,

    /// Nothing of an account without a list starts, either
    #[arg(long, requires = "revocations")]
    account_lists: bool,
}

pub(crate) fn run(verb: Trust, home: &Home) -> Done {
    match verb {
        Trust::Add(args) => add(args, home),
        Trust::List(args) => list(args.output, home),
        Trust::Remove { operator } => {
            let entry = home.trust().remove(&operator)?;
            output::words(format_args!("{} ({}) is trusted here no longer", entry.name, entry.operator));
            output::hint("a host that runs by this WRIT_HOME ends what rests on it within seconds");
            Ok(Outcome::Done)
        }
    }
}

fn add(args: Add, home: &Home) -> Done {
    let operator = home::operator(&args.operator)?;
    let policy = match &args.most.policy {
        Some(path) => TrustPolicy::Inline(read_policy(path)?),
        None => TrustPolicy::Any,
    };
    let name = args.name.unwrap_or_else(|| name_of(operator, home));
    let accounts = if args.account_lists { AccountLists::Required } else { AccountLists::Optional };
    let revocations = match &args.revocations {
        // As whoever writes it sees it, wherever the host is started.
        Some(dir) => {
            let dir = std::path::absolute(dir).with_context(|| format!("{dir:?} is no folder"))?;
            Revocations::Lists { dir: dir.to_string_lossy().into_owned(), max_age: args.max_age, accounts }
        }
        None => Revocations::None,
    };
    let entry = TrustEntry { name, operator: operator.to_string(), policy, revocations };
    // What a person wrote is read back before it is kept, so that no entry is kept that cannot be read.
    TrustEntry::parse(&entry.to_yaml()).context("the entry cannot be kept")?;
    home.trust().add(operator, &entry)?;
    output::words(format_args!("{} ({operator}) is trusted here, for {}", entry.name, most(&entry.policy)));
    Ok(Outcome::Done)
}

fn name_of(operator: PublicKey, home: &Home) -> String {
    let key = operator.to_string();
    match home.keys().find(&key) {
        Ok(named) => named.name,
        Err(_) => key.chars().take(8).collect(),
    }
}

fn list(format: Output, home: &Home) -> Done {
    let entries = home.trust().entries()?;
    match format {
        Output::Json => output::json(&entries.iter().map(|(_, entry)| as_json(entry)).collect())?,
        Output::Text if entries.is_empty() => {
            output::words(format_args!("no operator is trusted in {}", home.path().display()));
        }
        Output::Text => {
            let row = |(_, entry): &(PublicKey, TrustEntry)| {
                [entry.name.clone(), entry.operator.clone(), most(&entry.policy), revocations(&entry.revocations)]
            };
            output::table(&entries.iter().map(row).collect::<Vec<_>>())?;
        }
    }
    Ok(Outcome::Done)
}

fn as_json(entry: &TrustEntry) -> Value {
    let policy = match &entry.policy {
        TrustPolicy::Any => Value::from("any"),
        TrustPolicy::Inline(policy) => {
            let capabilities = match &policy.capabilities {
                Capabilities::Any => Value::from("any"),
                Capabilities::Only(claims) => claims.clone().into_iter().collect(),
            };
            json!({ "capabilities": capabilities, "limits": policy.limits })
        }
    };
    let revocations = match &entry.revocations {
        Revocations::None => Value::from("none"),
        Revocations::Lists { dir, max_age, accounts } => {
            let required = *accounts == AccountLists::Required;
            let accounts = if required { "required" } else { "optional" };
            json!({ "dir": dir, "max_age": max_age.to_string(), "accounts": accounts })
        }
    };
    json!({ "name": entry.name, "operator": entry.operator, "policy": policy, "revocations": revocations })
}

fn most(policy: &TrustPolicy) -> String {
    match policy {
        TrustPolicy::Any => "any capability".to_owned(),
        TrustPolicy::Inline(policy) => match &policy.capabilities {
            Capabilities::Any => "any capability".to_owned(),
            Capabilities::Only(claims) if claims.is_empty() => "no capability".to_owned(),
            Capabilities::Only(claims) => claims.keys().map(String::as_str).collect::<Vec<_>>().join(" "),
        },
    }
}

fn revocations(revocations: &Revocations) -> String {
    match revocations {
        Revocations::None => "no revocations".to_owned(),
        Revocations::Lists { dir, .. } => format!("revocations in {dir}"),
    }
}
