//! From a manifest's fields to its types.

use std::collections::BTreeMap;

use super::config::Configs;
use super::graph;
use super::link;
use super::{Application, Component, PolicyEntry, ProviderEntry, Scaler, ScalerKind, Secret, Source, Spread};
use crate::error::{ErrorKind, ManifestError, shorten};
use crate::node::{Fields, Node};
use crate::position::{Located, Position, Positions};

/// How many components and capabilities one application may have: each is a file to read, to verify and to compile.
const MAX_ENTRIES: usize = 4_096;
const API_VERSION: &str = "core.oam.dev/v1beta1";
const SECRET_POLICY: &str = "policy.secret.wasmcloud.dev/v1alpha1";

/// Whose configuration a `config` list is: the index into the application's lists.
#[derive(Clone, Copy)]
pub(super) enum Owner {
    Component(usize),
    Provider(usize),
    LinkSource(usize),
    LinkTarget(usize),
}

/// What may be there once, with the place that had it first.
#[derive(Default)]
pub(super) struct Taken(BTreeMap<String, Position>);

impl Taken {
    fn name(&mut self, what: &str, name: &Located<String>, advice: &'static str) -> Result<(), ManifestError> {
        self.take(name.value.clone(), name.at, advice, || format!("the {what} `{}`", shorten(name)))
    }

    /// Takes a key; `what` says what it stands for, should it be taken already.
    pub(super) fn take(
        &mut self,
        key: String,
        at: Position,
        advice: &'static str,
        what: impl FnOnce() -> String,
    ) -> Result<(), ManifestError> {
        let Some(first) = self.0.insert(key, at) else {
            return Ok(());
        };
        Err(ManifestError::new(at, ErrorKind::Duplicate { what: what(), first: first.line, advice }))
    }
}

/// What is being built, and what is needed to build it.
pub(super) struct Decoder {
    pub(super) application: Application,
    pub(super) configs: Configs,
    pub(super) taken_links: Taken,
    names: Taken,
    ids: Taken,
}

pub(super) fn application(root: &Node) -> Result<Application, ManifestError> {
    let fields = root.fields("an application", &["apiVersion", "kind", "metadata", "spec"])?;
    constant(&fields, "apiVersion", API_VERSION)?;
    constant(&fields, "kind", "Application")?;
    let application = metadata(fields.required("metadata")?)?;

    let spec = fields.required("spec")?.fields("the spec", &["components", "policies"])?;
    let mut decoder = Decoder {
        application,
        configs: Configs::default(),
        taken_links: Taken::default(),
        names: Taken::default(),
        ids: Taken::default(),
    };
    decoder.policies(spec.list("policies")?)?;
    let components = spec.required("components")?;
    let entries = components.list("components")?;
    if entries.is_empty() {
        return Err(components.conflict("`components` is empty: an application has one component at least"));
    }
    if entries.len() > MAX_ENTRIES {
        let message = format!("`components` has {} entries: an application has at most {MAX_ENTRIES}", entries.len());
        return Err(components.conflict(message));
    }
    for entry in entries {
        decoder.entry(entry)?;
    }
    decoder.finish()
}

fn constant(fields: &Fields<'_>, field: &'static str, expected: &str) -> Result<(), ManifestError> {
    let node = fields.required(field)?;
    if node.text(field)?.value == expected {
        return Ok(());
    }
    Err(node.bad_value(field, &format!("expected `{expected}`")))
}

fn metadata(node: &Node) -> Result<Application, ManifestError> {
    let fields = node.fields("the metadata", &["name", "annotations", "labels"])?;
    let name = fields.required("name")?.name("name")?.value;
    let mut annotations = fields.text_map("annotations")?;
    let version = annotations.remove("version");
    let description = annotations.remove("description");
    if let Some(written) = annotation(&fields, "version")? {
        written.text("version")?;
        if written.is_text("latest") {
            return Err(
                written.bad_value("version", "it must name one version, such as `1.0.0`, not whichever is last")
            );
        }
    }
    let labels = fields.text_map("labels")?;
    Ok(Application {
        name,
        version,
        description,
        annotations,
        labels,
        policies: Vec::new(),
        components: Vec::new(),
        providers: Vec::new(),
        links: Vec::new(),
    })
}

fn annotation<'a>(metadata: &Fields<'a>, name: &str) -> Result<Option<&'a Node>, ManifestError> {
    let Some(annotations) = metadata.get("annotations") else {
        return Ok(None);
    };
    let entry = annotations.entries("annotations")?.iter().find(|entry| entry.key == name);
    Ok(entry.map(|entry| &entry.value))
}

/// The two kinds of entry; they have the same fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryKind {
    Component,
    Provider,
}

/// What an entry's traits say; each may be there once.
#[derive(Default)]
struct Traits {
    scaler: Option<Scaler>,
    restriction: Option<(BTreeMap<String, serde_json::Value>, Positions)>,
}

