//! Seeds that are handed over: on stdin or a file descriptor, never in an argument.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use writ_signing::SigningKey;

use crate::advice::Advice;
use crate::home::read_seed;

/// Where a seed is handed over, if it is.
#[derive(Debug, Default, clap::Args)]
#[group(multiple = false)]
pub(crate) struct SeedArgs {
    /// Take the key whose seed is on stdin
    #[arg(long)]
    seed_stdin: bool,

    /// Take the key whose seed can be read from this file descriptor
    #[arg(long, value_name = "N")]
    seed_fd: Option<u32>,
}

impl SeedArgs {
    /// The key that is handed over; none where nobody asked for one. A seed that was asked for and is not there fails.
    pub(crate) fn read(&self) -> Result<Option<SigningKey>> {
        match (self.seed_stdin, self.seed_fd) {
            (true, _) => from_stdin().context("no key on stdin").map(Some),
            (false, Some(number)) => {
                let read = from_descriptor(number);
                read.with_context(|| format!("no key on file descriptor {number}")).map(Some)
            }
            (false, None) => Ok(None),
        }
    }
}

fn from_stdin() -> Result<SigningKey> {
    let stdin = io::stdin();
    let file = File::from(stdin.as_fd().try_clone_to_owned()?);
    refuse_shared(&file.metadata()?)?;
    read_seed(file)
}

/// Opened again by its number, which needs no promise that nobody else here holds it.
fn from_descriptor(number: u32) -> Result<SigningKey> {
    let file = File::open(PathBuf::from(format!("/dev/fd/{number}")))?;
    refuse_shared(&file.metadata()?)?;
    read_seed(file)
}

/// A file that a shell opened is held to what a key's file in `keys/` is held to. Pipes and terminals have no readers to
/// speak of.
fn refuse_shared(metadata: &Metadata) -> Result<()> {
    let mode = metadata.mode() & 0o777;
    if !metadata.is_file() || mode & 0o077 == 0 {
        return Ok(());
    }
    let message = format!("it comes from a file that others may read or write (its mode is {mode:03o})");
    Err(Advice::new(message, "if nobody has read it, `chmod 600` that file; otherwise make a new key").into())
}
