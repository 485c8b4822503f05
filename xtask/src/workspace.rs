//! Where things are, and how other programs are run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The checkout and its target folder.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    packages: Vec<Package>,
}

/// A package of the workspace, as `cargo metadata` tells of it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// What a package depends on, for whatever purpose.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The folder, for a package of this workspace.
    pub(crate) path: Option<PathBuf>,
    /// `dev` or `build`; none for what the package is built with.
    pub(crate) kind: Option<String>,
    pub(crate) features: Vec<String>,
}

impl Workspace {
    /// Asks cargo, so that a target folder set by variable or configuration is the one cargo uses.
    pub(crate) fn find() -> Result<Workspace> {
        #[derive(Deserialize)]
        struct Metadata {
            workspace_root: PathBuf,
            target_directory: PathBuf,
            packages: Vec<Package>,
        }
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let mut command = cargo();
        command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(manifest);
        let Metadata { workspace_root: root, target_directory: target, packages } =
            serde_json::from_slice(&output(&mut command)?).context("cargo metadata")?;
        Ok(Workspace { root, target, packages })
    }

    /// The folder of the checkout.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The packages, without what they depend on outside.
    pub(crate) fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// The guests' own workspace.
    pub(crate) fn components(&self) -> PathBuf {
        self.root.join("components")
    }

    /// The guests' own target folder.
    pub(crate) fn components_target(&self) -> PathBuf {
        self.target.join("components")
    }

    /// Where signed guests and the manifests that name them are put.
    pub(crate) fn guests(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// What a guest's files are called: its folder below `components/`, in one word.
    pub(crate) fn guest_name(&self, folder: &Path) -> Result<String> {
        // Cargo may know it by another path than we do.
        let [components, folder] = [self.components(), folder.to_owned()].map(|path| path.canonicalize());
        let (components, folder) = (components?, folder?);
        let below = folder.strip_prefix(&components).with_context(|| folder.display().to_string())?;
        let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        Ok(parts.join("-"))
    }

    /// Where the program is built that generates bindings.
    pub(crate) fn bindings_target(&self) -> PathBuf {
        self.target.join("bindings")
    }

    /// Where the tools of other languages are installed, and keep what they cache.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// The `WRIT_HOME` of everything that is signed here.
    pub(crate) fn home(&self) -> PathBuf {
        self.target.join("home")
    }

    /// Where the demo keeps its data, unless it is told otherwise.
    pub(crate) fn demo_data(&self) -> PathBuf {
        self.target.join("demo")
    }
}

/// The cargo that started us.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a program and fails when it does. What it prints goes to stderr: stdout belongs to the task.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    succeed(command.stdout(Stdio::from(std::io::stderr())))
}

/// As [`run`], with stdout left where the program or the caller put it.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| failed_to_start(command))?;
    if !status.success() {
        bail!("{} failed: {status}", words(command));
    }
    Ok(())
}

/// Runs a program and returns what it printed on stdout.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| failed_to_start(command))?;
    if !output.status.success() {
        bail!("{} failed: {}", words(command), output.status);
    }
    Ok(output.stdout)
}

fn failed_to_start(command: &Command) -> String {
    format!("{} does not start", words(command))
}

fn words(command: &Command) -> String {
    let all = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = all.map(|word| word.to_string_lossy()).collect();
    format!("`{}`", words.join(" "))
}
