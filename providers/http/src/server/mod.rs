//! The server: addresses, the routes at each, and what keeps them.

mod access;
mod body;
mod config;
mod framing;
mod invoke;
mod listener;
mod refusal;
mod respond;
mod routes;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::time::Instant;
use writ_provider::{Capability, Grant, LinkSource, OpenError, Provider, Target, Trigger};

pub use config::{HttpConfig, NamedRoutes};

use crate::{HostPattern, HttpEntry, RoutePlan};
use body::RequestBody;
use invoke::Component;
use listener::{Order, Peers};
use refusal::Refusal;
use routes::{Mounted, Owner, Routes};

/// The HTTP server. Clones share it.
///
/// It listens at an address from the first route there until the last one is dropped.
#[derive(Clone)]
pub struct HttpServer {
    shared: Arc<Shared>,
}

/// Keeps a component's routes. Dropping it removes them; requests that run go on.
pub struct HttpRoute {
    shared: Arc<Shared>,
    address: SocketAddr,
    ids: Vec<u64>,
}

struct Shared {
    config: Arc<HttpConfig>,
    peers: Arc<Peers>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    // By the address that was asked for: links that ask for one port 0 share it.
    listening: BTreeMap<SocketAddr, Listening>,
    closing: Vec<Closing>,
    routes: u64,
    stopped: bool,
}

/// An address with at least one route.
struct Listening {
    site: Arc<Site>,
    closing: Closing,
}

/// How to stop a listener, and to learn that it has.
struct Closing {
    address: SocketAddr,
    order: watch::Sender<Order>,
    // Closed once the address is free, and once nothing runs.
    bound: watch::Receiver<()>,
    running: watch::Receiver<()>,
}

/// The routes at an address, and the limits that hold there.
struct Site {
    config: Arc<HttpConfig>,
    routes: Mutex<Routes>,
}

/// What answers requests: a component, or a test's function.
trait Handler: Send + Sync + 'static {
    /// Who it is, for the log.
    fn component(&self) -> Arc<str>;
    /// Answers a request that was routed to it. Dropping the future gives the answer up.
    fn handle(&self, call: Call) -> BoxFuture<'static, Result<Response<Body>, Refusal>>;
}

/// A request, and the one host that it is for.
struct Call {
    host: HostPattern,
    request: Request<RequestBody<Incoming>>,
}

type Body = UnsyncBoxBody<Bytes, wasmtime_wasi_http::Error>;

impl Provider for HttpServer {
    const CAPABILITY: Capability<Self> =
        Capability { name: "http-server", interfaces: &[], exports: &["wasi:http/incoming-handler@0.2.0"] };
    type Config = HttpConfig;
    type Constraint = HttpEntry;
    type Handle = ();

    async fn open(config: HttpConfig) -> Result<Self, OpenError> {
        let peers = Arc::new(Peers::new(config.connections, config.connections_per_peer));
        Ok(Self { shared: Arc::new(Shared { config: Arc::new(config), peers, state: Mutex::default() }) })
    }

    fn attach(&self, _grant: &Grant<HttpEntry>) {}
}

impl Trigger for HttpServer {
    type Route = HttpRoute;

    async fn connect(
        &self,
        grant: Grant<HttpEntry>,
        link: &LinkSource,
        plans: Vec<RoutePlan>,
        target: Target,
    ) -> Result<HttpRoute, OpenError> {
        let owner = Owner { principal: target.principal().clone(), generation: target.generation().clone() };
        let handler = Component::new(target, grant, self.shared.config.wait.duration())?;
        let address = self.shared.address(link).await?;
        self.mount(address, owner, plans, Arc::new(handler)).await
    }

    /// Stops accepting, lets the requests that run finish, and closes. No route can be connected after it.
    async fn drain(&self, wait: Duration) {
        let now = Instant::now();
        let end = now.checked_add(wait).unwrap_or(now);
        let running: Vec<_> = {
            let mut state = lock(&self.shared.state);
            state.stopped = true;
            let listening = std::mem::take(&mut state.listening);
            state.closing.extend(listening.into_values().map(|listening| listening.closing));
            state.closing.iter().for_each(|closing| closing.stop(end));
            state.closing.iter().map(|closing| closing.running.clone()).collect()
        };
        for running in running {
            closed(running).await;
        }
    }
}

