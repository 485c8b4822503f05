//! What the server answers in a component's place.

use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use writ_provider::{Busy, Failure, FailureKind};

use super::Body;

/// Why no component's answer is sent. The text a client gets says nothing about the host's insides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request is malformed, or has more than one reading.
    Malformed(&'static str),
    /// No route matches.
    NoRoute,
    /// `CONNECT`.
    Connect,
    /// A claim does not permit it.
    Denied,
    /// A claim permits it less often.
    Rate,
    /// The request's body is longer than the server takes.
    TooLong,
    /// The request's body stopped coming.
    Stalled,
    /// Every instance is in use, or the host is stopping.
    Busy,
    /// The component's claims have expired, or were revoked, or it is not known whether they were.
    Lapsed,
    /// The component failed before it answered: a trap, `exit`, no memory, a panic, or no answer at all.
    Failed,
    /// The component did not answer by its deadline.
    Deadline,
}

impl Refusal {
    fn status_and_text(self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed(reason) => (StatusCode::BAD_REQUEST, reason),
            Self::NoRoute => (StatusCode::NOT_FOUND, "no route"),
            Self::Connect => (StatusCode::METHOD_NOT_ALLOWED, "CONNECT is not served"),
            Self::Denied => (StatusCode::FORBIDDEN, "not permitted"),
            Self::Rate => (StatusCode::TOO_MANY_REQUESTS, "too many requests"),
            Self::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "the request's body is too long"),
            Self::Stalled => (StatusCode::REQUEST_TIMEOUT, "the request's body did not arrive in time"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Lapsed => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "the component failed"),
            Self::Deadline => (StatusCode::GATEWAY_TIMEOUT, "the component did not answer in time"),
        }
    }

    /// Whether the connection ends with it, because what the client sends next is of no use or cannot be trusted.
    fn closes(self) -> bool {
        matches!(self, Self::Malformed(_) | Self::Connect | Self::TooLong | Self::Stalled)
    }

    pub(super) fn response(self) -> Response<Body> {
        let (status, text) = self.status_and_text();
        let body = Full::from(format!("{text}\n")).map_err(|never| match never {}).boxed_unsync();
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if matches!(self, Self::Busy | Self::Rate) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self == Self::Connect {
            headers
                .insert(http::header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
        }
        if self.closes() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<Busy> for Refusal {
    fn from(busy: Busy) -> Self {
        match busy {
            Busy::Expired | Busy::Suspended | Busy::Revoked => Self::Lapsed,
            _ => Self::Busy,
        }
    }
}

impl From<&Failure> for Refusal {
    fn from(failure: &Failure) -> Self {
        match failure.kind {
            FailureKind::Deadline => Self::Deadline,
            FailureKind::Revoked => Self::Lapsed,
            _ => Self::Failed,
        }
    }
}
