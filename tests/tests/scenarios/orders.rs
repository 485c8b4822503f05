//! The example application does its work, and refuses what it should.

use serde_json::json;
use writ_tests::{Home, Scratch, Up, eventually, guest, http};

const BOOK: &str = r#"{"customer":"ada","item":"book","quantity":2,"price_cents":150}"#;

fn start(scratch: &Scratch) -> Up {
    Up::start(&Home::shared(), &guest("orders.yaml"), &scratch.data())
}

#[test]
fn an_order_is_taken_read_back_and_counted() {
    let scratch = Scratch::new();
    let up = start(&scratch);

    let created = up.post_json("/orders", BOOK);
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("location"), Some("/orders/1"));
    assert_eq!(created.header("content-type"), Some("application/json"));
    assert_eq!(created.json(), json!({ "id": 1 }));

    let read = up.get("/orders/1");
    assert_eq!(read.status, 200);
    let order = json!({"id":1,"customer":"ada","item":"book","quantity":2,"price_cents":150,"total_cents":300});
    assert_eq!(read.json(), order);

    eventually("the total", || (up.get("/totals").json() == json!({ "ada": 300 })).then_some(()));
}

#[test]
fn what_is_no_order_is_refused() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    for body in [
        "",
        "[]",
        "{\"customer\":\"ada\"}",
        r#"{"customer":"","item":"a","quantity":1,"price_cents":1}"#,
        r#"{"customer":"a","item":"a","quantity":0,"price_cents":1}"#,
        r#"{"customer":"a","item":"a","quantity":1,"price_cents":-1}"#,
        r#"{"customer":"a","item":"a","quantity":1,"price_cents":1,"x":1}"#,
    ] {
        let answer = up.post_json("/orders", body);
        assert_eq!((answer.status, answer.json()["error"].is_string()), (400, true), "{body}: {answer:?}");
    }
    assert_eq!(up.send("POST", "/orders", &[], b"{\"customer\":\"\xff\"}").status, 400);
    assert_eq!(up.post_json("/orders", &" ".repeat(70_000)).status, 413);
    assert_eq!(up.send("POST", "/orders", &[("content-type", "text/plain")], BOOK.as_bytes()).status, 415);
    assert_eq!(up.get("/totals").json(), json!({}), "nothing of that was an order");
}

#[test]
fn what_is_not_there_is_a_404_and_what_is_not_done_a_405() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    for (method, path, expected) in [
        ("GET", "/orders", 405),
        ("DELETE", "/orders/1", 405),
        ("PUT", "/totals", 405),
        ("GET", "/orders/1", 404),
        ("GET", "/orders/01", 404),
        ("GET", "/orders/x", 404),
        ("GET", "/orders/18446744073709551616", 404),
        ("GET", "/ordersx", 404),
        ("GET", "/", 404),
    ] {
        let answer = up.send(method, path, &[], b"");
        assert_eq!(answer.status, expected, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("allow").is_some(), expected == 405, "{method} {path}");
    }
}

#[test]
fn a_request_with_two_readings_is_refused_before_any_component_sees_it() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    let cases: &[(&str, u16)] = &[
        ("GET /orders/../totals HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /orders/..%2ftotals HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /orders/%2e%2e/totals HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET //totals HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /orders\\1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /totals HTTP/1.1\r\n\r\n", 400),
        ("GET /totals HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405),
        ("POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        ("POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("nonsense\r\n\r\n", 400),
    ];
    for (bytes, expected) in cases {
        match http::send_raw(up.address(), bytes.as_bytes()) {
            Ok(response) => assert_eq!(response.status, *expected, "{bytes:?}: {}", response.text()),
            // Closing without an answer says no, too.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{bytes:?}: {error}"),
        }
    }
    let head = format!("GET /totals HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n", "x".repeat(200_000));
    if let Ok(response) = http::send_raw(up.address(), head.as_bytes()) {
        assert_eq!(response.status, 431);
    }
    assert_eq!(up.get("/totals").json(), json!({}));
}

#[test]
fn concurrent_orders_get_numbers_of_their_own_and_none_is_lost() {
    let scratch = Scratch::new();
    let up = start(&scratch);
    let place = |number: usize| {
        let customer = ["ada", "bob", "eve"][number % 3];
        let order = json!({"customer": customer, "item": "pen", "quantity": 1, "price_cents": number + 1});
        let response = up.post_json("/orders", &order.to_string());
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()["id"].as_u64().unwrap()
    };
    let mut ids: Vec<u64> = std::thread::scope(|threads| {
        let placed: Vec<_> = (0..50).map(|number| threads.spawn(move || place(number))).collect();
        placed.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    ids.sort_unstable();
    assert_eq!(ids, (1..=50).collect::<Vec<u64>>());

    let sum = |customer: usize| (0..50).filter(|number| number % 3 == customer).map(|number| number + 1).sum::<usize>();
    let totals = json!({ "ada": sum(0), "bob": sum(1), "eve": sum(2) });
    eventually("the totals", || (up.get("/totals").json() == totals).then_some(()));
}

#[test]
fn a_connection_serves_one_request_after_another() {
    use std::io::Write;
    let scratch = Scratch::new();
    let up = start(&scratch);
    let mut connection = http::connect(up.address()).unwrap();
    for _ in 0..5 {
        connection.write_all(b"GET /totals HTTP/1.1\r\nHost: shop.example\r\n\r\n").unwrap();
        let response = http::read(&mut connection).unwrap();
        assert_eq!((response.status, response.text().as_str(), response.complete), (200, "{}", true));
    }
}
