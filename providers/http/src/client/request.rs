//! A guest's request, taken apart, checked, and put together again: nothing of what it wrote reaches the wire unread.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Empty};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;

use super::address::canonical;
use super::body::{Ended, Upload, Uploading};
use super::claim::{ClientRequest, Scheme};
use crate::pattern::{Host, HostPattern};

/// What a request is for, validated.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    method: Method,
    pub(super) scheme: Scheme,
    /// Exactly one host.
    pub(super) host: HostPattern,
    pub(super) port: u16,
    target: PathAndQuery,
}

/// A request that may be put on the wire once it is permitted.
pub(super) struct Outgoing {
    pub(super) destination: Destination,
    pub(super) uploading: Uploading,
    headers: HeaderMap,
    body: Option<WasiBody>,
    has_body: bool,
}

impl Destination {
    /// What the claims are asked about it.
    pub(super) fn asked(&self, address: Option<IpAddr>, size: u64) -> ClientRequest<'_> {
        let (method, path) = (self.method(), self.path());
        ClientRequest { method, scheme: self.scheme, host: &self.host, port: self.port, path, address, size }
    }

    fn new(request: &HostOutgoingRequest) -> Result<Self, ErrorCode> {
        let scheme = match &request.scheme {
            // The interface leaves the choice to the host: the safe one.
            None | Some(types::Scheme::Https) => Scheme::Https,
            Some(types::Scheme::Http) => Scheme::Http,
            Some(types::Scheme::Other(_)) => return Err(ErrorCode::HttpProtocolError),
        };
        let authority = request.authority.as_deref().unwrap_or_default();
        // A name, an IPv4 address of four decimal numbers, or IPv6 in brackets, with a port or without, and nothing else: no
        // user, no final dot, no other spelling that a resolver would take for an address.
        let (host, port) = Host::from_authority(authority).ok_or(ErrorCode::HttpRequestUriInvalid)?;
        let implied = match scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        let port = port.unwrap_or(implied);
        if port == 0 {
            return Err(ErrorCode::HttpRequestUriInvalid);
        }
        let target = target(request.path_with_query.as_deref().unwrap_or("/"))?;
        Ok(Self { method: method(&request.method)?, scheme, host: HostPattern::Exactly(host), port, target })
    }

    /// The `Host` field.
    fn host_field(&self) -> Result<HeaderValue, ErrorCode> {
        let implied = matches!((self.scheme, self.port), (Scheme::Http, 80) | (Scheme::Https, 443));
        let text = if implied { self.host.to_string() } else { format!("{}:{}", self.host, self.port) };
        HeaderValue::try_from(text).map_err(|_| ErrorCode::HttpRequestUriInvalid)
    }

    /// The address, where the host is one.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self.host {
            HostPattern::Exactly(Host::Ip(address)) => Some(canonical(address)),
            _ => None,
        }
    }

    /// The name, where the host is one.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.host {
            HostPattern::Exactly(Host::Name(name)) => Some(name),
            _ => None,
        }
    }

    pub(super) fn method(&self) -> &str {
        self.method.as_str()
    }

    /// The path without its query.
    pub(super) fn path(&self) -> &str {
        self.target.path()
    }

    /// Whether a response to it has no body, whatever its head says.
    pub(super) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }
}

impl Outgoing {
    /// Checks a request and rebuilds it. The body ends with an error if the store ended before the guest finished it.
    pub(super) fn new(request: HostOutgoingRequest, ended: Ended) -> Result<Self, ErrorCode> {
        let destination = Destination::new(&request)?;
        let length = content_length(&request.headers)?;
        if request.body.is_none() && length.is_some_and(|length| length != 0) {
            return Err(ErrorCode::HttpRequestBodySize(Some(0)));
        }
        let mut headers = fields(&request.headers)?;
        headers.insert(header::HOST, destination.host_field()?);
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        let upload = request.body.map(|body| Upload::new(body, ended));
        let uploading = upload.as_ref().map(Upload::uploading).unwrap_or_default();
        let (has_body, body) = (upload.is_some(), upload.map(BodyExt::boxed_unsync));
        Ok(Self { destination, uploading, headers, body, has_body })
    }

    /// The request to send, with its body the first time.
    pub(super) fn request(&mut self) -> Request<WasiBody> {
        let none = || Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync();
        let mut request = Request::new(self.body.take().unwrap_or_else(none));
        *request.method_mut() = self.destination.method.clone();
        // Origin form: hyper writes what it is given, and an authority here would make it absolute.
        *request.uri_mut() = Uri::from(self.destination.target.clone());
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// Whether a server may be sent it twice: it means the same, and there is no body, which can be sent once only.
    pub(super) fn is_repeatable(&self) -> bool {
        let is_idempotent = self.destination.method.is_idempotent();
        is_idempotent && !self.has_body
    }
}

/// A method in capitals. `CONNECT` and `TRACE` are never sent: one makes a tunnel, the other shows what others added.
fn method(method: &types::Method) -> Result<Method, ErrorCode> {
    let method: Method = method.clone().try_into().map_err(|_| ErrorCode::HttpRequestMethodInvalid)?;
    let text = method.as_str();
    if !(1..=32).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') {
        return Err(ErrorCode::HttpRequestMethodInvalid);
    }
    if matches!(method, Method::CONNECT | Method::TRACE) {
        return Err(ErrorCode::HttpRequestDenied);
    }
    Ok(method)
}

