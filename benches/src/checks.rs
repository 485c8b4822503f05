//! Both sides of a warm instance at once, and the check alone.

use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::FutureExt;
use serde_json::{Value, json};
use writ_keyvalue::KeyValue;
use writ_keyvalue::backend::memory::Memory;
use writ_keyvalue::claim::{Request, Verb};
use writ_logging::Logging;
use writ_provider::{
    Budget, Claim, Constraint, Document, Grant, GrantParts, Layer, LinkConfig, Principal, Provider, testing,
};

use crate::bare::{Bare, plain};
use crate::guest::{self, RATE, Signed};
use crate::measure::{Estimate, PAIRS, Pairs};
use crate::probe::Found;
use crate::side::{Job, Side, pairs};

/// Deploys the guest under three documents, links it once more without any, and measures the jobs in both.
pub(crate) async fn warm(jobs: &'static [Job]) -> Result<Vec<(Job, Pairs)>> {
    let guest = guest::bytes()?;
    let found = Found::default();
    // An entry of another application has no image, so the capability's only backend serves it.
    let source = "application: { name: bench, component: probe }";
    let application = guest::application(source, ["bench", "guest", "calls"], "calls: all")?;
    let running = Signed::new(&guest)?.deploy(guest::registry(found.clone(), None), &application).await?;
    let target = found.get().context("the probe was not connected")?;

    let backend = Arc::new(Memory::new(1 << 20));
    let bare = Bare::new(running.host.engine(), &guest, backend, target.principal().clone()).map_err(plain)?;
    let measured = Arc::new(Mutex::new(Vec::new()));
    let (kept, pre) = (measured.clone(), target.pre().clone());
    let permit = target.admit(Duration::ZERO).await?;
    let work = target.run(permit, move |store| {
        async move {
            let mut beside = bare.store();
            let mut ours = Side::new(store, &pre).await?;
            let mut theirs = Side::new(&mut beside, &bare.pre).await?;
            for job in jobs {
                let pairs = pairs(*job, &mut ours, &mut theirs).await?;
                kept.lock().unwrap_or_else(PoisonError::into_inner).push((*job, pairs));
            }
            Ok(())
        }
        .boxed()
    });
    work.await?;
    let measured = std::mem::take(&mut *measured.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(measured)
}

/// Nanoseconds of one check that says yes: what a host function does before anything else.
pub(crate) struct Alone {
    pub(crate) what: &'static str,
    pub(crate) estimate: Estimate,
    /// Whether it is what the target is about.
    pub(crate) whole: bool,
}

/// `Grant::permits` alone, with and without rates.
pub(crate) fn alone() -> Result<Vec<Alone>> {
    let keyvalue = Request::Operation { bucket: "bench", key: "bench/key", verb: Verb::Read, size: 0 };
    let logging = writ_logging::Request { level: writ_logging::Level::Info, bytes: 37 };
    let prefix = json!({ "bucket": "bench", "prefix": "bench/", "verbs": ["read"] });
    let rated = json!({ "bucket": "bench", "prefix": "bench/", "verbs": ["read"], "rate": RATE });
    let level = json!({ "level": "info" });
    let level_rated = json!({ "level": "info", "rate": RATE });
    let of = |what, whole, estimate| Alone { what, estimate, whole };
    Ok(vec![
        of("`keyvalue.get`: bucket, prefix and verb", false, measure::<KeyValue>(&prefix, keyvalue)?),
        of("`keyvalue.get`: bucket, prefix, verb and rate", true, measure::<KeyValue>(&rated, keyvalue)?),
        of("`logging.log`: level", false, measure::<Logging>(&level, logging)?),
        of("`logging.log`: level and rate", true, measure::<Logging>(&level_rated, logging)?),
    ])
}

fn measure<P: Provider>(claim: &Value, request: <P::Constraint as Constraint>::Request<'_>) -> Result<Estimate> {
    let layer = |document| -> Result<Layer<P::Constraint>> {
        Ok(Layer::new(document, Claim::parse(claim)?, |_, rate| Arc::new(Budget::new(rate))))
    };
    let grant = Grant::new(GrantParts {
        capability: P::CAPABILITY.name,
        principal: Principal::new(testing::account(), testing::component(), "acme", "guest"),
        link: LinkConfig::new(),
        settings: LinkConfig::new(),
        layers: vec![layer(Document::Component)?, layer(Document::Account)?, layer(Document::HostPolicy)?],
    });
    let mut samples = Vec::new();
    for turn in 0..=PAIRS {
        let start = Instant::now();
        for _ in 0..TIMES {
            black_box(&grant).permits(black_box(request)).map_err(|refused| anyhow::anyhow!(refused.reason))?;
        }
        if turn > 0 {
            samples.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES));
        }
    }
    Ok(Estimate::of(&samples))
}

/// Checks in one sample. The rate allows one each 10 ns, so it is never used up.
const TIMES: u32 = 50_000;
