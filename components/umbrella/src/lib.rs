//! A component as an umbrella SDK makes it: it imports far more than it needs. `GET /` uses none of it; the paths below
//! `/use-` each call one of the interfaces, which its claims list empty.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package demo:umbrella;
            world umbrella {
                import wasi:blobstore/types@0.2.0-draft;
                import wasi:blobstore/container@0.2.0-draft;
                import wasi:blobstore/blobstore@0.2.0-draft;
                import wasmcloud:secrets/store@0.1.0-draft;
                import wasmcloud:secrets/reveal@0.1.0-draft;
                import wasi:http/outgoing-handler@0.2.12;
            }
        ",
        generate_all,
    });
}

use bindings::wasi::blobstore::blobstore;
use bindings::wasi::blobstore::types::{IncomingValue, OutgoingValue};
use bindings::wasi::http::outgoing_handler;
use bindings::wasi::http::types::{Fields, OutgoingRequest, Scheme};
use bindings::wasmcloud::secrets::reveal::reveal;
use bindings::wasmcloud::secrets::store::{self, SecretValue};
use guest_http::{Guest, IncomingRequest, ResponseOutparam};

struct Umbrella;

impl Guest for Umbrella {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (path, _) = guest_http::path_and_query(&request);
        let outcome = match path.as_str() {
            "/" => Ok("ok".to_owned()),
            "/use-blob" => use_blob(),
            "/use-secret" => use_secret(),
            "/use-http" => use_http(),
            _ => return guest_http::respond(out, 404, &[], b"there is nothing here"),
        };
        match outcome {
            Ok(text) => guest_http::respond(out, 200, &[], text.as_bytes()),
            Err(reason) => guest_http::respond(out, 502, &[], reason.as_bytes()),
        }
    }
}

guest_http::export!(Umbrella with_types_in guest_http::bindings);

/// Writes an object and reads it back, through all three interfaces.
fn use_blob() -> Result<String, String> {
    let container = blobstore::create_container("c")?;
    let value = OutgoingValue::new_outgoing_value();
    let stream = value.outgoing_value_write_body().map_err(|()| "no stream".to_owned())?;
    stream.blocking_write_and_flush(b"blob").map_err(|error| error.to_string())?;
    drop(stream);
    container.write_data("o", &value)?;
    OutgoingValue::finish(value)?;
    let bytes = IncomingValue::incoming_value_consume_sync(container.get_data("o", 0, 3)?)?;
    Ok(format!("{} bytes", bytes.len()))
}

fn use_secret() -> Result<String, String> {
    let secret = store::get("password").map_err(|error| format!("{error:?}"))?;
    match reveal(&secret) {
        SecretValue::String(text) => Ok(format!("{} characters", text.chars().count())),
        SecretValue::Bytes(bytes) => Ok(format!("{} bytes", bytes.len())),
    }
}

fn use_http() -> Result<String, String> {
    let request = OutgoingRequest::new(Fields::new());
    let set = request.set_scheme(Some(&Scheme::Http)).and_then(|()| request.set_authority(Some("example.com")));
    set.map_err(|()| "no such address".to_owned())?;
    let response = outgoing_handler::handle(request, None).map_err(|error| format!("{error:?}"))?;
    response.subscribe().block();
    match response.get() {
        Some(Ok(Ok(response))) => Ok(response.status().to_string()),
        Some(Ok(Err(error))) => Err(format!("{error:?}")),
        Some(Err(())) | None => Err("no response".to_owned()),
    }
}
