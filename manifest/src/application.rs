//! An application as wadm writes it, in the form of the Open Application Model (`core.oam.dev/v1beta1`).

mod config;
mod decode;
mod graph;
mod link;
mod spread;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::ManifestError;
use crate::position::{Located, Position, Positions};
use crate::yaml;
pub use graph::MAX_JOINED;

/// Components, providers and links that are deployed together.
///
/// All names in it are resolved: links lead to an entry, configuration is merged, secrets name a policy that exists.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Application {
    /// `metadata.name`.
    pub name: String,
    /// The annotation `version`; never `latest`.
    pub version: Option<String>,
    /// The annotation `description`.
    pub description: Option<String>,
    /// The other annotations.
    pub annotations: BTreeMap<String, String>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `spec.policies`: where secrets come from.
    pub policies: Vec<PolicyEntry>,
    /// The entries of type `component` (or `actor`), in the order of the text.
    pub components: Vec<Component>,
    /// The entries of type `capability`, in the order of the text.
    pub providers: Vec<ProviderEntry>,
    /// The links of all entries, in the order of the text.
    pub links: Vec<Link>,
}

/// An entry of type `component`: a manifest component.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Component {
    /// Its name, unique in the application.
    pub name: String,
    /// Where its bytes come from.
    pub source: Source,
    /// `properties.id`: wadm's id, not the component's key `M…`.
    pub id: Option<String>,
    /// Its configuration: all `config` entries merged in their order, a later one wins.
    pub config: BTreeMap<String, String>,
    /// Its secrets, by reference.
    pub secrets: Vec<Secret>,
    /// How many instances, at most. One where no scaler says otherwise.
    pub instances: u32,
    /// The scaler, where one was written.
    pub scaler: Option<Scaler>,
    /// The trait `writ.dev/restrict`: capability to claim. A capability that is absent is not narrowed.
    pub restriction: Option<BTreeMap<String, Value>>,
    /// Where the parts of the restriction stand.
    pub restriction_at: Positions,
    /// Where the entry begins.
    pub at: Position,
}

impl Component {
    /// The image; `None` where the entry refers to another application's component.
    #[must_use]
    pub fn image(&self) -> Option<&Located<String>> {
        self.source.image()
    }
}

/// An entry of type `capability`: a provider, with its image as the choice of backend.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ProviderEntry {
    /// Its name, unique in the application.
    pub name: String,
    /// What it is: `builtin:keyvalue`, or an image's reference.
    pub source: Source,
    /// `properties.id`: wadm's id.
    pub id: Option<String>,
    /// Its configuration: all `config` entries merged in their order, a later one wins.
    pub config: BTreeMap<String, String>,
    /// Its secrets, by reference.
    pub secrets: Vec<Secret>,
    /// How many instances. One where no scaler says otherwise.
    pub instances: u32,
    /// The scaler, where one was written.
    pub scaler: Option<Scaler>,
    /// Where the entry begins.
    pub at: Position,
}

impl ProviderEntry {
    /// The image; `None` where the entry refers to another application's component.
    #[must_use]
    pub fn image(&self) -> Option<&Located<String>> {
        self.source.image()
    }
}

/// Where an entry's code comes from: exactly one of `image` and `application`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// `image`: a path, a URL, an OCI reference or `builtin:…`; not interpreted here.
    Image(Located<String>),
    /// `application`: an entry that another application shares.
    Application {
        /// The other application's name.
        name: String,
        /// The entry's name there.
        component: String,
        /// Where the reference stands.
        at: Position,
    },
}

impl Source {
    /// The image, where it is one.
    #[must_use]
    pub fn image(&self) -> Option<&Located<String>> {
        match self {
            Self::Image(image) => Some(image),
            Self::Application { .. } => None,
        }
    }
}

/// A declared connection from an import of `source` to what serves it.
///
/// One `link` trait gives one link. No two links of a source share a name, a package and an interface.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Link {
    /// The link's name; `default` where none was written.
    pub name: String,
    /// The name of the entry that carries the trait.
    pub source: String,
    /// The name of the entry that it leads to; it exists.
    pub target: String,
    /// The namespace of the interfaces' package, such as `wasi`.
    pub namespace: String,
    /// The package, such as `keyvalue`.
    pub package: String,
    /// The interfaces, at least one, none twice.
    pub interfaces: Vec<String>,
    /// What the source is told: all its `config` entries merged in their order, a later one wins.
    pub source_config: BTreeMap<String, String>,
    /// What the target is told: all its `config` entries merged in their order, a later one wins.
    pub target_config: BTreeMap<String, String>,
    /// The source's secrets, by reference.
    pub source_secrets: Vec<Secret>,
    /// The target's secrets, by reference.
    pub target_secrets: Vec<Secret>,
    /// `isolation: separate` was written: the two ends are never fused into one store.
    pub isolation_separate: bool,
    /// Where the trait begins.
    pub at: Position,
    /// Where the target's name stands.
    pub target_at: Position,
}

