//! What checking every capability costs: this host beside raw wasmtime, redb and SHA-256 in one process.
//!
//! `cargo xtask bench` builds this program as it is released, runs it once for each name below and writes its tables into
//! `docs/performance.md`. Every ratio is a median over at least 30 pairs: this host and what it is compared with take
//! turns, so that what else the machine does falls on both. Times that nothing stands beside have as many turns, but for the
//! starts of `many`. Nothing here fails because it was slow.
//!
//! | name | measures |
//! |---|---|
//! | `calls` | typed calls into a warm instance |
//! | `imports` | `logging.log` and `keyvalue.get` under claims, and the check alone |
//! | `links` | calls over links, fused and separate, and host functions from inside five principals |
//! | `prepare` | from an admission to something that can be called, its code from the cache |
//! | `languages` | a component in each language: its memory, a fresh instance, a call |
//! | `verify` | from a file's bytes to an admission |
//! | `http` | requests, each in a fresh instance |
//! | `start` | `writ up` of the demo: its first response, its memory, its size |
//! | `store` | acknowledged writes on disk |
//! | `orders` | the order service on disk, and by a profile what its time goes to |
//! | `many` | `writ up` of a thousand components |
// A program for a terminal: stdout is data, stderr is words.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod app;
mod bare;
mod calls;
mod checks;
mod guest;
mod http_load;
mod imports;
mod languages;
mod links;
mod many;
mod measure;
mod orders;
mod prepare;
mod profile;
mod requests;
mod shim;
mod side;
mod start;
mod store;
mod up;
mod verify;

use std::process::ExitCode;

use anyhow::{Result, bail};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(table) => {
            table.iter().for_each(|table| print!("{table}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One table, but for a host that a bench starts as a process of its own.
fn run(args: &[String]) -> Result<Option<String>> {
    let table = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["calls"] => runtime()?.block_on(calls::run()),
        ["imports"] => runtime()?.block_on(imports::run()),
        ["links"] => runtime()?.block_on(links::run()),
        ["prepare"] => runtime()?.block_on(prepare::run()),
        ["languages"] => return Ok(Some(languages::run()?.to_string())),
        ["verify"] => verify::run(),
        ["http"] => runtime()?.block_on(requests::run()),
        ["start"] => start::run(),
        ["store"] => runtime()?.block_on(store::run()),
        ["orders"] => runtime()?.block_on(orders::run()),
        ["many"] => runtime()?.block_on(many::run()),
        [orders::HOST, address, folder] => return runtime()?.block_on(orders::host(address, folder)).map(|()| None),
        [languages::HOST, language, folder] => {
            return runtime()?.block_on(languages::host(language, folder)).map(|()| None);
        }
        [name] => bail!("there is no bench `{name}`"),
        _ => bail!("say which: {NAMES}"),
    };
    Ok(Some(table?.to_string()))
}

/// As `writ up` has it.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().event_interval(4).build()
}

const NAMES: &str = "calls, imports, links, prepare, languages, verify, http, start, store, orders or many";
