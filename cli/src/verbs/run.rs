//! `writ run`: a component that is a command, with the caller's arguments and the terminal's streams.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, IsTerminal};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use writ_host::{Admission, Command, Host, Input, Output, RunError};

use crate::advice::Advice;
use crate::application::{self, Loaded};
use crate::data::Data;
use crate::home::Home;
use crate::revocations::Watch;
use crate::running::Signals;
use crate::runtime::{self, Options};
use crate::settings::Settings;
use crate::{Done, Outcome, clock};

/// The component sees the arguments after FILE, and of this machine what is given here and permitted by its claims:
/// nothing of the environment and no folder without. Its exit code is this command's; docs/cli.md lists the others.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// The signed component; it exports wasi:cli/run
    file: PathBuf,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
    /// Give it a variable of the environment; without a value, this process's own
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Give it a folder to read [default of GUEST: as HOST, below /]
    #[arg(long, value_name = "HOST[::GUEST]")]
    dir: Vec<String>,
    /// Give it a folder to read and write
    #[arg(long, value_name = "HOST[::GUEST]")]
    dir_rw: Vec<String>,
    /// Keep the state of its capabilities in this folder [default: in memory, for this run]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) fn run(args: Run, settings: &Settings, home: &Home) -> Done {
    let watch = Watch::new(home, args.data.as_deref())?;
    let mut loaded = Loaded::alone(&args.file, &watch.roots(), clock::now()?, args.data.as_deref())?;
    let (environment, folders) = (args.environment()?, args.folders()?);
    if !environment.is_empty() {
        loaded.application.give("environment", ["wasi", "cli", "environment"], environment);
    }
    if !folders.is_empty() {
        loaded.application.give("filesystem", ["wasi", "filesystem", "preopens"], folders);
    }
    let options = Options { policies: application::policies(home)?, ..Options::default() };
    let admission = loaded.authorize_alone(&options, args.data.as_deref())?;
    let data = args.data.as_deref().map(Data::open).transpose()?;
    let host = runtime::host_of_one_call(options, data.as_ref(), &watch, settings)?;
    let runtime = runtime::tokio()?;
    let done = runtime.block_on(watch.during(&host, attend(&host, &admission, args.command()?)));
    // What waits for the terminal or a disk is not waited for.
    runtime.shutdown_background();
    done
}

/// Runs the command, until it or a signal ends it.
async fn attend(host: &Host, admission: &Admission, command: Command) -> Done {
    let mut signals = Signals::listen().context("signals cannot be handled")?;
    let ended = tokio::select! {
        ended = host.run(admission, command) => ended,
        _ = signals.interrupt.recv() => return Ok(Outcome::Exit(INTERRUPTED)),
        _ = signals.terminate.recv() => return Ok(Outcome::Exit(TERMINATED)),
    };
    match ended {
        Ok(code) => Ok(Outcome::Exit(code)),
        Err(RunError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(Outcome::Exit(UNREAD)),
        Err(RunError::NoCommand) => {
            let hint = "`writ inspect` lists its exports; `writ call` calls a function, and `writ up` serves a handler";
            Err(Advice::new(RunError::NoCommand.to_string(), hint).into())
        }
        Err(RunError::Deploy(error)) => Err(error.into()),
        Err(error) => Err(error.into()),
    }
}

impl Run {
    fn command(self) -> Result<Command> {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let args = std::iter::once(name).chain(self.args).collect();
        let (stdout, stderr) = (output(&std::io::stdout())?, output(&std::io::stderr())?);
        Ok(Command { args, stdin: Input::of_process(), stdout, stderr })
    }

    /// What is given of the environment, by name.
    fn environment(&self) -> Result<BTreeMap<String, String>> {
        let variable = |given: &String| match given.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => match std::env::var(given) {
                Ok(value) => Ok((given.clone(), value)),
                Err(error) => {
                    let hint = format!("`--env {given}=VALUE` gives it one");
                    Err(Advice::new(format!("--env {given}: {error}"), hint).into())
                }
            },
        };
        self.env.iter().map(variable).collect()
    }

    /// What is given of the disk, as a link's configuration.
    fn folders(&self) -> Result<BTreeMap<String, String>> {
        let read = self.dir.iter().map(|given| ("--dir", "read", given));
        let write = self.dir_rw.iter().map(|given| ("--dir-rw", "write", given));
        let mut folders = BTreeMap::new();
        for (flag, rights, given) in read.chain(write) {
            let (host, guest) = folder(given).with_context(|| format!("{flag} {given} cannot be given"))?;
            if folders.insert(format!("{rights}.{guest}"), host).is_some() {
                bail!("{flag} {given}: {guest} is given twice");
            }
        }
        Ok(folders)
    }
}

/// The host's folder and the guest's name of it. Without one, it is the host's below `/`, where a guest starts.
fn folder(given: &str) -> Result<(String, String)> {
    let (host, guest) = match given.rsplit_once("::") {
        Some((host, guest)) => (host, guest.to_owned()),
        None => (given, below_root(given)?),
    };
    if !Path::new(host).metadata().with_context(|| format!("the folder {host} cannot be used"))?.is_dir() {
        bail!("{host} is no folder");
    }
    Ok((host.to_owned(), guest))
}

fn below_root(host: &str) -> Result<String> {
    let mut guest = String::new();
    for part in host.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            let hint = format!("say what it is called there: {host}::/NAME");
            return Err(Advice::new("the guest has no name for what lies above this folder", hint).into());
        }
        guest.push('/');
        guest.push_str(part);
    }
    Ok(if guest.is_empty() { "/".to_owned() } else { guest })
}

/// One of this process's own streams. Not through the standard library's, which keeps back what has no line's end yet.
fn output(stream: &(impl AsFd + IsTerminal)) -> Result<Output> {
    let file = File::from(stream.as_fd().try_clone_to_owned().context("this process has no output")?);
    Output::new(file, stream.is_terminal()).context("no thread can be made")
}

/// What a shell says of a program that a signal ended: 128 and the signal's number. Here for Ctrl-C,
const INTERRUPTED: u8 = 130;
/// for SIGTERM,
const TERMINATED: u8 = 143;
/// and for the signal that others get when whoever read their output is gone.
const UNREAD: u8 = 141;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(given: &str, expected: Option<(&str, &str)>) {
        let found = folder(given).ok();
        let found = found.as_ref().map(|(host, guest)| (host.as_str(), guest.as_str()));
        assert_eq!(found, expected, "{given}");
    }

    #[test]
    fn folders_have_a_name_on_both_sides() {
        check(".", Some((".", "/")));
        check("./", Some(("./", "/")));
        check("src", Some(("src", "/src")));
        check("./src/verbs/", Some(("./src/verbs/", "/src/verbs")));
        check("/usr/bin", Some(("/usr/bin", "/usr/bin")));
        check("/", Some(("/", "/")));
        check("src::/data", Some(("src", "/data")));
        check("..", None);
        check("src/../src", None);
        check("..::/up", Some(("..", "/up")));
        check("missing", None);
        check("Cargo.toml", None);
        check("", None);
    }
}
