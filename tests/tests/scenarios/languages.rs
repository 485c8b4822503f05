//! Projects in every language: `writ new`, their own tests, `writ build`, `writ call`.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use writ_tests::{Home, Output, Scratch, finish_within, place, skip};

/// Where `cargo xtask guests --all` installs the tools of the other languages; none where it has not been run.
fn tools() -> Option<PathBuf> {
    let guests = place("WRIT_GUESTS");
    let tools = guests.parent()?.join("tools");
    tools.join("writ").is_dir().then_some(tools)
}

/// Makes a project, tests it by its own line, builds it, and calls its function.
#[track_caller]
fn check(language: &str, test: &[&str]) {
    let rust = language == "rust";
    let tools = tools();
    if !rust && tools.is_none() && skip("the other languages are not here; `cargo xtask guests --all` installs them") {
        return;
    }
    let (home, scratch) = (Home::new(), Scratch::new());
    let name = format!("hello-{language}");
    home.writ_in(&scratch, &["new", &name, "--lang", language, "--template", "functions"]).succeeded();
    let run = |mut command: Command| -> Output {
        command.current_dir(scratch.path(&name)).stdin(Stdio::null());
        command.env("CARGO_TARGET_DIR", PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("projects"));
        if let Some(tools) = &tools {
            command.env("XDG_CACHE_HOME", tools);
        }
        finish_within(BUILDING, command)
    };
    if let Some((program, args)) = test.split_first() {
        let mut command = Command::new(program);
        command.args(args);
        run(command).succeeded();
    }
    let built = run(home.command(&["build"])).succeeded();
    let signed = format!("signed build/{name}.wasm as local/{name}");
    assert!(built.stdout.starts_with(&signed), "{}", built.stdout);

    let component = scratch.path(&name).join("build").join(format!("{name}.wasm"));
    let long = "é".repeat(65);
    for (given, expected) in
        [("ada", "ok(\"Hello, ada!\")\n"), ("", "err(nobody)\n"), (long.as_str(), "err(too-long(65))\n")]
    {
        let called = home.command(&["call", component.to_str().unwrap(), "greet", &format!("{given:?}")]);
        let called = finish_within(BUILDING, called).succeeded();
        assert_eq!(called.stdout, expected, "{given}");
        assert!(called.stderr.contains("somebody is greeted"), "{}", called.stderr);
    }
}

/// A first build compiles a libc or a standard library, and a first call compiles a whole interpreter.
const BUILDING: Duration = Duration::from_secs(900);

#[test]
fn rust() {
    check("rust", &["cargo", "test", "--locked"]);
}

#[test]
fn javascript() {
    check("javascript", &["node", "--test"]);
}

#[test]
fn python() {
    check("python", &["python3", "-m", "unittest", "discover", "tests"]);
}

#[test]
fn c() {
    check("c", &[]);
}

#[test]
fn go() {
    check("go", &[]);
}
