//! One misbehaviour per path, for the tests of the host. `/ok`, `/echo`, `/gather` and `/fields` behave.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package demo:hostile;
            world hostile {
                import wasi:logging/logging@0.1.0-draft;
                import wasi:clocks/monotonic-clock@0.2.12;
            }
        ",
        generate_all,
    });
}

use std::hint::black_box;

use bindings::wasi::clocks::monotonic_clock;
use bindings::wasi::logging0_1_0_draft::logging::{Level, log};
use guest_http::bindings::wasi::http::types::{Fields, Method, OutgoingRequest};
use guest_http::{Guest, IncomingRequest, Reader, ResponseOutparam};

struct Hostile;

impl Guest for Hostile {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (path, _) = guest_http::path_and_query(&request);
        match path.as_str() {
            "/ok" => guest_http::respond(out, 200, &[], b"ok"),
            "/echo" => echo(&request, out),
            "/gather" => gather(&request, out),
            "/trap" => deliberately_trapping_function(),
            "/spin" => spin(),
            "/sleep" => monotonic_clock::subscribe_duration(HOUR).block(),
            "/hog" => hog(),
            "/recurse" => finish_with_number(out, recurse(u64::MAX)),
            "/exit" => std::process::exit(3),
            "/flood-log" => flood_log(out),
            "/big-body" => big_body(out),
            "/half" => half(out),
            "/stdout" => standard_streams(out),
            "/texts" => long_texts(out),
            "/never" => {}
            "/fields" => fields(&request, out),
            _ => guest_http::respond(out, 404, &[], b"no such misbehaviour"),
        }
    }
}

guest_http::export!(Hostile with_types_in guest_http::bindings);

/// The name that a trap's backtrace must show.
#[inline(never)]
fn deliberately_trapping_function() {
    panic!("trapping on purpose");
}

/// Fills requests that are never sent with texts that the host would keep; answers how many of them it took.
fn long_texts(out: ResponseOutparam) {
    let text = "A".repeat(1 << 20);
    let mut kept = Vec::new();
    let mut taken = 0;
    for _ in 0..64 {
        let request = OutgoingRequest::new(Fields::new());
        taken += u64::from(request.set_method(&Method::Other(text.clone())).is_ok());
        taken += u64::from(request.set_authority(Some(&text)).is_ok());
        taken += u64::from(request.set_path_with_query(Some(&format!("/{text}"))).is_ok());
        kept.push(request);
    }
    finish_with_number(out, taken);
}

/// Sends back what comes in, as it comes in.
fn echo(request: &IncomingRequest, out: ResponseOutparam) {
    let Some(mut reader) = Reader::new(request) else {
        return;
    };
    let Some(mut writer) = guest_http::start(out, 200, &[]) else {
        return;
    };
    while let Ok(Some(chunk)) = reader.read() {
        if writer.write(&chunk).is_err() {
            return;
        }
    }
    let _ = writer.finish();
}

/// Sends back what came in, once all of it is there.
fn gather(request: &IncomingRequest, out: ResponseOutparam) {
    match guest_http::read_body(request, MEBIBYTE) {
        Ok(body) => guest_http::respond(out, 200, &[], &body),
        Err(error) => guest_http::respond(out, 400, &[], format!("{error:?}").as_bytes()),
    }
}

/// Says what came: the method, the path, and each field in a line of its own.
fn fields(request: &IncomingRequest, out: ResponseOutparam) {
    let mut text = format!("{:?} {}\n", request.method(), request.path_with_query().unwrap_or_default());
    for (name, value) in request.headers().entries() {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(&value)));
    }
    guest_http::respond(out, 200, &[("x-behind", "hostile")], text.as_bytes());
}

fn spin() {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Takes memory until there is no more, touching every page.
fn hog() {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut block = Vec::new();
        if block.try_reserve_exact(MEBIBYTE).is_err() {
            panic!("memory ended after {} MiB", taken.len());
        }
        block.resize(MEBIBYTE, 1);
        taken.push(black_box(block));
    }
}

/// Too deep for any stack. What follows the call keeps it from becoming a loop.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    match depth {
        0 => 0,
        _ => recurse(depth - 1).wrapping_add(black_box(frame).iter().sum()),
    }
}

fn finish_with_number(out: ResponseOutparam, number: u64) {
    guest_http::respond(out, 200, &[], number.to_string().as_bytes());
}

/// Many lines, one of them long, some with bytes that would break a terminal or forge a line.
fn flood_log(out: ResponseOutparam) {
    log(Level::Error, "flood", &"x".repeat(MEBIBYTE));
    log(Level::Critical, "flood\nforged", "\u{1b}[31mred\u{1b}[0m\r\n2026-01-01T00:00:00Z INFO forged line");
    for line in 0..100_000u32 {
        log(Level::Info, "flood", &format!("line {line}"));
    }
    guest_http::respond(out, 200, &[], b"flooded");
}

fn big_body(out: ResponseOutparam) {
    let Some(mut writer) = guest_http::start(out, 200, &[]) else {
        return;
    };
    let block = vec![b'z'; MEBIBYTE];
    for _ in 0..64 {
        if writer.write(&block).is_err() {
            return;
        }
    }
    let _ = writer.finish();
}

/// Headers and the first half of a body, then a trap.
fn half(out: ResponseOutparam) {
    let Some(mut writer) = guest_http::start(out, 200, &[]) else {
        return;
    };
    let _ = writer.write(b"the first half\n");
    let _ = writer.flush();
    deliberately_trapping_function();
}

fn standard_streams(out: ResponseOutparam) {
    println!("a line on standard output");
    eprintln!("a line on standard error");
    guest_http::respond(out, 200, &[], b"said");
}

/// In nanoseconds.
const HOUR: u64 = 3_600_000_000_000;
const MEBIBYTE: usize = 1024 * 1024;
