//! Where a token says more than the one that vouches for it. That has no effect, so it is pointed out and not refused.
//!
//! Only what is certain is pointed out. Whether one pattern covers another is for a capability's provider to know, so
//! fields with patterns are taken to be covered.

use serde_json::{Map, Value};
use writ_provider::units::{Size, Time};
use writ_signing::token::{Capabilities, Common};
use writ_signing::{Component, Verified};

use crate::output;

/// Points out where a token of a chain says more than one behind it.
pub(crate) fn warn(component: &Verified<Component>) {
    let chain: Vec<_> = component.chain().collect();
    for (index, (kind, child)) in chain.iter().enumerate() {
        for (above, parent) in chain.iter().skip(index.saturating_add(1)) {
            for more in than(child, parent) {
                output::warning(format_args!("the {kind}'s token asks for what the {above}'s does not allow: {more}"));
            }
        }
    }
}

/// What `child` says that `parent` does not allow, a sentence's part each.
pub(crate) fn than(child: &Common, parent: &Common) -> Vec<String> {
    let mut more = Vec::new();
    if let (Capabilities::Only(own), Capabilities::Only(most)) = (&child.capabilities, &parent.capabilities) {
        for (name, claim) in own {
            match most.get(name) {
                None => more.push(format!("`{name}`")),
                Some(most) => {
                    let uncovered = entries(claim).filter(|entry| !entries(most).any(|most| covers(most, entry)));
                    more.extend(uncovered.map(|entry| format!("`{name}: {entry}`")));
                }
            }
        }
    }
    for (name, most) in &parent.limits {
        if let Some(own) = child.limits.get(name).filter(|own| exceeds(own, most)) {
            more.push(format!("`{name}` {}, where it has {}", shown(own), shown(most)));
        }
    }
    more
}

/// A mapping is a list of one.
fn entries(claim: &Value) -> impl Iterator<Item = &Value> {
    claim.as_array().map_or(std::slice::from_ref(claim), Vec::as_slice).iter()
}

/// Whether everything that `entry` permits is permitted by `most`, as far as can be told from the texts.
fn covers(most: &Value, entry: &Value) -> bool {
    match (most, entry) {
        (Value::Object(most), Value::Object(entry)) => most.iter().all(|(field, most)| narrower(field, most, entry)),
        (Value::String(any), _) if any == "any" => true,
        (most, entry) => most == entry,
    }
}

/// Whether an entry's field lies within what `most` says; one that is absent is not narrowed.
fn narrower(field: &str, most: &Value, entry: &Map<String, Value>) -> bool {
    let Some(own) = entry.get(field) else { return most == "any" || !COMPARED.contains(&field) };
    if most == "any" || !COMPARED.contains(&field) {
        return true;
    }
    entries(own).all(|own| entries(most).any(|most| lies_within(field, own, most)))
}

fn lies_within(field: &str, own: &Value, most: &Value) -> bool {
    let (Some(own), Some(most)) = (own.as_str(), most.as_str()) else { return own == most };
    match field {
        "prefix" => own.starts_with(most),
        "size" => !exceeds(&own.into(), &most.into()),
        _ => own == most || most.contains(['*', '>']),
    }
}

