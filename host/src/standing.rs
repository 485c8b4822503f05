//! Whether what a running component rests on still stands: nothing of it was revoked, and that is known.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;
use writ_provider::Busy;
use writ_signing::time::Timestamp;
use writ_signing::{Component, Roots, Verified, VerifyError};

use crate::audit::{Audit, Event, clipped};

/// The standing of all that runs on a host. A call that began in code which was swapped since is among it until it ends.
pub(crate) struct Standings {
    all: Mutex<All>,
    audit: Option<Audit>,
}

#[derive(Default)]
struct All {
    standings: Vec<Weak<Standing>>,
    /// By what, and as of when, all of them were reviewed last.
    last: Option<(Arc<Roots>, u64)>,
}

/// The standing of one component that runs, as of the last [`Standings::review`].
pub(crate) struct Standing {
    verified: Verified<Component>,
    state: watch::Sender<State>,
    /// What was said of its time, so that it is said once.
    time: Mutex<Time>,
}

/// How much time a component has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Time {
    Enough,
    Soon,
    Over,
}

/// What may go on. Reviewed anew each time: a suspension ends when its reason does, and so does a revocation that its
/// issuer took back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Everything.
    Good,
    /// What runs. It is not known whether anything was revoked, so nothing new starts.
    Suspended,
    /// Nothing.
    Revoked,
}

impl Standings {
    /// None yet. What changes is written down there.
    pub(crate) fn new(audit: Option<Audit>) -> Self {
        Self { all: Mutex::default(), audit }
    }

    /// Of a component that is about to run. It was verified before it was compiled, so it is asked by what is known now.
    pub(crate) fn of(&self, verified: Verified<Component>) -> Arc<Standing> {
        let (state, time) = (watch::Sender::new(State::Good), Mutex::new(Time::Enough));
        let standing = Arc::new(Standing { verified, state, time });
        // Held meanwhile: no review may be overtaken by an older one.
        let mut all = self.all();
        all.standings.retain(|standing| standing.strong_count() > 0);
        all.standings.push(Arc::downgrade(&standing));
        let changed = all.last.as_ref().and_then(|(roots, now)| standing.review(roots, *now));
        drop(all);
        self.record(changed.into_iter().chain(standing.age(crate::now())));
        standing
    }

    /// Asks of each again; logs what changed, and writes it down.
    pub(crate) fn review(&self, roots: &Arc<Roots>, now: u64) {
        let mut all = self.all();
        all.last = Some((roots.clone(), now));
        let standings: Vec<_> = all.standings.iter().filter_map(Weak::upgrade).collect();
        let mut events: Vec<_> = standings.iter().filter_map(|standing| standing.review(roots, now)).collect();
        drop(all);
        events.extend(standings.iter().filter_map(|standing| standing.age(now)));
        self.record(events);
    }

    /// Several deployments of one component change together, and that is one event.
    fn record(&self, events: impl IntoIterator<Item = Event>) {
        let Some(audit) = &self.audit else { return };
        let mut written: Vec<Event> = Vec::new();
        for event in events {
            if !written.contains(&event) {
                audit.record(&event);
                written.push(event);
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// Whether a call may start.
    pub(crate) fn admits(&self) -> Result<(), Busy> {
        match *self.state.borrow() {
            State::Good => Ok(()),
            State::Suspended => Err(Busy::Suspended),
            State::Revoked => Err(Busy::Revoked),
        }
    }

    /// Whether it is revoked.
    pub(crate) fn is_revoked(&self) -> bool {
        *self.state.borrow() == State::Revoked
    }

    /// Waits until it is revoked.
    pub(crate) async fn revoked(&self) {
        // The sender is this one, so waiting does not fail.
        let _ = self.state.subscribe().wait_for(|state| *state == State::Revoked).await;
    }

    /// Says when its time is nearly over, and when it is: then nothing new of it starts.
    fn age(&self, now: u64) -> Option<Event> {
        let left = self.verified.exp().saturating_sub(now);
        let time = match left {
            0 => Time::Over,
            1..WARN => Time::Soon,
            _ => Time::Enough,
        };
        let mut said = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        if time <= *said {
            return None;
        }
        *said = time;
        let (component, id) = (self.verified.principal(), self.verified.principal().keyed());
        if time == Time::Soon {
            let days = left / DAY;
            tracing::warn!(target: "writ::host", %component, days, "its claims expire soon; sign it again");
            return None;
        }
        let until = Timestamp(self.verified.exp());
        tracing::error!(target: "writ::host", %component, %id, %until, "expired: nothing new of it starts");
        Some(Event::Expired { component: component.to_string(), id: id.to_string(), until: until.to_string() })
    }

    /// What changed, if anything did.
    fn review(&self, roots: &Roots, now: u64) -> Option<Event> {
        let checked = self.verified.check_revocations(roots, now);
        let state = match &checked {
            Ok(()) => State::Good,
            Err(VerifyError::Unlisted { .. }) => State::Suspended,
            Err(_) => State::Revoked,
        };
        if self.state.send_replace(state) == state {
            return None;
        }
        let component = self.verified.principal();
        let id = component.keyed();
        let (name, keys) = (component.to_string(), id.to_string());
        Some(match (state, checked) {
            (State::Suspended, Err(reason)) => {
                tracing::error!(target: "writ::host", %component, %id, %reason, "suspended: nothing new of it starts");
                Event::Suspended { component: name, id: keys, reason: clipped(&reason.to_string()) }
            }
            (_, Err(reason)) => {
                tracing::error!(target: "writ::host", %component, %id, %reason, "revoked: its calls end, and none starts");
                Event::Revoked { component: name, id: keys, reason: clipped(&reason.to_string()) }
            }
            (_, Ok(())) => {
                tracing::info!(target: "writ::host", %component, %id, "in good standing again");
                Event::Restored { component: name, id: keys }
            }
        })
    }
}

const DAY: u64 = 86_400;
/// How long before its end a component says so.
const WARN: u64 = 7 * DAY;
