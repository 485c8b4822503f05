//! A permitted request, from its host's name to the head of the response.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep_until, timeout, timeout_at};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};
use writ_provider::{Deadline, Grant, Principal};

use super::address::canonical;
use super::body::{Bounds, Download};
use super::pool::{Connection, Origin, Pool, Sent};
use super::request::{Destination, Outgoing};
use super::wire::{CONNECT, Wire, fault};
use super::{ClientEntry, HttpClientConfig};
use crate::pattern::{Host, HostPattern};

/// What all principals share, none of it authority.
pub(super) struct Shared {
    pub(super) config: HttpClientConfig,
    pub(super) wire: Wire,
    pub(super) pool: Arc<Pool>,
    shares: Mutex<HashMap<Principal, Share>>,
    lookups: Arc<Semaphore>,
}

/// What one principal may have going on at once, whatever the number of its stores.
#[derive(Clone)]
struct Share {
    requests: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
}

/// A request on its way.
pub(super) struct Order {
    pub(super) shared: Arc<Shared>,
    pub(super) grant: Grant<ClientEntry>,
    pub(super) outgoing: Outgoing,
    pub(super) options: RequestOptions,
    pub(super) deadline: Deadline,
    /// One of the requests that the principal may have at once.
    pub(super) running: OwnedSemaphorePermit,
}

impl Shared {
    pub(super) fn new(config: HttpClientConfig, wire: Wire) -> Self {
        let lookups = Arc::new(Semaphore::new(MOST_LOOKUPS));
        Self { config, wire, pool: Arc::default(), shares: Mutex::default(), lookups }
    }

    /// One of the requests that a principal may have at once, if one is left.
    pub(super) fn start(&self, principal: &Principal) -> Option<OwnedSemaphorePermit> {
        self.share(principal).requests.try_acquire_owned().ok()
    }

    fn share(&self, principal: &Principal) -> Share {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if shares.len() >= MANY_PRINCIPALS && !shares.contains_key(principal) {
            shares.retain(|_, share| Arc::strong_count(&share.requests) > 1 || Arc::strong_count(&share.lookups) > 1);
        }
        let fresh = || Share {
            requests: Arc::new(Semaphore::new(MOST_REQUESTS)),
            lookups: Arc::new(Semaphore::new(MOST_LOOKUPS_OF_ONE)),
        };
        shares.entry(principal.clone()).or_insert_with(fresh).clone()
    }

    /// The addresses of a host, in the order to try them. Names are resolved here, once, and nowhere else.
    async fn addresses(&self, principal: &Principal, host: &HostPattern) -> Result<Vec<IpAddr>, Error> {
        let name = match host {
            HostPattern::Exactly(Host::Ip(address)) => return Ok(vec![canonical(*address)]),
            HostPattern::Exactly(Host::Name(name)) => name.clone(),
            _ => return Err(Error::HttpRequestUriInvalid),
        };
        let (all, own) = (self.lookups.clone(), self.share(principal).lookups);
        let resolver = self.wire.resolver.clone();
        let lookup = async {
            let held = (own.acquire_owned().await, all.acquire_owned().await);
            // A look-up of the system's cannot be stopped. In a task of its own it counts until it really ended.
            tokio::spawn(async move {
                let found = resolver.resolve(name).await;
                drop(held);
                found
            })
            .await
        };
        let found = timeout(self.config.lookup.duration(), lookup).await.map_err(|_| Error::DnsTimeout)?;
        let unknown = || Error::DnsError { rcode: None, info_code: None };
        let found = found.map_err(|_| unknown())?.map_err(|_| unknown())?;
        let mut addresses = Vec::new();
        for address in found.into_iter().map(canonical) {
            if !addresses.contains(&address) && addresses.len() < MOST_ADDRESSES {
                addresses.push(address);
            }
        }
        if addresses.is_empty() { Err(unknown()) } else { Ok(addresses) }
    }
}

impl Order {
    /// Sends the request and awaits the head of the response, by the deadline.
    pub(super) async fn send(self) -> Result<Response<WasiBody>, Error> {
        let until = self.deadline.instant().into();
        timeout_at(until, self.run()).await.unwrap_or(Err(Error::HttpResponseTimeout))
    }

