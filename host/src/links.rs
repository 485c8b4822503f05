//! `call` and `serve`: which components may call which, by interface. Read and checked for form.
//!
//! | capability | field | |
//! |---|---|---|
//! | both | `interface` | mandatory: `namespace:package/interface@version`, or `any` |
//! | `call` | `component` | the callee: a name within the signer's account, `A…/name`, or `any` |
//! | `serve` | `component` | the caller, likewise |
//! | `serve` | `account` | instead of `component`: `self` for every component of the same account, or `A…` |
//!
//! Links between components come with composition. Until then `authorize` refuses a manifest that has one, so no request
//! is ever asked of these entries: their types have no value.

use std::convert::Infallible;

use serde::Deserialize;
use serde_json::Value;
use writ_provider::{Constraint, Denied, InvalidLink, LinkConfig};

use crate::names::{InterfaceName, InvalidName};

/// An entry of `call`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    #[serde(rename = "interface")]
    _interface: Pattern,
    #[serde(rename = "component")]
    _component: String,
}

/// An entry of `serve`.
#[derive(Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Serve;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "interface")]
    _interface: Pattern,
    component: Option<String>,
    account: Option<String>,
}

impl TryFrom<Written> for Serve {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written.component.is_some() != written.account.is_some() {
            true => Ok(Self),
            false => Err("expected one of `component` and `account`"),
        }
    }
}

/// The name of an interface, or `any`.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Pattern;

impl TryFrom<String> for Pattern {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        if text != "any" {
            text.parse::<InterfaceName>()?;
        }
        Ok(Self)
    }
}

macro_rules! form_only {
    ($entry:ty, $example:literal) => {
        impl Constraint for $entry {
            const NAMED: bool = true;
            const EXAMPLE: &'static str = $example;
            type Request<'a> = &'a Infallible;
            type Plan = Infallible;

            fn permits(&self, never: &Infallible) -> Result<(), Denied> {
                match *never {}
            }

            fn plans(_: &LinkConfig) -> Result<Vec<Infallible>, InvalidLink> {
                Ok(Vec::new())
            }

            fn request(never: &Infallible) -> &Infallible {
                never
            }

            fn allowing(never: &Infallible) -> Value {
                match *never {}
            }
        }
    };
}

form_only!(Call, "{ interface: \"demo:pricing/price@0.1.0\", component: pricing }");
form_only!(Serve, "{ interface: \"demo:pricing/price@0.1.0\", account: self }");

#[cfg(test)]
mod tests {
    use serde_json::json;
    use writ_provider::Claim;

    use super::*;

    #[track_caller]
    fn check<C: Constraint>(claim: Value, reads: bool) {
        assert_eq!(Claim::<C>::parse(&claim).is_ok(), reads, "{claim}");
    }

    #[test]
    fn forms() {
        let name = "demo:pricing/price@0.1.0";
        check::<Call>(json!([{ "interface": name, "component": "pricing" }]), true);
        check::<Call>(json!({ "interface": "any", "component": "any" }), true);
        check::<Call>(json!({ "interface": name }), false);
        check::<Call>(json!({ "interface": "pricing", "component": "a" }), false);
        check::<Call>(json!({ "interface": name, "component": "a", "more": 1 }), false);
        check::<Call>(json!("any"), false);
        check::<Serve>(json!({ "interface": name, "account": "self" }), true);
        check::<Serve>(json!({ "interface": name, "component": "a" }), true);
        check::<Serve>(json!({ "interface": name, "component": "a", "account": "self" }), false);
        check::<Serve>(json!({ "interface": name }), false);
    }
}
