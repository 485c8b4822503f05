//! Locks with names, as a capability: the example of `docs/writing-a-provider.md`.
//!
//! It is written as a crate of somebody else's would be: of writ it knows `writ-provider` and nothing more.

#![forbid(unsafe_code)]

mod bindings;
mod claim;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Mutex as Lock, OwnedMutexGuard};
use writ_provider::{Attached, Capability, Grant, Interface, OpenError, Provider, PublicKey, Resource, View, wasmtime};

use bindings::example::locks::locks::{self, Error};
pub use claim::{Entry, Plan, Request};

/// The provider: every lock that anybody on this host holds or waits for.
#[derive(Default)]
pub struct Locks {
    named: Arc<Named>,
}

/// By account, so that two of them never meet, and name.
type Named = Mutex<BTreeMap<(PublicKey, String), Weak<Lock<()>>>>;

/// What one component holds in one store.
pub struct Handle {
    named: Arc<Named>,
    grant: Grant<Entry>,
}

/// A lock that a guest holds.
pub struct Held {
    _guard: OwnedMutexGuard<()>,
}

impl Provider for Locks {
    const CAPABILITY: Capability<Self> = Capability {
        name: "locks",
        interfaces: &[Interface {
            name: "example:locks/locks@0.1.0",
            link: |linker, view| locks::add_to_linker_instance::<_, Attached<Self>>(linker, view),
        }],
        exports: &[],
    };
    type Config = ();
    type Constraint = Entry;
    type Handle = Handle;

    async fn open((): ()) -> Result<Self, OpenError> {
        Ok(Self::default())
    }

    fn attach(&self, grant: &Grant<Entry>) -> Handle {
        Handle { named: self.named.clone(), grant: grant.clone() }
    }
}

impl Handle {
    /// Whether the link and every document permit the request; else what the guest is told.
    fn permits(&self, request: Request<'_>) -> Result<(), Error> {
        let linked = self.grant.link().get(claim::LOCK);
        if let Some(only) = linked.filter(|only| *only != request.lock) {
            return Err(Error::Denied(format!("the manifest links it to the lock `{only}`, not `{}`", request.lock)));
        }
        self.grant.permits(request).map_err(|refused| Error::Denied(refused.reason.to_string()))
    }

    fn lock(&self, name: String) -> Arc<Lock<()>> {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (self.grant.principal().account(), name);
        if let Some(lock) = named.get(&key).and_then(Weak::upgrade) {
            return lock;
        }
        // What nobody holds or waits for is forgotten, so that names do not pile up.
        named.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(Lock::new(()));
        named.insert(key, Arc::downgrade(&lock));
        lock
    }
}

impl locks::Host for View<'_, Locks> {
    async fn acquire(&mut self, name: String, wait: u32) -> wasmtime::Result<Result<Resource<Held>, Error>> {
        let wait = Duration::from_millis(wait.into());
        if let Err(denied) = self.handle.permits(Request { lock: &name, wait }) {
            return Ok(Err(denied));
        }
        let waiting = tokio::time::timeout(wait, self.handle.lock(name).lock_owned());
        let Ok(guard) = self.deadline.bound(waiting).await? else { return Ok(Err(Error::Busy)) };
        match self.table.push(Held { _guard: guard }) {
            Ok(held) => Ok(Ok(held)),
            Err(_) => Ok(Err(Error::Denied("too many resources are open".to_owned()))),
        }
    }
}

impl locks::HostHeld for View<'_, Locks> {
    async fn drop(&mut self, held: Resource<Held>) -> wasmtime::Result<()> {
        self.table.delete(held)?;
        Ok(())
    }
}
