//! The right to answer a request, in the hands of components that misuse it, before and behind each other: the request ends
//! with an error or with the right answer, whoever misused it is named, and the next request is served.

use std::io::Write;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use writ_tests::http::Response;
use writ_tests::{Line, Stack, Up, eventually, http};

fn three() -> Stack {
    Stack::of(&[("outer", "front-hostile"), ("middle", "front-hostile"), ("inner", "hostile")])
}

/// What a misuse leads to.
#[derive(Clone, Copy)]
enum End {
    /// An error and nothing else, and the component is said to have failed.
    Failed,
    /// As far as it came, what the component answered at first or what is behind it did; and the component failed.
    FailedAfter(&'static str),
    /// An error, of which the guest itself told.
    Told,
    /// An answer that is not whole, and of which nobody is said to have failed.
    Cut,
    /// As many bytes as the head says, and none of those after them.
    Bounded,
}

const MISUSES: &[(&str, End)] = &[
    ("set-twice", End::FailedAfter("first")),
    ("set-error", End::Told),
    ("set-and-pass", End::FailedAfter("first")),
    ("pass-and-set", End::FailedAfter("ok")),
    ("pass-twice", End::FailedAfter("ok")),
    ("pass-again", End::FailedAfter("ok")),
    ("pass-dropped", End::Failed),
    ("pass-while-read", End::Failed),
    ("swap", End::Failed),
    ("cross", End::Failed),
    ("set-and-trap", End::FailedAfter("first")),
    ("longer", End::Bounded),
    ("shorter", End::Cut),
    ("unfinished", End::Cut),
];

fn failures(up: &Up) -> Vec<String> {
    let failed = up.log().into_iter().filter(|line| line.get("target") == "writ::failed");
    failed.map(|line| line.get("component")).collect()
}

/// Asks for a misuse: what came back, if anything did, and who is said to have failed, so many at least. There is room for one request at a
/// time, so the next one is served where nothing is left of this one.
#[track_caller]
fn ask(up: &Up, how: &str, failing: usize) -> (Option<Response>, Vec<String>) {
    let seen = failures(up).len();
    let answer = http::send(up.address(), "POST", "/ok", &[("x-front", how)], b"some body").ok();
    eventually("the next request", || (up.get("/ok").text() == "ok").then_some(()));
    eventually("the failures", || (failures(up).len() >= seen + failing).then_some(()));
    (answer, failures(up).split_off(seen))
}

/// Every misuse by `whose`, which is asked for with this prefix. What is behind it takes no notice of the field.
#[track_caller]
fn misused(stack: &Stack, prefix: &str, whose: &str) {
    let most = if prefix.is_empty() { "2" } else { "3" };
    let (up, _scratch, _home) = stack.start(&["--max-instances", most]);
    for (how, end) in MISUSES {
        let expected = if matches!(end, End::Told | End::Cut | End::Bounded) { &[][..] } else { &[whose] };
        let (answer, failed) = ask(&up, &format!("{prefix}{how}"), expected.len());
        let told = format!("{prefix}{how}: {answer:?} {failed:?}");
        match end {
            End::Failed => assert_eq!(answer.map(|answer| answer.status), Some(500), "{told}"),
            End::FailedAfter(text) => {
                let fits =
                    |answer: Response| answer.status == 500 || answer.status == 200 && text.starts_with(&answer.text());
                assert!(answer.is_none_or(fits), "{told}");
            }
            End::Told => assert_eq!(answer.map(|answer| answer.status), Some(500), "{told}"),
            End::Cut => {
                let is_cut = |answer: Response| answer.status == 200 && !answer.complete && answer.body.len() <= 5;
                assert!(answer.is_none_or(is_cut), "{told}");
            }
            End::Bounded => {
                let fits = |answer: Response| "longe".starts_with(&answer.text());
                assert!(answer.is_none_or(fits), "{told}");
            }
        }
        assert_eq!(failed, expected, "{told}");
    }
    let trap = up.logged("a failure", |line| line.get("target") == "writ::failed");
    assert!(trap.get("kind") == "Trap" && !trap.get("reason").is_empty(), "{trap:?}");
}

#[test]
fn misused_by_who_is_called() {
    misused(&Stack::of(&[("outer", "front-hostile"), ("inner", "hostile")]), "", "mint/outer");
}

#[test]
fn misused_behind_who_passed_it_on() {
    misused(&three(), "behind:", "mint/middle");
}

#[test]
fn misused_behind_who_awaits_the_answer() {
    let (up, _scratch, _home) = three().start(&["--max-instances", "3"]);
    for (how, end) in MISUSES {
        let expected = if matches!(end, End::Told | End::Cut | End::Bounded) { &[][..] } else { &["mint/middle"] };
        let (answer, failed) = ask(&up, &format!("see:{how}"), expected.len());
        let told = format!("{how}: {answer:?} {failed:?}");
        let text = answer.as_ref().map(Response::text).unwrap_or_default();
        let seen = |words: &str| "answered 200".starts_with(&text) || words.starts_with(&text) || text.contains(words);
        // What it says of the failure may be cut, too: the request ends with it.
        let is_right = match end {
            End::Failed | End::Told => seen("failed: ") && !text.contains("answered"),
            End::FailedAfter(_) => seen("failed: "),
            End::Cut | End::Bounded => text == "answered 200",
        };
        assert!(is_right || answer.is_none_or(|answer| answer.status >= 500), "{told}");
        assert_eq!(failed, expected, "{told}");
    }
}

/// Nobody who returned without an answer is taken for the one in front of it.
#[test]
fn who_returns_without_an_answer_is_named() {
    let (up, _scratch, _home) = three().start(&["--max-instances", "3"]);
    let nameless = |line: &Line| line.get("message") == "it returned without a response";
    let (answer, failed) = ask(&up, "drop", 0);
    assert_eq!((answer.map(|answer| answer.status), failed.len()), (Some(500), 0));
    assert_eq!(up.logged("no answer", nameless).get("component"), "mint/outer");
    for how in ["drop", "never", "forget"] {
        let (answer, failed) = ask(&up, &format!("behind:{how}"), 1);
        assert_eq!(answer.map(|answer| answer.status), Some(500), "{how}");
        assert_eq!(failed, ["mint/middle"], "{how}");
        let (answer, failed) = ask(&up, &format!("see:{how}"), 1);
        assert!(answer.unwrap().text().contains("failed: "), "{how}");
        assert_eq!(failed, ["mint/middle"], "{how}");
    }
    assert_eq!(up.get("/never").status, 500);
    eventually("its line", || (failures(&up).last()? == "mint/inner").then_some(()));
    assert_eq!(
        up.log().iter().filter(|line| nameless(line)).count(),
        1,
        "each of the others failed under its own name"
    );
}

/// Leaves in the middle of a small body, before there is an answer: everybody in line ends with it, long before their time.
#[test]
fn a_client_that_leaves_takes_everybody_with_it() {
    for how in ["", "see", "see:see", "length"] {
        let (up, _scratch, _home) = three().within("5m").start(&["--max-instances", "3"]);
        for is_reset in [false, true] {
            let mut connection = http::connect(up.address()).unwrap();
            let head = format!("POST /gather HTTP/1.1\r\nHost: a\r\nx-front: {how}\r\nContent-Length: 10\r\n\r\nhalf");
            connection.write_all(head.as_bytes()).unwrap();
            // All three run, or they would never begin.
            thread::sleep(Duration::from_millis(300));
            assert_eq!(up.get("/ok").status, 503, "{how}: no instance is left");
            if is_reset {
                connection.shutdown(Shutdown::Both).unwrap();
            }
            drop(connection);
            eventually("room", || (up.get("/ok").text() == "ok").then_some(()));
            let answer = up.send("POST", "/gather", &[], b"whole");
            assert_eq!((answer.status, answer.text().as_str()), (200, "whole"), "{how}");
        }
        let failed = failures(&up);
        assert!(failed.is_empty(), "{how}: {failed:?}");
        up.stop();
    }
}
