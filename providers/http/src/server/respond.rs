//! From a request to its response: check, route, hand over, and send only what a component may.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Scheme, Uri};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;

use super::access::Access;
use super::body::{Promise, RequestBody, ResponseBody};
use super::refusal::Refusal;
use super::{Body, Call, Site};
use crate::pattern::check_path;
use crate::{Host, HostPattern};

/// Answers a request. It never fails: a failure would close the connection without an answer.
pub(super) async fn respond(
    site: Arc<Site>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody<Body>>, Infallible> {
    let mut access = Access::start(peer, &request);
    let method = request.method().clone();
    let response = match answer(&site, request, &mut access).await.and_then(|response| sendable(&method, response)) {
        Ok(response) => response,
        Err(refusal) => refusal.response(),
    };
    access.answered(response.status());
    let promise = Promise::new(&method, response.status(), length(response.headers()));
    let most = site.config.response_body.bytes();
    Ok(response.map(|body| ResponseBody::new(body, most, promise, access)))
}

async fn answer(site: &Site, request: Request<Incoming>, access: &mut Access) -> Result<Response<Body>, Refusal> {
    let (mut head, body) = request.into_parts();
    if head.method == Method::CONNECT {
        return Err(Refusal::Connect);
    }
    let host = one_host(&head.uri, &head.headers)?;
    check_path(head.uri.path()).map_err(Refusal::Malformed)?;
    let handler = site.routed(&host, head.uri.path()).ok_or(Refusal::NoRoute)?;
    access.routed(handler.component());
    let most = site.config.request_body.bytes();
    if body.size_hint().lower() > most {
        return Err(Refusal::TooLong);
    }
    head.uri = origin_form(&head.uri)?;
    let body = RequestBody::new(body, most, site.config.body_idle.duration());
    let fault = body.fault();
    let answered = handler.handle(Call { host, request: Request::from_parts(head, body) }).await;
    // A component that failed over a bad body is not to blame for it.
    answered.map_err(|refusal| fault.refusal().filter(|_| refusal == Refusal::Failed).unwrap_or(refusal))
}

/// The one host a request is for: that of its `Host` field, with which its target must agree.
fn one_host(uri: &Uri, headers: &HeaderMap) -> Result<HostPattern, Refusal> {
    let mut fields = headers.get_all(HOST).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return Err(Refusal::Malformed("a request has one `Host` field"));
    };
    let field = field.to_str().ok().and_then(Host::from_authority);
    let (host, port) = field.ok_or(Refusal::Malformed("`Host` is not a host"))?;
    if let Some(authority) = uri.authority() {
        let same = Host::from_authority(authority.as_str()).is_some_and(|target| target == (host.clone(), port));
        if !same || uri.scheme() != Some(&Scheme::HTTP) {
            return Err(Refusal::Malformed("the request's target and its `Host` disagree"));
        }
    }
    Ok(HostPattern::Exactly(host))
}

/// The target as the component sees it: a path and a query, however it was sent.
fn origin_form(uri: &Uri) -> Result<Uri, Refusal> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let target = if target.starts_with('?') { format!("/{target}") } else { target.to_owned() };
    target.parse().map_err(|_| Refusal::Malformed("the request's target is not a path"))
}

/// A component's response with what a component may not say removed.
fn sendable(method: &Method, mut response: Response<Body>) -> Result<Response<Body>, Refusal> {
    // 1xx are steps on the way to an answer; hyper closes the connection over one.
    if response.status().is_informational() {
        return Err(Refusal::Failed);
    }
    let known = response.body().size_hint().exact();
    let headers = response.headers_mut();
    let ours = headers.get(CONNECTION).is_some_and(|value| value == "close");
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    if ours {
        headers.insert(CONNECTION, http::HeaderValue::from_static("close"));
    }
    // A length that its body is known not to have would end the message elsewhere than it says; hyper writes the right one.
    let stated = length(headers);
    let wrong = stated.is_none() || (method != Method::HEAD && known.is_some_and(|known| Some(known) != stated));
    if wrong {
        headers.remove(CONTENT_LENGTH);
    }
    Ok(response)
}

/// `Content-Length`, if it is there once and is a number.
fn length(headers: &HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok()
}

/// The status of hyper's own answer to what it could not read, as far as it gave one.
pub(super) fn unread(error: &hyper::Error) -> Option<StatusCode> {
    match error {
        error if error.is_parse_too_large() => Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        error if error.is_parse() => Some(StatusCode::BAD_REQUEST),
        error if error.is_timeout() => Some(StatusCode::REQUEST_TIMEOUT),
        _ => None,
    }
}

/// Fields about one connection, which is the server's.
const HOP_BY_HOP: [HeaderName; 6] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];
