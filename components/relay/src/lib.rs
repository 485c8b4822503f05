//! Sends requests for others: `/fetch?url=http://HOST:PORT/PATH` is sent on with the method it came with, without a body. What
//! comes back is the server's status, `location` and body, or 502 with the name of the error.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package demo:relay;
            world relay { import wasi:http/outgoing-handler@0.2.12; }
        ",
        generate_all,
    });
}

use bindings::wasi::http::outgoing_handler;
use bindings::wasi::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme, http_error_code,
};
use bindings::wasi::io::streams::StreamError;
use guest_http::{Guest, IncomingRequest, ResponseOutparam};

struct Relay;

impl Guest for Relay {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (path, query) = guest_http::path_and_query(&request);
        let Some(url) = query.strip_prefix("url=").filter(|_| path == "/fetch") else {
            return guest_http::respond(out, 404, &[], b"say /fetch?url=http://HOST/PATH");
        };
        match fetch(method(request.method()), url) {
            Ok(Answer { status, location, body }) => {
                let headers: Vec<_> = location.iter().map(|location| ("location", location.as_str())).collect();
                guest_http::respond(out, status, &headers, &body);
            }
            Err(error) => guest_http::respond(out, 502, &[], format!("{error:?}").as_bytes()),
        }
    }
}

guest_http::export!(Relay with_types_in guest_http::bindings);

/// What a server said.
struct Answer {
    status: u16,
    location: Option<String>,
    body: Vec<u8>,
}

fn fetch(method: Method, url: &str) -> Result<Answer, ErrorCode> {
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    let (scheme, rest) = url.split_once("://").ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    let request = OutgoingRequest::new(Fields::new());
    request.set_method(&method).map_err(invalid)?;
    request.set_scheme(Some(&scheme)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(path)).map_err(invalid)?;
    // No body was asked for, so there is none to finish, but for a method that always has one.
    if matches!(method, Method::Post) {
        let body = request.body().map_err(invalid)?;
        OutgoingBody::finish(body, None)?;
    }
    let coming = outgoing_handler::handle(request, None)?;
    coming.subscribe().block();
    let unanswered = || ErrorCode::InternalError(None);
    read(coming.get().ok_or_else(unanswered)?.map_err(|()| unanswered())??)
}

fn read(response: IncomingResponse) -> Result<Answer, ErrorCode> {
    let location = response.headers().get("location").into_iter().next();
    let location = location.and_then(|value| String::from_utf8(value).ok());
    let body = whole(response.consume().map_err(|()| ErrorCode::InternalError(None))?)?;
    Ok(Answer { status: response.status(), location, body })
}

fn whole(incoming: IncomingBody) -> Result<Vec<u8>, ErrorCode> {
    let stream = incoming.stream().map_err(|()| ErrorCode::InternalError(None))?;
    let mut body = Vec::new();
    loop {
        match stream.blocking_read(PORTION) {
            Ok(chunk) => body.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(body),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(http_error_code(&error).unwrap_or(ErrorCode::InternalError(None)));
            }
        }
    }
}

fn method(method: guest_http::Method) -> Method {
    match method {
        guest_http::Method::Get => Method::Get,
        guest_http::Method::Head => Method::Head,
        guest_http::Method::Post => Method::Post,
        guest_http::Method::Delete => Method::Delete,
        _ => Method::Options,
    }
}

/// How much one read asks for.
const PORTION: u64 = 16 * 1024;
