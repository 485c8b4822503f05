//! Both sides of a warm instance at once, and the check alone.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};
use writ_keyvalue::KeyValue;
use writ_keyvalue::backend::memory::Memory;
use writ_keyvalue::claim::{Request, Verb};
use writ_logging::Logging;
use writ_provider::{
    Budget, Claim, Constraint, Document, Grant, GrantParts, Layer, LinkConfig, Principal, Provider, testing,
};

use crate::app::App;
use crate::bare::{Bare, plain};
use crate::guest::{self, RATE};
use crate::measure::{Estimate, PAIRS, Pairs};
use crate::side::{Job, Side, pairs};

/// Deploys the guest under three documents, links it once more without any, and measures the jobs in both.
pub(crate) async fn warm(jobs: &[Job]) -> Result<Vec<(Job, Pairs)>> {
    let guest = guest::bytes("bench-guest")?;
    let (running, target) = App::chain(&[&guest], false)?.first().await?;
    let backend = Arc::new(Memory::new(1 << 20));
    let bare = Bare::new(running.host.engine(), &guest, backend, target.principal().clone()).map_err(plain)?;
    let (ours, theirs) = (Side::ours(&target).await?, Side::theirs(bare.store(), bare.pre.clone()));
    let mut measured = Vec::new();
    for job in jobs {
        measured.push((*job, pairs(*job, &ours, &theirs).await?));
    }
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
