//! One line per request that went out, written when the last byte of its response came or it ended early.

use std::net::IpAddr;
use std::time::Instant;

use http::StatusCode;
use wasmtime_wasi_http::Error;
use writ_provider::Principal;

use super::request::Destination;

/// What is known about a request so far. Dropping it writes the line, so none is lost.
///
/// What a guest or a server chose is a field of the event, cut but not escaped: that is the sink's work.
pub(super) struct Egress {
    started: Instant,
    principal: Principal,
    destination: Destination,
    address: Option<IpAddr>,
    status: Option<StatusCode>,
    bytes: u64,
    error: Option<String>,
}

impl Egress {
    /// Starts the clock. Until it is known how it ended, the request counts as given up by the component.
    pub(super) fn start(principal: Principal, destination: Destination) -> Self {
        let error = Some("given up".to_owned());
        Self { started: Instant::now(), principal, destination, address: None, status: None, bytes: 0, error }
    }

    /// It goes to this address.
    pub(super) fn connected(&mut self, address: IpAddr) {
        self.address = Some(address);
    }

    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    pub(super) fn received(&mut self, bytes: u64) {
        self.bytes = bytes;
    }

    pub(super) fn failed(&mut self, error: &Error) {
        self.error = Some(error.to_string());
    }

    pub(super) fn complete(&mut self) {
        self.error = None;
    }
}

impl Drop for Egress {
    fn drop(&mut self) {
        let path: String = self.destination.path().chars().take(MOST_TEXT).collect();
        tracing::info!(
            target: "writ::egress",
            component = %self.principal,
            id = %self.principal.keyed(),
            method = self.destination.method(),
            scheme = %self.destination.scheme,
            host = %self.destination.host,
            port = self.destination.port,
            path,
            address = self.address.map(tracing::field::display),
            status = self.status.map(|status| status.as_u16()),
            error = self.error.as_deref(),
            bytes = self.bytes,
            duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            "request"
        );
    }
}

const MOST_TEXT: usize = 1_024;
