//! What stands before `bench-guest` in the benches of links: it passes calls on, and calls by itself in a loop.

mod bindings {
    wit_bindgen::generate!({ path: ["../../wit", "../bench-guest/wit"], world: "bench:guest/pass", generate_all });
}

use bindings::bench::guest::calls;
use bindings::exports::bench::guest::{calls as served, drive};
use bindings::wasi::keyvalue::store;
use bindings::wasi::logging0_1_0_draft::logging::{Level, log};

struct Pass;

impl served::Guest for Pass {
    fn nop() {
        calls::nop();
    }

    fn echo(text: String) -> String {
        calls::echo(&text)
    }

    fn bytes(bytes: Vec<u8>) -> Vec<u8> {
        calls::bytes(&bytes)
    }

    fn lines(lines: Vec<served::Line>) -> Vec<served::Line> {
        let lines: Vec<_> = lines.into_iter().map(given).collect();
        calls::lines(&lines).into_iter().map(returned).collect()
    }

    fn log(times: u32) {
        calls::log(times);
    }

    /// It uses its own imports as well: each component of a chain has some.
    fn put() {
        let bucket = store::open("bench").expect("the bench grants this bucket");
        bucket.set("bench/pass", b"passed").expect("the bench grants this key");
        log(Level::Info, "bench", "passed on");
        calls::put();
    }

    fn get(times: u32) -> u64 {
        calls::get(times)
    }
}

impl drive::Guest for Pass {
    fn echo(times: u32) -> u64 {
        repeated(times, || calls::echo(TEXT).len())
    }

    fn bytes(times: u32, size: u32) -> u64 {
        let bytes = vec![7; size as usize];
        repeated(times, || calls::bytes(&bytes).len())
    }

    fn lines(times: u32, count: u32) -> u64 {
        let line = |id: u32| calls::Line { id: id.into(), item: format!("item number {id}"), cents: 100 + id };
        let lines: Vec<_> = (0..count).map(line).collect();
        repeated(times, || calls::lines(&lines).len())
    }
}

/// What the last of so many calls returns.
fn repeated(times: u32, call: impl Fn() -> usize) -> u64 {
    (0..times).fold(0, |_, _| call() as u64)
}

fn given(line: served::Line) -> calls::Line {
    calls::Line { id: line.id, item: line.item, cents: line.cents }
}

fn returned(line: calls::Line) -> served::Line {
    served::Line { id: line.id, item: line.item, cents: line.cents }
}

bindings::export!(Pass with_types_in bindings);

/// 32 bytes.
const TEXT: &str = "a string of exactly 32 bytes....";
