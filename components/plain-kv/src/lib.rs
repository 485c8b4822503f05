//! Counts visits per path, against the published WIT alone: no crate of this project, nothing but wit-bindgen.

mod bindings {
    wit_bindgen::generate!({
        path: [
            "../../wit/deps/wasi-io",
            "../../wit/deps/wasi-clocks",
            "../../wit/deps/wasi-random",
            "../../wit/deps/wasi-filesystem",
            "../../wit/deps/wasi-sockets",
            "../../wit/deps/wasi-cli",
            "../../wit/deps/wasi-http",
            "../../wit/deps/wasi-keyvalue",
        ],
        inline: "
            package demo:plain-kv;
            world plain-kv {
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
                export wasi:http/incoming-handler@0.2.12;
            }
        ",
        generate_all,
    });
}

use bindings::exports::wasi::http::incoming_handler::Guest;
use bindings::wasi::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use bindings::wasi::keyvalue::{atomics, store};

struct PlainKv;

impl Guest for PlainKv {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let asked = request.path_with_query().unwrap_or_default();
        let path = asked.split('?').next().unwrap_or_default();
        let (status, text) = match count(path) {
            Ok(visits) => (200, format!("{path}: {visits}\n")),
            Err(error) => (503, format!("{error:?}\n")),
        };
        respond(out, status, text.as_bytes());
    }
}

bindings::export!(PlainKv with_types_in bindings);

fn count(path: &str) -> Result<u64, store::Error> {
    let bucket = store::open("visits")?;
    atomics::increment(&bucket, &format!("visits{path}"), 1)
}

fn respond(out: ResponseOutparam, status: u16, text: &[u8]) {
    let response = OutgoingResponse::new(Fields::new());
    let _ = response.set_status_code(status);
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("the stream is taken once");
    // One call writes at most 4096 bytes; a path can be longer.
    let written = text.chunks(4096).all(|chunk| stream.blocking_write_and_flush(chunk).is_ok());
    drop(stream);
    if written {
        let _ = OutgoingBody::finish(body, None);
    }
}
