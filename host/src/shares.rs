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
    held: Mutex<HashMap<Share, Weak<Semaphore>>>,
}

/// Whose bound it is, of all its calls or of those of one manifest component, and how many.
type Share = (Principal, Option<String>, usize);

impl Shares {
    /// What a call of this component needs a permit of: `most` of its principal, and what the manifest says about it.
    pub(crate) fn of(&self, admitted: &Admitted, most: usize) -> Vec<Arc<Semaphore>> {
        let own = admitted.instances.map(|instances| {
            let instances = usize::try_from(instances).unwrap_or(usize::MAX);
            self.share((admitted.principal.clone(), Some(admitted.name.clone()), instances))
        });
        own.into_iter().chain([self.share((admitted.principal.clone(), None, most))]).collect()
    }

    fn share(&self, share: Share) -> Arc<Semaphore> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, semaphore| semaphore.strong_count() > 0);
        if let Some(semaphore) = held.get(&share).and_then(Weak::upgrade) {
            return semaphore;
        }
        let semaphore = Arc::new(Semaphore::new(share.2.min(Semaphore::MAX_PERMITS)));
        held.insert(share, Arc::downgrade(&semaphore));
        semaphore
    }
}
