//! One address: accepting connections, serving them, and stopping.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use writ_provider::OpenError;

use super::access::Access;
use super::framing::MOST_HEAD;
use super::respond::{respond, unread};
use super::stream::ClientStream;
use super::{Site, lock};

/// What a listener is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Serve,
    /// Stop accepting, and end what runs until then.
    Stop(Instant),
}

/// What a connection is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serve,
    Finish,
    Cut,
}

/// Opens a socket that listens at the address.
///
/// # Errors
/// [`OpenError::InUse`] where somebody else listens there, [`OpenError::Io`] where the system refuses.
pub(super) fn bind(address: SocketAddr) -> Result<TcpListener, OpenError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // On Windows the option would let two processes share the port.
        #[cfg(not(windows))]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => OpenError::InUse {
            what: address.to_string(),
            hint: "stop it, or listen elsewhere with `--listen HOST:PORT`".to_owned(),
        },
        _ => OpenError::Io { what: format!("listening at {address}"), source },
    })
}

/// Serves until it is told to stop and what ran has ended. `bound` is dropped once the address is free again.
pub(super) async fn serve(
    listener: TcpListener,
    site: Arc<Site>,
    peers: Arc<Peers>,
    mut order: watch::Receiver<Order>,
    bound: watch::Sender<()>,
) {
    let (phase, _) = watch::channel(Phase::Serve);
    loop {
        let accepted = tokio::select! {
            biased;
            _ = order.wait_for(|order| *order != Order::Serve) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(stream, peer, &site, &peers, phase.subscribe()),
            Err(error) => pause(&error).await,
        }
    }
    drop((listener, bound));
    phase.send_replace(Phase::Finish);
    finish(&phase, order).await;
    phase.send_replace(Phase::Cut);
    phase.closed().await;
}

/// Waits for the connections to end, at most until the time of the latest order. Who ordered may be gone by then.
async fn finish(phase: &watch::Sender<Phase>, mut order: watch::Receiver<Order>) {
    loop {
        let Order::Stop(end) = *order.borrow_and_update() else { return };
        tokio::select! {
            () = phase.closed() => return,
            () = sleep_until(end) => return,
            Ok(()) = order.changed() => {}
        }
    }
}

/// An error of one connection is over with it; anything else (no descriptors left) needs time, not a busy loop.
async fn pause(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(target: "writ::http", %error, "cannot accept connections");
        sleep(Duration::from_millis(100)).await;
    }
}

fn admit(stream: TcpStream, peer: SocketAddr, site: &Arc<Site>, peers: &Arc<Peers>, phase: watch::Receiver<Phase>) {
    match peers.admit(peer.ip()) {
        Some(place) => {
            let site = site.clone();
            tokio::spawn(async move {
                connection(stream, peer, site, phase).await;
                drop(place);
            });
        }
        // Said if it can be said at once: nothing waits for a client that is one too many.
        None => drop(stream.try_write(FULL)),
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, site: Arc<Site>, mut phase: watch::Receiver<Phase>) {
    // A failure only costs speed.
    let _ = stream.set_nodelay(true);
    let builder = builder(site.config.header_timeout.duration());
    let io = TokioIo::new(ClientStream::new(stream, site.config.write_stall.duration()));
    let service = service_fn(move |request| respond(site.clone(), peer, request));
    let mut serving = pin!(builder.serve_connection(io, service));
    let mut current = *phase.borrow_and_update();
    loop {
        match current {
            Phase::Serve => {}
            Phase::Finish => {
                // What has arrived is read first: a connection that was never looked at would be closed with its request
                // unread and unanswered.
                if let Poll::Ready(ended) = futures::poll!(serving.as_mut()) {
                    return log_unread(peer, ended);
                }
                serving.as_mut().graceful_shutdown();
            }
            Phase::Cut => return,
        }
        tokio::select! {
            ended = serving.as_mut() => return log_unread(peer, ended),
            changed = phase.changed() => current = if changed.is_ok() { *phase.borrow_and_update() } else { Phase::Cut },
        }
    }
}

/// A request that could not be read has its line in the access log, too.
fn log_unread(peer: SocketAddr, ended: hyper::Result<()>) {
    if let Some(status) = ended.err().as_ref().and_then(unread) {
        Access::unread(peer, status);
    }
}

/// Without its timer, hyper's limit on the head's time is off.
fn builder(header_timeout: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .keep_alive(true)
        .half_close(false)
        .max_headers(MOST_FIELDS)
        .max_header_size(MOST_HEAD)
        .max_buf_size(MOST_HEAD);
    builder
}

/// How many connections there are, in all and by peer.
pub(super) struct Peers {
    most: usize,
    most_each: usize,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    each: HashMap<IpAddr, usize>,
}

/// A connection's place. Dropping it gives it back.
pub(super) struct Place {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Peers {
    pub(super) fn new(most: usize, most_each: usize) -> Self {
        Self { most, most_each, counts: Mutex::default() }
    }

    fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = network(peer);
        let mut counts = lock(&self.counts);
        let each = counts.each.get(&peer).copied().unwrap_or(0);
        if counts.all >= self.most || each >= self.most_each {
            return None;
        }
        counts.all = counts.all.saturating_add(1);
        counts.each.insert(peer, each.saturating_add(1));
        Some(Place { peers: self.clone(), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.peers.counts);
        counts.all = counts.all.saturating_sub(1);
        if let Entry::Occupied(mut each) = counts.each.entry(self.peer) {
            *each.get_mut() = each.get().saturating_sub(1);
            if *each.get() == 0 {
                each.remove();
            }
        }
    }
}

/// Who a peer is: an IPv4 address, or the /64 that one IPv6 subscriber holds whole.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        v4 => v4,
    }
}

const BACKLOG: u32 = 1_024;
const MOST_FIELDS: usize = 100;
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn places_are_counted_by_network_and_given_back() {
        let peers = Arc::new(Peers::new(3, 2));
        let admit = |peer: &str| peers.admit(peer.parse().unwrap());
        let first = admit("2001:db8::1").unwrap();
        let _second = admit("2001:db8::ffff:1").unwrap();
        assert!(admit("2001:db8::2").is_none());
        let _third = admit("::ffff:192.0.2.1").unwrap();
        assert!(admit("192.0.2.2").is_none());
        drop(first);
        let _fourth = admit("192.0.2.1").unwrap();
        assert!(admit("192.0.2.1").is_none());
        assert_eq!(lock(&peers.counts).each.len(), 2);
    }
}
