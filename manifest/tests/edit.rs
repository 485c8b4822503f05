//! A line set anew in a component's file; everything else stays as it was written.

#![allow(clippy::unwrap_used)]

mod texts;

use proptest::prelude::*;
use texts::{COMPONENT, ID};
use writ_manifest::ComponentFile;

const REST: &str = "version: v # as released\nrevision: 1\nexpires: 1h\n";

#[test]
fn an_id_is_added_below_the_name() {
    for (text, expected) in [
        ("name: x\n{rest}", "name: x\nid: {id}\n{rest}"),
        (
            "name: x   # the name\n\n# about versions\n{rest}",
            "name: x   # the name\nid: {id}\n\n# about versions\n{rest}",
        ),
        ("{rest}name: 'x'", "{rest}name: 'x'\nid: {id}\n"),
        (
            "# top\n---\n{rest}name: \"x\"\n",
            "# top\n---\n{rest}name: \"x\"\nid: {id}\n",
        ),
        (
            "\u{feff}name: x\n{rest}",
            "\u{feff}name: x\nid: {id}\n{rest}",
        ),
        (
            "name: # on the next line\n  x\n{rest}",
            "name: # on the next line\n  x\nid: {id}\n{rest}",
        ),
        ("name: >-\n  x\n{rest}", "name: >-\n  x\nid: {id}\n{rest}"),
    ] {
        let fill = |text: &str| text.replace("{rest}", REST).replace("{id}", ID);
        assert_eq!(
            ComponentFile::with_id(&fill(text), ID).unwrap(),
            fill(expected),
            "{text}"
        );
    }
    let dos = "name: x\r\nversion: v\r\nrevision: 1\r\nexpires: 1h\r\n";
    let expected = format!("name: x\r\nid: {ID}\r\nversion: v\r\nrevision: 1\r\nexpires: 1h\r\n");
    assert_eq!(ComponentFile::with_id(dos, ID).unwrap(), expected);
    let indented = "  name: x\n  version: v\n  revision: 1\n  expires: 1h\n";
    let expected = format!("  name: x\n  id: {ID}\n  version: v\n  revision: 1\n  expires: 1h\n");
    assert_eq!(ComponentFile::with_id(indented, ID).unwrap(), expected);
}

#[test]
fn an_id_is_replaced_in_its_line() {
    for (line, expected) in [
        ("id: old", "id: {id}"),
        ("id:   'old'   # mine", "id:   {id}   # mine"),
        ("\"id\": \"old\"", "\"id\": {id}"),
        ("id:", "id: {id}"),
        ("id: # not yet", "id: {id} # not yet"),
        ("id: ~ # not yet", "id: {id} # not yet"),
        ("id: 5", "id: {id}"),
        ("id:\n  old", "id:\n  {id}"),
    ] {
        let text = format!("name: x\n{line}\n{REST}");
        let expected = format!("name: x\n{}\n{REST}", expected.replace("{id}", ID));
        assert_eq!(
            ComponentFile::with_id(&text, ID).unwrap(),
            expected,
            "{line}"
        );
    }
}

#[test]
fn a_revision_is_replaced_or_added() {
    let changed = ComponentFile::with_revision(COMPONENT, 4).unwrap();
    assert_eq!(changed, COMPONENT.replace("revision: 3 #", "revision: 4 #"));
    let without = COMPONENT.replace("revision: 3 # grows with every release\n", "");
    let changed = ComponentFile::with_revision(&without, 4).unwrap();
    assert_eq!(
        changed,
        COMPONENT.replace("revision: 3 # grows with every release", "revision: 4")
    );
}

#[test]
fn what_cannot_be_set_is_refused() {
    for (text, id) in [
        (format!("name: x\n{REST}"), "not a key".to_owned()),
        (format!("name: x\n{REST}"), format!("{ID}\nclaims: {{}}")),
        (format!("name: x\n{REST}"), ID.replacen('M', "A", 1)),
        (REST.to_owned(), ID.to_owned()),
        (
            "{name: x, version: v, revision: 1, expires: 1h}\n".to_owned(),
            ID.to_owned(),
        ),
        (format!("name: x\nid: |\n  old\n{REST}"), ID.to_owned()),
        (format!("name: x\nid: [old]\n{REST}"), ID.to_owned()),
        (format!("name: x\nid: a\nid: b\n{REST}"), ID.to_owned()),
        ("[]".to_owned(), ID.to_owned()),
        (String::new(), ID.to_owned()),
    ] {
        assert!(ComponentFile::with_id(&text, &id).is_err(), "{text}");
    }
    assert!(ComponentFile::with_revision(COMPONENT, 0).is_err());
    let error = ComponentFile::with_id("{name: x}\n", ID).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1:1: `id` cannot be set in a text written like this: write each field on a line of its own"
    );
}

proptest! {
    /// Lines that were there before are there after, in their order.
    #[test]
    fn nothing_else_is_touched(
        before in "(# [ -~]{0,20}\n){0,3}",
        after in "(# \\PC{0,20}\n|\n){0,3}",
        comment in "( # [ -~]{0,20})?",
    ) {
        let text = format!("{before}name: x{comment}\n{after}{REST}");
        let expected = format!("{before}name: x{comment}\nid: {ID}\n{after}{REST}");
        prop_assert_eq!(ComponentFile::with_id(&text, ID).unwrap(), expected.clone());
        prop_assert_eq!(ComponentFile::with_id(&expected, ID).unwrap(), expected);
    }
}