/// A path and its query, in origin form.
fn target(written: &str) -> Result<PathAndQuery, ErrorCode> {
    if written.len() > MOST_TARGET {
        return Err(ErrorCode::HttpRequestUriTooLong);
    }
    let rooted =
        if written.is_empty() || written.starts_with('?') { format!("/{written}") } else { written.to_owned() };
    // Two slashes at the start would be an authority to whoever resolves it as a reference.
    let sound = rooted.starts_with('/') && !rooted.starts_with("//");
    let printable = rooted.bytes().all(|b| (0x21..0x7f).contains(&b) && !matches!(b, b'\\' | b'#'));
    match rooted.parse::<PathAndQuery>() {
        Ok(target) if sound && printable && target.as_str() == rooted => Ok(target),
        _ => Err(ErrorCode::HttpRequestUriInvalid),
    }
}

/// The one length of a request's body.
fn content_length(headers: &HeaderMap) -> Result<Option<u64>, ErrorCode> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(length) if values.next().is_none() => Ok(Some(length)),
        _ => Err(ErrorCode::HttpProtocolError),
    }
}

/// The fields that are the guest's to choose.
fn fields(written: &HeaderMap) -> Result<HeaderMap, ErrorCode> {
    let bytes = written.iter().fold(0_usize, |sum, (name, value)| {
        sum.saturating_add(name.as_str().len()).saturating_add(value.len()).saturating_add(4)
    });
    if written.len() > MOST_FIELDS || bytes > MOST_FIELD_BYTES {
        return Err(ErrorCode::HttpRequestHeaderSectionSize(u32::try_from(bytes).ok()));
    }
    let guests = written.iter().filter(|(name, _)| !is_hosts(name));
    Ok(guests.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Whether a field is about the connection or its framing, which are the host's.
fn is_hosts(name: &HeaderName) -> bool {
    HOSTS_FIELDS.contains(&name.as_str()) || name.as_str().starts_with("proxy-")
}

/// Bytes of a path with its query.
const MOST_TARGET: usize = 8 << 10;
const MOST_FIELDS: usize = 100;
const MOST_FIELD_BYTES: usize = 64 << 10;
const HOSTS_FIELDS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn path(written: &str, sent: Option<&str>) {
        assert_eq!(target(written).ok().as_ref().map(PathAndQuery::as_str), sent, "{written:?}");
    }

    #[test]
    fn targets() {
        path("", Some("/"));
        path("?a=b", Some("/?a=b"));
        path("/a/b?c=d%20e&f", Some("/a/b?c=d%20e&f"));
        path("/a/../b%2fc;d", Some("/a/../b%2fc;d"));
        path("/a?b=http://c/", Some("/a?b=http://c/"));
        for odd in [
            "*",
            "a",
            "//a",
            "http://a/",
            "/a b",
            "/a\r\nHost: b",
            "/a#b",
            "/a\\b",
            "/\u{e9}",
            "/a\0",
            "\t/",
            "@a/",
            ":80/",
        ] {
            path(odd, None);
        }
        assert!(matches!(target(&format!("/{}", "a".repeat(MOST_TARGET))), Err(ErrorCode::HttpRequestUriTooLong)));
    }

    #[test]
    fn methods() {
        let other = |text: &str| method(&types::Method::Other(text.to_owned())).map(|m| m.to_string());
        assert_eq!(other("REPORT").unwrap(), "REPORT");
        assert_eq!(method(&types::Method::Patch).unwrap(), Method::PATCH);
        for text in ["CONNECT", "TRACE"] {
            assert!(matches!(other(text), Err(ErrorCode::HttpRequestDenied)), "{text}");
        }
        for text in ["connect", "Trace", "GET ", "", "G\r\nT", "M!", &"A".repeat(33)] {
            assert!(matches!(other(text), Err(ErrorCode::HttpRequestMethodInvalid)), "{text}");
        }
        assert!(matches!(method(&types::Method::Connect), Err(ErrorCode::HttpRequestDenied)));
    }

    #[track_caller]
    fn length(values: &[&str], expected: Option<Option<u64>>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CONTENT_LENGTH, HeaderValue::try_from(*value).unwrap());
        }
        assert_eq!(content_length(&headers).ok(), expected, "{values:?}");
    }

    #[test]
    fn lengths() {
        length(&[], Some(None));
        length(&["12"], Some(Some(12)));
        for odd in ["+1", "-1", "1,1", "", "0x1", "1 ", "99999999999999999999"] {
            length(&[odd], None);
        }
        length(&["5", "5"], None);
    }

    #[test]
    fn the_connection_is_the_hosts() {
        let mut headers = HeaderMap::new();
        for name in HOSTS_FIELDS.iter().chain(&["proxy-authorization", "proxy-anything"]) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("x"));
        let kept: Vec<_> = fields(&headers).unwrap().keys().map(ToString::to_string).collect();
        assert_eq!(kept, ["authorization"]);
    }
}
