//! Components that call each other: the same expectations of what comes out, of what is refused and of whose it was,
//! whatever the form of the links and however they lead.

use std::collections::BTreeMap;

use writ_tests::{Form, Home, Scratch, Topology, steps};

/// How often something was denied or used, by component and capability.
type Counts = BTreeMap<(String, String), u64>;

/// Goes every way in every form. At its end the component does what is its own, and tries what is its neighbours'.
#[track_caller]
fn check(build: impl Fn(Topology) -> Topology, ways: &[&str]) {
    for form in Form::ALL {
        let topology = build(Topology::new(form));
        let (home, scratch) = (Home::new(), Scratch::new());
        let up = topology.start(&home, &scratch);
        let (mut denied, mut used) = (Counts::new(), Counts::new());
        for way in ways {
            let path = path(&topology, way);
            let end = *path.last().unwrap();
            let go = |task: &str| steps(&up, &format!("way={way}&task={task}"));
            let outcome = |task: &str| go(task).pop().unwrap().2;
            let count = |counts: &mut Counts, name: &str, capability: &str| {
                *counts.entry((topology.signed(name).to_owned(), capability.to_owned())).or_default() += 1;
            };
            let mut gone = 0;

            let callers: Vec<_> = go("look").into_iter().map(|(caller, calls, _)| (caller, calls)).collect();
            let expected: Vec<_> = std::iter::once("nobody")
                .chain(path.iter().map(|name| topology.signed(name)).take(path.len() - 1))
                .map(|caller| (caller.to_owned(), 1))
                .collect();
            assert_eq!(callers, expected, "{form:?} {way}");
            let calls: Vec<_> = steps(&up, &format!("way={way}&times=3")).into_iter().map(|step| step.1).collect();
            assert_eq!(calls, vec![3; path.len()], "an instance serves its link for a whole request");
            gone += 4;

            let own = outcome(&format!("bucket:{}", topology.signed(end)));
            assert!(["new", "found"].contains(&own.as_str()), "{form:?} {way}: {own}");
            assert_eq!(outcome(&format!("subject:{}.x", topology.signed(end))), "published", "{form:?} {way}");
            gone += 2;
            for other in topology.names().filter(|other| topology.signed(other) != topology.signed(end)) {
                for (task, capability) in [
                    (format!("bucket:{other}"), "keyvalue"),
                    (format!("subject:{other}.x"), "messaging"),
                    (format!("host:{other}.example"), "http-client"),
                ] {
                    let said = outcome(&task);
                    let refused =
                        ["AccessDenied", "access-denied", "HttpRequestDenied"].iter().any(|word| said.contains(word));
                    assert!(refused, "{form:?} {way}: {end} may {task}: {said}");
                    count(&mut denied, end, capability);
                    gone += 1;
                }
            }
            let text = format!("words of {end} by {way}");
            assert_eq!(outcome(&format!("log:{}", text.replace(' ', "+"))), "logged");
            gone += 1;
            let line = up.logged("what a guest logs", |line| line.get("message").contains(&text.replace(' ', "+")));
            assert!(line.is_from(topology.signed(end)), "{form:?} {way}: {line:?}");
            for pair in path.windows(2) {
                for _ in 0..gone {
                    count(&mut used, pair[0], "call");
                    count(&mut used, pair[1], "serve");
                }
            }
        }
        up.stop();
        let (written, linked) = audited(&home, &scratch);
        assert_eq!(written, denied, "{form:?}: whose denials the audit says they are");
        assert_eq!(linked, used, "{form:?}: whose calls the audit says they are");
    }
}

/// The manifest components on a way, the first included.
fn path(topology: &Topology, way: &str) -> Vec<&'static str> {
    let mut path = vec![topology.names().next().unwrap()];
    for turn in way.split(',').filter(|turn| !turn.is_empty()) {
        path.push(topology.after(path[path.len() - 1], turn));
    }
    path
}

/// What the audit log says of denials, and of uses of `call` and `serve`.
fn audited(home: &Home, scratch: &Scratch) -> (Counts, Counts) {
    let data = scratch.data();
    let shown = home.writ(&["audit", "show", "--output", "json", "--data", data.to_str().unwrap()]).succeeded().stdout;
    let (mut denied, mut used) = (Counts::new(), Counts::new());
    for line in shown.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |field: &str| record[field].as_str().unwrap_or_default().to_owned();
        let (name, capability) = (text("component").rsplit('/').next().unwrap().to_owned(), text("capability"));
        let counts = match text("event").as_str() {
            "denied" => &mut denied,
            "used" if ["call", "serve"].contains(&capability.as_str()) => &mut used,
            _ => continue,
        };
        *counts.entry((name, capability)).or_default() += record["count"].as_u64().unwrap();
    }
    (denied, used)
}

#[test]
fn a_component_alone() {
    check(|all| all.leaf("a"), &[""]);
}

#[test]
fn two() {
    check(|all| all.step("a", "b").leaf("b"), &["", "left"]);
}

#[test]
fn a_chain() {
    check(|all| all.step("a", "b").step("b", "c").step("c", "d").leaf("d"), &["left", "left,left,left"]);
}

#[test]
fn a_long_chain() {
    let names: Vec<&'static str> = (0..20).map(|at| &*format!("n{at}").leak()).collect();
    let build = |mut all: Topology| {
        for pair in names.windows(2) {
            all = all.step(pair[0], pair[1]);
        }
        all.leaf(names[19])
    };
    check(build, &[&["left"; 19].join(",")]);
}

#[test]
fn a_diamond() {
    check(
        |all| all.fork("a", "b", "c").step("b", "d").step("c", "d").leaf("d"),
        &["left", "right", "left,left", "right,left"],
    );
}

#[test]
fn a_shared_dependency_and_a_direct_one() {
    check(|all| all.fork("a", "b", "c").step("b", "c").leaf("c"), &["left,left", "right"]);
}

#[test]
fn two_links_to_one() {
    check(|all| all.fork("a", "b", "b").leaf("b"), &["left", "right"]);
}

#[test]
fn two_instances_of_one_component() {
    check(|all| all.fork("a", "b", "c").leaf("b").leaf("c").like("b"), &["left", "right"]);
}

#[test]
fn a_component_that_calls_another_of_its_own_file() {
    check(
        |all| all.step("a", "b").step("b", "c").step("c", "d").like("b").leaf("d"),
        &["left", "left,left", "left,left,left"],
    );
}

#[test]
fn a_tree() {
    let build = |all: Topology| {
        let all = all.fork("a", "b", "c").fork("b", "d", "e").fork("c", "f", "g");
        all.leaf("d").leaf("e").leaf("f").leaf("g")
    };
    check(build, &["left,left", "left,right", "right,left", "right,right"]);
}

#[test]
fn two_accounts() {
    check(|all| all.step("a", "b").step("b", "c").elsewhere().leaf("c"), &["left", "left,left"]);
}

#[test]
fn mixed_versions_of_wasi() {
    // The name of a version that is as long, everywhere in the file.
    let older = |wasm: Vec<u8>| {
        let mut wasm = wasm;
        let at: Vec<_> = wasm.windows(7).enumerate().filter(|(_, text)| text == b"@0.2.12").map(|(at, _)| at).collect();
        assert!(!at.is_empty());
        at.into_iter().for_each(|at| wasm[at..at + 7].copy_from_slice(b"@0.2.10"));
        wasm
    };
    check(|all| all.step("a", "b").step("b", "c").with(older).leaf("c"), &["left", "left,left"]);
}
