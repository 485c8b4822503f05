//! Building the guest components and signing them.
//!
//! Every `writ*.yaml` beside a guest's `Cargo.toml` makes one signed file: `writ.yaml` of `totals` makes `totals.wasm`,
//! `writ.bucket.yaml` of `intruder` makes `intruder-bucket.wasm`, and `writ.yaml` of `shop/tax` makes `shop-tax.wasm`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::workspace::{Workspace, cargo, output, run};
use crate::{foreign, signed};

/// Which guests are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Languages {
    Rust,
    All,
}

/// Builds `writ` and the guests, signs what is stale, and returns where `writ` is.
pub(crate) fn build_and_sign(workspace: &Workspace, languages: Languages) -> Result<PathBuf> {
    require_target(TARGET)?;
    let mut components = build_components(workspace)?;
    let writ = program(&build_programs(workspace, &["--bin", "writ"])?, "writ")?;
    if languages == Languages::All {
        components.extend(foreign::build(workspace, &writ)?);
    }
    sign(workspace, &components, &writ)?;
    Ok(writ)
}

/// As [`build_and_sign`], with every program as it is released: where `writ` and the benches are.
pub(crate) fn build_for_benches(workspace: &Workspace, languages: Languages) -> Result<[PathBuf; 2]> {
    require_target(TARGET)?;
    let mut components = build_components(workspace)?;
    let programs = build_programs(workspace, &["--release"])?;
    let writ = program(&programs, "writ")?;
    if languages == Languages::All {
        components.extend(foreign::build(workspace, &writ)?);
    }
    sign(workspace, &components, &writ)?;
    Ok([writ, program(&programs, "writ-benches")?])
}

fn sign(workspace: &Workspace, components: &[Component], writ: &Path) -> Result<()> {
    let folder = workspace.guests();
    for sub in ["source", "claims"] {
        fs::create_dir_all(folder.join(sub)).with_context(|| folder.display().to_string())?;
    }
    for component in components {
        for guest in guests_of(component, &workspace.guest_name(&component.folder)?)? {
            guest.sign_if_stale(workspace, writ).with_context(|| format!("signing {}", guest.name))?;
        }
    }
    copy_manifests(workspace)
}

/// A component that was built, and the folder of its source.
pub(crate) struct Component {
    pub(crate) wasm: PathBuf,
    pub(crate) folder: PathBuf,
}

/// One signed file: a component under one set of claims.
struct Guest {
    name: String,
    wasm: PathBuf,
    claims: PathBuf,
}

impl Guest {
    fn sign_if_stale(&self, workspace: &Workspace, writ: &Path) -> Result<()> {
        let folder = workspace.guests();
        let signed = folder.join(format!("{}.wasm", self.name));
        let signed_wasm = folder.join("source").join(format!("{}.wasm", self.name));
        let signed_claims = folder.join("source").join(format!("{}.yaml", self.name));
        // Signing writes `id:` where it is missing: into a copy, which is kept as long as its source is the same.
        let claims = folder.join("claims").join(format!("{}.yaml", self.name));

        let claims_changed = !claims.exists() || !same(&self.claims, &signed_claims)?;
        let stale = claims_changed || !same(&self.wasm, &signed_wasm)? || expires_soon(&signed)?;
        if !stale && verifies(workspace, writ, &signed) {
            return Ok(());
        }
        if claims_changed {
            fs::copy(&self.claims, &claims)?;
        }
        let mut command = std::process::Command::new(writ);
        command.env("WRIT_HOME", workspace.home()).arg("sign").arg(&self.wasm);
        run(command.arg("--claims").arg(&claims).arg("-o").arg(&signed))?;
        // Recorded last, so that what was interrupted is signed again.
        fs::copy(&self.wasm, &signed_wasm)?;
        fs::copy(&self.claims, &signed_claims)?;
        eprintln!("signed {}", signed.display());
        Ok(())
    }
}

fn guests_of(component: &Component, own: &str) -> Result<Vec<Guest>> {
    let mut guests = Vec::new();
    for entry in fs::read_dir(&component.folder)? {
        let claims = entry?.path();
        let Some(variant) = claims.file_name().and_then(|name| name.to_str()).and_then(variant) else {
            continue;
        };
        let name = if variant.is_empty() { own.to_owned() } else { format!("{own}-{variant}") };
        guests.push(Guest { name, wasm: component.wasm.clone(), claims });
    }
    if guests.is_empty() {
        bail!("there is no writ.yaml in {}", component.folder.display());
    }
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(guests)
}

/// What a claims file adds to its component's name: nothing for `writ.yaml`, `x` for `writ.x.yaml`.
fn variant(file: &str) -> Option<&str> {
    let middle = file.strip_prefix("writ.")?;
    if middle == "yaml" {
        return Some("");
    }
    middle.strip_suffix(".yaml").filter(|variant| !variant.is_empty() && !variant.contains('.'))
}

fn same(a: &Path, b: &Path) -> Result<bool> {
    if !b.exists() {
        return Ok(false);
    }
    Ok(fs::read(a)? == fs::read(b)?)
}

