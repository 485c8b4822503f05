//! The log: one line an event, structured or for people, and never anything that a terminal obeys.

use std::time::{Duration, Instant};

use writ_tests::{Home, Line, Manifest, Scratch, Up, guest};

fn start(scratch: &Scratch, args: &[&str]) -> Up {
    let manifest = scratch.write("hostile.yaml", Manifest::new("hostile", &guest("hostile.wasm")).to_string());
    Up::start_with(&Home::shared(), &manifest, &scratch.data(), args)
}

/// Everything that this guest can write, and a request that forges a line.
fn provoke(up: &Up) {
    for path in ["/ok", "/trap", "/stdout", "/flood-log", "/exit", "/nowhere"] {
        up.get(path);
    }
    let forged = [("user-agent", "\u{1b}[31mred"), ("host", "a")];
    let _ = writ_tests::http::send(up.address(), "GET", "/ok%1b%0aINFO", &forged, b"");
}

#[test]
fn in_json_every_line_is_an_object_and_a_guests_lines_carry_its_identity() {
    let scratch = Scratch::new();
    let up = start(&scratch, &["--log-format", "json"]);
    provoke(&up);
    let lines = up.stop();
    assert!(lines.len() > 10);
    for text in &lines {
        let line = Line::parse(text).unwrap_or_else(|| panic!("no JSON object: {text:?}"));
        for field in ["time", "level", "target", "message"] {
            assert!(!line.get(field).is_empty() || field == "message", "no {field} in {text}");
        }
        if line.get("target") == "writ::guest" {
            assert!(line.is_from("hostile"), "{text}");
        }
    }
    let accessed = lines.iter().filter_map(|line| Line::parse(line)).find(|line| line.get("path") == "/trap").unwrap();
    assert_eq!((accessed.get("target"), accessed.get("status")), ("writ::access".to_owned(), "500".to_owned()));
    assert!(accessed.get("duration_us").parse::<u64>().is_ok_and(|micros| micros > 0), "{accessed:?}");
}

#[test]
fn in_text_no_line_holds_what_a_terminal_obeys() {
    let scratch = Scratch::new();
    let up = start(&scratch, &["--log-format", "text"]);
    provoke(&up);
    let lines = up.stop();
    assert!(lines.len() > 10);
    for line in &lines {
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
        // Each starts with the host's own time, so a guest's newline has made none of them.
        assert!(line.starts_with("20") && line.chars().nth(10) == Some('T'), "{line:?}");
    }
    let said = lines.iter().find(|line| line.contains("a line on standard output")).expect("the guest's line");
    assert!(said.contains("/hostile") && said.contains("stream=stdout"), "{said}");
    let forged = lines.iter().find(|line| line.contains("forged line")).expect("what it tried is logged");
    assert!(forged.contains("\\u{1b}") && forged.contains("/hostile"), "{forged}");
    let trap = lines.iter().find(|line| line.contains("deliberately_trapping_function")).expect("a backtrace");
    assert!(trap.contains("/hostile"), "{trap}");
}

#[test]
fn errors_are_words_on_stderr_without_colour() {
    for no_colour in [None, Some("1")] {
        let home = Home::shared();
        let mut command = home.command(&["up", "\u{1b}[31mmissing\n.yaml"]);
        no_colour.map(|value| command.env("NO_COLOR", value));
        let stderr = writ_tests::finish(command).refused();
        assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
        assert!(stderr.starts_with("error: "), "{stderr}");
    }
}

#[test]
fn the_least_level_is_a_choice() {
    let scratch = Scratch::new();
    let up = start(&scratch, &["--log-format", "json", "--log-level", "info"]);
    up.get("/trap");
    up.logged("the failure", |line| line.get("level") == "error");
    let lines = up.stop();
    assert!(lines.iter().any(|line| line.contains("writ::access")));
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    let scratch = Scratch::new();
    let manifest = scratch.write("hostile.yaml", Manifest::new("hostile", &guest("hostile.wasm")).to_string());
    let up = Up::start_unread(&Home::shared(), &manifest, &scratch.data(), writ_tests::free_address());
    // A line each, at least: far more than a pipe holds.
    for _ in 0..2_000 {
        assert_eq!(up.get("/ok").status, 200);
    }
    let asked = Instant::now();
    up.terminate();
    let (status, _) = up.ended();
    assert_eq!(status.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(10), "it took {:?}", asked.elapsed());
}
