//! What was decided and done is written down, and cannot be changed unseen.

use std::fs;
use std::path::{Path, PathBuf};

use writ_tests::{Home, Manifest, Scratch, Up, guest};

/// A host that served a guest which was denied something, and ended in order. The log of what it wrote on stderr.
fn served(home: &Home, scratch: &Scratch) -> Vec<String> {
    let manifest = scratch.write("hostile.yaml", Manifest::new("hostile", &guest("hostile.wasm")).to_string());
    let up = Up::start(home, &manifest, &scratch.data());
    assert_eq!(up.get("/flood-log").status, 200);
    up.stop()
}

fn audit(home: &Home, scratch: &Scratch, args: &[&str]) -> writ_tests::Output {
    let data = scratch.data();
    let mut command = home.command(&["audit"]);
    command.args(args).arg("--data").arg(data);
    writ_tests::finish(command)
}

/// The one file of a short log.
fn file(scratch: &Scratch) -> PathBuf {
    let folder = scratch.data().join("audit");
    let mut names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    names.find(|path| path.extension().is_some_and(|ending| ending == "jsonl")).unwrap()
}

#[test]
fn what_was_granted_denied_and_served_is_written_down() {
    let (home, scratch) = (Home::shared(), Scratch::new());
    let lines = served(&home, &scratch);
    let shown = audit(&home, &scratch, &["show"]).succeeded().stdout;
    for part in ["host N", "hostile revision 1", "was granted http-server, logging", "is served, 1 components"] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    // Ten thousand lines in a second were not ten thousand records.
    let denied: Vec<_> = shown.lines().filter(|line| line.contains("denied logging")).collect();
    assert!(matches!(denied.len(), 1 | 2), "{shown}");
    assert!(shown.lines().last().is_some_and(|line| line.ends_with("host stopped")), "{shown}");

    let head = audit(&home, &scratch, &["head"]).succeeded().stdout.trim().to_owned();
    assert!(lines.iter().any(|line| line.contains("writ::audit") && line.contains(&head)), "{head}\n{lines:?}");
    let held = audit(&home, &scratch, &["verify", "--expect-head", &head]).succeeded().stdout;
    assert!(held.contains(&head), "{held}");
}

#[test]
fn one_component_since_a_time_for_programs() {
    let (home, scratch) = (Home::shared(), Scratch::new());
    served(&home, &scratch);
    let count = |args: &[&str]| audit(&home, &scratch, args).succeeded().stdout.lines().count();
    let all = count(&["show"]);
    let own = count(&["show", "--component", "hostile"]);
    assert!(own >= 2 && own < all, "{own} of {all}");
    assert_eq!(count(&["show", "--component", "nobody"]), 0);
    assert_eq!(count(&["show", "--since", "1h"]), all);
    for line in audit(&home, &scratch, &["show", "--output", "json"]).succeeded().stdout.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(record["seq"].is_u64() && record["event"].is_string() && record["prev"].is_string(), "{line}");
    }
}

#[test]
fn a_refused_start_is_written_down() {
    let (home, scratch) = (Home::shared(), Scratch::new());
    let image = guest("hostile.wasm");
    let manifest = Manifest { path: None, subscriptions: Some("a.b"), ..Manifest::new("hostile", &image) }.to_string();
    let manifest = scratch.write("app.yaml", manifest);
    let data = scratch.data();
    let up = |check: &[&str]| {
        let mut command = home.command(&["up", manifest.to_str().unwrap(), "--data", data.to_str().unwrap()]);
        command.args(check);
        writ_tests::finish(command).refused()
    };
    up(&[]);
    assert!(!data.exists(), "a refusal makes nothing");
    served(&home, &scratch);
    let count = || audit(&home, &scratch, &["show"]).succeeded().stdout.lines().count();
    let before = count();
    up(&["--check"]);
    assert_eq!(count(), before);
    up(&[]);
    let shown = audit(&home, &scratch, &["show"]).succeeded().stdout;
    assert!(shown.contains("refused") && shown.contains("exports no wasmcloud:messaging/handler"), "{shown}");
}

/// What `verify` says after the log was edited.
#[track_caller]
fn check(edit: impl Fn(&Path), expected: &str) {
    let (home, scratch) = (Home::shared(), Scratch::new());
    served(&home, &scratch);
    edit(&file(&scratch));
    let stderr = audit(&home, &scratch, &["verify"]).refused();
    assert!(stderr.contains(expected), "{stderr}");
}

fn edit_lines(path: &Path, edit: impl Fn(&mut Vec<String>)) {
    let mut lines: Vec<_> = fs::read_to_string(path).unwrap().lines().map(|line| format!("{line}\n")).collect();
    edit(&mut lines);
    fs::write(path, lines.concat()).unwrap();
}

#[test]
fn a_line_that_was_changed_removed_moved_or_cut_off_is_found() {
    check(|path| edit_lines(path, |lines| lines[1] = lines[1].replace("revision\":1", "revision\":2")), "was changed");
    check(|path| edit_lines(path, |lines| drop(lines.remove(2))), "records were removed");
    check(|path| edit_lines(path, |lines| lines.swap(1, 2)), "records were removed, added or moved");
    check(|path| edit_lines(path, |lines| drop(lines.pop())), "records were cut off");
    check(|path| fs::write(path, "").unwrap(), "records were cut off");
    check(|path| fs::write(path, "\u{1b}[31m\n").unwrap(), "this is not a record");
    check(|path| fs::remove_file(path).unwrap(), "records were cut off");
}

#[test]
fn a_head_is_asked_for_as_it_is_printed() {
    let (home, scratch) = (Home::shared(), Scratch::new());
    served(&home, &scratch);
    let other = format!("3:{}", "0".repeat(64));
    let stderr = audit(&home, &scratch, &["verify", "--expect-head", &other]).refused();
    assert!(stderr.contains(&format!("should have {other}")), "{stderr}");
    assert!(
        audit(&home, &scratch, &["verify", "--expect-head", "3"]).refused().contains("as `writ audit head` prints")
    );
    let elsewhere = home.writ(&["audit", "show", "nowhere"]).refused();
    assert!(
        elsewhere.contains("there is no audit log") && elsewhere.contains("hint: `writ up` begins one"),
        "{elsewhere}"
    );
}