    async fn run(self) -> Result<Response<WasiBody>, Error> {
        let Self { shared, grant, outgoing, options, deadline, running } = self;
        let Outgoing { destination, mut request } = outgoing;
        let origin = Origin {
            principal: grant.principal().clone(),
            scheme: destination.scheme,
            host: destination.host.clone(),
            port: destination.port,
        };
        let route = Route { shared: &shared, grant: &grant, destination: &destination, origin: &origin };
        let first_byte = options.first_byte_timeout.unwrap_or(Duration::MAX).min(deadline.left());
        let (connection, response) = loop {
            let (mut connection, is_fresh) = route.connection(&options).await?;
            match timeout(first_byte, connection.send(request)).await.map_err(|_| Error::HttpResponseTimeout)? {
                Sent::Answer(response) => break (connection, response),
                Sent::Unsent(unsent) if !is_fresh => request = unsent,
                Sent::Unsent(_) => return Err(Error::ConnectionTerminated),
                Sent::Failed(error) => return Err(fault(&error)),
            }
        };
        let bounds = Bounds {
            address: connection.address,
            most: shared.config.response_body.bytes(),
            idle: options.between_bytes_timeout.unwrap_or(Duration::MAX).min(shared.config.idle.duration()),
            end: Box::pin(sleep_until(deadline.instant().into())),
            grant: grant.clone(),
            destination: destination.clone(),
            _running: running,
        };
        receive(response, connection, shared.pool.clone(), bounds)
    }
}

/// Checks the head of a response, and bounds its body.
fn receive(
    response: Response<Incoming>,
    connection: Connection,
    pool: Arc<Pool>,
    bounds: Bounds,
) -> Result<Response<WasiBody>, Error> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::HttpUpgradeFailed);
    }
    let has = |name| response.headers().contains_key(name);
    if has(header::TRANSFER_ENCODING) && has(header::CONTENT_LENGTH) {
        return Err(Error::HttpProtocolError);
    }
    let promised = http_body::Body::size_hint(response.body()).lower();
    if !bounds.destination.is_head() && !bounds.permit(promised) {
        return Err(Error::HttpResponseBodySize(Some(promised)));
    }
    Ok(response.map(|body| Download::new(body, connection, pool, bounds).boxed_unsync()))
}

/// From a destination to a connection.
struct Route<'a> {
    shared: &'a Shared,
    grant: &'a Grant<ClientEntry>,
    destination: &'a Destination,
    origin: &'a Origin,
}

impl Route<'_> {
    /// A connection to a permitted address, and whether it was made for this request. It counts as one request.
    async fn connection(&self, options: &RequestOptions) -> Result<(Connection, bool), Error> {
        let kept = self.shared.pool.take(self.origin, |address| self.could(address)).await;
        if let Some(connection) = kept {
            self.permit(connection.address)?;
            return Ok((connection, false));
        }
        let addresses = self.shared.addresses(&self.origin.principal, &self.origin.host).await?;
        let time = options.connect_timeout.unwrap_or(Duration::MAX).min(CONNECT);
        let connected = timeout(time, self.connect(&addresses, time)).await;
        Ok((connected.map_err(|_| Error::ConnectionTimeout)??, true))
    }

    /// Whether the claims permit an address, leaving rates aside.
    fn could(&self, address: IpAddr) -> bool {
        self.grant.refusals(self.destination.asked(Some(address), 0)).is_empty()
    }

    /// Asks the claims for good: it draws on their rates, and reports what they refuse.
    fn permit(&self, address: IpAddr) -> Result<(), Error> {
        self.grant.permits(self.destination.asked(Some(address), 0)).map_err(|_| Error::HttpRequestDenied)
    }

    /// Connects to the first permitted address that answers.
    async fn connect(&self, addresses: &[IpAddr], time: Duration) -> Result<Connection, Error> {
        let permitted: Vec<_> = addresses.iter().copied().filter(|address| self.could(*address)).collect();
        if permitted.is_empty() {
            // None is: this reports the first of them.
            addresses.first().map_or(Ok(()), |address| self.permit(*address))?;
            return Err(Error::HttpRequestDenied);
        }
        let each = time.checked_div(u32::try_from(permitted.len()).unwrap_or(u32::MAX)).unwrap_or(time);
        let mut failure = Error::DestinationUnavailable;
        for address in permitted {
            self.permit(address)?;
            let opening: Pin<Box<dyn Future<Output = _> + Send>> =
                Box::pin(self.shared.wire.open(self.origin, address));
            match timeout(each, opening).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => failure = error,
                Err(_) => failure = Error::ConnectionTimeout,
            }
        }
        Err(failure)
    }
}

/// Requests that one principal may have at once.
const MOST_REQUESTS: usize = 64;
/// Look-ups that one principal may have at once: each holds a thread.
const MOST_LOOKUPS_OF_ONE: usize = 8;
/// Look-ups at once.
const MOST_LOOKUPS: usize = 128;
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;
/// From so many principals on, those without a request are forgotten.
const MANY_PRINCIPALS: usize = 1_024;
