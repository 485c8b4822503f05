//! The order service on disk under `POST /orders`: how many it takes, and what its time on the processor goes to.
//!
//! The host is a process of its own, this program once more: it has the providers that `writ up` has, and the names of its
//! functions, which a released `writ` has not.

use std::env;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};
use writ_host::Registry;
use writ_http::{HttpConfig, HttpServer};
use writ_keyvalue::{KeyValue, KeyValueConfig};
use writ_logging::Logging;
use writ_messaging::Messaging;

use crate::app::App;
use crate::guest::guests;
use crate::http_load::{Asked, Load};
use crate::measure::{Estimate, Row, Table, Unit, time};
use crate::profile::Recording;
use crate::up::{Running, free_address};

/// What makes this program the host.
pub(crate) const HOST: &str = "orders-host";

pub(crate) async fn run() -> Result<Table> {
    // On the disk that guests are built on; the system's temporary folder may be in memory.
    let folder = tempfile::tempdir_in(guests()?)?;
    let address = free_address()?;
    let mut command = Command::new(env::current_exe()?);
    command.arg(HOST).arg(address.to_string()).arg(folder.path());
    let running = Running::start(&mut command, address, "/totals")?;
    let mut table = Table::default();
    for connections in [1, 16] {
        let mut load = Load::connect(address, connections, Asked::post("/orders", ORDER)).await?;
        load.run(WARM_UP).await?;
        let recording = Recording::start(running.id(), LENGTH, folder.path())?;
        let (mut rates, mut latencies) = (Vec::new(), Vec::new());
        for _ in 0..LENGTH.as_secs() {
            let answered = load.run(Duration::from_secs(1)).await?;
            rates.push(answered.rate);
            latencies.extend(answered.latencies);
        }
        let profile = tokio::task::spawn_blocking(move || recording.read()).await??;
        let busy = profile.busy() / latencies.len() as f64;
        table.add(taken(connections, &rates, &mut latencies, busy));
        for (who, share) in profile.shares() {
            table.add(Row {
                work: format!("of its time on the processor, {connections} at once: {who}"),
                here: time(busy * share.median / 100.0),
                beside: "–".to_owned(),
                figure: Some((share, Unit::Percent)),
                target: None,
            });
        }
    }
    running.stop()?;
    Ok(table)
}

fn taken(connections: usize, rates: &[f64], latencies: &mut [f64], busy: f64) -> Row {
    let milliseconds: Vec<f64> = latencies.iter().map(|seconds| seconds * 1e3).collect();
    let p99 = time(Load::within(latencies, 0.99));
    Row {
        work: format!("`POST /orders` on disk, {connections} at once, until it is answered"),
        here: format!("{:.0}/s, p99 {p99}, {} on the processor for each", Estimate::of(rates).median, time(busy)),
        beside: "–".to_owned(),
        figure: Some((Estimate::of(&milliseconds), Unit::Milliseconds)),
        target: None,
    }
}

/// The order service, until a signal ends it.
pub(crate) async fn host(address: &str, folder: &str) -> Result<()> {
    let (address, folder): (SocketAddr, _) = (address.parse()?, Path::new(folder));
    let mut end = signal(SignalKind::terminate())?;
    let app = App::shipped("orders.yaml")?;
    let host = app.host(registry(address, folder), None)?;
    let admission = app.admit(&host)?;
    let deployment = host.deploy(&admission).await?;
    end.recv().await;
    host.drain(deployment, Duration::from_secs(10)).await;
    Ok(())
}

fn registry(address: SocketAddr, folder: &Path) -> Registry {
    let store = folder.join("store");
    Registry::new()
        .provider::<KeyValue>("builtin:keyvalue", move || KeyValueConfig::disk(&store))
        .provider::<Logging>("builtin:logging", Default::default)
        .trigger::<Messaging>("builtin:messaging", Default::default)
        .trigger::<HttpServer>("builtin:http-server", move || HttpConfig {
            listen: Some(address),
            ..HttpConfig::default()
        })
}

const ORDER: &str = r#"{"customer":"ada","item":"book","quantity":2,"price_cents":1250}"#;
const WARM_UP: Duration = Duration::from_secs(2);
/// A share is estimated for each second, so there are as many as of other benches' pairs.
const LENGTH: Duration = Duration::from_secs(30);
