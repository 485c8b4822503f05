//! The order service on disk under `POST /orders`: how many it takes, and what its time on the processor goes to.
//!
//! The host is a process of its own, this program once more: it has the providers that `writ up` has, and the names of its
//! functions, which a released `writ` has not.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use writ_host::{Artifact, Candidate, Host, Policies, Registry, Settings, VerifiedArtifact, now};
use writ_http::{HttpConfig, HttpServer};
use writ_keyvalue::{KeyValue, KeyValueConfig};
use writ_logging::Logging;
use writ_manifest::{Application, TrustPolicy};
use writ_messaging::Messaging;
use writ_signing::{PublicKey, Revocations, Roots};

use crate::guest::{guests, variable};
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
    let operators = trusted()?;
    let roots = operators.iter().map(|operator| (*operator, Revocations::Never)).collect::<Roots>();
    let application = Application::parse(&fs::read_to_string(guests()?.join("orders.yaml"))?)?;
    let verified = |entry: &writ_manifest::Component| -> Result<VerifiedArtifact> {
        let image = entry.image().context("a component without an image")?;
        Ok(Artifact::new(fs::read(guests()?.join(&image.value))?)?.verify(&roots, now())?)
    };
    let verified = application.components.iter().map(verified).collect::<Result<Vec<_>>>()?;
    let parts = application.components.iter().zip(&verified);
    let candidates: Vec<_> = parts.map(|(entry, verified)| Candidate { entry, verified }).collect();

    let trust = operators.into_iter().map(|operator| (operator, TrustPolicy::Any)).collect();
    let policies = Policies { host: None, trust };
    let host = Host::new(Settings { policies, ..Settings::default() }, registry(address, folder))?;
    let admission = host.authorize(&candidates, &application)?;
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

/// The operators whom the guests' home trusts: `trust/O….yaml`.
fn trusted() -> Result<Vec<PublicKey>> {
    let mut operators = Vec::new();
    for entry in fs::read_dir(variable("WRIT_HOME")?.join("trust"))? {
        let name = entry?.file_name();
        operators.extend(name.to_str().and_then(|name| name.strip_suffix(".yaml")?.parse::<PublicKey>().ok()));
    }
    Ok(operators)
}

const ORDER: &str = r#"{"customer":"ada","item":"book","quantity":2,"price_cents":1250}"#;
const WARM_UP: Duration = Duration::from_secs(2);
/// A share is estimated for each second, so there are as many as of other benches' pairs.
const LENGTH: Duration = Duration::from_secs(30);
