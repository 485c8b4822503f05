//! Host functions under claims: three documents, each with a rate, beside the same functions without the check.

use anyhow::Result;

use crate::checks::{alone, warm};
use crate::measure::{Row, Table, Unit, time};
use crate::side::Job;

pub(crate) async fn run() -> Result<Table> {
    let mut table = Table::default();
    for (job, pairs) in warm(&[Job::Log, Job::Get]).await? {
        let what = if job == Job::Log { "`logging.log`, nobody reads the log" } else { "in-memory `keyvalue.get`" };
        table.add(Row {
            work: what.to_owned(),
            here: format!("{} ({} on top)", time(pairs.ours().median), time(pairs.difference().median)),
            beside: format!("unchecked {}", time(pairs.theirs().median)),
            figure: Some((pairs.ratio(), Unit::Ratio)),
            target: Some(1.25),
        });
    }
    for alone in alone()? {
        table.add(Row {
            work: format!("the check alone, three documents, {}", alone.what),
            here: time(alone.estimate.median / 1e9),
            beside: "–".to_owned(),
            figure: Some((alone.estimate, Unit::Nanoseconds)),
            target: alone.whole.then_some(50.0),
        });
    }
    Ok(table)
}
