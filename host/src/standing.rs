//! Whether what a running component rests on still stands: nothing of it was revoked, and that is known.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;
use writ_provider::Busy;
use writ_signing::{Component, Roots, Verified, VerifyError};

/// The standing of all that runs on a host. A call that began in code which was swapped since is among it until it ends.
#[derive(Default)]
pub(crate) struct Standings(Mutex<All>);

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
    /// Of a component that is about to run. It was verified before it was compiled, so it is asked by what is known now.
    pub(crate) fn of(&self, verified: Verified<Component>) -> Arc<Standing> {
        let standing = Arc::new(Standing { verified, state: watch::Sender::new(State::Good) });
        // Held meanwhile: no review may be overtaken by an older one.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.standings.retain(|standing| standing.strong_count() > 0);
        all.standings.push(Arc::downgrade(&standing));
        if let Some((roots, now)) = &all.last {
            standing.review(roots, *now);
        }
        standing
    }

    /// Asks of each again, and logs what changed.
    pub(crate) fn review(&self, roots: &Arc<Roots>, now: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.last = Some((roots.clone(), now));
        all.standings.iter().filter_map(Weak::upgrade).for_each(|standing| standing.review(roots, now));
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

    fn review(&self, roots: &Roots, now: u64) {
        let checked = self.verified.check_revocations(roots, now);
        let state = match &checked {
            Ok(()) => State::Good,
            Err(VerifyError::Unlisted { .. }) => State::Suspended,
            Err(_) => State::Revoked,
        };
        if self.state.send_replace(state) == state {
            return;
        }
        let component = self.verified.principal();
        let id = component.keyed();
        match (state, checked) {
            (State::Suspended, Err(reason)) => {
                tracing::error!(target: "writ::host", %component, %id, %reason, "suspended: nothing new of it starts");
            }
            (_, Err(reason)) => {
                tracing::error!(target: "writ::host", %component, %id, %reason, "revoked: its calls end, and none starts");
            }
            (_, Ok(())) => tracing::info!(target: "writ::host", %component, %id, "in good standing again"),
        }
    }
}
