//! `call` and `serve`: which components may call which, by interface.
//!
//! | capability | field | |
//! |---|---|---|
//! | both | `interface` | mandatory: `namespace:package/interface@version`, compared by track, or `any` |
//! | `call` | `component` | the callee: a name within the signer's account, `A…/name`, or `any` |
//! | `serve` | `component` | the caller, likewise |
//! | `serve` | `account` | instead of `component`: `self` for every component of the same account, or `A…` |

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};
use writ_provider::{Constraint, Denied, InvalidLink, LinkConfig};

use crate::names::InterfaceName;

/// An entry of `call`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    interface: Pattern,
    component: String,
}

/// An entry of `serve`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, try_from = "RawServe")]
pub(crate) struct Serve {
    interface: Pattern,
    callers: Callers,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawServe {
    interface: Pattern,
    component: Option<String>,
    account: Option<String>,
}

#[derive(Debug)]
enum Callers {
    Component(String),
    Account(String),
}

impl TryFrom<RawServe> for Serve {
    type Error = &'static str;

    fn try_from(raw: RawServe) -> Result<Self, Self::Error> {
        let callers = match (raw.component, raw.account) {
            (Some(component), None) => Callers::Component(component),
            (None, Some(account)) => Callers::Account(account),
            _ => return Err("expected one of `component` and `account`"),
        };
        Ok(Self { interface: raw.interface, callers })
    }
}

/// An interface, or any.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
enum Pattern {
    Any,
    Interface(Box<InterfaceName>),
}

impl TryFrom<String> for Pattern {
    type Error = crate::names::InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "any" => Ok(Self::Any),
            name => name.parse().map(Box::new).map(Self::Interface),
        }
    }
}

impl Pattern {
    fn covers(&self, name: &InterfaceName) -> bool {
        match self {
            Self::Any => true,
            Self::Interface(own) => own.matches(name),
        }
    }
}

/// A link between components: an interface, and who is at its other end.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    interface: InterfaceName,
    other: String,
    same_account: bool,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {}", self.interface, self.other)
    }
}

fn covered(pattern: &Pattern, edge: &Edge) -> Result<(), Denied> {
    let covered = pattern.covers(&edge.interface);
    if covered { Ok(()) } else { Err(Denied::new(format!("has no entry for {}", edge.interface))) }
}

impl Constraint for Call {
    const NAMED: bool = true;
    const EXAMPLE: &'static str = "{ interface: \"demo:pricing/price@0.1.0\", component: pricing }";
    type Request<'a> = &'a Edge;
    type Plan = Edge;

    fn permits(&self, edge: &Edge) -> Result<(), Denied> {
        covered(&self.interface, edge)?;
        let named = self.component == "any" || self.component == edge.other;
        if named { Ok(()) } else { Err(Denied::new(format!("permits to call {}", self.component))) }
    }

    fn plans(_: &LinkConfig) -> Result<Vec<Edge>, InvalidLink> {
        Ok(Vec::new())
    }

    fn request(edge: &Edge) -> &Edge {
        edge
    }

    fn allowing(edge: &Edge) -> Value {
        json!({ "interface": edge.interface.to_string(), "component": edge.other })
    }
}

impl Constraint for Serve {
    const NAMED: bool = true;
    const EXAMPLE: &'static str = "{ interface: \"demo:pricing/price@0.1.0\", account: self }";
    type Request<'a> = &'a Edge;
    type Plan = Edge;

    fn permits(&self, edge: &Edge) -> Result<(), Denied> {
        covered(&self.interface, edge)?;
        let (named, callers) = match &self.callers {
            Callers::Component(name) => (name == "any" || *name == edge.other, name),
            Callers::Account(account) => (account == "self" && edge.same_account, account),
        };
        if named { Ok(()) } else { Err(Denied::new(format!("serves {callers}"))) }
    }

    fn plans(_: &LinkConfig) -> Result<Vec<Edge>, InvalidLink> {
        Ok(Vec::new())
    }

    fn request(edge: &Edge) -> &Edge {
        edge
    }

    fn allowing(edge: &Edge) -> Value {
        json!({ "interface": edge.interface.to_string(), "component": edge.other })
    }
}
