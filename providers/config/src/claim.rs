//! What a claim about settings says.
//!
//! One entry:
//!
//! | field | written | permits |
//! |---|---|---|
//! | `keys` | a list of names, or `any`; mandatory | reading the settings of exactly these names; every setting |
//!
//! A name has 1 to 255 bytes, no control characters, and is compared byte for byte; `any` is not one. An unknown field does
//! not parse. `any` instead of the entries does not parse either: it belongs in `keys`.

use std::collections::BTreeSet;
use std::convert::Infallible;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};
use writ_provider::defence::stands;
use writ_provider::{Constraint, Denied, InvalidLink, LinkConfig};

/// One entry of a claim about settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    keys: Keys,
}

/// Which settings an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Keys {
    Any,
    Only(BTreeSet<String>),
}

impl Constraint for Entry {
    const NAMED: bool = true;
    const EXAMPLE: &'static str = "{ keys: [NAME] }";

    /// The setting's name.
    type Request<'a> = &'a str;

    fn permits(&self, key: &str) -> Result<(), Denied> {
        match &self.keys {
            Keys::Any => Ok(()),
            Keys::Only(names) if names.contains(key) || !stands("config: key") => Ok(()),
            Keys::Only(names) => Err(Denied::new(format!("permits {}, not {}", list(names), quoted(key)))),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (&self.keys, &other.keys) {
            (Keys::Any, _) => true,
            (Keys::Only(_), Keys::Any) => false,
            (Keys::Only(own), Keys::Only(others)) => others.is_subset(own),
        }
    }

    /// The settings that a manifest gives are not asked for by the component: one that it may not read is not shown to it.
    type Plan = Infallible;

    fn plans(_: &LinkConfig) -> Result<Vec<Infallible>, InvalidLink> {
        Ok(Vec::new())
    }

    fn request(plan: &Infallible) -> &str {
        match *plan {}
    }

    fn allowing(key: &str) -> Value {
        json!({ "keys": [key] })
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = match Value::deserialize(deserializer)? {
            Value::String(word) if word == ANY => return Ok(Self::Any),
            Value::Array(names) => names,
            _ => return Err(de::Error::custom("`keys` is expected to be a list of names, or `any`")),
        };
        names.into_iter().map(name).collect::<Result<_, _>>().map(Self::Only).map_err(de::Error::custom)
    }
}

fn name(value: Value) -> Result<String, &'static str> {
    match value {
        Value::String(name) if name == ANY => Err("`any` stands in place of the list: `keys: any`"),
        Value::String(name) if matches!(name.len(), 1..=MOST_NAME) && !name.contains(char::is_control) => Ok(name),
        _ => Err("a name in `keys` is expected to be a text of 1 to 255 bytes, without control characters"),
    }
}

/// The first few names, for a message.
fn list(names: &BTreeSet<String>) -> String {
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| quoted(name)).collect();
    match names.len().saturating_sub(SHOWN) {
        _ if names.is_empty() => "no setting".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A guest chooses the name it asks for, so what is quoted of it is short, and begins no line.
fn quoted(name: &str) -> String {
    format!("`{}`", name.get(..name.floor_char_boundary(MOST_QUOTED)).unwrap_or_default().escape_debug())
}

const ANY: &str = "any";
const MOST_NAME: usize = 255;
const MOST_QUOTED: usize = 64;
const SHOWN: usize = 8;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use expect_test::{Expect, expect};
    use writ_provider::Claim;

    use super::*;

    /// Which of three settings the claim permits, or why it does not parse.
    #[track_caller]
    fn check(claim: Value, expected: Expect) {
        let found = match Claim::<Entry>::parse(&claim) {
            Ok(claim) => {
                let permitted = |key: &&str| claim.entries().iter().any(|entry| entry.permits(key).is_ok());
                ["level", "url", "URL"].into_iter().filter(permitted).collect::<Vec<_>>().join(" ")
            }
            Err(error) => format!("refused: {error}"),
        };
        expected.assert_eq(&found);
    }

    #[test]
    fn claims() {
        check(json!([]), expect![""]);
        check(json!({"keys": []}), expect![""]);
        check(json!({"keys": "any"}), expect!["level url URL"]);
        check(json!({"keys": ["url"]}), expect!["url"]);
        check(json!([{"keys": ["url"]}, {"keys": ["level"]}]), expect!["level url"]);
    }

    #[test]
    fn refused_claims() {
        check(json!("any"), expect!["refused: `any` belongs in its naming field; an entry is like { keys: [NAME] }"]);
        check(json!({}), expect!["refused: entry 1: missing field `keys`"]);
        check(
            json!({"keys": ["url"], "rate": "1/s"}),
            expect!["refused: entry 1: unknown field `rate`, expected `keys`"],
        );
        check(json!({"keys": "url"}), expect!["refused: entry 1: `keys` is expected to be a list of names, or `any`"]);
        check(json!({"keys": null}), expect!["refused: entry 1: `keys` has no value: write one, or leave it out"]);
        check(json!({"keys": ["any"]}), expect!["refused: entry 1: `any` stands in place of the list: `keys: any`"]);
        for bad in [json!(""), json!(7), json!(null), json!("a\nb"), json!("x".repeat(256))] {
            check(
                json!({ "keys": [bad] }),
                expect![
                    "refused: entry 1: a name in `keys` is expected to be a text of 1 to 255 bytes, without control characters"
                ],
            );
        }
    }

    #[track_caller]
    fn denial(keys: Value, key: &str, expected: Expect) {
        let entry: Entry = serde_json::from_value(json!({ "keys": keys })).unwrap();
        expected.assert_eq(&entry.permits(key).unwrap_err().to_string());
    }

    #[test]
    fn denials_are_short_and_say_what_is_permitted() {
        denial(json!([]), "url", expect!["permits no setting, not `url`"]);
        denial(json!(["b", "a"]), "url", expect!["permits `a`, `b`, not `url`"]);
        denial(json!(["b"]), "a\n  granted", expect![[r"permits `b`, not `a\n  granted`"]]);
        let many: Vec<_> = (10..30).map(|n| format!("k{n}")).collect();
        denial(
            json!(many),
            "é".repeat(1000).as_str(),
            expect![[
                "permits `k10`, `k11`, `k12`, `k13`, `k14`, `k15`, `k16`, `k17` and 12 more, not `éééééééééééééééééééééééééééééééé`"
            ]],
        );
    }
}
