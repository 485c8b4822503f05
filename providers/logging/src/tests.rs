//! Lines written through the interfaces' own `Host` traits, and the events that come of them.

#![allow(clippy::unwrap_used)]

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use writ_provider::{Budget, Claim, Deadline, Document, GrantParts, Layer as GrantLayer, LinkConfig, ResourceTable};
use writ_provider::{Principal, PublicKey};

use super::published::{Host, Level as Guest};
use super::*;

/// Collects events as text, one a line.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<String>>);

impl<S: tracing::Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut text = self.0.lock().unwrap();
        write!(text, "{} {}", event.metadata().level(), event.metadata().target()).unwrap();
        event.record(&mut Fields(&mut text));
        text.push('\n');
    }
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

const ACCOUNT: &str = "ACODERUVFFAWZQDSS6SBIACUA5O6SXF7HJ3YTYXBALHZP3P7R4BUO4J2";

fn grant(claim: &Value) -> Grant<Entry> {
    let account: PublicKey = ACCOUNT.parse().unwrap();
    let id = writ_provider::testing::component();
    let claim = Claim::parse(claim).unwrap();
    Grant::new(GrantParts {
        capability: Logging::CAPABILITY.name,
        principal: Principal::new(account, id, "acme", "orders"),
        link: LinkConfig::new(),
        settings: LinkConfig::new(),
        layers: vec![GrantLayer::new(Document::Component, claim, |_, rate| Arc::new(Budget::new(rate)))],
    })
}

/// The events of `work` under `claim`. The component's key, which differs with each run, is printed as `M…`.
fn events(claim: Value, work: impl FnOnce(&mut View<'_, Logging>)) -> String {
    let events = Events::default();
    let grant = grant(&claim);
    let id = grant.principal().keyed().to_string();
    let mut handle = Logging(()).attach(&grant);
    let mut table = ResourceTable::new();
    let mut view = View { handle: &mut handle, table: &mut table, deadline: Deadline::after(Duration::from_secs(1)) };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(events.clone()), || work(&mut view));
    events.0.lock().unwrap().replace(&id, "A…/M…")
}

#[track_caller]
fn check(claim: Value, lines: &[(Guest, &str, &str)], expected: Expect) {
    let found = events(claim, |view| {
        for (level, context, message) in lines {
            Host::log(view, *level, (*context).to_owned(), (*message).to_owned());
        }
    });
    expected.assert_eq(&found);
}

#[test]
fn a_line_carries_the_components_identity() {
    check(
        json!("any"),
        &[(Guest::Info, "", "took order 7"), (Guest::Trace, "http", "component=admin id=MFAKE")],
        expect![[r#"
            INFO writ::guest component=acme/orders id=A…/M… message="took order 7"
            TRACE writ::guest component=acme/orders id=A…/M… context="http" message="component=admin id=MFAKE"
        "#]],
    );
}

#[test]
fn every_level_has_one_of_the_logs() {
    check(
        json!({}),
        &[
            (Guest::Trace, "", "t"),
            (Guest::Debug, "", "d"),
            (Guest::Info, "", "i"),
            (Guest::Warn, "", "w"),
            (Guest::Error, "", "e"),
            (Guest::Critical, "", "c"),
        ],
        expect![[r#"
            TRACE writ::guest component=acme/orders id=A…/M… message="t"
            DEBUG writ::guest component=acme/orders id=A…/M… message="d"
            INFO writ::guest component=acme/orders id=A…/M… message="i"
            WARN writ::guest component=acme/orders id=A…/M… message="w"
            ERROR writ::guest component=acme/orders id=A…/M… message="e"
            ERROR writ::guest component=acme/orders id=A…/M… critical=true message="c"
        "#]],
    );
}

#[test]
fn what_is_not_permitted_is_dropped_and_reported_once() {
    check(
        json!({"level": "warn"}),
        &[(Guest::Info, "", "one"), (Guest::Warn, "", "two")],
        expect![[r#"
            WARN writ::denied message=denied component=acme/orders capability="logging" document=the component's token reason=permits lines from `warn` up, not `info` allow=logging: [{ level: info }] count=1
            WARN writ::guest component=acme/orders id=A…/M… message="two"
        "#]],
    );
    let nothing = events(json!([]), |view| {
        (0..100).for_each(|_| Host::log(view, Guest::Error, String::new(), "x".to_owned()));
    });
    assert!(!nothing.contains(TARGET), "{nothing}");
    assert_eq!(nothing.lines().count(), 7, "the first and each power of two: {nothing}");
}

#[test]
fn a_rate_is_counted() {
    let found = events(json!({"rate": "3/h"}), |view| {
        (0..5).for_each(|n| Host::log(view, Guest::Info, String::new(), n.to_string()));
    });
    let written = found.lines().filter(|line| line.contains(TARGET)).count();
    assert_eq!(written, 3, "{found}");
    assert!(found.contains("reason=the rate it permits is used up"), "{found}");
}

#[test]
fn long_texts_are_cut_between_characters() {
    let (context, message) = ("é".repeat(MOST_CONTEXT), format!("a{}", "é".repeat(MOST_MESSAGE)));
    let found = events(json!("any"), |view| Host::log(view, Guest::Info, context, message));
    let kept = |text: &str, byte: char| text.matches(byte).count();
    assert_eq!(kept(&found, 'é'), MOST_CONTEXT / 2 + (MOST_MESSAGE - 1) / 2);
    assert!(found.contains(" cut=true "), "{found}");

    let exact = events(json!("any"), |view| Host::log(view, Guest::Info, String::new(), "a".repeat(MOST_MESSAGE)));
    assert!(!exact.contains("cut"));
}

#[test]
fn the_interface_without_a_version_is_the_same() {
    let found = events(json!("any"), |view| older::Host::log(view, older::Level::Critical, "c".into(), "m".into()));
    expect![[r#"
        ERROR writ::guest component=acme/orders id=A…/M… context="c" critical=true message="m"
    "#]]
    .assert_eq(&found);
}

#[test]
fn has_no_configuration() {
    assert!(serde_json::from_value::<Config>(json!({})).is_ok());
    assert!(serde_json::from_value::<Config>(json!({"file": "x"})).is_err());
}
