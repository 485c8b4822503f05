//! One side of a pair: a warm instance of the guest, whoever linked it, in a task of its own; and pairs of them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::FutureExt;
use tokio::sync::{mpsc, oneshot};
use writ_provider::wasmtime::component::{Instance, InstancePre, TypedFunc};
use writ_provider::wasmtime::{self, Store};
use writ_provider::{Failure, Target};

use crate::bare::plain;
use crate::measure::{PAIRS, Pairs};

/// What is done in an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// A call without an argument.
    Nop,
    /// A call that takes a string and returns it.
    Echo,
    /// One line of the log, written by the guest.
    Log,
    /// One value, read by the guest.
    Get,
    /// A call of the guest's over its link.
    Over(Load),
}

/// What goes over a link, and comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// A string of 32 bytes.
    Text,
    /// So many bytes.
    Bytes(u32),
    /// So many records.
    Lines(u32),
}

/// A warm instance that works when it is asked to.
pub(crate) struct Side(mpsc::Sender<(Job, oneshot::Sender<wasmtime::Result<f64>>)>);

type Asked = mpsc::Receiver<(Job, oneshot::Sender<wasmtime::Result<f64>>)>;

impl Side {
    /// Of what this host prepared, as long as a call may take.
    pub(crate) async fn ours(target: &Target) -> Result<Self> {
        let (sender, asked) = mpsc::channel(1);
        let permit = target.admit(Duration::ZERO).await?;
        let pre = target.pre().clone();
        let work = target.run(permit, move |store| async move { answer(store, &pre, asked).await }.boxed());
        tokio::spawn(async move { said(work.await) });
        Ok(Self(sender))
    }

    /// Of a store without limits.
    pub(crate) fn theirs<T: Send>(mut store: Store<T>, pre: InstancePre<T>) -> Self {
        let (sender, asked) = mpsc::channel(1);
        tokio::spawn(async move { answer(&mut store, &pre, asked).await });
        Self(sender)
    }

    /// Seconds that one operation takes, over a few milliseconds of them.
    async fn seconds(&self, job: Job) -> Result<f64> {
        let (answer, answered) = oneshot::channel();
        self.0.send((job, answer)).await.ok().context("the instance is gone")?;
        answered.await.context("the instance is gone")?.map_err(plain)
    }
}

/// How it failed is in the log, which nobody reads here.
fn said(ended: Result<(), Failure>) {
    if let Err(failure) = ended {
        eprintln!("an instance ended: {}", failure.reason);
    }
}

async fn answer<T: Send>(store: &mut Store<T>, pre: &InstancePre<T>, mut asked: Asked) -> wasmtime::Result<()> {
    let mut warm = Warm::new(store, pre).await;
    while let Some((job, answer)) = asked.recv().await {
        let seconds = match &mut warm {
            Ok(warm) => warm.seconds(job).await,
            Err(error) => Err(wasmtime::format_err!("{error:#}")),
        };
        // Whoever asked may have given up.
        let _ = answer.send(seconds);
    }
    Ok(())
}

/// Measures both sides in turns, each first in half of the pairs.
pub(crate) async fn pairs(job: Job, ours: &Side, theirs: &Side) -> Result<Pairs> {
    let mut pairs = Pairs::default();
    for turn in 0..PAIRS + WARM_UP {
        let (our, their);
        if turn % 2 == 0 {
            our = ours.seconds(job).await?;
            their = theirs.seconds(job).await?;
        } else {
            their = theirs.seconds(job).await?;
            our = ours.seconds(job).await?;
        }
        if turn >= WARM_UP {
            pairs.push(our, their);
        }
    }
    Ok(pairs)
}

