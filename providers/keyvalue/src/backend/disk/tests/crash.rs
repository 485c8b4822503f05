//! A process that is killed while it writes.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

/// Where the child finds the folder. The test runs itself again with it set.
const FOLDER: &str = "WRIT_KEYVALUE_CRASH_FOLDER";
/// How many tasks write in the child.
const TASKS: usize = 8;

#[test]
fn what_was_acknowledged_survives_a_kill() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return write_until_killed(folder.into());
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for acks in [1, 40, 173, 400] {
        run_child(folder.path(), acks, &mut acknowledged);
        let disk = Disk::open(folder.path(), ROOMY).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(check(&disk, &acknowledged));
    }
}

/// Kills the child after so many acknowledgements, and notes the last one of each task.
fn run_child(folder: &Path, acks: usize, acknowledged: &mut BTreeMap<String, u64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "backend::disk::tests::crash::what_was_acknowledged_survives_a_kill", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).split(b'\n').map(Result::unwrap) {
        let line = String::from_utf8(line).unwrap();
        let mut words = line.split(' ');
        // The last line may be cut; the harness prints lines of its own.
        let (Some("ack"), Some(task), Some(sum), Some(".")) = (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        acknowledged.insert(task.to_owned(), sum.parse().unwrap());
        seen += 1;
        if seen == acks {
            child.kill().unwrap();
        }
    }
    assert!(seen >= acks, "the child ended by itself: {:?}", child.wait());
    child.wait().unwrap();
}

async fn check(disk: &Disk, acknowledged: &BTreeMap<String, u64>) {
    let number = async |at: &str| -> u64 {
        get(disk, at).await.map_or(0, |value| String::from_utf8(value).unwrap().parse().unwrap())
    };
    let mut sum = 0;
    for task in (0..TASKS).map(|task| task.to_string()) {
        let kept = number(&task).await;
        assert!(kept >= acknowledged.get(&task).copied().unwrap_or(0), "task {task} lost an acknowledged increment");
        // Written with it in one batch.
        assert_eq!(number(&format!("{task} again")).await, kept, "task {task}: half a batch");
        sum += kept;
    }
    // Each task increments it after its own number.
    let all = number("all").await;
    assert!(all <= sum && sum <= all + TASKS as u64 * 4, "{all} of {sum}");
}

fn write_until_killed(folder: PathBuf) {
    let disk = Arc::new(Disk::open(&folder, ROOMY).unwrap());
    let write = async |disk: Arc<Disk>, task: String| {
        let again = format!("{task} again");
        let mut number: u64 =
            get(&disk, &task).await.map_or(0, |value| String::from_utf8(value).unwrap().parse().unwrap());
        loop {
            number += 1;
            let value = || Some(number.to_string().into_bytes());
            disk.write(Changes::from([(key(&task), value()), (key(&again), value())])).await.unwrap();
            disk.increment(key("all"), 1).await.unwrap();
            let mut stdout = std::io::stdout().lock();
            writeln!(stdout, "ack {task} {number} .").unwrap();
            stdout.flush().unwrap();
        }
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let tasks = (0..TASKS).map(|task| write(disk.clone(), task.to_string()));
        futures::future::join_all(tasks).await;
    });
}
