//! Every test that needs nothing else installed.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::workspace::{self, Workspace, cargo};
use crate::{cargo_component, guests, tidy};

/// Runs them, with further arguments for `cargo test`. Tests find the signed guests by `WRIT_GUESTS`, the program by
/// `WRIT_BIN` and its keys by `WRIT_HOME`.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    tidy::run(workspace)?;
    let writ = guests::build_and_sign(workspace)?;
    cargo_component::build_if_installed(workspace, &writ)?;

    workspace::succeed(tests(workspace, &writ).args(args))?;

    let mut guests = cargo();
    guests.current_dir(workspace.components()).args(["test", "--target-dir"]).arg(workspace.components_target());
    workspace::succeed(&mut guests)
}

/// `cargo test --workspace`, which finds everything it needs.
pub(crate) fn tests(workspace: &Workspace, writ: &Path) -> Command {
    let mut tests = cargo();
    tests.current_dir(workspace.root()).args(["test", "--workspace"]);
    tests.env("WRIT_HOME", workspace.home()).env("WRIT_GUESTS", workspace.guests()).env("WRIT_BIN", writ);
    tests
}
