//! From an admission to something that can be called: components that call each other are put together, checked, and linked,
//! their code from the cache; beside reading, authenticating and deserializing that code alone.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use writ_host::{Cache, Host, Registry, Secret};
use writ_http::{HttpConfig, HttpServer};
use writ_keyvalue::{KeyValue, KeyValueConfig};
use writ_logging::Logging;
use writ_messaging::Messaging;
use writ_provider::wasmtime;
use writ_signing::Digest;

use crate::app::App;
use crate::bare::plain;
use crate::guest::{self, guests};
use crate::measure::{PAIRS, Pairs, Row, Table, Unit, time};

pub(crate) async fn run() -> Result<Table> {
    let [pass, last] = [guest::bytes("bench-pass")?, guest::bytes("bench-guest")?];
    let five = App::chain(&[&pass, &pass, &pass, &pass, &last], false)?;
    let (pairs, kept) = measure(&five, || guest::registry(None)).await?;
    let mut table = Table::default();
    let code = format!("{:.1} MB", kept as f64 / 1e6);
    table.add(Row {
        work: format!("take from the cache, link and connect five components in Rust, {code} of code"),
        here: "–".to_owned(),
        beside: format!("that code alone {}", time(pairs.theirs().median)),
        figure: Some((pairs.ours().times(1e3), Unit::Milliseconds)),
        target: Some(25.0),
    });
    let (pairs, kept) = measure(&App::shipped("shop.yaml")?, registry).await?;
    table.add(Row {
        work: format!("the same of the shop in five languages, {:.1} MB of code", kept as f64 / 1e6),
        here: time(pairs.ours().median),
        beside: format!("that code alone: read, authenticated and deserialized {}", time(pairs.theirs().median)),
        figure: Some((pairs.ratio(), Unit::Ratio)),
        target: Some(1.2),
    });
    Ok(table)
}

/// How long it takes on a host of its own, beside what its cache alone takes; and how many bytes that has.
async fn measure(app: &App, registry: impl Fn() -> Registry) -> Result<(Pairs, u64)> {
    // On the disk that guests are built on; the system's temporary folder may be in memory.
    let folder = tempfile::tempdir_in(guests()?)?;
    let cache = || Cache::new(folder.path(), Secret::new([7; 32]));
    // Compiles.
    let host = app.host(registry(), Some(cache()?))?;
    drop(host.deploy(&app.admit(&host)?).await?);
    let (entries, kept) = kept(folder.path())?;
    ensure!(!entries.is_empty(), "nothing was kept");
    let alone = cache()?;
    let mut pairs = Pairs::default();
    for turn in 0..=PAIRS {
        let (mut ours, mut theirs) = (0.0, 0.0);
        for ourselves in [turn % 2 == 0, turn % 2 != 0] {
            match ourselves {
                true => ours = deployed(app, &registry, cache()?).await?,
                false => theirs = opened(&host, &alone, &entries)?,
            }
        }
        if turn > 0 {
            pairs.push(ours, theirs);
        }
    }
    Ok((pairs, kept))
}

/// Seconds of a deployment on a fresh host.
async fn deployed(app: &App, registry: impl Fn() -> Registry, cache: Cache) -> Result<f64> {
    let host = app.host(registry(), Some(cache))?;
    let admission = app.admit(&host)?;
    let start = Instant::now();
    let deployment = host.deploy(&admission).await?;
    let seconds = start.elapsed().as_secs_f64();
    drop(deployment);
    Ok(seconds)
}

/// Seconds that it takes to have the code of all entries. What is no entry, or damaged, has no bytes to be compiled from.
fn opened(host: &Host, cache: &Cache, entries: &[Digest]) -> Result<f64> {
    let start = Instant::now();
    let opened = entries.iter().map(|entry| cache.component(host.engine(), *entry, &[]));
    let opened = opened.collect::<wasmtime::Result<Vec<_>>>().map_err(plain)?;
    let seconds = start.elapsed().as_secs_f64();
    drop(opened);
    Ok(seconds)
}

/// The cache's entries, named by what they were compiled from, and their bytes.
fn kept(folder: &Path) -> Result<(Vec<Digest>, u64)> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        entries.push(
            name.to_str()
                .and_then(|name| format!("sha256:{name}").parse().ok())
                .context("an entry without a digest")?,
        );
        bytes += entry.metadata()?.len();
    }
    Ok((entries, bytes))
}

/// What the shop's components need.
fn registry() -> Registry {
    let listen = Some(([127, 0, 0, 1], 0).into());
    Registry::new()
        .provider::<KeyValue>("builtin:keyvalue", KeyValueConfig::memory)
        .provider::<Logging>("builtin:logging", Default::default)
        .provider::<writ_config::Settings>("builtin:config", Default::default)
        .trigger::<Messaging>("builtin:messaging", Default::default)
        .trigger::<HttpServer>("builtin:http-server", move || HttpConfig { listen, ..HttpConfig::default() })
}
