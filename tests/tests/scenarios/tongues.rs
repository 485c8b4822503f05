//! Components in five languages in one store, with a hostile one in front of each and another behind it. `cargo xtask guests
//! --all` builds the guests in other languages.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use writ_tests::{Form, Home, Scratch, Topology, Up, place, skip, steps, unsigned_guest};

/// A language, who is in front of it, and the way to there from the first component.
const LANGUAGES: [[&str; 3]; 5] = [
    ["rust", "before-rust", "left,left"],
    ["javascript", "before-javascript", "left,right"],
    ["python", "before-python", "right,right"],
    ["c", "before-c", "right,left,left"],
    ["go", "before-go", "right,left,right"],
];

/// All of them, joined as in no language: each calls the same end, which has an instance for each.
fn topology() -> Topology {
    let wasm = |name: &str| std::fs::read(unsigned_guest(&format!("{name}.wasm"))).unwrap();
    let mut all = Topology::new(Form::Free)
        .fork("a", "b", "d")
        .fork("b", "before-rust", "before-javascript")
        .fork("d", "e", "before-python")
        .fork("e", "before-c", "before-go");
    for [language, before, _] in LANGUAGES {
        all = all
            .component(before, wasm("hop-before"), vec![("echo", language)])
            .component(language, wasm(&format!("conformance-{language}")), vec![("echo", "behind")])
            .claiming("logging", json!({ "level": "debug" }))
            .holding("128MiB");
    }
    all.component("behind", wasm("hop-behind"), vec![])
}

#[test]
fn nobody_borrows_from_a_neighbour_in_another_language() {
    let built = place("WRIT_GUESTS").join("source").join("conformance-python.wasm").exists();
    if !built && skip("the guests in other languages are not built; `cargo xtask guests --all` does") {
        return;
    }
    let (home, scratch, topology) = (Home::new(), Scratch::new(), topology());
    is_one_store(&topology, &topology.graph(&home, &scratch));
    let manifest = scratch.path("app.yaml");
    let mut up = Up::spawn(&home, &manifest, &scratch.data(), &["--log-format", "json", "--log-level", "debug"]);
    up.await_deployed(COMPILING);

    let mut expected = BTreeMap::new();
    for [language, before, way] in LANGUAGES {
        let through = format!("{way},left");
        let called_by = task(&up, &through, "look");
        assert!(called_by.starts_with(&format!("mint/{language} ")), "{language} is who calls, and not {called_by}");
        for (who, way, neighbours) in
            [(before, way, [language, "behind", "a"]), ("behind", &through, [language, before, "a"])]
        {
            for neighbour in neighbours {
                for (what, capability) in [
                    (format!("bucket:{neighbour}"), "keyvalue"),
                    (format!("subject:{neighbour}.x"), "messaging"),
                    (format!("host:{neighbour}.example"), "http-client"),
                ] {
                    let said = task(&up, way, &what);
                    let words = ["AccessDenied", "access-denied", "HttpRequestDenied"];
                    assert!(words.iter().any(|word| said.contains(word)), "{who} at {way} may {what}: {said}");
                    *expected.entry((who.to_owned(), capability.to_owned())).or_insert(0) += 1;
                }
            }
            let own = task(&up, way, &format!("bucket:{who}"));
            assert!(["new", "found"].contains(&own.as_str()), "{who} at {way}: {own}");
            assert_eq!(task(&up, way, &format!("subject:{who}.x")), "published");
            for (what, done) in [("log", "logged"), ("print", "printed")] {
                let text = format!("{what}-of-{who}-{language}");
                assert_eq!(task(&up, way, &format!("{what}:{text}")), done);
                let said = up.logged("its line", |line| line.get("message") == text);
                assert!(said.is_from(who), "{said:?}");
            }
        }
        let said = up.logged("a line in between", |line| line.get("context") == language);
        assert!(said.is_from(language), "{said:?}");
    }
    up.stop();
    assert_eq!(home.audited(&scratch, "denied"), expected);
}

/// What came of a task at the end of a way.
#[track_caller]
fn task(up: &Up, way: &str, task: &str) -> String {
    steps(up, &format!("way={way}&task={task}")).pop().unwrap().2
}

#[track_caller]
fn is_one_store(topology: &Topology, graph: &Value) {
    let stores = graph["stores"].as_array().unwrap();
    assert_eq!(stores.len(), 1, "{stores:#?}");
    let members = stores[0]["members"].as_array().unwrap().iter();
    let mut members: Vec<_> =
        members.map(|member| (member["name"].as_str().unwrap(), member["instances"].as_u64().unwrap())).collect();
    let mut expected: Vec<_> = topology.names().map(|name| (name, if name == "behind" { 5 } else { 1 })).collect();
    members.sort_unstable();
    expected.sort_unstable();
    assert_eq!(members, expected);
}

/// Two interpreters are compiled once.
const COMPILING: Duration = Duration::from_secs(600);
