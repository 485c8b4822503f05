//! `limits` in tokens and policies, and what they come to for one component.
//!
//! | limit | written | in a component's token | in any other document |
//! |---|---|---|---|
//! | `memory` | `32MiB` | of one instance | one budget, shared by all who stand under the document on this host |
//! | `time` | `500ms` | of one call | of one call |

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use writ_provider::Document;
use writ_provider::units::{Size, Time};

use crate::authorize::Statement;
use crate::budgets::Source;

/// The figures of one document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    memory: Option<Size>,
    time: Option<Time>,
}

impl Figures {
    /// Reads a document's limits. A limit that nobody knows refuses: ignoring it would widen.
    pub(crate) fn parse(limits: &BTreeMap<String, Value>) -> Result<Self, String> {
        let mut figures = Self::default();
        for (name, value) in limits {
            let text = value.as_str().ok_or_else(|| format!("says `{name}: {value}`, which has no unit"))?;
            let failed = |error: writ_provider::units::UnitError| format!("says `{name}: {text}`: {error}");
            match name.as_str() {
                "memory" => figures.memory = Some(text.parse().map_err(failed)?),
                "time" => figures.time = Some(text.parse().map_err(failed)?),
                _ => return Err(format!("has a limit `{name}`, which this host does not know")),
            }
        }
        Ok(figures)
    }
}

/// What one component's calls may take up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AdmittedLimits {
    /// Bytes of linear memory of one store.
    pub(crate) memory: usize,
    /// How long one call may take.
    pub(crate) time: Duration,
    /// The least that a document says about time. A command that none of them limits ends by itself.
    pub(crate) said: Option<Duration>,
    /// Budgets of memory that several components share: the document, and bytes.
    pub(crate) shared: Vec<(Source, usize)>,
}

/// What a component gets that says nothing.
const MEMORY: usize = 64 << 20;
const TIME: Duration = Duration::from_secs(10);

impl AdmittedLimits {
    pub(crate) fn of(documents: &[(&Statement, Figures)]) -> Self {
        let own = documents.iter().find(|(statement, _)| statement.document == Document::Component);
        let memory = own.and_then(|(_, figures)| figures.memory).map_or(MEMORY, bytes);
        let asked = own.and_then(|(_, figures)| figures.time).map_or(TIME, Time::duration);
        let said = documents.iter().filter_map(|(_, figures)| figures.time).map(Time::duration).min();
        let time = said.map_or(asked, |said| said.min(asked));
        let shares = |(statement, figures): &(&Statement, Figures)| {
            let most = figures.memory.filter(|_| statement.document != Document::Component)?;
            Some((statement.source(), bytes(most)))
        };
        let shared: Vec<_> = documents.iter().filter_map(shares).collect();
        let memory = shared.iter().map(|(_, most)| *most).fold(memory, usize::min);
        Self { memory, time, said, shared }
    }
}

fn bytes(size: Size) -> usize {
    usize::try_from(size.bytes()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn document(document: Document, limits: Value) -> Statement {
        let limits = serde_json::from_value(limits).unwrap();
        Statement { id: String::new(), document, capabilities: None, limits }
    }

    #[track_caller]
    fn check(documents: &[Statement], memory: usize, time: u64, shared: &[usize]) {
        let figures: Vec<_> = documents.iter().map(|d| (d, Figures::parse(&d.limits).unwrap())).collect();
        let limits = AdmittedLimits::of(&figures);
        let found: Vec<usize> = limits.shared.iter().map(|(_, most)| *most).collect();
        assert_eq!((limits.memory, limits.time.as_millis()), (memory, u128::from(time)));
        assert_eq!(found, shared);
    }

    #[test]
    fn the_least_of_all_documents() {
        let component = |limits| document(Document::Component, limits);
        let account = |limits| document(Document::Account, limits);
        check(&[component(json!({})), account(json!({}))], MEMORY, 10_000, &[]);
        check(&[component(json!({"memory": "8MiB", "time": "500ms"})), account(json!({}))], 8 << 20, 500, &[]);
        check(&[component(json!({"time": "1h"})), account(json!({"time": "2s"}))], MEMORY, 2_000, &[]);
        check(&[component(json!({"memory": "8MiB"})), account(json!({"memory": "4MiB"}))], 4 << 20, 10_000, &[4 << 20]);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for limits in [json!({"memory": 5}), json!({"memory": "5"}), json!({"fuel": "5B"}), json!({"time": "1MiB"})] {
            let limits = serde_json::from_value(limits).unwrap();
            assert!(Figures::parse(&limits).is_err(), "{limits:?}");
        }
    }
}
