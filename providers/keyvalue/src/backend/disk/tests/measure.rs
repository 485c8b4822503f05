//! What durability costs: `cargo test --workspace --lib -- --ignored --nocapture measure`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use redb::Durability;

use super::*;

const TIME: Duration = Duration::from_secs(2);

#[ignore = "a measurement"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let mut report = String::new();
    for two_phase in [false, true] {
        for quick in [false, true] {
            let rate = raw(&folder.path().join(format!("raw {two_phase} {quick}")), two_phase, quick);
            writeln!(report, "raw redb, two-phase {two_phase}, quick repair {quick}: {rate:.0} writes/s").unwrap();
        }
    }
    let disk = Arc::new(Disk::open(folder.path(), ROOMY).unwrap());
    for tasks in [1, 64] {
        let rate = writes(&disk, tasks).await;
        writeln!(report, "disk, {tasks} tasks: {rate:.0} acknowledged writes/s").unwrap();
    }
    let start = Instant::now();
    for index in 0..20_000_u32 {
        std::hint::black_box(get(&disk, &format!("0 {index}")).await);
    }
    writeln!(report, "disk, get in place: {:?}", start.elapsed() / 20_000).unwrap();
    let start = Instant::now();
    for index in 0..20_000_u32 {
        let keys = [key(&format!("0 {index}"))];
        std::hint::black_box(disk.read_blocking(move |database| find(database, &keys, 1 << 20)).await.unwrap());
    }
    writeln!(report, "disk, get on a blocking thread: {:?}", start.elapsed() / 20_000).unwrap();
    std::io::stdout().write_all(report.as_bytes()).unwrap();
}

async fn writes(disk: &Arc<Disk>, tasks: usize) -> f64 {
    let end = Instant::now() + TIME;
    let write = |task: usize| {
        let disk = disk.clone();
        tokio::spawn(async move {
            let mut count = 0_u32;
            while Instant::now() < end {
                set(&disk, &format!("{task} {count}"), &[1; 100]).await.unwrap();
                count += 1;
            }
            f64::from(count)
        })
    };
    let mut sum = 0.0;
    for task in (0..tasks).map(write).collect::<Vec<_>>() {
        sum += task.await.unwrap();
    }
    sum / TIME.as_secs_f64()
}

/// One write and one sync at a time, with nothing around it.
fn raw(path: &Path, two_phase: bool, quick: bool) -> f64 {
    let database = Database::create(path).unwrap();
    let (end, mut count) = (Instant::now() + TIME, 0_u32);
    while Instant::now() < end {
        let mut transaction = database.begin_write().unwrap();
        transaction.set_durability(Durability::Immediate).unwrap();
        transaction.set_two_phase_commit(two_phase);
        transaction.set_quick_repair(quick);
        let stored = key(&count.to_string());
        transaction.open_table(ENTRIES).unwrap().insert(stored.bytes(), [1; 100].as_slice()).unwrap();
        transaction.commit().unwrap();
        count += 1;
    }
    f64::from(count) / TIME.as_secs_f64()
}
