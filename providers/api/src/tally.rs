//! How often a grant was used, and how often it refused: what an audit reads from time to time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Lessons, Refused};

/// The counts of one principal and one capability, over all grants of theirs on a host.
///
/// Unless it is for learning, nothing is kept for each request, so that a guest cannot fill anything by asking often.
#[derive(Debug, Default)]
pub struct Tally {
    used: AtomicU64,
    denied: AtomicU64,
    last: Mutex<Option<Refused>>,
    lessons: Option<Arc<Lessons>>,
}

impl Tally {
    /// That also keeps what is asked.
    pub fn learning(lessons: Option<Arc<Lessons>>) -> Self {
        Self { lessons, ..Self::default() }
    }

    /// Where what is asked is kept, if it is.
    pub(crate) fn lessons(&self) -> Option<&Arc<Lessons>> {
        self.lessons.as_ref()
    }

    /// Counts a request that every document permitted.
    pub(crate) fn count_use(&self) {
        self.used.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that one document refused.
    pub(crate) fn count_denial(&self, refused: &Refused) {
        self.denied.fetch_add(1, Ordering::Relaxed);
        // Whoever reads it just now will see this count later, with a refusal that came after it.
        if let Ok(mut last) = self.last.try_lock() {
            *last = Some(refused.clone());
        }
    }

    /// How many requests were permitted.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// How many requests were denied.
    pub fn denied(&self) -> u64 {
        self.denied.load(Ordering::Relaxed)
    }

    /// The last refusal that could be kept.
    pub fn last(&self) -> Option<Refused> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
