//! What the benches call: functions that do nothing, and loops over the host functions that are measured.

mod bindings {
    wit_bindgen::generate!({ path: ["../../wit", "wit"], world: "bench:guest/guest", generate_all });
}

use bindings::exports::bench::guest::calls::{Guest as Calls, Line};
use bindings::wasi::keyvalue::store;
use bindings::wasi::logging0_1_0_draft::logging::{Level, log};
use guest_http::{Guest, IncomingRequest, ResponseOutparam};

struct Bench;

impl Calls for Bench {
    fn nop() {}

    fn echo(text: String) -> String {
        text
    }

    fn bytes(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    fn lines(lines: Vec<Line>) -> Vec<Line> {
        lines
    }

    fn log(times: u32) {
        for _ in 0..times {
            log(Level::Info, "bench", MESSAGE);
        }
    }

    fn put() {
        let bucket = store::open("bench").expect("the bench grants this bucket");
        bucket.set(KEY, MESSAGE.as_bytes()).expect("the bench grants this key");
    }

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
