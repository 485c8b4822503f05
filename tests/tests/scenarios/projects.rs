//! The inner loop of an author: `writ new`, `cargo test`, `writ build`, and what comes of it in use.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use writ_tests::{Home, Manifest, Output, Scratch, Up, finish_within, guest, skip_anywhere, unsigned_guest};

/// A project of the template of this name, made in a folder of its own.
struct Project {
    home: Home,
    scratch: Scratch,
    name: String,
}

impl Project {
    #[track_caller]
    fn new(template: &str) -> Self {
        let project = Self { home: Home::new(), scratch: Scratch::new(), name: format!("hello-{template}") };
        let args = ["new", &project.name, "--template", template];
        project.home.writ_in(&project.scratch, &args).succeeded();
        project
    }

    fn path(&self, file: &str) -> PathBuf {
        self.scratch.path(&self.name).join(file)
    }

    fn component(&self) -> PathBuf {
        self.path(&format!("build/{}.wasm", self.name))
    }

    /// What its author does first: the tests, which need no host, then the build.
    #[track_caller]
    fn test_and_build(&self) {
        for args in [&["fmt", "--check"][..], &["test", "--locked"]] {
            let mut cargo = Command::new("cargo");
            cargo.args(args);
            self.run(cargo).succeeded();
        }
        let built = self.build(&[]).succeeded();
        let signed = format!("signed build/{}.wasm as local/{}", self.name, self.name);
        assert!(built.stdout.starts_with(&signed), "{}", built.stdout);
    }

    #[track_caller]
    fn build(&self, args: &[&str]) -> Output {
        let mut writ = self.home.command(&["build"]);
        writ.args(args);
        self.run(writ)
    }

    /// Runs a program in the project's folder. All projects compile into one, so that what they depend on compiles once.
    #[track_caller]
    fn run(&self, mut command: Command) -> Output {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects");
        command.current_dir(self.path("")).env("CARGO_TARGET_DIR", target).stdin(Stdio::null());
        finish_within(COMPILING, command)
    }

    fn up(&self) -> Up {
        Up::start(&self.home, &self.path("app.yaml"), &self.scratch.data())
    }
}

/// The first project compiles wit-bindgen, and may wait for another that does.
const COMPILING: Duration = Duration::from_secs(900);

#[test]
fn http() {
    let project = Project::new("http");
    project.test_and_build();
    let up = project.up();
    assert_eq!(up.get("/ada").text(), "Hello, ada!\n");
    assert_eq!(up.get("/").text(), "Hello, world!\n");
    assert_eq!(up.get("/ada/bob").status, 404);
}

#[test]
fn http_keyvalue() {
    let project = Project::new("http-keyvalue");
    project.test_and_build();
    let up = project.up();
    assert_eq!(up.get("/ada").text(), "Hello, ada! This is your first visit.\n");
    assert_eq!(up.get("/ada?again").text(), "Hello, ada! This is visit 2.\n");
    up.stop();
    assert_eq!(project.up().get("/ada").text(), "Hello, ada! This is visit 3.\n");
}

#[test]
fn messaging() {
    let project = Project::new("messaging");
    project.test_and_build();
    let component = project.component();

    // Alone, as its README says.
    let message = r#"{subject: "hello-messaging.greet", body: [97, 100, 97], reply-to: none}"#;
    let called = project.home.writ(&["call", component.to_str().unwrap(), "handle-message", message]).succeeded();
    assert!(called.stderr.contains("Hello, ada!"), "{}", called.stderr);
    let check = ["up", project.path("app.yaml").to_str().unwrap(), "--check"].map(str::to_owned);
    project.home.writ(&check.each_ref().map(String::as_str)).succeeded();

    // Beside a component that asks it.
    let (home, scratch) = (&project.home, &project.scratch);
    let asker = scratch.copy(&unsigned_guest("courier.wasm"), "asker.wasm");
    let claims = scratch.write("writ.yaml", ASKER);
    home.writ(&["sign", asker.to_str().unwrap(), "--claims", claims.to_str().unwrap()]).succeeded();
    let asking = Manifest::new("asker", &asker).to_string().replace("path: /", "path: /request");
    let hearing = Manifest {
        path: None,
        subscriptions: Some("hello-messaging.*"),
        ..Manifest::new("hello-messaging", &component)
    };
    let hearing = hearing.to_string();
    let (_, entries) = hearing.split_once("components:\n").unwrap();
    let up = Up::start(home, &scratch.write("both.yaml", asking + entries), &scratch.data());
    let answer = up.send("POST", "/request/hello-messaging.greet", &[], b"ada");
    assert_eq!((answer.status, answer.text().as_str()), (200, "Hello, ada!"));
}

