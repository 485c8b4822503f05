//! `writ completions`: what a shell needs to complete writ's arguments, from the definitions that parse them.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::{Done, Outcome};

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Completions) -> Done {
    // Written at once, so that a reader who is gone is an error and not a panic.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "writ", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Outcome::Done)
}
