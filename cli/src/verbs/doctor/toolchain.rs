//! What building needs. It is broken only where the project here is built with it.

use std::path::Path;
use std::process::Command;

use writ_manifest::ComponentFile;

use super::Check;
use crate::cargo::{self, Recipe, Tool};

pub(super) fn checks(project: Option<&ComponentFile>) -> Vec<Check> {
    let build = project.and_then(|file| file.build.as_ref());
    let recipe = build.and_then(|build| Recipe::of(build).ok());
    let needed = recipe.is_some();
    let component = recipe.as_ref().is_some_and(|recipe| recipe.tool() == Tool::CargoComponent);
    let target = recipe.as_ref().map_or(Tool::Cargo.target(), Recipe::target);
    let rustc = program("rustc", needed);
    // Without a compiler there are no targets to speak of.
    let target = rustc.fix.is_none().then(|| compiles_for(target, needed));
    let rest = [program("cargo", needed), cargo_component(component)];
    std::iter::once(rustc).chain(target).chain(rest).collect()
}

fn program(name: &str, needed: bool) -> Check {
    match version(name, &["--version"]) {
        Some(version) => Check::good(name, version),
        None => Check::missing(needed, name, "is not on the PATH, or does not run").fix(cargo::INSTALL_RUST),
    }
}

fn compiles_for(target: &str, needed: bool) -> Check {
    if cargo::has_target(target, Path::new(".")) {
        return Check::good(target, "rustc compiles for it");
    }
    let fix = match version("rustup", &["--version"]) {
        Some(_) => cargo::add_target(target),
        None => cargo::INSTALL_RUST.to_owned(),
    };
    Check::missing(needed, target, "rustc has no such target").fix(fix)
}

fn cargo_component(needed: bool) -> Check {
    let what = "cargo-component";
    match version("cargo", &["component", "--version"]) {
        Some(version) => Check::good(what, version),
        None => Check::missing(needed, what, "is not installed; for projects that say `tool: cargo-component`")
            .fix(cargo::INSTALL_CARGO_COMPONENT),
    }
}

/// The first line that a program says of itself.
fn version(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok().filter(|output| output.status.success())?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}
