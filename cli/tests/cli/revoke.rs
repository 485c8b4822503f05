//! `writ revoke`, and what every verb makes of its lists.

use std::fs;
use std::path::PathBuf;

use expect_test::{Expect, expect};

use crate::fixture::{Work, component};

/// A home whose operator is trusted with lists in `lists`, and a component that its account signed.
fn world() -> Work {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm"]);
    trust(&work, "lists", "24h", "optional");
    work.run(&["revoke", "--first", "--by", "local-operator", "--dir", "lists"]);
    work
}

/// Makes the trust entry demand lists.
fn trust(work: &Work, dir: &str, max_age: &str, accounts: &str) {
    let entry = work.only("home/trust", ".yaml");
    let text = fs::read_to_string(&entry).unwrap();
    let kept = text.lines().take_while(|line| !line.starts_with("revocations")).collect::<Vec<_>>().join("\n");
    let dir = work.path(dir).display().to_string();
    let lists = format!("{kept}\nrevocations: {{ dir: {dir}, max_age: {max_age}, accounts: {accounts} }}\n");
    fs::write(entry, lists).unwrap();
}

/// The public key of a name.
fn key(work: &Work, name: &str) -> String {
    let shown = work.run(&["key", "show", name, "--output", "json"]).raw;
    shown.split('"').find(|word| word.len() == 56).unwrap().to_owned()
}

fn list_of(work: &Work, name: &str) -> PathBuf {
    work.path(&format!("lists/{}.revoked", key(work, name)))
}

fn id(work: &Work) -> String {
    let text = work.text("writ.yaml");
    text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned()
}

/// Every verb that verifies refuses, with these words.
#[track_caller]
fn refused(work: &Work, expected: &str) {
    work.write("app.yaml", APPLICATION);
    for verb in [&["verify", "a.wasm"][..], &["call", "a.wasm", "f"], &["up", "app.yaml", "--check"]] {
        let said = work.refuses(verb).stderr;
        assert!(said.contains(expected), "{verb:?}: {said}");
    }
    let inspected = work.run(&["inspect", "a.wasm"]).stdout;
    assert!(inspected.contains(expected), "{inspected}");
}

