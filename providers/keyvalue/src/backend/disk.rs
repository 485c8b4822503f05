//! Keys and values in one file, durable when acknowledged.
//!
//! Reads are transactions of their own and do not wait for writes. Writes go to one thread, which makes all that wait for it in
//! one transaction, syncs once, and then answers them all: the more writers, the fewer syncs each. A page of keys, and a batch,
//! are read on a blocking thread; one value is read in place, since a hop to another thread costs many times the read.

mod open;
mod writer;

use std::fmt::Display;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, TryLockError};

use futures::FutureExt;
use redb::{Database, ReadableDatabase, TableDefinition};
use writ_provider::OpenError;

use super::page::{Listing, Page, Pager, Visit};
use super::{Answer, AnswerSize, Backend, BackendError, Changes};
use crate::key::StoredKey;
use writer::{Work, Writer};

/// A store in one file of a folder.
pub struct Disk {
    store: Arc<Store>,
    writer: Writer,
}

impl Disk {
    /// Opens the store in `folder`, or makes an empty one there. Every account may keep `quota` bytes of keys and values.
    ///
    /// The folder and the file are made so that only their owner can read them. Blocks while it opens; after a crash it
    /// does not have to read the whole file.
    ///
    /// # Errors
    /// [`OpenError::InUse`] while another process has it open; [`OpenError::Damaged`] if the file is not a whole store, and
    /// then it is not touched; [`OpenError::Io`].
    pub fn open(folder: &Path, quota: u64) -> Result<Self, OpenError> {
        let folder = folder.to_owned();
        Self::start(move || open::database(&folder), quota)
    }

    /// A store of the database that `open` opens: now, and again if writing it fails, since redb then wants a fresh start.
    fn start(
        open: impl Fn() -> Result<Database, OpenError> + Send + Sync + 'static,
        quota: u64,
    ) -> Result<Self, OpenError> {
        let database = RwLock::new(Some(open()?));
        let store = Arc::new(Store { database, open: Box::new(open), failures: AtomicU64::new(0) });
        let writer = Writer::start(store.clone(), quota)?;
        Ok(Self { store, writer })
    }

    fn read_blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Database) -> Result<T, Failed> + Send + 'static,
    ) -> Answer<'static, T> {
        let store = self.store.clone();
        let reading = tokio::task::spawn_blocking(move || store.read(read));
        async move { reading.await.unwrap_or(Err(BackendError::Unavailable)) }.boxed()
    }
}

impl Backend for Disk {
    fn get(&self, keys: Vec<StoredKey>, budget: usize) -> Answer<'_, Vec<Option<Vec<u8>>>> {
        if keys.len() > 1 {
            return self.read_blocking(move |database| find(database, &keys, budget));
        }
        async move { self.store.read(|database| find(database, &keys, budget)) }.boxed()
    }

    fn exists(&self, key: StoredKey) -> Answer<'_, bool> {
        let find = move |database: &Database| {
            let entries = database.begin_read().map_err(failed)?.open_table(ENTRIES).map_err(failed)?;
            Ok(entries.get(key.bytes()).map_err(failed)?.is_some())
        };
        async move { self.store.read(find) }.boxed()
    }

    fn list(&self, listing: Listing) -> Answer<'_, Page> {
        self.read_blocking(move |database| list(database, listing))
    }

    fn write(&self, changes: Changes) -> Answer<'_, ()> {
        self.writer.submit(Work::Write(changes)).map(|done| done.map(drop)).boxed()
    }

    fn increment(&self, key: StoredKey, delta: u64) -> Answer<'_, u64> {
        self.writer.submit(Work::Increment(key, delta)).boxed()
    }
}

fn find(database: &Database, keys: &[StoredKey], budget: usize) -> Result<Vec<Option<Vec<u8>>>, Failed> {
    let entries = database.begin_read().map_err(failed)?.open_table(ENTRIES).map_err(failed)?;
    let mut size = AnswerSize::new(budget);
    let mut value = |key: &StoredKey| {
        let Some(found) = entries.get(key.bytes()).map_err(failed)? else { return Ok(None) };
        size.take(found.value().len())?;
        Ok(Some(found.value().to_vec()))
    };
    keys.iter().map(&mut value).collect()
}

fn list(database: &Database, listing: Listing) -> Result<Page, Failed> {
    let entries = database.begin_read().map_err(failed)?.open_table(ENTRIES).map_err(failed)?;
    let mut pager = Pager::new(listing);
    while let Some((start, end)) = pager.range() {
        let range = (start.as_ref().map(Vec::as_slice), end.as_ref().map(Vec::as_slice));
        for entry in entries.range::<&[u8]>(range).map_err(failed)? {
            let (stored, _) = entry.map_err(failed)?;
            if pager.visit(stored.value())? == Visit::Done {
                return Ok(pager.into_page());
            }
        }
        pager.ended();
    }
    Ok(pager.into_page())
}

/// The database, and how to open it again.
struct Store {
    // None only while it could not be opened again.
    database: RwLock<Option<Database>>,
    open: Box<dyn Fn() -> Result<Database, OpenError> + Send + Sync>,
    failures: AtomicU64,
}

impl Store {
    /// Does something with the open database. What failed is logged; the guest learns only that it did.
    fn read<T>(&self, work: impl FnOnce(&Database) -> Result<T, Failed>) -> Result<T, BackendError> {
        // It is held by others only while it is opened again: no worker waits for that.
        let database = match self.database.try_read() {
            Ok(database) => database,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(BackendError::Unavailable),
        };
        let Some(database) = database.as_ref() else { return Err(BackendError::Unavailable) };
        work(database).map_err(|failed| match failed {
            Failed::Asked(error) => error,
            Failed::Store(error) => self.unavailable(&error),
        })
    }

    /// Closes the database and opens it again: after a failed write redb serves nothing more.
    fn reopen(&self) {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // It must be closed before: it holds the file's lock.
        *database = None;
        match (self.open)() {
            Ok(opened) => *database = Some(opened),
            Err(error) => drop(self.unavailable(&error)),
        }
    }

    /// Logs the first failure and then each power of two of them.
    fn unavailable(&self, error: &dyn Display) -> BackendError {
        let count = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if count.is_power_of_two() {
            tracing::error!(%error, count, "the key-value store failed");
        }
        BackendError::Unavailable
    }
}

/// Why an operation on the database was not done.
enum Failed {
    /// What was asked for cannot be.
    Asked(BackendError),
    /// The store does not work.
    Store(Box<redb::Error>),
}

fn failed(error: impl Into<redb::Error>) -> Failed {
    Failed::Store(Box::new(error.into()))
}

impl From<BackendError> for Failed {
    fn from(error: BackendError) -> Self {
        Self::Asked(error)
    }
}

/// Stored keys and their values.
const ENTRIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");
/// The bytes that each account has stored, as its quota counts them.
const USED: TableDefinition<'_, &[u8; 32], u64> = TableDefinition::new("used");

#[cfg(test)]
mod tests;
