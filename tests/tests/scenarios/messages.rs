//! Messages, settings, and what a guest sees of each.

use std::thread;

use serde_json::json;
use writ_tests::{Home, Manifest, Scratch, Up, eventually, guest};

#[test]
fn a_request_is_answered_by_whoever_subscribed() {
    let scratch = Scratch::new();
    let image = guest("courier.wasm");
    let manifest = Manifest { subscriptions: Some("courier.>"), ..Manifest::new("courier", &image) };
    let text = manifest.to_string().replace("path: /", "path: /request");
    let up = Up::start(&Home::shared(), &scratch.write("courier.yaml", text), &scratch.data());

    let answer = up.send("POST", "/request/courier.echo", &[], b"hello");
    assert_eq!((answer.status, answer.text().as_str()), (200, "courier.echo: hello"));
    let answer = up.send("POST", "/request/courier.a.b.c", &[], b"");
    assert_eq!((answer.status, answer.text().as_str()), (200, "courier.a.b.c: "));
    for outside in ["other.echo", "courier", "courierx.a", "*", "courier.*", "courier..a", "%20", "$SYS.a"] {
        let answer = up.send("POST", &format!("/request/{outside}"), &[], b"hello");
        assert_eq!(answer.status, 502, "{outside}: {answer:?}");
    }
    let refused = up.send("POST", "/request/other.echo", &[], b"hello");
    assert!(refused.text().starts_with("access-denied"), "{refused:?}");
}

#[test]
fn a_request_that_nobody_answers_fails_in_time() {
    let scratch = Scratch::new();
    let image = guest("courier.wasm");
    let text = Manifest::new("courier", &image).to_string().replace("path: /", "path: /request");
    let up = Up::start(&Home::shared(), &scratch.write("courier.yaml", text), &scratch.data());
    let asked = std::time::Instant::now();
    let answer = up.send("POST", "/request/courier.echo", &[], b"hello");
    assert_eq!(answer.status, 502, "{answer:?}");
    assert!(asked.elapsed().as_millis() < 3_000, "{:?}", asked.elapsed());
}

#[test]
fn a_component_reads_the_settings_its_claims_name_and_no_other() {
    let scratch = Scratch::new();
    let image = guest("settings.wasm");
    let config: &[(&str, &str)] = &[("greeting", "hello"), ("password", "hunter2")];
    let manifest = Manifest { config, ..Manifest::new("settings", &image) }.to_string();
    let up = Up::start(&Home::shared(), &scratch.write("settings.yaml", manifest), &scratch.data());
    for (path, expected) in [
        ("/greeting", "store: Ok(Some(\"hello\"))\nruntime: Ok(Some(\"hello\"))\n"),
        ("/colour", "store: Ok(None)\nruntime: Ok(None)\n"),
        ("/password", "store: Ok(None)\nruntime: Ok(None)\n"),
        ("/", "store: Ok([(\"greeting\", \"hello\")])\nruntime: Ok([(\"greeting\", \"hello\")])\n"),
    ] {
        assert_eq!(up.get(path).text(), expected, "{path}");
    }
    assert!(up.logged("its line", |line| line.get("message") == "asked for greeting").is_from("settings"));
    assert!(!up.all_lines().iter().any(|line| line.contains("hunter2")));
}

/// Fifty orders at once, of 1 to 50 cents. How many cents were ordered.
fn order_many(up: &Up) -> u64 {
    let order = |cents: u64| {
        let order = json!({"customer": "ada", "item": "pen", "quantity": 1, "price_cents": cents});
        let answer = up.post_json("/orders", &order.to_string());
        assert!([201, 503].contains(&answer.status), "{answer:?}");
        if answer.status == 201 { cents } else { 0 }
    };
    thread::scope(|threads| {
        let orders: Vec<_> = (1..=50).map(|cents| threads.spawn(move || order(cents))).collect();
        orders.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

#[test]
fn with_a_single_instance_messages_are_late_and_not_lost() {
    let scratch = Scratch::new();
    let args = ["--max-instances", "1", "--log-format", "json"];
    let up = Up::start_with(&Home::shared(), &guest("orders.yaml"), &scratch.data(), &args);
    let ordered = order_many(&up);
    assert!(ordered > 0);
    eventually("the total", || (up.get("/totals").json() == json!({ "ada": ordered })).then_some(()));
}

#[test]
fn messages_that_wait_when_the_host_stops_are_handled_first() {
    let (home, scratch) = (Home::shared(), Scratch::new());
    let args = ["--max-instances", "1", "--log-format", "json"];
    let up = Up::start_with(&home, &guest("orders.yaml"), &scratch.data(), &args);
    let ordered = order_many(&up);
    up.stop();
    let up = Up::start(&home, &guest("orders.yaml"), &scratch.data());
    assert_eq!(up.get("/totals").json(), json!({ "ada": ordered }));
}
