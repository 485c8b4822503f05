//! What a language needs of the machine, and the tools that a project pins.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use writ_signing::Digest;

use super::{Language, run};
use crate::advice::Advice;
use crate::brake::Brake;
use crate::output;

/// A program that must be there.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) program: &'static str,
    args: &'static [&'static str],
    /// The line that installs it.
    pub(crate) install: &'static str,
}

const NODE: Need = Need { program: "node", args: &["--version"], install: "apt-get install nodejs npm" };
const NPM: Need = Need { program: "npm", args: &["--version"], install: "apt-get install nodejs npm" };
const PYTHON: Need = Need { program: "python3", args: &["--version"], install: "apt-get install python3 python3-pip" };
const PIP: Need =
    Need { program: "python3", args: &["-m", "pip", "--version"], install: "apt-get install python3-pip" };
/// What generates bindings for C and Go.
pub(crate) const BINDINGS: Need = Need {
    program: "writ-bindings",
    args: &["version"],
    install: "cargo install --path bindings --locked   # in a checkout of writ",
};

impl Need {
    /// What it says of itself; none where it is not there.
    pub(crate) fn version(&self) -> Option<String> {
        version(&self.program(), self.args)
    }

    /// What it is called on a command line.
    pub(crate) fn shown(&self) -> String {
        match self.args {
            ["-m", module, ..] => format!("{} -m {module}", self.program),
            _ => self.program.to_owned(),
        }
    }

    /// Where it is: one of ours may lie beside this program, all others are on the PATH.
    pub(super) fn program(&self) -> PathBuf {
        let beside = std::env::current_exe().ok().map(|own| own.with_file_name(self.program));
        let ours = self.program.starts_with("writ-");
        beside.filter(|path| ours && path.is_file()).unwrap_or_else(|| PathBuf::from(self.program))
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.version().is_some() {
            return Ok(());
        }
        let message = format!("`{}` is not on the PATH, or does not run", self.shown());
        Err(Advice::new(message, format!("`{}`", self.install)).into())
    }
}

/// The first line that a program says of itself.
pub(crate) fn version(program: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok().filter(|output| output.status.success())?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

impl Language {
    /// The programs that it needs.
    pub(crate) fn needs(self) -> &'static [Need] {
        match self {
            Self::JavaScript => &[NODE, NPM],
            Self::Python => &[PYTHON, PIP],
            Self::C | Self::Go => &[PYTHON, PIP, BINDINGS],
        }
    }

    /// How a project pins its tools.
    pub(super) fn pins(self) -> Pins {
        match self {
            Self::JavaScript => Pins::Npm,
            Self::Python | Self::C | Self::Go => Pins::Pip,
        }
    }
}

/// How tools are pinned.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pins {
    Npm,
    Pip,
}

impl Pins {
    /// The files that pin them.
    fn files(self) -> &'static [&'static str] {
        match self {
            Self::Npm => &["package.json", "package-lock.json"],
            Self::Pip => &["requirements.txt"],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pip => "pip",
        }
    }

    /// Where the tools are that a project pins. They are installed if they are not there yet: one folder for all projects
    /// that pin the same.
    pub(super) fn installed(self, project: &Path, tools: &Path, brake: Option<&Brake>) -> Result<PathBuf> {
        let mut pinned = COMPONENTIZE_JS.as_bytes().to_vec();
        for file in self.files() {
            pinned.extend(read(&project.join(file))?);
        }
        let name = format!("{}-{}", self.name(), Digest::of(&pinned).hex().get(..16).unwrap_or_default());
        let folder = tools.join(&name);
        if folder.is_dir() {
            return Ok(folder);
        }
        fs::create_dir_all(tools).with_context(|| format!("cannot make {}", tools.display()))?;
        // Another build may be about to install the same.
        let lock = File::create(tools.join(format!("{name}.lock"))).context("the folder of tools cannot be locked")?;
        lock.lock().context("the folder of tools cannot be locked")?;
        if folder.is_dir() {
            return Ok(folder);
        }
        output::words(format_args!("installing what {} pins, into {}", self.files().join(" and "), folder.display()));
        let new = tools.join(format!("{name}.new"));
        self.install(project, &new, brake).context("the tools that the project pins cannot be installed")?;
        fs::rename(&new, &folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    fn install(self, project: &Path, new: &Path, brake: Option<&Brake>) -> Result<()> {
        // What an earlier attempt left.
        if new.exists() {
            fs::remove_dir_all(new)?;
        }
        fs::create_dir_all(new)?;
        for file in self.files() {
            fs::write(new.join(file), read(&project.join(file))?)?;
        }
        fs::write(new.join(COMPONENTIZE), COMPONENTIZE_JS)?;
        run(self.command().current_dir(new), brake)
    }

    /// What installs them into the folder in which it runs.
    fn command(self) -> Command {
        let (program, args) = match self {
            // Nothing that a package brings is run at its installation. `npm ci` would refuse a lock that lacks a package for
            // another machine, which not every registry has; what the lock has is taken as it says, either way.
            Self::Npm => ("npm", &["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"][..]),
            Self::Pip => (
                "python3",
                &["-m", "pip", "install", "--quiet", "--no-input", "--no-compile", "--only-binary", ":all:"][..],
            ),
        };
        let mut command = Command::new(program);
        command.args(args);
        if let Self::Pip = self {
            command.args(["--disable-pip-version-check", "--root-user-action", "ignore"]);
            command.args(["--target", ".", "-r", "requirements.txt"]);
        }
        command
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| {
        let message = format!("{} pins the project's tools, and cannot be read: {error}", path.display());
        Advice::new(
            message,
            "`writ new NAME --lang javascript --template functions` shows one; so for python, c and go",
        )
        .into()
    })
}

/// What node runs, among the tools.
pub(super) const COMPONENTIZE: &str = "componentize.mjs";
const COMPONENTIZE_JS: &str = include_str!("componentize.mjs");
