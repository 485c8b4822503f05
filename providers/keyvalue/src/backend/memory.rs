//! Keys and values in memory: for tests, and for runs that keep nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures::FutureExt;
use futures::future::ready;

use super::page::{Listing, Page, Pager, Visit};
use super::{Answer, AnswerSize, Backend, BackendError, Balance, Changes, sum};
use crate::key::{Account, StoredKey};

/// A store that is gone with the process.
pub struct Memory {
    shelf: RwLock<Shelf>,
    quota: u64,
}

#[derive(Default)]
struct Shelf {
    // Shared, so that a value is copied after the lock was given back.
    entries: BTreeMap<Vec<u8>, Arc<[u8]>>,
    used: HashMap<Account, u64>,
}

impl Memory {
    /// An empty store, in which every account may keep `quota` bytes of keys and values.
    pub fn new(quota: u64) -> Self {
        Self { shelf: RwLock::default(), quota }
    }

    // A panic while it is held cannot leave the shelf half changed: quotas are checked first, and inserting does not fail.
    fn read(&self) -> RwLockReadGuard<'_, Shelf> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Shelf> {
        self.shelf.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, keys: &[StoredKey], budget: usize) -> Result<Vec<Option<Vec<u8>>>, BackendError> {
        let found: Vec<Option<Arc<[u8]>>> = {
            let shelf = self.read();
            keys.iter().map(|key| shelf.entries.get(key.bytes()).cloned()).collect()
        };
        let mut size = AnswerSize::new(budget);
        found.iter().flatten().try_for_each(|value| size.take(value.len()))?;
        Ok(found.into_iter().map(|value| value.map(|value| value.to_vec())).collect())
    }

    /// Visits some keys. The lock is held for so many and no longer: writers wait for it.
    fn advance(&self, pager: &mut Pager) -> Result<Visit, BackendError> {
        let Some(range) = pager.range() else { return Ok(Visit::Done) };
        let shelf = self.read();
        for (index, stored) in shelf.entries.range(range).map(|(stored, _)| stored).enumerate() {
            if pager.visit(stored)? == Visit::Done {
                return Ok(Visit::Done);
            }
            if index >= AT_ONCE {
                pager.pause(stored);
                return Ok(Visit::Next);
            }
        }
        pager.ended();
        Ok(Visit::Next)
    }
}

impl Shelf {
    fn write(&mut self, changes: Changes, quota: u64) -> Result<(), BackendError> {
        let Some(account) = changes.keys().next().map(|key| *key.account()) else { return Ok(()) };
        let mut balance = Balance::default();
        for (key, value) in &changes {
            let before = self.entries.get(key.bytes()).map(|value| value.len());
            balance.count(key, before, value.as_ref().map(Vec::len));
        }
        let used = self.used.entry(account).or_default();
        *used = balance.apply(*used, quota)?;
        for (key, value) in changes {
            match value {
                Some(value) => self.entries.insert(key.bytes().to_vec(), value.into()),
                None => self.entries.remove(key.bytes()),
            };
        }
        Ok(())
    }

    fn increment(&mut self, key: StoredKey, delta: u64, quota: u64) -> Result<u64, BackendError> {
        let sum = sum(self.entries.get(key.bytes()).map(AsRef::as_ref), delta)?;
        self.write(Changes::from([(key, Some(sum.to_string().into_bytes()))]), quota)?;
        Ok(sum)
    }
}

impl Backend for Memory {
    fn get(&self, keys: Vec<StoredKey>, budget: usize) -> Answer<'_, Vec<Option<Vec<u8>>>> {
        ready(self.find(&keys, budget)).boxed()
    }

    fn exists(&self, key: StoredKey) -> Answer<'_, bool> {
        ready(Ok(self.read().entries.contains_key(key.bytes()))).boxed()
    }

    fn list(&self, listing: Listing) -> Answer<'_, Page> {
        let mut pager = Pager::new(listing);
        async move {
            while self.advance(&mut pager)? == Visit::Next {
                tokio::task::yield_now().await;
            }
            Ok(pager.into_page())
        }
        .boxed()
    }

    fn write(&self, changes: Changes) -> Answer<'_, ()> {
        ready(self.change().write(changes, self.quota)).boxed()
    }

    fn increment(&self, key: StoredKey, delta: u64) -> Answer<'_, u64> {
        ready(self.change().increment(key, delta, self.quota)).boxed()
    }
}

/// How many keys are visited while the lock is held.
const AT_ONCE: usize = 1_000;
