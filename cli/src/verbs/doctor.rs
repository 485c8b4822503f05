//! `writ doctor`: what is missing or broken here, each with the line that repairs it. Nothing is repaired by itself.

mod application;
mod keeping;
mod machine;
mod project;
mod toolchain;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Error, Result};
use serde_json::{Value, json};

use self::application::Manifest;
use crate::args::{Output, OutputArgs};
use crate::home::Home;
use crate::project::Project;
use crate::settings::Settings;
use crate::{Done, Outcome, clock, escape, output};

/// Looks at the toolchain, the keys and tokens, whom this host trusts and what it allows, its folders and its address
/// space; and, in the folder of a project, at its signed components and at the addresses in its app.yaml.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Doctor, settings: &Settings, home: &Home) -> Done {
    let mut checks = Vec::new();
    let project = project::open(&mut checks);
    let manifest = Manifest::open(&mut checks);
    checks.extend(toolchain::checks(project.as_ref().map(Project::file)));
    checks.extend(keeping::checks(home, clock::now()?));
    checks.extend(machine::checks(settings, manifest.as_ref()));
    if let Some(project) = &project {
        checks.extend(project::checks(project, home)?);
    }
    if let Some(manifest) = &manifest {
        checks.extend(manifest.checks(project.as_ref(), settings, home)?);
    }
    match args.output.output {
        Output::Json => output::json(&checks.iter().map(Check::json).collect())?,
        Output::Text => tell(&checks)?,
    }
    let broken = checks.iter().any(|check| check.state == State::Broken);
    Ok(if broken { Outcome::Refused } else { Outcome::Done })
}

/// What was looked at, and what was found.
#[derive(Debug)]
struct Check {
    what: String,
    state: State,
    found: String,
    /// A line for a shell.
    fix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    /// Not needed for what is here, or not yet.
    Optional,
    Broken,
}

impl Check {
    fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Good, found: found.into(), fix: None }
    }

    fn optional(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { state: State::Optional, ..Self::good(what, found) }
    }

    fn broken(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { state: State::Broken, ..Self::good(what, found) }
    }

    /// Broken where it is needed.
    fn missing(needed: bool, what: impl Into<String>, found: impl Into<String>) -> Self {
        if needed { Self::broken(what, found) } else { Self::optional(what, found) }
    }

    /// A file that cannot be read as what it should be.
    fn unreadable(what: impl Into<String>, path: &Path, error: &Error) -> Self {
        let fix = made_ours(path, "go-w", 0o022).unwrap_or_else(|| edit(path));
        Self::broken(what, format!("{error:#}")).fix(fix)
    }

    fn fix(self, line: impl Into<String>) -> Self {
        Self { fix: Some(line.into()), ..self }
    }

    fn json(&self) -> Value {
        json!({ "what": self.what, "state": self.state.word(), "found": self.found, "fix": self.fix })
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Optional => "optional",
            Self::Broken => "broken",
        }
    }
}

fn tell(checks: &[Check]) -> Result<()> {
    let width = checks.iter().map(|check| check.what.chars().count()).max().unwrap_or_default();
    for Check { what, state, found, fix } in checks {
        output::data(format_args!("{:8}  {what:width$}  {}", state.word(), escape::line(found)))?;
        if let Some(fix) = fix {
            output::data(format_args!("          fix: {fix}"))?;
        }
    }
    Ok(())
}

/// The line that takes from others what they may do with a path, and gives it to us; none where that is so already.
fn made_ours(path: &Path, change: &str, forbidden: u32) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    let (word, me) = (shell_path(path), rustix::process::geteuid().as_raw());
    let owner = (metadata.uid() != me && metadata.uid() != 0).then(|| format!("sudo chown {me} {word}"));
    let mode = (metadata.mode() & forbidden != 0).then(|| format!("chmod {change} {word}"));
    let lines: Vec<_> = owner.into_iter().chain(mode).collect();
    (!lines.is_empty()).then(|| lines.join(" && "))
}

/// The line that opens a text, where only a person knows what should be in it.
fn edit(path: &Path) -> String {
    format!("\"${{EDITOR:-vi}}\" {}", shell_path(path))
}

/// A path as one word of a shell's command line, from whatever folder it is typed in.
fn shell_path(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    shell_word(&absolute.to_string_lossy())
}

fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Whether an instant is near enough to be told of.
fn soon(exp: u64, now: u64) -> bool {
    exp < now.saturating_add(SOON)
}

/// Two weeks, in seconds.
const SOON: u64 = 14 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_shell() {
        for (text, expected) in [
            ("/a/b-1.yaml", "/a/b-1.yaml"),
            ("/a b", "'/a b'"),
            ("/it's", r"'/it'\''s'"),
            ("", "''"),
            ("/$(x)", "'/$(x)'"),
        ] {
            assert_eq!(shell_word(text), expected);
        }
    }
}