/// Whether one figure is larger than the other; false where they cannot be compared.
fn exceeds(own: &Value, most: &Value) -> bool {
    let (Some(own), Some(most)) = (own.as_str(), most.as_str()) else { return false };
    if let (Ok(own), Ok(most)) = (own.parse::<Size>(), most.parse::<Size>()) {
        return own.bytes() > most.bytes();
    }
    match (own.parse::<Time>(), most.parse::<Time>()) {
        (Ok(own), Ok(most)) => own > most,
        _ => false,
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// The fields that mean the same in every capability, and can be compared as texts.
const COMPARED: &[&str] = &["bucket", "prefix", "verbs", "size", "publish", "subscribe", "hosts"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use serde_json::json;
    use writ_signing::{Role, SigningKey};

    use super::*;

    fn common(capabilities: Value, limits: Value) -> Common {
        let [issuer, subject] = [(); 2].map(|()| SigningKey::generate(Role::Account).unwrap().public());
        let map = |value: Value| serde_json::from_value::<BTreeMap<_, _>>(value).unwrap();
        let capabilities =
            if capabilities == "any" { Capabilities::Any } else { Capabilities::Only(map(capabilities)) };
        let (name, jti, limits) = ("x".to_owned(), String::new(), map(limits));
        Common { issuer, subject, jti, iat: 0, nbf: 0, exp: 1, name, capabilities, limits }
    }

    #[track_caller]
    fn check(child: Value, parent: Value, expected: &[&str]) {
        let found = than(&common(child, json!({})), &common(parent, json!({})));
        assert_eq!(found, expected);
    }

    #[test]
    fn capabilities() {
        check(json!({ "logging": [] }), json!("any"), &[]);
        check(json!("any"), json!({ "logging": [] }), &[]);
        check(json!({ "logging": [] }), json!({}), &["`logging`"]);
        check(json!({ "keyvalue": [] }), json!({ "keyvalue": [] }), &[]);
        check(
            json!({ "keyvalue": [{ "bucket": "a" }] }),
            json!({ "keyvalue": [] }),
            &[r#"`keyvalue: {"bucket":"a"}`"#],
        );
        check(json!({ "keyvalue": { "bucket": "a" } }), json!({ "keyvalue": [{ "bucket": "any" }] }), &[]);
        check(
            json!({ "keyvalue": { "bucket": "any" } }),
            json!({ "keyvalue": { "bucket": "a" } }),
            &[r#"`keyvalue: {"bucket":"any"}`"#],
        );
    }

    #[test]
    fn fields() {
        let most =
            || json!({ "keyvalue": { "bucket": "a", "prefix": "x/", "verbs": ["read", "list"], "size": "64KiB" } });
        let entry = |prefix: &str, verbs: Value, size: &str| json!({ "bucket": "a", "prefix": prefix, "verbs": verbs, "size": size });
        for (entry, covered) in [
            (entry("x/", json!(["read"]), "64KiB"), true),
            (entry("x/y", json!("list"), "1KiB"), true),
            (entry("x", json!(["read"]), "1KiB"), false),
            (entry("x/", json!(["read", "write"]), "1KiB"), false),
            (entry("x/", json!(["read"]), "65KiB"), false),
            (json!({ "bucket": "a", "prefix": "x/", "verbs": ["read"] }), false),
        ] {
            let found = than(&common(json!({ "keyvalue": entry }), json!({})), &common(most(), json!({})));
            assert_eq!(found.is_empty(), covered, "{entry}: {found:?}");
        }
    }

    /// What only a provider can compare is not pointed out.
    #[test]
    fn patterns() {
        let most =
            json!({ "messaging": { "publish": ["orders.*"] }, "http-server": { "hosts": "any", "paths": ["/a"] } });
        check(json!({ "messaging": { "publish": ["orders.new"] } }), most.clone(), &[]);
        check(json!({ "http-server": { "hosts": "a.example", "paths": ["/b"] } }), most, &[]);
        check(
            json!({ "messaging": { "publish": ["a"] } }),
            json!({ "messaging": { "publish": ["b"] } }),
            &[r#"`messaging: {"publish":["a"]}`"#],
        );
    }

    #[test]
    fn limits() {
        let than = |own: Value, most: Value| than(&common(json!("any"), own), &common(json!("any"), most));
        assert_eq!(than(json!({ "memory": "32MiB" }), json!({ "memory": "32MiB", "time": "1s" })), [""; 0]);
        assert_eq!(
            than(json!({ "memory": "33MiB", "time": "2s" }), json!({ "memory": "32MiB", "time": "1s" })),
            ["`memory` 33MiB, where it has 32MiB", "`time` 2s, where it has 1s"]
        );
    }
}
