//! Whether what a running component rests on still stands: nothing of it was revoked, and that is known.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;
use writ_provider::Busy;
use writ_signing::{Component, Roots, Verified, VerifyError};

use crate::audit::{Audit, Event, clipped};

/// The standing of all that runs on a host. A call that began in code which was swapped since is among it until it ends.
#[derive(Default)]
pub(crate) struct Standings(Mutex<Vec<Weak<Standing>>>);

/// The standing of one component that runs, as of the last [`Standings::review`].
pub(crate) struct Standing {
    verified: Verified<Component>,
    state: watch::Sender<State>,
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
    /// Of a component that is about to run, in good standing: it was verified just now.
    pub(crate) fn of(&self, verified: Verified<Component>) -> Arc<Standing> {
        let standing = Arc::new(Standing { verified, state: watch::Sender::new(State::Good) });
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|standing| standing.strong_count() > 0);
        all.push(Arc::downgrade(&standing));
        standing
    }

    /// Asks of each again; logs what changed, and writes it down. Several deployments of one component change together, and
    /// that is one event.
    pub(crate) fn review(&self, roots: &Roots, now: u64, audit: Option<&Audit>) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut events: Vec<Event> = Vec::new();
        for event in all.iter().filter_map(Weak::upgrade).filter_map(|standing| standing.review(roots, now)) {
            if !events.contains(&event) {
                events.push(event);
            }
        }
        events.iter().for_each(|event| audit.iter().for_each(|audit| audit.record(event)));
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

    /// Waits until it is revoked.
    pub(crate) async fn revoked(&self) {
        // The sender is this one, so waiting does not fail.
        let _ = self.state.subscribe().wait_for(|state| *state == State::Revoked).await;
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
