//! What is sent back.

use guest_http::ResponseOutparam;
use serde_json::json;

/// A status, a header where one is due, and a body of JSON.
pub struct Reply {
    status: u16,
    header: Option<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// JSON as it is.
    pub fn json(status: u16, body: Vec<u8>) -> Reply {
        Reply { status, header: None, body }
    }

    /// An error in words.
    pub fn error(status: u16, reason: &str) -> Reply {
        Reply::json(status, json!({ "error": reason }).to_string().into_bytes())
    }

    /// 404.
    pub fn not_found() -> Reply {
        Reply::error(404, "there is nothing here")
    }

    /// 405, naming the one method that is allowed.
    pub fn method_not_allowed(allowed: &'static str) -> Reply {
        let header = Some(("allow", allowed.to_owned()));
        Reply { header, ..Reply::error(405, "this path does not know that method") }
    }

    /// 201, saying where the order is.
    pub(crate) fn created(id: u64) -> Reply {
        let header = Some(("location", format!("/orders/{id}")));
        Reply { header, ..Reply::json(201, json!({ "id": id }).to_string().into_bytes()) }
    }

    /// Sends it.
    pub fn send(self, out: ResponseOutparam) {
        let headers: Vec<_> = self.header.iter().map(|(name, value)| (*name, value.as_str())).collect();
        guest_http::respond_json(out, self.status, &headers, &self.body);
    }
}
