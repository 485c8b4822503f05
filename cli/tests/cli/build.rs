//! `writ build`, with a cargo that does as it is told. `tests/` has builds with the real one.

use std::fs;

use expect_test::{Expect, expect};

use crate::fixture::{Work, component};

/// A project whose cargo is this script; `$1` and so on are its arguments.
fn project(build: &str, cargo: &str) -> Work {
    let work = Work::new();
    work.write("writ.yaml", format!("name: a\nversion: 0.1.0\nrevision: 1\nexpires: 90d\n{build}\nclaims: {{}}\n"));
    work.write("Cargo.toml", "");
    work.write("a.wasm", component(&[], &[]));
    work.program("cargo", cargo);
    work
}

/// What a build says, with no program but the project's on the path, and with tools of its own.
#[track_caller]
fn check(work: &Work, args: &[&str], code: i32, expected: &Expect) {
    let mut command = work.command(&[&["build"], args].concat());
    command.env("PATH", work.path("bin")).env("XDG_CACHE_HOME", work.path("cache"));
    let ran = work.finish(command, "", code);
    expected.assert_eq(&format!("{}{}", ran.stderr, ran.stdout));
}

/// The message of a build of these files, as a line of a script.
fn built(files: &str) -> String {
    format!(
        "echo '{{\"reason\":\"compiler-artifact\",\"manifest_path\":\"'$PWD'/Cargo.toml\",\"filenames\":[{files}]}}'"
    )
}

