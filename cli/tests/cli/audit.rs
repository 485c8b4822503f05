//! `writ audit`, of logs that were made by hand.

use std::fs;

use expect_test::expect;
use writ_host::{Audit, Bounds, Event};

use crate::fixture::{Work, component};

fn event(application: &str) -> Event {
    Event::Withdrawn { application: application.to_owned(), generation: 1 }
}

/// A log of two events, which is not held.
fn world() -> (Work, Audit) {
    let work = Work::new();
    let audit = Audit::open(&work.path("data/audit"), Bounds::default()).unwrap();
    ["one", "two"].iter().for_each(|name| audit.record(&event(name)));
    (work, audit)
}

fn said(work: &Work, more: &[&str], code: i32) -> (String, String) {
    let ran = work.finish(work.command(&[&["audit", "verify", "--data", "data"], more].concat()), "", code);
    (ran.stdout, ran.stderr)
}

#[test]
fn nobody_forges_a_line_of_what_is_shown() {
    let (work, audit) = world();
    audit.record(&event("x\n     9  2026-01-01T00:00:00Z  granted    acme: everything"));
    assert_eq!(work.run(&["audit", "show", "--data", "data"]).raw.lines().count(), 3);
}

/// A log that was cut goes on, and nobody overlooks that.
#[test]
fn a_log_that_was_cut_is_no_good_one_until_somebody_says_so() {
    let (work, audit) = world();
    said(&work, &[], 0);
    let file = work.only("data/audit", ".jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.split_inclusive('\n').take(1).collect::<String>()).unwrap();
    said(&work, &[], 1);
    drop(audit);
    Audit::open(&work.path("data/audit"), Bounds::default()).unwrap().record(&event("three"));
    let (out, err) = said(&work, &[], 1);
    assert!(out.starts_with("the chain holds from record 1 to 3"), "{out}");
    expect![[r#"
        error: records before these are missing, as they say themselves: 2
        hint: somebody cut the log, or a disk lost its end; `--accept-missing 2` if you know which
    "#]]
    .assert_eq(&err);
    said(&work, &["--accept-missing", "3"], 1);
    said(&work, &["--accept-missing", "2"], 0);
    fs::remove_file(work.path("data/audit/head")).unwrap();
    let (_, err) = said(&work, &["--accept-missing", "2"], 1);
    assert!(err.contains("the head that is kept beside the records is gone or damaged"), "{err}");
}

/// Whoever started it, and whatever stood in its way.
#[test]
fn what_does_not_start_is_written_down() {
    let (work, audit) = world();
    drop(audit);
    work.write("app.yaml", MANIFEST);
    work.write("a.wasm", component(&["wasi:logging/logging@0.1.0-draft"], &[]));
    work.write("writ.yaml", "name: a\nversion: 0.1.0\nrevision: 2\nexpires: 1d\nclaims: {}\n");
    let verbs = [&["up", "app.yaml"][..], &["call", "a.wasm", "f"], &["run", "a.wasm"]];
    let refuses = || verbs.map(|verb| work.refuses(&[&verb[..1], &["--data", "data"], &verb[1..]].concat()));
    refuses();
    work.run(&["sign", "a.wasm"]);
    refuses();
    let shown = work.run(&["audit", "show", "--data", "data"]).stdout;
    let count = |words: &str| shown.lines().filter(|line| line.contains(words)).count();
    assert_eq!(count("the component is not signed"), 3, "{shown}");
    assert_eq!(count("may not use logging"), 3, "{shown}");
}

const MANIFEST: &str = "\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: app }
spec: { components: [{ name: a, type: component, properties: { image: a.wasm } }] }
";
