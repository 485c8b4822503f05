//! Every test that needs nothing else installed.

use anyhow::Result;

use crate::guests::{self, Languages};
use crate::workspace::{self, Workspace, cargo};
use crate::{cargo_component, foreign, tidy};

/// Runs them, with further arguments for `cargo test`. Tests find the signed guests by `WRIT_GUESTS`, the program by
/// `WRIT_BIN` and its keys by `WRIT_HOME`.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    tidy::run(workspace)?;
    let writ = guests::build_and_sign(workspace, Languages::Rust)?;
    cargo_component::build_if_installed(workspace, &writ)?;

    let mut tests = cargo();
    tests.current_dir(workspace.root()).args(["test", "--workspace"]).args(args);
    tests.env("WRIT_HOME", workspace.home()).env("WRIT_GUESTS", workspace.guests()).env("WRIT_BIN", writ);
    // Where the other languages were installed, the tests use them.
    workspace::succeed(tests.env("PATH", foreign::path(workspace)?))?;

    let mut guests = cargo();
    guests.current_dir(workspace.components()).args(["test", "--target-dir"]).arg(workspace.components_target());
    workspace::succeed(&mut guests)
}
