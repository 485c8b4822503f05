//! `writ graph`: what it draws is what is admitted, and names in it are only names.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use writ_tests::{Form, Home, Mint, Output, Scratch, Topology, Up, guest, unsigned_guest};

/// An application's drawing, in one format.
fn graph(home: &Home, scratch: &Scratch, manifest: &std::path::Path, format: &str) -> Output {
    let data = scratch.data();
    home.writ(&["graph", manifest.to_str().unwrap(), "--format", format, "--data", data.to_str().unwrap()])
}

/// How it is drawn for people, and for whoever draws it; without a terminal's or another machine's peculiarities.
#[track_caller]
fn check(home: &Home, manifest: &std::path::Path, code: i32, [tree, mermaid, dot, json]: [Expect; 4]) {
    let scratch = Scratch::new();
    for (format, expected) in [("tree", tree), ("mermaid", mermaid), ("dot", dot)] {
        let output = graph(home, &scratch, manifest, format);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        expected.assert_eq(&output.stdout);
    }
    let output = graph(home, &scratch, manifest, "json");
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    json.assert_eq(&scrubbed(&output.stdout));
    assert!(!scratch.data().exists(), "drawing makes nothing");
}

/// Without what differs from one signing to the next.
fn scrubbed(drawn: &str) -> String {
    let mut graph: Value = serde_json::from_str(drawn).unwrap();
    for node in graph["components"].as_array_mut().unwrap() {
        for field in ["id", "digest", "tokens", "operator", "expires"] {
            assert!(node[field] != json!(null), "{field} is not in {node:#}");
            node.as_object_mut().unwrap().remove(field);
        }
    }
    format!("{graph:#}\n")
}

#[test]
fn the_order_application() {
    let expected = [expect![[""]], expect![[""]], expect![[""]], expect![[""]]];
    check(&Home::shared(), &guest("orders.yaml"), 0, expected);
}

#[test]
fn links_one_of_which_is_denied() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let left = json!([{ "interface": "demo:hops/left@0.1.0", "component": "b" }]);
    let topology = Topology::new(Form::Free).fork("a", "b", "c").claiming("call", left).step("b", "d").leaf("c");
    let manifest = topology.leaf("d").claiming("keyvalue", json!([])).written(&home, &scratch);
    let expected = [expect![[""]], expect![[""]], expect![[""]], expect![[""]]];
    check(&home, &manifest, 1, expected);
}

#[test]
fn an_intruder() {
    let drawn = graph(&Home::shared(), &Scratch::new(), &guest("intruder.yaml"), "tree");
    assert_eq!(drawn.status.code(), Some(1));
    expect![[""]].assert_eq(&drawn.stdout);
    expect![[""]].assert_eq(&drawn.stderr.replace(&*guest("intruder.yaml").to_string_lossy(), "intruder.yaml"));
}

#[test]
fn names_are_only_names() {
    let (home, scratch, mint) = (Home::new(), Scratch::new(), Mint::new());
    let hostile = "x\"]; evil -> k [label=\"\\l</b>`%%{init:{}}%% | a\u{202e}b\u{2028}\u{e0041}";
    let claims = BTreeMap::from([
        ("keyvalue".to_owned(), json!({ "bucket": hostile, "prefix": "\u{1b}]52;c;x\u{7}\n└─ ✓ keyvalue any" })),
        ("logging".to_owned(), json!({ "level": "info" })),
        ("messaging".to_owned(), json!({ "publish": ["end;class.x&quot;#quot;"] })),
        ("http-server".to_owned(), json!({ "hosts": "any", "paths": ["/"] })),
    ]);
    let wasm = std::fs::read(unsigned_guest("hop-leaf.wasm")).unwrap();
    scratch.write("one.wasm", mint.sign_as("1. one\n\u{9b}31m<script>", &claims, &BTreeMap::new(), &wasm));
    home.writ(&["trust", "add", &mint.operator(), "--any"]).succeeded();
    let manifest = scratch.write(
        "app.yaml",
        r#"
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: app }
spec:
  components:
    - name: end
      type: component
      properties: { image: one.wasm }
      traits:
        - type: link
          properties:
            target: { name: store, config: [{ name: buckets, properties: { 'bucket."]--><b>%%': 'x"]; --> y' } }] }
            namespace: wasi
            package: keyvalue
            interfaces: [store]
    - name: store
      type: capability
      properties: { image: "builtin:keyvalue" }
    - name: web
      type: capability
      properties: { image: "builtin:http-server" }
      traits:
        - type: link
          properties:
            target: { name: end }
            namespace: wasi
            package: http
            interfaces: [incoming-handler]
            source: { config: [{ name: route, properties: { address: "127.0.0.1:8080", path: "/" } }] }
"#,
    );
    let expected = [expect![[""]], expect![[""]], expect![[""]], expect![[""]]];
    check(&home, &manifest, 1, expected);
    for format in ["tree", "mermaid", "dot", "json"] {
        let drawn = graph(&home, &scratch, &manifest, format).stdout;
        let is_unsafe = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2028}\u{e0041}".contains(c);
        assert!(!drawn.contains(is_unsafe), "{format}: {drawn:?}");
        let forged = |line: &str| line.trim_start().starts_with("evil") || line.contains("└─ ✓ keyvalue any\"");
        assert!(format == "json" || !drawn.lines().any(forged), "{format}: {drawn}");
    }
}

