//! Swapping what runs: no request is lost, no message is handled twice, and what is refused changes nothing.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;
use writ_tests::{Home, Manifest, Scratch, Up, eventually, guest, http, unsigned_guest};

/// A guest in two versions that differ in one text, signed by a newcomer under one id.
struct Versions {
    home: Home,
    scratch: Scratch,
    name: &'static str,
}

impl Versions {
    fn new(name: &'static str, (old, new): (&str, &str)) -> Self {
        let versions = Self { home: Home::new(), scratch: Scratch::new(), name };
        versions.scratch.copy(&unsigned_guest(&format!("{name}.yaml")), "writ.yaml");
        let bytes = fs::read(unsigned_guest(&format!("{name}.wasm"))).unwrap();
        let other = replaced(&bytes, old.as_bytes(), new.as_bytes());
        for (number, bytes) in [bytes, other].iter().enumerate() {
            versions.sign(bytes, &format!("{number}.wasm"));
        }
        versions
    }

    /// Signs a component with the claims as they are now.
    fn sign(&self, component: &[u8], out: &str) {
        self.scratch.write("unsigned.wasm", component);
        self.home.writ_in(&self.scratch, &["sign", "unsigned.wasm", "-o", out]).succeeded();
    }

    fn image(&self) -> PathBuf {
        self.scratch.path("image.wasm")
    }

    /// Puts a file where the manifest finds its image.
    fn install(&self, file: &str) {
        fs::copy(self.scratch.path(file), self.image()).unwrap();
    }

    /// Writes the manifest: what it answers to `/greeting`.
    fn greet(&self, greeting: &str) -> PathBuf {
        let (image, config) = (self.image(), [("greeting", greeting)]);
        let manifest = Manifest { config: &config, ..Manifest::new(self.name, &image) };
        self.scratch.write("app.yaml", manifest.to_string())
    }

    fn start(&self, args: &[&str]) -> Up {
        self.install("0.wasm");
        Up::start_with(&self.home, &self.greet("0"), &self.scratch.data(), args)
    }
}

fn settings() -> Versions {
    Versions::new("settings", ("runtime: ", "RUNTIME: "))
}

/// The bytes with every `old` replaced by a `new` of the same length.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let (mut bytes, mut found) = (bytes.to_vec(), 0);
    for start in 0..bytes.len() - old.len() {
        if bytes[start..].starts_with(old) {
            bytes[start..start + old.len()].copy_from_slice(new);
            found += 1;
        }
    }
    assert!(found > 0, "{} is not in the guest", String::from_utf8_lossy(old));
    bytes
}

/// The swap and the version of the code that an answer is of.
fn swap_of(answer: &http::Response) -> (usize, usize) {
    let text = answer.text();
    let number = text.split('"').nth(1).and_then(|number| number.parse().ok());
    let number = number.unwrap_or_else(|| panic!("{} {text}", answer.status));
    (number, usize::from(text.contains("RUNTIME: ")))
}

/// Asks on one connection until it is told to stop. Every answer's swap and version.
fn ask_on(up: &Up, stop: &AtomicBool) -> Vec<(usize, usize)> {
    let mut connection = http::connect(up.address()).unwrap();
    let mut answers = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        connection.write_all(b"GET /greeting HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let answer = http::read(&mut connection).unwrap_or_else(|error| panic!("after {}: {error}", answers.len()));
        assert!(answer.status == 200 && answer.complete, "{answer:?}");
        answers.push(swap_of(&answer));
    }
    answers
}

