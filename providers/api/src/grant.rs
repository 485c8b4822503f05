//! What one principal was granted, as a value.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use smallvec::SmallVec;

use crate::budget::{Budget, Now};
use crate::units::Rate;
use crate::{Claim, Constraint, Denied, Flow, Lessons, LinkConfig, Principal, Tally};

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
    tally: Option<Arc<Tally>>,
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

    /// The entry that the request is counted by: the one that it was counted by before, if that permits it whole as it is
    /// now, or else the first that does and has some of its rate left.
    fn choose(&self, held: usize, request: C::Request<'_>, now: Option<&Now>) -> Result<usize, Denied> {
        match self.claim.entries().get(held) {
            Some(entry) if entry.permits(request).is_ok() => Ok(held),
            _ => self.choose_from(0, request, now),
        }
    }

    /// The first entry from `start` on that permits the whole request, and has some of its rate left if `now` is given.
    fn choose_from(&self, start: usize, request: C::Request<'_>, now: Option<&Now>) -> Result<usize, Denied> {
        let Claim::Entries(entries) = &self.claim else { return Ok(UNRESTRICTED) };
        let (mut refusal, mut is_used_up, mut index) = (None, false, start);
        while let (Some(entry), Some(budget)) = (entries.get(index), self.budgets.get(index)) {
            match (entry.permits(request), budget, now) {
                (Ok(()), Some(budget), Some(now)) if !budget.has_one(now) => is_used_up = true,
                (Ok(()), ..) => return Ok(index),
                (Err(denied), ..) => refusal = refusal.or(Some(denied)),
            }
            index = index.saturating_add(1);
        }
        // A rate that is used up is what is said of it, whatever other entries refuse.
        Err(match refusal {
            _ if is_used_up => Denied::new("the rate it permits is used up"),
            Some(refusal) => refusal,
            None => Denied::new("permits nothing (its claim is empty)"),
        })
    }

    fn refused(&self, reason: Denied) -> Refused {
        Refused { document: self.document.clone(), reason }
    }

    /// Draws on the rate of an entry, if it says one.
    fn draw(&self, entry: usize, now: Option<&Now>) -> bool {
        match (self.budgets.get(entry), now) {
            (Some(Some(budget)), Some(now)) => budget.take(now),
            _ => true,
        }
    }
}

