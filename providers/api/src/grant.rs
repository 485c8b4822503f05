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
    // Whether any entry says a rate: only then is the clock read.
    rated: bool,
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
        let rated = layers.iter().any(|layer| layer.budgets.iter().any(Option::is_some));
        let denied = AtomicU64::new(0);
        Self { inner: Arc::new(Inner { capability, principal, link, settings, layers, rated, denied }) }
    }

    /// Whether every document permits the request, each by one whole entry. Draws on the rates; logs what was denied.
    ///
    /// # Errors
    /// [`Refused`] by the first document that does not.
    pub fn permits(&self, request: C::Request<'_>) -> Result<(), Refused> {
        let checked = self.check(request, self.inner.rated.then(Instant::now));
        checked.inspect_err(|refused| self.note(refused))
    }

    /// Every document's answer to the request, without drawing on any rate: for checks before anything runs.
    pub fn refusals(&self, request: C::Request<'_>) -> Vec<Refused> {
        if self.inner.layers.is_empty() {
            return vec![nothing()];
        }
        let refusal = |layer: &Layer<C>| {
            let reason = layer.permits(request, None).err()?;
            Some(Refused { document: layer.document.clone(), reason })
        };
        self.inner.layers.iter().filter_map(refusal).collect()
    }

    fn check(&self, request: C::Request<'_>, now: Option<Instant>) -> Result<(), Refused> {
        if self.inner.layers.is_empty() {
            return Err(nothing());
        }
        // Who refuses is asked before anything is drawn: a request that is denied uses up nobody's rate.
        let all = |now| {
            let mut layers = self.inner.layers.iter();
            layers.try_for_each(|layer| {
                let refused = |reason| Refused { document: layer.document.clone(), reason };
                layer.permits(request, now).map_err(refused)
            })
        };
        all(None)?;
        if now.is_some() { all(now) } else { Ok(()) }
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

/// What a grant without any document says.
fn nothing() -> Refused {
    Refused { document: Document::Component, reason: Denied::new("nothing was granted") }
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

    /// Whether it is as a fresh one would be at `now`.
    pub fn is_full(&self, now: Instant) -> bool {
        let now = u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX);
        self.full_at.load(Ordering::Relaxed) <= now
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::fmt;
    use std::time::Duration;

    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::{InvalidLink, testing};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Entry {
        name: String,
        rate: Option<Rate>,
    }

    #[derive(Clone)]
    struct NoPlan(Infallible);

    impl fmt::Display for NoPlan {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self.0 {}
        }
    }

    impl Constraint for Entry {
        const NAMED: bool = true;
        const EXAMPLE: &'static str = "{ name: NAME }";
        type Request<'a> = &'a str;
        type Plan = NoPlan;

        fn permits(&self, name: &str) -> Result<(), Denied> {
            if self.name == name { Ok(()) } else { Err(Denied::new(format!("permits {}", self.name))) }
        }

        fn rate(&self) -> Option<Rate> {
            self.rate
        }

        fn plans(_: &LinkConfig) -> Result<Vec<NoPlan>, InvalidLink> {
            Ok(vec![])
        }

        fn request(plan: &NoPlan) -> &str {
            match plan.0 {}
        }

        fn allowing(plan: &NoPlan) -> Value {
            match plan.0 {}
        }
    }

    fn grant(claims: &[Value]) -> Grant<Entry> {
        let documents = [Document::Component, Document::Account, Document::HostPolicy];
        let layer = |(document, claim): (Document, &Value)| {
            Layer::new(document, Claim::parse(claim).unwrap(), |_, rate| Arc::new(Budget::new(rate)))
        };
        Grant::new(GrantParts {
            capability: "demo",
            principal: Principal::new(testing::account(), testing::component(), "acme", "orders"),
            link: LinkConfig::new(),
            settings: LinkConfig::new(),
            layers: documents.into_iter().zip(claims).map(layer).collect(),
        })
    }

    /// Whether `permits` and `refusals` agree, and say this.
    #[track_caller]
    fn check(claims: &[Value], name: &str, refused_by: &[Document]) {
        let grant = grant(claims);
        let refusals: Vec<_> = grant.refusals(name).into_iter().map(|refused| refused.document).collect();
        assert_eq!(refusals, refused_by);
        assert_eq!(grant.permits(name).err().map(|refused| refused.document).as_ref(), refused_by.first());
    }

    #[test]
    fn every_document_must_permit_by_one_entry() {
        let (a, b) = (json!({ "name": "a" }), json!({ "name": "b" }));
        check(&[], "a", &[Document::Component]);
        check(&[json!([])], "a", &[Document::Component]);
        check(std::slice::from_ref(&a), "a", &[]);
        check(std::slice::from_ref(&a), "b", &[Document::Component]);
        check(&[json!([a, b]), a.clone()], "a", &[]);
        check(&[json!([a, b]), a.clone()], "b", &[Document::Account]);
        check(&[a.clone(), b.clone(), b], "b", &[Document::Component]);
        check(&[a.clone(), json!([]), json!([])], "a", &[Document::Account, Document::HostPolicy]);
    }

    #[test]
    fn a_rate_is_used_up_and_fills_again() {
        let budget = Budget::new("3/s".parse().unwrap());
        let now = Instant::now();
        let taken = |at: Duration| (0..10).filter(|_| budget.take(now + at)).count();
        assert!(budget.is_full(now));
        assert_eq!(taken(Duration::ZERO), 3);
        assert!(!budget.is_full(now) && budget.is_full(now + Duration::from_secs(2)));
        assert_eq!(taken(Duration::from_millis(100)), 0);
        assert_eq!(taken(Duration::from_millis(400)), 1);
        assert_eq!(taken(Duration::from_secs(60)), 3);
        assert!(!Budget::new("0/h".parse().unwrap()).take(now));
    }

    #[test]
    fn a_denied_request_uses_up_nobodys_rate() {
        let shared = Arc::new(Budget::new("1/h".parse().unwrap()));
        let layers = |last: Value| {
            let limited = Claim::parse(&json!({ "name": "a", "rate": "1/h" })).unwrap();
            let account = Layer::new(Document::Account, limited, |_, _| shared.clone());
            let last = Layer::new(Document::Restriction, Claim::parse(&last).unwrap(), |_, _| unreachable!());
            Grant::<Entry>::new(GrantParts {
                capability: "demo",
                principal: Principal::new(testing::account(), testing::component(), "acme", "orders"),
                link: LinkConfig::new(),
                settings: LinkConfig::new(),
                layers: vec![account, last],
            })
        };
        let restricted = layers(json!([]));
        assert!((0..5).all(|_| restricted.permits("a").is_err()));
        assert!(layers(json!({ "name": "a" })).permits("a").is_ok(), "its sibling still has the account's one");
        assert!(layers(json!({ "name": "a" })).permits("a").is_err());
    }

    #[test]
    fn an_entry_whose_rate_is_used_up_makes_way_for_another() {
        let limited = grant(&[json!([{ "name": "a", "rate": "1/h" }])]);
        assert!(limited.permits("a").is_ok());
        assert_eq!(limited.permits("a").unwrap_err().reason, Denied::new("the rate it permits is used up"));
        let with_another = grant(&[json!([{ "name": "a", "rate": "1/h" }, { "name": "a" }])]);
        assert!((0..5).all(|_| with_another.permits("a").is_ok()));
    }
}
