//! `writ verify`: whether signed components hold, against the operators that are trusted here.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use writ_signing::{Component, Roots, Verified, section};

use crate::home::Home;
use crate::revocations::Marks;
use crate::{Done, Outcome, clock, files, output};

#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// Signed components
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(crate) fn run(args: &Verify, home: &Home) -> Done {
    let (roots, now) = (home.trust().sources()?.roots(&Marks::default()), clock::now()?);
    let mut outcome = Outcome::Done;
    for path in &args.files {
        match verified(path, &roots, now) {
            Ok(component) => output::data(format_args!("{}: verified, {}", path.display(), summary(&component)))?,
            Err(error) => {
                output::error(&error);
                outcome = Outcome::Refused;
            }
        }
    }
    Ok(outcome)
}

fn verified(path: &Path, roots: &Roots, now: u64) -> Result<Verified<Component>> {
    let file = files::read(path, section::MAX_FILE)?;
    writ_signing::verify(&file, roots, now).with_context(|| format!("{} does not verify", path.display()))
}

/// `acme/orders-api (M…), revision 3, expires 2027-02-19`
pub(crate) fn summary(component: &Verified<Component>) -> String {
    let claims = component.component();
    let (principal, id, revision) = (component.principal(), claims.common.subject, claims.revision);
    format!("{principal} ({id}), revision {revision}, expires {}", clock::day(component.exp()))
}
