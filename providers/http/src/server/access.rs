//! One line per request, written when its last byte was handed to the connection or it ended early.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, Request, StatusCode, header::HOST};

/// What is known about a request so far. Dropping it writes the line, so none is lost.
///
/// What a client or a guest chose is a field of the event, cut but not escaped: that is the sink's work.
pub(super) struct Access {
    started: Instant,
    peer: SocketAddr,
    component: Option<Arc<str>>,
    method: String,
    host: String,
    path: String,
    status: StatusCode,
    bytes: u64,
    aborted: bool,
}

impl Access {
    /// Starts the clock. Until an answer is known, the request counts as given up by the client (499).
    pub(super) fn start<B>(peer: SocketAddr, request: &Request<B>) -> Self {
        let method = cut(request.method().as_str(), 32);
        Self::new(peer, method, host(request.headers()), cut(request.uri().path(), MOST_TEXT))
    }

    /// A connection whose request hyper answered itself, since it could not be read.
    pub(super) fn unread(peer: SocketAddr, status: StatusCode) {
        let nothing = || "-".to_owned();
        let mut access = Self::new(peer, nothing(), nothing(), nothing());
        access.answered(status);
        access.complete();
    }

    fn new(peer: SocketAddr, method: String, host: String, path: String) -> Self {
        let status = StatusCode::from_u16(CLIENT_GONE).unwrap_or(StatusCode::BAD_REQUEST);
        Self { started: Instant::now(), peer, component: None, method, host, path, status, bytes: 0, aborted: true }
    }

    pub(super) fn routed(&mut self, component: Arc<str>) {
        self.component = Some(component);
    }

    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = status;
    }

    pub(super) fn sent(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(super) fn complete(&mut self) {
        self.aborted = false;
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        tracing::info!(
            target: "writ::access",
            component = self.component.as_deref().unwrap_or("-"),
            method = self.method,
            host = self.host,
            path = self.path,
            status = self.status.as_u16(),
            duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            bytes = self.bytes,
            peer = %self.peer,
            aborted = self.aborted,
            "request"
        );
    }
}

fn host(headers: &HeaderMap) -> String {
    headers.get(HOST).map_or_else(|| "-".to_owned(), |host| cut(&String::from_utf8_lossy(host.as_bytes()), 255))
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

const MOST_TEXT: usize = 1_024;
/// What proxies log for a client that left before it was answered.
const CLIENT_GONE: u16 = 499;
