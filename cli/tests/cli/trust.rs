//! `writ trust`.

use expect_test::expect;

use crate::fixture::Work;

const OPERATOR: &str = "OAT3EQNBNKTWF7KBX4MH5VVQCQ6QVYHS7TYYNXHWOSJNIBD3QTC2PIWG";

fn operator(work: &Work) -> String {
    work.run(&["key", "generate", "operator", "--name", "acme"]).raw.trim().to_owned()
}

#[test]
fn add_list_remove() {
    let work = Work::new();
    let key = operator(&work);
    work.write(
        "most.yaml",
        "capabilities: { logging: any, keyvalue: [{ bucket: orders }] }\nlimits: { memory: 64MiB }\n",
    );
    work.finish(work.command(&["trust", "add", &key]), "", 2);
    work.run(&["trust", "add", &key, "--policy", "most.yaml"]).err(&expect![[r#"
        acme (O…) is trusted here, for keyvalue logging
    "#]]);
    work.run(&["trust", "list"]).out(&expect![[r#"
        acme  O…  keyvalue logging  no revocations
    "#]]);
    work.run(&["trust", "list", "--output", "json"]).out(&expect![[r#"
        [
          {
            "name": "acme",
            "operator": "O…",
            "policy": {
              "capabilities": {
                "keyvalue": [
                  {
                    "bucket": "orders"
                  }
                ],
                "logging": "any"
              },
              "limits": {
                "memory": "64MiB"
              }
            },
            "revocations": "none"
          }
        ]
    "#]]);
    work.refuses(&["trust", "add", &key, "--name", "other", "--any"]).err(&expect![[r#"
        error: there is an entry acme for O… already
        hint: remove it with `writ trust remove acme`
    "#]]);
    work.run(&["trust", "remove", "acme"]).err(&expect![[r#"
        acme (O…) is trusted here no longer
        hint: a host that runs by this WRIT_HOME ends what rests on it within seconds
    "#]]);
    work.refuses(&["trust", "remove", "acme"]).err(&expect![[r#"
        error: no operator "acme" is trusted here
    "#]]);
    work.run(&["trust", "list"]).err(&expect![[r#"
        no operator is trusted in WORK/home
    "#]]);
    work.run(&["trust", "list", "--output", "json"]).out(&expect![[r#"
        []
    "#]]);
    work.run(&["trust", "add", &key, "--any", "--name", "o"]).err(&expect![[r#"
        o (O…) is trusted here, for any capability
    "#]]);
}

#[test]
fn what_is_refused() {
    let work = Work::new();
    let key = operator(&work);
    work.refuses(&["trust", "add", OPERATOR, "--any"]).err(&expect![[r#"
        error: the key's checksum is wrong; it was mistyped or damaged
    "#]]);
    let account = work.run(&["key", "generate", "account"]).raw;
    work.refuses(&["trust", "add", account.trim(), "--any"]).err(&expect![[r#"
        error: A… is the key of another role (account); expected an operator's, which starts with O
    "#]]);
    work.refuses(&["trust", "add", &key, "--policy", "missing.yaml"]).err(&expect![[r#"
        error: cannot read missing.yaml
          because: No such file or directory (os error 2)
    "#]]);
    work.write("most.yaml", "capabilities: any\nlimit: {}\n");
    work.refuses(&["trust", "add", &key, "--policy", "most.yaml"]).err(&expect![[r#"
        error: most.yaml:2:1: unknown field `limit` in a policy, expected one of `capabilities`, `limits`
    "#]]);
    work.refuses(&["trust", "add", &key, "--any", "--name", "a b"]).err(&expect![[r#"
        error: the entry cannot be kept
          because: 1:7: `name` cannot be `a b`: expected at most 128 letters (a-z, A-Z), digits, `-` and `_`
    "#]]);
}

#[test]
fn an_entry_that_cannot_be_read_is_not_overlooked() {
    let work = Work::new();
    let key = operator(&work);
    work.run(&["trust", "add", &key, "--any"]);
    let entry = work.only("home/trust", ".yaml");
    let text = std::fs::read_to_string(&entry).unwrap();
    std::fs::write(&entry, text.replace("policy: any", "policy: [")).unwrap();
    let ran = work.refuses(&["trust", "list"]);
    assert!(ran.stderr.contains("home/trust/O….yaml:"), "{}", ran.stderr);
    std::fs::write(entry.with_file_name(format!("{OPERATOR}.yaml")), text).unwrap();
    std::fs::remove_file(&entry).unwrap();
    work.refuses(&["trust", "list"]).err(&expect![[r#"
        error: WORK/home/trust/O….yaml is about O…; an entry is named for its operator
    "#]]);
}

#[test]
fn an_entry_that_asks_for_lists() {
    let work = Work::new();
    let key = operator(&work);
    work.finish(work.command(&["trust", "add", &key, "--any", "--max-age", "1h"]), "", 2);
    work.finish(work.command(&["trust", "add", &key, "--any", "--account-lists"]), "", 2);
    work.run(&["trust", "add", &key, "--any", "--revocations", "lists", "--max-age", "1h", "--account-lists"]);
    work.run(&["trust", "list"]).out(&expect![[r#"
        acme  O…  any capability  revocations in WORK/lists
    "#]]);
    work.run(&["trust", "list", "--output", "json"]).out(&expect![[r#"
        [
          {
            "name": "acme",
            "operator": "O…",
            "policy": "any",
            "revocations": {
              "accounts": "required",
              "dir": "WORK/lists",
              "max_age": "1h"
            }
          }
        ]
    "#]]);
}

#[test]
fn what_others_may_write_decides_nothing() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm"]);
    work.write("home/policy.yaml", "capabilities: any\n");
    let (folder, entry, policy) =
        (work.path("home/trust"), work.only("home/trust", ".yaml"), work.path("home/policy.yaml"));
    for (path, wrong, right) in [(&folder, 0o770, 0o700), (&entry, 0o664, 0o644), (&policy, 0o646, 0o644)] {
        work.run(&["inspect", "a.wasm"]);
        set_mode(path, wrong);
        let said = work.refuses(&["inspect", "a.wasm"]).stderr;
        assert!(said.contains("can be written by others") && said.contains("`chmod go-w WORK/home/"), "{said}");
        work.refuses(&["call", "a.wasm", "f"]);
        set_mode(path, right);
    }
    // Whoever works under such a umask can use what was made for them.
    let work = Work::with_component();
    work.finish(work.shell("umask 000;", &["sign", "a.wasm"]), "", 0);
    work.run(&["verify", "a.wasm"]);
}

#[test]
fn what_belongs_to_another_user_decides_nothing() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm"]);
    work.write("home/policy.yaml", "capabilities: any\n");
    // Only root gives files away; for everybody else there is nothing to see here.
    if std::os::unix::fs::chown(work.path("home/policy.yaml"), Some(54_321), None).is_err() {
        return;
    }
    work.refuses(&["inspect", "a.wasm"]).err(&expect![[r#"
        error: WORK/home/policy.yaml belongs to another user
        hint: if you trust what is in it, make it yours with `chown`
    "#]]);
}

#[test]
fn a_policy_that_leads_nowhere_is_not_no_policy() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm"]);
    std::os::unix::fs::symlink("missing.yaml", work.path("home/policy.yaml")).unwrap();
    work.refuses(&["inspect", "a.wasm"]).err(&expect![[r#"
        error: cannot read WORK/home/policy.yaml
          because: No such file or directory (os error 2)
    "#]]);
    work.write("home/missing.yaml", "capabilities: any\n");
    work.run(&["inspect", "a.wasm"]);
}

fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
