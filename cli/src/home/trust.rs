//! The operators that are trusted, one entry per file.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use writ_manifest::{MAX_BYTES, TrustEntry};
use writ_signing::{PublicKey, Role};

use crate::advice::Advice;
use crate::files;
use crate::revocations::Sources;

/// The folder `trust/`.
#[derive(Debug)]
pub(crate) struct Trust {
    home: PathBuf,
    folder: PathBuf,
}

/// An operator, and how far it is trusted.
type Entry = (PublicKey, TrustEntry);

impl Trust {
    pub(super) fn in_home(home: PathBuf) -> Self {
        Self { folder: home.join(TRUST), home }
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

    /// What every entry says of revocation lists, to verify by: [`Sources::roots`] reads them.
    pub(crate) fn sources(&self) -> Result<Sources> {
        let entries = self.entries()?;
        Ok(Sources::new(&self.home, entries.into_iter().map(|(operator, entry)| (operator, entry.revocations))))
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
        trust_entry(&self.home, operator)
    }
}

/// Where a home's entry about an operator lies.
pub(crate) fn trust_entry(home: &Path, operator: PublicKey) -> PathBuf {
    home.join(TRUST).join(format!("{operator}{SUFFIX}"))
}

/// Reads an operator's public key.
pub(crate) fn operator(text: &str) -> Result<PublicKey> {
    let key: PublicKey = text.parse()?;
    match key.role() {
        Role::Operator => Ok(key),
        role => bail!("{key} is the key of another role ({role}); expected an operator's, which starts with O"),
    }
}

const TRUST: &str = "trust";
const SUFFIX: &str = ".yaml";
