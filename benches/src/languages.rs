//! What a component costs in each language: the guest that the tests of conformance put before each other, with one in Rust
//! behind it that nobody calls. Each host is a process of its own, so that its memory is its own.

use std::fmt;
use std::hint::black_box;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;
use writ_host::{Cache, Secret};
use writ_provider::wasmtime::component::{InstancePre, TypedFunc};
use writ_provider::wasmtime::{self, Store};
use writ_provider::{Instance, Target};

use crate::app::App;
use crate::guest::{self, guests};
use crate::measure::{Estimate, PAIRS, time};
use crate::up::resident;

/// What makes this program the host of one language's guest.
pub(crate) const HOST: &str = "language-host";

/// A line for each language.
pub(crate) struct Languages(Vec<(&'static str, u64, Measured)>);

/// What a host measured of its guest.
#[derive(Serialize, Deserialize)]
struct Measured {
    /// Bytes of resident memory, each on top of the one before: deployed and not called; for each instance that was called.
    idle: f64,
    live: Option<f64>,
    /// Seconds of each: a fresh store with its instance, and its end; a call into a warm one.
    fresh: Vec<f64>,
    call: Option<Vec<f64>>,
}

pub(crate) fn run() -> Result<Languages> {
    let mut lines = Vec::new();
    for language in LANGUAGES.into_iter().chain([ALL]) {
        let size = guests_of(language)?.iter().map(Vec::len).sum::<usize>();
        // On the disk that guests are built on; the system's temporary folder may be in memory.
        let folder = tempfile::tempdir_in(guests()?)?;
        let host = || -> Result<Vec<u8>> {
            let mut command = Command::new(std::env::current_exe()?);
            let output = command.arg(HOST).arg(language).arg(folder.path()).output()?;
            ensure!(output.status.success(), "{language}: {}", String::from_utf8_lossy(&output.stderr));
            Ok(output.stdout)
        };
        // The first compiles, and takes memory for that.
        host()?;
        let measured: Measured = serde_json::from_slice(&host()?)?;
        eprintln!("{}", line(language, u64::try_from(size)?, &measured));
        lines.push((language, u64::try_from(size)?, measured));
    }
    Ok(Languages(lines))
}

impl fmt::Display for Languages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| language | the component | idle, deployed | each live instance | a fresh instance | a call |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        self.0.iter().try_for_each(|(language, size, measured)| writeln!(f, "{}", line(language, *size, measured)))
    }
}

fn line(language: &str, size: u64, measured: &Measured) -> String {
    let interval = |samples: &[f64]| {
        let Estimate { median, low, high } = Estimate::of(samples);
        format!("{} ({} to {})", time(median), time(low), time(high))
    };
    let none = || "–".to_owned();
    format!(
        "| {language} | {} | {} | {} | {} | {} |",
        bytes(size as f64),
        bytes(measured.idle),
        measured.live.map_or_else(none, bytes),
        interval(&measured.fresh),
        measured.call.as_deref().map_or_else(none, interval)
    )
}

fn bytes(bytes: f64) -> String {
    if bytes < 1e6 { format!("{:.0} kB", bytes / 1e3) } else { format!("{:.1} MB", bytes / 1e6) }
}

/// The guest of one language, or of each.
fn guests_of(language: &str) -> Result<Vec<Vec<u8>>> {
    let of = |language: &str| guest::bytes(&format!("conformance-{language}"));
    match language {
        ALL => LANGUAGES.iter().map(|language| of(language)).collect(),
        language => Ok(vec![of(language)?]),
    }
}

