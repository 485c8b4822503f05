//! What a claim about HTTP says is checked at every request.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use writ_tests::{Home, Manifest, Mint, Scratch, Up, now, unsigned_guest};

/// `hostile` under these claims about HTTP, until that time.
fn start(home: &Home, scratch: &Scratch, http_server: Value, exp: u64) -> Up {
    let mut mint = Mint::new();
    mint.exp = exp;
    mint.claims.insert("logging".to_owned(), json!([]));
    mint.claims.insert("http-server".to_owned(), http_server);
    home.writ(&["trust", "add", &mint.operator(), "--any"]).succeeded();
    let component = std::fs::read(unsigned_guest("hostile.wasm")).unwrap();
    let image = scratch.write("hostile.wasm", mint.sign(&component));
    let manifest = scratch.write("app.yaml", Manifest::new("hostile", &image).to_string());
    Up::start(home, &manifest, &scratch.data())
}

#[test]
fn a_method_that_is_not_claimed_is_refused() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let claim = json!({ "hosts": "any", "paths": ["/"], "methods": ["GET"] });
    let up = start(&home, &scratch, claim, now() + 3_600);
    assert_eq!(up.get("/ok").status, 200);
    for method in ["POST", "PUT", "DELETE", "HEAD", "get", "TRACE"] {
        assert_eq!(up.send(method, "/ok", &[], b"").status, 403, "{method}");
    }
}

#[test]
fn a_rate_that_is_used_up_says_when_to_come_again() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let claim = json!({ "hosts": "any", "paths": ["/"], "rate": "5/s" });
    let up = start(&home, &scratch, claim, now() + 3_600);
    let started = Instant::now();
    let answers: Vec<_> = (0..50).map(|_| up.get("/ok")).collect();
    let served = answers.iter().filter(|answer| answer.status == 200).count() as u64;
    let refused = answers.iter().filter(|answer| answer.status == 429).collect::<Vec<_>>();
    assert_eq!(served + refused.len() as u64, 50);
    assert!((5..=5 + 5 * (started.elapsed().as_secs() + 1)).contains(&served), "{served}");
    assert!(refused.iter().all(|answer| answer.header("retry-after").is_some()));
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(up.get("/ok").status, 200);
}

#[test]
fn a_host_that_is_not_claimed_cannot_be_routed() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let mut mint = Mint::new();
    let claim = json!({ "hosts": ["*.shop.example"], "paths": ["/"] });
    mint.claims.insert("logging".to_owned(), json!([]));
    mint.claims.insert("http-server".to_owned(), claim);
    home.writ(&["trust", "add", &mint.operator(), "--any"]).succeeded();
    let component = std::fs::read(unsigned_guest("hostile.wasm")).unwrap();
    let image = scratch.write("hostile.wasm", mint.sign(&component));
    let text = Manifest::new("hostile", &image).to_string();
    let manifest = |route: &str| scratch.write("app.yaml", text.replace("path: /", route));

    let everywhere = manifest("path: /");
    let stderr = home.writ(&["up", everywhere.to_str().unwrap(), "--check"]).refused();
    assert!(stderr.contains("http-server: ["), "{stderr}");
    let other = manifest("host: example, path: /");
    home.writ(&["up", other.to_str().unwrap(), "--check"]).refused();

    let up = Up::start(&home, &manifest("host: a.shop.example, path: /"), &scratch.data());
    for (host, expected) in [
        ("a.shop.example", 200),
        ("A.Shop.Example", 200),
        ("a.shop.example:8080", 200),
        ("b.shop.example", 404),
        ("shop.example", 404),
        ("a.shop.example.evil", 404),
        ("a.shop.example@evil", 400),
    ] {
        let request = format!("GET /ok HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = writ_tests::http::send_raw(up.address(), request.as_bytes()).unwrap();
        assert_eq!(answer.status, expected, "{host}");
    }
}

#[test]
fn nothing_new_starts_once_the_claims_have_expired() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let expires = now() + 8;
    let up = start(&home, &scratch, json!({ "hosts": "any", "paths": ["/"] }), expires);
    assert_eq!(up.get("/ok").status, 200);
    while now() <= expires {
        std::thread::sleep(Duration::from_millis(200));
    }
    let answer = up.get("/ok");
    assert_eq!((answer.status, answer.header("retry-after")), (503, None), "{answer:?}");
    let says = |words: &'static str| move |line: &writ_tests::Line| line.get("message").contains(words);
    up.logged("the warning", says("its claims expire soon"));
    up.logged("the end", says("expired: nothing new of it starts"));
    up.stop();
    let shown = home.writ(&["audit", "show", "--data", scratch.data().to_str().unwrap()]).succeeded().stdout;
    assert!(shown.contains("nothing new of it starts, its time was over at"), "{shown}");
}

#[test]
fn what_an_operator_may_grant_here_is_the_hosts_owners_to_say() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let mut mint = Mint::new();
    mint.claims.insert("logging".to_owned(), json!([]));
    mint.claims.insert("http-server".to_owned(), json!({ "hosts": "any", "paths": ["/"] }));
    let component = std::fs::read(unsigned_guest("hostile.wasm")).unwrap();
    let image = scratch.write("hostile.wasm", mint.sign(&component));
    let manifest = scratch.write("app.yaml", Manifest::new("hostile", &image).to_string());
    let check = || home.writ(&["up", manifest.to_str().unwrap(), "--check"]);

    let narrow = scratch.write("narrow.yaml", "capabilities:\n  logging: any\n");
    let operator = mint.operator();
    home.writ(&["trust", "add", &operator, "--name", "mint", "--policy", narrow.to_str().unwrap()]).succeeded();
    let stderr = check().refused();
    assert!(stderr.contains("trust") && stderr.contains("http-server: [{ hosts: any, paths: [/] }]"), "{stderr}");

    home.writ(&["trust", "remove", "mint"]).succeeded();
    assert!(check().refused().contains("is not trusted here"));
    let wide = "capabilities:\n  logging: any\n  http-server: [{ hosts: any, paths: [/] }]\n";
    let wide = scratch.write("wide.yaml", wide);
    home.writ(&["trust", "add", &operator, "--policy", wide.to_str().unwrap()]).succeeded();
    check().succeeded();
}