/// Whether a token in this file has less than a week left; also when there is no such file, or no token in it.
fn expires_soon(signed: &Path) -> Result<bool> {
    let Ok(bytes) = fs::read(signed) else {
        return Ok(true);
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let week = 7 * 24 * 60 * 60;
    Ok(signed::expiry(&bytes).is_none_or(|expiry| expiry < now.saturating_add(week)))
}

/// Whether the file verifies under the home it was signed with; it does not once that home's keys were replaced.
fn verifies(workspace: &Workspace, writ: &Path, signed: &Path) -> bool {
    let mut command = std::process::Command::new(writ);
    command.env("WRIT_HOME", workspace.home()).arg("verify").arg(signed);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Puts the manifests beside the components, for an image is named relative to its manifest.
fn copy_manifests(workspace: &Workspace) -> Result<()> {
    for entry in fs::read_dir(workspace.components())? {
        let path = entry?.path();
        let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|end| end == "yaml")) else {
            continue;
        };
        fs::copy(&path, workspace.guests().join(name))?;
    }
    Ok(())
}

/// Builds the guests. Their names in wasm are kept; see the profile in `components/Cargo.toml`.
fn build_components(workspace: &Workspace) -> Result<Vec<Component>> {
    let mut command = cargo();
    command.current_dir(workspace.components());
    command.args(["build", "--release", "--target", TARGET, "--message-format", MESSAGES, "--target-dir"]);
    command.arg(workspace.components_target());
    let mut components = Vec::new();
    for artifact in artifacts(&output(&mut command)?)? {
        let wasm = artifact.filenames.into_iter().find(|file| file.extension().is_some_and(|end| end == "wasm"));
        let folder = artifact.manifest_path.parent().map(Path::to_owned);
        // A library is a component that is called, and a program is a command.
        let is_component = artifact.target.crate_types.iter().any(|kind| ["cdylib", "bin"].contains(&kind.as_str()));
        if let (true, Some(wasm), Some(folder)) = (is_component, wasm, folder) {
            components.push(Component { wasm, folder });
        }
    }
    Ok(components)
}

/// Builds every program of the workspace at once: `cargo test --workspace` then finds dependencies with the features it
/// wants, and does not compile the runtime a second time.
fn build_programs(workspace: &Workspace, args: &[&str]) -> Result<Vec<Artifact>> {
    let mut command = cargo();
    command.current_dir(workspace.root()).args(["build", "--workspace", "--message-format", MESSAGES]).args(args);
    artifacts(&output(&mut command)?)
}

fn program(artifacts: &[Artifact], name: &str) -> Result<PathBuf> {
    let found = artifacts.iter().filter(|artifact| artifact.target.name == name);
    let found = found.filter_map(|artifact| artifact.executable.clone()).next();
    found.with_context(|| format!("the workspace builds no program named `{name}`"))
}

/// What cargo says of each thing it built.
#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    target: ArtifactTarget,
    filenames: Vec<PathBuf>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct ArtifactTarget {
    name: String,
    crate_types: Vec<String>,
}

fn artifacts(messages: &[u8]) -> Result<Vec<Artifact>> {
    let mut artifacts = Vec::new();
    for line in messages.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{")) {
        let message: serde_json::Value = serde_json::from_slice(line).context("cargo's messages")?;
        if message.get("reason").is_some_and(|reason| reason == "compiler-artifact") {
            artifacts.push(serde_json::from_value(message).context("cargo's messages")?);
        }
    }
    Ok(artifacts)
}

/// Makes sure that rustc can compile for a target. `rust-toolchain.toml` names the guests', but an older rustup, or a
/// toolchain that was there before, does not act on that.
pub(crate) fn require_target(target: &str) -> Result<()> {
    if has_target(target)? {
        return Ok(());
    }
    let mut rustup = std::process::Command::new("rustup");
    run(rustup.args(["target", "add", target])).map_err(|error| {
        anyhow!("rustc has no target {target}: {error:#}\nhint: install rustup, or that target for your rustc")
    })
}

fn has_target(target: &str) -> Result<bool> {
    let sysroot = output(std::process::Command::new("rustc").args(["--print", "sysroot"]))?;
    let sysroot = String::from_utf8(sysroot).context("rustc's sysroot")?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("lib").is_dir())
}

/// What guests are compiled for.
const TARGET: &str = "wasm32-wasip2";
/// Artifacts as JSON on stdout, errors and warnings as text on stderr.
const MESSAGES: &str = "json-render-diagnostics";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_claims_file_names_a_variant() {
        for (file, expected) in [
            ("writ.yaml", Some("")),
            ("writ.bucket.yaml", Some("bucket")),
            ("writ.a.b.yaml", None),
            ("writ..yaml", None),
            ("rewrit.yaml", None),
            ("Cargo.toml", None),
        ] {
            assert_eq!(variant(file), expected, "{file}");
        }
    }

    #[test]
    fn a_file_is_the_same_as_its_copy_only() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&a, "one").unwrap();
        assert!(!same(&a, &b).unwrap());
        fs::write(&b, "one").unwrap();
        assert!(same(&a, &b).unwrap());
        fs::write(&a, "two").unwrap();
        assert!(!same(&a, &b).unwrap());
    }

    #[test]
    fn messages_are_read_past_other_lines() {
        let messages = br#"warning: text
{"reason":"build-script-executed","package_id":"x"}
{"reason":"compiler-artifact","manifest_path":"/x/Cargo.toml","target":{"name":"writ","crate_types":["bin"],"kind":["bin"]},"filenames":["/t/writ"],"executable":"/t/writ"}
"#;
        let found = artifacts(messages).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found.first().and_then(|artifact| artifact.executable.clone()), Some("/t/writ".into()));
    }
}
