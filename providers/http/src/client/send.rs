//! A permitted request, from its host's name to the head of the response.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{sleep_until, timeout, timeout_at};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};
use writ_provider::{Approved, Deadline, Grant, Principal};

use super::address::canonical;
use super::body::{Bounds, Download};
use super::egress::Egress;
use super::pool::{Connection, Origin, Pool, Sent};
use super::request::{Destination, Outgoing};
use super::shares::{Shares, Turn};
use super::wire::{CONNECT, Wire, fault, is_cut};
use super::{ClientEntry, HttpClientConfig};

/// What all principals share, none of it authority.
pub(super) struct Shared {
    pub(super) config: HttpClientConfig,
    pub(super) wire: Wire,
    pub(super) pool: Arc<Pool>,
    pub(super) shares: Shares,
}

/// A request on its way. What is known of it before its name is looked up was permitted, and drawn on the rates.
pub(super) struct Order {
    pub(super) shared: Arc<Shared>,
    pub(super) grant: Grant<ClientEntry>,
    pub(super) approved: Approved<ClientEntry>,
    pub(super) outgoing: Outgoing,
    pub(super) options: RequestOptions,
    pub(super) deadline: Deadline,
    /// One of the requests that the principal may have at once.
    pub(super) turn: Turn,
}

impl Shared {
    pub(super) fn new(config: HttpClientConfig, wire: Wire) -> Self {
        Self { config, wire, pool: Arc::default(), shares: Shares::default() }
    }

