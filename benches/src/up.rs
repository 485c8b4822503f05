//! `writ up` as a user runs it: a process of its own, from its start to its first answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// What is started.
pub(crate) struct Up {
    pub(crate) writ: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) manifest: PathBuf,
    pub(crate) data: PathBuf,
    /// What answers 200 once it is up.
    pub(crate) path: String,
}

impl Up {
    /// Starts it, and waits for its first answer.
    pub(crate) fn start(&self) -> Result<Running> {
        let address = free_address()?;
        let mut command = Command::new(&self.writ);
        command.env("WRIT_HOME", &self.home).arg("up").arg(&self.manifest);
        command.arg("--listen").arg(address.to_string()).arg("--data").arg(&self.data);
        Running::start(&mut command, address, &self.path)
    }
}

/// A process that answers at an address. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From the start of the process to its first answer.
    pub(crate) answered: Duration,
}

impl Running {
    pub(crate) fn start(command: &mut Command, address: SocketAddr, path: &str) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        let mut running = Self { child, address, answered: Duration::ZERO };
        while !answers(address, path) {
            ensure!(running.child.try_wait()?.is_none(), "{command:?} ended");
            ensure!(start.elapsed() < PATIENCE, "{command:?} does not answer");
            std::thread::sleep(BETWEEN);
        }
        running.answered = start.elapsed();
        Ok(running)
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> Result<f64> {
        resident(self.id())
    }

    /// Ends it in order, so that the next start has nothing to repair.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a process without an id")?;
        kill_process(id, Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the process ended with {status}");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, or nobody needs it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answers(address: SocketAddr, path: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut head = [0; 12];
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let asked = stream.write_all(request.as_bytes());
    asked.and_then(|()| stream.read_exact(&mut head)).is_ok() && &head == b"HTTP/1.1 200"
}

/// Resident memory of a process in bytes.
pub(crate) fn resident(process: u32) -> Result<f64> {
    let path = Path::new("/proc").join(process.to_string()).join("status");
    let status = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmRSS:")) else { bail!("no VmRSS") };
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024.0)
}

/// A port that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}

const BETWEEN: Duration = Duration::from_micros(200);
const PATIENCE: Duration = Duration::from_secs(1_200);
