//! `writ run`: a command with its caller's arguments and streams, and of this machine what is given and permitted.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use rustix::process::{Pid, Signal, kill_process};
use writ_tests::{Home, Output, PATIENCE, Scratch, eventually, finish, guest, unsigned_guest};

/// A call of `writ run` for one of the guests that was not started yet.
fn command(guest_name: &str, options: &[&str], args: &[&str]) -> Command {
    let file = guest(guest_name);
    let mut words = vec!["run"];
    words.extend(options);
    words.extend([file.to_str().unwrap(), "--"]);
    words.extend(args);
    Home::shared().command(&words)
}

/// Runs the command to its end.
pub(crate) fn run(options: &[&str], args: &[&str]) -> Output {
    finish(command("command.wasm", options, args))
}

/// It says nothing but this, and ends well.
#[track_caller]
pub(crate) fn check(options: &[&str], args: &[&str], expected: Expect) {
    let output = run(options, args);
    assert_eq!((output.status.code(), output.stderr.as_str()), (Some(0), ""), "{}", output.stdout);
    expected.assert_eq(&output.stdout);
}

#[test]
fn arguments_are_the_callers() {
    check(
        &[],
        &["args"],
        expect![[r#"
        ["command.wasm", "args"]
    "#]],
    );
    check(
        &[],
        &["args", "--dir", "/", "-x", "", "ä b"],
        expect![[r#"
        ["command.wasm", "args", "--dir", "/", "-x", "", "ä b"]
    "#]],
    );
    // Without `--` as well, from the first argument on.
    let file = guest("command.wasm");
    let words = ["run", file.to_str().unwrap(), "args", "--env", "HOME", "-v"];
    let output = Home::shared().writ(&words).succeeded();
    assert_eq!(output.stdout, "[\"command.wasm\", \"args\", \"--env\", \"HOME\", \"-v\"]\n");
}

#[test]
fn exit_codes_pass_through() {
    for (args, expected) in [
        (["return", "0"], 0),
        (["return", "1"], 1),
        (["exit", "0"], 0),
        (["exit", "1"], 1),
        (["exit-with-code", "0"], 0),
        (["exit-with-code", "42"], 42),
        (["exit-with-code", "255"], 255),
    ] {
        let output = run(&[], &args);
        assert_eq!((output.status.code(), output.stderr.as_str()), (Some(expected), ""), "{args:?}");
    }
}

#[test]
fn what_fails_is_told_from_an_exit_code_by_its_words() {
    for (guest_name, options, args, words) in [
        ("command.wasm", vec![], vec!["trap"], "error: the run failed: wasm trap"),
        ("command-brief.wasm", vec![], vec!["spin"], "error: the run failed: its time was over"),
        ("command-brief.wasm", vec![], vec!["sleep", "100", ",", "spin"], "error: the run failed: its time was over"),
        ("calc.wasm", vec![], vec![], "error: it exports no wasi:cli/run@0.2"),
        ("command.wasm", vec!["--env", "HOME=/"], vec![], "denied: "),
        ("command.wasm", vec!["--env", "SURELY_NOT_SET"], vec![], "error: --env SURELY_NOT_SET"),
        ("command.wasm", vec!["--dir", "/nothing/here"], vec![], "error: --dir /nothing/here cannot be given"),
        ("command.wasm", vec!["--dir", "/etc/passwd"], vec![], "error: --dir /etc/passwd cannot be given"),
    ] {
        let output = finish(command(guest_name, &options, &args));
        assert_eq!((output.status.code(), output.stdout.as_str()), (Some(1), ""), "{args:?}: {}", output.stderr);
        assert!(output.stderr.contains(words), "{args:?}: {}", output.stderr);
    }
}

#[test]
fn the_streams_are_the_callers() {
    let scratch = Scratch::new();
    let input = "a line\nand no end".repeat(10_000);
    let file = fs::File::open(scratch.write("input", &input)).unwrap();
    let mut cat = command("command.wasm", &[], &["cat", ",", "complain", "to stderr", ",", "half", "no newline"]);
    cat.stdin(file);
    let output = finish(cat).succeeded();
    assert_eq!(output.stdout, format!("{input}no newline"));
    // Neither is a line of the log.
    assert_eq!(output.stderr, "to stderr\n");
    check(
        &[],
        &["terminals"],
        expect![[r#"
        false false false
    "#]],
    );
}

#[test]
fn without_a_limit_of_time_a_command_takes_its_own() {
    // A request that says nothing has ten seconds.
    let mut cat = command("command.wasm", &[], &["cat"]);
    let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(12));
    assert_eq!(cat.try_wait().unwrap(), None, "it ended by itself");
    drop(cat.stdin.take());
    assert_eq!(ended(&mut cat), Some(0));
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[track_caller]
fn ended(child: &mut Child) -> Option<i32> {
    eventually("the end", || child.try_wait().unwrap()).code()
}

#[test]
fn a_signal_ends_one_that_waits_and_one_that_computes() {
    for (sent, doing, code) in [(Signal::INT, "cat", 130), (Signal::TERM, "cat", 143), (Signal::INT, "spin", 130)] {
        let mut command = command("command.wasm", &[], &["half", "started", ",", doing]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut started = [0; 7];
        child.stdout.as_mut().unwrap().read_exact(&mut started).unwrap();
        signal(&child, sent);
        assert_eq!(ended(&mut child), Some(code), "{doing}");
    }
}

#[test]
fn an_input_that_stays_open_keeps_nobody() {
    // It asks for input, its time is over, and nobody closes what it waits for.
    let mut cat = command("command-brief.wasm", &[], &["cat"]);
    let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let asked = Instant::now();
    assert_eq!(ended(&mut cat), Some(1));
    assert!(asked.elapsed() < PATIENCE / 2, "{:?}", asked.elapsed());
}

#[test]
fn a_reader_that_is_gone_ends_it() {
    let mut flood = command("command.wasm", &[], &["flood"]);
    let mut flood = flood.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = flood.stdout.take().unwrap();
    let mut some = [0; 100];
    stdout.read_exact(&mut some).unwrap();
    drop(stdout);
    assert_eq!(ended(&mut flood), Some(141));
    let mut stderr = String::new();
    flood.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(stderr, "");
}

#[test]
fn an_output_that_cannot_be_written_is_a_failure() {
    let mut args = command("command.wasm", &[], &["args"]);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = args.stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_slow_reader_loses_nothing() {
    let mut cat = command("command.wasm", &[], &["cat"]);
    let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (cat.stdin.take().unwrap(), cat.stdout.take().unwrap());
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let copy = sent.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&copy));
    // Longer than it takes to fill every buffer in between.
    std::thread::sleep(Duration::from_millis(500));
    let mut received = Vec::new();
    stdout.read_to_end(&mut received).unwrap();
    writer.join().unwrap().unwrap();
    assert_eq!((ended(&mut cat), received == sent), (Some(0), true));
}

#[test]
fn of_the_environment_it_sees_what_is_given_and_permitted() {
    check(&[], &["env"], expect![""]);
    check(
        &["--env", "LANG=de", "--env", "APP_A=x=y", "--env", "APP_B="],
        &["env"],
        expect![[r#"
        APP_A=x=y
        APP_B=
        LANG=de
    "#]],
    );
    let mut own = command("command.wasm", &["--env", "APP_OWN"], &["env"]);
    own.env("APP_OWN", "of the caller").env("APP_OTHER", "not given");
    assert_eq!(finish(own).succeeded().stdout, "APP_OWN=of the caller\n");
    let stderr = run(&["--env", "PATH=/bin", "--env", "LANG=de"], &["env"]).refused();
    expect![[r#"
        denied: command (local/command) may not use environment: variable PATH
          the component's token permits LANG, APP_*

        to allow it to command, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          environment: [{ names: [LANG, "APP_*"] }, { names: [PATH] }]
    "#]]
    .assert_eq(&stderr);
}

#[test]
fn pasting_the_lines_of_a_denial_makes_it_run() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let folder = scratch.path("folder");
    fs::create_dir(&folder).unwrap();
    let wasm = scratch.copy(&unsigned_guest("command-bare.wasm"), "unsigned.wasm");
    let claims = scratch.copy(&unsigned_guest("command-bare.yaml"), "writ.yaml");
    let signed = scratch.path("signed.wasm");
    let sign = || {
        let [wasm, claims, signed] = [&wasm, &claims, &signed].map(|path| path.to_str().unwrap());
        home.writ(&["sign", wasm, "--claims", claims, "-o", signed]).succeeded();
    };
    let run = || {
        let given = format!("{}::/out", folder.display());
        let options = ["run", "--env", "LANG=de", "--dir-rw", &given, signed.to_str().unwrap()];
        home.writ(&[options.as_slice(), &["write", "/out/a", "text", ",", "env"]].concat())
    };
    sign();
    let policy = home.path().join("policy.yaml");
    fs::write(&policy, "capabilities: { logging: any }\n").unwrap();
    let stderr = run().refused();
    assert!(!stderr.contains("line "), "{stderr}");
    let lines = |document: &str| -> String {
        let after = stderr.lines().skip_while(|line| !(line.starts_with("to allow it") && line.contains(document)));
        after.skip(1).take_while(|line| line.starts_with("  ")).map(|line| format!("{line}\n")).collect()
    };
    let text = fs::read_to_string(&claims).unwrap();
    fs::write(&claims, text.replace("claims: {}\n", &format!("claims:\n{}", lines("writ.yaml")))).unwrap();
    fs::write(&policy, format!("capabilities:\n{}", lines("policy.yaml"))).unwrap();
    sign();
    assert_eq!(run().succeeded().stdout, "write: done\nLANG=de\n");
    assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "text");
}

#[test]
fn inspecting_it_says_what_its_claims_open() {
    let file = guest("command.wasm");
    let shown = Home::shared().writ(&["inspect", file.to_str().unwrap()]).succeeded().stdout;
    let last = shown.lines().rev().take(2).collect::<Vec<_>>();
    expect![[r#"
        what it sees by environment, `writ run --env` or a manifest gives it
        what it sees by filesystem, `writ run --dir` or a manifest gives it
    "#]]
    .assert_eq(&format!("{}\n{}\n", last[1], last[0]));
}

#[test]
fn clocks_are_as_fine_as_every_document_says() {
    check(
        &[],
        &["clocks"],
        expect![[r#"
        wall 1000, monotonic 1000
    "#]],
    );
    let bare = finish(command("command-bare.wasm", &[], &["clocks"])).succeeded();
    assert_eq!(bare.stdout, "wall 1000000, monotonic 1000000\n");
}
