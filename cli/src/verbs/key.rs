//! `writ key`: makes, lists and shows keys. A seed never leaves its file.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use writ_manifest::{MAX_BYTES, Policy};
use writ_signing::token::{self, AccountDraft, Capabilities, CommonDraft, Token};
use writ_signing::{Role, SigningKey};

use crate::args::{Output, OutputArgs};
use crate::home::{Home, Named, check_name};
use crate::{Done, Outcome, clock, describe, files, output};

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key and keep it
    Generate(Generate),
    /// List the keys that are kept here
    List(OutputArgs),
    /// Show a key's public half, and what vouches for it
    Show {
        /// Its name, or its public key
        #[arg(value_name = "NAME|KEY")]
        key: String,
        #[command(flatten)]
        output: OutputArgs,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Generate {
    /// What the key is for
    role: KeyRole,

    /// What to call it here: 1 to 64 of a-z, 0-9 and - [default: the role]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The operator's key that signs the new account, for a year
    #[arg(long, value_name = "NAME|KEY", requires = "most")]
    operator: Option<String>,

    /// The most the account may have: a file with `capabilities:` and, perhaps, `limits:`
    #[arg(long, value_name = "FILE", group = "most", requires = "operator")]
    policy: Option<std::path::PathBuf>,

    /// The account may have anything
    #[arg(long, group = "most", requires = "operator")]
    any: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// The roles that keys are made for by hand. A component's is made by its first `writ sign`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KeyRole {
    /// Signs accounts; hosts trust operators
    Operator,
    /// Signs components
    Account,
    /// Names a host
    Host,
}

pub(crate) fn run(verb: Key, home: &Home) -> Done {
    match verb {
        Key::Generate(args) => generate(&args, home),
        Key::List(args) => list(args.output, home),
        Key::Show { key, output } => show(&key, output.output, home),
    }
}

fn generate(args: &Generate, home: &Home) -> Done {
    let (role, default) = match args.role {
        KeyRole::Operator => (Role::Operator, "operator"),
        KeyRole::Account => (Role::Account, "account"),
        KeyRole::Host => (Role::Host, "host"),
    };
    if args.operator.is_some() && role != Role::Account {
        bail!("an operator signs accounts only; leave --operator out");
    }
    let name = args.name.as_deref().unwrap_or(default);
    check_name(name)?;
    let key = SigningKey::generate(role)?;
    let token = args.operator.as_ref().map(|operator| vouch(operator, args.policy.as_deref(), name, &key, home));
    let token = token.transpose()?;

    let path = home.keys().store(name, &key)?;
    if let Some(token) = token {
        home.tokens().store(key.public(), &token)?;
    } else if role == Role::Account {
        output::hint("it can sign components once an operator vouches for it; --operator does both at once");
    }
    match args.output.output {
        Output::Json => output::json(&entry(name, &key))?,
        Output::Text => {
            output::words(format_args!("kept in {}", path.display()));
            output::data(key.public())?;
        }
    }
    Ok(Outcome::Done)
}

/// The account's token, signed by the operator.
fn vouch(operator: &str, policy: Option<&Path>, name: &str, account: &SigningKey, home: &Home) -> Result<Token> {
    let operator = home.keys().find(operator)?;
    if operator.key.role() != Role::Operator {
        bail!(
            "{} is the key of another role ({}); accounts are signed by operators",
            operator.name,
            operator.key.role()
        );
    }
    let (capabilities, limits) = match policy.map(read_policy).transpose()? {
        Some(policy) => (describe::of_policy(&policy), policy.limits),
        None => (Capabilities::Any, BTreeMap::new()),
    };
    account_token(name, account, capabilities, limits, &operator.key)
}

/// A year's token about an account.
pub(crate) fn account_token(
    name: &str,
    account: &SigningKey,
    capabilities: Capabilities,
    limits: BTreeMap<String, Value>,
    operator: &SigningKey,
) -> Result<Token> {
    let now = clock::now()?;
    let exp = now.saturating_add(YEAR);
    let common = CommonDraft { subject: account.public(), name: name.to_owned(), capabilities, limits, nbf: None, exp };
    Ok(token::sign_account(&AccountDraft { common }, operator, now)?)
}

/// Reads a policy's file.
pub(crate) fn read_policy(path: &Path) -> Result<Policy> {
    let text = files::read_text(path, MAX_BYTES)?;
    Policy::parse(&text).map_err(|error| anyhow!("{}:{error}", path.display()))
}

fn list(format: Output, home: &Home) -> Done {
    let mut keys = Vec::new();
    let mut outcome = Outcome::Done;
    for loaded in home.keys().all()? {
        match loaded {
            Ok(named) => keys.push(named),
            Err(error) => {
                output::error(&error);
                outcome = Outcome::Refused;
            }
        }
    }
    match format {
        Output::Json => output::json(&keys.iter().map(|Named { name, key }| entry(name, key)).collect())?,
        Output::Text if keys.is_empty() => output::words(format_args!("no keys in {}", home.path().display())),
        Output::Text => {
            let row = |Named { name, key }: &Named| [name.clone(), key.role().to_string(), key.public().to_string()];
            output::table(&keys.iter().map(row).collect::<Vec<_>>())?;
        }
    }
    Ok(outcome)
}

fn show(wanted: &str, format: Output, home: &Home) -> Done {
    let Named { name, key } = home.keys().find(wanted)?;
    let token = match key.role() {
        Role::Account => home.tokens().get(key.public())?,
        _ => None,
    };
    let claims = token.map(|token| token.unverified_claims()).transpose().context("the key's token cannot be read")?;
    if format == Output::Json {
        let mut shown = entry(&name, &key);
        if let (Some(fields), Some(claims)) = (shown.as_object_mut(), &claims) {
            fields.insert("token".to_owned(), Value::Object(describe::token(claims)));
        }
        output::json(&shown)?;
        return Ok(Outcome::Done);
    }

    let mut rows = vec![
        ["name".to_owned(), name],
        ["role".to_owned(), key.role().to_string()],
        ["public key".to_owned(), key.public().to_string()],
    ];
    if let Some(claims) = claims {
        let common = claims.common();
        rows.push(["signed by".to_owned(), common.issuer.to_string()]);
        rows.push(["valid".to_owned(), format!("{} to {}", clock::day(common.nbf), clock::day(common.exp))]);
    }
    output::table(&rows)?;
    Ok(Outcome::Done)
}

fn entry(name: &str, key: &SigningKey) -> Value {
    json!({ "name": name, "role": key.role().to_string(), "key": key.public().to_string() })
}

/// How long an account's token lasts, in seconds.
const YEAR: u64 = 365 * 86_400;
