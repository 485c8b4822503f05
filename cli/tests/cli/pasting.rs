//! Every denial at deployment, of every capability and by every document: pasting the lines makes it pass.

use std::fs;

use crate::fixture::{Work, component};

const IMPORTS: &[&str] = &[
    "wasi:keyvalue/store@0.2.0-draft",
    "wasmcloud:messaging/consumer@0.2.0",
    "wasi:logging/logging@0.1.0-draft",
    "wasi:http/outgoing-handler@0.2.0",
    "wasi:config/store@0.2.0-rc.1",
    "wasi:cli/environment@0.2.0",
    "wasi:filesystem/preopens@0.2.0",
    "wasi:clocks/monotonic-clock@0.2.0",
    "wasi:blobstore/blobstore@0.2.0-draft",
];
const EXPORTS: &[&str] = &["wasi:http/incoming-handler@0.2.0", "wasmcloud:messaging/handler@0.2.0"];

/// A link from a provider or to one; `{ given }` is its configuration.
fn link(provider: &str, interface: [&str; 3], given: &str, calls: bool) -> String {
    let [namespace, package, interface] = interface;
    let config = format!("{{ config: [{{ name: {provider}-given, properties: {{ {given} }} }}] }}");
    let ends = match calls {
        true => format!("target: {{ name: front }}, source: {config}"),
        false => {
            format!("target: {{ name: {provider}, config: [{{ name: {provider}-given, properties: {{ {given} }} }}] }}")
        }
    };
    format!(
        "        - type: link\n          properties: {{ {ends}, namespace: {namespace}, package: {package}, interfaces: [{interface}] }}\n"
    )
}

fn manifest(restriction: &str) -> String {
    let mut text = format!(
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {{ name: app }}\nspec:\n  components:\n    \
         - name: front\n      type: component\n      properties: {{ image: a.wasm }}\n      traits:\n        \
         - type: writ.dev/restrict\n          properties: {{ claims: {{ {restriction} }} }}\n"
    );
    text.push_str(&link("keyvalue", ["wasi", "keyvalue", "store"], "bucket.x: stock", false));
    text.push_str(&link("environment", ["wasi", "cli", "environment"], "LANG: C", false));
    text.push_str(&link("filesystem", ["wasi", "filesystem", "preopens"], "write./data: data", false));
    for (provider, interface, given) in [
        ("http-server", ["wasi", "http", "incoming-handler"], "address: \"127.0.0.1:8000\", path: /shop"),
        ("messaging", ["wasmcloud", "messaging", "handler"], "subscriptions: \"orders.*\""),
    ] {
        text.push_str(&format!(
            "    - name: {provider}\n      type: capability\n      properties: {{ image: \"builtin:{provider}\" }}\n      traits:\n{}",
            link(provider, interface, given, true)
        ));
    }
    for provider in ["keyvalue", "environment", "filesystem"] {
        text.push_str(&format!(
            "    - name: {provider}\n      type: capability\n      properties: {{ image: \"builtin:{provider}\" }}\n"
        ));
    }
    text
}

/// The lines that are offered for a document.
fn offered(stderr: &str, document: &str) -> Vec<String> {
    let start = format!("to allow it to front, write in {document} (");
    let after = stderr.lines().skip_while(|line| !line.starts_with(&start));
    after.skip(1).take_while(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect()
}

fn below(key: &str, lines: &[String]) -> String {
    format!("{key}:\n{}", lines.iter().map(|line| format!("  {line}\n")).collect::<String>())
}

#[test]
fn pasting_the_lines_of_every_document_makes_it_pass() {
    let work = Work::new();
    fs::create_dir(work.path("data")).unwrap();
    let operator = work.run(&["key", "generate", "operator"]).raw;
    let operator = operator.trim();
    work.write("nothing.yaml", "capabilities: {}\n");
    work.run(&["trust", "add", operator, "--name", "op", "--policy", "nothing.yaml"]);
    work.run(&["account", "create", "team", "--policy", "nothing.yaml"]);
    fs::write(work.path("home/policy.yaml"), "capabilities: {}\n").unwrap();
    work.write("app.yaml", manifest("keyvalue: [], messaging: [], http-server: [], environment: [], filesystem: []"));
    let head = |claims: &str| {
        let old = if work.path("writ.yaml").exists() { work.text("writ.yaml") } else { String::new() };
        let id = old.lines().find(|line| line.starts_with("id: ")).unwrap_or_default();
        format!("name: shop\n{id}\nversion: 0.1.0\nrevision: 1\nexpires: 1d\n{claims}\n")
    };
    let sign = |claims: &str| {
        work.write("a.wasm", component(IMPORTS, EXPORTS));
        work.write("writ.yaml", head(claims));
        work.run(&["sign", "a.wasm"]);
    };
    sign("claims: {}");

    let stderr = work.refuses(&["up", "app.yaml", "--check"]).stderr;
    let lines = |document: &str, expected: usize| {
        let lines = offered(&stderr, document);
        assert_eq!(lines.len(), expected, "{document}: {lines:#?} of\n{stderr}");
        lines
    };
    // All that is imported, asked for by a link, or both. Nobody has to be asked for `clocks`.
    let own = lines("the component's token", 9);
    let account = lines("the account's token", 9);
    let trust = lines("the policy of the operator's trust entry", 9);
    let host = lines("the host's policy", 9);
    let restriction = lines("the manifest's restriction", 5);

    work.write("more.yaml", below("capabilities", &account));
    work.run(&["account", "create", "team", "--key", "team", "--policy", "more.yaml"]);
    work.run(&["trust", "remove", "op"]);
    work.write("more.yaml", below("capabilities", &trust));
    work.run(&["trust", "add", operator, "--name", "op", "--policy", "more.yaml"]);
    fs::write(work.path("home/policy.yaml"), below("capabilities", &host)).unwrap();
    work.write("app.yaml", manifest(&restriction.join(", ")));
    sign(&below("claims", &own));
    let granted = work.run(&["up", "app.yaml", "--check"]).stdout;
    for capability in
        ["keyvalue", "messaging", "logging", "http-client", "http-server", "config", "environment", "filesystem"]
    {
        assert!(granted.contains(capability), "{capability} is not in {granted}");
    }
}
