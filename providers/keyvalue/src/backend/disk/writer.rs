//! The thread that writes.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use redb::{Database, Durability, ReadableTable, Table};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use writ_provider::OpenError;

use super::{ENTRIES, Failed, Store, USED, failed};
use crate::backend::{BackendError, Balance, Changes, sum};
use crate::key::{Account, StoredKey};

/// What is written, by one thread, in the order it was submitted.
pub(super) struct Writer {
    // None only while it is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    room: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

/// A change to make.
pub(super) enum Work {
    Write(Changes),
    Increment(StoredKey, u64),
}

struct Job {
    work: Work,
    answer: oneshot::Sender<Result<u64, BackendError>>,
    // Given back when the job is dropped: what waits has a bound in bytes, whoever submits it.
    room: OwnedSemaphorePermit,
}

impl Writer {
    pub(super) fn start(store: Arc<Store>, quota: u64) -> Result<Self, OpenError> {
        let (jobs, queue) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new().name("writ-keyvalue".to_owned());
        let thread = thread
            .spawn(move || serve(&store, queue, quota))
            .map_err(|source| OpenError::Io { what: "starting the key-value store's thread".to_owned(), source })?;
        Ok(Self { jobs: Some(jobs), room: Arc::new(Semaphore::new(ROOM)), thread: Some(thread) })
    }

    /// Waits for room in the queue, and then until it is done and durable. The answer to a write is 0.
    pub(super) async fn submit(&self, work: Work) -> Result<u64, BackendError> {
        let room = u32::try_from(work.room()).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(room).await.map_err(|_| BackendError::Unavailable)?;
        let jobs = self.jobs.as_ref().ok_or(BackendError::Unavailable)?;
        let (answer, answered) = oneshot::channel();
        let job = Job { work, answer, room };
        jobs.send(job).await.map_err(|_| BackendError::Unavailable)?;
        answered.await.unwrap_or(Err(BackendError::Unavailable))
    }
}

impl Drop for Writer {
    /// Waits for what is being written, so that the file is free when this returns.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It catches panics, so there is nothing to learn from how it ended.
            let _ = thread.join();
        }
    }
}

impl Work {
    /// How much of [`ROOM`] it takes while it waits.
    fn room(&self) -> usize {
        let bytes = match self {
            Self::Write(changes) => changes.iter().map(|(key, value)| entry(key, value.as_deref())).sum(),
            Self::Increment(key, _) => entry(key, None),
        };
        // What is too large to ever fit goes alone.
        (bytes / 1_024).saturating_add(1).min(ROOM)
    }
}

fn entry(key: &StoredKey, value: Option<&[u8]>) -> usize {
    key.bytes().len().saturating_add(value.map_or(0, <[u8]>::len))
}

/// Makes all that waits in one transaction, again and again, until nobody can submit any more.
fn serve(store: &Store, mut queue: mpsc::Receiver<Job>, quota: u64) {
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < WAITING
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        // Who gave up waiting is not owed the change any more.
        group.retain(|job| !job.answer.is_closed());
        answer(store, group, quota);
    }
}

fn answer(store: &Store, group: Vec<Job>, quota: u64) {
    let (works, waiting): (Vec<Work>, Vec<_>) = group.into_iter().map(|job| (job.work, (job.answer, job.room))).unzip();
    let count = works.len();
    let made = catch_unwind(AssertUnwindSafe(|| store.read(|database| commit(database, works, quota))));
    let answers = made.unwrap_or(Err(BackendError::Unavailable)).unwrap_or_else(|error| {
        store.reopen();
        vec![Err(error); count]
    });
    for ((waiter, room), answer) in waiting.into_iter().zip(answers) {
        // Nobody to tell: the call ended meanwhile.
        let _ = waiter.send(answer);
        drop(room);
    }
}

/// Makes the changes, each wholly or not at all, and syncs. An `Err` says that none is to be acknowledged.
fn commit(database: &Database, works: Vec<Work>, quota: u64) -> Result<Vec<Result<u64, BackendError>>, Failed> {
    let mut transaction = database.begin_write().map_err(failed)?;
    transaction.set_durability(Durability::Immediate).map_err(failed)?;
    // Guests choose what is written, so the cheaper commit, which trusts a checksum that can be forged, is not for here. This
    // one also saves what opening after a crash needs.
    transaction.set_quick_repair(true);
    let mut answers = Vec::with_capacity(works.len());
    {
        let entries = transaction.open_table(ENTRIES).map_err(failed)?;
        let used = transaction.open_table(USED).map_err(failed)?;
        let mut change = Change { entries, used, quota, now: HashMap::new() };
        for work in works {
            match change.make(work) {
                Ok(answer) => answers.push(Ok(answer)),
                Err(Failed::Asked(error)) => answers.push(Err(error)),
                Err(error) => return Err(error),
            }
        }
        if !change.finish()? {
            return Ok(answers);
        }
    }
    transaction.commit().map_err(failed)?;
    Ok(answers)
}

/// A transaction under way.
struct Change<'a> {
    entries: Table<'a, &'static [u8], &'static [u8]>,
    used: Table<'a, &'static [u8; 32], u64>,
    quota: u64,
    // What the accounts of this transaction have stored by now.
    now: HashMap<Account, u64>,
}

impl Change<'_> {
    fn make(&mut self, work: Work) -> Result<u64, Failed> {
        match work {
            Work::Write(changes) => self.write(&changes).map(|()| 0),
            Work::Increment(key, delta) => {
                let sum =
                    sum(self.entries.get(key.bytes()).map_err(failed)?.as_ref().map(|stored| stored.value()), delta)?;
                self.write(&Changes::from([(key, Some(sum.to_string().into_bytes()))]))?;
                Ok(sum)
            }
        }
    }

    /// Checks the quota first, so that a refusal leaves nothing half made.
    fn write(&mut self, changes: &Changes) -> Result<(), Failed> {
        let Some(account) = changes.keys().next().map(|key| *key.account()) else { return Ok(()) };
        let mut balance = Balance::default();
        for (key, value) in changes {
            let before = self.entries.get(key.bytes()).map_err(failed)?.map(|stored| stored.value().len());
            balance.count(key, before, value.as_ref().map(Vec::len));
        }
        if balance == Balance::default() {
            return Ok(());
        }
        let used = match self.now.get(&account) {
            Some(used) => *used,
            None => self.used.get(&account).map_err(failed)?.map_or(0, |used| used.value()),
        };
        let after = balance.apply(used, self.quota)?;
        for (key, value) in changes {
            match value {
                Some(value) => drop(self.entries.insert(key.bytes(), value.as_slice()).map_err(failed)?),
                None => drop(self.entries.remove(key.bytes()).map_err(failed)?),
            }
        }
        self.now.insert(account, after);
        Ok(())
    }

    /// Notes what the accounts have stored. Whether anything was changed.
    fn finish(mut self) -> Result<bool, Failed> {
        for (account, used) in &self.now {
            self.used.insert(account, used).map_err(failed)?;
        }
        Ok(!self.now.is_empty())
    }
}

/// How many changes wait, and how many one transaction makes.
const WAITING: usize = 1_024;
/// How much waits, in KiB.
const ROOM: usize = 32 << 10;
