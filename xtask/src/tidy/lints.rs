//! That every package takes the workspace's lints, which ask for documentation of everything public.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::workspace::Package;

/// One finding for each package that escapes the lints, and one where they do not ask for documentation.
pub(crate) fn check(root: &Path, packages: &[Package]) -> Result<Vec<String>> {
    let read = |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
    let mut findings = Vec::new();
    if value(&read(&root.join("Cargo.toml"))?, "workspace.lints.rust", "missing_docs").is_none() {
        findings.push("the workspace's lints do not name missing_docs".to_owned());
    }
    for package in packages {
        if value(&read(&package.manifest_path)?, "lints", "workspace") != Some("true") {
            findings.push(format!("{} does not take the workspace's lints", package.name));
        }
        let library = package.manifest_path.with_file_name("src").join("lib.rs");
        if library.exists() && read(&library)?.lines().any(|line| line.starts_with("#![allow(missing_docs")) {
            findings.push(format!("{} switches missing_docs off", package.name));
        }
    }
    Ok(findings)
}

/// The value of a key in a section of a `Cargo.toml` written one key a line, as all of ours are.
fn value<'a>(toml: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let heading = format!("[{section}]");
    let mut lines = toml.lines().map(str::trim).skip_while(|line| *line != heading).skip(1);
    lines.by_ref().take_while(|line| !line.starts_with('[')).find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ROOT: &str = "[workspace.lints.rust]\nmissing_docs = \"warn\"\n";

    #[track_caller]
    fn check(root: &str, package: &str, library: &str, expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let manifest_path = folder.path().join("a/Cargo.toml");
        fs::create_dir_all(folder.path().join("a/src")).unwrap();
        fs::write(folder.path().join("Cargo.toml"), root).unwrap();
        fs::write(&manifest_path, package).unwrap();
        fs::write(folder.path().join("a/src/lib.rs"), library).unwrap();
        let package = Package { name: "a".into(), manifest_path, dependencies: Vec::new() };
        assert_eq!(super::check(folder.path(), &[package]).unwrap(), expected);
    }

    #[test]
    fn findings() {
        check(ROOT, "[lints]\nworkspace = true\n", "//! Doc.", &[]);
        check(ROOT, "[package]\nname = \"a\"\n", "", &["a does not take the workspace's lints"]);
        check(ROOT, "[lints]\n[other]\nworkspace = true\n", "", &["a does not take the workspace's lints"]);
        check(ROOT, "[lints]\nworkspace = true\n", "#![allow(missing_docs)]", &["a switches missing_docs off"]);
        let none = "the workspace's lints do not name missing_docs";
        check("[workspace.lints.rust]\n", "[lints]\nworkspace=true\n", "", &[none]);
    }
}
