//! What a claim about being called at intervals says.
//!
//! One entry:
//!
//! | field | written | permits |
//! |---|---|---|
//! | `every` | `5m` | runs that are so far apart, or further; absent: any interval |

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use writ_provider::units::Time;
use writ_provider::{Constraint, Denied, InvalidLink, LinkConfig};

/// One entry of a claim. It names nothing, so a document may also say `schedule: any`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    every: Option<Time>,
}

/// What a link asks for: a run at each interval.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    every: Time,
}

impl Plan {
    /// From one run to the next.
    pub fn interval(&self) -> Duration {
        self.every.duration()
    }
}

impl Constraint for Entry {
    const NAMED: bool = false;
    const EXAMPLE: &'static str = "{ every: 5m }";
    type Request<'a> = Plan;
    type Plan = Plan;

    fn permits(&self, plan: Plan) -> Result<(), Denied> {
        match self.every {
            Some(least) if plan.every < least => Err(Denied::new(format!("permits a run every {least}, not {plan}"))),
            _ => Ok(()),
        }
    }

    fn plans(link: &LinkConfig) -> Result<Vec<Plan>, InvalidLink> {
        let plan = |(property, value): (&String, &String)| {
            let invalid = |reason: String| InvalidLink { property: property.clone(), reason };
            match property.as_str() {
                "every" => match value.parse::<Time>() {
                    Ok(every) if !every.duration().is_zero() => Ok(Plan { every }),
                    Ok(_) => Err(invalid("a run needs an interval".to_owned())),
                    Err(error) => Err(invalid(error.to_string())),
                },
                _ => Err(invalid("unknown; schedule knows `every`".to_owned())),
            }
        };
        link.iter().map(plan).collect()
    }

    fn request(plan: &Plan) -> Plan {
        *plan
    }

    fn allowing(plan: Plan) -> Value {
        json!({ "every": plan.every })
    }
}

/// A denial says it: "may not be called through …: every 5m".
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "every {}", self.every)
    }
}
