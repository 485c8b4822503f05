//! What may go on at once: for one component, for one account, and for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use writ_provider::{Principal, PublicKey};

/// Who may have how much going on, whatever the number of their stores.
pub(super) struct Shares {
    all: Share,
    held: Mutex<HashMap<Holder, Share>>,
}

/// One of what each holder may have, until it is dropped.
pub(super) type Turn = [OwnedSemaphorePermit; 3];

#[derive(Clone, PartialEq, Eq, Hash)]
enum Holder {
    Component(Principal),
    Account(PublicKey),
}

#[derive(Clone)]
struct Share {
    requests: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
}

impl Default for Shares {
    fn default() -> Self {
        Self { all: Share::new(MOST_REQUESTS, MOST_LOOKUPS), held: Mutex::default() }
    }
}

impl Shares {
    /// A request's turn, if its component, its account and all together have one left.
    pub(super) fn request(&self, principal: &Principal) -> Option<Turn> {
        let [own, account, all] = self.of(principal).map(|share| share.requests.try_acquire_owned().ok());
        Some([own?, account?, all?])
    }

    /// A look-up's turn, as soon as there is one.
    pub(super) async fn lookup(&self, principal: &Principal) -> Option<Turn> {
        let [own, account, all] = self.of(principal).map(|share| share.lookups);
        // In this order: who waits holds up none but its own.
        let own = own.acquire_owned().await.ok()?;
        let account = account.acquire_owned().await.ok()?;
        Some([own, account, all.acquire_owned().await.ok()?])
    }

    fn of(&self, principal: &Principal) -> [Share; 3] {
        let [component, account] = [Holder::Component(principal.clone()), Holder::Account(principal.account())];
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= MANY_HOLDERS {
            held.retain(|_, share| share.is_used());
        }
        let component = held.entry(component).or_insert_with(|| Share::new(REQUESTS_OF_ONE, LOOKUPS_OF_ONE)).clone();
        let account = held.entry(account).or_insert_with(|| Share::new(REQUESTS_OF_ACCOUNT, LOOKUPS_OF_ACCOUNT));
        [component, account.clone(), self.all.clone()]
    }
}

impl Share {
    fn new(requests: usize, lookups: usize) -> Self {
        Self { requests: Arc::new(Semaphore::new(requests)), lookups: Arc::new(Semaphore::new(lookups)) }
    }

    /// A permit holds its semaphore, and so does who waits for one.
    fn is_used(&self) -> bool {
        Arc::strong_count(&self.requests) > 1 || Arc::strong_count(&self.lookups) > 1
    }
}

/// Requests that one component may have at once.
pub(super) const REQUESTS_OF_ONE: usize = 64;
/// Requests that the components of one account may have at once.
pub(super) const REQUESTS_OF_ACCOUNT: usize = 256;
/// Requests at once.
pub(super) const MOST_REQUESTS: usize = 1_024;
/// Look-ups that one component may have at once: each holds a thread.
const LOOKUPS_OF_ONE: usize = 8;
/// Look-ups that the components of one account may have at once.
const LOOKUPS_OF_ACCOUNT: usize = 32;
/// Look-ups at once.
const MOST_LOOKUPS: usize = 128;
/// From so many on, those who have nothing going on are forgotten.
const MANY_HOLDERS: usize = 2_048;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::FutureExt;
    use writ_provider::testing;

    use super::*;

    fn component_of(account: PublicKey) -> Principal {
        Principal::new(account, testing::component(), "acme", "orders")
    }

    /// So many turns of one component after the other, until there are no more.
    fn turns(shares: &Shares, account: PublicKey, components: usize) -> Vec<Turn> {
        let all = |principal: Principal| std::iter::from_fn(move || shares.request(&principal));
        (0..components).flat_map(|_| all(component_of(account))).collect()
    }

    #[test]
    fn each_has_its_share_of_requests() {
        let (shares, account) = (Shares::default(), testing::account());
        assert_eq!(turns(&shares, account, 1).len(), REQUESTS_OF_ONE, "given back at the end");
        let held = turns(&shares, account, 9);
        assert_eq!(held.len(), REQUESTS_OF_ACCOUNT);
        let others: Vec<_> = (0..9).flat_map(|_| turns(&shares, testing::account(), 9)).collect();
        assert_eq!(held.len() + others.len(), MOST_REQUESTS);
        drop(held);
        assert_eq!(turns(&shares, testing::account(), 9).len(), REQUESTS_OF_ACCOUNT);
    }

    #[test]
    fn each_has_its_share_of_look_ups() {
        let (shares, account) = (Shares::default(), testing::account());
        let lookup = |principal: &Principal| shares.lookup(principal).now_or_never();
        let one = component_of(account);
        let own: Vec<_> = std::iter::from_fn(|| lookup(&one)).collect();
        assert_eq!(own.len(), LOOKUPS_OF_ONE);
        let siblings = (0..9).map(|_| component_of(account));
        let rest: Vec<_> = siblings.flat_map(|one| std::iter::from_fn(move || lookup(&one))).collect();
        assert_eq!(own.len() + rest.len(), LOOKUPS_OF_ACCOUNT);
        assert!(lookup(&component_of(testing::account())).is_some());
    }
}
