//! Which key signs, and what vouches for it.

use anyhow::{Result, bail};
use writ_signing::{Role, SigningKey};

use super::first;
use crate::advice::Advice;
use crate::home::{Home, Named, Vouchers};
use crate::seed::SeedArgs;

/// Which key was asked for, if any.
#[derive(Debug, clap::Args)]
pub(crate) struct Wanted {
    /// The account's or signing key to sign with [default: the only one there is]
    #[arg(long, value_name = "NAME|KEY", conflicts_with_all = ["seed_stdin", "seed_fd"])]
    key: Option<String>,

    #[command(flatten)]
    seed: SeedArgs,
}

impl Wanted {
    /// The key of this name, or the only one there is.
    pub(crate) fn key(key: Option<String>) -> Self {
        Self { key, seed: SeedArgs::default() }
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
        let key = match (&wanted.key, wanted.seed.read()?) {
            (_, Some(key)) => key,
            (Some(name), None) => home.keys().find(name)?.key,
            (None, None) if home.keys().is_empty()? => return first::make(home),
            (None, None) => only_account(home)?,
        };
        if key.role() != Role::Account {
            bail!("{} is the key of another role ({}); components are signed by accounts", key.public(), key.role());
        }
        let vouchers = home.tokens().vouchers(key.public())?;
        Ok(Self { key, vouchers })
    }
}

fn only_account(home: &Home) -> Result<SigningKey> {
    let accounts = home.keys().of_role(Role::Account)?;
    let names = accounts.iter().map(|Named { name, .. }| name.as_str()).collect::<Vec<_>>().join(", ");
    let mut accounts = accounts.into_iter();
    match (accounts.next(), accounts.next()) {
        (Some(Named { key, .. }), None) => Ok(key),
        (Some(_), Some(_)) => {
            Err(Advice::new(format!("there are several keys that can sign: {names}"), "choose one with --key").into())
        }
        (None, _) => {
            let message = format!("there is no account's key in {}", home.path().display());
            Err(Advice::new(message, "`writ account create NAME --operator NAME --any` makes one").into())
        }
    }
}
