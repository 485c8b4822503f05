//! Building runs other programs; this is how they are ended before they end.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// Ends builds from outside of them.
#[derive(Debug, Default)]
pub(crate) struct Brake(Mutex<Braked>);

#[derive(Debug, Default)]
struct Braked {
    pulled: bool,
    /// The group of the build that runs.
    running: Option<Pid>,
}

impl Brake {
    /// Ends the build that runs, with everything it started, and every later one as it begins.
    pub(crate) fn pull(&self) {
        let mut braked = self.lock();
        braked.pulled = true;
        end(braked.running);
    }

    /// Whether it was pulled.
    pub(crate) fn is_pulled(&self) -> bool {
        self.lock().pulled
    }

    fn hold(&self, child: &Child) {
        let mut braked = self.lock();
        braked.running = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        if braked.pulled {
            end(braked.running);
        }
    }

    /// What is over must not be ended: its number may be another's by then.
    pub(crate) fn release(&self) {
        self.lock().running = None;
    }

    fn lock(&self) -> MutexGuard<'_, Braked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end(group: Option<Pid>) {
    // It fails where all of the group has ended.
    let _ = group.map(|group| kill_process_group(group, Signal::TERM));
}

/// Starts a program. Under a brake it runs in a process group of its own: Ctrl-C is the brake's then, and not the terminal's.
/// Whoever waits for it releases the brake first.
pub(crate) fn spawn(command: &mut Command, brake: Option<&Brake>) -> io::Result<Child> {
    if brake.is_some() {
        command.process_group(0);
    }
    let child = command.spawn()?;
    brake.inspect(|brake| brake.hold(&child));
    Ok(child)
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command, brake: Option<&Brake>) -> io::Result<ExitStatus> {
    let mut child = spawn(command, brake)?;
    // Its number is its own until it has been waited for in earnest.
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    }
    brake.inspect(|brake| brake.release());
    child.wait()
}
