//! The one guest that cargo-component builds. Everything else does without that tool: installing it takes some 20 minutes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::guests::require_target;
use crate::workspace::{Workspace, cargo, run};

/// Installs the tool where it is missing, and builds the guest.
pub(crate) fn install_and_build(workspace: &Workspace, writ: &Path) -> Result<()> {
    if !is_installed() {
        run(cargo().args(["install", "cargo-component", "--version", VERSION, "--locked"]))?;
    }
    build(workspace, writ)
}

/// Builds the guest where the tool is there, and says so where it is not.
pub(crate) fn build_if_installed(workspace: &Workspace, writ: &Path) -> Result<()> {
    if is_installed() {
        return build(workspace, writ);
    }
    eprintln!(
        "skipped: components/{GUEST}, for cargo-component is not installed; `cargo xtask guests --cargo-component` does"
    );
    Ok(())
}

/// `writ build` does as its `writ.yaml` says; what comes of it is put beside the other guests.
fn build(workspace: &Workspace, writ: &Path) -> Result<()> {
    require_target("wasm32-wasip1")?;
    let folder = workspace.components().join(GUEST);
    let mut command = Command::new(writ);
    command.env("WRIT_HOME", workspace.home()).env("CARGO_TARGET_DIR", workspace.components_target());
    run(command.arg("build").arg(&folder))?;
    let file = format!("{GUEST}.wasm");
    let copied = fs::copy(folder.join("build").join(&file), workspace.guests().join(&file));
    copied.map(drop).with_context(|| format!("{file} cannot be put beside the other guests"))
}

fn is_installed() -> bool {
    let mut command = cargo();
    command.args(["component", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

const GUEST: &str = "greet";
/// The version whose output was tried.
const VERSION: &str = "0.21.1";
