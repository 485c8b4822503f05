//! What building needs. It is broken only where the project here is built with it.

use std::path::Path;

use writ_manifest::ComponentFile;

use super::Check;
use crate::cargo::{self, Tool};
use crate::recipe::Recipe;
use crate::toolchain::{BINDINGS, Language, Need, version};

pub(super) fn checks(project: Option<&ComponentFile>) -> Vec<Check> {
    let build = project.and_then(|file| file.build.as_ref());
    match build.and_then(|build| Recipe::of(build).ok()) {
        Some(Recipe::Rust(recipe)) => rust(Some(&recipe)),
        Some(Recipe::Other(recipe)) => recipe.language().needs().iter().map(|need| tool(need, true, "")).collect(),
        None => {
            let python = Language::Python.needs().iter().map(|need| (need, "for projects in python, c and go"));
            let node = Language::JavaScript.needs().iter().map(|need| (need, "for projects in javascript"));
            let others = node.chain(python).chain([(&BINDINGS, "for projects in c and go")]);
            rust(None).into_iter().chain(others.map(|(need, whose)| tool(need, false, whose))).collect()
        }
    }
}

/// What Rust needs; nothing of it is needed where there is no recipe.
fn rust(recipe: Option<&cargo::Recipe>) -> Vec<Check> {
    let needed = recipe.is_some();
    let component = recipe.is_some_and(|recipe| recipe.tool() == Tool::CargoComponent);
    let target = recipe.map_or(Tool::Cargo.target(), cargo::Recipe::target);
    let rustc = program("rustc", needed);
    // Without a compiler there are no targets to speak of.
    let target = rustc.fix.is_none().then(|| compiles_for(target, needed));
    let rest = [program("cargo", needed), cargo_component(component)];
    std::iter::once(rustc).chain(target).chain(rest).collect()
}

/// A program that another language needs, and whose it is where nobody here needs it.
fn tool(need: &Need, needed: bool, whose: &str) -> Check {
    match need.version() {
        Some(version) => Check::good(need.shown(), version),
        None if needed => Check::broken(need.shown(), "is not on the PATH, or does not run").fix(need.install),
        None => Check::optional(need.shown(), format!("is not installed; {whose}")).fix(need.install),
    }
}

fn program(name: &str, needed: bool) -> Check {
    match version(Path::new(name), &["--version"]) {
        Some(version) => Check::good(name, version),
        None => Check::missing(needed, name, "is not on the PATH, or does not run").fix(cargo::INSTALL_RUST),
    }
}

fn compiles_for(target: &str, needed: bool) -> Check {
    if cargo::has_target(target, Path::new(".")) {
        return Check::good(target, "rustc compiles for it");
    }
    let fix = match version(Path::new("rustup"), &["--version"]) {
        Some(_) => cargo::add_target(target),
        None => cargo::INSTALL_RUST.to_owned(),
    };
    Check::missing(needed, target, "rustc has no such target").fix(fix)
}

fn cargo_component(needed: bool) -> Check {
    let what = "cargo-component";
    match version(Path::new("cargo"), &["component", "--version"]) {
        Some(version) => Check::good(what, version),
        None => Check::missing(needed, what, "is not installed; for projects that say `tool: cargo-component`")
            .fix(cargo::INSTALL_CARGO_COMPONENT),
    }
}
