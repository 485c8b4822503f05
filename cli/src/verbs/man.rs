//! `writ man`: the manual's pages, from the definitions that parse the arguments.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;

use crate::args::Args;
use crate::{Done, Outcome, output};

#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// Write a page for each verb into this folder [default: the page of writ itself, on stdout]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(crate) fn run(args: &Man) -> Done {
    let command = Args::command();
    let Some(folder) = &args.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        io::stdout().write_all(&page)?;
        return Ok(Outcome::Done);
    };
    let place = || format!("the pages cannot be written into {}", folder.display());
    std::fs::create_dir_all(folder).with_context(place)?;
    clap_mangen::generate_to(command, folder).with_context(place)?;
    output::words(format_args!("wrote the pages of the manual into {}", folder.display()));
    Ok(Outcome::Done)
}
