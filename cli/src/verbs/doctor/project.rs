//! The project in this folder: whether its writ.yaml can be read, and whether its signed component still holds.

use std::path::{Path, PathBuf};

use anyhow::Result;
use writ_signing::section;

use super::{Check, shell_path, soon};
use crate::home::Home;
use crate::project::{CLAIMS, Project};
use crate::recipe::Recipe;
use crate::revocations::Marks;
use crate::{clock, files};

/// The project here, if there is one. One that cannot be read is a finding.
pub(super) fn open(checks: &mut Vec<Check>) -> Option<Project> {
    let path = Path::new(CLAIMS);
    if !path.exists() {
        return None;
    }
    Project::open(PathBuf::new()).map_err(|error| checks.push(Check::unreadable(CLAIMS, path, &error))).ok()
}

pub(super) fn checks(project: &Project, home: &Home) -> Result<Vec<Check>> {
    let Some(build) = &project.file().build else { return Ok(Vec::new()) };
    let mut checks = Vec::new();
    if let Err(error) = Recipe::of(build) {
        checks.push(Check::unreadable(CLAIMS, &project.claims(), &error));
    } else if project.signed().exists() {
        checks.push(signed(&project.signed(), Some("writ build".to_owned()), home)?);
    } else {
        let found = "is not there: the project was not built yet";
        checks.push(Check::optional(project.signed().display().to_string(), found).fix("writ build"));
    }
    Ok(checks)
}

/// Whether a signed component holds here, and until when.
pub(super) fn signed(path: &Path, again: Option<String>, home: &Home) -> Result<Check> {
    let (what, now) = (path.display().to_string(), clock::now()?);
    // Whom this host trusts is a check of its own.
    let roots = home.trust().sources().map(|sources| sources.roots(&Marks::default())).unwrap_or_default();
    let verified = files::read(path, section::MAX_FILE).and_then(|file| Ok(writ_signing::verify(&file, &roots, now)?));
    let check = match &verified {
        Ok(component) if soon(component.exp(), now) => {
            Check::optional(what, format!("its signature ends soon, on {}", clock::day(component.exp())))
        }
        Ok(component) => return Ok(Check::good(what, format!("verifies until {}", clock::day(component.exp())))),
        Err(error) => Check::broken(what, format!("does not verify: {error:#}")),
    };
    Ok(match again {
        Some(line) => check.fix(line),
        None => check,
    })
}

/// The line that signs a component again; none where its writ.yaml is elsewhere.
pub(super) fn again(path: &Path) -> Option<String> {
    path.with_file_name(CLAIMS).exists().then(|| format!("writ sign {}", shell_path(path)))
}
