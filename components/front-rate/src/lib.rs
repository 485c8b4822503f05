//! Lets through as many requests as its setting `requests` says, in as many seconds as `seconds` says, and answers 429 to
//! more. They are counted in its own bucket, so that all its instances share one count.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package demo:front-rate;
            world front-rate {
                import wasi:clocks/wall-clock@0.2.12;
                import wasi:config/store@0.2.0-rc.1;
                import wasi:http/incoming-handler@0.2.12;
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
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

use bindings::wasi::clocks::wall_clock;
use bindings::wasi::config0_2_0_rc_1::store as config;
use bindings::wasi::http::incoming_handler as behind;
use bindings::wasi::keyvalue::atomics;
use bindings::wasi::keyvalue::store::{self, Error};
use guest_http::{Guest, IncomingRequest, ResponseOutparam};

struct Rate;

impl Guest for Rate {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (most, seconds) = (setting("requests", 60), setting("seconds", 60).max(1));
        let now = wall_clock::now().seconds;
        match counted(now / seconds) {
            Ok(count) if count <= most => behind::handle(request, out),
            Ok(_) => {
                let left = (seconds - now % seconds).to_string();
                guest_http::respond(out, 429, &[("retry-after", &left)], b"too many requests\n");
            }
            // Who cannot count lets nobody through.
            Err(_) => guest_http::respond(out, 503, &[("retry-after", "1")], b"requests cannot be counted\n"),
        }
    }
}

guest_http::export!(Rate with_types_in guest_http::bindings);

fn setting(name: &str, default: u64) -> u64 {
    config::get(name).ok().flatten().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Counts a request. The first one of a span of time takes the last span's count away.
fn counted(span: u64) -> Result<u64, Error> {
    let bucket = store::open("requests")?;
    let count = atomics::increment(&bucket, &format!("span/{span}"), 1)?;
    if count == 1 {
        bucket.delete(&format!("span/{}", span.wrapping_sub(1)))?;
    }
    Ok(count)
}
