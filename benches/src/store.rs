//! Key-value on disk: acknowledged writes beside redb with the same durability, each write a transaction of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use redb::{Database, Durability, TableDefinition};
use writ_keyvalue::backend::disk::Disk;
use writ_keyvalue::backend::{Backend, Changes};
use writ_keyvalue::key::Scope;

use crate::guest::guests;
use crate::measure::{Pairs, Row, Table, Unit};

pub(crate) async fn run() -> Result<Table> {
    // On the disk that guests are built on; the system's temporary folder may be in memory.
    let folder = tempfile::tempdir_in(guests()?)?;
    let disk = Arc::new(Disk::open(&folder.path().join("ours"), 1 << 40)?);
    let raw = Arc::new(raw(&folder.path().join("theirs.redb"))?);
    let mut table = Table::default();
    for writers in [1, 64] {
        let mut pairs = Pairs::default();
        for turn in 0..=SLICES {
            let (ours, theirs);
            if turn % 2 == 0 {
                ours = ours_per_write(&disk, writers).await?;
                theirs = theirs_per_write(&raw, writers).await?;
            } else {
                theirs = theirs_per_write(&raw, writers).await?;
                ours = ours_per_write(&disk, writers).await?;
            }
            if turn > 0 {
                pairs.push(ours, theirs);
            }
        }
        table.add(Row {
            work: format!("key-value on disk, acknowledged writes of 100 bytes, {writers} at once"),
            here: format!("{:.0}/s", 1.0 / pairs.ours().median),
            beside: format!("raw redb {:.0}/s", 1.0 / pairs.theirs().median),
            figure: Some((pairs.ratio(), Unit::Ratio)),
            target: None,
        });
    }
    Ok(table)
}

/// Seconds per acknowledged write.
async fn ours_per_write(disk: &Arc<Disk>, writers: usize) -> Result<f64> {
    let start = Instant::now();
    let end = start + SLICE;
    let writer = |_| {
        let disk = disk.clone();
        tokio::spawn(async move {
            let scope = Scope::new(&[7; 32], "bench");
            let mut count = 0_u32;
            while Instant::now() < end {
                disk.write(Changes::from([(scope.key(&key()), Some(vec![1; 100]))])).await?;
                count = count.saturating_add(1);
            }
            anyhow::Ok(count)
        })
    };
    let mut written = 0_u32;
    for writer in futures::future::join_all((0..writers).map(writer)).await {
        written = written.saturating_add(writer??);
    }
    Ok(start.elapsed().as_secs_f64() / f64::from(written))
}

async fn theirs_per_write(database: &Arc<Database>, writers: usize) -> Result<f64> {
    let start = Instant::now();
    let end = start + SLICE;
    let writer = |_| {
        let database = database.clone();
        tokio::task::spawn_blocking(move || {
            let mut count = 0_u32;
            while Instant::now() < end {
                let mut transaction = database.begin_write()?;
                // As the provider has it.
                transaction.set_durability(Durability::Immediate)?;
                transaction.set_quick_repair(true);
                transaction.open_table(ENTRIES)?.insert(key().as_bytes(), [1; 100].as_slice())?;
                transaction.commit()?;
                count = count.saturating_add(1);
            }
            anyhow::Ok(count)
        })
    };
    let mut written = 0_u32;
    for writer in futures::future::join_all((0..writers).map(writer)).await {
        written = written.saturating_add(writer??);
    }
    Ok(start.elapsed().as_secs_f64() / f64::from(written))
}

fn raw(path: &Path) -> Result<Database> {
    let database = Database::create(path)?;
    let transaction = database.begin_write()?;
    transaction.open_table(ENTRIES)?;
    transaction.commit()?;
    Ok(database)
}

/// As long as the provider's stored keys, and never the same.
fn key() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{:056}", NEXT.fetch_add(1, Ordering::Relaxed))
}

const ENTRIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");
const SLICES: usize = 30;
const SLICE: Duration = Duration::from_millis(400);
