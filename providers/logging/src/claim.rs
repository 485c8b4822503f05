//! What a claim about logging says.
//!
//! One entry:
//!
//! | field | written | permits |
//! |---|---|---|
//! | `level` | `trace`, `debug`, `info`, `warn`, `error` or `critical` | lines of this level and above. Absent: every line |
//! | `rate` | such as `200/s` | so many lines. Absent: as many as the guest's time allows |
//!
//! Logging has no naming field, so a document may say `logging: any`. An unknown field, an unknown level or a field without
//! a value does not parse.

use std::convert::Infallible;
use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use writ_provider::defence::stands;
use writ_provider::units::Rate;
use writ_provider::{Constraint, Denied, InvalidLink, LinkConfig};

/// One entry of a claim about logging.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    #[serde(default, deserialize_with = "written")]
    level: Option<Level>,
    #[serde(default, deserialize_with = "written")]
    rate: Option<Rate>,
}

/// How much a line matters, from least to most, as `wasi:logging` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Every step.
    Trace,
    /// For someone who is debugging.
    Debug,
    /// For someone who is watching.
    Info,
    /// Something odd that was dealt with.
    Warn,
    /// Something failed.
    Error,
    /// Nothing works any more.
    Critical,
}

/// One line that a guest wants to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Its level.
    pub level: Level,
    /// The bytes of its context and message together, as the guest sent them. No field of a claim is about them so far.
    pub bytes: usize,
}

impl Constraint for Entry {
    const NAMED: bool = false;
    const EXAMPLE: &'static str = "{ level: info, rate: 200/s }";

    type Request<'a> = Request;

    fn permits(&self, request: Request) -> Result<(), Denied> {
        match self.level {
            Some(least) if request.level < least && stands("logging: level") => {
                Err(Denied::new(format!("permits lines from `{least}` up, not `{}`", request.level)))
            }
            _ => Ok(()),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        self.level.is_none_or(|least| other.level.is_some_and(|level| level >= least))
    }

    fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// A link to logging asks for nothing.
    type Plan = Infallible;

    fn plans(link: &LinkConfig) -> Result<Vec<Infallible>, InvalidLink> {
        match link.keys().next() {
            None => Ok(Vec::new()),
            Some(property) => Err(InvalidLink {
                property: property.clone(),
                reason: "a link to logging has no configuration; leave it out".to_owned(),
            }),
        }
    }

    fn request(plan: &Infallible) -> Request {
        match *plan {}
    }

    fn allowing(request: Request) -> Value {
        json!({ "level": request.level.to_string() })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
        })
    }
}

/// A field that is there has a value: `level:` with nothing after it is a mistake, and must not mean "every level".
fn written<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use expect_test::{Expect, expect};
    use writ_provider::Claim;

    use super::*;

    /// Which levels the claim permits, or why it does not parse.
    #[track_caller]
    fn check(claim: Value, expected: Expect) {
        let levels = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Critical];
        let found = match Claim::<Entry>::parse(&claim) {
            Ok(Claim::Any) => "any".to_owned(),
            Ok(Claim::Entries(entries)) => {
                let permitted = |level| entries.iter().any(|entry| entry.permits(Request { level, bytes: 1 }).is_ok());
                levels.into_iter().filter(|level| permitted(*level)).map(|level| format!("{level} ")).collect()
            }
            Err(error) => format!("refused: {error}"),
        };
        expected.assert_eq(&found);
    }

    #[test]
    fn claims() {
        check(json!("any"), expect!["any"]);
        check(json!([]), expect![""]);
        check(json!({}), expect!["trace debug info warn error critical "]);
        check(json!([{}]), expect!["trace debug info warn error critical "]);
        check(json!({"level": "trace"}), expect!["trace debug info warn error critical "]);
        check(json!({"level": "info", "rate": "200/s"}), expect!["info warn error critical "]);
        check(json!({"level": "critical"}), expect!["critical "]);
        check(json!([{"level": "error"}, {"level": "warn", "rate": "1/s"}]), expect!["warn error critical "]);
    }

    #[test]
    fn refused_claims() {
        check(
            json!({"level": "fatal"}),
            expect![
                "refused: entry 1: unknown variant `fatal`, expected one of `trace`, `debug`, `info`, `warn`, `error`, `critical`"
            ],
        );
        check(
            json!([{}, {"size": "1KiB"}]),
            expect!["refused: entry 2: unknown field `size`, expected `level` or `rate`"],
        );
        check(
            json!({"rate": "200"}),
            expect![
                "refused: entry 1: `200` is not a rate such as `200/s`: a whole number and one of `/s`, `/m`, `/h`"
            ],
        );
        check(json!({"level": null}), expect!["refused: entry 1: `level` has no value: write one, or leave it out"]);
        check(json!("all"), expect!["refused: expected a list of entries, or one entry"]);
        check(json!(null), expect!["refused: expected a list of entries, or one entry"]);
    }

    #[test]
    fn a_denial_says_what_is_permitted() {
        let entry: Entry = serde_json::from_value(json!({"level": "warn"})).unwrap();
        let denied = entry.permits(Request { level: Level::Info, bytes: 0 }).unwrap_err();
        expect!["permits lines from `warn` up, not `info`"].assert_eq(&denied.to_string());
    }

    #[test]
    fn a_link_has_no_configuration() {
        assert_eq!(Entry::plans(&LinkConfig::new()), Ok(Vec::new()));
        let refused = Entry::plans(&LinkConfig::from([("level".to_owned(), "info".to_owned())])).unwrap_err();
        expect!["`level`: a link to logging has no configuration; leave it out"].assert_eq(&refused.to_string());
    }

    #[test]
    fn what_covers_what() {
        for (one, other, expected) in [
            (json!({}), json!({"level": "trace"}), true),
            (json!({"level": "trace"}), json!({}), false),
            (json!({"level": "info"}), json!({"level": "info", "rate": "1/s"}), true),
            (json!({"level": "info"}), json!({"level": "debug"}), false),
        ] {
            let [one, other] = [one, other].map(|entry| serde_json::from_value::<Entry>(entry).unwrap());
            assert_eq!(one.covers(&other), expected, "{one:?} {other:?}");
        }
    }
}
