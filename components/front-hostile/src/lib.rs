//! One misbehaviour per value of the field `x-front`, for the tests of the host, in front of another component. Without that
//! field it passes requests on; `behind:HOW` passes one on for the next to misbehave in that way, and `see:HOW` tells what
//! came of it. What [`hops`] do at the end of their way it does in front, too.

mod answers;

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package demo:front-hostile;
            world front-hostile {
                import wasi:http/incoming-handler@0.2.12;
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
use bindings::writ::http::middleware;
use guest_http::bindings::wasi::http::types::Fields;
use guest_http::{Guest, IncomingRequest, Reader, ResponseOutparam};
use hops::task;

struct Hostile;

impl Guest for Hostile {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let asked = guest_http::header(&request, "x-front").unwrap_or_default();
        match asked.split_once(':').unwrap_or((&asked, "")) {
            ("never", _) => {}
            ("rewrite-consumed", _) => rewrite_consumed(request, out),
            ("pass-consumed", _) => pass_consumed(request, out),
            ("path", path) => rewrite(request, out, path),
            ("length", _) => another_length(request, out),
            ("intercept-many", _) => intercept_many(),
            ("intercept-wait", _) => drop(wait(middleware::intercept())),
            ("intercept-drop", _) => intercept_drop(out),
            ("ignore", _) => ignore(request, out),
            ("see", "") => see(request, out),
            ("see", how) => see(asking(request, how), out),
            ("behind", how) => behind::handle(asking(request, how), out),
            ("trap-after", _) => trap_after(request, out),
            ("bucket" | "subject" | "host" | "log", _) => attempt(&asked, out),
            (how, _) => answers::misbehave(how, request, out),
        }
    }
}

guest_http::export!(Hostile with_types_in guest_http::bindings);

type Intercepted = (ResponseOutparam, guest_http::bindings::wasi::http::types::FutureIncomingResponse);

fn rewrite_consumed(request: IncomingRequest, out: ResponseOutparam) {
    let body = request.consume();
    let told = match middleware::rewritten(request, None, Fields::new()) {
        Ok(_) => "rewritten".to_owned(),
        Err(unfit) => format!("{unfit:?}"),
    };
    drop(body);
    guest_http::respond(out, 200, &[], told.as_bytes());
}

fn pass_consumed(request: IncomingRequest, out: ResponseOutparam) {
    let _body = Reader::new(&request);
    behind::handle(request, out);
}

fn rewrite(request: IncomingRequest, out: ResponseOutparam, path: &str) {
    let fields = request.headers().clone();
    match middleware::rewritten(request, Some(path), fields) {
        Ok(request) => behind::handle(request, out),
        Err(unfit) => guest_http::respond(out, 200, &[], format!("{unfit:?}").as_bytes()),
    }
}

/// The request, for whoever is next to misbehave.
fn asking(request: IncomingRequest, how: &str) -> IncomingRequest {
    let fields = request.headers().clone();
    let _ = fields.set("x-front", &[how.as_bytes().to_vec()]);
    middleware::rewritten(request, None, fields).unwrap_or_else(|_| deliberately_trapping_in_front())
}

/// Says of a body that it is longer than it is.
fn another_length(request: IncomingRequest, out: ResponseOutparam) {
    let fields = request.headers().clone();
    let _ = fields.set("content-length", &[b"1000000".to_vec()]);
    if let Ok(request) = middleware::rewritten(request, None, fields) {
        behind::handle(request, out);
    }
}

fn intercept_many() {
    let mut all = Vec::new();
    loop {
        all.push(middleware::intercept());
    }
}

/// Waits for an answer that nobody was asked for.
fn wait(intercepted: Intercepted) -> Intercepted {
    intercepted.1.subscribe().block();
    intercepted
}

fn intercept_drop(out: ResponseOutparam) {
    let (theirs, arriving) = middleware::intercept();
    drop(theirs);
    arriving.subscribe().block();
    let told = format!("{:?}", arriving.get().map(|arrived| arrived.map(|answer| answer.err())));
    guest_http::respond(out, 200, &[], told.as_bytes());
}

/// Passes on, and answers without a look at what comes of that.
fn ignore(request: IncomingRequest, out: ResponseOutparam) {
    let (theirs, _arriving) = middleware::intercept();
    behind::handle(request, theirs);
    guest_http::respond(out, 200, &[], b"mine");
}

/// Tells what comes of passing on.
fn see(request: IncomingRequest, out: ResponseOutparam) {
    let (theirs, arriving) = middleware::intercept();
    behind::handle(request, theirs);
    arriving.subscribe().block();
    let told = match arriving.get() {
        Some(Ok(Ok(response))) => format!("answered {}", response.status()),
        other => format!("failed: {:?}", other.map(|arrived| arrived.map(|answer| answer.err()))),
    };
    guest_http::respond(out, 200, &[], told.as_bytes());
}

fn trap_after(request: IncomingRequest, out: ResponseOutparam) {
    behind::handle(request, out);
    deliberately_trapping_in_front();
}

#[inline(never)]
fn deliberately_trapping_in_front() -> ! {
    std::process::abort()
}

/// Tries what claims may refuse.
fn attempt(what: &str, out: ResponseOutparam) {
    let outcome = task::done(&task::parse(what));
    guest_http::respond(out, 200, &[], task::told(outcome.as_ref()).unwrap_or_default().as_bytes());
}
