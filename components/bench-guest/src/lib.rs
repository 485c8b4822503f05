//! What the benches call: functions that do nothing, and loops over the host functions that are measured.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package bench:guest@0.1.0;

            interface calls {
                nop: func();
                echo: func(text: string) -> string;
                log: func(times: u32);
                put: func();
                get: func(times: u32) -> u64;
            }

            world guest {
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:logging/logging@0.1.0-draft;
                export calls;
            }
        ",
        generate_all,
    });
}

use bindings::exports::bench::guest::calls::Guest as Calls;
use bindings::wasi::keyvalue::store;
use bindings::wasi::logging0_1_0_draft::logging::{Level, log};
use guest_http::{Guest, IncomingRequest, ResponseOutparam};

struct Bench;

impl Calls for Bench {
    fn nop() {}

    fn echo(text: String) -> String {
        text
    }

    fn log(times: u32) {
        for _ in 0..times {
            log(Level::Info, "bench", MESSAGE);
        }
    }

    /// Writes what `get` reads.
    fn put() {
        let bucket = store::open("bench").expect("the bench grants this bucket");
        bucket.set(KEY, MESSAGE.as_bytes()).expect("the bench grants this key");
    }

    /// The bytes that were read, so that a read which fails does not pass for a fast one.
    fn get(times: u32) -> u64 {
        let bucket = store::open("bench").expect("the bench grants this bucket");
        let mut bytes = 0;
        for _ in 0..times {
            let value = bucket.get(KEY).expect("the bench grants this key");
            bytes += value.map_or(0, |value| value.len() as u64);
        }
        bytes
    }
}

bindings::export!(Bench with_types_in bindings);

impl Guest for Bench {
    fn handle(_: IncomingRequest, out: ResponseOutparam) {
        guest_http::respond(out, 200, &[("content-type", "text/plain")], b"ok\n");
    }
}

guest_http::export!(Bench with_types_in guest_http::bindings);

/// 32 bytes.
const MESSAGE: &str = "one line of the usual length....";
const KEY: &str = "bench/key";
