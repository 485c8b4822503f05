//! The folder of a component's source, with a `writ.yaml` in it.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use writ_manifest::{ComponentFile, MAX_BYTES};

use crate::advice::Advice;
use crate::files;

/// A component's source.
#[derive(Debug)]
pub(crate) struct Project {
    folder: PathBuf,
    file: ComponentFile,
}

impl Project {
    /// Reads the `writ.yaml` of a folder; an empty path is the one we are in.
    pub(crate) fn open(folder: PathBuf) -> Result<Self> {
        let path = folder.join(CLAIMS);
        if !path.exists() {
            let message = format!("there is no {}", path.display());
            let hint =
                "`writ new NAME --template http` makes a project; `writ init FILE` writes one for a finished component";
            return Err(Advice::new(message, hint).into());
        }
        let text = files::read_text(&path, MAX_BYTES)?;
        let file = ComponentFile::parse(&text).map_err(|error| anyhow!("{}:{error}", path.display()))?;
        Ok(Self { folder, file })
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        if self.folder.as_os_str().is_empty() { Path::new(".") } else { &self.folder }
    }

    /// What its `writ.yaml` says.
    pub(crate) fn file(&self) -> &ComponentFile {
        &self.file
    }

    /// Where its `writ.yaml` is.
    pub(crate) fn claims(&self) -> PathBuf {
        self.folder.join(CLAIMS)
    }

    /// Where its signed component is put.
    pub(crate) fn signed(&self) -> PathBuf {
        self.folder.join("build").join(format!("{}.wasm", self.file.name))
    }
}

/// What a component's claims are called, beside its source.
pub(crate) const CLAIMS: &str = "writ.yaml";
