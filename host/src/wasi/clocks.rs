//! `clocks`: how fine the clocks are that a component reads.
//!
//! | field | written | permits |
//! |---|---|---|
//! | `resolution` | a time such as `1us` | clocks as fine as that. Absent: as fine as the machine's |
//!
//! Everyone gets a millisecond without a claim: side channels want more. What a component sees is the coarsest resolution
//! that a document gives it, and a document that does not speak of `clocks` where it had to gives a millisecond. There is no
//! naming field, so a document may say `clocks: any`.

use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};
use writ_provider::units::Time;
use writ_provider::{Claim, Constraint, Denied, InvalidLink, LinkConfig};

use super::written;
use crate::authorize::Statement;

/// An entry of `clocks`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    #[serde(default, deserialize_with = "resolution")]
    resolution: Option<Time>,
}

fn resolution<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    let time: Option<Time> = written(deserializer)?;
    match time {
        Some(time) if time.duration().is_zero() => Err(de::Error::custom("no clock has a resolution of nothing")),
        other => Ok(other),
    }
}

/// A claim of clocks is not asked at an operation: it decides once how fine they are. See [`finest`].
impl Constraint for Entry {
    const NAMED: bool = false;
    const EXAMPLE: &'static str = "{ resolution: 1us }";

    type Request<'a> = &'a Infallible;
    type Plan = Infallible;

    fn permits(&self, never: &Infallible) -> Result<(), Denied> {
        match *never {}
    }

    fn covers(&self, other: &Self) -> bool {
        self.resolution.is_none_or(|finest| other.resolution.is_some_and(|resolution| resolution >= finest))
    }

    fn plans(link: &LinkConfig) -> Result<Vec<Infallible>, InvalidLink> {
        match link.keys().next() {
            None => Ok(Vec::new()),
            Some(property) => Err(InvalidLink {
                property: property.clone(),
                reason: "a link to clocks has no configuration; leave it out".to_owned(),
            }),
        }
    }

    fn request(never: &Infallible) -> &Infallible {
        never
    }

    fn allowing(never: &Infallible) -> Value {
        match *never {}
    }
}

/// The finest clocks that every one of these documents gives.
pub(super) fn finest(documents: &[Statement]) -> Duration {
    documents.iter().map(given_by).max().unwrap_or(EVERYONES)
}

fn given_by(document: &Statement) -> Duration {
    let claim = match document.about("clocks") {
        Ok(Some(claim)) => Claim::<Entry>::parse(claim),
        Ok(None) => Ok(Claim::Any),
        Err(_) => return EVERYONES,
    };
    match claim {
        Ok(Claim::Any) => MACHINES,
        Ok(Claim::Entries(entries)) => {
            let each = entries.iter().map(|entry| entry.resolution.map_or(MACHINES, Time::duration));
            each.min().unwrap_or(EVERYONES)
        }
        // `authorize` has refused it before.
        Err(_) => EVERYONES,
    }
}

/// What everyone gets.
const EVERYONES: Duration = Duration::from_millis(1);
/// What is as fine as a clock can say.
const MACHINES: Duration = Duration::from_nanos(1);

/// The time of day, to a resolution.
pub(super) struct Wall(pub(super) Duration);

impl HostWallClock for Wall {
    fn resolution(&self) -> Duration {
        self.0
    }

    fn now(&self) -> Duration {
        coarse(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default(), self.0)
    }
}

/// The time since the store was made, to a resolution. It begins with one step: Go's runtime ends where its clock says nothing.
pub(super) struct Since {
    start: Instant,
    resolution: Duration,
}

impl Since {
    pub(super) fn now(resolution: Duration) -> Self {
        Self { start: Instant::now(), resolution }
    }
}

impl HostMonotonicClock for Since {
    fn resolution(&self) -> u64 {
        nanos(self.resolution)
    }

    fn now(&self) -> u64 {
        nanos(coarse(self.start.elapsed(), self.resolution)).saturating_add(nanos(self.resolution).max(1))
    }
}

