//! What wasmCloud's older tool, wascap, signed into a file: facts about the file, in which nobody here believes.

use anyhow::Result;
use serde_json::{Map, Value, json};
use writ_signing::wascap::{MAX_FOUND, Wascap, WascapToken};

use crate::{clock, describe, output};

/// Shows each of them, and why it counts for nothing.
pub(super) fn tell(found: &[Wascap]) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    let words = "warning: it was signed with wasmCloud's wascap; nothing of that is trusted, and no host here reads it";
    output::words(words);
    if found.len() > 1 {
        let count = if found.len() == MAX_FOUND { "at least " } else { "" };
        output::words(format_args!("warning: it has {count}{} such tokens; wascap took the first", found.len()));
    }
    found.iter().try_for_each(tell_one)
}

pub(super) fn as_json(found: &Wascap) -> Value {
    let (section, offset, depth) = (found.section, found.offset, found.depth);
    match &found.token {
        Ok(token) => json!({
            "section": section, "offset": offset, "depth": depth, "header": token.header,
            "signed_by_issuer": token.signed_by_issuer, "compared": token.is_compared(), "claims": token.claims,
        }),
        Err(error) => json!({ "section": section, "offset": offset, "depth": depth, "error": error.to_string() }),
    }
}

fn tell_one(found: &Wascap) -> Result<()> {
    output::data(format_args!("\nuntrusted wascap token, section {} at byte {}", found.section, found.offset))?;
    let mut rows = match &found.token {
        Ok(token) => rows(token),
        Err(error) => vec![describe::row("cannot be read", error)],
    };
    if found.depth > 0 {
        rows.push(describe::row("nested", format_args!("{} deep, in a part of the file", found.depth)));
    }
    output::table(&rows)
}

fn rows(token: &WascapToken) -> Vec<[String; 2]> {
    let mut rows = Vec::new();
    for (name, path) in FIELDS {
        rows.extend(find(&token.claims, path).map(|value| describe::row(name, text(value))));
    }
    for (name, field) in [("issued", "iat"), ("valid from", "nbf"), ("expires", "exp")] {
        let said = token.claims.get(field).map(|value| value.as_u64().map_or_else(|| text(value), clock::day));
        rows.extend(said.map(|said| describe::row(name, said)));
    }
    let signature =
        if token.signed_by_issuer { "holds under the key that it names; anybody has one" } else { "does not hold" };
    rows.push(describe::row("signature", signature));
    if !token.is_compared() {
        rows.push(describe::row("hash", "never compared: the token says so itself, by its wascap_revision"));
    }
    rows
}

fn find<'a>(claims: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(claims.get(*first)?, |at, field| at.get(*field))
}

/// In one line, and not without end: the file's author chose it.
fn text(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    let short: String = text.chars().take(LONGEST).map(|c| if c == '\n' { ' ' } else { c }).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// What it is called here, and where it stands in the payload.
const FIELDS: [(&str, &[&str]); 9] = [
    ("key", &["sub"]),
    ("signed by", &["iss"]),
    ("name", &["wascap", "name"]),
    ("alias", &["wascap", "call_alias"]),
    ("version", &["wascap", "ver"]),
    ("revision", &["wascap", "rev"]),
    ("capabilities", &["wascap", "caps"]),
    ("tags", &["wascap", "tags"]),
    ("hash", &["wascap", "hash"]),
];
const LONGEST: usize = 300;
