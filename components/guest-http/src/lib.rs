//! What the example guests share to answer HTTP: the bindings of `wasi:http/incoming-handler`, and a few short functions.
//!
//! A component implements [`Guest`] and exports it with [`export!`]:
//!
//! ```text
//! struct Hello;
//! impl guest_http::Guest for Hello {
//!     fn handle(_: IncomingRequest, out: ResponseOutparam) {
//!         guest_http::respond(out, 200, &[], b"hello");
//!     }
//! }
//! guest_http::export!(Hello with_types_in guest_http::bindings);
//! ```

/// What wit-bindgen makes of the WIT.
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package guest:http;
            world server { export wasi:http/incoming-handler@0.2.12; }
        ",
        generate_all,
        pub_export_macro: true,
        default_bindings_module: "guest_http::bindings",
    });
}

pub use bindings::export;
pub use bindings::exports::wasi::http::incoming_handler::Guest;
pub use bindings::wasi::http::types::{IncomingRequest, Method, ResponseOutparam};

use bindings::wasi::http::types::{Fields, IncomingBody, OutgoingBody, OutgoingResponse};
use bindings::wasi::io::streams::{InputStream, OutputStream, StreamError};

/// Sends a whole response. A peer that went away meanwhile is nobody's error.
pub fn respond(out: ResponseOutparam, status: u16, headers: &[(&str, &str)], body: &[u8]) {
    if let Some(mut writer) = start(out, status, headers)
        && writer.write(body).is_ok()
    {
        let _ = writer.finish();
    }
}

/// As [`respond`], for a body that is JSON.
pub fn respond_json(out: ResponseOutparam, status: u16, headers: &[(&str, &str)], body: &[u8]) {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    respond(out, status, &all, body);
}

/// Sends status and headers. `None` when they are no valid response, which has then been reported to the host.
pub fn start(out: ResponseOutparam, status: u16, headers: &[(&str, &str)]) -> Option<Writer> {
    let entries: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    let prepared = Fields::from_list(&entries).ok().map(OutgoingResponse::new).and_then(|response| {
        response.set_status_code(status).ok()?;
        let body = response.body().ok()?;
        Some((response, body))
    });
    let Some((response, body)) = prepared else {
        ResponseOutparam::set(out, Err(bindings::wasi::http::types::ErrorCode::InternalError(None)));
        return None;
    };
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().ok()?;
    Some(Writer { stream, body })
}

/// The body of a response that has been started. Dropped without [`finish`](Writer::finish), it is cut off.
pub struct Writer {
    // Dropped first: a stream is a child of its body.
    stream: OutputStream,
    body: OutgoingBody,
}

impl Writer {
    /// Writes all of `bytes`, waiting for the peer where it must.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), StreamError> {
        while !bytes.is_empty() {
            let allowed = self.stream.check_write()?;
            if allowed == 0 {
                self.stream.subscribe().block();
                continue;
            }
            let now = bytes.len().min(usize::try_from(allowed).unwrap_or(usize::MAX));
            let (head, tail) = bytes.split_at(now);
            self.stream.write(head)?;
            bytes = tail;
        }
        Ok(())
    }

    /// Waits until what was written is on its way.
    pub fn flush(&mut self) -> Result<(), StreamError> {
        self.stream.blocking_flush()
    }

    /// Says that the body is whole.
    pub fn finish(self) -> Result<(), StreamError> {
        self.stream.blocking_flush()?;
        drop(self.stream);
        OutgoingBody::finish(self.body, None).map_err(|_| StreamError::Closed)
    }
}

/// Why there is no request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than the caller accepts.
    TooLong,
    /// It broke off.
    Broken,
}

/// Reads the whole body of a request, if it has at most `limit` bytes.
pub fn read_body(request: &IncomingRequest, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut reader = Reader::new(request).ok_or(BodyError::Broken)?;
    let mut body = Vec::new();
    while let Some(chunk) = reader.read().map_err(|_| BodyError::Broken)? {
        if chunk.len() > limit.saturating_sub(body.len()) {
            return Err(BodyError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The body of a request, a portion at a time.
pub struct Reader {
    // Dropped first: a stream is a child of its body.
    stream: InputStream,
    _body: IncomingBody,
}

impl Reader {
    /// Takes the body of a request; `None` when somebody took it before.
    pub fn new(request: &IncomingRequest) -> Option<Reader> {
        let body = request.consume().ok()?;
        let stream = body.stream().ok()?;
        Some(Reader { stream, _body: body })
    }

    /// The next portion, `None` at the end.
    pub fn read(&mut self) -> Result<Option<Vec<u8>>, StreamError> {
        match self.stream.blocking_read(PORTION) {
            Ok(chunk) => Ok(Some(chunk)),
            Err(StreamError::Closed) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Splits what was asked for into path and query.
pub fn path_and_query(request: &IncomingRequest) -> (String, String) {
    let whole = request.path_with_query().unwrap_or_default();
    match whole.split_once('?') {
        Some((path, query)) => (path.to_owned(), query.to_owned()),
        None => (whole, String::new()),
    }
}

/// The first value of a header, where it is text.
pub fn header(request: &IncomingRequest, name: &str) -> Option<String> {
    let value = request.headers().get(name).into_iter().next()?;
    String::from_utf8(value).ok()
}

/// How much one read asks for.
const PORTION: u64 = 16 * 1024;
