//! `writ build`: builds a project as its `writ.yaml` says, and signs what came of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::sign::{Job, Signed, Wanted};
use crate::advice::Advice;
use crate::home::Home;
use crate::project::Project;
use crate::recipe::{Profile, Recipe};
use crate::settings::Settings;
use crate::{Done, Outcome, files};

#[derive(Debug, clap::Args)]
pub(crate) struct Build {
    /// The folder with the writ.yaml; the signed component is put into its build/ [default: this one]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Build for debugging: faster to build, and slower
    #[arg(long)]
    debug: bool,

    /// The account's or signing key to sign with [default: the only one there is]
    #[arg(long, value_name = "NAME|KEY")]
    key: Option<String>,
}

pub(crate) fn run(args: &Build, settings: &Settings, home: &Home) -> Done {
    let project = Project::open(args.folder.clone().unwrap_or_default())?;
    let profile = if args.debug { Profile::Debug } else { Profile::Release };
    // Nothing is signed, or made to sign with, where the build fails.
    let file = recipe(&project)?.build(project.folder(), &settings.tools(), profile, None)?;
    sign(&project, &file, &Wanted::key(args.key.clone()), home)?.tell()?;
    Ok(Outcome::Done)
}

/// How a project is built.
pub(crate) fn recipe(project: &Project) -> Result<Recipe> {
    let claims = project.claims();
    let Some(build) = &project.file().build else {
        let message = format!("{} does not say how it is built", claims.display());
        let hint = "write `build: { language: rust }` in it; a finished component is signed with `writ sign FILE`";
        return Err(Advice::new(message, hint).into());
    };
    Recipe::of(build).with_context(|| format!("{} cannot be built", claims.display()))
}

/// Signs what was built of a project.
pub(crate) fn sign(project: &Project, file: &Path, wanted: &Wanted, home: &Home) -> Result<Signed> {
    let claims = project.claims();
    let out = project.signed();
    let folder = files::folder_of(&out);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Job { file, claims: Some(&claims), out: &out, expires: None, wanted }.run(home)
}
