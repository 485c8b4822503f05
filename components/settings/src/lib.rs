//! Reads settings through both published versions of `wasi:config`, and logs through `wasi:logging` without a version, as
//! components of different ages do: `GET /KEY` answers what each of the two says.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package demo:settings;
            world settings {
                import wasi:config/store@0.2.0-rc.1;
                import wasi:config/runtime@0.2.0-draft;
                import wasi:logging/logging;
            }
        ",
        generate_all,
    });
}

use bindings::wasi::config0_2_0_draft::runtime;
use bindings::wasi::config0_2_0_rc_1::store;
use bindings::wasi::logging::logging::{Level, log};
use guest_http::{Guest, IncomingRequest, ResponseOutparam};

struct Settings;

impl Guest for Settings {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (path, _) = guest_http::path_and_query(&request);
        let key = path.trim_start_matches('/');
        log(Level::Info, "settings", &format!("asked for {key}"));
        let text = if key.is_empty() { all() } else { one(key) };
        guest_http::respond(out, 200, &[], text.as_bytes());
    }
}

guest_http::export!(Settings with_types_in guest_http::bindings);

/// A line for each interface: the value of one key.
fn one(key: &str) -> String {
    format!("store: {:?}\nruntime: {:?}\n", store::get(key), runtime::get(key))
}

/// A line for each interface: everything it shows.
fn all() -> String {
    format!("store: {:?}\nruntime: {:?}\n", store::get_all(), runtime::get_all())
}