/// A reference to a secret; the secret itself is in no text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Secret {
    /// The name the guest asks for.
    pub name: String,
    /// The policy in `spec.policies` that says where it is kept; it exists.
    pub policy: String,
    /// The secret's key there.
    pub key: String,
    /// A field of the secret, where it has several.
    pub field: Option<String>,
    /// A version of the secret.
    pub version: Option<String>,
    /// Where the entry begins.
    pub at: Position,
}

/// An entry of `spec.policies`, of the one known type `policy.secret.wasmcloud.dev/v1alpha1`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyEntry {
    /// Its name, unique among the policies.
    pub name: String,
    /// `properties.backend`: the secrets backend.
    pub backend: String,
    /// The other properties, which only the backend understands.
    pub properties: BTreeMap<String, String>,
    /// Where the entry begins.
    pub at: Position,
}

/// A `spreadscaler` or `daemonscaler` trait.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scaler {
    /// Which of the two.
    pub kind: ScalerKind,
    /// `instances` (or `replicas`): in all for a spread scaler, on each host for a daemon scaler.
    pub instances: u32,
    /// Where they go; empty where it was not said.
    pub spread: Vec<Spread>,
    /// Where the trait begins.
    pub at: Position,
}

/// What a scaler's count means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalerKind {
    /// `spreadscaler`: so many in all.
    Spread,
    /// `daemonscaler`: so many on each host that fits.
    Daemon,
}

/// One entry of a scaler's `spread`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spread {
    /// Its name.
    pub name: String,
    /// Labels a host must carry, with their values.
    pub requirements: BTreeMap<String, String>,
    /// Its share, relative to the others'; 100 where none was written, never zero.
    pub weight: u32,
    /// Where the entry begins.
    pub at: Position,
}

/// How many instances go to one spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placement<'a> {
    /// The spread; `None` where the scaler has none, and any host will do.
    pub spread: Option<&'a Spread>,
    /// How many instances; on each host for a daemon scaler.
    pub instances: u32,
}

/// Something that is valid in a manifest, and that a host may be unable to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsupported {
    /// What it is.
    pub feature: UnsupportedFeature,
    /// The name of the entry that asks for it.
    pub entry: String,
    /// Where it stands.
    pub at: Position,
}

/// What a manifest may ask for beyond components, providers, links and configuration on one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsupportedFeature {
    /// A secret from a backend.
    Secret,
    /// `application`: an entry that another application shares.
    SharedEntry,
    /// Several `spread` entries, or one that requires labels: placement over several hosts.
    Placement,
}

impl Application {
    /// An application of one component and nothing else: what calling a component on its own needs.
    #[must_use]
    pub fn alone(name: &str) -> Self {
        let at = Position::NOWHERE;
        let component = Component {
            name: name.to_owned(),
            source: Source::Image(Located::new(name.to_owned(), at)),
            id: None,
            config: BTreeMap::new(),
            secrets: Vec::new(),
            instances: 1,
            scaler: None,
            restriction: None,
            restriction_at: Positions::default(),
            at,
        };
        Self {
            name: name.to_owned(),
            version: None,
            description: None,
            annotations: BTreeMap::new(),
            labels: BTreeMap::new(),
            policies: Vec::new(),
            components: vec![component],
            providers: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Links every component to one of the host's own capabilities, as a manifest would with a `link` to
    /// `builtin:CAPABILITY`: what arguments give, instead of a manifest.
    pub fn give(
        &mut self,
        capability: &str,
        [namespace, package, interface]: [&str; 3],
        given: BTreeMap<String, String>,
    ) {
        let at = Position::NOWHERE;
        // No component can have this name, for a name has no colon.
        let image = format!("builtin:{capability}");
        for component in &self.components {
            self.links.push(Link {
                name: "default".to_owned(),
                source: component.name.clone(),
                target: image.clone(),
                namespace: namespace.to_owned(),
                package: package.to_owned(),
                interfaces: vec![interface.to_owned()],
                source_config: BTreeMap::new(),
                target_config: given.clone(),
                source_secrets: Vec::new(),
                target_secrets: Vec::new(),
                isolation_separate: false,
                at,
                target_at: at,
            });
        }
        self.providers.push(ProviderEntry {
            name: image.clone(),
            source: Source::Image(Located::new(image, at)),
            id: None,
            config: BTreeMap::new(),
            secrets: Vec::new(),
            instances: 1,
            scaler: None,
            at,
        });
    }
}

impl Application {
    /// Parses a manifest and checks it as a whole.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        decode::application(&yaml::parse(text)?)
    }
}