/// Nothing is derived twice: what is drawn is the record of what the host granted when it deployed.
#[track_caller]
fn admitted(home: &Home, scratch: &Scratch, manifest: &std::path::Path, up: Up) {
    up.stop();
    let data = scratch.data();
    let shown = home.writ(&["audit", "show", "--output", "json", "--data", data.to_str().unwrap()]).succeeded().stdout;
    let events = shown.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (mut granted, mut deployed) = (Vec::new(), Vec::new());
    for mut event in events {
        let fields = event.as_object_mut().unwrap();
        ["seq", "at", "prev"].iter().for_each(|field| assert!(fields.remove(*field).is_some()));
        match fields.remove("event").unwrap().as_str().unwrap() {
            "granted" => granted.push(event),
            "deployed" => deployed.push(event),
            _ => {}
        }
    }
    let output = graph(home, scratch, manifest, "json");
    let graph: Value = serde_json::from_str(&output.succeeded().stdout).unwrap();
    let nodes = graph["components"].as_array().unwrap();
    assert!(!nodes.is_empty() && graph["admitted"] == true);
    assert_eq!(deployed[0]["components"], nodes.len());
    let drawn = |node: &Value| {
        let fields = granted[0].as_object().unwrap().keys();
        fields.map(|field| (field.clone(), node[field].clone())).collect::<Value>()
    };
    assert_eq!(nodes.iter().map(drawn).collect::<Vec<_>>(), granted);
}

#[test]
fn what_is_drawn_of_the_order_application_is_what_the_host_granted() {
    let (home, scratch, manifest) = (Home::shared(), Scratch::new(), guest("orders.yaml"));
    let up = Up::start(&home, &manifest, &scratch.data());
    admitted(&home, &scratch, &manifest, up);
}

#[test]
fn what_is_drawn_of_links_is_what_the_host_granted() {
    for form in Form::ALL {
        let (home, scratch) = (Home::new(), Scratch::new());
        let topology = Topology::new(form).fork("a", "b", "c").step("b", "d").step("c", "d").elsewhere().leaf("d");
        let manifest = topology.written(&home, &scratch);
        let up = Up::start(&home, &manifest, &scratch.data());
        admitted(&home, &scratch, &manifest, up);
        let graph: Value = serde_json::from_str(&graph(&home, &scratch, &manifest, "json").stdout).unwrap();
        let link =
            |link: &Value| [&link["from"], &link["to"], &link["form"]].map(|text| text.as_str().unwrap().to_owned());
        let links: Vec<_> = graph["links"].as_array().unwrap().iter().map(link).collect();
        // Another account's component is never in its caller's store.
        let near = if form == Form::Free { "together" } else { "separate" };
        let expected = [["a", "b", near], ["a", "c", "separate"], ["b", "d", near], ["c", "d", "separate"]];
        assert_eq!(links, expected, "{form:?}");
    }
}

#[test]
fn what_does_not_verify_is_not_drawn() {
    let (stranger, scratch) = (Home::new(), Scratch::new());
    let said = graph(&stranger, &scratch, &guest("orders.yaml"), "tree");
    assert_eq!((said.status.code(), said.stdout.as_str()), (Some(1), ""));
    assert!(said.stderr.contains("orders-api") && said.stderr.contains("totals"), "{said:?}");
}

#[test]
fn ten_thousand_components_are_too_many_to_draw() {
    use std::fmt::Write as _;
    let scratch = Scratch::new();
    let mut text =
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: { name: big }\nspec:\n  components:\n"
            .to_owned();
    (0..10_000).for_each(|at| {
        writeln!(text, "    - {{ name: c{at}, type: component, properties: {{ image: c.wasm }} }}").unwrap();
    });
    let stderr = graph(&Home::new(), &scratch, &scratch.write("app.yaml", text), "tree").refused();
    assert!(stderr.contains("big has 10000 components, and at most 1000 are drawn"), "{stderr}");
}
