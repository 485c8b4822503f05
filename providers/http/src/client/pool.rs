//! Open connections, each of one principal to one place.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::task::AbortHandle;
use tokio::time::{timeout, timeout_at};
use wasmtime_wasi_http::WasiBody;
use writ_provider::Principal;

use super::claim::Scheme;
use crate::pattern::HostPattern;

/// Who holds a connection, and what it is to. One that differs in anything is another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) principal: Principal,
    pub(super) scheme: Scheme,
    pub(super) host: HostPattern,
    pub(super) port: u16,
}

/// A connection that was opened for an origin to an address. Dropping it closes it.
pub(super) struct Connection {
    pub(super) origin: Origin,
    pub(super) address: IpAddr,
    pub(super) sender: SendRequest<WasiBody>,
    pub(super) driver: AbortHandle,
}

/// What came of sending on a connection.
pub(super) enum Sent {
    /// The head of the response, and the connection that its body comes on.
    Answer(Connection, Response<Incoming>),
    /// Nothing of the request was sent: another connection may be tried.
    Unsent(Request<WasiBody>),
    /// The connection failed.
    Failed(hyper::Error),
}

impl Connection {
    /// Whether it takes a request now. One that was just used needs a moment to see the end of the last response.
    async fn is_ready(&mut self) -> bool {
        matches!(timeout(READY, self.sender.ready()).await, Ok(Ok(())))
    }

    /// Sends a request and awaits the response's head.
    pub(super) async fn send(mut self, request: Request<WasiBody>) -> Sent {
        match self.sender.try_send_request(request).await {
            Ok(response) => Sent::Answer(self, response),
            Err(mut error) => match error.take_message() {
                Some(request) => Sent::Unsent(request),
                None => Sent::Failed(error.into_error()),
            },
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Connections that wait for their principal's next request, a short time and not too many.
#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    // The oldest first.
    connections: Vec<(Instant, Connection)>,
    is_swept: bool,
}

impl Pool {
    /// The connection of this origin that was used last, to an address that is still permitted.
    pub(super) async fn take(&self, origin: &Origin, permitted: impl Fn(IpAddr) -> bool) -> Option<Connection> {
        loop {
            let mut connection = self.find(origin, &permitted)?;
            if connection.is_ready().await {
                return Some(connection);
            }
        }
    }

    fn find(&self, origin: &Origin, permitted: &impl Fn(IpAddr) -> bool) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.sweep();
        let usable = |connection: &Connection| connection.origin == *origin && permitted(connection.address);
        let found = idle.connections.iter().rposition(|(_, connection)| usable(connection))?;
        Some(idle.connections.remove(found).1)
    }

    /// Keeps a connection for its principal's next request.
    pub(super) fn put(self: &Arc<Self>, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.sweep();
        idle.make_room(&connection.origin);
        idle.connections.push((Instant::now(), connection));
        if !idle.is_swept {
            idle.is_swept = true;
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Keeps a connection as soon as the request on it was sent whole; closes it if that fails, or takes too long.
    pub(super) async fn put_when_sent(self: Arc<Self>, mut connection: Connection, until: tokio::time::Instant) {
        if let Ok(Ok(())) = timeout_at(until, connection.sender.ready()).await {
            self.put(connection);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).connections.len()
    }
}

impl Idle {
    fn sweep(&mut self) {
        self.connections.retain(|(since, connection)| since.elapsed() < IDLE && !connection.sender.is_closed());
    }

    /// Closes the oldest connection of a component that has too many, of an account that has, or of all.
    fn make_room(&mut self, origin: &Origin) {
        let principal = &origin.principal;
        self.keep_below(MOST_OF_ONE, |other| other.principal == *principal);
        self.keep_below(MOST_OF_ACCOUNT, |other| other.principal.account() == principal.account());
        self.keep_below(MOST, |_| true);
    }

    fn keep_below(&mut self, most: usize, of: impl Fn(&Origin) -> bool) {
        let of = |(_, connection): &(Instant, Connection)| of(&connection.origin);
        if self.connections.iter().filter(|entry| of(entry)).count() >= most
            && let Some(oldest) = self.connections.iter().position(of)
        {
            self.connections.remove(oldest);
        }
    }
}

/// Closes what nobody takes, until nothing is left.
async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.sweep();
        if idle.connections.is_empty() {
            idle.is_swept = false;
            return;
        }
    }
}

/// With the pause between sweeps, no connection stays idle longer than 30 s.
const IDLE: Duration = Duration::from_secs(25);
const SWEEP: Duration = Duration::from_secs(5);
const READY: Duration = Duration::from_millis(50);
const MOST: usize = 256;
const MOST_OF_ACCOUNT: usize = 64;
const MOST_OF_ONE: usize = 16;
