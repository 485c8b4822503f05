//! A thousand components on one host, a route for each, beside a host with one: `writ up`, as a user runs it.
//!
//! Each is the bench's guest with a custom section of its own, so that no two have the same bytes, and with a key of its own.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::guest::{self, Signer, guests, variable};
use crate::http_load::{Asked, Load};
use crate::measure::{Estimate, Pairs, Row, Table, Unit, time};
use crate::start::IDLE;
use crate::up::{Running, Up};

pub(crate) async fn run() -> Result<Table> {
    // On the disk that guests are built on; the system's temporary folder may be in memory.
    let folder = tempfile::tempdir_in(guests()?)?;
    let folder = folder.path();
    make(folder)?;
    let (many, one) = (up(folder, "many", MANY - 1)?, up(folder, "one", 0)?);

    let mut table = Table::default();
    let cold = many.start()?;
    table.add(first_answer("nothing compiled", &[cold.answered]));
    cold.stop()?;
    let mut warm = Vec::new();
    for _ in 0..STARTS {
        let running = many.start()?;
        warm.push(running.answered);
        running.stop()?;
    }
    table.add(first_answer("all compiled before", &warm));
    // Compiles.
    one.start()?.stop()?;

    let (many, one) = (many.start()?, one.start()?);
    tokio::time::sleep(IDLE).await;
    table.add(resident(&many, &one)?);
    for connections in [1, 16] {
        table.add(requests(&many, &one, connections).await?);
    }
    many.stop()?;
    one.stop()?;
    Ok(table)
}

/// The components' files, both manifests, and a home that trusts who signed them.
fn make(folder: &Path) -> Result<()> {
    let (guest, signer) = (guest::bytes("bench-guest")?, Signer::new(guest::claims())?);
    for number in 0..MANY {
        fs::write(folder.join(format!("{number}.wasm")), signer.sign("guest", &numbered(&guest, number))?)?;
    }
    fs::write(folder.join("many.yaml"), manifest(MANY))?;
    fs::write(folder.join("one.yaml"), manifest(1))?;
    let mut trust = Command::new(variable("WRIT_BIN")?);
    trust.env("WRIT_HOME", folder.join("home")).args(["trust", "add", &signer.operator().to_string(), "--any"]);
    ensure!(trust.stdout(Stdio::null()).status()?.success(), "the operator cannot be trusted");
    Ok(())
}

/// The component with its number in a custom section.
fn numbered(component: &[u8], number: usize) -> Vec<u8> {
    let name = b"bench";
    let content = number.to_string();
    let mut numbered = component.to_vec();
    // The section's id, its length, which fits a byte, and its name.
    numbered.extend([0, (1 + name.len() + content.len()) as u8, name.len() as u8]);
    numbered.extend_from_slice(name);
    numbered.extend_from_slice(content.as_bytes());
    numbered
}

fn manifest(components: usize) -> String {
    let mut text = String::from(
        "apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: many }
spec:
  components:
",
    );
    for number in 0..components {
        let _ = writeln!(text, "    - {{ name: c{number}, type: component, properties: {{ image: {number}.wasm }} }}");
    }
    text.push_str("    - name: http\n      type: capability\n      properties: { image: builtin:http-server }\n");
    text.push_str("      traits:\n");
    for number in 0..components {
        let path = path(number);
        let source = format!("{{ config: [{{ name: r{number}, properties: {{ path: {path} }} }}] }}");
        let link = format!("name: l{number}, target: {{ name: c{number} }}, namespace: wasi, package: http");
        let _ = writeln!(
            text,
            "        - type: link\n          properties: {{ {link}, interfaces: [incoming-handler], source: {source} }}"
        );
    }
    text
}

fn path(number: usize) -> String {
    format!("/{number}")
}

/// The host of a manifest, which is up when that component answers.
fn up(folder: &Path, name: &str, last: usize) -> Result<Up> {
    Ok(Up {
        writ: variable("WRIT_BIN")?,
        home: folder.join("home"),
        manifest: folder.join(format!("{name}.yaml")),
        data: folder.join(name),
        path: path(last),
    })
}

fn first_answer(state: &str, took: &[Duration]) -> Row {
    let milliseconds: Vec<f64> = took.iter().map(|took| took.as_secs_f64() * 1e3).collect();
    let estimate = Estimate::of(&milliseconds);
    Row {
        work: format!("`writ up` of {MANY} components, {state}, to its first response"),
        here: format!("{} for each", time(estimate.median / 1e3 / MANY as f64)),
        beside: "–".to_owned(),
        figure: Some((estimate, Unit::Milliseconds)),
        target: None,
    }
}

fn resident(many: &Running, one: &Running) -> Result<Row> {
    let (many, one) = (many.resident()?, one.resident()?);
    let each = (many - one) / (MANY - 1) as f64 / 1e3;
    Ok(Row {
        work: "VmRSS after 10 s of idling, for each component on top of the first".to_owned(),
        here: format!("{:.1} MB for {MANY}", many / 1e6),
        beside: format!("{:.1} MB for one", one / 1e6),
        figure: Some((Estimate::of(&[each]), Unit::Kilobytes)),
        target: None,
    })
}

/// Requests that go round all routes, beside requests to the only one.
async fn requests(many: &Running, one: &Running, connections: usize) -> Result<Row> {
    let mut ours = Load::connect(many.address, connections, Asked::get((0..MANY).map(path))).await?;
    let mut theirs = Load::connect(one.address, connections, Asked::get(["/0".to_owned()])).await?;
    let mut p99 = Pairs::default();
    let mut latencies = [Vec::new(), Vec::new()];
    for turn in 0..=SLICES {
        let (mut here, mut beside);
        // Each goes first in half of the pairs.
        if turn % 2 == 0 {
            here = ours.run(SLICE).await?.latencies;
            beside = theirs.run(SLICE).await?.latencies;
        } else {
            beside = theirs.run(SLICE).await?.latencies;
            here = ours.run(SLICE).await?.latencies;
        }
        if turn > 0 {
            p99.push(Load::within(&mut here, 0.99), Load::within(&mut beside, 0.99));
            let [all_here, all_beside] = &mut latencies;
            all_here.extend(here);
            all_beside.extend(beside);
        }
    }
    let [here, beside] = latencies.map(|mut all| {
        let mut within = |share| time(Load::within(&mut all, share));
        format!("p50 {}, p99 {}", within(0.5), within(0.99))
    });
    let plural = if connections == 1 { "" } else { "s" };
    Ok(Row {
        work: format!("p99 of a request, {MANY} deployed and asked in turn, {connections} connection{plural}"),
        here,
        beside: format!("one deployed {beside}"),
        figure: Some((p99.ratio(), Unit::Ratio)),
        target: None,
    })
}

const MANY: usize = 1_000;
const STARTS: usize = 10;
const SLICES: usize = 40;
const SLICE: Duration = Duration::from_millis(500);
