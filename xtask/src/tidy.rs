//! What must stay true of the whole tree and no compiler checks: the dependency arrows of `ARCHITECTURE.md`, the shared
//! lints, that the pages show code that is there, and that no committed file names the machine it was written on.

mod arrows;
mod blocks;
mod lints;
mod paths;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use crate::workspace::{Workspace, output};

/// Fails when anything was found, after listing all of it.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let root = workspace.root();
    let mut findings = arrows::check(root, workspace.packages());
    findings.extend(lints::check(root, workspace.packages())?);
    findings.extend(committed_files(root)?);
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    match findings.len() {
        0 => Ok(()),
        count => bail!("tidy found {count} thing{} to put right", if count == 1 { "" } else { "s" }),
    }
}

fn committed_files(root: &Path) -> Result<Vec<String>> {
    let list = output(Command::new("git").current_dir(root).args(["ls-files", "-z"]))
        .map_err(|error| anyhow!("committed files cannot be listed: {error:#}\nhint: tidy needs git, in a checkout"))?;
    let list = String::from_utf8(list).context("a committed file's name is not UTF-8")?;
    let mut findings = Vec::new();
    for name in list.split_terminator('\0') {
        // What was deleted and not committed yet, a link into nowhere, a submodule: nothing to look at.
        if let Ok(bytes) = std::fs::read(root.join(name)) {
            findings.extend(paths::check(name, &bytes));
            if let (true, Ok(text)) = (name.ends_with(".md"), std::str::from_utf8(&bytes)) {
                findings.extend(blocks::check(name, text, |file| std::fs::read_to_string(root.join(file)).ok()));
            }
        }
    }
    Ok(findings)
}