impl HttpServer {
    /// Where it listens now: the addresses as bound, so that a port of 0 is the one that was given.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        lock(&self.shared.state).listening.values().map(|listening| listening.closing.address).collect()
    }

    /// Adds all the routes or none, and listens if these are the first at their address.
    async fn mount(
        &self,
        asked: SocketAddr,
        owner: Owner,
        plans: Vec<RoutePlan>,
        handler: Arc<dyn Handler>,
    ) -> Result<HttpRoute, OpenError> {
        // Who just stopped listening there may not have closed the socket yet.
        while let Some(bound) = self.shared.closing(asked) {
            closed(bound).await;
        }
        let shared = &self.shared;
        let mut state = lock(&shared.state);
        if state.stopped {
            return Err(OpenError::Config("the HTTP server is stopping".to_owned()));
        }
        let first = state.routes;
        state.routes = first.saturating_add(u64::try_from(plans.len()).unwrap_or(u64::MAX));
        let ids: Vec<u64> = (first..state.routes).collect();
        if let Some(listening) = state.listening.get(&asked) {
            listening.site.add(&ids, &owner, plans, &handler)?;
        } else {
            let site = Arc::new(Site { config: shared.config.clone(), routes: Mutex::default() });
            site.add(&ids, &owner, plans, &handler)?;
            let listening = Listening::open(asked, site, &shared.peers).map_err(|error| state.overlap(asked, error))?;
            state.listening.insert(asked, listening);
        }
        Ok(HttpRoute { shared: shared.clone(), address: asked, ids })
    }
}

impl State {
    /// An address that cannot be had because this server listens at one that includes it: nobody else is to be stopped.
    fn overlap(&self, asked: SocketAddr, error: OpenError) -> OpenError {
        let mut own = self.listening.values().map(|listening| listening.closing.address);
        match (error, own.find(|address| address.port() == asked.port())) {
            (OpenError::InUse { .. }, Some(address)) => OpenError::Config(format!(
                "{asked} and {address} overlap: routes of one application on one port name the same address"
            )),
            (error, _) => error,
        }
    }
}

impl Shared {
    /// Where a link asks to listen, unless the host's owner said where.
    async fn address(&self, link: &LinkSource) -> Result<SocketAddr, OpenError> {
        if let Some(listen) = self.config.listen {
            return Ok(listen);
        }
        let text = link.get("address").map_or(DEFAULT_ADDRESS, String::as_str);
        let looked_up = tokio::net::lookup_host(text).await;
        let mut found = looked_up.map_err(|source| OpenError::Io { what: format!("looking up `{text}`"), source })?;
        found.next().ok_or_else(|| OpenError::Config(format!("`{text}` has no address")))
    }

    /// What is about to free the address, if anything is.
    fn closing(&self, asked: SocketAddr) -> Option<watch::Receiver<()>> {
        let mut state = lock(&self.state);
        state.closing.retain(|closing| closing.running.has_changed().is_ok());
        let bound = |closing: &&Closing| closing.address == asked && closing.bound.has_changed().is_ok();
        state.closing.iter().find(bound).map(|closing| closing.bound.clone())
    }
}

impl Listening {
    /// Binds, and only then starts to accept: the routes are there already.
    fn open(asked: SocketAddr, site: Arc<Site>, peers: &Arc<Peers>) -> Result<Self, OpenError> {
        let listener = listener::bind(asked)?;
        let address = listener.local_addr();
        let address = address.map_err(|source| OpenError::Io { what: format!("listening at {asked}"), source })?;
        tracing::info!(target: "writ::http", %address, "listening");
        let (order, orders) = watch::channel(Order::Serve);
        let (bound_until, bound) = watch::channel(());
        let (running_until, running) = watch::channel(());
        let serving = listener::serve(listener, site.clone(), peers.clone(), orders, bound_until);
        tokio::spawn(async move {
            serving.await;
            drop(running_until);
        });
        Ok(Self { site, closing: Closing { address, order, bound, running } })
    }
}

impl Closing {
    fn stop(&self, end: Instant) {
        self.order.send_replace(Order::Stop(end));
    }
}

impl Site {
    fn add(
        &self,
        ids: &[u64],
        owner: &Owner,
        plans: Vec<RoutePlan>,
        handler: &Arc<dyn Handler>,
    ) -> Result<(), OpenError> {
        let (mut routes, named) = (lock(&self.routes), self.config.named_routes.get());
        for (id, plan) in ids.iter().zip(plans) {
            let what = plan.to_string();
            let mounted = Mounted { id: *id, plan, owner: owner.clone(), handler: handler.clone() };
            if let Err(holder) = routes.add(mounted, &named) {
                routes.remove(ids);
                return Err(OpenError::Taken { what, holder: holder.to_string() });
            }
        }
        Ok(())
    }

    fn routed(&self, host: &HostPattern, path: &str) -> Option<Arc<dyn Handler>> {
        lock(&self.routes).find(host, path).map(|mounted| mounted.handler.clone())
    }
}

impl Drop for HttpRoute {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        let Some(listening) = state.listening.get(&self.address) else { return };
        let empty = {
            let mut routes = lock(&listening.site.routes);
            routes.remove(&self.ids);
            routes.is_empty()
        };
        if !empty {
            return;
        }
        if let Some(Listening { closing, .. }) = state.listening.remove(&self.address) {
            let now = Instant::now();
            closing.stop(now.checked_add(self.shared.config.grace.duration()).unwrap_or(now));
            state.closing.push(closing);
        }
    }
}

/// Waits until the other half is dropped.
async fn closed(mut half: watch::Receiver<()>) {
    while half.changed().await.is_ok() {}
}

/// What a lock guards here is whole after every statement, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const DEFAULT_ADDRESS: &str = "127.0.0.1:8000";
