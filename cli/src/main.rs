//! `writ`: signs components with the capabilities they may use, and runs them with nothing else.
//!
//! Arguments become [`settings`], and those the work of one verb; each verb has its file below `verbs`. Only this crate
//! reads the environment and the clock, writes to a terminal, and names every provider. stdout is data, stderr is words.

#![forbid(unsafe_code)]

mod advice;
mod application;
mod args;
mod brake;
mod cargo;
mod clock;
mod data;
mod describe;
mod escape;
mod facts;
mod files;
mod home;
mod learn;
mod log;
mod output;
mod process;
mod project;
mod recipe;
mod releases;
mod revocations;
mod running;
mod runtime;
mod seed;
mod settings;
mod templates;
mod toolchain;
mod verbs;
mod watch;
mod wider;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use args::Args;
use settings::Settings;

fn main() -> ExitCode {
    let code = run();
    // Whatever else holds this process up, a log that nobody reads does not.
    log::flush();
    code
}

fn run() -> ExitCode {
    let hardened = process::harden();
    let args = Args::parse();
    let (verb, settings) = match Settings::resolve(args) {
        Ok(resolved) => resolved,
        Err(error) => return failed(&error),
    };
    if let Err(error) = log::start(settings.log_format, settings.log_level) {
        return failed(&anyhow::Error::from(error).context("the log cannot be started"));
    }
    if let Err(error) = hardened {
        tracing::warn!(target: "writ", %error, "this process's memory may end up in a core dump");
    }
    tracing::debug!(target: "writ", home = %settings.home.value.display(), from = %settings.home.origin, "settings");

    match verbs::run(verb, &settings) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Refused) => ExitCode::FAILURE,
        Ok(Outcome::Exit(code)) => ExitCode::from(code),
        Err(error) if output::reader_is_gone(&error) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// How a verb ended that did what it could.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// Something was refused, and the verb has said what.
    Refused,
    /// With the exit code of what it ran.
    Exit(u8),
}

fn failed(error: &anyhow::Error) -> ExitCode {
    output::error(error);
    ExitCode::FAILURE
}

/// What a verb gives back.
type Done = Result<Outcome>;
