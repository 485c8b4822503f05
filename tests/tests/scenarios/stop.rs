//! Stopping: what runs may end, nothing new starts, and the exit code says whether all of it ended.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use writ_tests::{Home, Manifest, Scratch, Up, guest, http};

fn hostile(scratch: &Scratch, args: &[&str]) -> Up {
    let manifest = scratch.write("hostile.yaml", Manifest::new("hostile", &guest("hostile.wasm")).to_string());
    Up::start_with(&Home::shared(), &manifest, &scratch.data(), &[&["--log-format", "json"], args].concat())
}

#[track_caller]
fn check_drain(signal: impl Fn(&Up)) {
    let scratch = Scratch::new();
    let up = hostile(&scratch, &[]);
    let address = up.address();
    let sleeper = thread::spawn(move || http::send(address, "GET", "/sleep", &[], b""));
    thread::sleep(Duration::from_millis(300));
    signal(&up);
    // It sleeps past its deadline, and still its request is answered.
    assert_eq!(sleeper.join().unwrap().unwrap().status, 504);
    let (status, lines) = up.ended();
    assert_eq!(status.code(), Some(0), "{}", lines.join("\n"));
    assert!(http::connect(address).is_err(), "somebody still listens");
    hostile(&scratch, &[]).stop();
}

#[test]
fn sigterm_lets_running_requests_end() {
    check_drain(Up::terminate);
}

#[test]
fn ctrl_c_lets_running_requests_end() {
    check_drain(Up::interrupt);
}

#[test]
fn a_body_that_is_half_sent_when_the_signal_comes_is_echoed_whole() {
    let scratch = Scratch::new();
    let up = hostile(&scratch, &[]);
    let mut connection = http::connect(up.address()).unwrap();
    connection.write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst").unwrap();
    thread::sleep(Duration::from_millis(200));
    up.terminate();
    thread::sleep(Duration::from_millis(200));
    connection.write_all(b"-last").unwrap();
    let response = http::read(&mut connection).unwrap();
    assert_eq!((response.status, response.text().as_str(), response.complete), (200, "first-last", true));
    assert_eq!(up.ended().0.code(), Some(0));
}

#[test]
fn an_idle_connection_does_not_keep_a_host_from_stopping() {
    let scratch = Scratch::new();
    let up = hostile(&scratch, &[]);
    let _silent = http::connect(up.address()).unwrap();
    let mut idle = http::connect(up.address()).unwrap();
    idle.write_all(b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(http::read(&mut idle).unwrap().text(), "ok");
    let asked = Instant::now();
    up.stop();
    assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
}

#[test]
fn what_does_not_end_in_time_is_ended_and_the_exit_code_says_so() {
    let scratch = Scratch::new();
    let up = hostile(&scratch, &["--drain", "100ms"]);
    let address = up.address();
    let sleeper = thread::spawn(move || http::send(address, "GET", "/sleep", &[], b""));
    thread::sleep(Duration::from_millis(300));
    let asked = Instant::now();
    up.terminate();
    let (status, lines) = up.ended();
    assert!(asked.elapsed() < Duration::from_millis(1_500), "it took {:?}", asked.elapsed());
    assert_eq!(status.code(), Some(1), "{}", lines.join("\n"));
    drop(sleeper.join().unwrap());
    hostile(&scratch, &[]).stop();
}

#[test]
fn a_second_ctrl_c_does_not_wait() {
    let scratch = Scratch::new();
    let up = hostile(&scratch, &[]);
    let address = up.address();
    let sleeper = thread::spawn(move || http::send(address, "GET", "/sleep", &[], b""));
    thread::sleep(Duration::from_millis(200));
    up.interrupt();
    thread::sleep(Duration::from_millis(200));
    let asked = Instant::now();
    up.interrupt();
    let (status, _) = up.ended();
    assert!(asked.elapsed() < Duration::from_millis(1_000), "it took {:?}", asked.elapsed());
    assert_eq!(status.code(), Some(1));
    drop(sleeper.join().unwrap());
}

#[test]
fn a_signal_while_components_are_compiled_ends_the_start() {
    let scratch = Scratch::new();
    let up = Up::spawn(&Home::shared(), &guest("orders.yaml"), &scratch.data(), &[]);
    writ_tests::eventually("the start", || up.all_lines().iter().any(|line| line.contains("starting")).then_some(()));
    up.terminate();
    let (status, lines) = up.ended();
    let said = lines.join("\n");
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("stopped before anything ran") && !said.contains("deployed"), "{said}");
    hostile(&scratch, &[]).stop();
}
