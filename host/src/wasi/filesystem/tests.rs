//! What a claim of folders permits, and what giving one asks for.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::symlink;

use expect_test::{Expect, expect};
use tempfile::TempDir;
use writ_provider::Claim;

use super::*;

/// Which of some folders the claim permits to read (`r`) or to read and write (`w`), or why it does not parse.
#[track_caller]
fn check(claim: Value, expected: Expect) {
    let found = match Claim::<Entry>::parse(&claim) {
        Ok(claim) => {
            let permits = |guest: &str, rights| {
                let folder = Folder { guest: guest.to_owned(), host: PathBuf::from("/usr"), rights };
                claim.entries().iter().any(|entry| entry.permits(&folder).is_ok())
            };
            let shown = |guest: &str| match (permits(guest, Rights::Read), permits(guest, Rights::ReadWrite)) {
                (true, true) => format!("{guest} w "),
                (true, false) => format!("{guest} r "),
                (false, true) => "writes what it cannot read ".to_owned(),
                (false, false) => String::new(),
            };
            ["/", "/data", "/data/in", "/database", "/tmp"].into_iter().map(shown).collect()
        }
        Err(error) => format!("refused: {error}"),
    };
    expected.assert_eq(&found);
}

#[test]
fn claims() {
    check(json!([]), expect![""]);
    check(json!({ "paths": [] }), expect![""]);
    check(json!({ "paths": ["/data"] }), expect!["/data r /data/in r "]);
    check(json!({ "paths": ["/data"], "rights": ["read"] }), expect!["/data r /data/in r "]);
    check(json!({ "paths": ["/data"], "rights": ["write", "read"] }), expect!["/data w /data/in w "]);
    check(json!({ "paths": ["/"] }), expect!["/ r /data r /data/in r /database r /tmp r "]);
    check(json!({ "paths": "any" }), expect!["/ r /data r /data/in r /database r /tmp r "]);
    check(
        json!([{ "paths": "any" }, { "paths": ["/tmp"], "rights": ["read", "write"] }]),
        expect!["/ r /data r /data/in r /database r /tmp w "],
    );
    check(json!({ "paths": ["/data"], "host": "/" }), expect!["/data r /data/in r "]);
    check(json!({ "paths": ["/data"], "host": "/usr" }), expect!["/data r /data/in r "]);
    check(json!({ "paths": ["/data"], "host": "/us" }), expect![""]);
    check(json!({ "paths": ["/data"], "host": "/usr/bin" }), expect![""]);
}

#[test]
fn refused_claims() {
    check(
        json!("any"),
        expect!["refused: `any` belongs in its naming field; an entry is like { paths: [/data], rights: [read] }"],
    );
    check(json!({ "rights": ["read"] }), expect!["refused: entry 1: missing field `paths`"]);
    check(
        json!({ "paths": "/data" }),
        expect!["refused: entry 1: `paths` is expected to be a list of paths, or `any`"],
    );
    for path in ["", "any", "data", "./data", "/data/", "/data/../etc", "/./data", "//data", "/..", "/a\nb"] {
        check(
            json!({ "paths": [path] }),
            expect![
                "refused: entry 1: `paths` is expected to be a list of paths, each absolute, without `.`, `..`, empty parts or a `/` at its end"
            ],
        );
    }
    for rights in [json!([]), json!(["write"]), json!(["read", "write", "execute"])] {
        check(
            json!({ "paths": ["/data"], "rights": rights }),
            expect!["refused: entry 1: `rights` is expected to be `[read]` or `[read, write]`"],
        );
    }
    check(
        json!({ "paths": ["/data"], "rights": null }),
        expect!["refused: entry 1: `rights` has no value: write one, or leave it out"],
    );
    check(
        json!({ "paths": ["/data"], "host": "srv" }),
        expect!["refused: entry 1: `host` is expected to be an absolute path"],
    );
    check(
        json!({ "paths": ["/data"], "path": "/x" }),
        expect!["refused: entry 1: unknown field `path`, expected one of `paths`, `host`, `rights`"],
    );
}

fn given(property: &str, host: &Path) -> Result<Vec<Folder>, InvalidLink> {
    Entry::plans(&LinkConfig::from([(property.to_owned(), host.to_str().unwrap().to_owned())]))
}

