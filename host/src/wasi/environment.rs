//! `environment`: the variables a component sees.
//!
//! | field | written | permits |
//! |---|---|---|
//! | `names` | a list of names, each exact or with `*` at its end, or `any`; mandatory | seeing the variables of these names |
//!
//! What is given is the host's owner's to say: `NAME: value` in the target configuration of a link to
//! `builtin:environment`, or `writ run --env`. Nothing of the host's own environment is given by itself. What is given and
//! not permitted by every document is a denial at the start, and never something that is silently left out.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};
use writ_provider::defence::stands;
use writ_provider::{Constraint, Denied, InvalidLink, LinkConfig};

use super::list;

/// An entry of `environment`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    names: Names,
}

#[derive(Debug)]
enum Names {
    Any,
    Only(Vec<String>),
}

/// A variable that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable(String);

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "variable {}", self.0)
    }
}

impl Constraint for Entry {
    const NAMED: bool = true;
    const EXAMPLE: &'static str = "{ names: [LANG, \"APP_*\"] }";

    /// The variable's name.
    type Request<'a> = &'a str;
    type Plan = Variable;

    fn permits(&self, name: &str) -> Result<(), Denied> {
        let covers = |pattern: &String| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => pattern == name,
        };
        match &self.names {
            Names::Any => Ok(()),
            Names::Only(patterns) if patterns.iter().any(covers) || !stands("environment: name") => Ok(()),
            Names::Only(patterns) if patterns.is_empty() => Err(Denied::new("permits no variable")),
            Names::Only(patterns) => Err(Denied::new(format!("permits {}", list(patterns)))),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        let covers = |pattern: &String, other: &String| match pattern.strip_suffix('*') {
            Some(prefix) => other.strip_suffix('*').unwrap_or(other).starts_with(prefix),
            None => pattern == other,
        };
        match (&self.names, &other.names) {
            (Names::Any, _) => true,
            (Names::Only(_), Names::Any) => false,
            (Names::Only(own), Names::Only(others)) => {
                others.iter().all(|other| own.iter().any(|pattern| covers(pattern, other)))
            }
        }
    }

    fn plans(link: &LinkConfig) -> Result<Vec<Variable>, InvalidLink> {
        let plan = |(name, value): (&String, &String)| {
            let problem = match is_name(name) {
                false => Some("a variable's name has 1 to 255 bytes, and no `=`, `*` or control character"),
                true => value.contains('\0').then_some("a variable's value has no zero byte"),
            };
            match problem {
                None => Ok(Variable(name.clone())),
                Some(reason) => Err(InvalidLink { property: name.clone(), reason: reason.to_owned() }),
            }
        };
        link.iter().map(plan).collect()
    }

    fn request(variable: &Variable) -> &str {
        &variable.0
    }

    fn allowing(name: &str) -> Value {
        json!({ "names": [name] })
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = match Value::deserialize(deserializer)? {
            Value::String(word) if word == "any" => return Ok(Self::Any),
            Value::Array(names) => names,
            _ => return Err(de::Error::custom("`names` is expected to be a list of names, or `any`")),
        };
        names.into_iter().map(pattern).collect::<Result<_, _>>().map(Self::Only).map_err(de::Error::custom)
    }
}

fn pattern(value: Value) -> Result<String, &'static str> {
    let Value::String(text) = value else { return Err(EXPECTED) };
    if text == "any" || text == "*" {
        return Err("every name is written `names: any`");
    }
    match is_name(text.strip_suffix('*').unwrap_or(&text)) {
        true => Ok(text),
        false => Err(EXPECTED),
    }
}

fn is_name(name: &str) -> bool {
    matches!(name.len(), 1..=255) && !name.contains(|c: char| c == '=' || c == '*' || c.is_control())
}

const EXPECTED: &str = "a name in `names` is expected to be a variable's, or the start of some with `*` at its end";

/// The interfaces that it opens.
pub(crate) const INTERFACES: &[&str] = &["wasi:cli/environment@0.2.0"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use expect_test::{Expect, expect};
    use writ_provider::Claim;

    use super::*;

    /// Which of some variables the claim permits, or why it does not parse.
    #[track_caller]
    fn check(claim: Value, expected: Expect) {
        let found = match Claim::<Entry>::parse(&claim) {
            Ok(claim) => {
                let permitted = |name: &&str| claim.entries().iter().any(|entry| entry.permits(name).is_ok());
                let names = ["LANG", "LANGUAGE", "APP_", "APP_PORT", "MYAPP_PORT", "lang"];
                names.into_iter().filter(permitted).collect::<Vec<_>>().join(" ")
            }
            Err(error) => format!("refused: {error}"),
        };
        expected.assert_eq(&found);
    }

    #[test]
    fn claims() {
        check(json!([]), expect![""]);
        check(json!({ "names": [] }), expect![""]);
        check(json!({ "names": ["LANG"] }), expect!["LANG"]);
        check(json!({ "names": ["LANG*"] }), expect!["LANG LANGUAGE"]);
        check(json!([{ "names": ["LANG"] }, { "names": ["APP_*"] }]), expect!["LANG APP_ APP_PORT"]);
        check(json!({ "names": "any" }), expect!["LANG LANGUAGE APP_ APP_PORT MYAPP_PORT lang"]);
    }

    #[test]
    fn refused_claims() {
        check(
            json!("any"),
            expect![[r#"refused: `any` belongs in its naming field; an entry is like { names: [LANG, "APP_*"] }"#]],
        );
        check(json!({}), expect!["refused: entry 1: missing field `names`"]);
        check(
            json!({ "names": "LANG" }),
            expect!["refused: entry 1: `names` is expected to be a list of names, or `any`"],
        );
        for every in ["any", "*"] {
            check(json!({ "names": [every] }), expect!["refused: entry 1: every name is written `names: any`"]);
        }
        for bad in [json!(""), json!("A*B"), json!("*A"), json!("A**"), json!("A=B"), json!("A\0"), json!(1)] {
            check(
                json!({ "names": [bad] }),
                expect![
                    "refused: entry 1: a name in `names` is expected to be a variable's, or the start of some with `*` at its end"
                ],
            );
        }
    }

    #[test]
    fn what_is_given_becomes_plans() {
        let given = |name: &str, value: &str| Entry::plans(&LinkConfig::from([(name.to_owned(), value.to_owned())]));
        assert_eq!(given("LANG", "C").unwrap(), [Variable("LANG".to_owned())]);
        assert_eq!(given("LANG", "").unwrap().len(), 1);
        for (name, value) in [("", "x"), ("A=B", "x"), ("APP_*", "x"), ("A", "x\0y")] {
            assert!(given(name, value).is_err(), "{name:?} {value:?}");
        }
        let variable = Variable("HOME".to_owned());
        let entry: Entry = serde_json::from_value(Entry::allowing(Entry::request(&variable))).unwrap();
        assert_eq!(entry.permits(Entry::request(&variable)), Ok(()));
        assert_eq!(entry.permits("HOMES").unwrap_err().to_string(), "permits HOME");
    }
}
