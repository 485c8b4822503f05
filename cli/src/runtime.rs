//! A host with every provider this program knows: the one place that names them.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;

use writ_host::{Audit, Cache, Capacity, Host, HostError, Learner, Policies, Registry, Settings};
use writ_http::{HttpClient, HttpConfig, HttpEntry, HttpServer, NamedRoutes, RoutePlan};
use writ_keyvalue::{KeyValue, KeyValueConfig};
use writ_logging::Logging;
use writ_manifest::{Capabilities, Policy};
use writ_messaging::Messaging;
use writ_provider::{Constraint, LinkConfig};

use crate::data::{self, Data};
use crate::process;
use crate::revocations::Watch;

/// What a host is made of, decided by the verb.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// The folder of the key-value store; in memory without one.
    pub(crate) store: Option<PathBuf>,
    /// Replaces the address of every HTTP route.
    pub(crate) listen: Option<SocketAddr>,
    /// The most that the host's owner allows.
    pub(crate) policies: Policies,
    /// The routes that these name. The HTTP server follows them.
    pub(crate) named_routes: NamedRoutes,
    /// Where what is decided and done is written down.
    pub(crate) audit: Option<Audit>,
    /// Who learns what components ask for.
    pub(crate) learner: Option<Learner>,
    /// How many instances there may be at once.
    pub(crate) stores: Option<u32>,
}

/// The embedded providers. None is opened before an application needs it.
pub(crate) fn registry(options: &Options) -> Registry {
    let (store, listen) = (options.store.clone(), options.listen);
    let named_routes = options.named_routes.clone();
    let keyvalue = move || store.as_ref().map_or_else(KeyValueConfig::memory, KeyValueConfig::disk);
    Registry::new()
        .provider::<KeyValue>("builtin:keyvalue", keyvalue)
        .provider::<KeyValue>("builtin:keyvalue-memory", KeyValueConfig::memory)
        .provider::<Logging>("builtin:logging", Default::default)
        .provider::<writ_config::Settings>("builtin:config", Default::default)
        .provider::<HttpClient>("builtin:http-client", Default::default)
        .trigger::<Messaging>("builtin:messaging", Default::default)
        .trigger::<HttpServer>("builtin:http-server", move || HttpConfig {
            listen,
            named_routes: named_routes.clone(),
            ..HttpConfig::default()
        })
}

/// The routes that the host's policy names: one account's may be nested under or over another's there.
pub(crate) fn named_routes(policy: &Policy) -> Vec<RoutePlan> {
    let Capabilities::Only(claims) = &policy.capabilities else { return Vec::new() };
    let entries = match claims.get("http-server") {
        Some(Value::Array(entries)) => entries.as_slice(),
        Some(entry) => std::slice::from_ref(entry),
        None => &[],
    };
    let mut routes = Vec::new();
    for entry in entries {
        for (host, path) in texts(&entry["hosts"]).flat_map(|host| texts(&entry["paths"]).map(move |path| (host, path)))
        {
            let link = LinkConfig::from(
                [("host", host), ("path", path)].map(|(key, value)| (key.to_owned(), value.to_owned())),
            );
            // What does not parse, or is `any` and so names no route, is left to `authorize`.
            routes.extend(HttpEntry::plans(&link).unwrap_or_default());
        }
    }
    routes
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let one = value.as_str().into_iter();
    one.chain(value.as_array().into_iter().flatten().filter_map(Value::as_str))
}

/// A host, and where its compiled code is kept.
pub(crate) fn host(options: Options, cache: Option<Cache>) -> Result<Host, HostError> {
    if let Err(error) = process::take_descriptors() {
        tracing::debug!(target: "writ", %error, "this process has as many file descriptors as it had");
    }
    options.named_routes.set(options.policies.host.as_ref().map(named_routes).unwrap_or_default());
    let registry = registry(&options);
    let mut capacity = Capacity::default();
    capacity.stores = options.stores.unwrap_or(capacity.stores);
    Host::new(
        Settings { capacity, cache, policies: options.policies, audit: options.audit, learner: options.learner },
        registry,
    )
}

/// A host for one call of its owner, which keeps its state in a data folder where there is one, and in memory where not.
pub(crate) fn host_of_one_call(
    options: Options,
    data: Option<&Data>,
    watch: &Watch,
    settings: &crate::settings::Settings,
) -> anyhow::Result<Host> {
    data.map_or(Ok(()), |data| watch.keep(data))?;
    let store = data.map(Data::store).transpose()?;
    let audit = data.map(|data| data.audit(false)).transpose()?;
    let cache = data.map_or_else(|| data::cache(&settings.cache), Data::cache)?;
    Ok(watch.before_each_start(host(Options { store, audit, ..options }, Some(cache))?))
}

/// The runtime that everything runs on: it looks at timers often, for a guest that computes holds a worker for a tick.
pub(crate) fn tokio() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().event_interval(4).build()
}
