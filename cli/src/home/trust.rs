//! The operators that are trusted, one entry per file.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use writ_manifest::{MAX_BYTES, Revocations, TrustEntry};
use writ_signing::{PublicKey, Role, Roots};

use crate::advice::Advice;
use crate::files;

/// The folder `trust/`.
#[derive(Debug)]
pub(crate) struct Trust {
    folder: PathBuf,
}

/// An operator, and how far it is trusted.
type Entry = (PublicKey, TrustEntry);

impl Trust {
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Every entry, by operator. One that cannot be read, or that others may write, fails them all: none is overlooked.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>> {
        files::check_guarded_folder(&self.folder)?;
        self.each()?.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Every entry's file with what is in it, or why it cannot be read. Not to decide by.
    pub(crate) fn each(&self) -> Result<Vec<(PathBuf, Result<Entry>)>> {
        let names = super::names(&self.folder)?;
        let entries = names.iter().filter_map(|file| Some((self.folder.join(file), file.strip_suffix(SUFFIX)?)));
        Ok(entries.map(|(path, name)| (path, self.load(name))).collect())
    }

    /// Every entry, to decide by: fails where one asks for what would go unchecked.
    pub(crate) fn in_force(&self) -> Result<Vec<Entry>> {
        let entries = self.entries()?;
        let Some((operator, _)) = entries.iter().find(|(_, entry)| entry.revocations != Revocations::None) else {
            return Ok(entries);
        };
        let message = format!(
            "{} asks for revocation lists, which this version of writ does not read: nothing it vouches for starts",
            self.path(*operator).display()
        );
        let hint = "remove the entry, or say `revocations: none` in it if nothing of this operator's was revoked";
        Err(Advice::new(message, hint).into())
    }

    /// The operators, for `verify`.
    pub(crate) fn roots(&self) -> Result<Roots> {
        Ok(self.in_force()?.into_iter().map(|(operator, _)| operator).collect())
    }

    /// Trusts an operator that was not trusted so far.
    pub(crate) fn add(&self, operator: PublicKey, entry: &TrustEntry) -> Result<()> {
        if let Some((_, other)) =
            self.entries()?.iter().find(|(key, other)| *key == operator || other.name == entry.name)
        {
            let message = format!("there is an entry {} for {} already", other.name, other.operator);
            return Err(Advice::new(message, format!("remove it with `writ trust remove {}`", other.name)).into());
        }
        super::make_folder(&self.folder)?;
        files::create_guarded(&self.path(operator), entry.to_yaml().as_bytes())
    }

    /// Trusts an operator, by name or key, no longer.
    pub(crate) fn remove(&self, wanted: &str) -> Result<TrustEntry> {
        let entries = self.entries()?;
        let found = entries.into_iter().find(|(key, entry)| entry.name == wanted || key.to_string() == wanted);
        let (operator, entry) = found.with_context(|| format!("no operator {wanted:?} is trusted here"))?;
        files::remove(&self.path(operator))?;
        Ok(entry)
    }

    fn load(&self, name: &str) -> Result<Entry> {
        let path = self.folder.join(format!("{name}{SUFFIX}"));
        let text = files::read_guarded(&path, MAX_BYTES)?;
        let entry = TrustEntry::parse(&text).map_err(|error| anyhow!("{}:{error}", path.display()))?;
        let operator = operator(&entry.operator).with_context(|| path.display().to_string())?;
        if entry.operator != name {
            bail!("{} is about {}; an entry is named for its operator", path.display(), entry.operator);
        }
        Ok((operator, entry))
    }

    fn path(&self, operator: PublicKey) -> PathBuf {
        self.folder.join(format!("{operator}{SUFFIX}"))
    }
}

/// Reads an operator's public key.
pub(crate) fn operator(text: &str) -> Result<PublicKey> {
    let key: PublicKey = text.parse()?;
    match key.role() {
        Role::Operator => Ok(key),
        role => bail!("{key} is the key of another role ({role}); expected an operator's, which starts with O"),
    }
}

const SUFFIX: &str = ".yaml";
