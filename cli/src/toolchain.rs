//! Building a component in a language other than Rust, with the tools that its project pins.
//!
//! A project of these languages has its sources in `src/`, its WIT in `wit/`, and a file that pins its tools. They are
//! installed once for all projects that pin the same. What is made on the way lies in the project's `build/parts/`.

mod steps;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use walkdir::WalkDir;
use writ_manifest::Build;

use crate::advice::Advice;
use crate::brake::{self, Brake};
use crate::recipe::Profile;

pub(crate) use tools::{BINDINGS, Need, version};

/// What a component can be written in, besides Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    JavaScript,
    Python,
    C,
    Go,
}

/// How a component is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipe {
    language: Language,
    world: Option<String>,
}

impl Language {
    /// As `writ.yaml` names it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::JavaScript, Self::Python, Self::C, Self::Go].into_iter().find(|language| language.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JavaScript => "javascript",
            Self::Python => "python",
            Self::C => "c",
            Self::Go => "go",
        }
    }
}

impl Recipe {
    /// What `build` in a `writ.yaml` asks for.
    pub(crate) fn of(language: Language, build: &Build) -> Result<Self> {
        let (at, name) = (build.at, language.name());
        if let Some(tool) = &build.tool {
            bail!("{at}: `tool: {tool}` is not known; {name} is built with one tool");
        }
        if build.target.is_some() {
            bail!("{at}: `target` is for rust; of {name} there is one");
        }
        let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        match &build.world {
            Some(world) if !letters(world) || world.starts_with('-') => {
                bail!("{at}: `world: {world}` is no name of a world")
            }
            world => Ok(Self { language, world: world.clone() }),
        }
    }

    pub(crate) fn language(&self) -> Language {
        self.language
    }
}

/// A project while it is built.
struct Site<'a> {
    folder: PathBuf,
    /// Where what is made on the way lies; the project's WIT in `wit/`.
    parts: PathBuf,
    /// The tools that the project pins.
    tools: PathBuf,
    world: Option<&'a str>,
    profile: Profile,
    brake: Option<&'a Brake>,
}

/// Builds the project in a folder; where the component is that came of it.
pub(crate) fn build(
    folder: &Path,
    recipe: &Recipe,
    tools: &Path,
    profile: Profile,
    brake: Option<&Brake>,
) -> Result<PathBuf> {
    let folder = folder.canonicalize().with_context(|| format!("there is no {}", folder.display()))?;
    let language = recipe.language;
    language.needs().iter().try_for_each(|need| need.check())?;
    let tools = language.pins().installed(&folder, tools, brake)?;
    let parts = folder.join("build").join("parts");
    let site = Site { folder, parts, tools, world: recipe.world.as_deref(), profile, brake };
    site.prepare()?;
    match language {
        Language::JavaScript => site.javascript(),
        Language::Python => site.python(),
        Language::C => site.c(),
        Language::Go => site.go(),
    }?;
    Ok(site.component())
}

impl Site<'_> {
    /// Where the component is put.
    fn component(&self) -> PathBuf {
        self.parts.join("component.wasm")
    }

    fn source(&self) -> PathBuf {
        self.folder.join("src")
    }

    fn wit(&self) -> PathBuf {
        self.parts.join("wit")
    }

    /// Starts with nothing but the WIT: a copy, for not every tool follows links.
    fn prepare(&self) -> Result<()> {
        if self.parts.exists() {
            fs::remove_dir_all(&self.parts).with_context(|| format!("cannot clear {}", self.parts.display()))?;
        }
        copy(&self.folder.join("wit"), &self.wit())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.parts.join(name)
    }

    /// Runs a program in the project's folder. What it prints goes to stderr: stdout is for data of ours.
    fn run(&self, command: &mut Command) -> Result<()> {
        command.current_dir(&self.folder);
        run(command, self.brake)
    }
}

/// Runs a program, and fails when it does.
fn run(command: &mut Command, brake: Option<&Brake>) -> Result<()> {
    let name = Path::new(command.get_program()).file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    command.stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr()));
    let status = brake::run(command, brake).with_context(|| format!("{name} does not start"))?;
    if !status.success() {
        bail!("`{name}` failed: {status}");
    }
    Ok(())
}

/// A folder with all that is in it, with files in place of links.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        let message = format!("there is no folder {}", from.display());
        return Err(
            Advice::new(message, "`writ new NAME --lang go --template functions` shows what a project has").into()
        );
    }
    for entry in WalkDir::new(from).follow_links(true) {
        let entry = entry.with_context(|| format!("{} cannot be read", from.display()))?;
        let target = to.join(entry.path().strip_prefix(from)?);
        let done = match entry.file_type().is_dir() {
            true => fs::create_dir_all(&target),
            false => fs::copy(entry.path(), &target).map(drop),
        };
        done.with_context(|| format!("{} cannot be written", target.display()))?;
    }
    Ok(())
}
