//! Building a Rust component with cargo, run as its author would run it: what it says reaches the terminal as it is.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use writ_manifest::Build;

use crate::advice::Advice;
use crate::brake::{self, Brake};
use crate::recipe::Profile;

/// How a component is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipe {
    tool: Tool,
    target: String,
}

/// What builds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Cargo,
    CargoComponent,
}

impl Recipe {
    /// What `build` in a `writ.yaml` asks for.
    pub(crate) fn of(build: &Build) -> Result<Self> {
        let at = build.at;
        if build.world.is_some() {
            bail!("{at}: `world` is not written here for rust: its sources name it");
        }
        let tool = match build.tool.as_deref() {
            None | Some("cargo") => Tool::Cargo,
            Some("cargo-component") => Tool::CargoComponent,
            Some(other) => bail!("{at}: `tool: {other}` is not known; for rust there are cargo and cargo-component"),
        };
        let target = build.target.as_deref().unwrap_or(tool.target());
        let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if !target.starts_with("wasm32-") || !target.bytes().all(known) {
            bail!("{at}: `target: {target}` makes no component; {} does", tool.target());
        }
        Ok(Self { tool, target: target.to_owned() })
    }

    pub(crate) fn tool(&self) -> Tool {
        self.tool
    }

    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// The command line, to be run in the folder of the package.
    fn command(&self, profile: Profile) -> Command {
        let mut command = Command::new(CARGO);
        if self.tool == Tool::CargoComponent {
            command.arg("component");
        }
        // Named, for cargo would look for one in the folders above.
        command.args(["build", "--manifest-path", MANIFEST, "--target", &self.target]);
        command.args(["--message-format", "json-render-diagnostics"]);
        if profile == Profile::Release {
            command.arg("--release");
        }
        command
    }

    /// What is missing on this machine, if that is why a build failed.
    fn missing(&self, folder: &Path) -> Option<Advice> {
        if self.tool == Tool::CargoComponent && !has_cargo_component(folder) {
            return Some(Advice::new("cargo-component is not installed", format!("`{INSTALL_CARGO_COMPONENT}`")));
        }
        (!has_target(&self.target, folder)).then(|| {
            let message = format!("rustc has no target {}", self.target);
            Advice::new(message, format!("`{}`", add_target(&self.target)))
        })
    }
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Cargo => "cargo build",
            Self::CargoComponent => "cargo component build",
        }
    }

    /// The target where none is written.
    pub(crate) fn target(self) -> &'static str {
        match self {
            Self::Cargo => "wasm32-wasip2",
            Self::CargoComponent => "wasm32-wasip1",
        }
    }
}

/// Builds the package in a folder; where the component is that came of it.
pub(crate) fn build(folder: &Path, recipe: &Recipe, profile: Profile, brake: Option<&Brake>) -> Result<PathBuf> {
    let manifest = folder.join(MANIFEST);
    let manifest =
        manifest.canonicalize().with_context(|| format!("there is no package to build at {}", manifest.display()))?;
    let mut command = recipe.command(profile);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = match brake::spawn(&mut command, brake) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Advice::new("there is no cargo on the PATH", format!("`{INSTALL_RUST}`")).into());
        }
        child => child.context("cargo does not start")?,
    };
    let stdout = child.stdout.take().context("cargo's output cannot be read")?;
    let built = components(BufReader::new(stdout), &manifest);
    brake.inspect(|brake| brake.release());
    let status = child.wait().context("cargo cannot be waited for")?;
    if !status.success() {
        let failed = format!("`{}` failed: {status}", recipe.tool.name());
        if brake.is_some_and(Brake::is_pulled) {
            bail!(failed);
        }
        return Err(match recipe.missing(folder) {
            Some(advice) => anyhow::Error::from(advice).context(failed),
            None => anyhow!(failed),
        });
    }
    one(built.context("cargo's output cannot be read")?)
}

/// The only component; a package that builds several has to say which one it is.
fn one(mut built: Vec<PathBuf>) -> Result<PathBuf> {
    let names = built.iter().filter_map(|path| path.file_name()).map(OsStr::to_string_lossy);
    let names = names.collect::<Vec<_>>().join(", ");
    match (built.pop(), built.is_empty()) {
        (Some(path), true) => Ok(path),
        (Some(_), false) => bail!("the package builds several components, and one is signed: {names}"),
        (None, _) => {
            let hint = "a component is a program, or a library with `crate-type = [\"cdylib\"]` in Cargo.toml";
            Err(Advice::new("the package builds no component", hint).into())
        }
    }
}

/// What cargo says of a thing it built.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// The WebAssembly files that were built of the package with this manifest. What is no message is passed on.
fn components(messages: impl BufRead, manifest: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for line in messages.split(b'\n') {
        let line = line?;
        let Ok(message) = serde_json::from_slice::<Message>(&line) else {
            pass_on(&line);
            continue;
        };
        if message.reason == "compiler-artifact"
            && message.manifest_path.canonicalize().is_ok_and(|path| path == manifest)
        {
            found
                .extend(message.filenames.into_iter().filter(|file| file.extension().is_some_and(|end| end == "wasm")));
        }
    }
    Ok(found)
}

