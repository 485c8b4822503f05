//! `writ up --learn`: the least claims for what an application does, and that each line of them is needed.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use writ_tests::{Home, Scratch, Up, eventually, guest, unsigned_guest};

const COMPONENTS: [&str; 2] = ["orders-api", "totals"];

/// The order service, to be signed by other claims again and again.
struct World {
    home: Home,
    scratch: Scratch,
    manifest: PathBuf,
}

impl World {
    fn new() -> Self {
        let (home, scratch) = (Home::new(), Scratch::new());
        let manifest = scratch.copy(&guest("orders.yaml"), "orders.yaml");
        let world = Self { home, scratch, manifest };
        for name in COMPONENTS {
            let claims = fs::read_to_string(unsigned_guest(&format!("{name}.yaml"))).unwrap();
            world.sign(name, &claims);
        }
        world
    }

    fn sign(&self, name: &str, claims: &str) {
        self.scratch.copy(&unsigned_guest(&format!("{name}.wasm")), &format!("{name}.wasm"));
        self.scratch.write("writ.yaml", claims);
        self.home.writ_in(&self.scratch, &["sign", &format!("{name}.wasm")]).succeeded();
    }

    /// Starts it on a data folder of its own, as if nothing ever ran; nothing where it is refused.
    fn start(&self, data: &str, more: &[&str]) -> Option<Up> {
        let check = ["up", self.manifest.to_str().unwrap(), "--check", "--data", "nowhere"];
        if !self.home.writ_in(&self.scratch, &check).status.success() {
            return None;
        }
        let args = [&["--log-format", "json"], more].concat();
        Some(Up::start_with(&self.home, &self.manifest, &self.scratch.path(data), &args))
    }

    /// Whether anything is denied to the traffic under the claims that are signed now.
    fn is_denied(&self, data: &str) -> bool {
        let Some(up) = self.start(data, &[]) else { return true };
        traffic(&up);
        up.stop().iter().any(|line| line.contains("writ::denied"))
    }
}

/// The same every time. What is refused changes the answers, so they are looked at elsewhere.
fn traffic(up: &Up) -> Vec<(u16, Value)> {
    let mut answers = Vec::new();
    for customer in ["ada", "bob"] {
        let order = json!({ "customer": customer, "item": "book", "quantity": 2, "price_cents": 150 });
        answers.push(up.post_json("/orders", &order.to_string()));
    }
    for path in ["/orders/1", "/orders/2", "/orders/7"] {
        answers.push(up.get(path));
    }
    // Messages are on their way: until both arrived, or what handles them was seen to fail.
    let all = json!({ "ada": 300, "bob": 300 });
    let is_denied = || up.log().iter().any(|line| line.get("target") == "writ::denied");
    eventually("the totals", || {
        let totals = up.get("/totals");
        let settled = totals.status == 200 && totals.json() == all;
        (settled || is_denied()).then_some(())
    });
    answers
        .into_iter()
        .map(|answer| (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null)))
        .collect()
}

/// The claims without one of their entries, or one of their empty claims; each once.
fn without_a_line(claims: &str) -> Vec<(String, String)> {
    let lines: Vec<_> = claims.lines().take_while(|line| !line.starts_with("limits:")).collect();
    let rest: Vec<_> = claims.lines().skip(lines.len()).collect();
    let is_entry = |line: &str| line.starts_with("    - ");
    let removed = lines.iter().enumerate().filter(|(_, line)| is_entry(line) || line.ends_with(": []"));
    let text = |index: usize| {
        let mut kept: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        kept.remove(index);
        for index in 0..kept.len() {
            let is_last = kept.get(index + 1).is_none_or(|next| !is_entry(next));
            if kept[index].starts_with("  ") && kept[index].ends_with(':') && is_last {
                kept[index].push_str(" []");
            }
        }
        kept.iter().map(String::as_str).chain(rest.iter().copied()).map(|line| format!("{line}\n")).collect()
    };
    removed.map(|(index, line)| ((*line).to_owned(), text(index))).collect()
}

/// Replaying the same traffic under the learnt claims gives no denial; removing any one learnt line gives at least one.
#[test]
fn what_was_learnt_is_enough_and_all_of_it_is_needed() {
    let world = World::new();
    let up = world.start("first", &["--learn", world.scratch.path("learnt").to_str().unwrap()]).unwrap();
    let before = traffic(&up);
    up.stop();

    let learnt = COMPONENTS.map(|name| fs::read_to_string(world.scratch.path(&format!("learnt/{name}.yaml"))).unwrap());
    for (name, claims) in COMPONENTS.iter().zip(&learnt) {
        // It only narrows.
        world.scratch.copy(&world.scratch.path(&format!("{name}.wasm")), "old.wasm");
        world.sign(name, claims);
        let new = format!("{name}.wasm");
        world.home.writ_in(&world.scratch, &["diff", "old.wasm", &new]).succeeded();
    }
    let up = world.start("replayed", &[]).unwrap();
    assert_eq!(traffic(&up), before);
    let lines = up.stop();
    assert!(!lines.iter().any(|line| line.contains("writ::denied")), "{}\n{learnt:#?}", lines.join("\n"));

    let mut count = 0;
    for (name, claims) in COMPONENTS.iter().zip(&learnt) {
        for (line, fewer) in without_a_line(claims) {
            world.sign(name, &fewer);
            count += 1;
            assert!(world.is_denied(&format!("without-{count}")), "{name} does not need {line} of\n{claims}");
        }
        world.sign(name, claims);
    }
    assert!(count >= 9, "{learnt:#?}");
}

/// What was learnt until then is there after a crash, and what was refused is a proposal.
#[test]
fn what_was_learnt_outlives_a_crash() {
    let (home, scratch) = (Home::shared(), Scratch::new());
    let learnt = scratch.path("learnt");
    let args = ["--log-format", "json", "--learn", learnt.to_str().unwrap()];
    let up = Up::start_with(&home, &guest("intruder-bucket.yaml"), &scratch.data(), &args);
    assert_eq!(up.get("/probe?bucket=mine").json()["outcome"], "ok");
    assert_eq!(up.get("/probe?bucket=other").json()["outcome"], "access-denied");
    let file = learnt.join("intruder-bucket.yaml");
    let text =
        eventually("the proposal", || fs::read_to_string(&file).ok().filter(|text| text.contains("bucket: other")));
    up.kill9();
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let (claims, proposals) = text.split_once("# Refused while it ran").unwrap();
    assert!(claims.contains("- { bucket: mine"), "{text}");
    assert!(proposals.contains("keyvalue: [{ bucket: other, verbs: [] }]  # in the component's token"), "{text}");
    assert!(proposals.lines().skip(1).all(|line| line.starts_with('#')), "{text}");
}
