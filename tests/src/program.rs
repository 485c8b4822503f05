//! Runs `writ` to its end.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::{PATIENCE, place};

/// What a program printed, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// What it printed, if it succeeded.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert!(self.status.success(), "{}\n{}{}", self.status, self.stdout, self.stderr);
        self
    }

    /// What it said, if it refused: an exit code above 0, words on stderr, no panic and nothing on stdout.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn refused(self) -> String {
        assert!(self.status.code().is_some_and(|code| code > 0), "{}\n{}{}", self.status, self.stdout, self.stderr);
        let panicked = self.stderr.lines().any(|line| line.starts_with("thread '"));
        assert!(!panicked, "{}", self.stderr);
        assert!(!self.stderr.trim().is_empty(), "it refused without a word");
        assert_eq!(self.stdout, "", "what it prints on stdout is taken for data");
        self.stderr
    }
}

/// `writ`, without arguments, in no folder of the user's and with no variable that changes what it does.
#[must_use]
pub fn command() -> Command {
    let folders = std::env::temp_dir();
    let mut command = Command::new(place("WRIT_BIN"));
    command.stdin(Stdio::null()).current_dir(&folders);
    command.env_remove("NO_COLOR").env_remove("RUST_LOG").env("XDG_CONFIG_HOME", folders.join("writ-tests-config"));
    // Shared between runs: a cache of compiled code that serves only what it made itself.
    command.env("XDG_CACHE_HOME", cache()).env("XDG_DATA_HOME", folders.join("writ-tests-data"));
    command
}

/// A folder beside the guests.
fn cache() -> std::path::PathBuf {
    let guests = place("WRIT_GUESTS");
    guests.parent().unwrap_or(&guests).join("tests-cache")
}

/// Runs a program to its end.
///
/// # Panics
/// When it does not end within [`PATIENCE`]; then it was killed.
#[track_caller]
pub fn finish(command: Command) -> Output {
    finish_within(PATIENCE, command)
}

/// As [`finish`], for what takes longer than any run of `writ` alone: compilers.
///
/// # Panics
/// When it does not end in this time; then it was killed.
#[track_caller]
pub fn finish_within(patience: Duration, mut command: Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let stdout = gather(child.stdout.take().expect("it was asked for"));
    let stderr = gather(child.stderr.take().expect("it was asked for"));
    let end = Instant::now() + patience;
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break Some(status);
        }
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let [stdout, stderr] = [stdout, stderr].map(|thread| thread.join().expect("it only reads"));
    match status {
        Some(status) => Output { status, stdout, stderr },
        None => panic!("{command:?} did not end within {patience:?}\n{stdout}{stderr}"),
    }
}

fn gather(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
