//! Lets through who brings the token of its setting `token` (`Authorization: Bearer …`), and answers 401 to the others.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package demo:front-token;
            world front-token {
                import wasi:config/store@0.2.0-rc.1;
                import wasi:http/incoming-handler@0.2.12;
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

use bindings::wasi::config0_2_0_rc_1::store;
use bindings::wasi::http::incoming_handler as behind;
use guest_http::{Guest, IncomingRequest, ResponseOutparam};

struct Token;

impl Guest for Token {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let wanted = store::get("token").ok().flatten().filter(|token| !token.is_empty());
        let brought = guest_http::header(&request, "authorization");
        let brought = brought.as_deref().and_then(|value| value.strip_prefix("Bearer "));
        match wanted.zip(brought) {
            Some((wanted, brought)) if same(wanted.as_bytes(), brought.as_bytes()) => behind::handle(request, out),
            _ => guest_http::respond(out, 401, &[("www-authenticate", "Bearer")], b"a token is needed\n"),
        }
    }
}

guest_http::export!(Token with_types_in guest_http::bindings);

/// Whether both are the same, in a time that does not tell how much of them is.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}
