//! The host functions: what a guest's calls become.

mod failure;
mod list;

use std::sync::Arc;

use writ_provider::wasmtime;
use writ_provider::{Deadline, Grant, Resource, ResourceTable, View};

use crate::backend::{Backend, Changes};
use crate::bindings::wasi::keyvalue::{atomics, batch, store};
use crate::claim::{LABEL, MOST_NAME, Request, Verb};
use crate::key::{Scope, StoredKey};
use crate::{Entry, KeyValue};
pub use failure::Failure;

/// An open bucket. It carries the grant that it was opened under.
pub struct Bucket {
    name: String,
    scope: Scope,
    backend: Arc<dyn Backend>,
    grant: Grant<Entry>,
    // Where the next page starts, for a guest that asks for it under the cursor it was given last.
    listed: Option<(u64, String)>,
}

impl Bucket {
    /// The key as it is stored, if the grant lets `verb` be done with it.
    fn key(&self, key: &str, verb: Verb, size: usize) -> Result<StoredKey, Failure> {
        if key.len() > MOST_KEY {
            return Err(Failure::other(format!("a key has at most {MOST_KEY} bytes")));
        }
        self.grant.permits(Request::Operation { bucket: &self.name, key, verb, size })?;
        Ok(self.scope.key(key))
    }

    /// As [`Bucket::key`], for several.
    fn keys(&self, keys: &[String], verb: Verb) -> Result<Vec<StoredKey>, Failure> {
        check_batch(keys.len())?;
        keys.iter().map(|key| self.key(key, verb, 0)).collect()
    }

    /// The key of a value that is to be written.
    fn value(&self, key: &str, value: &[u8]) -> Result<StoredKey, Failure> {
        if value.len() > MOST_VALUE {
            return Err(Failure::other(format!("a value has at most {MOST_VALUE} bytes")));
        }
        self.key(key, Verb::Write, value.len())
    }

    async fn get(&self, key: &str, deadline: Deadline) -> Result<Option<Vec<u8>>, Failure> {
        let key = self.key(key, Verb::Read, 0)?;
        let mut values = deadline.bound(self.backend.get(vec![key], MOST_VALUE)).await??;
        Ok(values.pop().flatten())
    }

    async fn write(&self, changes: Changes, deadline: Deadline) -> Result<(), Failure> {
        Ok(deadline.bound(self.backend.write(changes)).await??)
    }
}

fn check_batch(keys: usize) -> Result<(), Failure> {
    if keys > MOST_KEYS {
        return Err(Failure::other(format!("a batch has at most {MOST_KEYS} keys")));
    }
    Ok(())
}

fn bucket<'t>(table: &'t ResourceTable, bucket: &Resource<Bucket>) -> Result<&'t Bucket, Failure> {
    // A guest cannot forge a handle, so one that is not there is a bug: it traps.
    table.get(bucket).map_err(|error| Failure::Trap(error.into()))
}

impl store::Host for View<'_, KeyValue> {
    async fn open(&mut self, label: String) -> Result<Resource<Bucket>, Failure> {
        let grant = &self.handle.grant;
        if label.len() > MOST_NAME {
            return Err(Failure::NoSuchStore);
        }
        let name = grant.link().get(&format!("{LABEL}{label}")).cloned().unwrap_or(label);
        grant.permits(Request::Open { bucket: &name })?;
        let scope = Scope::new(grant.principal().account().bytes(), &name);
        let backend = self.handle.backend.clone();
        let bucket = Bucket { name, scope, backend, grant: grant.clone(), listed: None };
        self.table.push(bucket).map_err(|_| Failure::other("too many resources are open"))
    }

    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<store::Error> {
        failure.into_error()
    }
}

impl store::HostBucket for View<'_, KeyValue> {
    async fn get(&mut self, this: Resource<Bucket>, key: String) -> Result<Option<Vec<u8>>, Failure> {
        bucket(self.table, &this)?.get(&key, self.deadline).await
    }

    async fn set(&mut self, this: Resource<Bucket>, key: String, value: Vec<u8>) -> Result<(), Failure> {
        let bucket = bucket(self.table, &this)?;
        let key = bucket.value(&key, &value)?;
        bucket.write(Changes::from([(key, Some(value))]), self.deadline).await
    }

    async fn delete(&mut self, this: Resource<Bucket>, key: String) -> Result<(), Failure> {
        let bucket = bucket(self.table, &this)?;
        let key = bucket.key(&key, Verb::Write, 0)?;
        bucket.write(Changes::from([(key, None)]), self.deadline).await
    }

    async fn exists(&mut self, this: Resource<Bucket>, key: String) -> Result<bool, Failure> {
        let bucket = bucket(self.table, &this)?;
        let key = bucket.key(&key, Verb::Read, 0)?;
        Ok(self.deadline.bound(bucket.backend.exists(key)).await??)
    }

    async fn list_keys(&mut self, this: Resource<Bucket>, cursor: Option<u64>) -> Result<store::KeyResponse, Failure> {
        let bucket = self.table.get_mut(&this).map_err(|error| Failure::Trap(error.into()))?;
        bucket.list(cursor, self.deadline).await
    }

    async fn drop(&mut self, this: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl atomics::Host for View<'_, KeyValue> {
    async fn increment(&mut self, this: Resource<Bucket>, key: String, delta: u64) -> Result<u64, Failure> {
        let bucket = bucket(self.table, &this)?;
        let key = bucket.key(&key, Verb::Increment, 0)?;
        Ok(self.deadline.bound(bucket.backend.increment(key, delta)).await??)
    }
}

/// A key and its value, if it has one.
type Pair = Option<(String, Vec<u8>)>;

impl batch::Host for View<'_, KeyValue> {
    async fn get_many(&mut self, this: Resource<Bucket>, keys: Vec<String>) -> Result<Vec<Pair>, Failure> {
        let bucket = bucket(self.table, &this)?;
        let stored = bucket.keys(&keys, Verb::Read)?;
        let values = self.deadline.bound(bucket.backend.get(stored, MOST_BATCH)).await??;
        Ok(keys.into_iter().zip(values).map(|(key, value)| Some((key, value?))).collect())
    }

    async fn set_many(&mut self, this: Resource<Bucket>, pairs: Vec<(String, Vec<u8>)>) -> Result<(), Failure> {
        let bucket = bucket(self.table, &this)?;
        check_batch(pairs.len())?;
        if pairs.iter().map(|(_, value)| value.len()).sum::<usize>() > MOST_BATCH {
            return Err(Failure::other(format!("a batch has at most {MOST_BATCH} bytes of values")));
        }
        // Of a key that is there twice the last value stays, as if they were written one after the other.
        let change = |(key, value): (String, Vec<u8>)| Ok((bucket.value(&key, &value)?, Some(value)));
        let changes = pairs.into_iter().map(change).collect::<Result<Changes, Failure>>()?;
        bucket.write(changes, self.deadline).await
    }

    async fn delete_many(&mut self, this: Resource<Bucket>, keys: Vec<String>) -> Result<(), Failure> {
        let bucket = bucket(self.table, &this)?;
        let changes = bucket.keys(&keys, Verb::Write)?.into_iter().map(|key| (key, None)).collect();
        bucket.write(changes, self.deadline).await
    }
}

/// Bytes of a key.
const MOST_KEY: usize = 4 << 10;
/// Bytes of a value.
const MOST_VALUE: usize = 1 << 20;
/// Keys of a batch.
const MOST_KEYS: usize = 1_000;
/// Bytes of the values of a batch.
const MOST_BATCH: usize = 4 << 20;
