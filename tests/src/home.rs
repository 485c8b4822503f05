//! A `WRIT_HOME`: whose keys sign, and whom a host trusts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::files::Scratch;
use crate::place;
use crate::program::{Output, command, finish};

/// A `WRIT_HOME`, and everything else that `writ` would keep in the user's folders.
pub struct Home {
    path: PathBuf,
    roots: Option<PathBuf>,
    // The folder of a home that goes with its test.
    _folder: Option<Scratch>,
}

impl Home {
    /// The one that the guests were signed in. Only for reading: other tests use it at the same time.
    #[must_use]
    pub fn shared() -> Self {
        Self { path: place("WRIT_HOME"), roots: None, _folder: None }
    }

    /// A newcomer's: there is nothing in it, not even the folder.
    #[must_use]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let folder = Scratch::new();
        Self { path: folder.path("home"), roots: None, _folder: Some(folder) }
    }

    /// With these certificates, in PEM, in place of those that the system trusts.
    #[must_use]
    pub fn trusting(self, roots: &Path) -> Self {
        Self { roots: Some(roots.to_owned()), ..self }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A call of `writ` that was not started yet.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = command();
        command.env("WRIT_HOME", &self.path).args(args);
        if let Some(roots) = &self.roots {
            command.env("SSL_CERT_FILE", roots);
        }
        command
    }

    /// Runs `writ` to its end in a folder, where it finds and puts what is named relative.
    #[track_caller]
    pub fn writ_in(&self, folder: &Scratch, args: &[&str]) -> Output {
        let mut command = self.command(args);
        command.current_dir(folder.folder());
        finish(command)
    }

    /// Runs `writ` to its end.
    #[track_caller]
    pub fn writ(&self, args: &[&str]) -> Output {
        finish(self.command(args))
    }

    /// How often the audit log of a folder has something, by component and capability: `denied`, or `used`.
    ///
    /// # Panics
    /// When there is no audit log, or it is not what this host writes.
    #[track_caller]
    #[must_use]
    pub fn audited(&self, scratch: &Scratch, event: &str) -> BTreeMap<(String, String), u64> {
        let data = scratch.data();
        let args = ["audit", "show", "--output", "json", "--data", data.to_str().expect("a plain path")];
        let mut counts = BTreeMap::new();
        for line in self.writ(&args).succeeded().stdout.lines() {
            let record: Value = serde_json::from_str(line).expect("JSON");
            if record["event"] != event {
                continue;
            }
            let text = |field: &str| record[field].as_str().unwrap_or_default().to_owned();
            let name = text("component").rsplit('/').next().unwrap_or_default().to_owned();
            *counts.entry((name, text("capability"))).or_default() += record["count"].as_u64().expect("a number");
        }
        counts
    }
}
