//! Revocation lists where they lie: read for every verb that verifies, remembered by hosts, and watched while one runs.

mod marks;
mod watch;

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use writ_manifest as manifest;
use writ_signing::revocation::{AccountLists, List, ListError, Lists, MAX_LIST};
use writ_signing::{PublicKey, Revocations, Role, Roots};

use crate::{files, home};

pub(crate) use marks::Marks;
pub(crate) use watch::Watch;

/// The operators that are trusted, and where the lists under each of them lie.
#[derive(PartialEq, Eq)]
pub(crate) struct Sources(Vec<Trusted>);

/// An operator that is trusted for as long as its trust entry is there.
#[derive(PartialEq, Eq)]
struct Trusted {
    operator: PublicKey,
    entry: PathBuf,
    source: Option<Source>,
}

/// What a trust entry demands.
#[derive(PartialEq, Eq)]
struct Source {
    folder: PathBuf,
    max_age: u64,
    accounts: AccountLists,
}

/// What changes when a folder's lists do, or a trust entry.
#[derive(PartialEq, Eq)]
pub(crate) struct Stamp(Vec<Option<(u64, u64, i64, i64)>>);

impl Sources {
    /// A folder that is not absolute lies in the home.
    pub(crate) fn new(home: &Path, entries: impl Iterator<Item = (PublicKey, manifest::Revocations)>) -> Self {
        let source = |revocations| match revocations {
            manifest::Revocations::None => None,
            manifest::Revocations::Lists { dir, max_age, accounts } => Some(Source {
                folder: home.join(dir),
                max_age: max_age.duration().as_secs(),
                accounts: match accounts {
                    manifest::AccountLists::Required => AccountLists::Required,
                    manifest::AccountLists::Optional => AccountLists::Optional,
                },
            }),
        };
        let trusted = |(operator, revocations)| Trusted {
            operator,
            entry: home::trust_entry(home, operator),
            source: source(revocations),
        };
        Self(entries.map(trusted).collect())
    }

    /// Reads every list, for `verify`. No list may be older than it was seen to be. What cannot be read is no reason to fail
    /// here: nothing that rests on it verifies.
    pub(crate) fn roots(&self, seen: &Marks) -> Roots {
        let (mut roots, _) = self.read();
        seen.demand(&mut roots);
        roots
    }

    /// Reads every list of the operators that are still trusted, and says whether the system let it: what it did not may
    /// be there in a moment, without any change.
    fn read(&self) -> (Roots, bool) {
        let mut whole = true;
        let mut lists = |trusted: &Trusted| match &trusted.source {
            Some(source) => Revocations::Lists(source.read(trusted.operator, &mut whole)),
            None => Revocations::Never,
        };
        let standing = self.0.iter().filter(|trusted| !trusted.is_gone());
        let roots = standing.map(|trusted| (trusted.operator, lists(trusted))).collect();
        (roots, whole)
    }

    /// As if every list had been asked for, and none had been read.
    fn unread(&self) -> Roots {
        let lists = |source: &Source| {
            let mut lists = source.none();
            lists.doubt(unreadable(SILENT));
            Revocations::Lists(lists)
        };
        let unread = |trusted: &Trusted| (trusted.operator, trusted.source.as_ref().map_or(Revocations::Never, lists));
        self.0.iter().map(unread).collect()
    }

    /// Changes when any list may have.
    pub(crate) fn stamp(&self) -> Stamp {
        let mut stamp = Vec::new();
        for trusted in &self.0 {
            stamp.push(trusted.entry.symlink_metadata().ok().map(|metadata| facts(&metadata)));
            let Some(source) = &trusted.source else { continue };
            let files = source.files().unwrap_or_default();
            let paths = [source.folder.clone()].into_iter().chain(files.into_iter().map(|(_, path)| path));
            stamp.extend(paths.map(|path| fs::metadata(path).ok().map(|metadata| facts(&metadata))));
        }
        Stamp(stamp)
    }
}

impl Trusted {
    /// Whether somebody removed the trust entry. What else stands in the way of reading it is for a reload to say.
    fn is_gone(&self) -> bool {
        matches!(self.entry.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound)
    }
}

/// With the same lists, and none of them relied on any more.
fn doubted(roots: &Roots) -> Roots {
    let mut roots = roots.clone();
    for (_, revocations) in roots.iter_mut() {
        if let Revocations::Lists(lists) = revocations {
            lists.doubt(unreadable(SILENT));
        }
    }
    roots
}

fn unreadable(reason: &str) -> ListError {
    ListError::Unreadable { reason: reason.to_owned() }
}

fn facts(metadata: &Metadata) -> (u64, u64, i64, i64) {
    (metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec())
}

impl Source {
    fn none(&self) -> Lists {
        Lists::new(self.max_age, self.accounts)
    }

    /// Whether all of it was `whole` is no longer so where the system failed.
    fn read(&self, operator: PublicKey, whole: &mut bool) -> Lists {
        let mut lists = self.none();
        let mut failed = |error: anyhow::Error| {
            *whole &= !error.chain().any(|cause| cause.is::<std::io::Error>());
            unreadable(&format!("{error:#}"))
        };
        let files = match self.files() {
            Ok(files) => files,
            Err(error) => {
                // Under an operator whose lists are not to be had nothing verifies, so its accounts need no word.
                lists.insert(operator, Err(failed(error)));
                return lists;
            }
        };
        let mut left = MOST_BYTES;
        for (issuer, path) in files {
            // Other operators' lists may lie in the same folder.
            if issuer.role() != Role::Account && issuer != operator {
                continue;
            }
            let bytes = files::read(&path, left.min(MAX_LIST)).map_err(&mut failed);
            left = left.saturating_sub(bytes.as_ref().map_or(0, Vec::len));
            lists.insert(issuer, bytes.and_then(|bytes| List::verify(&bytes, issuer)));
        }
        lists
    }

    /// The lists of the folder, each named for its issuer. Other files are nobody's of ours.
    fn files(&self) -> Result<Vec<(PublicKey, PathBuf)>> {
        let place = || self.folder.display().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).with_context(place)? {
            let path = entry.with_context(place)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(SUFFIX));
            if let Some(issuer) = name.and_then(|name| name.parse().ok()) {
                found.push((issuer, path));
            }
            if found.len() > MOST_LISTS {
                bail!("{} holds more than {MOST_LISTS} lists", self.folder.display());
            }
        }
        found.sort();
        Ok(found)
    }
}

/// The file of an issuer's list in a folder.
pub(crate) fn path(folder: &Path, issuer: PublicKey) -> PathBuf {
    folder.join(format!("{issuer}{SUFFIX}"))
}

/// Why lists are doubted that cannot be asked for.
const SILENT: &str = "the folder of the lists, or of the trust entries, does not answer";
const SUFFIX: &str = ".revoked";
/// How many lists are read from one folder.
const MOST_LISTS: usize = 4096;
/// How many bytes they may have together. An issuer whose list is past that is refused.
const MOST_BYTES: usize = 64 << 20;
