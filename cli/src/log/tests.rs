//! Events through the sink, and what it holds then.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::sync::Mutex;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::format::MOST_LINE;
use super::*;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<Vec<u8>>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What the sink holds after `work`: one write per event.
fn written(format: Format, colour: bool, level: Level, work: impl FnOnce()) -> Vec<String> {
    let out = Written::default();
    let queue = Arc::new(Queue::start(out.clone(), |_| unreachable!()).unwrap());
    let sink = Sink { format, colour, queue: queue.clone() };
    let subscriber = tracing_subscriber::registry().with(sink.with_filter(targets(level)));
    tracing::subscriber::with_default(subscriber, work);
    assert!(queue.flush(Duration::from_secs(10)));
    let writes = out.0.lock().unwrap();
    writes.iter().map(|bytes| String::from_utf8(bytes.clone()).unwrap()).collect()
}

/// As [`written`], with the time replaced.
#[track_caller]
fn check(format: Format, work: impl FnOnce(), expected: Expect) {
    let lines = written(format, false, Level::Info, work);
    let time = jiff::Timestamp::UNIX_EPOCH;
    let length = format!("{time:.3}").len();
    let start = if format == Format::Json { "{\"time\":\"".len() } else { 0 };
    let untimed = |mut line: String| {
        assert!(line.get(start..start + length).unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
        line.replace_range(start..start + length, "TIME");
        line
    };
    expected.assert_eq(&lines.into_iter().map(untimed).collect::<String>());
}

fn an_application() {
    tracing::info!(target: "writ::http", address = %"127.0.0.1:8080", routes = 2, tls = false, "listening");
    tracing::warn!(target: "writ::guest", component = "acme/orders", "level" = "x", "took order 7, not 8");
    tracing::error!(target: "writ::guest", component = "acme/orders", "ERROR writ: component=acme/admin \"root\"\n2026");
    tracing::error!(target: "writ::host", share = 0.5, none = f64::NAN, empty = "", path = "a b");
    tracing::debug!(target: "writ::host", "not at this level");
    tracing::info!(target: "hyper", "not of this library");
}

#[test]
fn text() {
    check(
        Format::Text,
        an_application,
        expect![[r#"
            TIME INFO  writ::http listening address=127.0.0.1:8080 routes=2 tls=false
            TIME WARN  writ::guest took order 7, not 8 component=acme/orders level=x
            TIME ERROR writ::guest "ERROR writ: component=acme/admin \"root\"\n2026" component=acme/orders
            TIME ERROR writ::host share=0.5 none=NaN empty="" path="a b"
        "#]],
    );
}

#[test]
fn json() {
    check(
        Format::Json,
        an_application,
        expect![[r#"
            {"time":"TIME","level":"info","target":"writ::http","address":"127.0.0.1:8080","routes":2,"tls":false,"message":"listening"}
            {"time":"TIME","level":"warn","target":"writ::guest","component":"acme/orders","field.level":"x","message":"took order 7, not 8"}
            {"time":"TIME","level":"error","target":"writ::guest","component":"acme/orders","message":"ERROR writ: component=acme/admin \"root\"\n2026"}
            {"time":"TIME","level":"error","target":"writ::host","share":0.5,"none":"NaN","empty":"","path":"a b","message":""}
        "#]],
    );
}

#[test]
fn lost_lines_are_a_line_of_the_log() {
    let text = lost_lines(7).text(false);
    assert!(text.ends_with(" WARN  writ 7 lines were lost: nobody reads the log fast enough\n"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&lost_lines(7).json()).unwrap();
    assert_eq!((&json["level"], &json["target"]), (&"warn".into(), &"writ".into()));
}

#[test]
fn colour_only_where_it_was_asked_for() {
    let line =
        written(Format::Text, true, Level::Info, || tracing::info!(target: "writ", a = 1, "\x1b[31mred")).concat();
    assert!(line.contains("\x1b[32mINFO \x1b[0m") && line.contains("\"\\u{1b}[31mred\""), "{line:?}");
}

#[test]
fn levels_are_ours_first() {
    let names = |level| {
        let lines = written(Format::Text, false, level, || {
            tracing::error!(target: "writ", "a");
            tracing::info!(target: "writ_host", "b");
            tracing::trace!(target: "writ::guest", "c");
            tracing::error!(target: "hyper", "d");
            tracing::debug!(target: "hyper", "e");
            tracing::trace!(target: "hyper", "f");
        });
        lines.iter().map(|line| line.trim().chars().next_back().unwrap()).collect::<String>()
    };
    assert_eq!(names(Level::Off), "");
    assert_eq!(names(Level::Error), "ad");
    assert_eq!(names(Level::Info), "abd");
    assert_eq!(names(Level::Trace), "abcde");
}

#[test]
fn a_line_is_cut_and_keeps_who_wrote_it() {
    for format in [Format::Text, Format::Json] {
        for filler in ["a", "é", "\0", "\"", "\u{e0041}"] {
            let giant = filler.repeat(100_000);
            let line = written(format, false, Level::Info, || {
                tracing::info!(
                    target: "writ::guest", component = "acme/orders", id = "M1", a = giant, b = %giant, c = ?giant, d = giant,
                    "{giant}"
                );
            });
            let [line] = line.as_slice() else { panic!("{} writes", line.len()) };
            assert!(line.len() <= MOST_LINE && line.len() > MOST_LINE / 2, "{} bytes", line.len());
            assert!(line.contains("acme/orders") && line.contains("M1"));
            assert!(line.contains(if format == Format::Json { "\"cut\":true}" } else { " cut=true\n" }));
            if format == Format::Json {
                serde_json::from_str::<serde_json::Value>(line).unwrap();
            }
        }
    }
}

/// Texts that are mostly what a log must not hold.
fn hostile() -> impl Strategy<Value = String> {
    let c = prop_oneof![
        any::<char>(),
        (0_u32..0xa0).prop_map(|c| char::from_u32(c).unwrap()),
        (0x2000_u32..0x2070).prop_map(|c| char::from_u32(c).unwrap()),
        proptest::char::range('\u{e0000}', '\u{e007f}'),
    ];
    proptest::collection::vec(c, 0..2000).prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_control_reaches_the_sink(message in hostile(), field in hostile()) {
        for format in [Format::Text, Format::Json] {
            let lines = written(format, false, Level::Info, || {
                tracing::info!(target: "writ::guest", component = "a/b", context = field.as_str(), other = %field, "{message}");
            });
            prop_assert_eq!(lines.len(), 1);
            let line = lines.concat();
            prop_assert!(line.len() <= MOST_LINE);
            let text = line.strip_suffix('\n').unwrap();
            prop_assert!(!text.contains(crate::escape::is_unsafe), "{:?}", text);
            if format == Format::Json {
                let object: serde_json::Value = serde_json::from_str(text).unwrap();
                prop_assert_eq!(&object["component"], "a/b");
                prop_assert!(object.get("cut").is_some() || object["message"] == message.as_str());
            }
        }
    }
}
