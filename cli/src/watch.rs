//! Which of a project's files have changed, whoever changed them and however.
//!
//! An event of the system only says that it is time to look: what has changed is found by comparing. So it does not matter
//! how an editor saves, whether events are lost or come in a burst, and what is written again as it was is no change.
//!
//! | changed | due |
//! |---|---|
//! | `src/`, `wit/`; at the top `*.rs`, `*.toml`, `Cargo.lock`, `rust-toolchain`, `package*.json`, `requirements.txt`; `.cargo/config.toml` | build, sign, deploy |
//! | `writ.yaml` | sign, deploy |
//! | `app.yaml` | deploy |

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use walkdir::{DirEntry, WalkDir};
use writ_manifest::{ComponentFile, MAX_BYTES};

use crate::files;
use crate::project::CLAIMS;

/// Watches a project.
pub(crate) struct Watch {
    folder: PathBuf,
    watcher: RecommendedWatcher,
    woken: Arc<Notify>,
    seen: Seen,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) build: bool,
    pub(crate) sign: bool,
    pub(crate) deploy: bool,
}

/// What was there at some moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    sources: BTreeMap<PathBuf, Stamp>,
    claims: Option<String>,
    manifest: Option<String>,
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    size: u64,
    inode: u64,
}

impl Due {
    /// Everything.
    pub(crate) const ALL: Self = Self { build: true, sign: true, deploy: true };

    /// That too.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { build: self.build || other.build, sign: self.sign || other.sign, deploy: self.deploy || other.deploy }
    }
}

impl Watch {
    /// Watches from now on.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let woken = Arc::new(Notify::new());
        let wake = woken.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Looking opens files, which must not be a reason to look. An error may have swallowed a change.
            if event.map_or(true, |event| changes(event.kind)) {
                wake.notify_one();
            }
        });
        let watcher = watcher.context("this system does not tell which files change")?;
        let mut watch = Self { folder: folder.to_owned(), watcher, woken, seen: Seen::default() };
        watch.attach().with_context(|| format!("{} cannot be watched", folder.display()))?;
        watch.seen = Seen::now(folder);
        Ok(watch)
    }

    /// Waits for a change, and then until nothing more follows it for a moment.
    pub(crate) async fn changed(&mut self) -> Due {
        loop {
            self.woken.notified().await;
            let latest = Instant::now() + LONGEST;
            while Instant::now() < latest && timeout(QUIET, self.woken.notified()).await.is_ok() {}
            // A folder that was replaced is watched no longer. What cannot be watched may be back in a moment.
            while let Err(error) = self.attach() {
                tracing::warn!(target: "writ::dev", %error, "{} cannot be watched", self.folder.display());
                sleep(LONGEST).await;
            }
            let now = Seen::now(&self.folder);
            let due = now.since(&self.seen);
            self.seen = now;
            if due != Due::default() {
                return due;
            }
        }
    }

    /// Folders, and not files: editors replace files. Neither `target/` nor `build/` is below any of them.
    fn attach(&mut self) -> notify::Result<()> {
        self.watcher.watch(&self.folder, RecursiveMode::NonRecursive)?;
        for (name, mode) in WATCHED {
            let folder = self.folder.join(name);
            if folder.is_dir() {
                self.watcher.watch(&folder, mode)?;
            }
        }
        Ok(())
    }
}

fn changes(kind: EventKind) -> bool {
    !kind.is_access() || kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}

impl Seen {
    fn now(folder: &Path) -> Self {
        let below = |name: &str| WalkDir::new(folder.join(name)).into_iter().filter_entry(is_source);
        let below = ["src", "wit"].into_iter().flat_map(below).chain(WalkDir::new(folder.join(CONFIG)));
        let top = WalkDir::new(folder).min_depth(1).max_depth(1).into_iter().filter_entry(is_source);
        let top = top.filter(|entry| entry.as_ref().is_ok_and(is_top_source));
        let entries = below.chain(top).filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
        let stamped = entries.filter_map(|entry| Some((entry.path().to_owned(), Stamp::of(&entry.metadata().ok()?))));
        let text = |name: &str| files::read_text(&folder.join(name), MAX_BYTES).ok();
        Self { sources: stamped.collect(), claims: text(CLAIMS), manifest: text(MANIFEST) }
    }

    /// What is due where this is what was there before.
    fn since(&self, before: &Self) -> Due {
        let build = self.sources != before.sources;
        let sign = build || (self.claims != before.claims && !self.only_gained_id(before));
        Due { build, sign, deploy: sign || self.manifest != before.manifest }
    }

    /// Whether all that changed in the claims is the id that signing writes there the first time.
    fn only_gained_id(&self, before: &Self) -> bool {
        let (Some(claims), Some(before)) = (&self.claims, &before.claims) else { return false };
        let id = ComponentFile::parse(claims).ok().and_then(|file| file.id);
        id.and_then(|id| ComponentFile::with_id(before, &id).ok()).is_some_and(|with_id| with_id == *claims)
    }
}

/// Editors keep copies under such names while they save.
fn is_source(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.depth() == 0 || !(name.starts_with('.') || name.ends_with('~'))
}

