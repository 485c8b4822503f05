//! Guests that trap, loop, sleep, grow and flood: each gets its own request a 5xx, and disturbs no other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use writ_tests::http::Response;
use writ_tests::{Home, Line, Manifest, Scratch, Up, guest, http};

/// What its claims allow one call.
const TIME: Duration = Duration::from_secs(2);
const MEBIBYTE: u64 = 1024 * 1024;

fn start(scratch: &Scratch) -> Up {
    let manifest = scratch.write("hostile.yaml", Manifest::new("hostile", &guest("hostile.wasm")).to_string());
    Up::start(&Home::shared(), &manifest, &scratch.data())
}

/// Asks for a misbehaviour, and that the next request is served all the same.
#[track_caller]
fn ask(up: &Up, path: &str) -> (Response, Duration) {
    let asked = Instant::now();
    let response = up.get(path);
    let took = asked.elapsed();
    assert_eq!(up.get("/ok").text(), "ok", "after {path}");
    (response, took)
}

#[track_caller]
fn failure(up: &Up, kind: &str) -> Line {
    let wanted =
        |line: &Line| line.get("target") == "writ::failed" && line.is_from("hostile") && line.get("kind") == kind;
    up.logged(&format!("a failure of kind {kind}"), wanted)
}

#[test]
fn a_trap_is_a_500_and_its_log_names_the_function() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    assert_eq!(ask(&up, "/trap").0.status, 500);
    let line = failure(&up, "Trap");
    assert!(line.get("backtrace").contains("deliberately_trapping_function"), "{line:?}");
    // What it said when it panicked is there, too.
    up.logged("the panic", |line| line.is_from("hostile") && line.get("message").contains("trapping on purpose"));
}

#[test]
fn endless_recursion_and_exit_are_500s() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    assert_eq!(ask(&up, "/recurse").0.status, 500);
    assert!(failure(&up, "Trap").get("backtrace").contains("recurse"));
    assert_eq!(ask(&up, "/exit").0.status, 500);
    assert_eq!(failure(&up, "Exit").get("reason"), "it called exit(1)", "0.2 knows success and failure only");
}

#[test]
fn a_guest_that_never_answers_is_a_500() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    let (answer, took) = ask(&up, "/never");
    assert_eq!(answer.status, 500);
    assert!(took < TIME, "nobody has to wait for what has ended: {took:?}");
}

#[test]
fn memory_ends_at_the_limit() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    let _ = ask(&up, "/ok");
    let before = up.resident();
    for _ in 0..5 {
        assert_eq!(ask(&up, "/hog").0.status, 500);
    }
    failure(&up, "Memory");
    let grown = up.resident().saturating_sub(before);
    assert!(grown < 128 * MEBIBYTE, "the host has grown by {} MiB", grown / MEBIBYTE);
}

#[test]
fn a_loop_ends_by_its_deadline_while_others_are_served() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    let (served, slowest) = (AtomicUsize::new(0), std::sync::Mutex::new(Duration::ZERO));
    let spinning = AtomicBool::new(true);
    thread::scope(|threads| {
        let spinners: Vec<_> = (0..4).map(|_| threads.spawn(|| timed(&up, "/spin"))).collect();
        let others = threads.spawn(|| {
            while spinning.load(Ordering::Relaxed) {
                let (answer, took) = timed(&up, "/ok");
                assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
                served.fetch_add(1, Ordering::Relaxed);
                let mut slowest = slowest.lock().unwrap();
                *slowest = took.max(*slowest);
            }
        });
        for spinner in spinners {
            let (answer, took) = spinner.join().unwrap();
            assert_eq!(answer.status, 504);
            assert!(took >= TIME && took < TIME * 3, "it took {took:?}");
        }
        spinning.store(false, Ordering::Relaxed);
        others.join().unwrap();
    });
    let (served, slowest) = (served.into_inner(), slowest.into_inner().unwrap());
    assert!(served >= 10, "only {served} requests were served meanwhile");
    assert!(slowest < TIME, "one request waited {slowest:?}");
    assert!(failure(&up, "Deadline").get("backtrace").contains("incoming-handler"));
}

fn timed(up: &Up, path: &str) -> (Response, Duration) {
    let asked = Instant::now();
    (up.get(path), asked.elapsed())
}

#[test]
fn long_texts_are_not_kept_in_the_host() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    assert_eq!(ask(&up, "/texts").0.text(), "0");
}