#[test]
fn ten_swaps_under_load_lose_no_request_and_none_goes_back() {
    let versions = settings();
    let up = versions.start(&["--log-format", "json", "--max-instances", "64", "--allow-rollback"]);
    let stop = AtomicBool::new(false);
    let answers: Vec<Vec<(usize, usize)>> = thread::scope(|threads| {
        let asking: Vec<_> = (0..6).map(|_| threads.spawn(|| ask_on(&up, &stop))).collect();
        let fresh = threads.spawn(|| {
            let mut answers = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                answers.push(swap_of(&up.get("/greeting")));
            }
            answers
        });
        for number in 1..=10 {
            versions.install(&format!("{}.wasm", number % 2));
            versions.greet(&number.to_string());
            up.hang_up();
            eventually("the swap", || (swap_of(&up.get("/greeting")).0 == number).then_some(()));
        }
        stop.store(true, Ordering::Relaxed);
        asking.into_iter().chain([fresh]).map(|thread| thread.join().unwrap()).collect()
    });
    for of_one in &answers {
        assert!(of_one.iter().all(|(number, version)| number % 2 == *version), "code and settings of one deployment");
        assert!(of_one.is_sorted_by_key(|(number, _)| *number), "one went back: {of_one:?}");
    }
    let all: usize = answers.iter().map(Vec::len).sum();
    assert!(all >= 300, "only {all} requests were sent");
    assert!(answers.iter().all(|of_one| of_one.first().map(|first| first.0) != of_one.last().map(|last| last.0)));
    up.stop();
}

