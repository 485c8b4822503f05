//! The claims decide: at deployment, and again at every operation.

use std::fs;

use writ_tests::{Home, Manifest, Scratch, Up, guest, http, unsigned_guest};

/// The words after `to allow it to COMPONENT, write in DOCUMENT (…):`.
fn lines_to_paste(stderr: &str, document: &str) -> Vec<String> {
    let after = stderr.lines().skip_while(|line| !(line.starts_with("to allow it") && line.contains(document)));
    let indented = after.skip(1).take_while(|line| line.starts_with("  "));
    indented.map(|line| line.trim().to_owned()).collect()
}

/// Puts lines below `claims:` or `capabilities:`; each replaces the line of its capability.
fn paste(text: &str, below: &str, lines: &[String]) -> String {
    let capability = |line: &str| line.split(':').next().unwrap_or_default().trim().to_owned();
    let replaced: Vec<_> = lines.iter().map(|line| capability(line)).collect();
    let kept = text.lines().filter(|line| !(line.starts_with("  ") && replaced.contains(&capability(line))));
    let mut pasted = String::new();
    for line in kept {
        pasted.push_str(&format!("{line}\n"));
        if line == below {
            lines.iter().for_each(|line| pasted.push_str(&format!("  {line}\n")));
        }
    }
    pasted
}

#[test]
fn the_intruder_is_refused_and_every_missing_claim_is_named() {
    let scratch = Scratch::new();
    let address = writ_tests::free_address().to_string();
    let data = scratch.data();
    let manifest = guest("intruder.yaml");
    let up = ["up", manifest.to_str().unwrap(), "--listen", &address, "--data", data.to_str().unwrap()];
    let stderr = Home::shared().writ(&up).refused();
    for missing in ["`keyvalue`", "`messaging`", "`http-server`"] {
        assert!(stderr.contains(missing), "{missing} is not named in\n{stderr}");
    }
    let lines = lines_to_paste(&stderr, "writ.yaml");
    let about = |name: &str| lines.iter().any(|line| line.starts_with(&format!("{name}: ")));
    assert!(["keyvalue", "messaging", "http-server"].into_iter().all(about), "{lines:?} from\n{stderr}");
    assert!(!about("logging"), "logging is claimed: {lines:?}");
    assert!(!data.exists(), "a refused application made a data folder");
    assert!(http::connect(address.parse().unwrap()).is_err(), "a refused application listens");
}

#[test]
fn pasting_the_lines_and_signing_again_makes_it_pass() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let wasm = scratch.copy(&unsigned_guest("intruder.wasm"), "unsigned.wasm");
    let claims = scratch.copy(&unsigned_guest("intruder.yaml"), "writ.yaml");
    let manifest = scratch.copy(&guest("intruder.yaml"), "intruder.yaml");
    let (signed, policy) = (scratch.path("intruder.wasm"), home.path().join("policy.yaml"));
    let [wasm, manifest, signed] = [&wasm, &manifest, &signed].map(|path| path.to_str().unwrap());
    let sign = || home.writ(&["sign", wasm, "--claims", claims.to_str().unwrap(), "-o", signed]).succeeded();
    let check = || home.writ(&["up", manifest, "--check"]);

    sign();
    // The host's owner refuses, too: both documents are named, each with its own lines.
    fs::write(&policy, "capabilities:\n  logging: any\n").unwrap();
    let stderr = check().refused();
    let place = [(&claims, "writ.yaml", "claims:"), (&policy, "policy.yaml", "capabilities:")];
    for (path, document, below) in place {
        let lines = lines_to_paste(&stderr, document);
        assert_eq!(lines.len(), 3, "{document}: {stderr}");
        fs::write(path, paste(&fs::read_to_string(path).unwrap(), below, &lines)).unwrap();
    }
    sign();
    let granted = check().succeeded().stdout;
    for capability in ["keyvalue", "messaging", "http-server", "logging"] {
        assert!(granted.contains(capability), "{capability} is not in\n{granted}");
    }

    let up = Up::start(&home, manifest.as_ref(), &scratch.data());
    // Linked, but an empty claim permits no bucket.
    let answer = up.get("/orders/1");
    assert_eq!(answer.status, 500, "{answer:?}");
    up.logged("the denial", |line| line.is_from("intruder") && line.get("message").contains("access-denied"));
    up.stop();
}