#[test]
fn what_cargo_is_asked_for() {
    let script = format!("echo \"cargo $*\" >&2\n{}", built("\"a.rlib\",\"'$PWD'/a.wasm\""));
    let work = project("build: { language: rust }", &script);
    check(
        &work,
        &[],
        0,
        &expect![[r#"
        cargo build --manifest-path Cargo.toml --target wasm32-wasip2 --message-format json-render-diagnostics --release
        there were no keys in WORK/home, so two were made there, readable by you alone:
          operator  local-operator  O…
          account   local           A…
        the account may claim anything, for a year. Hosts with this WRIT_HOME trust the operator; another does after
          writ trust add O… --any
        wrote the component's new id into writ.yaml; commit it
        signed build/a.wasm as local/a (M…), revision 1, expires DAY
          no capability
    "#]],
    );
    check(
        &work,
        &["--debug"],
        0,
        &expect![[r#"
        cargo build --manifest-path Cargo.toml --target wasm32-wasip2 --message-format json-render-diagnostics
        signed build/a.wasm as local/a (M…), revision 1, expires DAY
          no capability
    "#]],
    );
    let work = project("build: { language: rust, tool: cargo-component, target: wasm32-unknown-unknown }", &script);
    check(
        &work,
        &["."],
        0,
        &expect![[r#"
        cargo component build --manifest-path Cargo.toml --target wasm32-unknown-unknown --message-format json-render-diagnostics --release
        there were no keys in WORK/home, so two were made there, readable by you alone:
          operator  local-operator  O…
          account   local           A…
        the account may claim anything, for a year. Hosts with this WRIT_HOME trust the operator; another does after
          writ trust add O… --any
        wrote the component's new id into ./writ.yaml; commit it
        signed ./build/a.wasm as local/a (M…), revision 1, expires DAY
          no capability
    "#]],
    );
}

#[test]
fn what_is_not_built() {
    let of = |build: &str| project(build, "echo started >&2");
    check(
        &of(""),
        &[],
        1,
        &expect![[r#"
        error: writ.yaml does not say how it is built
        hint: write `build: { language: rust }` in it; a finished component is signed with `writ sign FILE`
    "#]],
    );
    check(
        &of("build: { language: cobol }"),
        &[],
        1,
        &expect![[r#"
        error: writ.yaml cannot be built
          because: 5:8: `language: cobol` is not built here; rust, javascript, python, c and go are
        hint: build it with its own tools, then `writ sign FILE`
    "#]],
    );
    check(
        &of("build: { language: rust, tool: \"cargo; rm -rf x\" }"),
        &[],
        1,
        &expect![[r#"
        error: writ.yaml cannot be built
          because: 5:8: `tool: cargo; rm -rf x` is not known; for rust there are cargo and cargo-component
    "#]],
    );
    check(
        &of("build: { language: rust, target: --config=x }"),
        &[],
        1,
        &expect![[r#"
        error: writ.yaml cannot be built
          because: 5:8: `target: --config=x` makes no component; wasm32-wasip2 does
    "#]],
    );
    check(
        &of("build: { language: rust, flags: x }"),
        &[],
        1,
        &expect![[r#"
        error: writ.yaml:5:26: unknown field `flags` in `build`, expected one of `language`, `tool`, `target`, `world`
    "#]],
    );
    let work = of("build: { language: rust }");
    check(
        &work,
        &["nowhere"],
        1,
        &expect![[r#"
        error: there is no nowhere/writ.yaml
        hint: `writ new NAME --template http` makes a project; `writ init FILE` writes one for a finished component
    "#]],
    );
    fs::remove_file(work.path("Cargo.toml")).unwrap();
    check(
        &work,
        &[],
        1,
        &expect![[r#"
        error: there is no package to build at ./Cargo.toml
          because: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn what_is_missing_is_named_with_the_line_that_installs_it() {
    let work = project("build: { language: rust }", "exit 101");
    work.program("rustc", "echo /nowhere");
    check(
        &work,
        &[],
        1,
        &expect![[r#"
        error: `cargo build` failed: exit status: 101
          because: rustc has no target wasm32-wasip2
        hint: `rustup target add wasm32-wasip2`
    "#]],
    );
    work.program("rustc", "echo /");
    check(
        &work,
        &[],
        1,
        &expect![[r#"
        error: `cargo build` failed: exit status: 101
    "#]],
    );
    fs::remove_file(work.path("bin/cargo")).unwrap();
    check(
        &work,
        &[],
        1,
        &expect![[r#"
        error: there is no cargo on the PATH
        hint: `curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh`
    "#]],
    );
    let work = project("build: { language: rust, tool: cargo-component }", "exit 101");
    check(
        &work,
        &[],
        1,
        &expect![[r#"
        error: `cargo component build` failed: exit status: 101
          because: cargo-component is not installed
        hint: `cargo install cargo-component --version 0.21.1 --locked`
    "#]],
    );
}

#[test]
fn what_comes_of_a_build_is_not_trusted() {
    let of = |messages: &str| project("build: { language: rust }", messages);
    check(
        &of(""),
        &[],
        1,
        &expect![[r#"
        error: the package builds no component
        hint: a component is a program, or a library with `crate-type = ["cdylib"]` in Cargo.toml
    "#]],
    );
    check(
        &of(&built("\"/nowhere/b.wasm\",\"c.wasm\"")),
        &[],
        1,
        &expect![[r#"
        error: the package builds several components, and one is signed: b.wasm, c.wasm
    "#]],
    );
    check(
        &of(&built("\"/nowhere/b.wasm\"")),
        &[],
        1,
        &expect![[r#"
        error: cannot read /nowhere/b.wasm
          because: No such file or directory (os error 2)
    "#]],
    );
    check(
        &of(&format!("echo plain words\n{}", built("\"writ.yaml.wasm\""))),
        &[],
        1,
        &expect![[r#"
        plain words
        error: cannot read writ.yaml.wasm
          because: No such file or directory (os error 2)
    "#]],
    );
    let work = of(&built("\"'$PWD'/core.wasm\""));
    work.write("core.wasm", b"\0asm\x01\0\0\0");
    check(
        &work,
        &[],
        1,
        &expect![[r#"
        error: WORK/core.wasm cannot be signed
          because: a core WebAssembly module, not a component; build for wasm32-wasip2, or convert it with `wasm-tools component new`
    "#]],
    );
    assert!(!work.path("home").exists() && !work.path("build/a.wasm").exists());
}

/// A project in Python whose interpreter is this script.
fn python(script: &str) -> Work {
    let work = project("build: { language: python, world: w }", "");
    work.write("requirements.txt", "componentize-py==0.25.1\n");
    fs::create_dir_all(work.path("wit")).unwrap();
    work.write("wit/world.wit", "package a:b; world w {}");
    work.program("python3", script);
    work
}

#[test]
fn tools_that_a_project_pins_are_installed_once() {
    let work = python(
        "case \"$*\" in *--version) echo 3;; *install*) echo \"install: $*\";; *) /bin/cp a.wasm build/parts/component.wasm;; esac",
    );
    check(
        &work,
        &[],
        0,
        &expect![[r#"
        installing what requirements.txt pins, into WORK/cache/writ/tools/pip-8cbb861ef9fe9104
        install: -m pip install --quiet --no-input --no-compile --only-binary :all: --disable-pip-version-check --root-user-action ignore --target . -r requirements.txt
        there were no keys in WORK/home, so two were made there, readable by you alone:
          operator  local-operator  O…
          account   local           A…
        the account may claim anything, for a year. Hosts with this WRIT_HOME trust the operator; another does after
          writ trust add O… --any
        wrote the component's new id into writ.yaml; commit it
        signed build/a.wasm as local/a (M…), revision 1, expires DAY
          no capability
    "#]],
    );
    check(
        &work,
        &[],
        0,
        &expect![[r#"
        signed build/a.wasm as local/a (M…), revision 1, expires DAY
          no capability
    "#]],
    );
    work.write("requirements.txt", "componentize-py==0.25.2\n");
    check(
        &work,
        &[],
        0,
        &expect![[r#"
        installing what requirements.txt pins, into WORK/cache/writ/tools/pip-7f4e8399324a8773
        install: -m pip install --quiet --no-input --no-compile --only-binary :all: --disable-pip-version-check --root-user-action ignore --target . -r requirements.txt
        signed build/a.wasm as local/a (M…), revision 1, expires DAY
          no capability
    "#]],
    );
}

#[test]
fn tools_that_are_missing_or_broken() {
    let work = python("exit 1");
    check(
        &work,
        &[],
        1,
        &expect![[r#"
        error: `python3` is not on the PATH, or does not run
        hint: `apt-get install python3 python3-pip`
    "#]],
    );
    let work = python("case \"$*\" in *--version) echo 3;; *install*) exit 3;; esac");
    check(
        &work,
        &[],
        1,
        &expect![[r#"
        installing what requirements.txt pins, into WORK/cache/writ/tools/pip-8cbb861ef9fe9104
        error: the tools that the project pins cannot be installed
          because: `python3` failed: exit status: 3
    "#]],
    );
    let work = python("case \"$*\" in *--version) echo 3;; *install*) ;; *) exit 4;; esac");
    check(
        &work,
        &[],
        1,
        &expect![[r#"
        installing what requirements.txt pins, into WORK/cache/writ/tools/pip-8cbb861ef9fe9104
        error: `python3` failed: exit status: 4
    "#]],
    );
    fs::remove_file(work.path("requirements.txt")).unwrap();
    check(
        &work,
        &[],
        1,
        &expect![[r#"
        error: WORK/requirements.txt pins the project's tools, and cannot be read: No such file or directory (os error 2)
        hint: `writ new NAME --lang javascript --template functions` shows one; so for python, c and go
    "#]],
    );
}
