//! `writ dev`: what is edited runs; what is broken or denied leaves what ran.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use writ_tests::{Home, Line, Manifest, Scratch, Up, eventually, eventually_within};

/// The first project compiles wit-bindgen, and may wait for another that does.
const COMPILING: Duration = Duration::from_secs(900);

/// A project of its own name, since all of them compile into one folder.
struct Project {
    home: Home,
    scratch: Scratch,
    name: &'static str,
}

impl Project {
    fn new(name: &'static str, template: &str) -> Self {
        let project = Self { home: Home::new(), scratch: Scratch::new(), name };
        project.home.writ_in(&project.scratch, &["new", name, "--template", template]).succeeded();
        project
    }

    fn path(&self, file: &str) -> PathBuf {
        self.scratch.path(self.name).join(file)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    /// Replaces a text in a file, as editors do that save by rename.
    #[track_caller]
    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{from} is not in {text}");
        let beside = self.path(&format!("{file}.new~"));
        fs::write(&beside, text.replace(from, to)).unwrap();
        fs::rename(beside, self.path(file)).unwrap();
    }

    fn develop(&self) -> Up {
        Up::develop(&self.home, &self.path(""), &Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects"))
    }

    fn start(&self) -> Up {
        let mut dev = self.develop();
        dev.await_deployed(COMPILING);
        dev
    }
}

/// Waits until it answers this.
#[track_caller]
fn check_answer(dev: &Up, path: &str, expected: &str) {
    eventually_within(COMPILING, expected, || (dev.get(path).text() == expected).then_some(()));
}

/// The lines about what was swapped so far.
fn swaps(dev: &Up) -> Vec<Line> {
    dev.log().into_iter().filter(|line| line.get("message") == "runs as it is written now").collect()
}

/// Waits until there were so many swaps, and for the last of them.
#[track_caller]
fn swap(dev: &Up, number: usize) -> Line {
    eventually_within(COMPILING, "the swap", || swaps(dev).into_iter().nth(number - 1))
}

/// Waits for the next refusal, which starts so.
#[track_caller]
fn refusal(dev: &Up, before: usize, start: &str) -> String {
    let refusals = || dev.log().into_iter().map(|line| line.get("message")).filter(|text| text.contains("waiting for"));
    let message = eventually_within(COMPILING, start, || refusals().nth(before));
    assert!(message.starts_with(start), "{message}");
    message
}

#[test]
fn what_is_edited_runs_and_what_is_broken_does_not() {
    let project = Project::new("edited", "http");
    let dev = project.start();
    assert_eq!(dev.get("/ada").text(), "Hello, ada!\n");
    assert!(project.read("writ.yaml").contains("\nid: M"), "the first signature writes it");

    project.edit("src/greeting.rs", "Hello", "Good day");
    check_answer(&dev, "/ada", "Good day, ada!\n");
    // It is said once its release is written down, which is after it answers.
    swap(&dev, 2);
    assert_eq!(swaps(&dev).len(), 2, "what is written by writ itself is no change");

    let whole = project.read("src/greeting.rs");
    project.edit("src/greeting.rs", "name => name,", "name => 5,");
    assert!(refusal(&dev, 0, "what ran goes on").contains("`cargo build` failed"));
    assert!(dev.all_lines().iter().any(|line| line.contains("error[E0308]")), "the compiler says why");
    assert_eq!(dev.get("/ada").text(), "Good day, ada!\n");

    for number in 0..100 {
        project.write("src/greeting.rs", &whole.replace("Good day", &format!("{number} times hi")));
    }
    check_answer(&dev, "/ada", "99 times hi, ada!\n");
    dev.interrupt();
    assert_eq!(dev.ended().0.code(), Some(0));
}

#[test]
fn claims_are_signed_again_and_a_manifest_is_deployed_again_without_a_build() {
    let project = Project::new("signed-again", "http");
    let dev = project.start();
    let built = |swap: &Line| swap.get("build_ms") != "0";
    assert!(built(&swap(&dev, 1)));
    let component = || fs::read(project.path("build/signed-again.wasm")).unwrap();
    let signed = component();

    project.edit("app.yaml", "path: /", "path: /ada");
    assert!(!built(&swap(&dev, 2)));
    assert_eq!((dev.get("/ada").status, dev.get("/bob").status), (200, 404));
    assert_eq!(component(), signed);

    project.edit("writ.yaml", "paths: [/]", "paths: [/bob]");
    let denied = refusal(&dev, 0, "what ran goes on");
    assert!(denied.contains("denied: signed-again") && denied.contains("paths: [/ada]"), "{denied}");
    assert_ne!(component(), signed);
    assert_eq!((dev.get("/ada").status, dev.get("/bob").status), (200, 404));

    project.edit("app.yaml", "path: /ada", "path: /bob");
    assert!(!built(&swap(&dev, 3)));
    assert_eq!((dev.get("/ada").status, dev.get("/bob").status), (404, 200));

    // What cannot be read is told, and what was not signed for it is signed when it can.
    project.edit("writ.yaml", "name: signed-again", "name: [");
    assert!(refusal(&dev, 1, "what ran goes on").contains("writ.yaml:"));
    project.edit("src/greeting.rs", "Hello", "Good day");
    refusal(&dev, 2, "what ran goes on");
    project.edit("writ.yaml", "name: [", "name: signed-again");
    check_answer(&dev, "/bob", "Good day, bob!\n");
    dev.stop();
}

#[test]
fn a_denial_offers_the_line_that_allows_it() {
    let project = Project::new("denied", "http-keyvalue");
    let claim = "  keyvalue: { bucket: denied, prefix: visits/, verbs: [increment] }\n";
    project.edit("writ.yaml", claim, "");
    let mut dev = project.develop();
    let denied = refusal(&dev, 0, "nothing runs yet");
    assert!(denied.contains("denied: denied (local/denied) may not use keyvalue"), "{denied}");
    assert!(!dev.all_lines().iter().any(|line| line.contains("deployed")), "no looser than `up`");

    let line = denied.lines().find(|line| line.starts_with("  keyvalue: []")).unwrap();
    project.edit("writ.yaml", "claims:\n", &format!("claims:\n{line}\n"));
    dev.await_deployed(COMPILING);
    // It is linked, and permits nothing: opening the bucket is denied.
    assert_eq!(dev.get("/ada").status, 503);
    project.edit("writ.yaml", &format!("{line}\n"), claim);
    check_answer(&dev, "/ada", "Hello, ada! This is your first visit.\n");

    project.edit("writ.yaml", claim, "");
    assert!(refusal(&dev, 1, "what ran goes on").contains("may not use keyvalue"));
    assert_eq!(dev.get("/ada").text(), "Hello, ada! This is visit 2.\n");
    dev.stop();
    assert!(project.path("build/data/store").is_dir());

    // What was counted is there at the next start.
    project.edit("writ.yaml", "claims:\n", &format!("claims:\n{claim}"));
    let dev = project.start();
    assert_eq!(dev.get("/ada").text(), "Hello, ada! This is visit 3.\n");
    dev.stop();
}

/// A command, with a manifest that it does not have.
fn command(name: &'static str) -> Project {
    let project = Project::new(name, "command");
    let image = project.path(&format!("build/{name}.wasm"));
    project.write("app.yaml", &Manifest { path: None, ..Manifest::new(name, &image) }.to_string());
    project
}

#[test]
fn ctrl_c_ends_a_build_and_all_that_it_started() {
    let project = command("interrupted");
    let script = r#"fn main() {
    std::fs::write("pid.new", std::process::id().to_string()).unwrap();
    std::fs::rename("pid.new", "pid").unwrap();
    std::thread::sleep(std::time::Duration::from_secs(600));
}"#;
    project.write("build.rs", script);
    let dev = Up::develop(&project.home, &project.path(""), &project.scratch.path("target"));
    let pid = eventually_within(COMPILING, "the build script", || fs::read_to_string(project.path("pid")).ok());
    dev.interrupt();
    let (status, lines) = dev.ended();
    assert_eq!(status.code(), Some(0), "{}", lines.join("\n"));
    // Whoever inherited it may not have looked yet.
    let state = || fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    eventually("its end", || state().is_none_or(|state| state.contains(") Z ")).then_some(()));
    assert!(!project.path("build/interrupted.wasm").exists());
}

#[test]
fn who_has_no_handler_is_told_what_calls_it() {
    let project = Project::new("uncalled", "command");
    let stderr = project.home.writ(&["dev", project.path("").to_str().unwrap()]).refused();
    assert!(stderr.contains("nothing would call the component"), "{stderr}");
    assert!(stderr.contains("`writ build`, then `writ run ") && !project.path("build").exists(), "{stderr}");

    let project = command("uncalled-too");
    let dev = project.develop();
    swap(&dev, 1);
    let hint = |line: &String| line.starts_with("hint: it only exports wasi:cli/run") && line.contains("`writ run ");
    assert!(dev.all_lines().iter().any(hint), "{}", dev.all_lines().join("\n"));
    dev.stop();
}
