//! What a claim may say about a capability.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;
use writ_signing::defence::stands;

use crate::units::Rate;

/// The configuration of a manifest's link, merged in order; later entries win.
pub type LinkConfig = BTreeMap<String, String>;

/// One entry of a claim: naming fields, which are mandatory, and narrowing fields, which are optional.
///
/// Deserialize it with `deny_unknown_fields`: a field that nobody knows must refuse, since ignoring it would widen.
pub trait Constraint: DeserializeOwned + Send + Sync + 'static {
    /// Whether it has a naming field (a bucket, a host). Without one, a document may say `any` for the whole capability.
    const NAMED: bool;

    /// One entry as a person would write it in YAML, shown where a denial cannot derive one.
    const EXAMPLE: &'static str;

    /// What a guest asks at an operation.
    type Request<'a>: Copy;

    /// Whether this whole entry permits the request.
    ///
    /// # Errors
    /// [`Denied`] with what this entry does permit instead.
    fn permits(&self, request: Self::Request<'_>) -> Result<(), Denied>;

    /// Whether this entry certainly permits everything that `other` permits. Rates are not asked about: whoever compares
    /// claims compares those, too.
    ///
    /// It decides nothing at an operation. People are told by it what an upgrade newly asks for, and which entries say
    /// nothing more, so what is not certain is `false`. That is the default, and always right; an entry covers its equals
    /// in any case.
    fn covers(&self, other: &Self) -> bool {
        let _ = other;
        false
    }

    /// How often this entry permits, if it says so. Counted by the host, per document.
    fn rate(&self) -> Option<Rate> {
        None
    }

    /// What a manifest's link asks for before anything runs: a route, a subscription, a bucket.
    type Plan: fmt::Display + Clone + Send + Sync + 'static;

    /// Reads what a link's configuration asks for.
    ///
    /// # Errors
    /// [`InvalidLink`] for a property nobody knows or a value that does not parse.
    fn plans(link: &LinkConfig) -> Result<Vec<Self::Plan>, InvalidLink>;

    /// The request that a plan stands for.
    fn request(plan: &Self::Plan) -> Self::Request<'_>;

    /// The smallest entry that permits the request: what a denial offers to paste.
    fn allowing(request: Self::Request<'_>) -> Value;
}

/// What one document says about one capability.
#[derive(Debug)]
pub enum Claim<C> {
    /// This document does not restrict it. Written out, never implied.
    Any,
    /// The request must be permitted by one whole entry. None: linked, permits nothing.
    Entries(Vec<C>),
}

impl<C: Constraint> Claim<C> {
    /// Reads a claim: `any` where the capability has no naming field, a list of entries, or a mapping as a list of one.
    ///
    /// # Errors
    /// [`InvalidClaim`] names the entry and the field.
    pub fn parse(value: &Value) -> Result<Self, InvalidClaim> {
        let entry = |index: usize, value: &Value| {
            let invalid = |reason| InvalidClaim { entry: Some(index), reason };
            // Most readers take one for an absent field, which does not narrow; it was meant to.
            if let Some(field) = field_without_value(value).filter(|_| stands("claim: field without a value")) {
                return Err(invalid(format!("`{field}` has no value: write one, or leave it out")));
            }
            C::deserialize(value).map_err(|error| invalid(error.to_string()))
        };
        match value {
            Value::String(word) if word == "any" && !C::NAMED => Ok(Self::Any),
            Value::String(word) if word == "any" => {
                Err(InvalidClaim::whole(format!("`any` belongs in its naming field; an entry is like {}", C::EXAMPLE)))
            }
            Value::Array(entries) => {
                entries.iter().enumerate().map(|(i, v)| entry(i, v)).collect::<Result<_, _>>().map(Self::Entries)
            }
            Value::Object(_) => Ok(Self::Entries(vec![entry(0, value)?])),
            _ => Err(InvalidClaim::whole("expected a list of entries, or one entry")),
        }
    }

    /// What of `asked` is not certainly permitted by one whole entry of this claim, entry by entry; `whole` where all of it
    /// is asked for and this claim is narrower.
    ///
    /// Where rates count, an entry with a rate covers one entry at most: two that stand below one would have twice its rate.
    /// `same` says of an entry of `asked` and one of this claim, by their index, whether they are written alike.
    pub fn beyond(&self, asked: &Self, rates: Rates, same: impl Fn(usize, usize) -> bool) -> Beyond {
        match (self, asked) {
            (Self::Any, _) => Beyond::Entries(Vec::new()),
            (Self::Entries(_), Self::Any) => Beyond::Whole,
            (Self::Entries(most), Self::Entries(asked)) => Beyond::Entries(not_covered(most, asked, rates, same)),
        }
    }

    /// Whether one whole entry permits the request, without counting it.
    ///
    /// # Errors
    /// What the first entry permits instead.
    pub fn permits(&self, request: C::Request<'_>) -> Result<(), Denied> {
        let Self::Entries(entries) = self else { return Ok(()) };
        let mut refusal = None;
        for entry in entries {
            match entry.permits(request) {
                Ok(()) => return Ok(()),
                Err(denied) => refusal.get_or_insert(denied),
            };
        }
        Err(refusal.unwrap_or_else(|| Denied::new("permits nothing (its claim is empty)")))
    }

    /// The entries, none for [`Claim::Any`].
    pub fn entries(&self) -> &[C] {
        match self {
            Self::Any => &[],
            Self::Entries(entries) => entries,
        }
    }
}

/// Whether rates are compared, when claims are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rates {
    /// They are: what is permitted more often is more.
    Counted,
    /// They are not: the other claim's are counted besides.
    Aside,
}

