//! What is done wrong with a request and with the right to answer it: used twice, used when it is gone, or never; and
//! answers that are not what their head says.

use guest_http::bindings::wasi::http::types::{ErrorCode, Fields, OutgoingResponse};
use guest_http::{IncomingRequest, Reader, ResponseOutparam};

use crate::bindings::wasi::http::incoming_handler as behind;
use crate::bindings::writ::http::middleware;
use crate::deliberately_trapping_in_front;

pub(crate) fn misbehave(how: &str, request: IncomingRequest, out: ResponseOutparam) {
    match how {
        "set-twice" => set_twice(out),
        "set-error" => ResponseOutparam::set(out, Err(ErrorCode::InternalError(Some("x".repeat(1 << 20))))),
        "set-and-pass" => set_and_pass(request, out),
        "pass-and-set" => pass_and_set(request, out),
        "pass-twice" => pass_twice(request, out),
        "pass-again" => pass_again(request, out),
        "pass-dropped" => pass_dropped(request, out),
        "pass-while-read" => pass_while_read(request, out),
        "swap" => swap(request, out),
        "cross" => cross(request, out),
        "drop" => drop(out),
        "forget" => std::mem::forget(out),
        "set-and-trap" => set_and_trap(out),
        "longer" => of_length(out, b"longer than that"),
        "shorter" => of_length(out, b"sh"),
        "unfinished" => unfinished(out),
        _ => behind::handle(request, out),
    }
}

/// A second owner of one handle, whether the host has it still or not.
fn twin_of_request(request: &IncomingRequest) -> IncomingRequest {
    // SAFETY: a number that is no handle of that type is for the host to refuse: that is what is tested.
    unsafe { IncomingRequest::from_handle(request.handle()) }
}

fn twin(out: &ResponseOutparam) -> ResponseOutparam {
    // SAFETY: as for a request.
    unsafe { ResponseOutparam::from_handle(out.handle()) }
}

fn set_twice(out: ResponseOutparam) {
    let again = twin(&out);
    guest_http::respond(out, 200, &[], b"first");
    guest_http::respond(again, 200, &[], b"second");
}

fn set_and_pass(request: IncomingRequest, out: ResponseOutparam) {
    let again = twin(&out);
    guest_http::respond(out, 200, &[], b"first");
    behind::handle(request, again);
}

fn pass_and_set(request: IncomingRequest, out: ResponseOutparam) {
    let again = twin(&out);
    behind::handle(request, out);
    guest_http::respond(again, 200, &[], b"second");
}

/// The same of both.
fn pass_twice(request: IncomingRequest, out: ResponseOutparam) {
    let again = (twin_of_request(&request), twin(&out));
    behind::handle(request, out);
    behind::handle(again.0, again.1);
}

/// The same request, with another right to answer.
fn pass_again(request: IncomingRequest, out: ResponseOutparam) {
    let again = twin_of_request(&request);
    behind::handle(request, out);
    let (other, _arriving) = middleware::intercept();
    behind::handle(again, other);
}

fn pass_dropped(request: IncomingRequest, out: ResponseOutparam) {
    let again = twin_of_request(&request);
    drop(request);
    behind::handle(again, out);
}

/// What was taken out of the request is still held, and read after it.
fn pass_while_read(request: IncomingRequest, out: ResponseOutparam) {
    let (headers, body) = (request.headers(), Reader::new(&request));
    behind::handle(request, out);
    drop((headers, body.map(|mut body| body.read())));
}

/// Each in the other's place.
fn swap(request: IncomingRequest, out: ResponseOutparam) {
    let (first, second) = (out.take_handle(), request.take_handle());
    // SAFETY: as for a request.
    behind::handle(unsafe { IncomingRequest::from_handle(first) }, unsafe { ResponseOutparam::from_handle(second) });
}

/// Answers at the place where it awaits an answer, and passes on where it did.
fn cross(request: IncomingRequest, out: ResponseOutparam) {
    let (theirs, arriving) = middleware::intercept();
    let again = twin(&theirs);
    ResponseOutparam::set(theirs, Ok(OutgoingResponse::new(Fields::new())));
    drop(arriving);
    drop(out);
    behind::handle(request, again);
}

fn set_and_trap(out: ResponseOutparam) {
    guest_http::respond(out, 200, &[], b"first");
    deliberately_trapping_in_front();
}

/// An answer whose head says that it has five bytes.
fn of_length(out: ResponseOutparam, body: &[u8]) {
    guest_http::respond(out, 200, &[("content-length", "5")], body);
}

/// An answer whose body is begun, and neither finished nor dropped.
fn unfinished(out: ResponseOutparam) {
    if let Some(mut writer) = guest_http::start(out, 200, &[]) {
        let _ = writer.write(b"half");
        let _ = writer.flush();
        std::mem::forget(writer);
    }
}
