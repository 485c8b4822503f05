//! The data folder, as far as `call` opens it before it runs anything: a component without exports has no function.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use expect_test::{Expect, expect};

use crate::fixture::Work;

const CALL: [&str; 5] = ["call", "a.wasm", "f", "--data", "data"];

fn used() -> Work {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm"]);
    let said = work.refuses(&CALL).stderr;
    assert!(said.contains("it exports no function"), "{said}");
    work
}

/// What is said about a data folder after `spoil` had its way with it.
#[track_caller]
fn check(spoil: impl FnOnce(&Path), expected: Expect) {
    let work = used();
    spoil(&work.path("data"));
    work.refuses(&CALL).err(&expected);
}

#[test]
fn a_folder_that_others_may_write_is_refused() {
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    check(
        |data| mode(data, 0o770),
        expect![[r#"
        error: the data folder data cannot be used
          because: data can be written by others (its mode is 770)
        hint: if you trust what is in it, `chmod go-w data`
    "#]],
    );
    check(
        |data| mode(&data.join("cache"), 0o702),
        expect![[r#"
        error: data/cache can be written by others (its mode is 702)
        hint: if you trust what is in it, `chmod go-w data/cache`
    "#]],
    );
    check(
        |data| mode(&data.join("secret"), 0o640),
        expect![[r#"
        error: cannot read data/secret
          because: others may read or write it (its mode is 640)
        hint: if nobody has read it, `chmod 600 data/secret`; otherwise make a new one
    "#]],
    );
}

#[test]
fn a_secret_that_is_no_file_of_ours_is_refused() {
    let moved = |data: &Path| {
        fs::rename(data.join("secret"), data.join("old")).unwrap();
        symlink("old", data.join("secret")).unwrap();
    };
    check(
        moved,
        expect![[r#"
        error: cannot read data/secret
          because: it is a symbolic link, and not a regular file
    "#]],
    );
    let folder = |data: &Path| {
        fs::remove_file(data.join("host.nk")).unwrap();
        fs::create_dir(data.join("host.nk")).unwrap();
    };
    check(
        folder,
        expect![[r#"
        error: cannot read data/host.nk
          because: it is not a regular file
    "#]],
    );
    // Only root gives files away; for everybody else there is nothing to see here.
    let work = used();
    if std::os::unix::fs::chown(work.path("data/secret"), Some(54_321), None).is_ok() {
        work.refuses(&CALL).err(&expect![[r#"
            error: data/secret belongs to another user
            hint: if you trust what is in it, make it yours with `chown`
        "#]]);
    }
}

#[test]
fn what_a_killed_start_left_behind_locks_nobody_out() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm"]);
    fs::create_dir(work.path("data")).unwrap();
    // In a container every start has the same process id.
    let before = "for name in format host secret; do : > data/$name.$$.new; done; chmod 700 data;";
    let said = work.finish(work.shell(before, &CALL), "", 1).stderr;
    assert!(said.contains("it exports no function"), "{said}");
}
