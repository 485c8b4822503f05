//! How the host's owner runs the server.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Deserialize;
use writ_provider::units::{Size, Time};

use crate::RoutePlan;

/// The limits of the server, and where it listens. Every field has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Listens here, whatever the links' `address` says. Port 0 takes a free one; see [`HttpServer::addresses`](crate::HttpServer::addresses).
    pub listen: Option<SocketAddr>,
    /// How long a request waits for an instance before it is answered 503 (2 s).
    pub wait: Time,
    /// How long a client may take to send a request's head, or stay idle before one (10 s).
    pub header_timeout: Time,
    /// How long a request's body may send nothing (10 s).
    pub body_idle: Time,
    /// How long a client may read nothing of a response (30 s).
    pub write_stall: Time,
    /// How long requests may go on when the last route of an address is dropped (30 s).
    pub grace: Time,
    /// The longest request body (16 MiB).
    pub request_body: Size,
    /// The longest response body (1 GiB).
    pub response_body: Size,
    /// How many connections at once (4,096).
    pub connections: usize,
    /// How many of them from one IPv4 address or IPv6 /64 network (1,024).
    pub connections_per_peer: usize,
    /// Routes that the host's policy names: they may be nested under or over another account's.
    pub named_routes: NamedRoutes,
}

/// Routes that the host's policy names. Clones share them, so that they follow a policy that is read again.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "Vec<RoutePlan>")]
pub struct NamedRoutes(Arc<RwLock<Arc<[RoutePlan]>>>);

impl NamedRoutes {
    /// What is mounted from now on is held against these; what is mounted stays.
    pub fn set(&self, routes: Vec<RoutePlan>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = routes.into();
    }

    pub(super) fn get(&self) -> Arc<[RoutePlan]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl From<Vec<RoutePlan>> for NamedRoutes {
    fn from(routes: Vec<RoutePlan>) -> Self {
        Self(Arc::new(RwLock::new(routes.into())))
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        let seconds = |seconds: u64| Time::from_millis(seconds.saturating_mul(1_000));
        Self {
            listen: None,
            wait: seconds(2),
            header_timeout: seconds(10),
            body_idle: seconds(10),
            write_stall: seconds(30),
            grace: seconds(30),
            request_body: Size::from_bytes(16 << 20),
            response_body: Size::from_bytes(1 << 30),
            connections: 4_096,
            connections_per_peer: 1_024,
            named_routes: NamedRoutes::default(),
        }
    }
}
