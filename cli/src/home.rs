//! `WRIT_HOME`: the keys, tokens and trusted operators of whoever runs `writ`.
//!
//! | path | holds |
//! |---|---|
//! | `keys/NAME.nk` | one seed, for its owner's eyes only |
//! | `tokens/A….jwt` | the token of an account or of a signing key |
//! | `trust/O….yaml` | an operator that is trusted, and how far |
//! | `revoked/KEY.revoked` | the lists that were signed here |
//!
//! Nothing is kept in memory: a verb reads what it needs, once.

mod keys;
mod tokens;
mod trust;

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub(crate) use keys::{Keys, Named, check_name, read_seed, store as store_seed};
pub(crate) use tokens::{Tokens, Vouchers};
pub(crate) use trust::{Trust, operator, trust_entry};

use crate::settings::Settings;

/// The folder, which need not exist.
#[derive(Debug, Clone)]
pub(crate) struct Home(PathBuf);

impl Home {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self(settings.home.value.clone())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn keys(&self) -> Keys {
        Keys::in_folder(self.0.join("keys"))
    }

    pub(crate) fn tokens(&self) -> Tokens {
        Tokens::in_folder(self.0.join("tokens"))
    }

    /// Where `writ revoke` keeps lists.
    pub(crate) fn revoked(&self) -> PathBuf {
        self.0.join("revoked")
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::in_home(self.0.clone())
    }
}

/// Makes a folder for its owner alone, and the folders above it.
fn make_folder(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make {}", folder.display()))
}

/// The names in a folder, sorted; none where there is no folder. Names that are not UTF-8 are nobody's of ours.
fn names(folder: &Path) -> Result<Vec<String>> {
    let place = || format!("cannot read {}", folder.display());
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(place),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.with_context(place)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
