//! Calls from one component to another: fused and separate, beside the same two components without this host; and host
//! functions from inside five principals that share a store.

use std::sync::Arc;

use anyhow::Result;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions};
use writ_keyvalue::backend::memory::Memory;
use writ_provider::wasmtime::component::Linker;
use writ_provider::wasmtime::{self, Engine};
use writ_provider::{Principal, testing};

use crate::app::{App, Running};
use crate::bare::{Bare, State, plain};
use crate::guest;
use crate::measure::{Row, Table, Unit, time};
use crate::shim::{self, Callee};
use crate::side::{CALLS, DRIVE, Job, Load, Side, pairs};

pub(crate) async fn run() -> Result<Table> {
    let [caller, callee] = [guest::bytes("bench-pass")?, guest::bytes("bench-guest")?];
    let (running, fused) = ours(&[&caller, &callee], false).await?;
    let (_other, separate) = ours(&[&caller, &callee], true).await?;
    let engine = running.host.engine();
    let raw = bare(engine, &composed(&caller, &callee)?, |_| Ok(()))?;
    let raw = Side::theirs(raw.store(), raw.pre.clone());
    let typed = shim(engine, &caller, &callee, shim::typed).await?;
    let dynamic = shim(engine, &caller, &callee, shim::dynamic).await?;

    let mut table = Table::default();
    for (load, what) in LOADS {
        let job = Job::Over(load);
        let target = (load == Load::Text).then_some(1.5);
        table.add(row(what, ("fused", &fused), ("raw fused wasmtime", &raw), job, None).await?);
        table.add(row(what, ("separate", &separate), ("a hand-written typed shim", &typed), job, target).await?);
        table.add(row(what, ("separate", &separate), ("fused", &fused), job, None).await?);
    }
    let (what, job) = ("64 KiB of bytes", Job::Over(Load::Bytes(64 << 10)));
    table.add(row(what, ("separate", &separate), ("a shim of dynamic values", &dynamic), job, None).await?);
    inside(&mut table, &caller, &callee).await?;
    Ok(table)
}

/// A host function, called by the last of five principals in one store, beside the same from a component alone.
async fn inside(table: &mut Table, pass: &[u8], last: &[u8]) -> Result<()> {
    let (_five, inside) = ours(&[pass, pass, pass, pass, last], false).await?;
    let (_one, alone) = ours(&[last], false).await?;
    for (job, what) in [(Job::Get, "in-memory `keyvalue.get`"), (Job::Log, "`logging.log`, nobody reads the log")] {
        let pairs = pairs(job, &inside, &alone).await?;
        table.add(Row {
            work: format!("{what}, from the last of five principals in one store"),
            here: time(pairs.ours().median),
            beside: format!("from one component alone {}", time(pairs.theirs().median)),
            figure: Some((pairs.ratio(), Unit::Ratio)),
            target: Some(1.25),
        });
    }
    Ok(())
}

async fn row(
    what: &str,
    (form, ours): (&str, &Side),
    (beside, theirs): (&str, &Side),
    job: Job,
    target: Option<f64>,
) -> Result<Row> {
    let pairs = pairs(job, ours, theirs).await?;
    Ok(Row {
        work: format!("{what} to another component and back, {form}"),
        here: time(pairs.ours().median),
        beside: format!("{beside} {}", time(pairs.theirs().median)),
        figure: Some((pairs.ratio(), Unit::Ratio)),
        target,
    })
}

/// A chain of these, and a warm instance of the first.
async fn ours(components: &[&[u8]], separate: bool) -> Result<(Running, Side)> {
    let (running, target) = App::chain(components, separate)?.first().await?;
    Ok((running, Side::ours(&target).await?))
}

async fn shim(
    engine: &Engine,
    caller: &[u8],
    callee: &[u8],
    link: fn(&mut Linker<State>) -> wasmtime::Result<()>,
) -> Result<Side> {
    let (caller, callee) = (bare(engine, caller, link)?, bare(engine, callee, |_| Ok(()))?);
    let mut store = caller.store();
    store.data_mut().callee = Some(Callee::new(callee.store(), &callee.pre).await.map_err(plain)?);
    Ok(Side::theirs(store, caller.pre.clone()))
}

fn bare(engine: &Engine, guest: &[u8], link: impl FnOnce(&mut Linker<State>) -> wasmtime::Result<()>) -> Result<Bare> {
    let principal = Principal::new(testing::account(), testing::component(), "acme", "guest");
    Bare::linked(engine, guest, Arc::new(Memory::new(1 << 20)), principal, link).map_err(plain)
}

/// The two as one component, as the component model's own tool puts them together: what both import is one import.
fn composed(caller: &[u8], callee: &[u8]) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let mut package = |name: &str, bytes: &[u8]| -> Result<_> {
        let package = Package::from_bytes(name, None, bytes.to_vec(), graph.types_mut())?;
        Ok(graph.register_package(package)?)
    };
    let [caller, callee] = [package("bench:caller", caller)?, package("bench:callee", callee)?];
    let [caller, callee] = [graph.instantiate(caller), graph.instantiate(callee)];
    let served = graph.alias_instance_export(callee, CALLS)?;
    graph.set_instantiation_argument(caller, CALLS, served)?;
    for export in [CALLS, DRIVE] {
        let exported = graph.alias_instance_export(caller, export)?;
        graph.export(exported, export)?;
    }
    Ok(graph.encode(EncodeOptions::default())?)
}

const LOADS: [(Load, &str); 4] = [
    (Load::Text, "a string of 32 bytes"),
    (Load::Bytes(1 << 10), "1 KiB of bytes"),
    (Load::Bytes(64 << 10), "64 KiB of bytes"),
    (Load::Lines(260), "260 records"),
];
