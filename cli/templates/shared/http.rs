//! The way from a request of `wasi:http` to a path, and from a text back to a response.

use crate::bindings::wasi::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

/// The path that was asked for, without its query.
pub(crate) fn path(request: &IncomingRequest) -> String {
    let asked = request.path_with_query().unwrap_or_default();
    asked.split('?').next().unwrap_or_default().to_owned()
}

/// Sends a whole response. A client that went away meanwhile is nobody's error.
pub(crate) fn respond(out: ResponseOutparam, status: u16, text: &str) {
    let headers = Fields::new();
    let _ = headers.set("content-type", &[b"text/plain; charset=utf-8".to_vec()]);
    let response = OutgoingResponse::new(headers);
    let _ = response.set_status_code(status);
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("the stream is taken once");
    // One call writes at most 4096 bytes.
    let mut chunks = text.as_bytes().chunks(4096);
    let written = chunks.all(|chunk| stream.blocking_write_and_flush(chunk).is_ok());
    drop(stream);
    if written {
        let _ = OutgoingBody::finish(body, None);
    }
}
