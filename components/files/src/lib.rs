//! Serves the files of a folder: `GET /a/b` answers what is in `/data/a/b`, and a header what the variable `GREETING` says.
//! `PUT` writes one, where it may.

use std::fs;
use std::io::ErrorKind;

use guest_http::{Guest, IncomingRequest, Method, ResponseOutparam};

struct Files;

impl Guest for Files {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (path, _) = guest_http::path_and_query(&request);
        let path = format!("/data{path}");
        let done = match request.method() {
            Method::Put => fs::write(path, "written\n").map(|()| Vec::new()),
            _ => fs::read(path),
        };
        let greeting = std::env::var("GREETING").unwrap_or_default();
        let (status, body) = match done {
            Ok(body) => (200, body),
            Err(error) if error.kind() == ErrorKind::NotFound => (404, Vec::new()),
            Err(error) => (403, format!("{:?}\n", error.kind()).into_bytes()),
        };
        guest_http::respond(out, status, &[("x-greeting", &greeting)], &body);
    }
}

guest_http::export!(Files with_types_in guest_http::bindings);