/// What of a claim goes beyond another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beyond {
    /// These of its entries, by their index.
    Entries(Vec<usize>),
    /// All of it: it is `any`, and the other is not.
    Whole,
}

fn not_covered<C: Constraint>(
    most: &[C],
    asked: &[C],
    rates: Rates,
    same: impl Fn(usize, usize) -> bool,
) -> Vec<usize> {
    let mut free = vec![true; most.len()];
    let mut left = Vec::new();
    // Equals first, so that none of them is spent on another.
    for index in 0..asked.len() {
        match free.iter_mut().enumerate().find(|(above, free)| **free && same(index, *above)) {
            Some((_, free)) => *free = false,
            None => left.push(index),
        }
    }
    let mut is_covered = |entry: &C| {
        most.iter().zip(&mut free).any(|(most, free)| {
            let fits =
                rates == Rates::Aside || most.rate().is_none() || (*free && is_slower(entry.rate(), most.rate()));
            let covered = fits && most.covers(entry);
            *free &= !covered;
            covered
        })
    };
    left.retain(|index| asked.get(*index).is_some_and(|entry| !is_covered(entry)));
    left
}

/// Whether no more is permitted by a rate than by another, at once and in the long run.
fn is_slower(rate: Option<Rate>, most: Option<Rate>) -> bool {
    let (Some(rate), Some(most)) = (rate, most) else { return most.is_none() };
    let each = |rate: Rate, other: Rate| u128::from(rate.count()) * u128::from(other.per().duration().as_secs());
    rate.count() <= most.count() && each(rate, most) <= each(most, rate)
}

fn field_without_value(entry: &Value) -> Option<&String> {
    let mut fields = entry.as_object()?.iter();
    fields.find_map(|(field, value)| value.is_null().then_some(field))
}

/// A request that a document does not permit, in a sentence without the document's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Denied(pub String);

impl Denied {
    /// A denial from anything that prints.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A claim that the capability's provider does not understand. Unknown means refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidClaim {
    /// Which entry, from 0; none for the whole claim.
    pub entry: Option<usize>,
    /// What is wrong with it.
    pub reason: String,
}

impl InvalidClaim {
    fn whole(reason: impl Into<String>) -> Self {
        Self { entry: None, reason: reason.into() }
    }
}

impl fmt::Display for InvalidClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            Some(index) => write!(f, "entry {}: {}", index.saturating_add(1), self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for InvalidClaim {}

/// A link in the manifest whose configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{property}`: {reason}")]
pub struct InvalidLink {
    /// The property.
    pub property: String,
    /// What is wrong with it, and what would be right.
    pub reason: String,
}