/// A time without what is finer than the resolution.
fn coarse(time: Duration, resolution: Duration) -> Duration {
    let (time, step) = (nanos(time), nanos(resolution).max(1));
    Duration::from_nanos(time.checked_rem(step).map_or(time, |over| time.saturating_sub(over)))
}

/// In nanoseconds, which fit for some five hundred years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The interfaces that it opens.
pub(crate) const INTERFACES: &[&str] = &["wasi:clocks/monotonic-clock@0.2.0", "wasi:clocks/wall-clock@0.2.0"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use serde_json::json;
    use writ_provider::Document;

    use super::*;

    /// A document that says this about clocks; `null` for one that restricts nothing at all.
    fn document(document: Document, clocks: Option<Value>) -> Statement {
        let capabilities = match clocks {
            Some(Value::Null) => None,
            Some(claim) => Some(BTreeMap::from([("clocks".to_owned(), claim)])),
            None => Some(BTreeMap::new()),
        };
        Statement { document, id: String::new(), capabilities, limits: BTreeMap::new() }
    }

    #[track_caller]
    fn check(documents: &[(Document, Option<Value>)], nanoseconds: u64) {
        let documents: Vec<_> = documents.iter().map(|(kind, says)| document(kind.clone(), says.clone())).collect();
        assert_eq!(nanos(finest(&documents)), nanoseconds);
    }

    #[test]
    fn the_first_time_is_one_step() {
        for resolution in [Duration::from_secs(1_000), Duration::from_secs(2_000)] {
            assert_eq!(Since::now(resolution).now(), nanos(resolution));
        }
        assert!(Since::now(MACHINES).now() > 0);
    }

    #[test]
    fn the_coarsest_of_what_the_documents_give() {
        use Document::{Account, Component, HostPolicy, Restriction};
        let says = |text: &str| Some(json!({ "resolution": text }));
        let unrestricted = (Account, Some(Value::Null));
        check(&[], 1_000_000);
        check(&[(Component, None), unrestricted.clone()], 1_000_000);
        check(&[(Component, Some(json!([]))), unrestricted.clone()], 1_000_000);
        check(&[(Component, says("1us")), unrestricted.clone()], 1_000);
        check(&[(Component, Some(json!("any"))), unrestricted.clone()], 1);
        check(&[(Component, Some(json!({}))), unrestricted.clone()], 1);
        check(&[(Component, Some(json!([{ "resolution": "1ms" }, { "resolution": "5us" }])))], 5_000);
        check(&[(Component, says("1ns")), (Account, says("20us")), (HostPolicy, says("3us"))], 20_000);
        check(&[(Component, says("1us")), (Account, None)], 1_000_000);
        check(&[(Component, says("1us")), (HostPolicy, None)], 1_000_000);
        check(&[(Component, says("1us")), (Restriction, None)], 1_000);
        check(&[(Component, says("1us")), (Restriction, says("50us"))], 50_000);
        check(&[(Component, says("1us")), (HostPolicy, says("10ms"))], 10_000_000);
    }

    #[test]
    fn forms() {
        for (claim, reads) in [
            (json!("any"), true),
            (json!([]), true),
            (json!({ "resolution": "10us" }), true),
            (json!({ "resolution": "0ms" }), false),
            (json!({ "resolution": null }), false),
            (json!({ "resolution": 1 }), false),
            (json!({ "resolution": "1us", "zone": "UTC" }), false),
        ] {
            assert_eq!(Claim::<Entry>::parse(&claim).is_ok(), reads, "{claim}");
        }
        assert!(Entry::plans(&LinkConfig::from([("resolution".to_owned(), "1us".to_owned())])).is_err());
    }

    #[test]
    fn a_time_is_cut_to_the_resolution() {
        let ns = Duration::from_nanos;
        for (time, resolution, shown) in
            [(1_234_567, 1_000_000, 1_000_000), (1_234_567, 1_000, 1_234_000), (7, 1, 7), (999, 1_000, 0)]
        {
            assert_eq!(coarse(ns(time), ns(resolution)), ns(shown));
        }
    }
}
