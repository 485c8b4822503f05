//! The shop in five languages, and every language before every other. `cargo xtask guests --all` builds these guests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use writ_tests::{Home, Mint, Scratch, Up, guest, place, skip, unsigned_guest};

/// Whether what `--all` builds is not there, which is said.
fn missing() -> bool {
    !place("WRIT_GUESTS").join("conformance-python.wasm").exists()
        && skip("the guests in other languages are not built; `cargo xtask guests --all` does")
}

fn start(manifest: &Path, scratch: &Scratch) -> Up {
    let mut up = Up::spawn(&Home::shared(), manifest, &scratch.data(), &["--log-format", "json"]);
    up.await_deployed(COMPILING);
    up
}

/// An interpreter is compiled once.
const COMPILING: Duration = Duration::from_secs(600);

/// The shop's manifest with a line otherwise.
fn manifest(scratch: &Scratch, from: &str, to: &str) -> PathBuf {
    let text = std::fs::read_to_string(guest("shop.yaml")).unwrap();
    assert!(text.contains(from), "{from}");
    let folder = guest("shop.yaml").parent().unwrap().display().to_string();
    let text = text.replace(from, to).replace("image: shop-", &format!("image: file://{folder}/shop-"));
    scratch.write("shop.yaml", text)
}

const BASKET: &str = r#"{ "customer": "ada", "country": "CH", "member_since": 2015, "coupon": { "code": "WELCOME" },
    "lines": [{ "sku": "pen", "quantity": 20, "unit_cents": 150 },
              { "sku": "book", "quantity": 1, "unit_cents": 3000, "category": "book" },
              { "sku": "card", "quantity": 1, "unit_cents": 0, "category": { "gift-card": 5000 } }] }"#;

fn order(payment: &str, address: &str) -> String {
    format!(r#"{{ "basket": {BASKET}, "payment": {payment}, "address": {address} }}"#)
}

const ADDRESS: &str = r#"{ "name": "Ada  Byron", "street": "Bahnhofstrasse 1", "postcode": "8001", "country": "ch" }"#;

/// What `writ graph` tells of an application, admitted or not.
fn graph(home: &Home, manifest: &Path) -> Value {
    let told = home.writ(&["graph", manifest.to_str().unwrap(), "--format", "json"]);
    serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}"))
}

/// Every link between components runs in this form; what runs together, runs with all that it calls in one store.
#[track_caller]
fn run_as(manifest: &Path, form: &str) {
    let graph = graph(&Home::shared(), manifest);
    let links = graph["links"].as_array().unwrap();
    let forms: Vec<_> =
        links.iter().map(|link| format!("{} to {} {}", link["from"], link["to"], link["form"])).collect();
    assert!(forms.iter().all(|told| told.ends_with(&format!(" \"{form}\""))) && forms.len() >= 4, "{forms:#?}");
    let stores = graph["stores"].as_array().unwrap();
    assert!(
        stores.iter().all(|store| (store["members"].as_array().unwrap().len() > 1) == (form == "together")),
        "{stores:#?}"
    );
}

