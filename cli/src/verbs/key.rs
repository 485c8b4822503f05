//! `writ key`: makes, lists and shows keys, and moves them. A seed is in its file, or where `export` was told to put it.

mod rotate;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use writ_signing::{Role, SigningKey};

use crate::advice::Advice;
use crate::args::{Output, OutputArgs};
use crate::home::{self, Home, Named, check_name};
use crate::seed::SeedArgs;
use crate::{Done, Outcome, clock, describe, output};

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
    /// Write a key's seed into a file that only you can read, or into a pipe
    Export {
        /// Its name, or its public key
        #[arg(value_name = "NAME|KEY")]
        key: String,
        /// The file, which must not be there yet; - for stdout, if that is no terminal
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Keep a key whose seed is handed over
    Import(Import),
    /// Make an operator's or a signing key's successor, and have it vouched for like its predecessor
    Rotate(rotate::Rotate),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Generate {
    /// What the key is for
    role: KeyRole,

    /// What to call it here: 1 to 64 of a-z, 0-9 and - [default: the role]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// What to call it here: 1 to 64 of a-z, 0-9 and -
    name: String,

    #[command(flatten)]
    seed: SeedArgs,
}

/// The roles that keys are made for by hand. A component's is made by its first `writ sign`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KeyRole {
    /// Signs accounts; hosts trust operators
    Operator,
    /// Signs components, once an operator vouches for it; `writ account create` does both at once
    Account,
    /// Names a host
    Host,
}

pub(crate) fn run(verb: Key, home: &Home) -> Done {
    match verb {
        Key::Generate(args) => generate(&args, home),
        Key::List(args) => list(args.output, home),
        Key::Show { key, output } => show(&key, output.output, home),
        Key::Export { key, out } => export(&key, &out, home),
        Key::Import(args) => import(&args, home),
        Key::Rotate(args) => rotate::run(&args, home),
    }
}

fn generate(args: &Generate, home: &Home) -> Done {
    let (role, default) = match args.role {
        KeyRole::Operator => (Role::Operator, "operator"),
        KeyRole::Account => (Role::Account, "account"),
        KeyRole::Host => (Role::Host, "host"),
    };
    let name = args.name.as_deref().unwrap_or(default);
    let key = SigningKey::generate(role)?;
    let path = home.keys().store(name, &key)?;
    if role == Role::Account {
        output::hint(format_args!(
            "it signs once an operator vouches for it: `writ account create NAME --key {} --any`",
            key.public()
        ));
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

fn export(wanted: &str, out: &Path, home: &Home) -> Done {
    let Named { name, key } = home.keys().find(wanted)?;
    if out == Path::new("-") {
        return to_pipe(&key);
    }
    if !home::store_seed(out, &key)? {
        bail!("{} is there already, and keys never replace anything", out.display());
    }
    output::words(format_args!("the seed of {name} is in {}, readable by you alone", out.display()));
    Ok(Outcome::Done)
}

/// Into whatever reads stdout. A terminal would keep it in its scrollback.
fn to_pipe(key: &SigningKey) -> Done {
    let mut stdout = std::io::stdout();
    if stdout.is_terminal() {
        let hint = "pipe it into what keeps secrets, or name a file with -o";
        return Err(Advice::new("a seed is not written to a terminal", hint).into());
    }
    stdout.write_all(key.seed().as_bytes()).and_then(|()| stdout.write_all(b"\n"))?;
    Ok(Outcome::Done)
}

fn import(args: &Import, home: &Home) -> Done {
    check_name(&args.name)?;
    let Some(key) = args.seed.read()? else {
        bail!("where is the seed? --seed-stdin or --seed-fd N says so");
    };
    if let Some(Named { name, .. }) =
        home.keys().all()?.into_iter().flatten().find(|own| own.key.public() == key.public())
    {
        bail!("this key is kept here already, as {name}");
    }
    let path = home.keys().store(&args.name, &key)?;
    output::words(format_args!("kept in {}", path.display()));
    output::data(key.public())?;
    Ok(Outcome::Done)
}

fn entry(name: &str, key: &SigningKey) -> Value {
    json!({ "name": name, "role": key.role().to_string(), "key": key.public().to_string() })
}
