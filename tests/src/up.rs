//! `writ up`, running.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::home::Home;
use crate::http::{self, Response};
use crate::log::Line;
use crate::{PATIENCE, eventually, eventually_within};

/// A running `writ up`. It is killed when this is dropped.
pub struct Up {
    child: Child,
    address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Up {
    /// Starts an application on a free port, with its log in JSON, and waits until it is deployed.
    ///
    /// # Panics
    /// When it ends instead.
    #[track_caller]
    pub fn start(home: &Home, manifest: &Path, data: &Path) -> Self {
        Self::start_with(home, manifest, data, &["--log-format", "json"])
    }

    /// As [`start`](Self::start), with these further arguments instead of a log in JSON.
    ///
    /// # Panics
    /// When it ends instead.
    #[track_caller]
    pub fn start_with(home: &Home, manifest: &Path, data: &Path, args: &[&str]) -> Self {
        let mut up = Self::spawn(home, manifest, data, args);
        up.await_deployed(PATIENCE);
        up
    }

    /// As [`start_with`](Self::start_with), and waits for nothing: where it listens is not known.
    ///
    /// # Panics
    /// When there is no such program.
    #[track_caller]
    #[must_use]
    pub fn spawn(home: &Home, manifest: &Path, data: &Path, args: &[&str]) -> Self {
        let mut command = home.command(&["up"]);
        command.arg(manifest).arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]).args(args);
        Self::of(command)
    }

    /// Starts `writ dev` on a project that is compiled into `target`, with its log in JSON. Waits for nothing.
    ///
    /// # Panics
    /// When there is no such program.
    #[track_caller]
    #[must_use]
    pub fn develop(home: &Home, project: &Path, target: &Path) -> Self {
        let mut command = home.command(&["dev"]);
        command.arg(project).args(["--listen", "127.0.0.1:0", "--log-format", "json"]).env("CARGO_TARGET_DIR", target);
        Self::of(command)
    }

    #[track_caller]
    fn of(mut command: Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let reader = Some(gather(child.stderr.take().expect("it was asked for"), lines.clone()));
        Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), lines, reader }
    }

    /// As [`start`](Self::start), at this address; and nobody ever reads what it writes on stderr.
    ///
    /// # Panics
    /// When it ends instead.
    #[track_caller]
    pub fn start_unread(home: &Home, manifest: &Path, data: &Path, address: SocketAddr) -> Self {
        let mut command = home.command(&["up"]);
        command.arg(manifest).arg("--data").arg(data).arg("--listen").arg(address.to_string());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let mut up = Self { child, address, lines: Arc::default(), reader: None };
        eventually("the start", || {
            let ended = up.child.try_wait().expect("it is our child");
            assert!(ended.is_none(), "it ended with {ended:?}");
            http::connect(address).ok()
        });
        up
    }

    /// Waits until it is deployed, and finds out where it listens.
    ///
    /// # Panics
    /// When it ends instead.
    #[track_caller]
    pub fn await_deployed(&mut self, patience: Duration) {
        self.address = eventually_within(patience, "the start", || {
            let ended = self.child.try_wait().expect("it is our child");
            let lines = self.all_lines();
            if let Some(status) = ended {
                panic!("it ended with {status}\n{}", lines.join("\n"));
            }
            let deployed = lines.iter().any(|line| line.contains("deployed"));
            let listening = lines.iter().find(|line| line.contains("listening")).filter(|_| deployed)?;
            let port = listening.split_once("127.0.0.1:")?.1;
            let port = port.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
            Some(SocketAddr::from(([127, 0, 0, 1], port)))
        });
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `GET`.
    ///
    /// # Panics
    /// When there is no response.
    #[track_caller]
    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[], b"")
    }

    /// `POST` of JSON.
    ///
    /// # Panics
    /// When there is no response.
    #[track_caller]
    pub fn post_json(&self, path: &str, json: &str) -> Response {
        self.send("POST", path, &[("content-type", "application/json")], json.as_bytes())
    }

    /// Any request.
    ///
    /// # Panics
    /// When there is no response.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        match http::send(self.address, method, path, headers, body) {
            Ok(response) => response,
            Err(error) => panic!("{method} {path}: {error}\n{}", self.all_lines().join("\n")),
        }
    }

    /// What it wrote on stderr until now.
    #[must_use]
    pub fn all_lines(&self) -> Vec<String> {
        self.lines.lock().expect("nobody panics with it").clone()
    }

    /// The lines of its log so far that are JSON.
    #[must_use]
    pub fn log(&self) -> Vec<Line> {
        self.all_lines().iter().filter_map(|line| Line::parse(line)).collect()
    }

    /// Waits for a line of the log.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn logged(&self, what: &str, wanted: impl Fn(&Line) -> bool) -> Line {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(line) = self.log().into_iter().find(|line| wanted(line)) {
                return line;
            }
            assert!(Instant::now() < end, "no line about {what} in\n{}", self.all_lines().join("\n"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The memory it holds now, in bytes.
    #[must_use]
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")).and_then(|kib| kib.trim().parse::<u64>().ok());
        kib.expect("the system tells how much memory a process holds") * 1024
    }

    /// `SIGTERM`.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// `SIGINT`, which Ctrl-C is.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// `SIGHUP`, upon which it reads everything again.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// `SIGKILL`, and waits for the end.
    pub fn kill9(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is our child");
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("a signal can be sent");
    }

    /// Waits for the end; also returns every line it wrote.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn ended(mut self) -> (ExitStatus, Vec<String>) {
        let status = eventually("the end", || self.child.try_wait().expect("it is our child"));
        if let Some(reader) = self.reader.take() {
            reader.join().expect("it only reads");
        }
        (status, self.all_lines())
    }

    /// `SIGTERM`, and the end in order.
    ///
    /// # Panics
    /// When its exit code is not 0.
    #[track_caller]
    pub fn stop(self) -> Vec<String> {
        self.terminate();
        let (status, lines) = self.ended();
        assert_eq!(status.code(), Some(0), "{}", lines.join("\n"));
        lines
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gather(stderr: ChildStderr, lines: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            lines.lock().expect("nobody panics with it").push(line);
        }
    })
}

/// An address on this machine where nobody listens.
///
/// It lies below the ports that the system gives to those who connect, so that none of the tests' own clients takes it.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 8_000).expect("less than 8,000");
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("there is no free port");
}
