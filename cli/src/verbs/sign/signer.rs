//! Which key signs, and what vouches for it.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use writ_signing::{Role, SigningKey};

use super::first;
use crate::advice::Advice;
use crate::home::{Home, Named, Vouchers, read_seed};

/// Which key was asked for, if any.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct Wanted {
    /// The account's or signing key to sign with [default: the only one there is]
    #[arg(long, value_name = "NAME|KEY")]
    key: Option<String>,

    /// Sign with the seed on stdin
    #[arg(long)]
    seed_stdin: bool,

    /// Sign with the seed that can be read from this file descriptor
    #[arg(long, value_name = "N")]
    seed_fd: Option<u32>,
}

impl Wanted {
    /// The key of this name, or the only one there is.
    pub(crate) fn key(key: Option<String>) -> Self {
        Self { key, seed_stdin: false, seed_fd: None }
    }
}

/// A key, and the tokens that lead from it to an operator.
pub(super) struct Signer {
    pub(super) key: SigningKey,
    pub(super) vouchers: Vouchers,
}

impl Signer {
    /// The key that was asked for, or the only one there is, or the first ever.
    pub(super) fn choose(wanted: &Wanted, home: &Home) -> Result<Self> {
        let key = match wanted {
            Wanted { key: Some(name), .. } => home.keys().find(name)?.key,
            Wanted { seed_stdin: true, .. } => read_seed(io::stdin().lock()).context("no key on stdin")?,
            Wanted { seed_fd: Some(number), .. } => from_descriptor(*number)?,
            _ if home.keys().is_empty()? => return first::make(home),
            _ => only_account(home)?,
        };
        if key.role() != Role::Account {
            bail!("{} is the key of another role ({}); components are signed by accounts", key.public(), key.role());
        }
        let vouchers = home.tokens().vouchers(key.public())?;
        Ok(Self { key, vouchers })
    }
}

/// Opened again by its number, which needs no promise that nobody else here holds it.
fn from_descriptor(number: u32) -> Result<SigningKey> {
    let path = PathBuf::from(format!("/dev/fd/{number}"));
    let read = File::open(path).map_err(anyhow::Error::from).and_then(read_seed);
    read.with_context(|| format!("no key on file descriptor {number}"))
}

fn only_account(home: &Home) -> Result<SigningKey> {
    let mut accounts = Vec::new();
    for named in home.keys().all()? {
        let Named { name, key } = named?;
        if key.role() == Role::Account {
            accounts.push((name, key));
        }
    }
    let names = accounts.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let mut accounts = accounts.into_iter();
    match (accounts.next(), accounts.next()) {
        (Some((_, key)), None) => Ok(key),
        (Some(_), Some(_)) => {
            Err(Advice::new(format!("there are several accounts: {names}"), "choose one with --key").into())
        }
        (None, _) => {
            let message = format!("there is no account's key in {}", home.path().display());
            Err(Advice::new(message, "`writ key generate account --operator NAME --any` makes one").into())
        }
    }
}
