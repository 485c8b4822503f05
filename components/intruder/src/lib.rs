//! The order service's code under claims that do not allow what it does, and one path more: `GET /probe?bucket=NAME` tries
//! any bucket and says what came of it.

use guest_http::{Guest, IncomingRequest, Method, ResponseOutparam};
use orders_core::Reply;
use orders_core::bindings::wasi::keyvalue::store::{self, Error};

struct Intruder;

impl Guest for Intruder {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (path, query) = guest_http::path_and_query(&request);
        match (path.as_str(), request.method()) {
            ("/probe", Method::Get) => probe(&query).send(out),
            ("/probe", _) => Reply::method_not_allowed("GET").send(out),
            _ => orders_core::handle(&request, out),
        }
    }
}

guest_http::export!(Intruder with_types_in guest_http::bindings);

/// Opens a bucket, writes a key and reads it back, and reports the first step that failed.
fn probe(query: &str) -> Reply {
    let Some(bucket) = query.split('&').find_map(|pair| pair.strip_prefix("bucket=")) else {
        return Reply::error(400, "say ?bucket=NAME");
    };
    let (step, outcome) = match attempt(bucket) {
        Ok(()) => ("all", "ok".to_owned()),
        Err((step, error)) => (step, word(error)),
    };
    let report = serde_json::json!({ "bucket": bucket, "step": step, "outcome": outcome });
    Reply::json(200, report.to_string().into_bytes())
}

fn attempt(bucket: &str) -> Result<(), (&'static str, Error)> {
    let bucket = store::open(bucket).map_err(|error| ("open", error))?;
    bucket.set("order/1", b"mine now").map_err(|error| ("set", error))?;
    bucket.get("order/1").map_err(|error| ("get", error))?;
    Ok(())
}

fn word(error: Error) -> String {
    match error {
        Error::AccessDenied => "access-denied".to_owned(),
        Error::NoSuchStore => "no-such-store".to_owned(),
        Error::Other(reason) => reason,
    }
}