/// Chooses an entry of each document and then draws on their rates, so that a request which is denied uses up nobody's.
/// `held` says by which entries the request is counted already: what was drawn for it is not drawn again.
fn settle<C: Constraint>(
    layers: &[Layer<C>],
    held: impl Iterator<Item = usize> + Clone,
    request: C::Request<'_>,
    now: Option<&Now>,
) -> Result<Entries, Refused> {
    let mut chosen = Entries::new();
    for (layer, held) in layers.iter().zip(held.clone()) {
        chosen.push(layer.choose(held, request, now).map_err(|reason| layer.refused(reason))?);
    }
    // Without a clock there are no rates to draw on.
    if now.is_none() {
        return Ok(chosen);
    }
    for ((layer, held), entry) in layers.iter().zip(held).zip(&mut chosen) {
        // Somebody else may have taken the last one meanwhile; then a later entry may still do.
        while *entry != held && !layer.draw(*entry, now) {
            let later = layer.choose_from(entry.saturating_add(1), request, now);
            *entry = later.map_err(|reason| layer.refused(reason))?;
        }
    }
    Ok(chosen)
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
        Self::counted(parts, None)
    }

    /// As [`new`](Self::new), and counts what is permitted and denied where an audit asks for it.
    pub fn counted(parts: GrantParts<C>, tally: Option<Arc<Tally>>) -> Self {
        let GrantParts { capability, principal, link, settings, layers } = parts;
        let rated = layers.iter().any(|layer| layer.budgets.iter().any(Option::is_some));
        let denied = AtomicU64::new(0);
        Self { inner: Arc::new(Inner { capability, principal, link, settings, layers, rated, denied, tally }) }
    }

    /// Whether every document permits the request, each by one whole entry. Draws on those entries' rates; logs what was
    /// denied.
    ///
    /// # Errors
    /// [`Refused`] by the first document that does not.
    pub fn permits(&self, request: C::Request<'_>) -> Result<(), Refused> {
        let held = self.check(std::iter::repeat(NO_ENTRY), request)?;
        drop(self.lesson(&held, request));
        Ok(())
    }

    /// Whether the answer to a request is the same each time: no document has a rate, and nobody learns from what is asked.
    pub fn is_fixed(&self) -> bool {
        self.inner.tally.as_ref().is_none_or(|tally| tally.lessons().is_none()) && !self.inner.rated
    }

    /// Counts one more use of what was permitted before, where the answer [`is_fixed`](Self::is_fixed).
    pub fn used_again(&self) {
        self.used();
    }

    /// As [`permits`](Self::permits), for a request that is not known as a whole yet.
    ///
    /// # Errors
    /// [`Refused`] by the first document that does not permit what is known of it.
    pub fn approve(&self, request: C::Request<'_>) -> Result<Approved<C>, Refused> {
        let held = self.check(std::iter::repeat(NO_ENTRY), request)?;
        let lesson = self.lesson(&held, request);
        Ok(Approved { grant: self.clone(), held, lesson })
    }

    /// Every document's answer to the request, without drawing on any rate: for checks before anything runs.
    pub fn refusals(&self, request: C::Request<'_>) -> Vec<Refused> {
        if self.inner.layers.is_empty() {
            return vec![nothing()];
        }
        let refusal = |layer: &Layer<C>| {
            let refused = layer.choose_from(0, request, None).err();
            refused.map(|reason| layer.refused(reason))
        };
        self.inner.layers.iter().filter_map(refusal).collect()
    }

    fn check(&self, held: impl Iterator<Item = usize> + Clone, request: C::Request<'_>) -> Result<Entries, Refused> {
        let now = self.inner.rated.then(Now::read);
        let settled = match self.inner.layers.as_slice() {
            [] => Err(nothing()),
            layers => settle(layers, held, request, now.as_ref()),
        };
        settled.inspect(|_| self.used()).inspect_err(|refused| self.note(refused, request))
    }

    /// What is to be learnt of a request that is permitted by these entries: nothing, where nobody learns.
    fn lesson(&self, held: &Entries, request: C::Request<'_>) -> Option<Lesson> {
        let lessons = self.inner.tally.as_ref()?.lessons()?.clone();
        Some(Lesson { lessons, entry: self.own_entry(held)?, smallest: C::allowing(request) })
    }

    /// Of these entries, the one of the component's own token.
    fn own_entry(&self, held: &Entries) -> Option<usize> {
        let own = self.inner.layers.iter().position(|layer| layer.document == Document::Component)?;
        held.get(own).copied()
    }

    fn used(&self) {
        if let Some(tally) = &self.inner.tally {
            tally.count_use();
        }
    }

    /// Logs the first denial and then each power of two of them, so that a guest cannot flood the log with them.
    fn note(&self, refused: &Refused, request: C::Request<'_>) {
        if let Some(tally) = &self.inner.tally {
            tally.count_denial(refused);
            if let Some(lessons) = tally.lessons() {
                lessons.refused(&refused.document, C::allowing(request));
            }
        }
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
            allow = %self.allowing(request),
            count,
            "denied"
        );
    }

    /// The smallest claim that permits a request, to write into the document that refused it; nothing where a guest asked
    /// for so much that nobody would.
    fn allowing(&self, request: C::Request<'_>) -> String {
        let claim = Value::from(vec![C::allowing(request)]);
        let line = format!("{}: {}", self.inner.capability, Flow(&claim));
        if line.len() > LONGEST_LINE { String::new() } else { line }
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

/// A request that was permitted as far as it is known, and by which entry of each document.
///
/// What is asked for may become known bit by bit: an address after its name was looked up, a length while the bytes come.
/// It is one request all the while, so it is counted once, by an entry that permits the whole of it: the rate of one entry
/// and the size of another do not add up.
pub struct Approved<C> {
    grant: Grant<C>,
    held: Entries,
    lesson: Option<Lesson>,
}

/// What is learnt of a request, once it is known as a whole: when this is dropped.
struct Lesson {
    lessons: Arc<Lessons>,
    entry: usize,
    smallest: Value,
}

impl Drop for Lesson {
    fn drop(&mut self) {
        self.lessons.permitted(self.entry, self.smallest.take());
    }
}

impl<C: Constraint> Approved<C> {
    /// Whether every document still permits the request, now that more of it is known. An entry that permits it whole goes
    /// on to count it. Where it does not, another one that does may take over, and is drawn on.
    ///
    /// # Errors
    /// [`Refused`] by the first document that does not.
    pub fn extend(&mut self, request: C::Request<'_>) -> Result<(), Refused> {
        self.held = self.grant.check(self.held.iter().copied(), request)?;
        // What was known before is not learnt by itself.
        if let Some(lesson) = &mut self.lesson {
            lesson.entry = self.grant.own_entry(&self.held).unwrap_or_default();
            lesson.smallest = C::allowing(request);
        }
        Ok(())
    }
}

/// Bytes of a claim that is offered in the log.
const LONGEST_LINE: usize = 500;
/// No entry: nothing was drawn on yet.
const NO_ENTRY: usize = usize::MAX;
/// What counts a request that a document does not restrict.
const UNRESTRICTED: usize = 0;
/// An entry of each document; there are seldom more documents than this.
type Entries = SmallVec<[usize; 6]>;

#[cfg(test)]
mod tests;
