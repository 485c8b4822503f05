//! Components that call each other: the same expectations of what comes out, of what is refused and of whose it was,
//! whatever the form of the links and however they lead.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wasm_encoder::{ComponentBuilder, ComponentExportKind, ComponentTypeRef, TypeBounds, ValType};
use writ_tests::{Form, Home, Line, Scratch, Topology, Up, steps, unsigned_guest};

/// How often something was denied or used, by component and capability.
type Counts = BTreeMap<(String, String), u64>;

/// Goes every way in every form. At its end the component does what is its own, and tries what is its neighbours'.
#[track_caller]
fn check(build: impl Fn(Topology) -> Topology, ways: &[&str]) {
    for form in Form::ALL {
        let topology = build(Topology::new(form).with_variables());
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
            let text = format!("words+of+{end}+by+{way}");
            assert_eq!(outcome(&format!("log:{text}")), "logged");
            assert_eq!(outcome(&format!("print:{text}")), "printed");
            gone += 2;
            for stream in ["", "stdout"] {
                let said = |line: &Line| line.get("message").contains(&text) && line.get("stream") == stream;
                let line = up.logged("what a guest says", said);
                assert!(line.is_from(topology.signed(end)), "{form:?} {way}: {line:?}");
            }
            let given = topology.variables(end).map(|(name, value)| format!("{name}={value}"));
            assert_eq!(outcome("environment"), given.join(" "), "{form:?} {way}");
            gone += 1;
            // Where no host stands between the two, nobody counts.
            for pair in path.windows(2).filter(|pair| !topology.is_fused(pair[0], pair[1])) {
                for _ in 0..gone {
                    count(&mut used, pair[0], "call");
                    count(&mut used, pair[1], "serve");
                }
            }
        }
        up.stop();
        let mut linked = home.audited(&scratch, "used");
        linked.retain(|(_, capability), _| ["call", "serve"].contains(&capability.as_str()));
        assert_eq!(home.audited(&scratch, "denied"), denied, "{form:?}: whose denials the audit says they are");
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
fn a_link_of_two_interfaces() {
    let build = |link: &'static str| {
        move |all: Topology| all.component("a", fork(), vec![(link, "b")]).step("b", "c").leaf("c")
    };
    check(build("left, right"), &["left", "right", "left,left", "right,left"]);
    // It is not in the store of its caller; over either interface it knows who calls.
    for (form, link) in Form::ALL.into_iter().flat_map(|form| ["left, right", "right, left"].map(|link| (form, link))) {
        let inside = if form == Form::Free { "together" } else { "separate" };
        let topology = build(link)(Topology::new(form));
        let (one, other) = link.split_once(", ").unwrap();
        let expected = [one, other].map(|turn| format!("a {turn} b separate"));
        forms(&topology, &[&expected[0], &expected[1], &format!("b left c {inside}")]);
        let (home, scratch) = (Home::new(), Scratch::new());
        let up = topology.start(&home, &scratch);
        let calls: Vec<_> = steps(&up, "way=left;right").into_iter().map(|step| step.1).collect();
        assert_eq!(calls, [2, 2], "{form:?} {link}: one instance serves both interfaces");
    }
}

fn fork() -> Vec<u8> {
    std::fs::read(unsigned_guest("hop-fork.wasm")).unwrap()
}