#[test]
fn lists_are_numbered_and_say_what_the_last_one_said() {
    let work = world();
    let account = key(&work, "local");
    work.run(&["revoke", &account, "--by", "local-operator", "--dir", "lists", "--before", "2026-01-01"])
        .out(&expect![[r#"
            A…  what was said before TIME
        "#]])
        .err(&expect![[r#"
            list number 2 of local-operator is in lists/O….revoked
            hint: hosts read it once it lies in the folder that their trust entry names
        "#]]);
    let other = key(&work, "local-operator").replacen('O', "A", 1);
    work.refuses(&["revoke", &other, "--by", "local-operator"]).err(&expect![[r#"
        error: "A…" is neither the name of a key nor a public key
    "#]]);
    work.run(&["revoke", "local", "--by", "local-operator", "--dir", "lists"]).out(&expect![[r#"
        A…  all of it
    "#]]);
    work.run(&["revoke", "--by", "local-operator", "--dir", "lists", "--output", "json"]).out(&expect![[r#"
        {
          "issuer": "O…",
          "number": 4,
          "revoked": [
            {
              "subject": "A…"
            }
          ]
        }
    "#]]);
    // Without a folder, in the home.
    work.run(&["revoke", "--first", &id(&work), "--by", "local"]).err(&expect![[r#"
        list number 1 of local is in WORK/home/revoked/A….revoked
        hint: hosts read it once it lies in the folder that their trust entry names
    "#]]);
}

#[test]
fn lists_that_are_not_signed() {
    let work = world();
    let id = id(&work);
    let by = |by: &str, subjects: &[&str], expected: Expect| {
        // Of the account there is none, and none comes to be.
        let first = if by == "local" { &["--first"][..] } else { &[] };
        work.refuses(&[&["revoke", "--by", by, "--dir", "lists"], first, subjects].concat()).err(&expected);
    };
    by(
        "local-operator",
        &[&id],
        expect![[r#"
        error: not signed, because no host would accept it: it revokes "M…", which is not for O… to revoke: an operator revokes accounts, A…
    "#]],
    );
    by(
        "local",
        &["local"],
        expect![[r#"
        error: not signed, because no host would accept it: it revokes "A…", which is not for A… to revoke: only its operator revokes an account
    "#]],
    );
    by(
        "local",
        &["local-operator"],
        expect![[r#"
        error: not signed, because no host would accept it: it revokes "O…", which is not for A… to revoke: an account revokes signing keys A…, components M… and digests sha256:…
    "#]],
    );
    by(
        "local",
        &["sha256:00"],
        expect![[r#"
        error: "sha256:00" is neither the name of a key nor a public key
    "#]],
    );
    by(
        "local",
        &[&id, "--before", "yesterday"],
        expect![[r#"
        error: "yesterday" is no time: write `now`, DAY, or TIME
    "#]],
    );
    by(
        "local",
        &["--before", "now"],
        expect![[r#"
        error: --before says nothing without a subject
    "#]],
    );
    by(
        "nobody",
        &[&id],
        expect![[r#"
        error: there is no key named nobody in WORK/home/keys
    "#]],
    );
    work.run(&["key", "generate", "host"]);
    by(
        "host",
        &[&id],
        expect![[r#"
        error: host is the key of another role (host); operators and accounts sign revocation lists
    "#]],
    );
    work.finish(work.command(&["revoke", &id]), "", 2);

    // What cannot be extended is not replaced.
    let list = list_of(&work, "local-operator");
    fs::write(&list, "hello").unwrap();
    by(
        "local-operator",
        &["local"],
        expect![[r#"
        error: lists/O….revoked cannot be extended: its content is refused: a token has three segments with a dot between
        hint: put the newest list of this issuer's there; a host that reads it has a copy
    "#]],
    );
    assert_eq!(fs::read_to_string(&list).unwrap(), "hello");
}

/// Lists that hosts would read, and that would void nothing.
#[test]
fn what_another_one_has_to_revoke() {
    let work = world();
    work.run(&["account", "signing-key", "add", "ci", "--any-component", "--any", "--account", "local"]);
    work.run(&["account", "create", "other", "--any"]);
    work.run(&["account", "signing-key", "add", "others", "--any-component", "--any", "--account", "other"]);
    let refused = |subject: &str, by: &str, expected: Expect| {
        work.refuses(&["revoke", "--first", "--by", by, "--dir", "new", subject]).err(&expected);
        assert!(!work.path("new").exists());
    };
    refused(
        &id(&work),
        "ci",
        expect![[r#"
        error: ci is a signing key, which revokes nothing
        hint: its account does, with `--by A…`
    "#]],
    );
    refused(
        "ci",
        "local-operator",
        expect![[r#"
        error: A… is a signing key of A…, so this would void nothing
        hint: `writ revoke A… --by A…` does
    "#]],
    );
    refused(
        "other",
        "local",
        expect![[r#"
        error: A… is an account of O…, so this would void nothing
        hint: `writ revoke A… --by O…` does
    "#]],
    );
    refused(
        "others",
        "local",
        expect![[r#"
        error: A… is a signing key of A…, so this would void nothing
        hint: `writ revoke A… --by A…` does
    "#]],
    );
    work.run(&["revoke", "--first", "--by", "local", "--dir", "new", "ci"]);
    // What nothing is known of is as it is said to be.
    let unknown = writ_signing::SigningKey::generate(writ_signing::Role::Account).unwrap().public().to_string();
    work.run(&["revoke", "--by", "local", "--dir", "new", &unknown]).err(&expect![[r#"
        warning: nothing here says what A… is: an operator's list voids accounts alone, and an account's its signing keys
        list number 2 of local is in new/A….revoked
        hint: hosts read it once it lies in the folder that their trust entry names
    "#]]);
    work.run(&["key", "generate", "operator", "--name", "second"]);
    work.run(&["revoke", "--first", "--by", "second", "--dir", "new", "local"]).err(&expect![[r#"
        warning: O… vouches for the account A…, and this list voids nothing of that
        hint: `writ revoke A… --by O…` does
        list number 1 of second is in new/O….revoked
        hint: hosts read it once it lies in the folder that their trust entry names
    "#]]);
}

/// A list that begins anew would take back nothing of what the last one did.
#[test]
fn a_list_begins_anew_only_where_there_was_none() {
    let work = world();
    let revoke = |more: &[&str]| work.refuses(&[&["revoke", "local", "--by", "local-operator"], more].concat());
    revoke(&["--dir", "elsewhere"]).err(&expect![[r#"
        error: there is no list of local-operator in elsewhere
        hint: put the newest one there, which a host that reads it has, too; if there never was one, --first signs it
    "#]]);
    assert!(!work.path("elsewhere").exists());
    revoke(&["--first", "--dir", "lists"]).err(&expect![[r#"
        error: lists/O….revoked is there already; without --first it is extended
    "#]]);
    fs::create_dir(work.path("home/revoked")).unwrap();
    let list = list_of(&work, "local-operator");
    fs::rename(&list, work.path("home/revoked").join(list.file_name().unwrap())).unwrap();
    revoke(&["--dir", "lists"]).err(&expect![[r#"
        error: there is no list of local-operator in lists
        hint: the last one is WORK/home/revoked/O….revoked; put it there
    "#]]);
    revoke(&["--first", "--dir", "lists"]).err(&expect![[r#"
        error: there is no list of local-operator in lists
        hint: the last one is WORK/home/revoked/O….revoked; put it there
    "#]]);
    work.run(&["revoke", "local", "--by", "local-operator"]);
}

#[test]
fn an_account_is_revoked_by_its_operator() {
    let work = world();
    work.run(&["verify", "a.wasm"]);
    work.run(&["revoke", "local", "--by", "local-operator", "--dir", "lists"]);
    refused(&work, "was revoked by");
    work.refuses(&["verify", "a.wasm"]).err(&expect![[r#"
        error: a.wasm does not verify
          because: A… was revoked by O…, in its list number 2: all of it
    "#]]);
    work.refuses(&["sign", "a.wasm"]).err(&expect![[r#"
        error: what was signed would not verify, so nothing was written
          because: A… was revoked by O…, in its list number 2: all of it
    "#]]);
}

#[test]
fn a_component_and_a_digest_are_revoked_by_their_account() {
    let work = world();
    let id = id(&work);
    work.run(&["revoke", "--first", &id, "--by", "local", "--dir", "lists", "--before", "2020-01-01"]);
    work.run(&["verify", "a.wasm"]);
    work.run(&["revoke", &id, "--by", "local", "--dir", "lists"]);
    refused(&work, "M… was revoked by A…, in its list number 2: all of it");

    let work = world();
    let inspected = work.run(&["inspect", "a.wasm", "--output", "json"]).raw;
    let digest = inspected.split('"').find(|word| word.starts_with("sha256:")).unwrap();
    work.run(&["revoke", "--first", digest, "--by", "local", "--dir", "lists"]);
    refused(&work, digest);
    // Other bytes of the same component are another matter.
    work.write("a.wasm", component(&["wasi:cli/stdout@0.2.0"], &[]));
    work.run(&["sign", "a.wasm"]);
    work.run(&["verify", "a.wasm"]);
}

#[test]
fn a_signing_key_is_revoked_by_its_account() {
    let work = world();
    work.run(&["account", "signing-key", "add", "ci", "--any-component", "--any"]);
    trust(&work, "home/revoked", "24h", "optional");
    work.run(&["revoke", "--first", "--by", "local-operator"]);
    work.run(&["sign", "a.wasm", "--key", "ci"]);
    work.run(&["verify", "a.wasm"]);
    work.run(&["account", "signing-key", "revoke", "ci", "--first"])
        .out(&expect![[r#"
        A…  all of it
    "#]])
        .err(&expect![[r#"
        list number 1 of local is in WORK/home/revoked/A….revoked
        hint: hosts read it once it lies in the folder that their trust entry names
    "#]]);
    work.refuses(&["verify", "a.wasm"]).err(&expect![[r#"
        error: a.wasm does not verify
          because: A… was revoked by A…, in its list number 1: all of it
    "#]]);
    work.refuses(&["sign", "a.wasm", "--key", "ci"]);
    work.run(&["sign", "a.wasm", "--key", "local"]);
    work.run(&["verify", "a.wasm"]);
    work.refuses(&["account", "signing-key", "revoke", "local"]).err(&expect![[r#"
        error: A… is an account's own key; its operator revokes it, with `writ revoke A… --by OPERATOR`
    "#]]);
    work.refuses(&["account", "signing-key", "revoke", "local-operator"]).err(&expect![[r#"
        error: no token here says whose signing key O… is
    "#]]);
}

/// Renewing an account with less says that the older token stands, and how to void it.
#[test]
fn a_date_voids_an_older_token_and_no_newer_one() {
    let work = world();
    work.write("old.wasm", work.read("a.wasm"));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    work.write("less.yaml", "capabilities: { logging: any }\n");
    let renewed = work.run(&["account", "create", "local", "--key", "local", "--policy", "less.yaml"]);
    renewed.err(&expect![[r#"
        local-operator vouches for the account local until DAY
        warning: the older token says something else, and stands until it ends on DAY, wherever it is
        hint: `writ revoke A… --by O… --before TIME` voids it
    "#]]);
    work.run(&["sign", "a.wasm"]);
    work.run(&["verify", "a.wasm", "old.wasm"]);
    let shown = work.run(&["account", "show", "local", "--output", "json"]).raw;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let since = writ_signing::time::Timestamp(shown["iat"].as_u64().unwrap()).to_string();
    work.run(&["revoke", "local", "--by", "local-operator", "--before", &since, "--dir", "lists"]);
    work.run(&["verify", "a.wasm"]);
    work.refuses(&["verify", "old.wasm"]);
}

#[test]
fn what_is_not_known_starts_nothing() {
    let work = world();
    let list = list_of(&work, "local-operator");
    let right = fs::read(&list).unwrap();
    fs::remove_file(&list).unwrap();
    refused(&work, "it has no revocation list here; have it put beside the others");
    fs::write(&list, "hello").unwrap();
    refused(&work, "its revocation list cannot be used: its content is refused: a token has three segments");
    fs::write(&list, vec![b'x'; (1 << 20) + 1]).unwrap();
    refused(&work, "is longer than the 1048576 bytes that are read");
    fs::remove_file(&list).unwrap();
    fs::create_dir(&list).unwrap();
    refused(&work, "is a folder, where a file was expected");
    fs::remove_dir(&list).unwrap();
    // A token in a list's place, and another issuer's list.
    fs::write(&list, work.run(&["account", "show", "local", "--tokens"]).raw).unwrap();
    refused(&work, "its header is not a revocation list's");
    work.run(&["revoke", "--first", "--by", "local", "--dir", "lists"]);
    fs::copy(list_of(&work, "local"), &list).unwrap();
    refused(&work, "it was not signed by");
    fs::write(&list, right).unwrap();
    work.run(&["verify", "a.wasm"]);
    fs::rename(work.path("lists"), work.path("elsewhere")).unwrap();
    refused(&work, "lists: No such file or directory");
}

#[test]
fn an_account_that_must_have_a_list() {
    let work = world();
    trust(&work, "lists", "24h", "required");
    refused(&work, "it has no revocation list here");
    work.run(&["revoke", "--first", "--by", "local", "--dir", "lists"]);
    work.run(&["verify", "a.wasm"]);
}

#[test]
fn a_list_that_is_too_old() {
    let work = world();
    trust(&work, "lists", "0s", "optional");
    // A minute's difference of two clocks is allowed for, so a list of now is fresh at any `max_age`.
    work.run(&["verify", "a.wasm"]);
}

/// A broken list of one account is no other account's concern.
#[test]
fn a_broken_list_stops_its_own_account_alone() {
    let work = world();
    work.run(&["account", "create", "other", "--any"]);
    fs::write(list_of(&work, "other"), "hello").unwrap();
    work.run(&["verify", "a.wasm"]);
    work.refuses(&["sign", "a.wasm", "--key", "other"]);
    fs::write(list_of(&work, "local"), "hello").unwrap();
    work.refuses(&["verify", "a.wasm"]);
    // Files that are no lists are nobody's concern.
    fs::remove_file(list_of(&work, "local")).unwrap();
    fs::write(work.path("lists/notes.revoked"), "hello").unwrap();
    fs::write(work.path("lists/README"), "hello").unwrap();
    work.run(&["verify", "a.wasm"]);
}

/// A folder that holds more lists than anybody has accounts is not read.
#[test]
fn too_many_lists() {
    let work = world();
    for _ in 0..4096 {
        let key = writ_signing::SigningKey::generate(writ_signing::Role::Account).unwrap().public();
        fs::write(work.path(&format!("lists/{key}.revoked")), "").unwrap();
    }
    refused(&work, "lists holds more than 4096 lists");
}

/// What a data folder has seen, nothing goes back behind.
#[test]
fn lists_never_go_back() {
    let work = world();
    let operators = list_of(&work, "local-operator");
    let first = fs::read(&operators).unwrap();
    let call = || work.refuses(&["call", "a.wasm", "f", "--data", "data"]).stderr;
    work.run(&["revoke", "--by", "local-operator", "--dir", "lists"]);
    assert!(call().contains("it exports no function"), "{}", call());
    assert_eq!(crate::fixture::mode(&work.path("data/revocations")), 0o600);
    fs::write(&operators, &first).unwrap();
    let said = call();
    assert!(said.contains("its revocation list has the number 1, and number 2 was seen here"), "{said}");
    work.run(&["verify", "a.wasm"]);

    // Another list of the same number, as two that extend one list would sign.
    work.run(&["revoke", "local", "--by", "local-operator", "--dir", "lists", "--before", "2020-01-01"]);
    let said = call();
    assert!(said.contains("another revocation list with the number 2 was seen here"), "{said}");
    work.run(&["revoke", "--by", "local-operator", "--dir", "lists"]);
    assert!(call().contains("it exports no function"));

    // An account's list, which need not be there, until it once was.
    work.run(&["revoke", "--first", "--by", "local", "--dir", "lists"]);
    assert!(call().contains("it exports no function"));
    fs::remove_file(list_of(&work, "local")).unwrap();
    let said = call();
    assert!(said.contains("its revocation list is gone; have it put back"), "{said}");
    work.write("data/revocations", "{");
    let said = call();
    assert!(said.contains("data/revocations is damaged"), "{said}");
}

const APPLICATION: &str = "\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: a, annotations: { version: v0.1.0 } }
spec:
  components:
    - name: a
      type: component
      properties: { image: a.wasm }
";
