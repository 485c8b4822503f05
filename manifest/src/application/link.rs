//! The `link` trait, in wadm's new form and its old one, and what is checked about links.

use std::collections::{BTreeMap, BTreeSet};

use super::decode::{Decoder, Owner};
use super::{Application, Link, Secret};
use crate::error::{ErrorKind, ManifestError, shorten};
use crate::node::{Content, Fields, Node};
use crate::position::{Located, Position};

/// The packages whose interfaces are known, so that a misspelt one is found here and not by a missing import.
const WELL_KNOWN: &[(&str, &str, &[&str])] = &[
    ("wasi", "blobstore", &["blobstore"]),
    ("wasi", "cli", &["environment"]),
    ("wasi", "config", &["store", "runtime"]),
    ("wasi", "filesystem", &["preopens", "types"]),
    ("wasi", "http", &["incoming-handler", "outgoing-handler"]),
    ("wasi", "keyvalue", &["atomics", "store", "batch", "watch"]),
    ("wasi", "logging", &["logging"]),
    ("wasmcloud", "messaging", &["consumer", "handler"]),
];

const FIELDS: &[&str] =
    &["name", "namespace", "package", "interfaces", "source", "target", "source_config", "target_config", "isolation"];

/// Reads one trait and adds the link.
pub(super) fn read(
    decoder: &mut Decoder,
    owner: &Located<String>,
    at: Position,
    properties: &Node,
) -> Result<(), ManifestError> {
    let fields = properties.fields("a link's `properties`", FIELDS)?;
    let name = fields.get("name").map(|name| name.name("name")).transpose()?;
    let name = name.map_or_else(|| "default".to_owned(), |name| name.value);
    let namespace = wit_name(fields.required("namespace")?, "namespace")?;
    let package = wit_name(fields.required("package")?, "package")?;
    let interfaces = interfaces(fields.required("interfaces")?, &namespace, &package)?;
    for interface in &interfaces {
        let path = format!("{namespace}:{package}/{}", interface.value);
        // None of the parts can contain a space, so the key is theirs alone.
        let key = format!("{} {name} {path}", owner.value);
        let advice = "give this link another `name`, or leave the interface out";
        let what = || format!("a link `{}` from `{}` for `{}`", shorten(&name), shorten(owner), shorten(&path));
        decoder.taken_links.take(key, interface.at, advice, what)?;
    }

    let index = decoder.application.links.len();
    let source_secrets = source(decoder, Owner::LinkSource(index), &fields)?;
    let (target, target_secrets) = target(decoder, Owner::LinkTarget(index), &fields)?;
    decoder.application.links.push(Link {
        name,
        source: owner.value.clone(),
        target: target.value,
        namespace,
        package,
        interfaces: interfaces.into_iter().map(|interface| interface.value).collect(),
        source_config: BTreeMap::new(),
        target_config: BTreeMap::new(),
        source_secrets,
        target_secrets,
        isolation_separate: separate(&fields)?,
        at,
        target_at: target.at,
    });
    Ok(())
}

/// Every link leads to an entry. Checked at the end, because a link may lead further down.
pub(super) fn check_targets(application: &Application) -> Result<(), ManifestError> {
    let components = application.components.iter().map(|entry| entry.name.as_str());
    let names: BTreeSet<&str> =
        components.chain(application.providers.iter().map(|entry| entry.name.as_str())).collect();
    let Some(link) = application.links.iter().find(|link| !names.contains(link.target.as_str())) else {
        return Ok(());
    };
    let some: Vec<String> = names.iter().take(8).map(|name| format!("`{}`", shorten(name))).collect();
    let more = if names.len() > some.len() { ", …" } else { "" };
    let kind = ErrorKind::Dangling {
        what: "the link's target",
        name: shorten(&link.target),
        problem: "is no component of this manifest",
        hint: Some(format!("there are {}{more}", some.join(", "))),
    };
    Err(ManifestError::new(link.target_at, kind))
}

/// A name as WIT has it: words of letters and digits, joined by `-`.
fn wit_name(node: &Node, field: &str) -> Result<String, ManifestError> {
    let name = node.text(field)?.value;
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if name.len() > 128 || !name.split('-').all(word) {
        return Err(node.bad_value(field, "expected a name as WIT has it: words of letters and digits, joined by `-`"));
    }
    Ok(name)
}

fn interfaces(node: &Node, namespace: &str, package: &str) -> Result<Vec<Located<String>>, ManifestError> {
    let items = node.list("interfaces")?;
    if items.is_empty() {
        return Err(node.conflict("`interfaces` is empty: a link is for one interface at least"));
    }
    let known = WELL_KNOWN.iter().find(|(n, p, _)| (*n, *p) == (namespace, package)).map(|(_, _, known)| *known);
    let mut interfaces = Vec::with_capacity(items.len());
    for item in items {
        let interface = wit_name(item, "interfaces")?;
        if let Some(known) = known.filter(|known| !known.contains(&interface.as_str())) {
            return Err(item.error(ErrorKind::UnknownInterface {
                namespace: namespace.to_owned(),
                package: package.to_owned(),
                interface,
                expected: known.to_vec(),
            }));
        }
        interfaces.push(Located::new(interface, item.at));
    }
    Ok(interfaces)
}

fn source(decoder: &mut Decoder, owner: Owner, fields: &Fields<'_>) -> Result<Vec<Secret>, ManifestError> {
    let Some(node) = fields.get("source") else {
        decoder.configs.read(owner, fields.list("source_config")?)?;
        return Ok(Vec::new());
    };
    if let Some(old) = fields.entry("source_config") {
        return Err(both_forms(old.at, "source_config", "source"));
    }
    let fields = node.fields("a link's `source`", &["config", "secrets"])?;
    decoder.configs.read(owner, fields.list("config")?)?;
    decoder.secrets(fields.list("secrets")?)
}

fn target(
    decoder: &mut Decoder,
    owner: Owner,
    fields: &Fields<'_>,
) -> Result<(Located<String>, Vec<Secret>), ManifestError> {
    let node = fields.required("target")?;
    if matches!(node.content, Content::Text(_)) {
        decoder.configs.read(owner, fields.list("target_config")?)?;
        return Ok((node.name("target")?, Vec::new()));
    }
    if let Some(old) = fields.entry("target_config") {
        return Err(both_forms(old.at, "target_config", "target"));
    }
    let fields = node.fields("a link's `target`", &["name", "config", "secrets"])?;
    decoder.configs.read(owner, fields.list("config")?)?;
    Ok((fields.required("name")?.name("name")?, decoder.secrets(fields.list("secrets")?)?))
}

fn both_forms(at: Position, old: &str, new: &str) -> ManifestError {
    let message = format!("`{old}` is the old form and `{new}` the new one: write it as `config` in `{new}`");
    ManifestError::new(at, ErrorKind::Conflict { message })
}

fn separate(fields: &Fields<'_>) -> Result<bool, ManifestError> {
    match fields.get("isolation") {
        None => Ok(false),
        Some(node) if node.is_text("separate") => Ok(true),
        Some(node) => Err(node.bad_value("isolation", "expected `separate`, or the field left out")),
    }
}
