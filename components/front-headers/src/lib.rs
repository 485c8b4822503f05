//! Gives every request a number of its own, `x-request-id`, which whoever is behind it sees and the client is told; and has
//! browsers take an answer for what it says it is. The bodies stream through, in both directions.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package demo:front-headers;
            world front-headers {
                import wasi:http/incoming-handler@0.2.12;
                import wasi:random/random@0.2.12;
                import writ:http/middleware@0.1.0;
            }
        ",
        with: {
            "wasi:http/types@0.2.12": guest_http::bindings::wasi::http::types,
            "wasi:io/error@0.2.12": guest_http::bindings::wasi::io::error,
            "wasi:io/poll@0.2.12": guest_http::bindings::wasi::io::poll,
            "wasi:io/streams@0.2.12": guest_http::bindings::wasi::io::streams,
            "wasi:clocks/monotonic-clock@0.2.12": guest_http::bindings::wasi::clocks::monotonic_clock,
        },
        generate_all,
    });
}

use bindings::wasi::http::incoming_handler as behind;
use bindings::wasi::random::random;
use bindings::writ::http::middleware;
use guest_http::bindings::wasi::http::types::{
    FutureIncomingResponse, HeaderError, IncomingBody, IncomingResponse, OutgoingBody, OutgoingResponse,
};
use guest_http::bindings::wasi::io::streams::StreamError;
use guest_http::{Guest, IncomingRequest, ResponseOutparam};

struct Headers;

impl Guest for Headers {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let id = format!("{:016x}", random::get_random_u64());
        let fields = request.headers().clone();
        if fields.set("x-request-id", &[id.clone().into_bytes()]).is_err() {
            return guest_http::respond(out, 431, &[], b"there are too many fields\n");
        }
        let Ok(request) = middleware::rewritten(request, None, fields) else {
            return guest_http::respond(out, 500, &[], b"");
        };
        let (theirs, arriving) = middleware::intercept();
        behind::handle(request, theirs);
        match arrived(&arriving) {
            Some(response) => pass(&response, &id, out),
            None => guest_http::respond(out, 502, &[("x-request-id", &id)], b"there was no answer\n"),
        }
    }
}

guest_http::export!(Headers with_types_in guest_http::bindings);

/// What was answered, once its head is there.
fn arrived(arriving: &FutureIncomingResponse) -> Option<IncomingResponse> {
    arriving.subscribe().block();
    arriving.get()?.ok()?.ok()
}

/// Sends an answer on, with two more fields.
fn pass(theirs: &IncomingResponse, id: &str, out: ResponseOutparam) {
    let Ok((response, to)) = prepared(theirs, id) else {
        return guest_http::respond(out, 502, &[("x-request-id", id)], b"the answer has too many fields\n");
    };
    ResponseOutparam::set(out, Ok(response));
    // What is cut off here is cut off for the client: a body that is dropped was not finished.
    let _ = theirs.consume().map(|from| stream(from, to));
}

fn prepared(theirs: &IncomingResponse, id: &str) -> Result<(OutgoingResponse, OutgoingBody), HeaderError> {
    let fields = theirs.headers().clone();
    fields.set("x-request-id", &[id.as_bytes().to_vec()])?;
    fields.set("x-content-type-options", &[b"nosniff".to_vec()])?;
    let response = OutgoingResponse::new(fields);
    response.set_status_code(theirs.status()).map_err(|()| HeaderError::InvalidSyntax)?;
    let body = response.body().map_err(|()| HeaderError::InvalidSyntax)?;
    Ok((response, body))
}

/// Passes a body on as it comes, with its trailers. It goes from host to host: nothing of it is in this memory.
fn stream(from: IncomingBody, to: OutgoingBody) -> Result<(), StreamError> {
    {
        let (source, sink) =
            (from.stream().map_err(|()| StreamError::Closed)?, to.write().map_err(|()| StreamError::Closed)?);
        loop {
            match sink.blocking_splice(&source, PORTION) {
                Ok(_) => {}
                Err(StreamError::Closed) => break,
                Err(error) => return Err(error),
            }
        }
    }
    let trailers = IncomingBody::finish(from);
    trailers.subscribe().block();
    let trailers = trailers.get().and_then(Result::ok).and_then(Result::ok).flatten();
    OutgoingBody::finish(to, trailers).map_err(|_| StreamError::Closed)
}

const PORTION: u64 = 64 << 10;