/// Where the callee of each link runs, as `writ graph` draws it.
#[track_caller]
fn forms(topology: &Topology, expected: &[&str]) {
    let (home, scratch) = (Home::new(), Scratch::new());
    let graph = topology.graph(&home, &scratch);
    let links = graph["links"].as_array().unwrap().iter().map(|link| {
        let [from, import, to, form] = ["from", "import", "to", "form"].map(|field| link[field].as_str().unwrap());
        let interface = import.trim_start_matches("demo:hops/").trim_end_matches("@0.1.0");
        format!("{from} {interface} {to} {form}")
    });
    assert_eq!(links.collect::<Vec<_>>(), expected);
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

#[test]
fn composed_before_signing_inside_of_what_the_host_composes() {
    let around = |wasm: Vec<u8>| writ_tests::composed(&wasm);
    check(
        |all| all.step("a", "b").with(around).fork("b", "c", "d").with(around).leaf("c").with(around).leaf("d"),
        &["left", "left,left", "left,right"],
    );
}

#[test]
fn what_passes_a_resource_is_linked_in_no_form() {
    let refused = Form::ALL.map(|form| {
        let (home, scratch) = (Home::new(), Scratch::new());
        let topology = Topology::new(form).step("a", "b").component("b", of_a_resource(), vec![]);
        let manifest = topology.written(&home, &scratch);
        home.writ(&["up", manifest.to_str().unwrap(), "--check"]).refused()
    });
    let [separate, free] = &refused;
    assert_eq!(separate, free);
    let told = "a (mint/a) is linked to b at line 10 for demo:hops/left, which passes a resource (`ticket`): between components only plain data goes";
    assert!(free.contains(told), "{free}");
}

/// A component that exports `demo:hops/left` with a resource in it.
fn of_a_resource() -> Vec<u8> {
    let mut outer = ComponentBuilder::default();
    let ticket = outer.type_resource(None, ValType::I32, None);
    let mut inner = ComponentBuilder::default();
    let given = inner.import("ticket", ComponentTypeRef::Type(TypeBounds::SubResource));
    inner.export("ticket", ComponentExportKind::Type, given, None);
    let inner = outer.component(None, inner);
    let left = outer.instantiate(None, inner, [("ticket", ComponentExportKind::Type, ticket)]);
    outer.export("demo:hops/left@0.1.0", ComponentExportKind::Instance, left, None);
    outer.finish()
}

/// Asks for a failure at the end of the way `a`, `b`, `c`, where `c` fails: what is answered, and what is logged of it.
#[track_caller]
fn fails(up: &Up, how: &str, status: u16, kind: &str) {
    let seen = failures(up).len();
    assert_eq!(up.get(&format!("/?way=left,left&task=fail:{how}")).status, status, "{how}");
    let line = writ_tests::eventually(how, || failures(up).into_iter().nth(seen));
    assert!(line.get("kind") == kind && !line.get("backtrace").is_empty(), "{line:?}");
    assert_eq!(steps(up, "way=left,left").len(), 3, "after {how}");
    let told: Vec<_> = failures(up).split_off(seen).iter().map(|line| line.get("component")).collect();
    assert_eq!(told, ["mint/c"], "one component failed by {how}, and it alone is said to have");
}

fn failures(up: &Up) -> Vec<Line> {
    up.log().into_iter().filter(|line| line.get("target") == "writ::failed").collect()
}

#[test]
fn what_fails_ends_the_request_and_is_named() {
    for form in Form::ALL {
        let (home, scratch) = (Home::new(), Scratch::new());
        let topology = Topology::new(form).step("a", "b").step("b", "c").leaf("c");
        let up = topology.start(&home, &scratch);
        fails(&up, "trap", 500, "Trap");
        fails(&up, "exit", 500, "Exit");
        fails(&up, "hog", 500, "Memory");
    }
}

#[test]
fn a_call_has_what_is_left_of_its_callers_time_and_its_own_limit() {
    for form in Form::ALL {
        let topology = |own: [&str; 3]| {
            let all = Topology::new(form).step("a", "b").within(own[0]);
            all.step("b", "c").within(own[1]).leaf("c").within(own[2])
        };
        // The least of them ends it, whosever it is; the others would outlast the client.
        for (own, [first, second]) in [
            (["1s", "10m", "10m"], ["together", "together"]),
            (["10m", "1s", "10m"], ["separate", "together"]),
            (["10m", "10m", "1s"], ["together", "separate"]),
        ] {
            // One store has one deadline, so what has less time than who is called first is not in the store of that one.
            let form_of = |free| if form == Form::Free { free } else { "separate" };
            let expected = [format!("a left b {}", form_of(first)), format!("b left c {}", form_of(second))];
            forms(&topology(own), &[&expected[0], &expected[1]]);
            let (home, scratch) = (Home::new(), Scratch::new());
            let up = topology(own).start(&home, &scratch);
            fails(&up, "spin", 504, "Deadline");
            fails(&up, "sleep", 504, "Deadline");
        }
    }
}

/// A component that is called first in one request and by another in the next has two bounds, and its link two forms.
#[test]
fn one_link_may_have_either_form() {
    let topology = |form| {
        let all = Topology::new(form).step("a", "b").within("10m").step("d", "b").within("1s");
        all.step("b", "c").within("10m").leaf("c").within("1s")
    };
    forms(&topology(Form::Free), &["a left b together", "d left b together", "b left c either"]);
    forms(&topology(Form::Separate), &["a left b separate", "d left b separate", "b left c separate"]);
    let (home, scratch) = (Home::new(), Scratch::new());
    let manifest = topology(Form::Free).written(&home, &scratch);
    let drawn = home.writ(&["graph", manifest.to_str().unwrap()]).succeeded().stdout;
    let told = "demo:hops/left@0.1.0, in the same store or in one of its own";
    assert!(drawn.contains(told), "{told} is not in\n{drawn}");
    let up = topology(Form::Free).start(&home, &scratch);
    fails(&up, "spin", 504, "Deadline");
}

#[test]
fn one_line_less_stops_one_call_and_is_named() {
    let left = json!({ "interface": "demo:hops/left@0.1.0", "component": "b" });
    let right = json!({ "interface": "demo:hops/right@0.1.0", "component": "c" });
    let whole = || Topology::new(Form::Free).fork("a", "b", "c").leaf("b").leaf("c");
    let check = |topology: Topology| {
        let (home, scratch) = (Home::new(), Scratch::new());
        let manifest = topology.written(&home, &scratch);
        home.writ(&["up", manifest.to_str().unwrap(), "--check"])
    };
    check(whole()).succeeded();
    let fork = |call: Value| Topology::new(Form::Free).fork("a", "b", "c").claiming("call", call).leaf("b").leaf("c");
    let missing = |topology: Topology, denial: &str, line: &str| {
        let stderr = check(topology).refused();
        let denied: Vec<_> = stderr.lines().filter(|line| line.starts_with("denied:")).collect();
        assert!(denied.len() == 1 && denied[0].contains(denial), "{stderr}");
        assert!(stderr.lines().any(|other| other.trim() == line), "{line} is not in\n{stderr}");
    };
    missing(
        fork(json!([left])),
        "a (mint/a) may not call demo:hops/right@0.1.0 of c (mint/c), as the link at line 11 says",
        "call: [{ component: b, interface: \"demo:hops/left@0.1.0\" }, { component: c, interface: \"demo:hops/right@0.1.0\" }]",
    );
    missing(
        fork(json!([right])),
        "a (mint/a) may not call demo:hops/left@0.1.0 of b (mint/b), as the link at line 10 says",
        "call: [{ component: c, interface: \"demo:hops/right@0.1.0\" }, { component: b, interface: \"demo:hops/left@0.1.0\" }]",
    );
    missing(
        Topology::new(Form::Free).fork("a", "b", "c").leaf("b").leaf("c").claiming("serve", json!([])),
        "c (mint/c) may not serve demo:hops/right@0.1.0 to a (mint/a), as the link at line 11 says",
        "serve: [{ component: a, interface: \"demo:hops/right@0.1.0\" }]",
    );
}

#[test]
fn a_request_takes_all_its_instances_at_once() {
    let diamond = |form| Topology::new(form).fork("a", "b", "c").step("b", "d").step("c", "d").leaf("d");
    let (home, scratch) = (Home::new(), Scratch::new());
    let manifest = diamond(Form::Separate).written(&home, &scratch);
    let data = scratch.data();
    let args = ["up", manifest.to_str().unwrap(), "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let stderr = home.writ(&[&args[..], &["--max-instances", "4"]].concat()).refused();
    assert!(stderr.contains("a call takes 5 instances at once"), "{stderr}");

    // Twice as many requests as there is room for: none waits for another that waits for it.
    let up = Up::start_with(&home, &manifest, &data, &["--log-format", "json", "--max-instances", "12"]);
    std::thread::scope(|threads| {
        let ask = |at: usize| {
            let way = if usize::is_multiple_of(at, 2) { "left,left" } else { "right,left" };
            (0..10).for_each(|_| assert_eq!(steps(&up, &format!("way={way}")).len(), 3));
        };
        let asked: Vec<_> = (0..8).map(|at| threads.spawn(move || ask(at))).collect();
        asked.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_component_of_another_account_names_its_callers_account() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let serve = json!([{ "interface": "any", "account": "self" }]);
    let topology = Topology::new(Form::Free).step("a", "b").leaf("b").elsewhere().claiming("serve", serve);
    let manifest = topology.written(&home, &scratch);
    let stderr = home.writ(&["up", manifest.to_str().unwrap(), "--check"]).refused();
    assert!(stderr.contains("b (mint/b) may not serve demo:hops/left@0.1.0 to a (mint/a)"), "{stderr}");
    assert!(stderr.contains("serve: [{ account: self, interface: any }, { component: A"), "{stderr}");
}

/// The second start takes what the first one made, and nothing changes by that; with one link less it makes another.
#[test]
fn what_was_put_together_once_is_kept() {
    let build = || Topology::new(Form::Free).fork("a", "b", "c").step("b", "c").leaf("c");
    let (home, scratch) = (Home::new(), Scratch::new());
    let manifest = build().written(&home, &scratch);
    let kept = || {
        let entries = std::fs::read_dir(scratch.data().join("cache")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<std::collections::BTreeSet<_>>()
    };
    let run = || {
        let up = Up::start_with(&home, &manifest, &scratch.data(), &["--log-format", "json"]);
        let outcomes = ["way=right&task=bucket:c", "way=left&task=bucket:c", "way=left,left&task=bucket:b"]
            .map(|query| steps(&up, query));
        up.stop();
        outcomes
    };
    let (first, entries) = (run(), kept());
    assert_eq!(entries.len(), 1, "one store, one composite");
    // The keys are there by now: what is new in the first run is found in the second.
    let told = |steps: [Vec<(String, u64, String)>; 3]| format!("{steps:?}").replace("\"new\"", "\"found\"");
    assert_eq!(told(run()), told(first));
    assert_eq!(kept(), entries);

    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replacen("interfaces: [right]", "interfaces: [right], isolation: separate", 1))
        .unwrap();
    run();
    assert!(kept().len() > entries.len(), "another way to put them together");
}