impl Decoder {
    fn policies(&mut self, nodes: &[Node]) -> Result<(), ManifestError> {
        let mut taken = Taken::default();
        for node in nodes {
            let fields = node.fields("a policy", &["name", "type", "properties"])?;
            let name = fields.required("name")?.name("name")?;
            taken.name("policy name", &name, "give this policy another")?;
            constant(&fields, "type", SECRET_POLICY)?;
            let written = fields.required("properties")?;
            let mut properties = written.text_map("properties")?;
            let Some(backend) = properties.remove("backend").filter(|backend| !backend.is_empty()) else {
                let kind = ErrorKind::MissingField { field: "backend", place: "the secret policy's `properties`" };
                return Err(written.error(kind));
            };
            let policy = PolicyEntry { name: name.value, backend, properties, at: fields.at() };
            self.application.policies.push(policy);
        }
        Ok(())
    }

    fn entry(&mut self, node: &Node) -> Result<(), ManifestError> {
        let fields = node.fields("a component", &["name", "type", "properties", "traits"])?;
        let name = fields.required("name")?.name("name")?;
        self.names.name("component name", &name, "give this component another")?;
        let kind = entry_kind(fields.required("type")?)?;

        let owner = match kind {
            EntryKind::Component => Owner::Component(self.application.components.len()),
            EntryKind::Provider => Owner::Provider(self.application.providers.len()),
        };
        let (source, id, secrets) = self.properties(owner, fields.required("properties")?)?;
        let Traits { scaler, restriction } = self.traits(&name, kind, fields.list("traits")?)?;

        let (name, config, at) = (name.value, BTreeMap::new(), fields.at());
        let instances = scaler.as_ref().map_or(1, |scaler| scaler.instances);
        match kind {
            EntryKind::Component => {
                let (restriction, restriction_at) = restriction.unzip();
                let restriction_at = restriction_at.unwrap_or_default();
                self.application.components.push(Component {
                    name,
                    source,
                    id,
                    config,
                    secrets,
                    instances,
                    scaler,
                    restriction,
                    restriction_at,
                    at,
                });
            }
            EntryKind::Provider => {
                let provider = ProviderEntry { name, source, id, config, secrets, instances, scaler, at };
                self.application.providers.push(provider);
            }
        }
        Ok(())
    }

    fn properties(
        &mut self,
        owner: Owner,
        node: &Node,
    ) -> Result<(Source, Option<String>, Vec<Secret>), ManifestError> {
        let known = &["image", "application", "id", "config", "secrets"];
        let fields = node.fields("`properties`", known)?;
        let source = source(&fields)?;
        let id = fields.get("id").map(|id| id.name("id")).transpose()?;
        if let Some(id) = &id {
            self.ids.name("id", id, "give this component another")?;
        }
        self.configs.read(owner, fields.list("config")?)?;
        let secrets = self.secrets(fields.list("secrets")?)?;
        Ok((source, id.map(|id| id.value), secrets))
    }

    pub(super) fn secrets(&self, nodes: &[Node]) -> Result<Vec<Secret>, ManifestError> {
        nodes.iter().map(|node| self.secret(node)).collect()
    }

    fn secret(&self, node: &Node) -> Result<Secret, ManifestError> {
        let fields = node.fields("a secret", &["name", "properties"])?;
        let properties =
            fields.required("properties")?.fields("a secret's `properties`", &["policy", "key", "field", "version"])?;
        let policy = properties.text("policy")?;
        if !self.application.policies.iter().any(|known| known.name == policy.value) {
            let kind = ErrorKind::Dangling {
                what: "the policy",
                name: shorten(&policy),
                problem: "is not in `spec.policies`",
                hint: Some(format!("add one of type `{SECRET_POLICY}` with a `backend`")),
            };
            return Err(ManifestError::new(policy.at, kind));
        }
        Ok(Secret {
            name: fields.text("name")?.value,
            policy: policy.value,
            key: properties.text("key")?.value,
            field: properties.optional_text("field")?,
            version: properties.optional_text("version")?,
            at: fields.at(),
        })
    }

    fn traits(&mut self, name: &Located<String>, kind: EntryKind, nodes: &[Node]) -> Result<Traits, ManifestError> {
        let mut traits = Traits::default();
        for node in nodes {
            let fields = node.fields("a trait", &["type", "properties"])?;
            let which = fields.required("type")?;
            let properties = fields.required("properties")?;
            match which.text("type")?.as_str() {
                "link" => link::read(self, name, fields.at(), properties)?,
                "spreadscaler" => set_scaler(&mut traits, scaler(ScalerKind::Spread, &fields, properties)?)?,
                "daemonscaler" => set_scaler(&mut traits, scaler(ScalerKind::Daemon, &fields, properties)?)?,
                "writ.dev/restrict" if kind == EntryKind::Provider => {
                    return Err(which.conflict("`writ.dev/restrict` narrows a component, and this is a capability"));
                }
                "writ.dev/restrict" if traits.restriction.is_some() => {
                    return Err(which.conflict("a second `writ.dev/restrict`: write all claims into the first"));
                }
                "writ.dev/restrict" => traits.restriction = Some(restriction(properties)?),
                _ => {
                    let known = "expected `link`, `spreadscaler`, `daemonscaler` or `writ.dev/restrict`";
                    return Err(which.bad_value("type", known));
                }
            }
        }
        Ok(traits)
    }

