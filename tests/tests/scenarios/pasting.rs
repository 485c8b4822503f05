//! Every denial while a component runs offers an entry; pasting what is offered, again and again, makes it pass.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use writ_tests::{Home, Manifest, Scratch, Up, unsigned_guest};

/// The entries of each capability, in one document.
type Claims = BTreeMap<String, Vec<String>>;

/// What a document says of these capabilities, in YAML.
fn to_yaml(claims: &Claims) -> String {
    let line = |(name, entries): (&String, &Vec<String>)| format!("  {name}: [{}]\n", entries.join(", "));
    claims.iter().map(line).collect()
}

/// Starts with empty claims of these capabilities, in the component's token and in the host's policy, and pastes what each
/// denial of a request for this path offers, where it says, until nothing is denied.
#[track_caller]
fn check(name: &str, capabilities: &[&str], method: &str, path: &str, expected: u16) {
    let (home, scratch) = (Home::new(), Scratch::new());
    let empty = || -> Claims { capabilities.iter().map(|name| ((*name).to_owned(), Vec::new())).collect() };
    let (mut own, mut policy) = (empty(), empty());
    let wasm = scratch.copy(&unsigned_guest(&format!("{name}.wasm")), &format!("{name}.wasm"));
    let config = [("colour", "blue"), ("greeting", "hello")];
    let manifest = Manifest { config: &config, ..Manifest::new(name, &wasm) }.to_string();
    let manifest = scratch.write("app.yaml", manifest);
    let server = "  http-server: { hosts: any, paths: any }\n";
    for round in 0..MOST {
        let head = format!("name: {name}\nversion: 0.1.0\nrevision: 1\nexpires: 1d\nclaims:\n{server}");
        scratch.copy(&unsigned_guest(&format!("{name}.wasm")), &format!("{name}.wasm"));
        let old = fs::read_to_string(scratch.path("writ.yaml")).unwrap_or_default();
        let id = old.lines().find(|line| line.starts_with("id: ")).unwrap_or_default();
        scratch.write("writ.yaml", format!("{id}\n{head}{}", to_yaml(&own)));
        home.writ_in(&scratch, &["sign", &format!("{name}.wasm")]).succeeded();
        fs::write(home.path().join("policy.yaml"), format!("capabilities:\n{server}{}", to_yaml(&policy))).unwrap();

        // Signed within a second, it is no later release.
        let args = ["--log-format", "json", "--allow-rollback"];
        let up = Up::start_with(&home, &manifest, &scratch.data(), &args);
        let status = up.send(method, path, &[], b"").status;
        let denials: Vec<_> = up.stop().iter().filter_map(|line| writ_tests::Line::parse(line)).collect();
        let denials = denials.iter().filter(|line| line.get("target") == "writ::denied");
        let mut offered: Vec<_> = denials.map(|line| (line.get("document"), line.get("allow"))).collect();
        offered.sort();
        offered.dedup();
        if offered.is_empty() {
            assert!(round > 0, "nothing was denied to {name} at first");
            assert_eq!(status, expected, "{own:?} {policy:?}");
            return;
        }
        for (document, allow) in offered {
            let (capability, entries) = allow.split_once(": ").unwrap_or_else(|| panic!("{document} offers {allow:?}"));
            let entry = entries.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap().to_owned();
            let claims = if document == "the host's policy" { &mut policy } else { &mut own };
            let known = claims.get_mut(capability).unwrap();
            assert!(!known.contains(&entry), "{document} has {entry} already, and offers it again");
            known.push(entry);
        }
    }
    panic!("{name} is still denied: {own:?} {policy:?}");
}

#[test]
fn keyvalue() {
    check("plain-kv", &["keyvalue"], "GET", "/here", 200);
}

#[test]
fn configuration_and_logging() {
    check("settings", &["config", "logging"], "GET", "/greeting", 200);
}

#[test]
fn messaging() {
    check("courier", &["messaging"], "POST", "/publish/courier.a", 200);
}

#[test]
fn outgoing_http() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
    check("relay", &["http-client"], "GET", &format!("/fetch?url={url}"), 200);
}

/// Rounds: a denial is one of several that are denied one after another.
const MOST: usize = 16;