#[test]
fn a_component_that_claims_one_bucket_gets_access_denied_for_any_other() {
    let scratch = Scratch::new();
    let up = Up::start(&Home::shared(), &guest("intruder-bucket.yaml"), &scratch.data());
    let probe = |bucket: &str| {
        let answer = up.get(&format!("/probe?bucket={bucket}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["outcome"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(probe("mine"), "ok");
    for other in ["other", "orders", "totals", "", "Mine", "mine/", "mine%00", "../mine", "min", "mine2", "%6dine"] {
        assert_eq!(probe(other), "access-denied", "{other:?}");
    }
    assert_eq!(probe("mine"), "ok");
    up.stop();

    // What it wrote as `order/1` lies in its own bucket, and is nobody's order.
    let up = Up::start(&Home::shared(), &guest("orders.yaml"), &scratch.data());
    assert_eq!(up.get("/orders/1").status, 404);
}

#[test]
fn a_restriction_in_the_manifest_narrows_and_never_widens() {
    let scratch = Scratch::new();
    let plain = Manifest::new("plain-kv", &guest("plain-kv.wasm")).to_string();
    let restricted = |claims: &str| {
        let traits = format!("\n      traits: [{{ type: writ.dev/restrict, properties: {{ claims: {claims} }} }}]\n");
        let image = plain.lines().find(|line| line.contains("file://")).unwrap();
        let text = plain.replace(&format!("{image}\n"), &format!("{image}{traits}"));
        scratch.write("restricted.yaml", text)
    };

    let narrow = restricted("{ keyvalue: { bucket: others } }");
    let up = Up::start(&Home::shared(), &narrow, &scratch.data());
    let answer = up.get("/x");
    assert_eq!((answer.status, answer.text().contains("AccessDenied")), (503, true), "{answer:?}");
    up.stop();

    let wide = restricted("{ keyvalue: { bucket: any }, http-server: { hosts: any, paths: any } }");
    let up = Up::start(&Home::shared(), &wide, &scratch.data());
    assert_eq!(up.get("/x").text(), "/x: 1\n");
    up.stop();

    let refused = restricted("{ http-server: { hosts: any, paths: [/other] } }");
    let stderr = Home::shared().writ(&["up", refused.to_str().unwrap(), "--check"]).refused();
    assert!(stderr.contains("writ.dev/restrict"), "{stderr}");
}

#[test]
fn the_hosts_policy_is_the_most_that_is_granted() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let wasm = scratch.copy(&unsigned_guest("plain-kv.wasm"), "unsigned.wasm");
    let claims = scratch.copy(&unsigned_guest("plain-kv.yaml"), "writ.yaml");
    let signed = scratch.path("plain-kv.wasm");
    let [wasm, claims] = [&wasm, &claims].map(|path| path.to_str().unwrap());
    home.writ(&["sign", wasm, "--claims", claims, "-o", signed.to_str().unwrap()]).succeeded();
    let manifest = scratch.write("app.yaml", Manifest::new("plain-kv", &signed).to_string());
    let check = || home.writ(&["up", manifest.to_str().unwrap(), "--check"]);
    check().succeeded();

    fs::write(home.path().join("policy.yaml"), "capabilities:\n  keyvalue: []\n").unwrap();
    let stderr = check().refused();
    assert!(stderr.contains("policy.yaml") && stderr.contains("http-server"), "{stderr}");

    fs::write(home.path().join("policy.yaml"), "capabilities: any\n").unwrap();
    check().succeeded();
    fs::write(home.path().join("policy.yaml"), "capabilities: [oops\n").unwrap();
    let stderr = check().refused();
    assert!(stderr.contains("policy.yaml:"), "{stderr}");
}
