//! Where a token says more than the one that vouches for it. That has no effect, so it is pointed out and not refused.
//!
//! Whether one entry covers another is for a capability's provider to know. An entry that only several of the other token's
//! entries cover together is pointed out, too.

use serde_json::Value;
use writ_provider::Rates;
use writ_provider::units::{Size, Time};
use writ_signing::token::{Capabilities, Common};
use writ_signing::{Component, Verified};

use crate::output;
use crate::runtime::{self, Options};

/// Points out where a token of a chain says more than one behind it.
pub(crate) fn warn(component: &Verified<Component>) {
    in_chain(component).iter().for_each(output::warning);
}

/// Where a token of a chain says more than one behind it, a sentence each.
pub(crate) fn in_chain(component: &Verified<Component>) -> Vec<String> {
    let chain: Vec<_> = component.chain().collect();
    let mut sentences = Vec::new();
    for (index, (kind, child)) in chain.iter().enumerate() {
        for (above, parent) in chain.iter().skip(index.saturating_add(1)) {
            let sentence = |more| format!("the {kind}'s token asks for what the {above}'s does not allow: {more}");
            sentences.extend(than(child, parent).into_iter().map(sentence));
        }
    }
    sentences
}

/// What `child` says that `parent` does not allow, a sentence's part each.
pub(crate) fn than(child: &Common, parent: &Common) -> Vec<String> {
    let registry = runtime::registry(&Options::default());
    let mut more = Vec::new();
    if let (Capabilities::Only(own), Capabilities::Only(most)) = (&child.capabilities, &parent.capabilities) {
        for (name, claim) in own {
            match most.get(name) {
                None => more.push(format!("`{name}`")),
                Some(most) => {
                    let beyond = registry.vocabulary().beyond(name, most, claim, Rates::Aside);
                    more.extend(beyond.iter().map(|entry| format!("`{name}: {entry}`")));
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

/// Whether one figure is larger than the other; false where they cannot be compared.
pub(crate) fn exceeds(own: &Value, most: &Value) -> bool {
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
            || json!({ "keyvalue": { "bucket": "a", "prefix": "x/", "verbs": ["read", "write"], "size": "64KiB" } });
        let entry = |prefix: &str, verbs: Value, size: &str| json!({ "bucket": "a", "prefix": prefix, "verbs": verbs, "size": size });
        for (entry, covered) in [
            (entry("x/", json!(["read"]), "64KiB"), true),
            (entry("x/y", json!(["write"]), "1KiB"), true),
            (entry("x", json!(["read"]), "1KiB"), false),
            (entry("x/", json!(["read", "list"]), "1KiB"), false),
            (entry("x/", json!(["write"]), "65KiB"), false),
            (json!({ "bucket": "a", "prefix": "x/", "verbs": ["write"] }), false),
        ] {
            let found = than(&common(json!({ "keyvalue": entry }), json!({})), &common(most(), json!({})));
            assert_eq!(found.is_empty(), covered, "{entry}: {found:?}");
        }
    }

    #[test]
    fn patterns() {
        let most =
            json!({ "messaging": { "publish": ["orders.*"] }, "http-server": { "hosts": "any", "paths": ["/a"] } });
        check(json!({ "messaging": { "publish": ["orders.new"] } }), most.clone(), &[]);
        check(json!({ "http-server": { "hosts": "a.example", "paths": ["/a/b"] } }), most.clone(), &[]);
        check(
            json!({ "http-server": { "hosts": "a.example", "paths": ["/b"] } }),
            most,
            &[r#"`http-server: {"hosts":"a.example","paths":["/b"]}`"#],
        );
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
