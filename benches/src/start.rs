//! `writ up` of the demo as a user runs it: how soon it answers, what it keeps in memory, how large it is.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::guest::{guests, variable};
use crate::measure::{Estimate, Row, Table, Unit};

pub(crate) fn run() -> Result<Table> {
    let demo = Demo::new()?;
    // Compiles, and makes the store.
    demo.start()?.stop()?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let running = demo.start()?;
        times.push(running.answered.as_secs_f64() * 1e3);
        running.stop()?;
    }
    let mut table = Table::default();
    let row = |work: &str, figure, unit, target| Row {
        work: work.to_owned(),
        here: "–".to_owned(),
        beside: "–".to_owned(),
        figure: Some((figure, unit)),
        target: Some(target),
    };
    let first = "`writ up` of the compiled demo, from the start of the process to its first response";
    table.add(row(first, Estimate::of(&times), Unit::Milliseconds, 50.0));

    let running = demo.start()?;
    std::thread::sleep(IDLE);
    let resident = Estimate::of(&[resident(running.child.id())?]);
    running.stop()?;
    table.add(row("VmRSS of the demo after 10 s of idling", resident, Unit::Mebibytes, 40.0));

    let size = std::fs::metadata(&demo.writ)?.len() as f64 / 1e6;
    table.add(row("the stripped program", Estimate::of(&[size]), Unit::Mebibytes, 40.0));
    Ok(table)
}

/// The demo, and where its data is.
struct Demo {
    writ: PathBuf,
    home: PathBuf,
    manifest: PathBuf,
    data: tempfile::TempDir,
}

impl Demo {
    fn new() -> Result<Self> {
        let manifest = guests()?.join("orders.yaml");
        // On the disk that guests are built on; the system's temporary folder may be in memory.
        let data = tempfile::tempdir_in(guests()?)?;
        Ok(Self { writ: variable("WRIT_BIN")?, home: variable("WRIT_HOME")?, manifest, data })
    }

    fn start(&self) -> Result<Running> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(&self.writ);
        command.env("WRIT_HOME", &self.home).arg("up").arg(&self.manifest);
        command.arg("--listen").arg(address.to_string()).arg("--data").arg(self.data.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let child = command.spawn().with_context(|| self.writ.display().to_string())?;
        let mut running = Running { child, answered: Duration::ZERO };
        while !answers(address) {
            ensure!(running.child.try_wait()?.is_none(), "the demo ended");
            ensure!(start.elapsed() < PATIENCE, "the demo does not answer");
            std::thread::sleep(BETWEEN);
        }
        running.answered = start.elapsed();
        Ok(running)
    }
}

struct Running {
    child: Child,
    answered: Duration,
}

impl Running {
    /// Ends it in order, so that the next start has nothing to repair.
    fn stop(mut self) -> Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a process without an id")?;
        kill_process(id, Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the demo ended with {status}");
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

fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut head = [0; 12];
    let asked = stream.write_all(b"GET /totals HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    asked.and_then(|()| stream.read_exact(&mut head)).is_ok() && &head == b"HTTP/1.1 200"
}

/// Resident memory in MB (10^6 bytes).
fn resident(process: u32) -> Result<f64> {
    let path = Path::new("/proc").join(process.to_string()).join("status");
    let status = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmRSS:")) else { bail!("no VmRSS") };
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024.0 / 1e6)
}

const STARTS: usize = 40;
const IDLE: Duration = Duration::from_secs(10);
const BETWEEN: Duration = Duration::from_micros(200);
const PATIENCE: Duration = Duration::from_secs(60);