/// What a compiler plugin wrote among the messages; stdout is for data of ours.
fn pass_on(line: &[u8]) {
    // Where stderr cannot be written there is nobody to tell.
    let _ = std::io::stderr().write_all(&[line, b"\n"].concat());
}

/// Whether rustc, as it is used in a folder, can compile for a target.
pub(crate) fn has_target(target: &str, folder: &Path) -> bool {
    let output =
        Command::new("rustc").args(["--print", "target-libdir", "--target", target]).current_dir(folder).output();
    let Ok(output) = output else { return false };
    let libraries = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success() && Path::new(&libraries).is_dir()
}

/// Whether `cargo component` is there.
pub(crate) fn has_cargo_component(folder: &Path) -> bool {
    let mut command = Command::new(CARGO);
    command.args(["component", "--version"]).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The line that adds a target.
pub(crate) fn add_target(target: &str) -> String {
    format!("rustup target add {target}")
}

const CARGO: &str = "cargo";
const MANIFEST: &str = "Cargo.toml";
/// The line that installs Rust.
pub(crate) const INSTALL_RUST: &str = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh";
/// The line that installs cargo-component.
pub(crate) const INSTALL_CARGO_COMPONENT: &str = "cargo install cargo-component --version 0.21.1 --locked";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use expect_test::{Expect, expect};
    use writ_manifest::ComponentFile;

    use super::*;

    fn build(text: &str) -> Build {
        let text = format!("name: a\nversion: 0.1.0\nrevision: 1\nexpires: 90d\nbuild: {text}\n");
        ComponentFile::parse(&text).unwrap().build.unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let told = match Recipe::of(&build(text)) {
            Ok(recipe) => format!("{} --target {}", recipe.tool.name(), recipe.target),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn recipes() {
        check("{ language: rust }", expect!["cargo build --target wasm32-wasip2"]);
        check("{ language: rust, tool: cargo }", expect!["cargo build --target wasm32-wasip2"]);
        check("{ language: rust, tool: cargo-component }", expect!["cargo component build --target wasm32-wasip1"]);
        check("{ language: rust, target: wasm32-wasip3 }", expect!["cargo build --target wasm32-wasip3"]);
        check(
            "{ language: rust, world: a }",
            expect!["5:8: `world` is not written here for rust: its sources name it"],
        );
        check(
            "{ language: rust, tool: make }",
            expect![[r#"5:8: `tool: make` is not known; for rust there are cargo and cargo-component"#]],
        );
        for odd in ["x86_64-unknown-linux-gnu", "--config=x", "../wasm32.json", "wasm32-a b", "wasm32-/x"] {
            let build = build(&format!("{{ language: rust, target: \"{odd}\" }}"));
            let error = Recipe::of(&build).unwrap_err().to_string();
            assert!(error.ends_with("makes no component; wasm32-wasip2 does"), "{error}");
        }
    }

    #[track_caller]
    fn check_messages(messages: &str, expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().canonicalize().unwrap().join(MANIFEST);
        std::fs::write(&manifest, "").unwrap();
        let messages = messages.replace("MANIFEST", manifest.to_str().unwrap());
        let found = components(messages.as_bytes(), &manifest).unwrap();
        assert_eq!(found, expected.iter().map(PathBuf::from).collect::<Vec<_>>());
    }

    #[test]
    fn only_the_packages_own_components_count() {
        let own =
            r#"{"reason":"compiler-artifact","manifest_path":"MANIFEST","filenames":["/t/a.wasm","/t/liba.rlib"]}"#;
        let other = r#"{"reason":"compiler-artifact","manifest_path":"/x/Cargo.toml","filenames":["/t/b.wasm"]}"#;
        let script = r#"{"reason":"build-script-executed","package_id":"x","out_dir":"/t/c.wasm"}"#;
        check_messages(own, &["/t/a.wasm"]);
        check_messages(&format!("{other}\n{script}\nnot a message\n\n{own}\n"), &["/t/a.wasm"]);
        check_messages(&format!("{own}\n{own}"), &["/t/a.wasm", "/t/a.wasm"]);
        check_messages(r#"{"reason":"build-finished","success":true}"#, &[]);
        check_messages("[]\n{\n\u{0}", &[]);
    }

    #[test]
    fn one_component_is_signed() {
        let of = |names: &[&str]| one(names.iter().map(PathBuf::from).collect());
        assert_eq!(of(&["t/a.wasm"]).unwrap(), Path::new("t/a.wasm"));
        assert_eq!(of(&[]).unwrap_err().to_string(), "the package builds no component");
        let several = "the package builds several components, and one is signed: a.wasm, b.wasm";
        assert_eq!(of(&["t/a.wasm", "t/b.wasm"]).unwrap_err().to_string(), several);
    }
}
