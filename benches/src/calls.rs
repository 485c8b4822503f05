//! Typed calls into a warm instance: this host's store, with its limits, epochs and handles, beside a bare one.

use anyhow::Result;

use crate::checks::warm;
use crate::measure::{Row, Table, Unit, time};
use crate::side::Job;

pub(crate) async fn run() -> Result<Table> {
    let mut table = Table::default();
    for (job, pairs) in warm(&[Job::Nop, Job::Echo]).await? {
        let what = if job == Job::Nop { "no argument" } else { "a 32-byte string, and back" };
        table.add(Row {
            work: format!("typed call into a warm instance, {what}"),
            here: time(pairs.ours().median),
            beside: format!("raw wasmtime {}", time(pairs.theirs().median)),
            figure: Some((pairs.ratio(), Unit::Ratio)),
            target: Some(1.10),
        });
    }
    Ok(table)
}
