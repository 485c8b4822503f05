//! `writ run`: a command with its caller's arguments and streams, and of this machine what is given and permitted.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
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

fn run(options: &[&str], args: &[&str]) -> Output {
    finish(command("command.wasm", options, args))
}

#[track_caller]
fn check(options: &[&str], args: &[&str], expected: Expect) {
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
fn a_signal_ends_one_that_waits_for_its_input() {
    for (sent, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut cat = command("command.wasm", &[], &["half", "started", ",", "cat"]);
        let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut started = [0; 7];
        cat.stdout.as_mut().unwrap().read_exact(&mut started).unwrap();
        signal(&cat, sent);
        assert_eq!(ended(&mut cat), Some(code));
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

/// A folder to read, one to write, and one beside them that nobody gave.
struct Folders {
    scratch: Scratch,
    data: String,
    work: String,
}

impl Folders {
    fn new() -> Self {
        let scratch = Scratch::new();
        let path = |name: &str| {
            let path = scratch.path(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let (data, work, secret) = (path("data"), path("work"), path("secret"));
        fs::write(data.join("file"), "in data").unwrap();
        fs::write(secret.join("file"), "nobody gave this").unwrap();
        let [data, work] =
            [(data, "/data"), (work, "/out")].map(|(path, guest)| format!("{}::{guest}", path.display()));
        Self { scratch, data, work }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.scratch.path(name)
    }

    #[track_caller]
    fn check(&self, actions: &[&str], expected: Expect) {
        let actions = actions.join(" , ");
        let args: Vec<&str> = actions.split(' ').collect();
        check(&["--dir", &self.data, "--dir-rw", &self.work], &args, expected);
        assert_eq!(fs::read_to_string(self.path("secret/file")).unwrap(), "nobody gave this");
        assert_eq!(fs::read_to_string(self.path("data/file")).unwrap(), "in data");
        assert_eq!(fs::read_dir(self.path("secret")).unwrap().count(), 1);
    }
}

#[test]
fn of_the_disk_it_sees_nothing_that_is_not_given() {
    check(
        &[],
        &["read", "/etc/passwd", ",", "list", "/", ",", "list", "."],
        expect![[r#"
            read /etc/passwd: NotFound
            list /: NotFound
            list .: NotFound
        "#]],
    );
}

#[test]
fn a_folder_to_read_cannot_be_written() {
    Folders::new().check(
        &[
            "read /data/file",
            "list /data",
            "write /data/file x",
            "write /data/new x",
            "append /data/file x",
            "truncate /data/file",
            "mkdir /data/sub",
            "remove /data/file",
            "rename /data/file /data/other",
            "link /data/file /data/other",
            "symlink file /data/other",
            "list /data",
        ],
        expect![[r#"
            in data
            read: done
            file
            list: done
            write /data/file x: PermissionDenied
            write /data/new x: PermissionDenied
            append /data/file x: PermissionDenied
            truncate /data/file: PermissionDenied
            mkdir /data/sub: PermissionDenied
            remove /data/file: PermissionDenied
            rename /data/file /data/other: PermissionDenied
            link /data/file /data/other: PermissionDenied
            symlink file /data/other: PermissionDenied
            file
            list: done
        "#]],
    );
}

#[test]
fn a_folder_to_write_can_be_written_and_left_by_no_path() {
    let folders = Folders::new();
    folders.check(
        &[
            "write /out/a text",
            "append /out/a +",
            "read /out/a",
            "mkdir /out/sub",
            "rename /out/a /out/sub/b",
            "link /out/sub/b /out/c",
            "read /out/c",
            "remove /out/c",
            "list /out",
            "read /out/../secret/file",
            "read /out/sub/../../secret/file",
            "read /out/../../etc/passwd",
            "read /secret/file",
            "read /etc/passwd",
            "write /out/../secret/new x",
            "rename /out/sub/b /out/../secret/b",
            "list /out/..",
            "mkdir /out/../secret/sub",
            "read ../secret/file",
        ],
        expect![[r#"
            write: done
            append: done
            text+
            read: done
            mkdir: done
            rename: done
            link: done
            text+
            read: done
            remove: done
            sub
            list: done
            read /out/../secret/file: PermissionDenied
            read /out/sub/../../secret/file: PermissionDenied
            read /out/../../etc/passwd: PermissionDenied
            read /secret/file: NotFound
            read /etc/passwd: NotFound
            write /out/../secret/new x: PermissionDenied
            rename /out/sub/b /out/../secret/b: PermissionDenied
            list /out/..: PermissionDenied
            mkdir /out/../secret/sub: PermissionDenied
            read ../secret/file: NotFound
        "#]],
    );
    assert_eq!(fs::read_to_string(folders.path("work/sub/b")).unwrap(), "text+");
}

#[test]
fn a_link_leads_nowhere_outside() {
    let folders = Folders::new();
    let link = |target: &Path, name: &str| symlink(target, folders.path("work").join(name)).unwrap();
    link(&folders.path("secret"), "absolute");
    link(Path::new("../secret"), "relative");
    link(&folders.path("secret/file"), "file");
    link(Path::new("../secret/new"), "new");
    link(Path::new("../data"), "given");
    link(Path::new("sub"), "inside");
    link(Path::new("/proc/self/root"), "magic");
    fs::create_dir(folders.path("work/sub")).unwrap();
    fs::write(folders.path("work/sub/file"), "inside").unwrap();
    // Made before, and made during.
    folders.check(
        &[
            "read /out/absolute/file",
            "read /out/relative/file",
            "read /out/file",
            "write /out/file x",
            "write /out/new x",
            "list /out/absolute",
            "read /out/given/file",
            "read /out/inside/file",
            "read /out/magic/etc/passwd",
            "symlink /etc/passwd /out/during",
            "symlink ../secret /out/during",
            "read /out/during/file",
            "write /out/during/new x",
            "link /out/file /out/hard",
            "read /out/hard",
            "rename /out/during /out/sub/deeper",
            "read /out/sub/deeper/file",
            "mkdir /out/relative/sub",
            "remove /out/relative/file",
            "rename /out/relative/file /out/stolen",
            "link /out/relative/file /out/stolen",
        ],
        expect![[r#"
            read /out/absolute/file: PermissionDenied
            read /out/relative/file: PermissionDenied
            read /out/file: PermissionDenied
            write /out/file x: PermissionDenied
            write /out/new x: PermissionDenied
            list /out/absolute: PermissionDenied
            read /out/given/file: PermissionDenied
            inside
            read: done
            read /out/magic/etc/passwd: PermissionDenied
            symlink /etc/passwd /out/during: PermissionDenied
            symlink: done
            read /out/during/file: PermissionDenied
            write /out/during/new x: PermissionDenied
            link: done
            read /out/hard: PermissionDenied
            rename: done
            read /out/sub/deeper/file: NotFound
            mkdir /out/relative/sub: PermissionDenied
            remove /out/relative/file: PermissionDenied
            rename /out/relative/file /out/stolen: PermissionDenied
            link /out/relative/file /out/stolen: PermissionDenied
        "#]],
    );
}

#[test]
fn what_one_folder_may_not_do_another_does_not_do_for_it() {
    Folders::new().check(
        &[
            "write /out/a text",
            "rename /data/file /out/file",
            "rename /out/a /data/a",
            "rename /out/a /data/file",
            "link /data/file /out/file",
            "link /out/a /data/a",
            "list /data",
            "list /out",
        ],
        expect![[r#"
            write: done
            rename /data/file /out/file: PermissionDenied
            rename /out/a /data/a: PermissionDenied
            rename /out/a /data/file: PermissionDenied
            link /data/file /out/file: PermissionDenied
            link /out/a /data/a: PermissionDenied
            file
            list: done
            a
            list: done
        "#]],
    );
}

#[test]
fn a_pipe_is_not_opened_and_holds_nobody() {
    let folders = Folders::new();
    let made = Command::new("mkfifo").arg(folders.path("data/pipe")).arg(folders.path("work/pipe")).status().unwrap();
    assert!(made.success());
    symlink("pipe", folders.path("work/link")).unwrap();
    folders.check(
        &["read /data/pipe", "read /out/pipe", "write /out/pipe x", "append /out/pipe x", "read /out/link"],
        expect![[r#"
            read /data/pipe: PermissionDenied
            read /out/pipe: PermissionDenied
            write /out/pipe x: PermissionDenied
            append /out/pipe x: PermissionDenied
            read /out/link: PermissionDenied
        "#]],
    );
}

#[test]
fn one_call_has_so_many_files_open_and_no_more() {
    // 128, and the two folders are two of them.
    Folders::new().check(
        &["hold /data/file", "read /data/file"],
        expect![[r#"
            126 at once
            hold: done
            in data
            read: done
        "#]],
    );
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
fn a_folder_of_too_many_names_is_not_listed() {
    let folders = Folders::new();
    for name in 0..20_001 {
        fs::File::create(folders.path("work").join(name.to_string())).unwrap();
    }
    folders.check(
        &["list /out", "remove /out/7", "write /out/20000 last"],
        expect![[r#"
            list /out: OutOfMemory
            remove: done
            write: done
        "#]],
    );
    let listed = run(&["--dir-rw", &folders.work], &["list", "/out"]).succeeded().stdout;
    assert_eq!(listed.split_whitespace().count(), 20_002, "20,000 names, and what it says when it is done");
}

#[test]
fn a_folder_without_a_name_of_its_own_is_called_as_here() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("data/sub")).unwrap();
    fs::write(scratch.path("data/sub/file"), "text").unwrap();
    let file = guest("command.wasm");
    let read = |options: &[&str], path: &str| {
        let words = [["run"].as_slice(), options, &[file.to_str().unwrap(), "read", path]].concat();
        Home::shared().writ_in(&scratch, &words)
    };
    assert_eq!(read(&["--dir", "data"], "/data/sub/file").succeeded().stdout, "text\nread: done\n");
    assert_eq!(read(&["--dir", "data"], "data/sub/file").succeeded().stdout, "text\nread: done\n");
    assert_eq!(read(&["--dir", "./data/sub"], "/data/sub/file").succeeded().stdout, "text\nread: done\n");
    let stderr = read(&["--dir", "."], "data/sub/file").refused();
    assert!(stderr.contains("reading /, which is"), "{stderr}");
    let stderr = read(&["--dir", "data", "--dir", "data/sub::/data"], "/data/file").refused();
    assert!(stderr.contains("given twice"), "{stderr}");
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

#[test]
fn a_manifest_gives_variables_and_folders_too() {
    use writ_tests::{Manifest, Up};
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("public/sub")).unwrap();
    fs::write(scratch.path("public/sub/page"), "a page").unwrap();
    fs::write(scratch.path("secret"), "not given").unwrap();
    symlink("../secret", scratch.path("public/link")).unwrap();
    let image = guest("files.wasm");
    let plain = Manifest::new("files", &image).to_string();
    let manifest = |rights: &str, greeting: &str| {
        let link = |package: &str, interfaces: &str, target: &str, properties: &str| {
            let config = format!("config: [{{ name: {target}, properties: {{ {properties} }} }}]");
            format!(
                "        - {{ type: link, properties: {{ namespace: wasi, package: {package}, interfaces: {interfaces}, target: {{ name: {target}, {config} }} }} }}\n"
            )
        };
        let links = link("filesystem", "[preopens, types]", "folders", &format!("{rights}./data: public"))
            + &link("cli", "[environment]", "variables", greeting);
        let image = plain.lines().find(|line| line.contains("file://")).unwrap();
        let text = plain.replace(&format!("{image}\n"), &format!("{image}\n      traits:\n{links}"));
        let builtin = |name: &str, image: &str| {
            format!("    - {{ name: {name}, type: capability, properties: {{ image: \"builtin:{image}\" }} }}\n")
        };
        let text = text + &builtin("folders", "filesystem") + &builtin("variables", "environment");
        scratch.write("app.yaml", text)
    };

    let up = Up::start(&Home::shared(), &manifest("read", "GREETING: hello"), &scratch.data());
    let page = up.get("/sub/page");
    assert_eq!((page.status, page.text().as_str(), page.header("x-greeting")), (200, "a page", Some("hello")));
    assert_eq!(up.get("/missing").status, 404);
    assert_eq!(up.get("/link").status, 403);
    assert_eq!(up.send("PUT", "/new", &[], b"").status, 403);
    up.stop();

    let check = |manifest: std::path::PathBuf| Home::shared().writ(&["up", manifest.to_str().unwrap(), "--check"]);
    let granted = check(manifest("read", "GREETING: hello")).succeeded().stdout;
    assert!(granted.contains("environment") && granted.contains("filesystem"), "{granted}");
    let stderr = check(manifest("write", "GREETING: hello, SHELL: sh")).refused();
    expect![[r#"
        denied: files (local/files) may not use filesystem: reading and writing /data, which is ./public here (line 11)
          the component's token permits reading alone
        denied: files (local/files) may not use environment: variable SHELL (line 12)
          the component's token permits GREETING

        to allow it to files, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          environment: [{ names: [GREETING] }, { names: [SHELL] }]
          filesystem: [{ paths: [/data] }, { paths: [/data], rights: [read, write] }]
    "#]]
    .assert_eq(&scratch.scrub(&stderr));
    fs::remove_dir_all(scratch.path("public")).unwrap();
    let stderr = check(manifest("read", "GREETING: hello")).refused();
    expect![[r#"
        denied: files (local/files) cannot use filesystem: in the link at line 11, `read./data`: the folder ./public cannot be used: No such file or directory (os error 2)
          hint: correct the link's configuration in the manifest
    "#]]
    .assert_eq(&scratch.scrub(&stderr));
}
