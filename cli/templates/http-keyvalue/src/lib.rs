//! `GET /NAME` is answered with how often it was asked. What is counted and said is in `visits.rs`, which is tested
//! without a host.

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "component", generate_all });
}
mod http;
mod visits;

use bindings::exports::wasi::http::incoming_handler::Guest;
use bindings::wasi::http::types::{IncomingRequest, ResponseOutparam};
use bindings::wasi::keyvalue::{atomics, store};

struct Component;

impl Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = http::path(&request);
        let Some(name) = visits::name(&path) else {
            return http::respond(out, 404, "There is nobody of that name.\n");
        };
        match count(name) {
            Ok(visits) => http::respond(out, 200, &visits::text(name, visits)),
            Err(error) => http::respond(out, 503, &format!("{error:?}\n")),
        }
    }
}

bindings::export!(Component with_types_in bindings);

/// Counts one more visit. Increments are atomic: two requests at once are two visits.
fn count(name: &str) -> Result<u64, store::Error> {
    let bucket = store::open(BUCKET)?;
    atomics::increment(&bucket, &visits::key(name), 1)
}

/// The bucket that `writ.yaml` claims.
const BUCKET: &str = "project-name";
