//! What checking every capability costs: this host beside raw wasmtime, redb and SHA-256 in one process.
//!
//! `cargo xtask bench` builds this program as it is released, runs it once for each name below and writes its tables into
//! `docs/performance.md`. Every figure is a median over at least 30 pairs: this host and what it is compared with take
//! turns, so that what else the machine does falls on both. Nothing here fails because it was slow.
//!
//! | name | measures |
//! |---|---|
//! | `calls` | typed calls into a warm instance |
//! | `imports` | `logging.log` and `keyvalue.get` under claims, and the check alone |
//! | `verify` | from a file's bytes to an admission |
//! | `http` | requests, each in a fresh instance |
//! | `start` | `writ up` of the demo: its first response, its memory, its size |
//! | `store` | acknowledged writes on disk |
// A program for a terminal: stdout is data, stderr is words.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bare;
mod calls;
mod checks;
mod guest;
mod http_load;
mod imports;
mod measure;
mod probe;
mod requests;
mod side;
mod start;
mod store;
mod verify;

use std::process::ExitCode;

use anyhow::{Result, bail};
use measure::Table;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<Table> {
    let [name] = args else { bail!("say which: calls, imports, verify, http, start or store") };
    match name.as_str() {
        "calls" => runtime()?.block_on(calls::run()),
        "imports" => runtime()?.block_on(imports::run()),
        "verify" => verify::run(),
        "http" => runtime()?.block_on(requests::run()),
        "start" => start::run(),
        "store" => runtime()?.block_on(store::run()),
        _ => bail!("there is no bench `{name}`"),
    }
}

/// As `writ up` has it.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().event_interval(4).build()
}
