//! Folders that are given: what their rights are, and that nothing leads out of them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::{Expect, expect};
use writ_tests::{Home, Manifest, Scratch, Up, guest};

use crate::run::{check, run};

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

    fn path(&self, name: &str) -> PathBuf {
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
fn a_manifest_gives_variables_and_folders_too() {
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

    let check = |manifest: PathBuf| Home::shared().writ(&["up", manifest.to_str().unwrap(), "--check"]);
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
