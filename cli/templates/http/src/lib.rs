//! `GET /NAME` is answered with a greeting. What is said is in `greeting.rs`, which is tested without a host.

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "component", generate_all });
}
mod greeting;
mod http;

use bindings::exports::wasi::http::incoming_handler::Guest;
use bindings::wasi::http::types::{IncomingRequest, ResponseOutparam};

struct Component;

impl Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        match greeting::greeting(&http::path(&request)) {
            Some(text) => http::respond(out, 200, &text),
            None => http::respond(out, 404, "There is nobody of that name.\n"),
        }
    }
}

bindings::export!(Component with_types_in bindings);
