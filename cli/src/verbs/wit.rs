//! `writ wit`: what a component imports and exports, with all types.

use std::path::PathBuf;

use anyhow::Context;
use writ_host::Artifact;
use writ_signing::section;

use crate::{Done, Outcome, files, output};

#[derive(Debug, clap::Args)]
pub(crate) struct Wit {
    /// A component, signed or not
    file: PathBuf,
}

pub(crate) fn run(args: &Wit) -> Done {
    let file = files::read(&args.file, section::MAX_FILE)?;
    let wit = || Ok::<_, anyhow::Error>(Artifact::new(file)?.wit()?);
    let text = wit().with_context(|| format!("{} has no world to show", args.file.display()))?;
    output::data(text.trim_end())?;
    Ok(Outcome::Done)
}