const ASKER: &str = r#"
name: asker
version: 0.1.0
revision: 1
expires: 90d
claims:
  messaging: { publish: ["hello-messaging.*"] }
  http-server: { hosts: any, paths: [/request] }
"#;

#[test]
fn command() {
    let project = Project::new("command");
    project.test_and_build();
    let args = ["inspect", project.component().to_str().unwrap(), "--output", "json"].map(str::to_owned);
    let inspected = project.home.writ(&args.each_ref().map(String::as_str)).succeeded().stdout;
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    let exports = inspected["exports"].to_string();
    assert!(exports.contains("wasi:cli/run@0.2"), "{inspected:#}");
}

#[test]
fn a_build_that_fails_says_so_and_signs_nothing() {
    let project = Project::new("command");
    std::fs::write(project.path("src/greeting.rs"), "pub(crate) fn greetings(_: &[String]) -> String { 5 }").unwrap();
    let refused = project.build(&[]).refused();
    for words in ["error[E0308]: mismatched types", "error: `cargo build` failed: exit status: 101"] {
        assert!(refused.contains(words), "{refused}");
    }
    assert!(!project.path("build").exists());
    assert!(!project.home.path().exists(), "no key is made for nothing");
}

#[test]
fn a_project_inside_another_workspace_is_its_own() {
    let scratch = Scratch::new();
    scratch.write("Cargo.toml", "[workspace]\nmembers = [\"gone\"]\nresolver = \"3\"\n");
    let project = Project { home: Home::new(), scratch, name: "inner".to_owned() };
    project.home.writ_in(&project.scratch, &["new", "inner", "--template", "command"]).succeeded();
    project.build(&["--debug"]).succeeded();
    project.home.writ(&["verify", project.component().to_str().unwrap()]).succeeded();
}

#[test]
fn a_library_without_a_component_in_it_is_not_signed() {
    let project = Project::new("command");
    std::fs::rename(project.path("src/greeting.rs"), project.path("src/lib.rs")).unwrap();
    std::fs::remove_file(project.path("src/main.rs")).unwrap();
    let refused = project.build(&["--debug"]).refused();
    assert!(
        refused.contains("error: the package builds no component\nhint: a component is a program, or"),
        "{refused}"
    );
}

#[test]
fn what_cargo_component_builds_runs_as_well() {
    let mut cargo = Command::new("cargo");
    cargo.args(["component", "--version"]);
    let missing = "cargo-component is not installed; `cargo xtask guests --cargo-component` does";
    if !finish_within(COMPILING, cargo).status.success() && skip_anywhere(missing) {
        return;
    }
    let (home, scratch, greet) = (Home::shared(), Scratch::new(), guest("greet.wasm"));
    let call = |function, argument| {
        let args = ["call", greet.to_str().unwrap(), "--data", "data", function, argument];
        home.writ_in(&scratch, &args).succeeded()
    };
    assert_eq!(call("greet", r#""ada""#).stdout, "ok(\"Hello, ada! This is visit 1.\")\n");
    let second = call("greet", r#""ada""#);
    assert_eq!(second.stdout, "ok(\"Hello, ada! This is visit 2.\")\n");
    assert!(second.stderr.contains("visit 2"), "{}", second.stderr);
    let most = r#"[{name: "ada", count: 4294967295}, {name: "bob", count: 1}]"#;
    assert_eq!(call("total", most).stdout, "4294967296\n");
}
