//! Clients that stall, and those that leave.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use writ_tests::{Home, Scratch, Up, guest, http};

fn start(scratch: &Scratch) -> Up {
    Up::start(&Home::shared(), &guest("orders.yaml"), &scratch.data())
}

/// How long a connection on which this was sent is kept, and what came back.
fn kept(up: &Up, sent: &[u8], drip: Option<&[u8]>) -> (Duration, String) {
    let mut connection = http::connect(up.address()).unwrap();
    connection.write_all(sent).unwrap();
    connection.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let (started, mut answer) = (Instant::now(), Vec::new());
    let mut portion = [0; 1024];
    while started.elapsed() < Duration::from_secs(40) {
        match connection.read(&mut portion) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&portion[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        // Who is not heard any more has been cut off.
        if drip.is_some_and(|drip| connection.write_all(drip).is_err()) {
            break;
        }
    }
    (started.elapsed(), String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn who_stalls_is_cut_off() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    let head = b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let body = [&head[..], b"Content-Length: 100\r\n\r\n{"].concat();
    thread::scope(|threads| {
        for (what, sent, drip) in [
            ("nothing", &b""[..], None),
            ("half a head", head, None),
            ("a head without end", head, Some(&b"x: y\r\n"[..])),
            ("half a body", &body, None),
        ] {
            let up = &up;
            threads.spawn(move || {
                let (kept, answer) = kept(up, sent, drip);
                assert!(kept < Duration::from_secs(30), "{what}: {kept:?} {answer}");
                assert!(!answer.starts_with("HTTP/1.1 2"), "{what}: {answer}");
            });
        }
        threads.spawn(|| {
            for _ in 0..100 {
                assert_eq!(up.get("/totals").text(), "{}");
                thread::sleep(Duration::from_millis(50));
            }
        });
    });
    assert_eq!(up.get("/totals").text(), "{}");
}

#[test]
fn an_order_that_breaks_off_is_none() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    let whole = br#"{"customer":"ada","item":"pen","quantity":1,"price_cents":1}"#;
    for end in [0, 1, whole.len() - 1] {
        let mut connection = http::connect(up.address()).unwrap();
        let head = format!("POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", whole.len());
        connection.write_all(head.as_bytes()).unwrap();
        connection.write_all(&whole[..end]).unwrap();
    }
    let mut chunked = http::connect(up.address()).unwrap();
    chunked.write_all(b"POST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    chunked.write_all(&[format!("{:x}\r\n", whole.len()).as_bytes(), whole, b"\r\n"].concat()).unwrap();
    drop(chunked);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(up.post_json("/orders", std::str::from_utf8(whole).unwrap()).json(), json!({ "id": 1 }));
}

#[test]
fn other_ways_to_ask_are_understood() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    let order = r#"{"customer":"ada","item":"pen","quantity":1,"price_cents":1}"#;
    let old = http::send_raw(up.address(), b"GET /totals HTTP/1.0\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!((old.status, old.text().as_str()), (200, "{}"));
    let absolute = b"GET http://a/totals HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(http::send_raw(up.address(), absolute).unwrap().status, 200);

    let head = "POST /orders HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n";
    let mut connection = http::connect(up.address()).unwrap();
    write!(connection, "{head}Content-Length: {}\r\n\r\n", order.len()).unwrap();
    let mut go_on = [0; 25];
    connection.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.write_all(order.as_bytes()).unwrap();
    assert_eq!(http::read(&mut connection).unwrap().status, 201);

    let chunks = format!("1\r\n{}\r\n{:x};extension=1\r\n{}\r\n0\r\n\r\n", &order[..1], order.len() - 1, &order[1..]);
    let head = "POST /orders HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = http::send_raw(up.address(), format!("{head}{chunks}").as_bytes()).unwrap();
    assert_eq!(chunked.status, 201, "{chunked:?}");
}
