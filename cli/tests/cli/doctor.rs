//! `writ doctor`: what it finds, and that the lines it gives repair it.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::fixture::Work;

/// A folder whose toolchain is whole.
fn whole() -> Work {
    let work = Work::new();
    work.program("rustc", "case $1 in --version) echo rustc 1.95.0;; *) echo /;; esac");
    work.program("cargo", "case $1 in component) echo cargo-component 0.21.1;; *) echo cargo 1.95.0;; esac");
    work
}

fn doctor(work: &Work, args: &[&str]) -> Command {
    let mut command = work.command(&[&["doctor"], args].concat());
    command
        .env("PATH", work.path("bin"))
        .env("XDG_DATA_HOME", work.path("data"))
        .env("XDG_CACHE_HOME", work.path("cache"));
    command
}

#[track_caller]
fn check(work: &Work, code: i32, expected: &Expect) {
    expected.assert_eq(&work.finish(doctor(work, &[]), "", code).stdout);
}

/// The rows that are broken: what, and the line that repairs it.
fn broken(work: &Work, code: i32) -> Vec<(String, String)> {
    let rows: Value = serde_json::from_str(&work.finish(doctor(work, &["--output", "json"]), "", code).raw).unwrap();
    let rows = rows.as_array().unwrap().iter().filter(|row| row["state"] == "broken");
    rows.map(|row| (row["what"].as_str().unwrap().to_owned(), row["fix"].as_str().unwrap_or_default().to_owned()))
        .collect()
}

