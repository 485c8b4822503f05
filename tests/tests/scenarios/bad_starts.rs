//! Starts that cannot be: each is refused in words, and what lies on disk stays as it was.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use expect_test::{Expect, expect};
use serde_json::json;
use writ_tests::{Home, Scratch, Up, free_address, guest, snapshot};

const ORDER: &str = r#"{"customer":"ada","item":"pen","quantity":1,"price_cents":5}"#;

fn up(manifest: &Path, data: &Path, listen: &str) -> String {
    let words = ["up", manifest.to_str().unwrap(), "--data", data.to_str().unwrap(), "--listen", listen];
    Home::shared().writ(&words).refused()
}

#[track_caller]
fn check_manifest(text: &str, expected: Expect) {
    let scratch = Scratch::new();
    let manifest = scratch.write("app.yaml", text);
    let said = up(&manifest, &scratch.data(), "127.0.0.1:0");
    assert!(!scratch.data().exists(), "a data folder was made");
    expected.assert_eq(&scratch.scrub(&said));
}

#[test]
fn a_malformed_manifest_is_refused_with_line_and_column() {
    let good = fs::read_to_string(guest("orders.yaml")).unwrap();
    check_manifest(
        "",
        expect![[r#"
        error: ./app.yaml:1:1: an application is expected to be a mapping, found nothing
    "#]],
    );
    check_manifest(
        "kind: [",
        expect![[r#"
        error: ./app.yaml:1:7: not YAML: unclosed bracket '['
    "#]],
    );
    check_manifest(
        &good.replace("kind: Application", "kind: Deployment"),
        expect![[r#"
        error: ./app.yaml:3:7: `kind` cannot be `Deployment`: expected `Application`
    "#]],
    );
    check_manifest(
        &good.replace("      type: component", "      typ: component"),
        expect![[r#"
        error: ./app.yaml:12:7: unknown field `typ` in a component, expected one of `name`, `type`, `properties`, `traits`
    "#]],
    );
    check_manifest(
        &good.replace("target: { name: keyvalue }", "target: { name: nobody }"),
        expect![[r#"
        error: ./app.yaml:18:29: the link's target `nobody` is no component of this manifest: there are `httpserver`, `keyvalue`, `messaging`, `orders-api`, `totals`
    "#]],
    );
    check_manifest(
        &good.replace("interfaces: [consumer]", "interfaces: [producer]"),
        expect![[r#"
        error: ./app.yaml:27:26: `wasmcloud:messaging` has no interface `producer`, expected one of `consumer`, `handler`
    "#]],
    );
    check_manifest(
        &good.replacen("- name: totals\n", "- name: orders-api\n", 1),
        expect![[r#"
        error: ./app.yaml:29:13: the component name `orders-api` is already there on line 11: give this component another
    "#]],
    );
}

#[test]
fn an_image_that_is_not_there_is_named_with_its_line() {
    let scratch = Scratch::new();
    let manifest = scratch.copy(&guest("orders.yaml"), "orders.yaml");
    let said = scratch.scrub(&up(&manifest, &scratch.data(), "127.0.0.1:0"));
    // Both of them, and not only the first.
    expect![[r#"
        error: ./orders.yaml:14:16: orders-api: cannot read ./orders-api.wasm: No such file or directory (os error 2)
        ./orders.yaml:32:16: totals: cannot read ./totals.wasm: No such file or directory (os error 2)
    "#]]
    .assert_eq(&said);

    fs::create_dir(scratch.path("orders-api.wasm")).unwrap();
    up(&manifest, &scratch.data(), "127.0.0.1:0");
    let remote = fs::read_to_string(&manifest).unwrap().replace("totals.wasm", "ghcr.io/acme/totals:1");
    fs::write(&manifest, remote).unwrap();
    up(&manifest, &scratch.data(), "127.0.0.1:0");
    assert!(!scratch.data().exists());
}

#[test]
fn files_that_are_not_there_are_named() {
    let scratch = Scratch::new();
    let missing = scratch.path("missing");
    let name = missing.to_str().unwrap();
    for words in [
        &["up", name][..],
        &["verify", name],
        &["inspect", name],
        &["sign", name],
        &["init", name],
        &["call", name, "f"],
    ] {
        let stderr = Home::shared().writ(words).refused();
        assert!(stderr.contains(name), "{words:?}: {stderr}");
    }
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let orders = guest("orders.yaml");
    let orders = orders.to_str().unwrap();
    for words in [
        &["up"][..],
        &["up", orders, "--listen", "nowhere"],
        &["up", orders, "--max-instances", "0"],
        &["up", orders, "--max-instances", "2049"],
        &["up", orders, "--drain", "soon"],
        &["up", orders, "--log-format", "xml"],
        &["down", orders],
        &["verify"],
        &["trust", "add", "nobody", "--any"],
        &["key", "generate", "emperor"],
    ] {
        let stderr = Home::shared().writ(words).refused();
        assert!(!stderr.is_empty(), "{words:?}");
    }
}

#[test]
fn without_the_address_space_fewer_instances_are_advised_and_a_check_needs_none() {
    let (home, scratch) = (Home::shared(), Scratch::new());
    // In KiB: far less than an engine reserves for 2048 instances.
    let limited = |last: &[&str]| {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "ulimit -v 16000000; exec \"$0\" \"$@\""]).arg(writ_tests::place("WRIT_BIN")).arg("up");
        shell.arg(guest("orders.yaml")).args(["--max-instances", "2048"]).args(last);
        shell.env("WRIT_HOME", home.path());
        writ_tests::finish(shell)
    };
    limited(&["--check"]).succeeded();
    let said = limited(&["--data", scratch.data().to_str().unwrap()]).refused();
    assert!(said.contains("this machine cannot run the engine") && said.contains("--max-instances"), "{said}");
}

#[test]
fn a_port_in_use_is_refused_and_the_data_is_unharmed() {
    let (home, scratch, orders) = (Home::shared(), Scratch::new(), guest("orders.yaml"));
    let first = Up::start(&home, &orders, &scratch.data());
    assert_eq!(first.post_json("/orders", ORDER).status, 201);
    first.stop();

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = up(&orders, &scratch.data(), &address);
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
    assert!(!said.contains("\"deployed\""), "{said}");

    let again = Up::start(&home, &orders, &scratch.data());
    assert_eq!(again.get("/orders/1").status, 200);
}

#[test]
fn a_data_folder_has_one_host_at_a_time() {
    let (home, scratch, orders) = (Home::shared(), Scratch::new(), guest("orders.yaml"));
    let first = Up::start(&home, &orders, &scratch.data());
    assert_eq!(first.post_json("/orders", ORDER).status, 201);
    let said = scratch.scrub(&up(&orders, &scratch.data(), &free_address().to_string()));
    expect![[r#"
        error: the data folder ./data is in use by another writ
        hint: stop that one, or choose another with --data DIR
    "#]]
    .assert_eq(&said);
    assert_eq!(first.post_json("/orders", ORDER).json(), json!({ "id": 2 }));
    first.stop();
    let second = Up::start(&home, &orders, &scratch.data());
    assert_eq!(second.get("/orders/2").status, 200);
}

#[test]
fn a_data_folder_of_another_version_is_left_alone() {
    let (home, scratch, orders) = (Home::shared(), Scratch::new(), guest("orders.yaml"));
    Up::start(&home, &orders, &scratch.data()).stop();
    fs::write(scratch.data().join("format"), "writ data 999\n").unwrap();
    let before = snapshot(&scratch.data());
    let said = up(&orders, &scratch.data(), &free_address().to_string());
    assert!(said.contains("another version") && said.contains("writ data 999"), "{said}");
    assert_eq!(snapshot(&scratch.data()), before);
}

#[test]
fn a_damaged_store_is_refused_in_words_and_left_as_it_is() {
    let (home, scratch, orders) = (Home::shared(), Scratch::new(), guest("orders.yaml"));
    let first = Up::start(&home, &orders, &scratch.data());
    assert_eq!(first.post_json("/orders", ORDER).status, 201);
    first.stop();
    let store = scratch.data().join("store");
    let whole = snapshot(&store);
    for damage in [garbage as fn(&[u8]) -> Vec<u8>, emptied, cut] {
        whole.iter().for_each(|(path, bytes)| fs::write(path, damage(bytes)).unwrap());
        let damaged = snapshot(&store);
        let said = up(&orders, &scratch.data(), &free_address().to_string());
        assert!(said.contains("store"), "{said}");
        assert_eq!(snapshot(&store), damaged, "what is left of it may be all there is");
    }
    whole.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    assert_eq!(Up::start(&home, &orders, &scratch.data()).get("/orders/1").status, 200);
}

fn garbage(bytes: &[u8]) -> Vec<u8> {
    [&vec![0xa5; bytes.len().min(4_096)], bytes.get(4_096..).unwrap_or_default()].concat()
}

fn emptied(bytes: &[u8]) -> Vec<u8> {
    vec![0; bytes.len()]
}

fn cut(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

#[test]
fn compiled_code_that_was_changed_on_disk_is_not_run() {
    let (home, scratch, orders) = (Home::shared(), Scratch::new(), guest("orders.yaml"));
    Up::start(&home, &orders, &scratch.data()).stop();
    let entries = snapshot(&scratch.data().join("cache"));
    assert!(!entries.is_empty(), "nothing was cached");
    for (path, bytes) in &entries {
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(path, changed).unwrap();
    }
    let up = Up::start(&home, &orders, &scratch.data());
    assert_eq!(up.post_json("/orders", ORDER).status, 201);
    up.stop();
    for (path, bytes) in &entries {
        let mut cut = bytes.clone();
        cut.truncate(10);
        fs::write(path, cut).unwrap();
    }
    Up::start(&home, &orders, &scratch.data()).stop();
}

#[test]
fn check_starts_nothing() {
    let scratch = Scratch::new();
    let (address, data) = (free_address(), scratch.data());
    let (listen, orders) = (address.to_string(), guest("orders.yaml"));
    let words = ["up", orders.to_str().unwrap(), "--check", "--data", data.to_str().unwrap(), "--listen", &listen];
    let said = Home::shared().writ(&words).succeeded().stdout;
    let granted: Vec<_> = said.lines().collect();
    assert_eq!(granted.len(), 2, "{said}");
    assert!(granted[0].starts_with("orders-api (") && granted[0].contains("keyvalue"), "{said}");
    assert!(granted[1].starts_with("totals (") && granted[1].contains("messaging"), "{said}");
    assert!(!data.exists());
    assert!(writ_tests::http::connect(address).is_err());
}

#[test]
fn a_link_that_makes_no_sense_is_refused_with_its_line() {
    let scratch = Scratch::new();
    for file in ["orders-api.wasm", "totals.wasm"] {
        scratch.copy(&guest(file), file);
    }
    let good = fs::read_to_string(guest("orders.yaml")).unwrap();
    let check = |from: &str, to: &str, expected: Expect| {
        assert!(good.contains(from));
        let manifest = scratch.write("app.yaml", good.replace(from, to));
        expected.assert_eq(&scratch.scrub(&up(&manifest, &scratch.data(), "127.0.0.1:0")));
        assert!(!scratch.data().exists());
    };
    check(
        "\"orders.*\"",
        "\"orders..*\"",
        expect![[r#"
            denied: totals (local/totals) cannot be called through wasmcloud:messaging/handler@0.2.0: in the link at line 74, `subscriptions`: `orders..*`: a token is empty
              hint: correct the link's configuration in the manifest
        "#]],
    );
    check(
        "\"orders.*\"",
        "\">\"",
        expect![[r#"
            denied: totals (local/totals) may not be called through wasmcloud:messaging/handler@0.2.0: subscription > (line 74)
              the component's token permits to subscribe to `orders.*`, not `>`

            to allow it to totals, write in the component's token (its writ.yaml, below `claims:`; then sign again):
              messaging: [{ subscribe: ["orders.*"] }, { subscribe: [">"] }]
        "#]],
    );
    check(
        "path: /totals",
        "path: totals",
        expect![[r#"
            denied: totals (local/totals) cannot be called through wasi:http/incoming-handler@0.2.12: in the link at line 57, `path`: `totals`: a path starts with `/`
              hint: correct the link's configuration in the manifest
        "#]],
    );
    check(
        "path: /totals",
        "path: /total",
        expect![[r#"
            denied: totals (local/totals) may not be called through wasi:http/incoming-handler@0.2.12: route any /total (line 57)
              the component's token permits paths `/totals`, not /total

            to allow it to totals, write in the component's token (its writ.yaml, below `claims:`; then sign again):
              http-server: [{ hosts: any, paths: [/totals] }, { hosts: any, paths: [/total] }]
        "#]],
    );
    check(
        "path: /totals",
        "paths: /totals",
        expect![[r#"
            denied: totals (local/totals) cannot be called through wasi:http/incoming-handler@0.2.12: in the link at line 57, `paths`: unknown; http-server knows `address`, `host`, `path`
              hint: correct the link's configuration in the manifest
        "#]],
    );
    check(
        "builtin:keyvalue",
        "builtin:teleport",
        expect![[r#"
        denied: orders-api (local/orders-api) is linked at line 16 to the image builtin:teleport, which does not serve keyvalue
          hint: use `image: builtin:keyvalue` or `image: builtin:keyvalue-memory`
        denied: totals (local/totals) is linked at line 34 to the image builtin:teleport, which does not serve keyvalue
          hint: use `image: builtin:keyvalue` or `image: builtin:keyvalue-memory`
    "#]],
    );
    check(
        "builtin:keyvalue",
        "builtin:messaging",
        expect![[r#"
        denied: orders-api (local/orders-api) is linked at line 16 to the image builtin:messaging, which does not serve keyvalue
          hint: use `image: builtin:keyvalue` or `image: builtin:keyvalue-memory`
        denied: totals (local/totals) is linked at line 34 to the image builtin:messaging, which does not serve keyvalue
          hint: use `image: builtin:keyvalue` or `image: builtin:keyvalue-memory`
    "#]],
    );
}
