//! How much of a host each principal may have at once, whatever the number of its deployments.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;
use writ_provider::Principal;

use crate::authorize::Admitted;

/// The bounds on calls at once. While two deployments of a principal overlap they draw on the same ones: a swap lets
/// nobody run more than at other times, and a component that runs once at a time still does.
///
/// A bound that changes with the deployment is another one. Then what still runs of the older counts for itself.
#[derive(Default)]
pub(crate) struct Shares {
    held: Mutex<HashMap<Key, Weak<Semaphore>>>,
}

/// Whose bound it is, of all its calls or of those of one manifest component, and how many.
type Key = (Principal, Option<String>, usize);

/// One bound: what a call needs a permit of.
#[derive(Clone)]
pub(crate) struct Share {
    semaphore: Arc<Semaphore>,
    most: usize,
}

impl Share {
    pub(crate) fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }

    /// How many calls there may be at once.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Whether both are one bound.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.semaphore, &other.semaphore)
    }

    /// Where it stands in the order in which all calls take theirs.
    pub(crate) fn place(&self) -> usize {
        Arc::as_ptr(&self.semaphore).addr()
    }
}

impl Shares {
    /// What a call of this component needs a permit of: `most` of its principal, and what the manifest says about it.
    pub(crate) fn of(&self, admitted: &Admitted, most: usize) -> Vec<Share> {
        let own = admitted.instances.map(|instances| {
            let instances = usize::try_from(instances).unwrap_or(usize::MAX);
            self.share((admitted.principal.clone(), Some(admitted.name.clone()), instances))
        });
        own.into_iter().chain([self.share((admitted.principal.clone(), None, most))]).collect()
    }

    fn share(&self, key: Key) -> Share {
        let most = key.2;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, semaphore| semaphore.strong_count() > 0);
        if let Some(semaphore) = held.get(&key).and_then(Weak::upgrade) {
            return Share { semaphore, most };
        }
        let semaphore = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        held.insert(key, Arc::downgrade(&semaphore));
        Share { semaphore, most }
    }
}
