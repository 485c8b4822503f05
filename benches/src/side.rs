//! One side of a pair: a warm instance of the guest, whoever linked it, and pairs of them.

use std::time::Instant;

use writ_provider::wasmtime::component::{InstancePre, TypedFunc};
use writ_provider::wasmtime::{self, Store};

use crate::measure::{PAIRS, Pairs};

/// A warm instance.
pub(crate) struct Side<'a, T: 'static> {
    store: &'a mut Store<T>,
    nop: TypedFunc<(), ()>,
    echo: TypedFunc<(&'static str,), (String,)>,
    log: TypedFunc<(u32,), ()>,
    get: TypedFunc<(u32,), (u64,)>,
}

/// What is done in it.
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
}

impl<'a, T: Send> Side<'a, T> {
    pub(crate) async fn new(store: &'a mut Store<T>, pre: &InstancePre<T>) -> wasmtime::Result<Self> {
        let instance = pre.instantiate_async(&mut *store).await?;
        let missing = || wasmtime::format_err!("the guest lacks an export");
        let calls = instance.get_export_index(&mut *store, None, "bench:guest/calls@0.1.0").ok_or_else(missing)?;
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
            store,
        })
    }

    /// Seconds that one operation takes, over a few milliseconds of them.
    async fn seconds(&mut self, job: Job) -> wasmtime::Result<f64> {
        let store = &mut *self.store;
        let start = Instant::now();
        match job {
            Job::Nop => {
                for _ in 0..TIMES {
                    self.nop.call_async(&mut *store, ()).await?;
                }
            }
            Job::Echo => {
                for _ in 0..TIMES {
                    let (text,) = self.echo.call_async(&mut *store, (TEXT,)).await?;
                    same(text.len(), TEXT.len())?;
                }
            }
            Job::Log => self.log.call_async(&mut *store, (TIMES,)).await?,
            Job::Get => {
                let (bytes,) = self.get.call_async(&mut *store, (TIMES,)).await?;
                same(bytes, u64::from(TIMES) * VALUE)?;
            }
        }
        Ok(start.elapsed().as_secs_f64() / f64::from(TIMES))
    }
}

/// Measures both sides in turns, each first in half of the pairs.
pub(crate) async fn pairs<A: Send, B: Send>(
    job: Job,
    ours: &mut Side<'_, A>,
    theirs: &mut Side<'_, B>,
) -> wasmtime::Result<Pairs> {
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

/// What is fast because it did nothing is not measured.
fn same<T: PartialEq>(found: T, expected: T) -> wasmtime::Result<()> {
    if found == expected { Ok(()) } else { Err(wasmtime::format_err!("the guest did something else")) }
}

/// The bytes of the value that [`Job::Get`] reads.
const VALUE: u64 = 32;
/// 32 bytes.
const TEXT: &str = "a string of exactly 32 bytes....";
/// Operations in one measurement.
const TIMES: u32 = 20_000;
const WARM_UP: usize = 4;
