//! `writ init`: the `writ.yaml` of a finished component.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use writ_host::{Artifact, Export, InterfaceName, Vocabulary, is_baseline};

use crate::application::read;
use crate::runtime;

/// Write the writ.yaml of a finished component: its name, and every capability it imports or exports, each empty
#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// The component, signed or not
    file: PathBuf,
    /// Where to write it
    #[arg(short, long, value_name = "OUT", default_value = "writ.yaml")]
    output: PathBuf,
}

impl Init {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let bytes = read(&self.file, writ_signing::section::MAX_FILE)?;
        let artifact = Artifact::new(bytes).with_context(|| self.file.display().to_string())?;
        let registry = runtime::registry(&runtime::Options::default());
        let text = draft(&self.file, &artifact, registry.vocabulary());
        let opened = OpenOptions::new().write(true).create_new(true).open(&self.output);
        let mut file = match opened {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                bail!("{} is there already\nhint: choose another with -o OUT", self.output.display());
            }
            other => other.with_context(|| self.output.display().to_string())?,
        };
        file.write_all(text.as_bytes()).with_context(|| self.output.display().to_string())?;
        crate::out::note(&format!("wrote {}: fill in the claims, then run", self.output.display()));
        crate::out::note(&format!("  writ sign {} --claims {}", self.file.display(), self.output.display()));
        Ok(ExitCode::SUCCESS)
    }
}

/// What a component asks for, with nothing permitted yet.
fn draft(file: &Path, artifact: &Artifact, vocabulary: &Vocabulary) -> String {
    let asked = asked(artifact, vocabulary);
    let mut text = String::new();
    let shown = file.file_name().unwrap_or_default().to_string_lossy();
    let _ = writeln!(text, "# What {shown} is, and what it may do. Nothing yet: fill in the claims, then sign it.");
    let _ = writeln!(text, "name: {}\nversion: 0.1.0\nrevision: 1  # grows with every release\nexpires: 90d", name(file));
    let _ = writeln!(text, "claims:{}", if asked.is_empty() { " {}" } else { "" });
    for (capability, interfaces) in asked {
        if capability == SERVE {
            let entry = |interface: &InterfaceName| format!("{{ interface: \"{interface}\", account: self }}");
            let entries: Vec<_> = interfaces.iter().map(entry).collect();
            let _ = writeln!(text, "  # who may call its interfaces: the components of the same account");
            let _ = writeln!(text, "  {capability}: [{}]", entries.join(", "));
            continue;
        }
        let _ = writeln!(text, "  # for {}", list(&interfaces));
        let _ = writeln!(text, "  {capability}: []{}", comment(capability, vocabulary));
    }
    text
}

fn comment(capability: &str, vocabulary: &Vocabulary) -> String {
    match vocabulary.example(capability) {
        Some(example) if vocabulary.takes_any(capability) => format!("  # or any, or entries like {example}"),
        Some(example) => format!("  # links it, permits nothing; entries are like {example}"),
        None => "  # no provider serves it here: it can only be claimed empty".to_owned(),
    }
}

/// The capabilities that its imports and exports stand for, each with the interfaces it is needed for.
fn asked(artifact: &Artifact, vocabulary: &Vocabulary) -> BTreeMap<&'static str, Vec<InterfaceName>> {
    let mut asked: BTreeMap<&'static str, Vec<InterfaceName>> = BTreeMap::new();
    for import in artifact.imports().iter().filter(|import| !is_baseline(import)) {
        if let Some(capability) = vocabulary.capability_of(import) {
            asked.entry(capability).or_default().push(import.clone());
        }
    }
    for export in artifact.exports() {
        let Export::Interface(name) = export else { continue };
        // `wasi:cli/run` is called by its host's owner alone.
        if name.unversioned() != "wasi:cli/run" {
            asked.entry(vocabulary.capability_of(name).unwrap_or(SERVE)).or_default().push(name.clone());
        }
    }
    asked
}

const SERVE: &str = "serve";

fn list(interfaces: &[InterfaceName]) -> String {
    interfaces.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The file's name as a component's: lower case, digits and dashes.
fn name(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let stem = stem.strip_suffix(".signed").unwrap_or(&stem);
    let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let name: String = stem.chars().take(64).map(plain).collect();
    match name.trim_matches('-') {
        "" => "component".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (file, expected) in [
            ("hello.wasm", "hello"),
            ("a/b/Order_API.signed.wasm", "order-api"),
            ("ünïcode.wasm", "n-code"),
            ("---.wasm", "component"),
            ("", "component"),
        ] {
            assert_eq!(name(Path::new(file)), expected, "{file}");
        }
    }
}
