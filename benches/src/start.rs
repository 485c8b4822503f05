//! `writ up` of the demo as a user runs it: how soon it answers, what it keeps in memory, how large it is.

use std::time::Duration;

use anyhow::Result;

use crate::guest::{guests, variable};
use crate::measure::{Estimate, Row, Table, Unit};
use crate::up::Up;

pub(crate) fn run() -> Result<Table> {
    // On the disk that guests are built on; the system's temporary folder may be in memory.
    let data = tempfile::tempdir_in(guests()?)?;
    let demo = Up {
        writ: variable("WRIT_BIN")?,
        home: variable("WRIT_HOME")?,
        manifest: guests()?.join("orders.yaml"),
        data: data.path().to_owned(),
        path: "/totals".to_owned(),
    };
    // Compiles, and makes the store.
    demo.start()?.stop()?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let running = demo.start()?;
        times.push(running.answered.as_secs_f64() * 1e3);
        running.stop()?;
    }
    let mut table = Table::default();
    let row = |work: &str, figure, unit, target| Row {
        work: work.to_owned(),
        here: "–".to_owned(),
        beside: "–".to_owned(),
        figure: Some((figure, unit)),
        target: Some(target),
    };
    let first = "`writ up` of the compiled demo, from the start of the process to its first response";
    table.add(row(first, Estimate::of(&times), Unit::Milliseconds, 50.0));

    let running = demo.start()?;
    std::thread::sleep(IDLE);
    let resident = Estimate::of(&[running.resident()? / 1e6]);
    running.stop()?;
    table.add(row("VmRSS of the demo after 10 s of idling", resident, Unit::Megabytes, 40.0));

    let size = std::fs::metadata(&demo.writ)?.len() as f64 / 1e6;
    table.add(row("the stripped program", Estimate::of(&[size]), Unit::Megabytes, 40.0));
    Ok(table)
}

const STARTS: usize = 40;
/// How long a host idles before its memory is looked at.
pub(crate) const IDLE: Duration = Duration::from_secs(10);
