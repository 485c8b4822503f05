//! The key-value capability: `wasi:keyvalue` in buckets that belong to accounts.
//!
//! ```no_run
//! use std::collections::BTreeMap;
//! use writ_keyvalue::{KeyValue, KeyValueConfig};
//! use writ_provider::{Claim, Document, Grant, GrantParts, Layer, Principal, Provider};
//!
//! # async fn run(principal: Principal) -> Result<(), Box<dyn std::error::Error>> {
//! let provider = KeyValue::open(KeyValueConfig::disk("data")).await?;
//! let claim = Claim::parse(&serde_json::json!({ "bucket": "orders", "prefix": "eu/", "verbs": ["read", "list"] }))?;
//! let grant = Grant::new(GrantParts {
//!     capability: KeyValue::CAPABILITY.name,
//!     principal,
//!     link: BTreeMap::from([("bucket.store".to_owned(), "orders".to_owned())]),
//!     settings: BTreeMap::new(),
//!     layers: vec![Layer::new(Document::Component, claim, |_, _| unreachable!("it says no rate"))],
//! });
//! // One per fresh store; a guest that opens `store` reads the keys of `orders` that start with `eu/`.
//! let handle = provider.attach(&grant);
//! # Ok(())
//! # }
//! ```
//!
//! What a guest opens is a label: the manifest's link maps it to a bucket (`bucket.LABEL: NAME`), and it stands for the bucket
//! of its own name otherwise. Claims are checked on the bucket; [`claim`] has their grammar. A stored key is an encoding of
//! (account, bucket, key) that no other triple shares ([`key`]), so two applications of one account that name one bucket share
//! it, and two accounts never do. A bucket needs no making.
//!
//! | | at most |
//! |---|---|
//! | a key | 4 KiB |
//! | a value | 1 MiB, or less by claim |
//! | a page of `list-keys` | 1,000 keys; 256 KiB of them |
//! | a batch | 1,000 keys; 4 MiB of values |
//! | an account | its [quota](KeyValueConfig) of keys and values |
//!
//! A number for `increment` is decimal text, as `set` and `get` see it; a sum that does not fit 64 bits is an error.

#![forbid(unsafe_code)]

pub mod backend;
mod bindings;
mod bucket;
pub mod claim;
pub mod key;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use writ_provider::units::Size;
use writ_provider::{Attached, Capability, Grant, Interface, OpenError, Provider};

use backend::Backend;
use backend::disk::Disk;
use backend::memory::Memory;
use bindings::wasi::keyvalue::{atomics, batch, store};
pub use bucket::{Bucket, Failure};
pub use claim::Entry;

/// The provider: one backend, shared by every principal that is attached.
pub struct KeyValue {
    backend: Arc<dyn Backend>,
}

/// How an operator backs it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "backend", rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum KeyValueConfig {
    /// In memory: gone with the process.
    Memory {
        /// How many bytes of keys and values each account may keep.
        #[serde(default = "memory_quota")]
        quota: Size,
    },
    /// In a file of a folder: durable when acknowledged.
    Disk {
        /// The folder. It is made if it is not there.
        path: PathBuf,
        /// How many bytes of keys and values each account may keep.
        #[serde(default = "disk_quota")]
        quota: Size,
    },
}

impl KeyValueConfig {
    /// In memory, 64 MiB for each account.
    pub fn memory() -> Self {
        Self::Memory { quota: memory_quota() }
    }

    /// In `keyvalue.redb` in that folder, 1 GiB for each account.
    pub fn disk(path: impl Into<PathBuf>) -> Self {
        Self::Disk { path: path.into(), quota: disk_quota() }
    }
}

fn memory_quota() -> Size {
    Size::from_bytes(64 << 20)
}

fn disk_quota() -> Size {
    Size::from_bytes(1 << 30)
}

/// What one principal holds in one store: the backend, narrowed to its account and its claims.
pub struct Handle {
    backend: Arc<dyn Backend>,
    grant: Grant<Entry>,
}

impl KeyValue {
    /// A provider on a backend that is already open.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }
}

impl Provider for KeyValue {
    const CAPABILITY: Capability<Self> = Capability {
        name: "keyvalue",
        interfaces: &[
            Interface {
                name: "wasi:keyvalue/store@0.2.0-draft",
                link: |linker, view| store::add_to_linker_instance::<_, Attached<Self>>(linker, view),
            },
            Interface {
                name: "wasi:keyvalue/atomics@0.2.0-draft",
                link: |linker, view| atomics::add_to_linker_instance::<_, Attached<Self>>(linker, view),
            },
            Interface {
                name: "wasi:keyvalue/batch@0.2.0-draft",
                link: |linker, view| batch::add_to_linker_instance::<_, Attached<Self>>(linker, view),
            },
        ],
        exports: &[],
    };
    type Config = KeyValueConfig;
    type Constraint = Entry;
    type Handle = Handle;

    async fn open(config: KeyValueConfig) -> Result<Self, OpenError> {
        let backend: Arc<dyn Backend> = match config {
            KeyValueConfig::Memory { quota } => Arc::new(Memory::new(quota.bytes())),
            KeyValueConfig::Disk { path, quota } => {
                let opening = tokio::task::spawn_blocking(move || Disk::open(&path, quota.bytes()));
                let opened = opening.await.map_err(|ended| OpenError::Io {
                    what: "opening the key-value store".to_owned(),
                    source: std::io::Error::other(ended),
                })?;
                Arc::new(opened?)
            }
        };
        Ok(Self { backend })
    }

    fn attach(&self, grant: &Grant<Entry>) -> Handle {
        Handle { backend: self.backend.clone(), grant: grant.clone() }
    }
}

#[cfg(test)]
mod tests;
