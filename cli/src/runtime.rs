//! A host with every provider this program knows: the one place that names them.

use std::net::SocketAddr;
use std::path::PathBuf;

use writ_host::{Cache, Capacity, Host, HostError, Policies, Registry, Settings};
use writ_http::{HttpConfig, HttpServer};
use writ_keyvalue::{KeyValue, KeyValueConfig};
use writ_logging::Logging;
use writ_messaging::Messaging;

/// What a host is made of, decided by the verb.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// The folder of the key-value store; in memory without one.
    pub(crate) store: Option<PathBuf>,
    /// Replaces the address of every HTTP route.
    pub(crate) listen: Option<SocketAddr>,
    /// The most that the host's owner allows.
    pub(crate) policies: Policies,
    /// How many instances there may be at once.
    pub(crate) stores: Option<u32>,
}

/// The embedded providers. None is opened before an application needs it.
pub(crate) fn registry(options: &Options) -> Registry {
    let (store, listen) = (options.store.clone(), options.listen);
    let keyvalue = move || store.as_ref().map_or_else(KeyValueConfig::memory, KeyValueConfig::disk);
    Registry::new()
        .provider::<KeyValue>("builtin:keyvalue", keyvalue)
        .provider::<KeyValue>("builtin:keyvalue-memory", KeyValueConfig::memory)
        .provider::<Logging>("builtin:logging", Default::default)
        .provider::<writ_config::Settings>("builtin:config", Default::default)
        .trigger::<Messaging>("builtin:messaging", Default::default)
        .trigger::<HttpServer>("builtin:http-server", move || HttpConfig { listen, ..HttpConfig::default() })
}

/// A host that keeps no compiled code: for deciding, not for running.
pub(crate) fn host(options: Options) -> Result<Host, HostError> {
    build(options, None)
}

/// A host whose compiled code is kept.
pub(crate) fn host_with_cache(options: Options, cache: Cache) -> Result<Host, HostError> {
    build(options, Some(cache))
}

fn build(options: Options, cache: Option<Cache>) -> Result<Host, HostError> {
    let registry = registry(&options);
    let mut capacity = Capacity::default();
    capacity.stores = options.stores.unwrap_or(capacity.stores);
    Host::new(Settings { capacity, cache, policies: options.policies }, registry)
}

/// The runtime that everything runs on: it looks at timers often, for a guest that computes holds a worker for a tick.
pub(crate) fn tokio() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().event_interval(4).build()
}