    /// The addresses of a host, in the order to try them. Names are resolved here, once, and nowhere else.
    async fn addresses(&self, principal: &Principal, destination: &Destination) -> Result<Vec<IpAddr>, Error> {
        if let Some(address) = destination.address() {
            return Ok(vec![address]);
        }
        let name = destination.name().ok_or(Error::HttpRequestUriInvalid)?.to_owned();
        let resolver = self.wire.resolver.clone();
        let lookup = async {
            let turn = self.shares.lookup(principal).await;
            // A look-up of the system's cannot be stopped. In a task of its own it counts until it really ended.
            tokio::spawn(async move {
                let found = resolver.resolve(name).await;
                drop(turn);
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
        let Self { shared, grant, approved, outgoing, options, deadline, turn } = self;
        let mut egress = Egress::start(grant.principal().clone(), outgoing.destination.clone());
        let (destination, uploading) = (outgoing.destination.clone(), outgoing.uploading.clone());
        let origin = Origin {
            principal: grant.principal().clone(),
            scheme: destination.scheme,
            host: destination.host.clone(),
            port: destination.port,
        };
        let mut route = Route { shared: &shared, grant, destination, origin, approved };
        let sent = timeout_at(deadline.instant().into(), route.send(outgoing, &options, deadline, &mut egress)).await;
        let sent = sent.unwrap_or(Err(Error::HttpResponseTimeout));
        let (connection, response) = sent.inspect_err(|error| egress.failed(error))?;
        egress.answered(response.status());
        let Route { destination, approved, .. } = route;
        let mut bounds = Bounds {
            address: connection.address,
            most: shared.config.response_body.bytes(),
            idle: options.between_bytes_timeout.unwrap_or(Duration::MAX).min(shared.config.idle.duration()),
            end: Box::pin(sleep_until(deadline.instant().into())),
            approved,
            destination,
            uploading,
            turn: Some(turn),
            egress,
        };
        check_head(&response, &mut bounds).inspect_err(|error| bounds.egress.failed(error))?;
        let pool = shared.pool.clone();
        Ok(response.map(|body| Download::new(body, connection, pool, bounds).boxed_unsync()))
    }
}

/// Checks the head of a response, and the length of the body that it promises.
fn check_head(response: &Response<Incoming>, bounds: &mut Bounds) -> Result<(), Error> {
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
    Ok(())
}

/// From a destination to a response.
struct Route<'a> {
    shared: &'a Shared,
    grant: Grant<ClientEntry>,
    destination: Destination,
    origin: Origin,
    approved: Approved<ClientEntry>,
}

impl Route<'_> {
    /// Sends on a connection that was kept, or else on a new one.
    ///
    /// A connection that was kept may have been closed meanwhile by a server that did not see the request. It is sent once
    /// more if nothing of it left, or if the server may do it twice and it has no body; otherwise that is for the guest.
    async fn send(
        &mut self,
        mut outgoing: Outgoing,
        options: &RequestOptions,
        deadline: Deadline,
        egress: &mut Egress,
    ) -> Result<(Connection, Response<Incoming>), Error> {
        let first_byte = options.first_byte_timeout.unwrap_or(Duration::MAX).min(deadline.left());
        let mut request = outgoing.request();
        if let Some(connection) = self.kept().await? {
            request = match exchange(connection, request, first_byte, egress).await? {
                Sent::Answer(connection, response) => return Ok((connection, response)),
                Sent::Unsent(unsent) => unsent,
                Sent::Failed(error) if is_cut(&error) && outgoing.is_repeatable() => outgoing.request(),
                Sent::Failed(error) => return Err(fault(&error)),
            };
        }
        match exchange(self.opened(options).await?, request, first_byte, egress).await? {
            Sent::Answer(connection, response) => Ok((connection, response)),
            Sent::Unsent(_) => Err(Error::ConnectionTerminated),
            Sent::Failed(error) => Err(fault(&error)),
        }
    }

    /// A connection of this principal's that waits, to an address that is permitted.
    async fn kept(&mut self) -> Result<Option<Connection>, Error> {
        let kept = self.shared.pool.take(&self.origin, |address| self.could(address)).await;
        kept.map(|connection| self.permit(connection.address).map(|()| connection)).transpose()
    }

    /// A new connection to a permitted address.
    async fn opened(&mut self, options: &RequestOptions) -> Result<Connection, Error> {
        let addresses = self.shared.addresses(&self.origin.principal, &self.destination).await?;
        let time = options.connect_timeout.unwrap_or(Duration::MAX).min(CONNECT);
        timeout(time, self.connect(&addresses, time)).await.map_err(|_| Error::ConnectionTimeout)?
    }

    /// Whether the claims permit an address, leaving rates aside.
    fn could(&self, address: IpAddr) -> bool {
        self.grant.refusals(self.destination.asked(Some(address), 0)).is_empty()
    }

    /// Asks the claims about the address, and reports what they refuse.
    fn permit(&mut self, address: IpAddr) -> Result<(), Error> {
        let asked = self.destination.asked(Some(address), 0);
        self.approved.extend(asked).map_err(|_| Error::HttpRequestDenied)
    }

    /// Connects to the first permitted address that answers. Each after the first counts as a request.
    async fn connect(&mut self, addresses: &[IpAddr], time: Duration) -> Result<Connection, Error> {
        let permitted: Vec<_> = addresses.iter().copied().filter(|address| self.could(*address)).collect();
        if permitted.is_empty() {
            // None is: this reports the first of them.
            addresses.first().map_or(Ok(()), |address| self.permit(*address))?;
            return Err(Error::HttpRequestDenied);
        }
        let each = time.checked_div(u32::try_from(permitted.len()).unwrap_or(u32::MAX)).unwrap_or(time);
        let mut failure = Error::DestinationUnavailable;
        for (tried, address) in permitted.into_iter().enumerate() {
            if tried > 0 {
                let asked = self.destination.asked(Some(address), 0);
                self.approved = self.grant.approve(asked).map_err(|_| Error::HttpRequestDenied)?;
            }
            self.permit(address)?;
            let opening: Pin<Box<dyn Future<Output = _> + Send>> =
                Box::pin(self.shared.wire.open(&self.origin, address));
            match timeout(each, opening).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => failure = error,
                Err(_) => failure = Error::ConnectionTimeout,
            }
        }
        Err(failure)
    }
}

async fn exchange(
    connection: Connection,
    request: Request<WasiBody>,
    first_byte: Duration,
    egress: &mut Egress,
) -> Result<Sent, Error> {
    egress.connected(connection.address);
    timeout(first_byte, connection.send(request)).await.map_err(|_| Error::HttpResponseTimeout)
}

/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;
