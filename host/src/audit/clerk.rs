//! Writes down what guests cause: counted, and looked at from time to time.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use writ_provider::{Principal, Tally};

use super::{Audit, Event};
use crate::learn::Learner;

/// What a host writes its audit log with. Dropping it writes what was counted last, and that the host stopped.
pub(crate) struct Clerk {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

struct Desk {
    audit: Audit,
    uses: bool,
    every: Duration,
    counts: Mutex<Counts>,
    over: Condvar,
    /// Who keeps what is asked besides.
    learner: Option<Learner>,
}

#[derive(Default)]
struct Counts {
    is_over: bool,
    /// By the component in keys, and the capability.
    entries: BTreeMap<(String, &'static str), Entry>,
}

/// What was counted for one component and capability, and how much of it was written.
struct Entry {
    component: String,
    tally: Arc<Tally>,
    used: Written,
    denied: Written,
}

#[derive(Default)]
struct Written {
    count: u64,
    at: Option<Instant>,
}

impl Clerk {
    /// Begins to look. `uses` says whether uses are written too, or denials alone.
    pub(crate) fn start(audit: Audit, uses: bool, every: Duration, learner: Option<Learner>) -> std::io::Result<Self> {
        let desk = Arc::new(Desk { audit, uses, every, counts: Mutex::default(), over: Condvar::new(), learner });
        let work = desk.clone();
        let thread = std::thread::Builder::new().name("writ-audit".to_owned()).spawn(move || work.look())?;
        Ok(Self { desk, thread: Some(thread) })
    }

    /// What it writes in.
    pub(crate) fn audit(&self) -> &Audit {
        &self.desk.audit
    }

    /// The counts of a principal and a capability: one for all deployments of theirs.
    pub(crate) fn tally(&self, principal: &Principal, capability: &'static str) -> Arc<Tally> {
        let key = (principal.keyed().to_string(), capability);
        let lessons = self.desk.learner.as_ref().map(|learner| learner.lessons(principal, capability));
        let fresh = || Entry {
            component: principal.to_string(),
            tally: Arc::new(Tally::learning(lessons)),
            used: Written::default(),
            denied: Written::default(),
        };
        self.desk.counts().entries.entry(key).or_insert_with(fresh).tally.clone()
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        self.desk.counts().is_over = true;
        self.desk.over.notify_all();
        if let Some(thread) = self.thread.take() {
            // It panics nowhere; and if it did, the host's end is no place to say so.
            let _ = thread.join();
        }
        self.desk.audit.record(&Event::Stopped {});
    }
}

impl Desk {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) {
        loop {
            let (mut counts, _) = self
                .over
                .wait_timeout_while(self.counts(), LOOK, |counts| !counts.is_over)
                .unwrap_or_else(PoisonError::into_inner);
            let is_over = counts.is_over;
            let events = counts.due(Instant::now(), self.every, self.uses, is_over);
            drop(counts);
            events.iter().for_each(|event| self.audit.record(event));
            if is_over {
                return;
            }
        }
    }
}

impl Counts {
    /// What is to be written now; `all` of it at the end. What nobody counts for any more is forgotten once it is written.
    fn due(&mut self, now: Instant, every: Duration, uses: bool, all: bool) -> Vec<Event> {
        let mut events = Vec::new();
        self.entries.retain(|(id, capability), entry| {
            let is_held = Arc::strong_count(&entry.tally) > 1;
            let every = if all || !is_held { Duration::ZERO } else { every };
            if let Some(count) = entry.denied.due(entry.tally.denied(), now, every) {
                events.push(entry.denied(id, capability, count));
            }
            if let Some(count) = entry.used.due(entry.tally.used(), now, every).filter(|_| uses) {
                let (component, id, capability) = (entry.component.clone(), id.clone(), (*capability).to_owned());
                events.push(Event::Used { component, id, capability, count });
            }
            is_held
        });
        events
    }
}

impl Entry {
    fn denied(&self, id: &str, capability: &str, count: u64) -> Event {
        let last = self.tally.last().map(|refused| format!("{}: {}", refused.document, refused.reason));
        Event::Denied {
            component: self.component.clone(),
            id: id.to_owned(),
            capability: capability.to_owned(),
            count,
            last: super::clipped(&last.unwrap_or_default()),
        }
    }
}

impl Written {
    /// How many came since the last time, if there are any and that was long enough ago.
    fn due(&mut self, count: u64, now: Instant, every: Duration) -> Option<u64> {
        let is_early = self.at.is_some_and(|at| now.saturating_duration_since(at) < every);
        let more = count.saturating_sub(self.count);
        if more == 0 || is_early {
            return None;
        }
        *self = Self { count, at: Some(now) };
        Some(more)
    }
}

/// How soon a first denial is written.
const LOOK: Duration = Duration::from_millis(500);
