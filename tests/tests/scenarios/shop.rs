//! The shop in five languages, and every language before every other. `cargo xtask guests --all` builds these guests.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use writ_tests::{Home, Scratch, Up, guest, skip};

/// Whether what `--all` builds is not there, which is said.
fn missing() -> bool {
    !guest("conformance-python.wasm").exists()
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
fn manifest(scratch: &Scratch, from: &str, to: &str) -> std::path::PathBuf {
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

/// Orders that are taken and some that are not, with the shop's manifest changed so.
#[track_caller]
fn check(from: &str, to: &str) {
    if missing() {
        return;
    }
    let scratch = Scratch::new();
    let up = start(&manifest(&scratch, from, to), &scratch);

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
    check(PRICING, PRICING);
}

#[test]
fn five_languages_in_stores_of_their_own_do_the_same() {
    check("package: order", "package: order\n            isolation: separate");
}

#[test]
fn a_rule_in_another_language_changes_nothing_but_its_image() {
    check(PRICING, "shop-pricing-rust.wasm");
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

/// One application in which a language is called by the driver and calls every language in turn.
#[track_caller]
fn before_every_other(first: &str) {
    if missing() {
        return;
    }
    let scratch = Scratch::new();
    let mut components = component("end", "end", None);
    for second in LANGUAGES {
        components += &component(&format!("second-{second}"), second, Some("end"));
        components += &component(&format!("first-{second}"), first, Some(&format!("second-{second}")));
        components += &component(&format!("driver-{second}"), "driver", Some(&format!("first-{second}")));
    }
    let mut routes = String::new();
    for second in LANGUAGES {
        write!(
            routes,
            "        - type: link\n          properties: {{ name: {second}, target: {{ name: driver-{second} }}, namespace: wasi, \
             package: http, interfaces: [incoming-handler], source: {{ config: [{{ name: {second}, properties: \
             {{ address: \"127.0.0.1:8080\", path: /{second} }} }}] }} }}\n"
        )
        .unwrap();
    }
    let manifest = format!(
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {{ name: conformance, annotations: {{ version: \
         v0.1.0 }} }}\nspec:\n  components:\n{components}    - name: http\n      type: capability\n      properties: {{ \
         image: builtin:http-server }}\n      traits:\n{routes}"
    );
    let up = start(&scratch.write("conformance.yaml", manifest), &scratch);
    for second in LANGUAGES {
        // See what docs/cli.md says of JavaScript.
        let on = if first == "javascript" { "given/on?without=wide" } else { "given/on" };
        for way in ["given/back", on] {
            let answer = up.get(&format!("/{second}/{way}"));
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (200, "all of it came back\n"),
                "{first}, {second}, {way}"
            );
        }
    }
}

fn component(name: &str, image: &str, next: Option<&str>) -> String {
    let image = guest(&format!("conformance-{image}.wasm"));
    let mut text = format!(
        "    - name: {name}\n      type: component\n      properties: {{ image: \"file://{}\" }}\n",
        image.display()
    );
    if let Some(next) = next {
        text += &format!(
            "      traits:\n        - type: link\n          properties: {{ target: {{ name: {next} }}, namespace: test, \
             package: conformance, interfaces: [echo] }}\n"
        );
    }
    text
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
