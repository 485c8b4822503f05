//! Revocation lists where they lie: read for every verb that verifies, remembered by hosts, and watched while one runs.

mod marks;
mod watch;

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use writ_manifest as manifest;
use writ_signing::revocation::{AccountLists, List, ListError, Lists, MAX_LIST};
use writ_signing::{PublicKey, Revocations, Role, Roots};

use crate::files;

pub(crate) use marks::Marks;
pub(crate) use watch::Watch;

/// The operators that are trusted, and where the lists under each of them lie.
pub(crate) struct Sources(Vec<(PublicKey, Option<Source>)>);

/// What a trust entry demands.
struct Source {
    folder: PathBuf,
    max_age: u64,
    accounts: AccountLists,
}

/// What changes when a folder's lists do.
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
        Self(entries.map(|(operator, revocations)| (operator, source(revocations))).collect())
    }

    /// Reads every list, for `verify`. No list may be older than it was seen to be. What cannot be read is no reason to fail
    /// here: nothing that rests on it verifies.
    pub(crate) fn roots(&self, seen: &Marks) -> Roots {
        let read = |(operator, source): &(PublicKey, Option<Source>)| {
            let lists = source.as_ref().map(|source| Revocations::Lists(source.read(*operator, seen)));
            (*operator, lists.unwrap_or(Revocations::Never))
        };
        self.0.iter().map(read).collect()
    }

    /// Changes when any list may have.
    pub(crate) fn stamp(&self) -> Stamp {
        let mut stamp = Vec::new();
        for source in self.0.iter().filter_map(|(_, source)| source.as_ref()) {
            let files = source.files().unwrap_or_default();
            let paths = [source.folder.clone()].into_iter().chain(files.into_iter().map(|(_, path)| path));
            stamp.extend(paths.map(|path| fs::metadata(path).ok().map(|metadata| facts(&metadata))));
        }
        Stamp(stamp)
    }
}

fn facts(metadata: &Metadata) -> (u64, u64, i64, i64) {
    (metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec())
}

impl Source {
    fn read(&self, operator: PublicKey, seen: &Marks) -> Lists {
        let mut lists = Lists::new(self.max_age, self.accounts);
        seen.demand(&mut lists);
        let unreadable = |reason: String| ListError::Unreadable { reason };
        let files = match self.files() {
            Ok(files) => files,
            Err(reason) => {
                // Under an operator whose lists are not to be had nothing verifies, so its accounts need no word.
                lists.insert(operator, Err(unreadable(reason)));
                return lists;
            }
        };
        let mut left = MOST_BYTES;
        for (issuer, path) in files {
            // Other operators' lists may lie in the same folder.
            if issuer.role() != Role::Account && issuer != operator {
                continue;
            }
            let bytes = files::read(&path, left.min(MAX_LIST)).map_err(|error| unreadable(format!("{error:#}")));
            left = left.saturating_sub(bytes.as_ref().map_or(0, Vec::len));
            lists.insert(issuer, bytes.and_then(|bytes| List::verify(&bytes, issuer)));
        }
        lists
    }

    /// The lists of the folder, each named for its issuer. Other files are nobody's of ours.
    fn files(&self) -> Result<Vec<(PublicKey, PathBuf)>, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.folder.display());
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(SUFFIX));
            if let Some(issuer) = name.and_then(|name| name.parse().ok()) {
                found.push((issuer, path));
            }
            if found.len() > MOST_LISTS {
                return Err(format!("{} holds more than {MOST_LISTS} lists", self.folder.display()));
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

const SUFFIX: &str = ".revoked";
/// How many lists are read from one folder.
const MOST_LISTS: usize = 4096;
/// How many bytes they may have together. An issuer whose list is past that is refused.
const MOST_BYTES: usize = 64 << 20;