#[test]
fn a_machine_where_nothing_was_done_yet() {
    check(
        &whole(),
        0,
        &expect![[r#"
            ok        rustc            rustc 1.95.0
            ok        wasm32-wasip2    rustc compiles for it
            ok        cargo            cargo 1.95.0
            ok        cargo-component  cargo-component 0.21.1
            optional  node             is not installed; for projects in javascript
                      fix: apt-get install nodejs npm
            optional  npm              is not installed; for projects in javascript
                      fix: apt-get install nodejs npm
            optional  python3          is not installed; for projects in python, c and go
                      fix: apt-get install python3 python3-pip
            optional  python3 -m pip   is not installed; for projects in python, c and go
                      fix: apt-get install python3-pip
            optional  writ-bindings    is not installed; for projects in c and go
                      fix: cargo install --path bindings --locked   # in a checkout of writ
            optional  WRIT_HOME        WORK/home is not there; the first `writ sign` or `writ build` makes it
            ok        data folder      WORK/data/writ is made when it is needed
            ok        cache folder     WORK/cache/writ is made when it is needed
            ok        address space    enough for 256 instances
        "#]],
    );
    let work = Work::new();
    fs::create_dir(work.path("bin")).unwrap();
    check(
        &work,
        0,
        &expect![[r#"
            optional  rustc            is not on the PATH, or does not run
                      fix: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
            optional  cargo            is not on the PATH, or does not run
                      fix: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
            optional  cargo-component  is not installed; for projects that say `tool: cargo-component`
                      fix: cargo install cargo-component --version 0.21.1 --locked
            optional  node             is not installed; for projects in javascript
                      fix: apt-get install nodejs npm
            optional  npm              is not installed; for projects in javascript
                      fix: apt-get install nodejs npm
            optional  python3          is not installed; for projects in python, c and go
                      fix: apt-get install python3 python3-pip
            optional  python3 -m pip   is not installed; for projects in python, c and go
                      fix: apt-get install python3-pip
            optional  writ-bindings    is not installed; for projects in c and go
                      fix: cargo install --path bindings --locked   # in a checkout of writ
            optional  WRIT_HOME        WORK/home is not there; the first `writ sign` or `writ build` makes it
            ok        data folder      WORK/data/writ is made when it is needed
            ok        cache folder     WORK/cache/writ is made when it is needed
            ok        address space    enough for 256 instances
        "#]],
    );
    work.run(&["new", "a", "--template", "http"]);
    fs::rename(work.path("a/writ.yaml"), work.path("writ.yaml")).unwrap();
    check(
        &work,
        1,
        &expect![[r#"
            broken    rustc            is not on the PATH, or does not run
                      fix: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
            broken    cargo            is not on the PATH, or does not run
                      fix: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
            optional  cargo-component  is not installed; for projects that say `tool: cargo-component`
                      fix: cargo install cargo-component --version 0.21.1 --locked
            optional  WRIT_HOME        WORK/home is not there; the first `writ sign` or `writ build` makes it
            ok        data folder      WORK/data/writ is made when it is needed
            ok        cache folder     WORK/cache/writ is made when it is needed
            ok        address space    enough for 256 instances
            optional  build/a.wasm     is not there: the project was not built yet
                      fix: writ build
        "#]],
    );
}

#[test]
fn a_project() {
    let work = whole();
    work.run(&["new", "a", "--template", "http"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let manifest = work.text("a/app.yaml").replace("127.0.0.1:8080", &taken);
    work.write("app.yaml", manifest.replace("build/a.wasm", "other.wasm"));
    work.write("writ.yaml", work.text("a/writ.yaml").replace("90d", "1d"));
    work.write("a.wasm", crate::fixture::component(&[], &[]));
    work.run(&["sign", "a.wasm", "-o", "other.wasm"]);
    fs::create_dir(work.path("build")).unwrap();
    fs::copy(work.path("other.wasm"), work.path("build/a.wasm")).unwrap();
    let said = work.finish(doctor(&work, &[]), "", 1).stdout.replace(&taken, "ADDRESS");
    expect![[r#"
        ok        rustc                    rustc 1.95.0
        ok        wasm32-wasip2            rustc compiles for it
        ok        cargo                    cargo 1.95.0
        ok        cargo-component          cargo-component 0.21.1
        ok        WRIT_HOME                WORK/home
        ok        key local-operator       operator O…
        ok        key local                account A…
        ok        account token of local   valid until DAY
        ok        trust in local-operator  O…
        ok        policy.yaml              none: whatever the trusted operators allow
        ok        data folder              WORK/data/writ/a is made when it is needed
        ok        cache folder             WORK/cache/writ is made when it is needed
        ok        address space            enough for 256 instances
        optional  build/a.wasm             its signature ends soon, on DAY
                  fix: writ build
        optional  other.wasm               its signature ends soon, on DAY
                  fix: writ sign WORK/other.wasm
        broken    ADDRESS          cannot be listened on: Address already in use (os error 98)
                  fix: writ up app.yaml --listen 127.0.0.1:0
    "#]]
    .assert_eq(&said);

    drop(listener);
    let mut tampered = work.read("build/a.wasm");
    *tampered.last_mut().unwrap() ^= 1;
    work.write("build/a.wasm", tampered);
    assert_eq!(broken(&work, 1), [("build/a.wasm".to_owned(), "writ build".to_owned())]);
}

#[test]
fn every_line_repairs_what_it_stands_for() {
    let work = whole();
    work.write("writ.yaml", "name: a\nversion: 0.1.0\nrevision: 1\nexpires: 90d\nclaims: {}\n");
    work.write("a.wasm", crate::fixture::component(&[], &[]));
    work.run(&["sign", "a.wasm"]);
    assert_eq!(broken(&work, 0), []);

    let mode = |path: &str, mode| fs::set_permissions(work.path(path), Permissions::from_mode(mode)).unwrap();
    mode("home", 0o777);
    mode("home/trust", 0o777);
    mode("home/keys/local.nk", 0o644);
    fs::create_dir(work.path("data")).unwrap();
    fs::create_dir(work.path("data/writ")).unwrap();
    mode("data/writ", 0o777);
    work.write("home/keys/odd.nk", "no seed");
    mode("home/keys/odd.nk", 0o600);
    work.write("home/policy.yaml", "x: [");
    let entry = work.only("home/trust", ".yaml");
    fs::set_permissions(&entry, Permissions::from_mode(0o666)).unwrap();
    let found = broken(&work, 1);
    let names: Vec<_> = found.iter().map(|(what, _)| what.as_str()).collect();
    let expected = ["WRIT_HOME", "trust/", "key local", "key odd", "trust", "policy.yaml", "data folder"];
    assert_eq!(names, expected);
    for (what, line) in &found {
        // A text is repaired by a person; without it there is no policy.
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).env("EDITOR", "rm").current_dir("/");
        assert!(shell.status().unwrap().success(), "{what}: {line}");
    }
    assert_eq!(broken(&work, 0), []);
}

#[test]
fn a_list_that_trust_demands_and_is_not_there() {
    let work = whole();
    work.write("writ.yaml", "name: a\nversion: 0.1.0\nrevision: 1\nexpires: 90d\nclaims: {}\n");
    work.write("a.wasm", crate::fixture::component(&[], &[]));
    work.run(&["sign", "a.wasm"]);
    let entry = work.only("home/trust", ".yaml");
    let operator = entry.file_stem().unwrap().to_str().unwrap();
    fs::create_dir(work.path("lists")).unwrap();
    work.run(&["trust", "remove", operator]);
    work.run(&["trust", "add", operator, "--any", "--revocations", "lists"]);
    // One that began anew would revoke nothing of what the last one did, so no line signs it.
    let fixes = || broken(&work, 1).into_iter().map(|(_, fix)| fix).collect::<Vec<_>>();
    assert_eq!(fixes(), [""]);
    let said = work.finish(doctor(&work, &[]), "", 1).stdout;
    assert!(
        said.contains("bring the newest one; if there never was one, `writ revoke --first --by local-operator`"),
        "{said}"
    );
    work.run(&["revoke", "--first", "--by", "local-operator"]);
    let last = work.only("home/revoked", ".revoked");
    assert_eq!(fixes(), [format!("cp {} {}", last.display(), work.path("lists").display())]);
    fs::copy(&last, work.path("lists").join(last.file_name().unwrap())).unwrap();
    assert_eq!(broken(&work, 0), []);
}

#[test]
fn what_cannot_be_read_is_a_finding() {
    let work = whole();
    work.write("writ.yaml", "name: [");
    work.write("app.yaml", "\u{1b}]0;x\u{7}");
    let names: Vec<_> = broken(&work, 1).into_iter().map(|(what, _)| what).collect();
    assert_eq!(names, ["writ.yaml", "app.yaml"]);
    assert!(!work.finish(doctor(&work, &[]), "", 1).raw.contains('\u{1b}'));
}
