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
        hint: choose another name
    "#]]);
    work.run(&["key", "list"]).out(&expect![[r#"
        host      host      N…
        operator  operator  O…
    "#]]);
}

#[test]
fn no_verb_prints_a_seed() {
    let work = Work::new();
    work.run(&["key", "generate", "account"]);
    let seed = work.text("home/keys/account.nk");
    let verbs = [
        &["key", "list"][..],
        &["key", "show", "account"],
        &["key", "show", "account", "--output", "json"],
        &["key", "export", "account", "-o", "out.nk"],
    ];
    for verb in verbs {
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

#[test]
fn a_key_is_exported_and_imported() {
    let work = Work::new();
    let key = work.run(&["key", "generate", "operator"]).raw;
    work.run(&["key", "export", "operator", "-o", "out.nk"]).err(&expect![[r#"
        the seed of operator is in out.nk, readable by you alone
    "#]]);
    assert_eq!(mode(&work.path("out.nk")), 0o600);
    assert_eq!(work.text("out.nk"), work.text("home/keys/operator.nk"));
    work.refuses(&["key", "export", "operator", "-o", "out.nk"]).err(&expect![[r#"
        error: out.nk is there already, and keys never replace anything
    "#]]);
    symlink(work.path("elsewhere"), work.path("link.nk")).unwrap();
    work.refuses(&["key", "export", "operator", "-o", "link.nk"]);
    assert!(!work.path("elsewhere").exists());
    let piped = work.run(&["key", "export", "operator", "-o", "-"]).raw;
    assert_eq!(piped, work.text("out.nk"));

    let import =
        |name: &str, seed: &str, code| work.finish(work.command(&["key", "import", name, "--seed-stdin"]), seed, code);
    import("again", &piped, 1).err(&expect![[r#"
        error: this key is kept here already, as operator
    "#]]);
    fs::remove_file(work.path("home/keys/operator.nk")).unwrap();
    assert_eq!(import("again", &piped, 0).raw, key);
    assert_eq!(mode(&work.path("home/keys/again.nk")), 0o600);
    import("other", "", 1).err(&expect![[r#"
        error: no key on stdin
          because: the seed is empty
    "#]]);
    work.refuses(&["key", "import", "other"]).err(&expect![[r#"
        error: where is the seed? --seed-stdin or --seed-fd N says so
    "#]]);
}

/// The shell opens the file, so its mode is looked at through the descriptor.
#[test]
fn a_seed_from_a_file_that_others_can_read_is_refused() {
    let work = Work::new();
    work.run(&["key", "generate", "operator"]);
    work.run(&["key", "export", "operator", "-o", "out.nk"]);
    fs::remove_file(work.path("home/keys/operator.nk")).unwrap();
    fs::set_permissions(work.path("out.nk"), Permissions::from_mode(0o644)).unwrap();
    for (redirect, source) in [("exec 0<out.nk;", "--seed-stdin"), ("exec 7<out.nk;", "--seed-fd=7")] {
        let ran = work.finish(work.shell(redirect, &["key", "import", "operator", source]), "", 1);
        assert!(
            ran.stderr.contains("it comes from a file that others may read or write (its mode is 644)"),
            "{}",
            ran.stderr
        );
    }
    fs::set_permissions(work.path("out.nk"), Permissions::from_mode(0o600)).unwrap();
    work.finish(work.shell("exec 0<out.nk;", &["key", "import", "operator", "--seed-stdin"]), "", 0);
}

#[test]
fn an_operator_is_rotated_with_its_accounts() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm"]);
    let new = work.run(&["key", "rotate", "local-operator"]).out(&expect!["O…\n"]).err(&expect![[r#"
        kept in WORK/home/keys/local-operator-2.nk
        warning: there is no revocation list of local-operator in WORK/home/revoked; if it revoked any account, that is vouched for again: --dir names another folder
        local-operator-2 vouches for the account local as local-operator did
        hint: on each host `writ trust add O… --policy FILE --revocations DIR`, as far as it trusts the old one, and the new list in DIR; give each account its new token (`writ account show`), for `writ sign`; in the end `writ trust remove O…`, which is what ends the old key's power
    "#]]).raw;
    work.run(&["key", "list"]).out(&expect![[r#"
        local-operator-2  operator  O…
        local-operator    operator  O…
        local             account   A…
    "#]]);
    work.run(&["sign", "a.wasm"]).err(&expect![[r#"
        warning: the operator O… is not trusted here, so it runs elsewhere only; `writ trust add O… --policy FILE` changes that
    "#]]);
    work.run(&["trust", "add", new.trim(), "--any"]);
    work.run(&["trust", "remove", "local-operator"]);
    work.run(&["verify", "a.wasm"]);
    work.run(&["key", "rotate", "local-operator-2", "--name", "third"]);
    work.run(&["key", "rotate", "third"]).err(&expect![[r#"
        kept in WORK/home/keys/third-2.nk
        warning: there is no revocation list of third in WORK/home/revoked; if it revoked any account, that is vouched for again: --dir names another folder
        third-2 vouches for the account local as third did
        hint: on each host `writ trust add O… --policy FILE --revocations DIR`, as far as it trusts the old one, and the new list in DIR; give each account its new token (`writ account show`), for `writ sign`; in the end `writ trust remove O…`, which is what ends the old key's power
    "#]]);
}

/// A successor brings back nobody whom its predecessor revoked.
#[test]
fn an_operator_is_rotated_with_what_it_revoked() {
    let work = Work::new();
    work.run(&["key", "generate", "operator", "--name", "acme"]);
    for account in ["good", "gone", "older"] {
        work.run(&["account", "create", account, "--any"]);
    }
    work.run(&["revoke", "--first", "gone", "--by", "acme", "--dir", "lists"]);
    work.run(&["revoke", "good", "--by", "acme", "--dir", "lists", "--before", "2020-01-01"]);
    work.run(&["revoke", "older", "--by", "acme", "--dir", "lists", "--before", "2999-01-01"]);
    work.run(&["key", "rotate", "acme", "--dir", "lists"]).err(&expect![[r#"
        kept in WORK/home/keys/acme-2.nk
        list number 1 of acme-2 is in lists/O….revoked
        acme-2 vouches for the account good as acme did
        acme-2 does not vouch for the account gone, which acme revoked
        acme-2 does not vouch for the account older, which acme revoked
        hint: on each host `writ trust add O… --policy FILE --revocations DIR`, as far as it trusts the old one, and the new list in DIR; give each account its new token (`writ account show`), for `writ sign`; in the end `writ trust remove O…`, which is what ends the old key's power
    "#]]);
    let vouched = |account: &str| {
        let shown = work.run(&["account", "show", account, "--output", "json"]).raw;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let acme = work.run(&["key", "show", "acme", "--output", "json"]).raw;
        !acme.contains(shown["iss"].as_str().unwrap())
    };
    assert_eq!(["good", "gone", "older"].map(vouched), [true, false, false]);
    let listed = work.run(&["revoke", "--by", "acme-2", "--dir", "lists"]).stdout;
    let count = |what: &str| listed.lines().filter(|line| line.ends_with(what)).count();
    assert_eq!((count("all of it"), count("what was said before TIME")), (1, 2), "{listed}");
}

#[test]
fn a_signing_key_is_rotated_with_what_it_may_sign() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm"]);
    work.run(&["account", "signing-key", "add", "ci", "--any-component", "--any"]);
    work.run(&["key", "rotate", "ci"]).out(&expect!["A…\n"]).err(&expect![[r#"
        kept in WORK/home/keys/ci-2.nk
        local vouches for the signing key ci-2 as it does for ci
        hint: ci signs until DAY, unless it is revoked
    "#]]);
    work.run(&["sign", "a.wasm", "--key", "ci-2"]);
    work.run(&["verify", "a.wasm"]);
}

#[test]
fn keys_that_are_not_rotated() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm"]);
    work.run(&["key", "generate", "host"]);
    work.run(&["key", "generate", "account", "--name", "bare"]);
    work.refuses(&["key", "rotate", "local"]).err(&expect![[r#"
        error: the key local is not rotated: an account is its key. What its components stored, and the subjects they talk on, are kept under it; another key is another account, with empty buckets
        hint: docs/keys.md says what to do when a key was lost or leaked
    "#]]);
    work.refuses(&["key", "rotate", "bare"]).err(&expect![[r#"
        error: the key bare is not rotated: no token here says whether it is a signing key or an account's own
        hint: docs/keys.md says what to do when a key was lost or leaked
    "#]]);
    work.refuses(&["key", "rotate", "host"]).err(&expect![[r#"
        error: the key host is not rotated: a host's key vouches for nobody, so a new one simply takes its place
        hint: docs/keys.md says what to do when a key was lost or leaked
    "#]]);
    work.refuses(&["key", "rotate", "nobody"]).err(&expect![[r#"
        error: there is no key named nobody in WORK/home/keys
    "#]]);
    work.refuses(&["key", "rotate", "local-operator", "--name", "local"]).err(&expect![[r#"
        error: there is a key named local already, and keys are never replaced
        hint: choose another name
    "#]]);
}