struct Warm<'a, T: 'static> {
    store: &'a mut Store<T>,
    nop: TypedFunc<(), ()>,
    echo: TypedFunc<(&'static str,), (String,)>,
    log: TypedFunc<(u32,), ()>,
    get: TypedFunc<(u32,), (u64,)>,
    /// Where the guest has a link to call over.
    drive: Option<Drive>,
}

struct Drive {
    echo: TypedFunc<(u32,), (u64,)>,
    bytes: TypedFunc<(u32, u32), (u64,)>,
    lines: TypedFunc<(u32, u32), (u64,)>,
}

impl<'a, T: Send> Warm<'a, T> {
    async fn new(store: &'a mut Store<T>, pre: &InstancePre<T>) -> wasmtime::Result<Self> {
        let instance = pre.instantiate_async(&mut *store).await?;
        let missing = || wasmtime::format_err!("the guest lacks an export");
        let calls = instance.get_export_index(&mut *store, None, CALLS).ok_or_else(missing)?;
        let mut index = |name| instance.get_export_index(&mut *store, Some(&calls), name).ok_or_else(missing);
        let [nop, echo, log] = [index("nop")?, index("echo")?, index("log")?];
        let [put, get] = [index("put")?, index("get")?];
        // Something to read; what is not permitted traps here, before anything is measured.
        instance.get_typed_func::<(), ()>(&mut *store, put)?.call_async(&mut *store, ()).await?;
        Ok(Self {
            nop: instance.get_typed_func(&mut *store, nop)?,
            echo: instance.get_typed_func(&mut *store, echo)?,
            log: instance.get_typed_func(&mut *store, log)?,
            get: instance.get_typed_func(&mut *store, get)?,
            drive: Drive::new(&instance, store)?,
            store,
        })
    }

    async fn seconds(&mut self, job: Job) -> wasmtime::Result<f64> {
        let store = &mut *self.store;
        let times = job.times();
        let start = Instant::now();
        match job {
            Job::Nop => {
                for _ in 0..times {
                    self.nop.call_async(&mut *store, ()).await?;
                }
            }
            Job::Echo => {
                for _ in 0..times {
                    let (text,) = self.echo.call_async(&mut *store, (TEXT,)).await?;
                    same(text.len(), TEXT.len())?;
                }
            }
            Job::Log => self.log.call_async(&mut *store, (times,)).await?,
            Job::Get => {
                let (bytes,) = self.get.call_async(&mut *store, (times,)).await?;
                same(bytes, u64::from(times) * VALUE)?;
            }
            Job::Over(load) => {
                let drive = self.drive.as_ref().ok_or_else(|| wasmtime::format_err!("the guest has no link"))?;
                drive.call(store, load, times).await?;
            }
        }
        Ok(start.elapsed().as_secs_f64() / f64::from(times))
    }
}

impl Drive {
    fn new<T: Send>(instance: &Instance, store: &mut Store<T>) -> wasmtime::Result<Option<Self>> {
        let Some(drive) = instance.get_export_index(&mut *store, None, DRIVE) else { return Ok(None) };
        let missing = || wasmtime::format_err!("the guest lacks an export");
        let mut index = |name| instance.get_export_index(&mut *store, Some(&drive), name).ok_or_else(missing);
        let [echo, bytes, lines] = [index("echo")?, index("bytes")?, index("lines")?];
        Ok(Some(Self {
            echo: instance.get_typed_func(&mut *store, echo)?,
            bytes: instance.get_typed_func(&mut *store, bytes)?,
            lines: instance.get_typed_func(&mut *store, lines)?,
        }))
    }

    async fn call<T: Send>(&self, store: &mut Store<T>, load: Load, times: u32) -> wasmtime::Result<()> {
        let (returned, expected) = match load {
            Load::Text => (self.echo.call_async(store, (times,)).await?, 32),
            Load::Bytes(size) => (self.bytes.call_async(store, (times, size)).await?, size),
            Load::Lines(count) => (self.lines.call_async(store, (times, count)).await?, count),
        };
        same(returned, (u64::from(expected),))
    }
}

impl Job {
    /// Operations in one measurement.
    fn times(self) -> u32 {
        match self {
            Self::Over(Load::Bytes(size)) => (20_000_000 / (size + 1_000)).min(20_000),
            Self::Over(Load::Lines(count)) => 100_000 / count,
            _ => 20_000,
        }
    }
}

/// What is fast because it did nothing is not measured.
fn same<T: PartialEq>(found: T, expected: T) -> wasmtime::Result<()> {
    if found == expected { Ok(()) } else { Err(wasmtime::format_err!("the guest did something else")) }
}

/// What the guests export.
pub(crate) const CALLS: &str = "bench:guest/calls@0.1.0";
pub(crate) const DRIVE: &str = "bench:guest/drive@0.1.0";
/// The bytes of the value that [`Job::Get`] reads.
const VALUE: u64 = 32;
/// 32 bytes.
const TEXT: &str = "a string of exactly 32 bytes....";
const WARM_UP: usize = 4;
