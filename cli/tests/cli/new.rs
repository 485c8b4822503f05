//! `writ new`: what it makes, and what it refuses to make.

use std::fs;

use expect_test::expect;

use crate::fixture::Work;

#[test]
fn what_it_says() {
    let work = Work::new();
    let ran = work.run(&["new", "hello", "--template", "http-keyvalue"]);
    ran.out(&expect![""]).err(&expect![[r#"
        made the project hello; next:
          cd hello
          cargo test
          writ build
          writ up app.yaml
          curl localhost:8080/ada   # in another terminal
    "#]]);
    assert!(work.text("hello/writ.yaml").contains("keyvalue: { bucket: hello, prefix: visits/, verbs: [increment] }"));
    assert_eq!(work.text("hello/.gitignore"), "/build\n/target\n");
    assert!(work.text("hello/wit/deps/wasi-keyvalue/keyvalue.wit").contains("package wasi:keyvalue@0.2.0-draft;"));
}

#[test]
fn names_that_are_refused() {
    let work = Work::new();
    let long = "a".repeat(65);
    for name in ["..", ".", "", "a b", "a/b", "/tmp", "A", "é", "-", "1a", "a_b", "a\nb", "~", "true", "null", &long] {
        let refused = work.refuses(&["new", "--template", "http", "--", name]).stderr;
        assert!(refused.contains("cannot be a component's name: expected a letter"), "{name:?}: {refused}");
    }
    for name in ["test", "core", "fn", "build"] {
        let refused = work.refuses(&["new", name, "--template", "http"]).stderr;
        assert_eq!(refused, format!("error: {name:?} cannot be a component's name: Rust keeps it for itself\n"));
    }
    assert_eq!(fs::read_dir(work.path("")).unwrap().count(), 0);
    work.run(&["new", &long[1..], "--template", "command"]);
}

#[test]
fn what_is_there_stays_as_it_is() {
    let work = Work::new();
    work.write("file", "precious");
    fs::create_dir_all(work.path("full")).unwrap();
    work.write("full/file", "precious");
    fs::create_dir(work.path("empty")).unwrap();
    std::os::unix::fs::symlink("empty", work.path("link")).unwrap();
    for name in ["file", "full", "link"] {
        let refused = work.refuses(&["new", name, "--template", "http"]).stderr;
        let expected =
            format!("error: there is a {name} already, and it is not an empty folder\nhint: choose another name\n");
        assert_eq!(refused, expected);
    }
    assert_eq!((work.text("file").as_str(), work.text("full/file").as_str()), ("precious", "precious"));
    assert_eq!(fs::read_dir(work.path("empty")).unwrap().count(), 0);
    work.run(&["new", "empty", "--template", "http"]);
}

#[test]
fn other_languages() {
    let work = Work::new();
    let ran = work.run(&["new", "fern", "--lang", "python", "--template", "functions"]);
    ran.out(&expect![""]).err(&expect![[r#"
        made the project fern; next:
          cd fern
          python3 -m unittest discover tests
          writ build
          writ call build/fern.wasm greet '"ada"'
    "#]]);
    assert!(work.text("fern/writ.yaml").contains("build: { language: python }"));
    assert!(work.text("fern/requirements.txt").contains("componentize-py=="));
    // Only Rust keeps names for itself.
    work.run(&["new", "fn", "--lang", "go", "--template", "functions"]);
    let refused = work.refuses(&["new", "a", "--lang", "go", "--template", "http"]).stderr;
    let expected = "error: this template is not there in go\nhint: `writ new a --lang go --template functions`\n";
    assert_eq!(refused, expected);
}