fn is_top_source(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    name.ends_with(".rs") || name.ends_with(".toml") || TOP.contains(&&*name)
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        Self { modified, size: metadata.len(), inode: metadata.ino() }
    }
}

/// What `up` calls `APP.yaml`.
pub(crate) const MANIFEST: &str = "app.yaml";
const CONFIG: &str = ".cargo/config.toml";
/// At the top of a project, beside what ends like a source: what pins versions and tools.
const TOP: &[&str] = &["Cargo.lock", "rust-toolchain", "package.json", "package-lock.json", "requirements.txt"];
/// The folders of sources.
const WATCHED: [(&str, RecursiveMode); 3] =
    [("src", RecursiveMode::Recursive), ("wit", RecursiveMode::Recursive), (".cargo", RecursiveMode::NonRecursive)];
/// How long nothing may happen before a change counts as whole, and the longest that is waited for that.
const QUIET: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    const NONE: Due = Due { build: false, sign: false, deploy: false };
    const BUILD: Due = Due::ALL;
    const SIGN: Due = Due { build: false, ..Due::ALL };
    const DEPLOY: Due = Due { sign: false, ..SIGN };

    const CLAIMED: &str = "name: a\nversion: 0.1.0\nrevision: 1\nexpires: 90d\n";

    /// A project, changed by `change`.
    #[track_caller]
    fn check(change: impl Fn(&Path), expected: Due) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for sub in ["src/deep", "wit", "target", "build", ".cargo"] {
            fs::create_dir_all(path.join(sub)).unwrap();
        }
        for file in ["src/lib.rs", "src/deep/a.rs", "wit/a.wit", "Cargo.toml", "Cargo.lock", "README.md", MANIFEST] {
            fs::write(path.join(file), "old").unwrap();
        }
        fs::write(path.join(CLAIMS), CLAIMED).unwrap();
        let before = Seen::now(path);
        assert_eq!(Seen::now(path).since(&before), NONE);
        change(path);
        assert_eq!(Seen::now(path).since(&before), expected);
    }

    #[track_caller]
    fn check_write(file: &str, expected: Due) {
        check(|folder| fs::write(folder.join(file), "something else").unwrap(), expected);
    }

    #[test]
    fn what_is_due() {
        for file in ["src/lib.rs", "src/deep/a.rs", "src/new.txt", "wit/a.wit", "Cargo.toml", "Cargo.lock", "build.rs"]
        {
            check_write(file, BUILD);
        }
        for file in ["rust-toolchain", "rust-toolchain.toml", ".cargo/config.toml"] {
            check_write(file, BUILD);
        }
        check_write(CLAIMS, SIGN);
        check_write(MANIFEST, DEPLOY);
        for file in ["README.md", "target/lib.rs", "build/a.wasm", "src/.lib.rs.swp", "src/lib.rs~", ".lib.rs"] {
            check_write(file, NONE);
        }
    }

    #[test]
    fn however_it_is_saved() {
        check(|folder| fs::remove_file(folder.join("src/lib.rs")).unwrap(), BUILD);
        check(|folder| fs::remove_dir_all(folder.join("wit")).unwrap(), BUILD);
        check(|folder| fs::rename(folder.join("README.md"), folder.join("src/lib.rs")).unwrap(), BUILD);
        let by_rename = |file: &'static str, text: &'static str| {
            move |folder: &Path| {
                fs::write(folder.join("4913"), text).unwrap();
                fs::rename(folder.join("4913"), folder.join(file)).unwrap();
            }
        };
        check(by_rename("src/lib.rs", "new"), BUILD);
        check(by_rename(MANIFEST, "new"), DEPLOY);
        check(by_rename(MANIFEST, "old"), NONE);
        check(by_rename(CLAIMS, CLAIMED), NONE);
    }

    #[test]
    fn the_id_that_signing_writes_is_no_change() {
        let id = "MC4BYTMDVLHB54XX7DAZEG6GKTNRQQYBAKE7GRVPPTVPBQVA7UW2MHWX";
        let with_id = ComponentFile::with_id(CLAIMED, id).unwrap();
        assert_ne!(with_id, CLAIMED);
        check(|folder| fs::write(folder.join(CLAIMS), &with_id).unwrap(), NONE);
        check(|folder| fs::write(folder.join(CLAIMS), format!("{with_id}limits: {{ time: 1s }}\n")).unwrap(), SIGN);
    }

    #[tokio::test]
    async fn a_burst_of_writes_is_one_change_and_folders_may_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("src/lib.rs");
        fs::create_dir(folder.path().join("src")).unwrap();
        let mut watch = Watch::start(folder.path()).unwrap();
        for number in 0..100 {
            fs::write(&file, number.to_string()).unwrap();
        }
        assert_eq!(watch.changed().await, BUILD);
        fs::rename(folder.path().join("src"), folder.path().join("away")).unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        assert_eq!(watch.changed().await, BUILD);
        fs::write(&file, "again").unwrap();
        assert_eq!(watch.changed().await, BUILD);
        // Nobody but the system says so, and reading is no change.
        fs::read(&file).unwrap();
        assert!(timeout(Duration::from_millis(300), watch.changed()).await.is_err());
    }
}
