//! `writ graph`: who calls whom in an application, and what each may and may not touch.

mod dot;
mod mermaid;
mod picture;
mod tree;
mod words;

use std::path::PathBuf;

use clap::ValueEnum;
use writ_host::Graph;
use writ_manifest::Application;

use crate::advice::Advice;
use crate::application::{self, Loaded};
use crate::home::Home;
use crate::releases::Releases;
use crate::revocations::Watch;
use crate::runtime::Options;
use crate::settings::Settings;
use crate::{Done, Outcome, clock, output};
use picture::Picture;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The application's manifest; images are files, relative to it
    manifest: PathBuf,
    /// How to draw it
    #[arg(long, value_name = "FORMAT", default_value = "tree")]
    format: Format,
    /// Decide as a host with this folder would [default: the XDG data folder, writ/APPLICATION]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Tree,
    /// For Markdown pages that draw Mermaid
    Mermaid,
    /// For Graphviz
    Dot,
    /// For programs: what was admitted, whole
    Json,
}

pub(crate) fn run(args: &Args, settings: &Settings, home: &Home) -> Done {
    let application = application::read(&args.manifest)?;
    bounded(&application)?;
    let folder = args.data.clone().unwrap_or_else(|| settings.data.join(&application.name));
    let watch = Watch::new(home, Some(&folder))?;
    let loaded = Loaded::manifest(&args.manifest, application, &watch.roots(), clock::now()?)?;
    let options = Options { policies: application::policies(home)?, ..Options::default() };
    let graph = loaded.decide(&options).graph();
    match args.format {
        Format::Tree => output::data(tree::draw(&graph).trim_end())?,
        Format::Mermaid => output::data(mermaid::draw(&Picture::of(&graph)).trim_end())?,
        Format::Dot => output::data(dot::draw(&Picture::of(&graph)).trim_end())?,
        Format::Json => output::json(&serde_json::to_value(&graph)?)?,
    }
    // What would be granted may be older than what ran: `up` refuses that, and it is no reason not to draw it.
    Releases::read(&folder, false)?.check(&loaded)?;
    Ok(outcome(&graph, args))
}

fn outcome(graph: &Graph, args: &Args) -> Outcome {
    if graph.admitted {
        return Outcome::Done;
    }
    output::hint(format_args!(
        "`writ up {} --check` has every denial with the lines to paste",
        args.manifest.display()
    ));
    Outcome::Refused
}

/// A picture of more is of use to nobody, and every file would be read for it.
fn bounded(application: &Application) -> anyhow::Result<()> {
    match application.components.len() {
        0..=MOST => Ok(()),
        many => {
            let what = format!("{} has {many} components, and at most {MOST} are drawn", application.name);
            Err(Advice::new(what, "`writ up --check` says of any number what would be granted").into())
        }
    }
}

const MOST: usize = 1_000;
