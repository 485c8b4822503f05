//! Whether what a running component rests on still stands: nothing of it was revoked, and that is known.

use tokio::sync::watch;
use writ_provider::{Busy, Principal};
use writ_signing::{Component, Roots, Verified, VerifyError};

/// The standing of one component that runs, as of the last [`Standing::review`].
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

impl Standing {
    /// In good standing: it was verified just now.
    pub(crate) fn new(verified: Verified<Component>) -> Self {
        Self { verified, state: watch::Sender::new(State::Good) }
    }

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

    /// Asks again, and logs what changed.
    pub(crate) fn review(&self, principal: &Principal, roots: &Roots, now: u64) {
        let checked = self.verified.check_revocations(roots, now);
        let state = match &checked {
            Ok(()) => State::Good,
            Err(VerifyError::Unlisted { .. }) => State::Suspended,
            Err(_) => State::Revoked,
        };
        if self.state.send_replace(state) == state {
            return;
        }
        let (component, id) = (principal, principal.keyed());
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
