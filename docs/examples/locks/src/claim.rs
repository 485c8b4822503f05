//! What a claim about locks says.
//!
//! One entry:
//!
//! | field | written | permits |
//! |---|---|---|
//! | `lock` | a name, or `any`; mandatory | acquiring the lock of exactly this name; every lock |
//! | `wait` | `500ms` | waiting so long for it; absent: as long as the call may take |
//! | `rate` | `10/s` | so many requests |

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use writ_provider::units::{Rate, Time};
use writ_provider::{Constraint, Denied, InvalidLink, LinkConfig};

/// One entry of a claim about locks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    lock: String,
    wait: Option<Time>,
    rate: Option<Rate>,
}

/// What a guest asks at `acquire`.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The name of the lock.
    pub lock: &'a str,
    /// How long it would wait.
    pub wait: Duration,
}

/// What a link asks for: the one lock that its component uses.
#[derive(Debug, Clone)]
pub struct Plan {
    lock: String,
}

impl Constraint for Entry {
    const NAMED: bool = true;
    const EXAMPLE: &'static str = "{ lock: NAME, wait: 500ms }";
    type Request<'a> = Request<'a>;
    type Plan = Plan;

    fn permits(&self, request: Request<'_>) -> Result<(), Denied> {
        if self.lock != "any" && self.lock != request.lock {
            return Err(Denied::new(format!("permits the lock `{}`, not `{}`", self.lock, request.lock)));
        }
        match self.wait {
            Some(most) if request.wait > most.duration() => {
                Err(Denied::new(format!("permits to wait {most}, not {:?}", request.wait)))
            }
            _ => Ok(()),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        let named = self.lock == "any" || self.lock == other.lock;
        named && self.wait.is_none_or(|most| other.wait.is_some_and(|wait| wait <= most))
    }

    fn rate(&self) -> Option<Rate> {
        self.rate
    }

    fn plans(link: &LinkConfig) -> Result<Vec<Plan>, InvalidLink> {
        let plan = |(property, value): (&String, &String)| match property.as_str() {
            LOCK => Ok(Plan { lock: value.clone() }),
            _ => Err(InvalidLink { property: property.clone(), reason: format!("unknown; locks knows `{LOCK}`") }),
        };
        link.iter().map(plan).collect()
    }

    fn request(plan: &Plan) -> Request<'_> {
        Request { lock: &plan.lock, wait: Duration::ZERO }
    }

    fn allowing(request: Request<'_>) -> Value {
        json!({ "lock": request.lock })
    }
}

/// A denial says it: "may not use locks: the lock `report`".
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the lock `{}`", self.lock)
    }
}

/// The property of a link that names the one lock its component uses.
pub(crate) const LOCK: &str = "lock";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use writ_provider::Claim;

    use super::*;

    /// What the entry of a claim says to a request; empty where it permits it.
    #[track_caller]
    fn check(claim: Value, lock: &str, wait: u64, expected: &str) {
        let answer = match Claim::<Entry>::parse(&claim) {
            Ok(claim) => {
                let request = Request { lock, wait: Duration::from_millis(wait) };
                claim.entries()[0].permits(request).err().map(|denied| denied.to_string())
            }
            Err(error) => Some(error.to_string()),
        };
        assert_eq!(answer.unwrap_or_default(), expected);
    }

    #[test]
    fn claims() {
        check(json!({ "lock": "report" }), "report", 10_000, "");
        check(json!({ "lock": "any" }), "report", 10_000, "");
        check(json!({ "lock": "report" }), "invoices", 0, "permits the lock `report`, not `invoices`");
        check(json!({ "lock": "report", "wait": "500ms" }), "report", 500, "");
        check(json!({ "lock": "report", "wait": "500ms" }), "report", 501, "permits to wait 500ms, not 501ms");
        check(json!({}), "report", 0, "entry 1: missing field `lock`");
        check(
            json!({ "lock": "a", "hold": "1s" }),
            "a",
            0,
            "entry 1: unknown field `hold`, expected one of `lock`, `wait`, `rate`",
        );
    }
}