/// Orders that are taken and some that are not, with the shop's manifest changed so.
#[track_caller]
fn check(from: &str, to: &str, form: &str) {
    if missing() {
        return;
    }
    let scratch = Scratch::new();
    let manifest = manifest(&scratch, from, to);
    run_as(&manifest, form);
    let up = start(&manifest, &scratch);

    let quote = up.post_json("/quotes", BASKET);
    let pen = "5 % for 10 or more, 3 % for a customer since 2020, WELCOME";
    let book = "3 % for a customer since 2020, WELCOME";
    let quoted = json!({
        "lines": [
            { "sku": "pen", "net_cents": 2489, "tax_cents": 202, "reduced": pen },
            { "sku": "book", "net_cents": 2619, "tax_cents": 68, "reduced": book },
            { "sku": "card", "net_cents": 5000, "tax_cents": 0, "reduced": null },
        ],
        "total_cents": 10378,
        "discounts": [
            ["5 % for 10 or more", 150], ["3 % for a customer since 2020", 85], ["3 % for a customer since 2020", 90],
            ["WELCOME", 276], ["WELCOME", 291],
        ],
    });
    assert_eq!((quote.status, quote.json()), (200, quoted.clone()));

    let taken = up.post_json("/orders", &order(r#"{ "card": ["4242", "CH"] }"#, ADDRESS));
    let mut expected = quoted;
    expected["id"] = json!(1);
    expected["customer"] = json!("ada");
    expected["to"] = json!(["Ada Byron", "Bahnhofstrasse 1", "8001", null, "CH"]);
    expected["corrections"] = json!(["name", "country"]);
    expected["score"] = json!(0);
    expected["review"] = json!([]);
    assert_eq!((taken.status, taken.json()), (201, expected.clone()));
    assert_eq!(up.get("/orders/1").json(), expected);

    let doubtful = up.post_json("/orders", &order(r#"{ "gift-cards": ["1", "1"] }"#, ADDRESS));
    let refused = json!({ "error": "this order is not taken: the same gift card twice" });
    assert_eq!((doubtful.status, doubtful.json()), (403, refused));

    let nowhere = ADDRESS.replace("8001", "80010").replace("Ada  Byron", " ");
    let faults = json!(["the name is missing", "80010 is no postcode like 9999"]);
    let nowhere = up.post_json("/orders", &order("\"invoice\"", &nowhere));
    assert_eq!((nowhere.status, nowhere.json()["faults"].clone()), (422, faults));

    for (basket, error) in [
        (BASKET.replace("WELCOME", "GOODBYE"), "there is no coupon GOODBYE"),
        (BASKET.replace("\"CH\"", "\"XX\""), "no tax is known for XX: unknown-country XX"),
        (r#"{ "customer": "ada", "country": "CH", "lines": [] }"#.to_owned(), "the basket is empty"),
    ] {
        let refused = up.post_json("/quotes", &basket);
        assert_eq!((refused.status, refused.json()), (422, json!({ "error": error })));
    }

    // Each says its own, under its own name.
    for (component, message) in [
        ("shop-checkout", "order 1 taken: 10378 cents"),
        ("shop-pricing", "3 lines for ada"),
        ("shop-tax", "3 items in CH"),
        ("shop-fraud", "ada: 0 of 100"),
        ("shop-address", "corrected: name, country"),
    ] {
        let line = up.logged(message, |line| line.get("message").contains(message));
        assert!(line.get("component").ends_with(component), "{line:?}");
    }
}

const PRICING: &str = "shop-pricing-javascript.wasm";

#[test]
fn an_order_goes_through_five_languages() {
    check(PRICING, PRICING, "together");
}

#[test]
fn five_languages_in_stores_of_their_own_do_the_same() {
    check("package: order", "package: order\n            isolation: separate", "separate");
}

#[test]
fn a_rule_in_another_language_changes_nothing_but_its_image() {
    check(PRICING, "shop-pricing-rust.wasm", "together");
}

#[test]
fn a_setting_changes_the_price() {
    if missing() {
        return;
    }
    let scratch = Scratch::new();
    let setting = "campaign-percent: \"0\"";
    let up = start(&manifest(&scratch, setting, "campaign-percent: \"50\""), &scratch);
    let basket =
        r#"{ "customer": "ada", "country": "DE", "lines": [{ "sku": "a", "quantity": 1, "unit_cents": 1000 }] }"#;
    assert_eq!(up.post_json("/quotes", basket).json()["total_cents"], json!(595));
}

/// A component of the shop: its name there, and what it is signed from.
const SHOP: [(&str, &str); 5] = [
    ("checkout", "shop-checkout"),
    ("pricing", "shop-pricing-javascript"),
    ("fraud", "shop-fraud"),
    ("tax", "shop-tax"),
    ("address", "shop-address"),
];

/// The shop, signed anew under the claims that its components have.
struct Shop {
    mint: Mint,
    home: Home,
    scratch: Scratch,
    /// Of each component its name, claims and limits, as its token has them.
    tokens: BTreeMap<&'static str, (String, Claims, Claims)>,
}

type Claims = BTreeMap<String, Value>;

impl Shop {
    fn new() -> Self {
        let (mint, home, scratch) = (Mint::new(), Home::new(), Scratch::new());
        home.writ(&["trust", "add", &mint.operator(), "--any"]).succeeded();
        let text = std::fs::read_to_string(guest("shop.yaml")).unwrap();
        scratch.write("shop.yaml", text);
        let token = |file: &str| {
            let file = guest(&format!("{file}.wasm"));
            let told = Home::shared().writ(&["inspect", file.to_str().unwrap(), "--output", "json"]).succeeded();
            let token = serde_json::from_str::<Value>(&told.stdout).unwrap()["tokens"][0].clone();
            let read = |field: &str| serde_json::from_value(token[field].clone()).unwrap();
            (token["name"].as_str().unwrap().to_owned(), read("capabilities"), read("limits"))
        };
        let shop = Self { mint, home, scratch, tokens: SHOP.map(|(name, file)| (name, token(file))).into() };
        SHOP.iter().for_each(|(name, _)| shop.sign(name, &shop.tokens[name].1));
        shop
    }

    fn sign(&self, name: &str, claims: &Claims) {
        let (_, file) = SHOP.iter().find(|(other, _)| *other == name).unwrap();
        let (signed, _, limits) = &self.tokens[name];
        let wasm = std::fs::read(unsigned_guest(&format!("{file}.wasm"))).unwrap();
        self.scratch.write(&format!("{file}.wasm"), self.mint.sign_as(signed, claims, limits, &wasm));
    }

    /// The links as `FROM to TO`: those that are granted, and of the others what is missing.
    fn links(&self) -> (BTreeSet<String>, BTreeMap<String, Vec<String>>) {
        let graph = graph(&self.home, &self.scratch.path("shop.yaml"));
        let (mut granted, mut denied) = (BTreeSet::new(), BTreeMap::new());
        for link in graph["links"].as_array().unwrap() {
            let text = |of: &Value| of.as_str().unwrap().to_owned();
            let name = format!("{} to {}", text(&link["from"]), text(&link["to"]));
            let missing = |denial: &Value| text(&denial["lacking"][0]["line"]);
            match link["denied"].as_array().unwrap().as_slice() {
                [] => assert!(granted.insert(name)),
                refused => assert!(denied.insert(name, refused.iter().map(missing).collect()).is_none()),
            }
        }
        (granted, denied)
    }

    /// Leaves one entry of a component's claim out: the calls that it is for are denied, with that entry, and no others.
    #[track_caller]
    fn without(&self, name: &str, capability: &str, mut entries: Vec<Value>, at: usize) {
        let entry = entries.remove(at);
        let mut claims = self.tokens[name].1.clone();
        claims.insert(capability.to_owned(), entries.into());
        self.sign(name, &claims);

        let interface = entry["interface"].as_str().unwrap();
        let callee = interface.split(['/', '@']).nth(1).unwrap();
        let stopped = |link: &&str| match capability {
            "call" => *link == format!("{name} to {callee}"),
            // One entry may be for several callers.
            _ => link.ends_with(&format!(" to {name}")),
        };
        let (stopped, others): (BTreeSet<_>, BTreeSet<_>) =
            LINKS.map(str::to_owned).into_iter().partition(|link| stopped(&link.as_str()));
        let (granted, denied) = self.links();
        assert_eq!(
            (granted, denied.keys().cloned().collect()),
            (others, stopped),
            "{name} without {capability} {entry}"
        );
        for missing in denied.values() {
            let [line] = missing.as_slice() else { panic!("{missing:?}") };
            assert!(line.starts_with(&format!("{capability}: ")) && line.contains(interface), "{line}");
        }
        let manifest = self.scratch.path("shop.yaml");
        let told = self.home.writ(&["up", manifest.to_str().unwrap(), "--check"]).refused();
        let is_of_a_link = |line: &str| {
            line.contains(&format!("may not {capability} {interface} ")) && line.contains(", as the link at line ")
        };
        let denials: Vec<_> = told.lines().filter(|line| line.starts_with("denied:")).collect();
        assert!(denials.len() == denied.len() && denials.into_iter().all(is_of_a_link), "{told}");
    }
}

/// Each entry of `call` and `serve` is left out once.
#[test]
fn one_claim_less_stops_exactly_the_calls_that_it_is_for() {
    if missing() {
        return;
    }
    let shop = Shop::new();
    assert_eq!(shop.links(), (LINKS.map(str::to_owned).into(), BTreeMap::new()));
    let mut left_out = 0;
    for (name, _) in SHOP {
        let claims = &shop.tokens[name].1;
        for capability in ["call", "serve"] {
            let entries = claims.get(capability).and_then(Value::as_array).cloned().unwrap_or_default();
            (0..entries.len()).for_each(|at| shop.without(name, capability, entries.clone(), at));
            left_out += entries.len();
        }
        shop.sign(name, claims);
    }
    assert_eq!(left_out, 9);
}

const LINKS: [&str; 5] =
    ["checkout to address", "checkout to fraud", "checkout to pricing", "fraud to address", "pricing to tax"];

/// An application in which the driver calls the first of each pair of languages, that one the second, and that one the end.
fn conformance(scratch: &Scratch, pairs: &[(&str, &str)], isolation: &str) -> PathBuf {
    let component = |name: &str, image: &str, next: Option<&str>| component(name, image, next, isolation);
    let (mut components, mut routes) = (component("end", "end", None), String::new());
    for second in pairs.iter().map(|(_, second)| second).collect::<BTreeSet<_>>() {
        components += &component(&format!("second-{second}"), second, Some("end"));
    }
    for (first, second) in pairs {
        let pair = format!("{first}-{second}");
        components += &component(&format!("first-{pair}"), first, Some(&format!("second-{second}")));
        components += &component(&format!("driver-{pair}"), "driver", Some(&format!("first-{pair}")));
        write!(
            routes,
            "        - type: link\n          properties: {{ name: {pair}, target: {{ name: driver-{pair} }}, namespace: wasi, \
             package: http, interfaces: [incoming-handler], source: {{ config: [{{ name: {pair}, properties: \
             {{ address: \"127.0.0.1:8080\", path: /{pair} }} }}] }} }}\n"
        )
        .unwrap();
    }
    let manifest = format!(
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {{ name: conformance, annotations: {{ version: \
         v0.1.0 }} }}\nspec:\n  components:\n{components}    - name: http\n      type: capability\n      properties: {{ \
         image: builtin:http-server }}\n      traits:\n{routes}"
    );
    scratch.write("conformance.yaml", manifest)
}

fn component(name: &str, image: &str, next: Option<&str>, isolation: &str) -> String {
    let image = guest(&format!("conformance-{image}.wasm"));
    let mut text = format!(
        "    - name: {name}\n      type: component\n      properties: {{ image: \"file://{}\" }}\n",
        image.display()
    );
    if let Some(next) = next {
        text += &format!(
            "      traits:\n        - type: link\n          properties: {{ target: {{ name: {next} }}, namespace: test, \
             package: conformance, interfaces: [echo]{isolation} }}\n"
        );
    }
    text
}

const CAME_BACK: &str = "all of it came back\n";

/// Every type goes through each pair: given back by the first, and given on to the second, which gives it back.
#[track_caller]
fn go(up: &Up, pairs: &[(&str, &str)]) {
    for (first, second) in pairs {
        let on = match *first {
            "javascript" => format!("given/on?without={}", LOST.join(",")),
            _ => "given/on".to_owned(),
        };
        for way in ["given/back", &on] {
            let answer = up.get(&format!("/{first}-{second}/{way}"));
            assert_eq!((answer.status, answer.text().as_str()), (200, CAME_BACK), "{first}, {second}, {way}");
        }
    }
}

/// A language before every other, each pair in one store with the driver and the end.
#[track_caller]
fn before_every_other(first: &str) {
    if missing() {
        return;
    }
    let scratch = Scratch::new();
    let pairs = LANGUAGES.map(|second| (first, second));
    let manifest = conformance(&scratch, &pairs, "");
    run_as(&manifest, "together");
    let up = start(&manifest, &scratch);
    go(&up, &pairs);
    if first == "javascript" {
        assert_eq!(lost(&up), LOST, "what JavaScript gives on as something else, or not at all");
    }
}

/// The names of the values that JavaScript does not give on, one by one.
fn lost(up: &Up) -> Vec<String> {
    let kinds = [
        "shape", "integers", "outcome", "pair", "others", "text", "bytes", "numbers", "season", "rights", "maybe",
        "nested",
    ];
    let mut lost = Vec::new();
    for kind in kinds {
        for number in 0.. {
            let name = format!("{kind}-{number}");
            let answer = up.get(&format!("/javascript-rust/given/on?only={name}"));
            match (answer.status, answer.text().as_str()) {
                (200, CAME_BACK) => {}
                (200, "there is no such value\n") => break,
                _ => lost.push(name),
            }
        }
    }
    lost
}

/// What componentize-js 0.23 gives wrongly to an import, and nothing else: see docs/cli.md.
const LOST: [&str; 10] = [
    // A negative f64, which has the place of an s64 in a variant with other cases: "Internal bindgen error".
    "shape-2",
    // A u32 of 2^31 or more arrives as another.
    "integers-3",
    "integers-4",
    // A negative s64: "Internal bindgen error".
    "integers-5",
    "integers-6",
    "integers-7",
    "pair-2",
    "pair-3",
    // As any u32.
    "maybe-3",
    "maybe-4",
];

/// Every language before this one, each in a store of its own: most of what is compiled is compiled once so.
#[track_caller]
fn every_one_before(second: &str) {
    if missing() {
        return;
    }
    let scratch = Scratch::new();
    let pairs = LANGUAGES.map(|first| (first, second));
    let manifest = conformance(&scratch, &pairs, ", isolation: separate");
    run_as(&manifest, "separate");
    go(&start(&manifest, &scratch), &pairs);
}

const LANGUAGES: [&str; 5] = ["rust", "javascript", "python", "c", "go"];

#[test]
fn rust_before_every_other() {
    before_every_other("rust");
}

#[test]
fn javascript_before_every_other() {
    before_every_other("javascript");
}

#[test]
fn python_before_every_other() {
    before_every_other("python");
}

#[test]
fn c_before_every_other() {
    before_every_other("c");
}

#[test]
fn go_before_every_other() {
    before_every_other("go");
}

#[test]
fn every_other_before_rust_in_stores_of_their_own() {
    every_one_before("rust");
}

#[test]
fn every_other_before_javascript_in_stores_of_their_own() {
    every_one_before("javascript");
}

#[test]
fn every_other_before_python_in_stores_of_their_own() {
    every_one_before("python");
}

#[test]
fn every_other_before_c_in_stores_of_their_own() {
    every_one_before("c");
}

#[test]
fn every_other_before_go_in_stores_of_their_own() {
    every_one_before("go");
}