#[test]
fn ten_swaps_under_load_handle_every_message_once() {
    let versions = Versions::new("totals", ("there is nothing here", "there is NOTHING here"));
    versions.scratch.copy(&unsigned_guest("orders-api.yaml"), "orders.yaml");
    versions.scratch.copy(&unsigned_guest("orders-api.wasm"), "orders-api.wasm");
    versions.home.writ_in(&versions.scratch, &["sign", "orders-api.wasm", "--claims", "orders.yaml"]).succeeded();
    let totals = versions.scratch.path("totals.wasm");
    let install = |number: usize| fs::copy(versions.scratch.path(&format!("{}.wasm", number % 2)), &totals).unwrap();
    install(0);
    let manifest = versions.scratch.copy(&guest("orders.yaml"), "app.yaml");
    let args = ["--log-format", "json", "--allow-rollback"];
    let up = Up::start_with(&versions.home, &manifest, &versions.scratch.data(), &args);
    let version = || usize::from(up.get("/totals/x").text().contains("NOTHING"));
    let stop = AtomicBool::new(false);
    let ordered: u64 = thread::scope(|threads| {
        let order = |customer: u64| {
            let mut cents = 0;
            for number in 1.. {
                // Every order's price is another, so that one more and one less do not look like none.
                let price = number * 4 + customer;
                let order = json!({"customer": "ada", "item": "pen", "quantity": 1, "price_cents": price});
                assert_eq!(up.post_json("/orders", &order.to_string()).status, 201);
                cents += price;
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            cents
        };
        let orders: Vec<_> = (0..4).map(|customer| threads.spawn(move || order(customer))).collect();
        for number in 1..=10 {
            install(number);
            up.hang_up();
            eventually("the swap", || (version() == number % 2).then_some(()));
        }
        stop.store(true, Ordering::Relaxed);
        orders.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    eventually("the total", || (up.get("/totals").json() == json!({ "ada": ordered })).then_some(()));
    // Whatever would be handled twice is handled before the host has stopped.
    up.stop();
    let up = Up::start(&versions.home, &manifest, &versions.scratch.data());
    assert_eq!(up.get("/totals").json(), json!({ "ada": ordered }));
}

/// Hangs up and waits for the words of the refusal. What ran goes on.
#[track_caller]
fn check_refused(up: &Up, versions: &Versions, told: &[&str]) {
    let before = swap_of(&up.get("/greeting"));
    let refusals = || up.log().into_iter().filter(|line| line.get("message").starts_with("not reloaded"));
    let count = refusals().count();
    up.hang_up();
    let line = eventually("the refusal", || refusals().nth(count));
    for words in told {
        assert!(line.get("message").contains(words), "{words} is not in {}", line.get("message"));
    }
    assert_eq!(swap_of(&up.get("/greeting")), before);
    versions.install("0.wasm");
}

#[test]
fn what_is_refused_keeps_what_runs() {
    let versions = settings();
    let up = versions.start(&["--log-format", "json"]);
    let claims = fs::read_to_string(versions.scratch.path("writ.yaml")).unwrap();

    // Code that nobody signed, and no code at all.
    versions.greet("1");
    fs::copy(unsigned_guest("settings.wasm"), versions.image()).unwrap();
    check_refused(&up, &versions, &["image.wasm does not verify"]);
    fs::write(versions.image(), "no component").unwrap();
    check_refused(&up, &versions, &["image.wasm is not taken"]);

    // Claims that no longer reach.
    versions.scratch.write("writ.yaml", claims.replace("  config: { keys: [greeting, colour] }\n", ""));
    versions.sign(&fs::read(unsigned_guest("settings.wasm")).unwrap(), "less.wasm");
    versions.install("less.wasm");
    check_refused(&up, &versions, &["denied: settings", "may not use config", "to allow it", "  config: "]);

    // A policy that came after it.
    let policy = versions.home.path().join("policy.yaml");
    fs::write(&policy, "capabilities: { logging: any, config: any }\n").unwrap();
    check_refused(&up, &versions, &["denied: settings", "the host's policy has no `http-server`"]);
    fs::remove_file(&policy).unwrap();

    // Another component, to which no route passes.
    let without_id = claims.lines().filter(|line| !line.starts_with("id: ")).collect::<Vec<_>>().join("\n");
    versions.scratch.write("writ.yaml", without_id);
    versions.sign(&fs::read(unsigned_guest("settings.wasm")).unwrap(), "other.wasm");
    versions.install("other.wasm");
    check_refused(&up, &versions, &["route any / is taken by local/settings", "hint: a route passes to another"]);

    // Another application, and no manifest.
    let manifest = fs::read_to_string(versions.greet("1")).unwrap();
    versions.scratch.write("app.yaml", manifest.replace("metadata: { name: settings", "metadata: { name: other"));
    check_refused(&up, &versions, &["about other now, and settings runs here", "a host of its own"]);
    versions.scratch.write("app.yaml", "kind: [");
    check_refused(&up, &versions, &["app.yaml:1"]);

    // And then it is taken.
    versions.greet("2");
    up.hang_up();
    eventually("the swap", || (swap_of(&up.get("/greeting")) == (2, 0)).then_some(()));
    up.stop();
}

#[test]
fn for_people_a_refusal_is_a_page() {
    let versions = settings();
    let up = versions.start(&[]);
    fs::copy(unsigned_guest("settings.wasm"), versions.image()).unwrap();
    up.hang_up();
    let told = |words: &str| eventually(words, || up.all_lines().into_iter().find(|line| line.contains(words)));
    assert!(told("not reloaded").contains("writ::host"));
    assert!(told("image.wasm does not verify").starts_with("error: "));
    up.stop();
}

#[test]
fn a_swap_does_not_fill_a_rate() {
    let versions = settings();
    let claims = fs::read_to_string(versions.scratch.path("writ.yaml")).unwrap();
    versions.scratch.write("writ.yaml", claims.replace("paths: [/] }", "paths: [/], rate: 3/h }"));
    for (number, from) in [("0.wasm", "settings.wasm"), ("1.wasm", "settings.wasm")] {
        versions.sign(&fs::read(unsigned_guest(from)).unwrap(), number);
    }
    let up = versions.start(&["--log-format", "json"]);
    let deployed = || up.log().iter().filter(|line| line.get("message") == "deployed").count();
    for (number, status) in [200, 200, 200, 429, 429].into_iter().enumerate() {
        assert_eq!(up.get("/greeting").status, status, "after {number} swaps");
        let before = deployed();
        up.hang_up();
        eventually("the swap", || (deployed() > before).then_some(()));
    }
    up.stop();
}
