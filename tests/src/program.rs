//! Runs `writ` to its end.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

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
    /// What it took.
    pub cost: Cost,
}

/// What a program took of the machine, as the system counts it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// The most memory that it held, in bytes. It is read every two milliseconds and not at the end, when it is free already:
    /// what the program filled in its last ones may be missing.
    pub memory: u64,
    /// The time that processors worked for it, in all of its threads and in the kernel.
    pub time: Duration,
}

impl Cost {
    /// Reads both anew. What is over holds no memory, and its time can be read until it is waited for.
    fn read(&mut self, process: u32) {
        let of = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
        let status = of("status");
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB"));
        self.memory = most.and_then(|kib| kib.trim().parse::<u64>().ok()).map_or(self.memory, |kib| kib * 1024);
        // Behind the program's name, in parentheses, of which it may have its own: fields 14 and 15, the first there being 3.
        let stat = of("stat");
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace().collect::<Vec<_>>());
        let ticks = |at: usize| fields.as_ref().and_then(|fields| fields.get(at)?.parse::<u64>().ok());
        if let Some(ticks) = ticks(11).zip(ticks(12)).map(|(user, system)| user + system) {
            // Linux tells programs of hundredths of seconds, whatever it counts in.
            self.time = Duration::from_millis(ticks * 10);
        }
    }
}

/// How often a running program is looked at.
const INTERVAL: Duration = Duration::from_millis(2);

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
    let (status, cost) = wait(&mut child, patience);
    let [stdout, stderr] = [stdout, stderr].map(|thread| thread.join().expect("it only reads"));
    match status {
        Some(status) => Output { status, stdout, stderr, cost },
        None => panic!("{command:?} did not end within {patience:?}\n{stdout}{stderr}"),
    }
}

/// Waits for its end, none where it had to be killed, and looks at it until then.
fn wait(child: &mut Child, patience: Duration) -> (Option<ExitStatus>, Cost) {
    let (end, mut cost) = (Instant::now() + patience, Cost::default());
    let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process has a number");
    loop {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let is_over = waitid(WaitId::Pid(number), options).expect("it is our child").is_some();
        cost.read(child.id());
        if is_over {
            return (Some(child.wait().expect("it is our child")), cost);
        }
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            return (None, cost);
        }
        std::thread::sleep(INTERVAL);
    }
}

fn gather(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
