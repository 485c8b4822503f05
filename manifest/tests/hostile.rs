//! Texts that somebody wrote to break the reader: refused within bounds, and nothing panics.

#![allow(clippy::unwrap_used)]

mod texts;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use proptest::prelude::*;
use texts::{COMPONENT, OLD_FORM, ORDERS, SHARED};
use writ_manifest::{
    Application, Capabilities, ComponentFile, MAX_BYTES, Policy, TrustEntry, TrustPolicy,
};

/// Every reader refuses it the same way, and soon.
#[track_caller]
fn refused(text: &str, expected: Expect) {
    let start = Instant::now();
    let errors = [
        Policy::parse(text).unwrap_err(),
        ComponentFile::parse(text).unwrap_err(),
        Application::parse(text).unwrap_err(),
        TrustEntry::parse(text).unwrap_err(),
    ];
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "took {:?}",
        start.elapsed()
    );
    let [first, ..] = &errors;
    expected.assert_eq(&first.to_string());
    assert!(errors.iter().all(|error| error == first), "{errors:?}");
    assert!(
        first.to_string().len() < 400,
        "a message is for people: {first}"
    );
}

#[test]
#[rustfmt::skip]
fn size() {
    refused(&" ".repeat(MAX_BYTES + 1), expect![[r#"1:1: the text has 1048577 bytes, at most 1048576 are read"#]]);
    refused(&format!("a: \"{}\"", "x".repeat(MAX_BYTES)), expect![[r#"1:1: the text has 1048581 bytes, at most 1048576 are read"#]]);
    refused(&format!("[{}", "a,".repeat(500_000)), expect![[r#"1:200000: more than 100000 keys and values: split the text"#]]);
}

#[test]
#[rustfmt::skip]
fn depth() {
    refused(&"[".repeat(MAX_BYTES), expect![[r#"1:33: more than 32 levels inside each other: write it flatter"#]]);
    refused(&"{a: ".repeat(MAX_BYTES / 4), expect![[r#"1:129: more than 32 levels inside each other: write it flatter"#]]);
    refused(&"- ".repeat(MAX_BYTES / 2), expect![[r#"1:65: more than 32 levels inside each other: write it flatter"#]]);
    refused(&"? ".repeat(MAX_BYTES / 2), expect![[r#"1:65: more than 32 levels inside each other: write it flatter"#]]);
    let stairs = (0..1000).fold(String::new(), |mut text, level| {
        writeln!(text, "{:level$}a:", "").unwrap();
        text
    });
    refused(&stairs, expect![[r#"33:33: more than 32 levels inside each other: write it flatter"#]]);
}

#[test]
#[rustfmt::skip]
fn aliases() {
    refused("a: &a [lol]\nb: &b [*a, *a]\nc: [*b, *b]\n", expect![[r#"1:7: anchors (`&`) and aliases (`*`) are not read here: write the value out, or text in quotes"#]]);
    refused("a: *nowhere\n", expect![[r#"1:4: anchors (`&`) and aliases (`*`) are not read here: write the value out, or text in quotes"#]]);
    refused("a: &a [*a]\n", expect![[r#"1:7: anchors (`&`) and aliases (`*`) are not read here: write the value out, or text in quotes"#]]);
    refused("<<: { a: 1 }\n", expect![[r#"1:1: merge keys (`<<`) are not read here: write the fields out"#]]);
    refused("base: { a: 1 }\nx:\n  <<: [{ a: 1 }]\n", expect![[r#"3:3: merge keys (`<<`) are not read here: write the fields out"#]]);
}

#[test]
#[rustfmt::skip]
fn keys() {
    refused("a: 1\nb: 2\na: 3\n", expect![[r#"3:1: the key `a` is there twice in one mapping: keep one of them"#]]);
    refused("a: { x: 1, \"x\": 2 }\n", expect![[r#"1:12: the key `x` is there twice in one mapping: keep one of them"#]]);
    refused("1: a\n", expect![[r#"1:1: a key must be text, this is the number `1`: write it in quotes"#]]);
    refused("true: a\n", expect![[r#"1:1: a key must be text, this is the truth value `true`: write it in quotes"#]]);
    refused("~: a\n", expect![[r#"1:1: a key must be text, this is nothing: write it in quotes"#]]);
    refused("? [a, b]\n: c\n", expect![[r#"1:3: a key must be text, this is a list: write it in quotes"#]]);
    refused("? { a: b }\n: c\n", expect![[r#"1:3: a key must be text, this is a mapping: write it in quotes"#]]);
}

#[test]
#[rustfmt::skip]
fn tags() {
    refused("a: !!str 5\n", expect![[r#"1:10: tags (`tag:yaml.org,2002:str`) are not read here: write the value alone"#]]);
    refused("a: !!binary aGk=\n", expect![[r#"1:13: tags (`tag:yaml.org,2002:binary`) are not read here: write the value alone"#]]);
    refused("a: !!python/object/apply:os.system [id]\n", expect![[r#"1:36: tags (`tag:yaml.org,2002:python/object/apply:os.system`) are not read here: write the value alone"#]]);
    refused("a: !include /etc/passwd\n", expect![[r#"1:13: tags (`!include`) are not read here: write the value alone"#]]);
    refused("!!map { a: b }\n", expect![[r#"1:7: tags (`tag:yaml.org,2002:map`) are not read here: write the value alone"#]]);
    refused("!!str a: b\n", expect![[r#"1:7: tags (`tag:yaml.org,2002:str`) are not read here: write the value alone"#]]);
    refused("%TAG ! tag:example.com,2000:\n---\na: !x b\n", expect![[r#"3:7: tags (`tag:example.com,2000:x`) are not read here: write the value alone"#]]);
    refused("a: ! b\n", expect![[r#"1:6: tags (`!`) are not read here: write the value alone"#]]);
}

#[test]
#[rustfmt::skip]
fn numbers_that_are_read_in_two_ways() {
    for text in [
        "017",
        "0x1F",
        "0o17",
        "1_000",
        "+5",
        ".5",
        "5.",
        "18446744073709551616",
        "-9223372036854775809",
    ] {
        let error = Policy::parse(&format!("capabilities: {{ c: {text} }}")).unwrap_err();
        assert_eq!((error.line, error.column), (1, 20), "{text}: {error}");
    }
    refused("a: 017\n", expect![[r#"1:4: `017` is not a number that can be read in one way only: write it as JSON does, or in quotes if it is text"#]]);
    refused("a: .inf\n", expect![[r#"1:4: a number must be finite: write text in quotes"#]]);
    refused("a: .NaN\n", expect![[r#"1:4: a number must be finite: write text in quotes"#]]);
    refused("a: 1e999\n", expect![[r#"1:4: a number must be finite: write text in quotes"#]]);
}

#[test]
#[rustfmt::skip]
fn documents_and_syntax() {
    refused("a: 1\n---\nb: 2\n", expect![[r#"2:1: one document per text: leave out what follows the first `---` or `...`"#]]);
    refused("a: 1\n...\nb\n", expect![[r#"2:1: one document per text: leave out what follows the first `---` or `...`"#]]);
    refused("a: b: c\n", expect![[r#"1:5: not YAML: mapping values are not allowed in this context"#]]);
    refused("a: [b\n", expect![[r#"1:4: not YAML: unclosed bracket '['"#]]);
    refused("a: 'b\n", expect![[r#"2:1: not YAML: invalid indentation in multiline quoted scalar"#]]);
    refused("a:\n\t- b\n", expect![[r#"2:2: not YAML: tabs disallowed within this context (block indentation)"#]]);
    refused("a: \"\0\"\n", expect![[r#"1:5: not YAML: unexpected character: `\u{0}'"#]]);
    refused("a: \u{7}\n", expect![[r#"1:4: not YAML: unexpected character: `\u{7}'"#]]);
    refused("a: @b\n", expect![[r#"1:4: not YAML: unexpected character: `@'"#]]);
    refused("key without colon\n  a: b\n", expect![[r#"2:4: not YAML: mapping values are not allowed in this context"#]]);
}

#[test]
fn what_is_quoted_cannot_steer_a_terminal() {
    let error = Policy::parse("\"\\e[2J\\u202Eevil\": 1\n").unwrap_err();
    assert!(
        !error.to_string().contains(['\u{1b}', '\u{202e}']),
        "{error}"
    );
    let error = Policy::parse(&format!("{}: 1\n", "k".repeat(1000))).unwrap_err();
    assert!(error.to_string().len() < 200, "{error}");
}

/// One large entry, named often: the alias bomb that needs no alias.
#[test]
fn configuration_named_a_thousand_times() {
    let mut text = format!(
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {{ name: x }}\nspec:\n  components:\n  - name: c\n    \
         type: component\n    properties:\n      image: i\n      config:\n      - name: big\n        properties: {{ k: \"{}\" }}\n",
        "x".repeat(100_000)
    );
    for _ in 0..1000 {
        text.push_str("      - name: big\n");
    }
    expect!["53:15: the configuration, written out at every use, has 4200042 bytes, at most 4194304 are read"].assert_eq(&Application::parse(&text).unwrap_err().to_string());
}

#[test]
fn the_largest_text_is_read_soon() {
    let mut text = "capabilities:\n".to_owned();
    for key in 0..45_000 {
        writeln!(text, "  k{key}: any").unwrap();
    }
    let start = Instant::now();
    let policy = Policy::parse(&text).unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "took {:?}",
        start.elapsed()
    );
    assert!(matches!(policy.capabilities, Capabilities::Only(values) if values.len() == 45_000));
}

fn all(text: &str) {
    let _ = Application::parse(text);
    let _ = Policy::parse(text);
    let _ = TrustEntry::parse(text);
    let _ = ComponentFile::parse(text);
    let _ = ComponentFile::with_id(text, texts::ID);
    let _ = ComponentFile::with_revision(text, 7);
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-1e300_f64..1e300).prop_map(Into::into),
        "\\PC{0,12}".prop_map(Into::into),
        "[ -~\n\t]{0,120}".prop_map(Into::into),
        "(true|no|~|null|1.0|0x1|017|&a|\\*a|!!str|- a|a: b|# c|.inf|\\|)".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map("\\PC{0,8}", inner, 0..5)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        all(&text);
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(text in "([a-c]: |- |\\[|\\]|\\{|\\}|,|\n|  |\"|'|&a |\\*a |!!str |\\||>|#|---\n|~|1|\t|\r)*") {
        all(&text);
    }

    #[test]
    fn an_altered_text_is_read_or_refused(
        base in prop_oneof![Just(ORDERS), Just(SHARED), Just(OLD_FORM), Just(COMPONENT)],
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..40, "\\PC{0,6}|[\\[\\]{}:,\n \"'&*!#-]{0,3}"), 1..4),
    ) {
        let mut chars: Vec<char> = base.chars().collect();
        for (start, length, with) in cuts {
            let start = start.index(chars.len().max(1)).min(chars.len());
            let end = (start + length).min(chars.len());
            chars.splice(start..end, with.chars());
        }
        all(&chars.into_iter().collect::<String>());
    }

    /// Whatever an entry allows, it allows the same once it was written and read.
    #[test]
    fn a_trust_entry_is_read_back(values in proptest::collection::btree_map("\\PC{0,8}", json(), 0..4), any: bool, limits in json()) {
        let capabilities = if any { Capabilities::Any } else { Capabilities::Only(values) };
        let policy = Policy::new(capabilities, [("limit".to_owned(), limits)].into());
        let text = format!("name: a\noperator: {}\npolicy: any\nrevocations: none\n", texts::OPERATOR);
        let mut entry = TrustEntry::parse(&text).unwrap();
        entry.policy = TrustPolicy::Inline(policy);
        let written = entry.to_yaml();
        match TrustEntry::parse(&written) {
            Ok(read) => prop_assert_eq!(read, entry),
            Err(error) => prop_assert!(false, "{error}\n{written}"),
        }
    }
}