#[test]
fn a_guest_asleep_in_the_host_is_ended_by_its_deadline() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    let (answer, took) = ask(&up, "/sleep");
    assert_eq!(answer.status, 504);
    assert!(took >= TIME && took < TIME + Duration::from_millis(1_500), "it took {took:?}");
    failure(&up, "Deadline");
}

#[test]
fn a_client_that_leaves_ends_its_request() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    let gone = |line: &Line| line.get("target") == "writ::access" && line.get("path") == "/sleep";
    for _ in 0..3 {
        use std::io::Write;
        let mut connection = http::connect(up.address()).unwrap();
        connection.write_all(b"GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        thread::sleep(Duration::from_millis(50));
    }
    let line = up.logged("the requests of clients that left", gone);
    assert_eq!(line.get("aborted"), "true", "{line:?}");
    assert_eq!(up.get("/ok").status, 200);
}

#[test]
fn half_an_answer_is_never_taken_for_a_whole_one() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    for _ in 0..20 {
        // The connection is cut, perhaps before what was written has left.
        if let Ok(answer) = http::send(up.address(), "GET", "/half", &[], b"") {
            assert_eq!((answer.status, answer.complete), (200, false));
            assert!("the first half\n".starts_with(&answer.text()), "{answer:?}");
        }
    }
    assert_eq!(up.get("/ok").text(), "ok");
    failure(&up, "Trap");
    let line = up.logged("the request", |line| line.get("target") == "writ::access" && line.get("path") == "/half");
    assert_eq!(line.get("aborted"), "true", "{line:?}");
}

#[test]
fn bodies_are_streamed_both_ways_byte_for_byte() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    let mut state = 1u32;
    let body: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(5 << 20)
    .collect();
    let answer = up.send("POST", "/echo", &[], &body);
    assert_eq!((answer.status, answer.complete), (200, true));
    assert!(answer.body == body, "{} bytes came back, and not the same", answer.body.len());

    let too_long = up.send("POST", "/echo", &[], &vec![0; 17 << 20]);
    assert!(too_long.status == 413 || !too_long.complete, "{} {}", too_long.status, too_long.body.len());
    assert_eq!(up.get("/ok").status, 200);
}

#[test]
fn a_long_answer_is_whole_or_cut_and_is_not_kept_in_the_host() {
    use std::io::Write;
    let scratch = Scratch::new();
    let up = start(&scratch);
    let (answer, _) = ask(&up, "/big-body");
    assert_eq!(answer.status, 200);
    assert!(!answer.complete || answer.body.len() == 64 << 20, "{} bytes", answer.body.len());
    assert!(answer.body.iter().all(|byte| *byte == b'z'));

    // Who does not read makes the guest wait, not the host grow.
    let before = up.resident();
    let mut slow: Vec<_> = (0..8).map(|_| http::connect(up.address()).unwrap()).collect();
    slow.iter_mut().for_each(|slow| slow.write_all(b"GET /big-body HTTP/1.1\r\nHost: a\r\n\r\n").unwrap());
    thread::sleep(Duration::from_secs(1));
    let grown = up.resident().saturating_sub(before);
    // Each of the eight instances may have its own 32 MiB.
    assert!(grown < 320 * MEBIBYTE, "the host has grown by {} MiB", grown / MEBIBYTE);
    assert_eq!(up.get("/ok").status, 200);
}

#[test]
fn standard_streams_are_lines_of_the_log() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    assert_eq!(ask(&up, "/stdout").0.text(), "said");
    for (stream, text) in [("stdout", "a line on standard output"), ("stderr", "a line on standard error")] {
        let wanted = |line: &Line| line.get("stream") == stream && line.get("message") == text;
        assert!(up.logged(stream, wanted).is_from("hostile"));
    }
}

#[test]
fn a_flood_of_lines_is_cut_to_the_rate_and_forges_nothing() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    let (answer, _) = ask(&up, "/flood-log");
    assert!([200, 504].contains(&answer.status), "{answer:?}");
    let lines = up.stop();
    let written =
        lines.iter().filter_map(|line| Line::parse(line)).filter(|line| line.get("context").starts_with("flood"));
    let written = written.count();
    assert!((3..1_000).contains(&written), "{written} lines of 100,000 at 100/s");
    for line in &lines {
        assert!(line.len() < 64 * 1024, "a line of {} bytes", line.len());
        assert!(Line::parse(line).is_some(), "no JSON: {line:?}");
        assert!(!line.contains(|c: char| c.is_control()), "raw control characters: {line:?}");
    }
    assert!(lines.iter().any(|line| line.contains("forged")), "what it tried is logged as data");
}
