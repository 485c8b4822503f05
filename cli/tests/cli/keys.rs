//! `writ key`: modes, names, and what is never printed.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use expect_test::{Expect, expect};

use crate::fixture::{Work, mode};

#[test]
fn nobody_else_reads_a_key_whatever_the_umask() {
    let work = Work::new();
    for (name, umask) in [("a", "000"), ("b", "022"), ("c", "077")] {
        let command = work.shell(&format!("umask {umask};"), &["key", "generate", "account", "--name", name]);
        work.finish(command, "", 0);
        assert_eq!(mode(&work.path(&format!("home/keys/{name}.nk"))), 0o600, "umask {umask}");
    }
    assert_eq!(mode(&work.path("home/keys")), 0o700);
    assert_eq!(mode(&work.path("home")), 0o700);
}

#[test]
fn generate_prints_the_public_key_alone() {
    let work = Work::new();
    work.run(&["key", "generate", "operator"]).out(&expect!["O…\n"]).err(&expect![[r#"
        kept in WORK/home/keys/operator.nk
    "#]]);
    work.run(&["key", "generate", "host", "--output", "json"]).out(&expect![[r#"
        {
          "key": "N…",
          "name": "host",
          "role": "host"
        }
    "#]]);
    work.refuses(&["key", "generate", "operator"]).err(&expect![[r#"
        error: there is a key named operator already, and keys are never replaced
        hint: choose another name with --name
    "#]]);
    work.run(&["key", "list"]).out(&expect![[r#"
        host      host      N…
        operator  operator  O…
    "#]]);
}

#[test]
fn an_account_is_made_and_signed_at_once() {
    let work = Work::new();
    work.run(&["key", "generate", "operator"]);
    work.run(&["key", "generate", "account", "--name", "acme", "--operator", "operator", "--any"])
        .out(&expect!["A…\n"]);
    work.run(&["key", "show", "acme"]).out(&expect![[r#"
        name        acme
        role        account
        public key  A…
        signed by   O…
        valid       DAY to DAY
    "#]]);
    work.finish(work.command(&["key", "generate", "account", "--operator", "operator"]), "", 2);
    work.refuses(&["key", "generate", "account", "--operator", "acme", "--any"]).err(&expect![[r#"
        error: acme is the key of another role (account); accounts are signed by operators
    "#]]);
}

#[test]
fn no_verb_prints_a_seed() {
    let work = Work::new();
    work.run(&["key", "generate", "account"]);
    let seed = work.text("home/keys/account.nk");
    for verb in [&["key", "list"][..], &["key", "show", "account"], &["key", "show", "account", "--output", "json"]] {
        let ran = work.run(verb);
        assert!(!ran.raw.contains(seed.trim()) && !ran.stderr.contains(seed.trim()));
    }
}

/// What `key show k` says after `spoil`.
#[track_caller]
fn refused(spoil: impl FnOnce(&Work), expected: Expect) {
    let work = Work::new();
    work.run(&["key", "generate", "account", "--name", "k"]);
    spoil(&work);
    work.refuses(&["key", "show", "k"]).err(&expected);
}

#[test]
fn key_files_that_are_refused() {
    let open = |work: &Work| fs::set_permissions(work.path("home/keys/k.nk"), Permissions::from_mode(0o640)).unwrap();
    refused(
        open,
        expect![[r#"
        error: the key WORK/home/keys/k.nk cannot be used
          because: others may read or write it (its mode is 640)
        hint: if nobody has read it, `chmod 600 WORK/home/keys/k.nk`; otherwise make a new one
    "#]],
    );
    let link = |work: &Work| {
        fs::rename(work.path("home/keys/k.nk"), work.path("elsewhere")).unwrap();
        symlink(work.path("elsewhere"), work.path("home/keys/k.nk")).unwrap();
    };
    refused(
        link,
        expect![[r#"
        error: the key WORK/home/keys/k.nk cannot be used
          because: it is a symbolic link, and not a regular file
    "#]],
    );
    refused(
        |work| work.write("home/keys/k.nk", "SAAPN4W3EG6KCJGUQTKTJ5GSB5NHK5CHAJL4DBGFUM3HHROI4XUEP4OBK5"),
        expect![[r#"
            error: the key WORK/home/keys/k.nk cannot be used
              because: the key is not written in its one canonical form
        "#]],
    );
    refused(
        |work| fs::remove_file(work.path("home/keys/k.nk")).unwrap(),
        expect![[r#"
            error: there is no key named k in WORK/home/keys
        "#]],
    );
}

#[test]
fn a_link_is_not_written_through() {
    let work = Work::new();
    fs::create_dir_all(work.path("home/keys")).unwrap();
    symlink(work.path("elsewhere"), work.path("home/keys/k.nk")).unwrap();
    work.refuses(&["key", "generate", "account", "--name", "k"]);
    assert!(!work.path("elsewhere").exists());
}

#[test]
fn names_that_are_refused() {
    let work = Work::new();
    for name in ["", "../k", "a/b", "K", "k.nk"] {
        let ran = work.refuses(&["key", "generate", "account", "--name", name]);
        assert!(ran.stderr.contains("cannot be a key's name: expected 1 to 64 of a-z, 0-9 and -"), "{}", ran.stderr);
    }
    work.refuses(&["key", "generate", "account", "--name", "\x1b[31m"]).err(&expect![[r#"
        error: "\u{1b}[31m" cannot be a key's name: expected 1 to 64 of a-z, 0-9 and -
    "#]]);
    work.finish(work.command(&["key", "generate", "component"]), "", 2);
    assert!(!work.path("home").exists());
}
