//! Files: a folder for one test, the guests, and what a folder holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::place;

/// A folder of one test, removed after it.
pub struct Scratch(TempDir);

impl Scratch {
    /// A new one.
    #[must_use]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Where a file of that name would be.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Where `--data` is put.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Writes a file, and says where it is.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("the file can be written");
        path
    }

    /// A text without what differs from run to run: this folder is `.`, a key or a digest `…`, a long number `N`.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        let text = text.replace(&*self.0.path().to_string_lossy(), ".");
        let mut scrubbed = String::new();
        for run in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let word = run.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            let end = run.strip_prefix(word).unwrap_or_default();
            let number = word.len() >= 5 && word.bytes().all(|byte| byte.is_ascii_digit());
            scrubbed.push_str(if word.len() >= 52 {
                "…"
            } else if number {
                "N"
            } else {
                word
            });
            scrubbed.push_str(end);
        }
        scrubbed
    }

    /// Copies a file under a name of its own.
    pub fn copy(&self, from: &Path, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::copy(from, &path).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        path
    }
}

/// A signed guest, such as `calc.wasm`, or a manifest beside it, such as `orders.yaml`.
#[must_use]
pub fn guest(name: &str) -> PathBuf {
    there(place("WRIT_GUESTS").join(name))
}

/// What a guest was signed from: its component (`calc.wasm`) or its claims (`calc.yaml`).
#[must_use]
pub fn unsigned_guest(name: &str) -> PathBuf {
    there(place("WRIT_GUESTS").join("source").join(name))
}

fn there(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is not there: these tests are run by `cargo xtask test`", path.display());
    path
}

/// Every file below a folder with its bytes, but for the lock, which says nothing.
#[must_use]
pub fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else if path.file_name().is_some_and(|name| name != "lock") {
            files.insert(path.clone(), fs::read(&path).expect("the file can be read"));
        }
    }
    files
}