/// Deploys one language's guest, or all of them, measures, and prints what it found as JSON.
pub(crate) async fn host(language: &str, folder: &str) -> Result<()> {
    let (components, end) = (guests_of(language)?, guest::bytes("conformance-end")?);
    let all: Vec<&[u8]> = components.iter().chain([&end]).map(Vec::as_slice).collect();
    let app = App::echo(&all, language != ALL)?;
    let host = app.host(guest::registry(None), Some(Cache::new(folder, Secret::new([7; 32]))?))?;
    let own = std::process::id();
    let empty = resident(own)?;
    let running = app.deploy_on(host).await?;
    let target = &running.target()?;
    let idle = resident(own)?;
    let (live, call) = match language {
        // A call goes to the second of them and no further.
        ALL => (None, None),
        _ => (Some((live(target).await? - idle) / f64::from(LIVE)), Some(call(target).await?)),
    };
    let measured = Measured { idle: idle - empty, live, fresh: fresh(target).await?, call };
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

/// Resident memory once so many instances were called, all of them alive.
async fn live(target: &Target) -> Result<f64> {
    let all = Arc::new(Barrier::new(usize::try_from(LIVE)? + 1));
    let mut running = Vec::new();
    for _ in 0..LIVE {
        let (all, pre) = (all.clone(), target.pre().clone());
        let permit = target.admit(Duration::ZERO).await?;
        running.push(tokio::spawn(target.run(permit, move |store| {
            async move {
                let echo = echo(store, &pre).await?;
                black_box(echo.call_async(&mut *store, (false, TEXT)).await?);
                // Looked at between the two.
                all.wait().await;
                all.wait().await;
                Ok(())
            }
            .boxed()
        })));
    }
    all.wait().await;
    let resident = resident(std::process::id())?;
    all.wait().await;
    for running in running {
        running.await??;
    }
    Ok(resident)
}

/// Seconds of a fresh store with its instance, and its end.
async fn fresh(target: &Target) -> Result<Vec<f64>> {
    let mut samples = Vec::new();
    for turn in 0..=PAIRS {
        let start = Instant::now();
        for _ in 0..FRESH {
            let pre = target.pre().clone();
            let permit = target.admit(Duration::ZERO).await?;
            let work =
                target.run(permit, move |store| async move { pre.instantiate_async(store).await.map(|_| ()) }.boxed());
            work.await?;
        }
        if turn > 0 {
            samples.push(start.elapsed().as_secs_f64() / f64::from(FRESH));
        }
    }
    Ok(samples)
}

/// Seconds of a call into a warm instance.
async fn call(target: &Target) -> Result<Vec<f64>> {
    let samples = Arc::new(Mutex::new(Vec::new()));
    let (kept, pre) = (samples.clone(), target.pre().clone());
    let permit = target.admit(Duration::ZERO).await?;
    let work = target.run(permit, move |store| {
        async move {
            let echo = echo(store, &pre).await?;
            for turn in 0..=PAIRS {
                let start = Instant::now();
                for _ in 0..CALLS {
                    let (text,) = echo.call_async(&mut *store, (false, TEXT)).await?;
                    wasmtime::ensure!(text == TEXT, "the guest did something else");
                }
                if turn > 0 {
                    let seconds = start.elapsed().as_secs_f64() / f64::from(CALLS);
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(seconds);
                }
            }
            Ok(())
        }
        .boxed()
    });
    work.await?;
    let samples = std::mem::take(&mut *samples.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(samples)
}

type Echo = TypedFunc<(bool, &'static str), (String,)>;

async fn echo(store: &mut Store<Instance>, pre: &InstancePre<Instance>) -> wasmtime::Result<Echo> {
    let instance = pre.instantiate_async(&mut *store).await?;
    let missing = || wasmtime::format_err!("the guest lacks an export");
    let interface = instance.get_export_index(&mut *store, None, ECHO).ok_or_else(missing)?;
    let index = instance.get_export_index(&mut *store, Some(&interface), "echo-text").ok_or_else(missing)?;
    instance.get_typed_func(&mut *store, index)
}

/// What every language's guest exports.
const ECHO: &str = "test:conformance/echo@0.1.0";
/// All of them in one store, each linked to the next.
const ALL: &str = "all five, fused";
const LANGUAGES: [&str; 5] = ["rust", "c", "go", "javascript", "python"];
/// Instances that are alive at once.
const LIVE: u32 = 24;
/// Instances, and calls, in one sample.
const FRESH: u32 = 20;
const CALLS: u32 = 1_000;
/// 32 bytes.
const TEXT: &str = "a string of exactly 32 bytes....";