#[test]
fn a_claim_about_the_hosts_folder_means_what_it_is_once_links_are_followed() {
    let scratch = TempDir::new().unwrap();
    let root = scratch.path().canonicalize().unwrap();
    let (shop, other) = (root.join("shop"), root.join("other"));
    fs::create_dir_all(shop.join("in")).unwrap();
    fs::create_dir(&other).unwrap();
    symlink(&shop, root.join("link")).unwrap();
    symlink(&other, shop.join("out")).unwrap();

    let permits = |claimed: &Path, given_as: &Path| {
        let entry: Entry = serde_json::from_value(json!({ "paths": ["/data"], "host": claimed })).unwrap();
        entry.permits(&given("read./data", given_as).unwrap()[0]).is_ok()
    };
    assert!(permits(&shop, &shop));
    assert!(permits(&shop, &shop.join("in")));
    assert!(permits(&shop, &root.join("link")));
    assert!(permits(&root.join("link"), &shop.join("in")));
    assert!(permits(&shop, &shop.join("in/../../shop")));
    assert!(!permits(&shop, &shop.join("out")));
    assert!(!permits(&shop, &shop.join("in/../../other")));
    assert!(!permits(&shop, &root));
    assert!(!permits(&root.join("sho"), &shop));
    assert!(!permits(&root.join("missing"), &shop));
}

#[test]
fn what_is_given_must_be_a_folder_under_a_plain_name() {
    let scratch = TempDir::new().unwrap();
    let file = scratch.path().join("file");
    fs::write(&file, "x").unwrap();
    let [read] = given("read./data", scratch.path()).unwrap().try_into().unwrap();
    assert_eq!((read.guest.as_str(), read.rights), ("/data", Rights::Read));
    let [write] = given("write./", scratch.path()).unwrap().try_into().unwrap();
    assert_eq!((write.guest.as_str(), write.rights), ("/", Rights::ReadWrite));

    for property in ["", "read", "read.", "read.data", "exec./data", "/data", "write./a/../b", "read./a/"] {
        assert!(given(property, scratch.path()).is_err(), "{property}");
    }
    let reason = |path: &Path| given("read./data", path).unwrap_err().reason.replace(&*path.to_string_lossy(), "X");
    expect!["X is no folder"].assert_eq(&reason(&file));
    expect!["the folder X cannot be used: No such file or directory (os error 2)"]
        .assert_eq(&reason(&scratch.path().join("missing")));
    let host = scratch.path().to_str().unwrap();
    let twice = [("read./data", host), ("write./data", host)].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert!(Entry::plans(&LinkConfig::from(twice)).is_err());
}

#[test]
fn the_offered_entry_permits_what_was_asked_and_no_more() {
    let folder = |guest: &str, rights| Folder { guest: guest.to_owned(), host: PathBuf::from("/srv"), rights };
    for rights in [Rights::Read, Rights::ReadWrite] {
        let entry: Entry = serde_json::from_value(Entry::allowing(&folder("/data", rights))).unwrap();
        assert_eq!(entry.permits(&folder("/data", rights)), Ok(()));
        assert!(entry.permits(&folder("/", rights)).is_err());
        assert_eq!(entry.permits(&folder("/data", Rights::ReadWrite)).is_ok(), rights == Rights::ReadWrite);
    }
}

#[test]
fn a_folder_that_was_led_elsewhere_is_not_opened() {
    let scratch = TempDir::new().unwrap();
    let root = scratch.path().canonicalize().unwrap();
    let (shop, other) = (root.join("shop"), root.join("other"));
    fs::create_dir(&shop).unwrap();
    fs::create_dir(&other).unwrap();
    let asked = given("read./data", &shop).unwrap();
    assert!(open(&asked).is_ok());
    fs::remove_dir(&shop).unwrap();
    symlink(&other, &shop).unwrap();
    assert!(open(&asked).err().unwrap().to_string().ends_with("it was moved meanwhile"));
    fs::remove_file(&shop).unwrap();
    assert!(open(&asked).err().unwrap().to_string().contains("cannot be opened"));
}
