//! Components by people who never heard of writ: built against the published WIT alone, or with an umbrella SDK.

use writ_tests::{Home, Manifest, Scratch, Up, guest, unsigned_guest};

#[test]
fn a_finished_component_runs_after_init_a_filled_in_claim_and_sign() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let wasm = scratch.copy(&unsigned_guest("plain-kv.wasm"), "plain-kv.wasm");

    home.writ_in(&scratch, &["init", "plain-kv.wasm"]).succeeded();
    let claims = scratch.path("writ.yaml");
    let written = std::fs::read_to_string(&claims).expect("`init` writes a writ.yaml");
    for empty in ["keyvalue: []", "http-server: []"] {
        assert!(written.contains(empty), "{empty} is not in\n{written}");
    }
    let filled = written.replace("keyvalue: []", "keyvalue: { bucket: visits, prefix: visits/, verbs: [increment] }");
    let filled = filled.replace("http-server: []", "http-server: { hosts: any, paths: [/] }");
    std::fs::write(&claims, filled).unwrap();
    home.writ_in(&scratch, &["sign", "plain-kv.wasm"]).succeeded();
    home.writ_in(&scratch, &["verify", "plain-kv.wasm"]).succeeded();

    let manifest = scratch.write("app.yaml", Manifest::new("plain-kv", &wasm).to_string());
    let up = Up::start(&home, &manifest, &scratch.data());
    let counted = ["/", "/", "/a", "/"].map(|path| up.get(path).text());
    assert_eq!(counted, ["/: 1\n", "/: 2\n", "/a: 1\n", "/: 3\n"]);
    up.stop();
    let up = Up::start(&home, &manifest, &scratch.data());
    assert_eq!(up.get("/").text(), "/: 4\n", "a count outlives the host");
}

#[test]
fn as_init_wrote_it_a_component_is_denied_and_told_what_to_write() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let wasm = scratch.copy(&unsigned_guest("plain-kv.wasm"), "plain-kv.wasm");
    home.writ_in(&scratch, &["init", "plain-kv.wasm"]).succeeded();
    home.writ_in(&scratch, &["sign", "plain-kv.wasm"]).succeeded();
    let manifest = scratch.write("app.yaml", Manifest::new("plain-kv", &wasm).to_string());
    let stderr = home.writ(&["up", manifest.to_str().unwrap(), "--check"]).refused();
    assert!(stderr.contains("http-server: [{ hosts: any, paths: [/] }]"), "{stderr}");
}

#[test]
fn init_does_not_write_over_a_file() {
    let (home, scratch) = (Home::new(), Scratch::new());
    scratch.copy(&unsigned_guest("plain-kv.wasm"), "plain-kv.wasm");
    let claims = scratch.write("writ.yaml", "precious");
    home.writ_in(&scratch, &["init", "plain-kv.wasm"]).refused();
    assert_eq!(std::fs::read_to_string(claims).unwrap(), "precious");
}

#[test]
fn signing_again_keeps_the_id() {
    let (home, scratch) = (Home::new(), Scratch::new());
    scratch.copy(&unsigned_guest("plain-kv.wasm"), "plain-kv.wasm");
    home.writ_in(&scratch, &["init", "plain-kv.wasm"]).succeeded();
    let id = || {
        let text = std::fs::read_to_string(scratch.path("writ.yaml")).unwrap();
        text.lines().find(|line| line.starts_with("id: M")).map(str::to_owned)
    };
    home.writ_in(&scratch, &["sign", "plain-kv.wasm"]).succeeded();
    let first = id().expect("the first `sign` writes the id");
    home.writ_in(&scratch, &["sign", "plain-kv.wasm"]).succeeded();
    assert_eq!(id(), Some(first));
}

#[test]
fn capabilities_claimed_empty_link_and_permit_nothing() {
    let scratch = Scratch::new();
    let manifest = scratch.write("umbrella.yaml", Manifest::new("umbrella", &guest("umbrella.wasm")).to_string());
    let up = Up::start(&Home::shared(), &manifest, &scratch.data());
    assert_eq!(up.get("/").text(), "ok");
    for path in ["/use-blob", "/use-secret", "/use-http"] {
        let answer = up.get(path);
        assert!((500..600).contains(&answer.status), "{path}: {answer:?}");
        assert_eq!(up.get("/").text(), "ok", "after {path}");
    }
    let failed = up.logged("the failure", |line| line.get("target") == "writ::failed" && line.is_from("umbrella"));
    assert!(!failed.get("reason").is_empty(), "{failed:?}");
}
