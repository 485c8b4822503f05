//! What one principal was granted, as a value.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::units::Rate;
use crate::{Claim, Constraint, Denied, LinkConfig, Principal};

/// What a principal may do with one capability: the conjunction of what every document says.
///
/// Cheap to clone. A provider keeps it in the handle, and in every resource opened under it.
pub struct Grant<C> {
    inner: Arc<Inner<C>>,
}

struct Inner<C> {
    capability: &'static str,
    principal: Principal,
    link: LinkConfig,
    settings: LinkConfig,
    layers: Vec<Layer<C>>,
    denied: AtomicU64,
}

/// One document of a grant.
pub struct Layer<C> {
    document: Document,
    claim: Claim<C>,
    // One per entry; none where the entry says no rate.
    budgets: Vec<Option<Arc<Budget>>>,
}

/// What can refuse: a document of the chain, or a restriction on this host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Document {
    /// The component's own token, made from its `writ.yaml`.
    Component,
    /// The token of the signing key that signed it.
    SigningKey,
    /// The account's token.
    Account,
    /// The policy of the trust entry for the operator.
    Trust,
    /// The host's policy.
    HostPolicy,
    /// `writ.dev/restrict` in the manifest.
    Restriction,
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Component => "the component's token",
            Self::SigningKey => "the signing key's token",
            Self::Account => "the account's token",
            Self::Trust => "the policy of the operator's trust entry",
            Self::HostPolicy => "the host's policy",
            Self::Restriction => "the manifest's restriction",
        })
    }
}

/// A refusal by one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which document.
    pub document: Document,
    /// Why, in its own terms.
    pub reason: Denied,
}

impl<C: Constraint> Layer<C> {
    /// What a document says, and a budget for each of its entries: the one a caller shares, or a fresh one.
    pub fn new(document: Document, claim: Claim<C>, mut shared: impl FnMut(usize, Rate) -> Arc<Budget>) -> Self {
        let budget = |(index, entry): (usize, &C)| entry.rate().map(|rate| shared(index, rate));
        let budgets = claim.entries().iter().enumerate().map(budget).collect();
        Self { document, claim, budgets }
    }

    /// Which document it is.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Whether one whole entry permits the request, and draws on that entry's rate if `now` is given.
    fn permits(&self, request: C::Request<'_>, now: Option<Instant>) -> Result<(), Denied> {
        let Claim::Entries(entries) = &self.claim else { return Ok(()) };
        let mut refusal = None;
        for (entry, budget) in entries.iter().zip(&self.budgets) {
            let denied = match entry.permits(request) {
                Ok(()) if take(budget.as_deref(), now) => return Ok(()),
                Ok(()) => Denied::new("the rate it permits is used up"),
                Err(denied) => denied,
            };
            refusal.get_or_insert(denied);
        }
        Err(refusal.unwrap_or_else(|| Denied::new("permits nothing (its claim is empty)")))
    }
}

fn take(budget: Option<&Budget>, now: Option<Instant>) -> bool {
    match (budget, now) {
        (Some(budget), Some(now)) => budget.take(now),
        _ => true,
    }
}

/// What a grant is made of. Only the host makes one, after `authorize`.
pub struct GrantParts<C> {
    /// The capability's name.
    pub capability: &'static str,
    /// Who holds it.
    pub principal: Principal,
    /// The configuration of the manifest's link to this capability, such as labels to names.
    pub link: LinkConfig,
    /// The manifest component's own configuration.
    pub settings: LinkConfig,
    /// Every document that applies. At least one.
    pub layers: Vec<Layer<C>>,
}

impl<C: Constraint> Grant<C> {
    /// A grant of those layers; without any it permits nothing.
    pub fn new(parts: GrantParts<C>) -> Self {
        let GrantParts { capability, principal, link, settings, layers } = parts;
        let denied = AtomicU64::new(0);
        Self { inner: Arc::new(Inner { capability, principal, link, settings, layers, denied }) }
    }

    /// Whether every document permits the request, each by one whole entry. Draws on the rates; logs what was denied.
    ///
    /// # Errors
    /// [`Refused`] by the first document that does not.
    pub fn permits(&self, request: C::Request<'_>) -> Result<(), Refused> {
        let rated = self.inner.layers.iter().any(|layer| layer.budgets.iter().any(Option::is_some));
        let checked = self.check(request, rated.then(Instant::now));
        checked.inspect_err(|refused| self.note(refused))
    }

    /// Every document's answer to the request, without drawing on any rate: for checks before anything runs.
    pub fn refusals(&self, request: C::Request<'_>) -> Vec<Refused> {
        let refusal = |layer: &Layer<C>| {
            let reason = layer.permits(request, None).err()?;
            Some(Refused { document: layer.document.clone(), reason })
        };
        self.inner.layers.iter().filter_map(refusal).collect()
    }

    fn check(&self, request: C::Request<'_>, now: Option<Instant>) -> Result<(), Refused> {
        if self.inner.layers.is_empty() {
            return Err(Refused { document: Document::Component, reason: Denied::new("nothing was granted") });
        }
        for layer in &self.inner.layers {
            if let Err(reason) = layer.permits(request, now) {
                return Err(Refused { document: layer.document.clone(), reason });
            }
        }
        Ok(())
    }

    /// Logs the first denial and then each power of two of them, so that a guest cannot flood the log with them.
    fn note(&self, refused: &Refused) {
        let count = self.inner.denied.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if !count.is_power_of_two() {
            return;
        }
        tracing::warn!(
            target: "writ::denied",
            component = %self.inner.principal,
            capability = self.inner.capability,
            document = %refused.document,
            reason = %refused.reason,
            count,
            "denied"
        );
    }

    /// Who holds it.
    pub fn principal(&self) -> &Principal {
        &self.inner.principal
    }

    /// The manifest component's own configuration: what `config` serves.
    pub fn settings(&self) -> &LinkConfig {
        &self.inner.settings
    }

    /// The configuration of the manifest's link to this capability.
    pub fn link(&self) -> &LinkConfig {
        &self.inner.link
    }
}

impl<C> Clone for Grant<C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

/// What is left of a rate: a bucket that holds one period's worth, and fills steadily.
#[derive(Debug)]
pub struct Budget {
    start: Instant,
    // Nanoseconds since `start` at which the bucket will be full again (GCRA's theoretical arrival time).
    full_at: AtomicU64,
    interval: u64,
    period: u64,
}

impl Budget {
    /// A full bucket of `rate.count`, refilled over `rate.period`.
    pub fn new(rate: Rate) -> Self {
        let period = u64::try_from(rate.per().duration().as_nanos()).unwrap_or(u64::MAX);
        let interval = period.checked_div(rate.count()).unwrap_or(u64::MAX).max(1);
        Self { start: Instant::now(), full_at: AtomicU64::new(0), interval, period }
    }

    /// Takes one, if there is one at `now`.
    pub fn take(&self, now: Instant) -> bool {
        let now = u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX);
        let next = |full_at: u64| {
            let next = full_at.max(now).saturating_add(self.interval);
            (next.saturating_sub(now) <= self.period).then_some(next)
        };
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}
