//! What tokens and claims say, in words and in JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use writ_manifest::{Capabilities as Written, Policy};
use writ_signing::token::{Capabilities, Claims, Common, Components};

/// One line for what a capability's claim lets its holder do.
pub(crate) fn claim(value: &Value) -> String {
    match value {
        Value::Array(entries) if entries.is_empty() => "linked, permits nothing".to_owned(),
        Value::Array(entries) => entries.iter().map(entry).collect::<Vec<_>>().join("; "),
        other => entry(other),
    }
}

/// One line for a token's limits, such as `memory 32MiB, time 500ms`.
pub(crate) fn limits(limits: &BTreeMap<String, Value>) -> String {
    limits.iter().map(|(name, value)| field(name, value)).collect::<Vec<_>>().join(", ")
}

fn entry(value: &Value) -> String {
    match value {
        Value::Object(fields) if fields.is_empty() => "not narrowed".to_owned(),
        Value::Object(fields) => fields.iter().map(|(name, value)| field(name, value)).collect::<Vec<_>>().join(", "),
        other => text(other),
    }
}

fn field(name: &str, value: &Value) -> String {
    match value {
        Value::Array(values) if values.is_empty() => format!("{name} none"),
        Value::Array(values) => format!("{name} {}", values.iter().map(text).collect::<Vec<_>>().join(" ")),
        other => format!("{name} {}", text(other)),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `any`, or the capabilities by name, as a token has them.
pub(crate) fn capabilities(capabilities: &Capabilities) -> Value {
    match capabilities {
        Capabilities::Any => "any".into(),
        Capabilities::Only(claims) => object(claims),
    }
}

/// A policy's capabilities, for a token.
pub(crate) fn of_policy(policy: &Policy) -> Capabilities {
    match &policy.capabilities {
        Written::Any => Capabilities::Any,
        Written::Only(claims) => Capabilities::Only(claims.clone()),
    }
}

/// What a token says, under the names it says it under.
pub(crate) fn token(claims: &Claims) -> Map<String, Value> {
    let common = claims.common();
    let mut fields = Map::new();
    let mut add = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    add("kind", claims.kind().name().into());
    add("name", common.name.as_str().into());
    add("iss", common.issuer.to_string().into());
    add("sub", common.subject.to_string().into());
    add("jti", common.jti.as_str().into());
    add("iat", common.iat.into());
    add("nbf", common.nbf.into());
    add("exp", common.exp.into());
    add("capabilities", capabilities(&common.capabilities));
    add("limits", object(&common.limits));
    match claims {
        Claims::Component(component) => {
            add("version", component.version.as_str().into());
            add("revision", component.revision.into());
            add("digest", component.digest.to_string().into());
            add("length", component.length.into());
        }
        Claims::SigningKey(key) => {
            add("components", components(&key.components));
        }
        Claims::Account(_) => {}
    }
    fields
}

/// What a token lets its subject do, a row per capability.
pub(crate) fn may(common: &Common) -> Vec<[String; 2]> {
    let mut rows = match &common.capabilities {
        Capabilities::Any => vec![row("may", "any capability")],
        Capabilities::Only(claims) if claims.is_empty() => vec![row("may", "no capability")],
        Capabilities::Only(claims) => {
            claims.iter().map(|(name, value)| row(&format!("may {name}"), claim(value))).collect()
        }
    };
    if !common.limits.is_empty() {
        rows.push(row("limits", limits(&common.limits)));
    }
    rows
}

/// A row of what is told below a heading.
pub(crate) fn row(name: &str, value: impl std::fmt::Display) -> [String; 2] {
    [format!("  {name}"), value.to_string()]
}

/// What a signing key may sign.
pub(crate) fn signs(components: &Components) -> String {
    match components {
        Components::Any => "any component of its account".to_owned(),
        Components::Only(list) if list.is_empty() => "nothing".to_owned(),
        Components::Only(list) => {
            list.iter().map(|entry| format!("{} ({})", entry.name, entry.id)).collect::<Vec<_>>().join(", ")
        }
    }
}

fn components(components: &Components) -> Value {
    match components {
        Components::Any => "any".into(),
        Components::Only(list) => {
            list.iter().map(|entry| json!({ "name": entry.name, "id": entry.id.to_string() })).collect()
        }
    }
}

fn object(values: &BTreeMap<String, Value>) -> Value {
    values.clone().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_in_one_line() {
        for (value, expected) in [
            (json!("any"), "any"),
            (json!([]), "linked, permits nothing"),
            (json!({}), "not narrowed"),
            (json!({"level": "info", "rate": "200/s"}), "level info, rate 200/s"),
            (
                json!([{"bucket": "orders", "verbs": ["read", "write"]}, {"bucket": "b", "verbs": []}]),
                "bucket orders, verbs read write; bucket b, verbs none",
            ),
            (json!({"a": {"b": 1}}), r#"a {"b":1}"#),
            (json!(7), "7"),
        ] {
            assert_eq!(claim(&value), expected);
        }
    }
}