    fn finish(self) -> Result<Application, ManifestError> {
        let mut application = self.application;
        link::check_targets(&application)?;
        graph::check(&application)?;
        for (owner, config) in self.configs.resolve()? {
            let place = match owner {
                Owner::Component(index) => application.components.get_mut(index).map(|entry| &mut entry.config),
                Owner::Provider(index) => application.providers.get_mut(index).map(|entry| &mut entry.config),
                Owner::LinkSource(index) => application.links.get_mut(index).map(|link| &mut link.source_config),
                Owner::LinkTarget(index) => application.links.get_mut(index).map(|link| &mut link.target_config),
            };
            // Every owner was pushed after its index was taken.
            if let Some(place) = place {
                *place = config;
            }
        }
        Ok(application)
    }
}

fn entry_kind(node: &Node) -> Result<EntryKind, ManifestError> {
    match node.text("type")?.as_str() {
        "component" | "actor" => Ok(EntryKind::Component),
        "capability" => Ok(EntryKind::Provider),
        _ => Err(node.bad_value("type", "expected `component` or `capability`")),
    }
}

fn source(properties: &Fields<'_>) -> Result<Source, ManifestError> {
    let conflict = |message: &str| {
        let kind = ErrorKind::Conflict { message: message.to_owned() };
        ManifestError::new(properties.at(), kind)
    };
    match (properties.get("image"), properties.get("application")) {
        (Some(image), None) => Ok(Source::Image(image.text("image")?)),
        (None, Some(application)) => {
            let fields = application.fields("`application`", &["name", "component"])?;
            Ok(Source::Application {
                name: fields.required("name")?.name("name")?.value,
                component: fields.required("component")?.name("component")?.value,
                at: fields.at(),
            })
        }
        (None, None) => Err(conflict("neither `image` nor `application` is there: write exactly one of them")),
        (Some(_), Some(_)) => Err(conflict("both `image` and `application` are there: write exactly one of them")),
    }
}

fn set_scaler(traits: &mut Traits, scaler: Scaler) -> Result<(), ManifestError> {
    let Some(first) = &traits.scaler else {
        traits.scaler = Some(scaler);
        return Ok(());
    };
    let kind = ErrorKind::Duplicate {
        what: "the scaler".to_owned(),
        first: first.at.line,
        advice: "an entry has one `spreadscaler` or `daemonscaler`",
    };
    Err(ManifestError::new(scaler.at, kind))
}

fn scaler(kind: ScalerKind, traits: &Fields<'_>, properties: &Node) -> Result<Scaler, ManifestError> {
    let fields = properties.fields("a scaler's `properties`", &["instances", "replicas", "spread"])?;
    let instances = match (fields.get("instances"), fields.get("replicas")) {
        (Some(_), Some(replicas)) => {
            return Err(replicas.conflict("`replicas` is another word for `instances`: write one of them"));
        }
        (None, Some(replicas)) => count(replicas, "replicas", 0)?,
        _ => count(fields.required("instances")?, "instances", 0)?,
    };
    let mut taken = Taken::default();
    let mut spread = Vec::new();
    for node in fields.list("spread")? {
        let fields = node.fields("a spread", &["name", "requirements", "weight"])?;
        let name = fields.required("name")?.name("name")?;
        taken.name("spread name", &name, "give this spread another")?;
        spread.push(Spread {
            name: name.value,
            requirements: fields.text_map("requirements")?,
            weight: fields.get("weight").map_or(Ok(100), |weight| count(weight, "weight", 1))?,
            at: fields.at(),
        });
    }
    Ok(Scaler { kind, instances, spread, at: traits.at() })
}

fn count(node: &Node, field: &str, least: u64) -> Result<u32, ManifestError> {
    let number = node.whole(field, least, u64::from(u32::MAX))?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

fn restriction(properties: &Node) -> Result<(BTreeMap<String, serde_json::Value>, Positions), ManifestError> {
    let fields = properties.fields("a restriction", &["claims"])?;
    let claims = fields.required("claims")?;
    let advice = "`[]` permits nothing, `any` does not narrow; leave the capability out to not narrow it";
    Ok((claims.value_map("claims", advice)?, Positions::of(claims.clone())))
}
