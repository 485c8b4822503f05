//! What claims and links say about messaging.
//!
//! An entry of a claim:
//!
//! | field | written | means |
//! |---|---|---|
//! | `publish` | a pattern, a list of patterns, or `any` | what messages and requests may be sent to |
//! | `subscribe` | the same | what may be received |
//! | `size` | `64KiB` | bytes in the body of one message sent; absent: the backend's limit |
//! | `rate` | `100/s` | messages and requests sent; absent: not limited |
//!
//! One of the first two at least. `size` and `rate` limit what is *sent*, so they need `publish`: what is received was
//! limited at its sender, and by the subscription's queue. `any` is every subject but inboxes (`_INBOX…`): publishing to
//! those needs a pattern that says so, and nobody subscribes to them.
//!
//! The configuration of a link from messaging to a component:
//!
//! | property | written | means |
//! |---|---|---|
//! | `subscriptions` | `orders.*, tasks.>\|workers` | patterns, separated by commas; after `\|` the queue group of that one |
//! | `queue` | `workers` | the queue group of those that name none |
//!
//! Without a queue group a subscription gets every message that matches, as in NATS; of a queue group, one member does.
//! All instances of one component share its subscriptions in either case.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::{Value, json};
use writ_provider::defence::stands;
use writ_provider::units::{Rate, Size};
use writ_provider::{Constraint, Denied, InvalidLink, LinkConfig};

use crate::subject::{InvalidSubject, Pattern, Subject};

/// One entry of a claim about messaging.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct Entry {
    publish: Option<Subjects>,
    subscribe: Option<Subjects>,
    size: Option<Size>,
    rate: Option<Rate>,
}

/// What a guest, or a link on its behalf, asks for.
#[derive(Debug, Clone, Copy)]
pub enum Request<'a> {
    /// Sending a message or a request.
    Publish {
        /// To where.
        subject: &'a Subject,
        /// How many bytes its body has.
        size: usize,
    },
    /// Subscribing.
    Subscribe {
        /// To what.
        pattern: &'a Pattern,
    },
    /// Receiving one message.
    Deliver {
        /// Where it was sent to.
        subject: &'a Subject,
    },
}

/// One subscription of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is subscribed to.
    pub pattern: Pattern,
    /// The queue group, of which one member gets each message.
    pub queue: Option<String>,
}

/// The subjects that one field of an entry names.
#[derive(Debug, Clone)]
enum Subjects {
    Any,
    Patterns(Vec<Pattern>),
}

impl Constraint for Entry {
    const NAMED: bool = true;
    const EXAMPLE: &'static str = "{ publish: [SUBJECT] }";

    type Request<'a> = Request<'a>;

    fn permits(&self, request: Request<'_>) -> Result<(), Denied> {
        match request {
            Request::Publish { subject, size } => {
                let named = self.publish.as_ref().is_some_and(|named| named.match_published(subject));
                (named || !stands("messaging: publish"))
                    .then_some(())
                    .ok_or_else(|| not_named("publish to", subject, self.publish.as_ref()))?;
                self.permits_size(size)
            }
            Request::Subscribe { pattern } => {
                let named = self.subscribe.as_ref().is_some_and(|named| named.cover(pattern));
                (named || !stands("messaging: subscribe"))
                    .then_some(())
                    .ok_or_else(|| not_named("subscribe to", pattern, self.subscribe.as_ref()))
            }
            Request::Deliver { subject } => {
                let named = self.subscribe.as_ref().is_some_and(|named| named.match_received(subject));
                (named || !stands("messaging: deliver"))
                    .then_some(())
                    .ok_or_else(|| not_named("receive", subject, self.subscribe.as_ref()))
            }
        }
    }

    fn covers(&self, other: &Self) -> bool {
        let within = |most: &Option<Subjects>, own: &Option<Subjects>| match (most, own) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(most), Some(own)) => most.include(own),
        };
        let smaller = |most: Size| other.size.is_some_and(|size| size <= most);
        let fits = other.publish.is_none() || self.size.is_none_or(smaller);
        within(&self.publish, &other.publish) && within(&self.subscribe, &other.subscribe) && fits
    }

    fn rate(&self) -> Option<Rate> {
        self.rate
    }

    type Plan = Plan;

    fn plans(link: &LinkConfig) -> Result<Vec<Plan>, InvalidLink> {
        if let Some(unknown) = link.keys().find(|key| ![SUBSCRIPTIONS, QUEUE].contains(&key.as_str())) {
            return Err(invalid(unknown, "not a property of messaging: it has `subscriptions` and `queue`"));
        }
        let shared = link.get(QUEUE).map(|name| queue_name(QUEUE, name)).transpose()?;
        let Some(written) = link.get(SUBSCRIPTIONS) else {
            return shared.map_or(Ok(vec![]), |_| Err(invalid(QUEUE, "there are no `subscriptions` to share")));
        };
        let plans: Vec<_> = written.split(',').map(|item| plan(item, shared.as_deref())).collect::<Result<_, _>>()?;
        if plans.len() > MOST_PATTERNS {
            return Err(invalid(SUBSCRIPTIONS, format!("more than {MOST_PATTERNS} subscriptions")));
        }
        Ok(plans)
    }

    fn request(plan: &Plan) -> Request<'_> {
        Request::Subscribe { pattern: &plan.pattern }
    }

    fn allowing(request: Request<'_>) -> Value {
        match request {
            Request::Publish { subject, .. } => json!({ "publish": [subject.as_str()] }),
            Request::Subscribe { pattern } => json!({ "subscribe": [pattern.as_str()] }),
            Request::Deliver { subject } => json!({ "subscribe": [subject.as_str()] }),
        }
    }
}

impl Entry {
    fn permits_size(&self, size: usize) -> Result<(), Denied> {
        let Some(most) = self.size else { return Ok(()) };
        if u64::try_from(size).is_ok_and(|size| size <= most.bytes()) || !stands("messaging: size") {
            return Ok(());
        }
        Err(Denied::new(format!("permits messages of {most} at most, not {size} bytes")))
    }
}

impl Subjects {
    fn match_published(&self, subject: &Subject) -> bool {
        match self {
            Self::Any => !subject.is_inbox(),
            Self::Patterns(patterns) => patterns.iter().any(|pattern| pattern.matches(subject)),
        }
    }

    fn match_received(&self, subject: &Subject) -> bool {
        !subject.is_inbox() && self.match_published(subject)
    }

    /// Whether every subject of `other` is one of these, to publish to or to receive from.
    fn include(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, Self::Any) => true,
            (Self::Any, Self::Patterns(others)) => others.iter().all(|other| !other.is_inbox()),
            (Self::Patterns(own), Self::Any) => own.iter().any(|pattern| pattern.as_str() == EVERY),
            (Self::Patterns(own), Self::Patterns(others)) => {
                others.iter().all(|other| own.iter().any(|pattern| pattern.covers(other)))
            }
        }
    }

    /// Whether one of them covers the pattern wholly.
    fn cover(&self, asked: &Pattern) -> bool {
        match self {
            Self::Any => !asked.is_inbox(),
            Self::Patterns(patterns) => !asked.is_inbox() && patterns.iter().any(|pattern| pattern.covers(asked)),
        }
    }
}

impl fmt::Display for Subjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Patterns(patterns) = self else { return f.write_str("any (inboxes aside)") };
        let shown: Vec<_> = patterns.iter().take(SHOWN).map(|pattern| format!("`{pattern}`")).collect();
        f.write_str(&shown.join(", "))?;
        if patterns.len() > SHOWN { f.write_str(", …") } else { Ok(()) }
    }
}

fn not_named(verb: &str, asked: &impl fmt::Display, named: Option<&Subjects>) -> Denied {
    match named {
        Some(named) => Denied::new(format!("permits to {verb} {named}, not `{asked}`")),
        None => Denied::new(format!("does not permit to {verb} anything, so not `{asked}`")),
    }
}

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    publish: Option<OneOrMore>,
    subscribe: Option<OneOrMore>,
    size: Option<Size>,
    rate: Option<Rate>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a subject pattern, a list of them, or `any`")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl TryFrom<Written> for Entry {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { publish, subscribe, size, rate } = written;
        let publish = publish.map(|named| subjects("publish", named, Ok)).transpose()?;
        let subscribe = subscribe.map(|named| subjects("subscribe", named, Pattern::subscribable)).transpose()?;
        if publish.is_none() && subscribe.is_none() {
            return Err("`publish` or `subscribe` is missing: subject patterns, or `any`".to_owned());
        }
        if publish.is_none() && (size.is_some() || rate.is_some()) {
            return Err("`size` and `rate` limit what is sent: they need `publish` beside them".to_owned());
        }
        Ok(Self { publish, subscribe, size, rate })
    }
}

fn subjects(
    field: &str,
    written: OneOrMore,
    usable: impl Fn(Pattern) -> Result<Pattern, InvalidSubject>,
) -> Result<Subjects, String> {
    let texts = match written {
        OneOrMore::One(text) if text == ANY => return Ok(Subjects::Any),
        OneOrMore::One(text) => vec![text],
        OneOrMore::More(texts) => texts,
    };
    if texts.is_empty() || texts.len() > MOST_PATTERNS {
        return Err(format!("`{field}`: expected 1 to {MOST_PATTERNS} subject patterns, or `any`"));
    }
    if texts.iter().any(|text| text == ANY) {
        // In a list it would name the subject `any`, which is unlikely to be what was meant.
        return Err(format!("`{field}`: `any` stands alone, without a list"));
    }
    let pattern = |text: &String| {
        Pattern::from_str(text).and_then(&usable).map_err(|error| format!("`{field}`: `{}`: {error}", cut(text)))
    };
    texts.iter().map(pattern).collect::<Result<_, _>>().map(Subjects::Patterns)
}

/// Reads `PATTERN` or `PATTERN|QUEUE`.
fn plan(item: &str, shared: Option<&str>) -> Result<Plan, InvalidLink> {
    let (pattern, own) = match item.split_once('|') {
        Some((pattern, queue)) => (pattern.trim(), Some(queue_name(SUBSCRIPTIONS, queue)?)),
        None => (item.trim(), None),
    };
    let parsed = Pattern::from_str(pattern).and_then(Pattern::subscribable);
    let pattern = parsed.map_err(|error| invalid(SUBSCRIPTIONS, format!("`{}`: {error}", cut(pattern))))?;
    Ok(Plan { pattern, queue: own.or_else(|| shared.map(str::to_owned)) })
}

/// A queue group's name has the grammar of a subject of one token.
fn queue_name(property: &str, written: &str) -> Result<String, InvalidLink> {
    let name = written.trim();
    let plain = name.parse::<Subject>().is_ok() && !name.contains(['.', ',', '|']);
    if !plain {
        return Err(invalid(
            property,
            format!("`{}` is not a queue group: expected one word, such as `workers`", cut(name)),
        ));
    }
    Ok(name.to_owned())
}

fn invalid(property: &str, reason: impl Into<String>) -> InvalidLink {
    InvalidLink { property: property.to_owned(), reason: reason.into() }
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "subscription {}", self.pattern)?;
        match &self.queue {
            Some(queue) => write!(f, " in queue group {queue}"),
            None => Ok(()),
        }
    }
}

const ANY: &str = "any";
/// The pattern of every subject but inboxes.
const EVERY: &str = ">";
const SUBSCRIPTIONS: &str = "subscriptions";
const QUEUE: &str = "queue";
/// Patterns in one field of an entry, and subscriptions of one link.
const MOST_PATTERNS: usize = 64;
/// Patterns that a denial lists.
const SHOWN: usize = 8;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use writ_provider::Claim;

    fn parse(claim: Value) -> Result<Claim<Entry>, String> {
        Claim::parse(&claim).map_err(|error| error.to_string())
    }

    /// Whether one entry of the claim permits `publish SUBJECT SIZE`, `subscribe PATTERN` or `deliver SUBJECT`.
    fn permits(claim: &Claim<Entry>, asked: &str) -> bool {
        let words: Vec<_> = asked.split(' ').collect();
        let any = |request: Request<'_>| claim.entries().iter().any(|entry| entry.permits(request).is_ok());
        match words[..] {
            ["publish", subject, size] => {
                any(Request::Publish { subject: &subject.parse().unwrap(), size: size.parse().unwrap() })
            }
            ["subscribe", pattern] => any(Request::Subscribe { pattern: &pattern.parse().unwrap() }),
            ["deliver", subject] => any(Request::Deliver { subject: &subject.parse().unwrap() }),
            _ => panic!("{asked}"),
        }
    }

    #[test]
    fn claims_permit() {
        let orders = || json!({ "publish": ["orders.*", "audit"], "subscribe": "orders.>", "size": "10B" });
        let any = || json!({ "publish": "any", "subscribe": "any" });
        let two = || json!([{ "publish": "a.*", "size": "1B" }, { "publish": "a.b", "size": "9B" }, { "subscribe": ["x.*", "x.>"] }]);
        let inbox = || json!({ "publish": ["_INBOX.>", ">"] });
        for (claim, asked, expected) in [
            (orders(), "publish orders.created 10", true),
            (orders(), "publish orders.created 11", false),
            (orders(), "publish orders.created 0", true),
            (orders(), "publish orders 1", false),
            (orders(), "publish orders.a.b 1", false),
            (orders(), "publish audit 1", true),
            (orders(), "publish audits 1", false),
            (orders(), "publish _INBOX.x 1", false),
            (orders(), "subscribe orders.*", true),
            (orders(), "subscribe orders.>", true),
            (orders(), "subscribe orders.a", true),
            (orders(), "subscribe orders", false),
            (orders(), "subscribe >", false),
            (orders(), "subscribe *.a", false),
            (orders(), "deliver orders.a.b", true),
            (orders(), "deliver audit", false),
            (any(), "publish a 1000000", true),
            (any(), "publish _INBOX.x 1", false),
            (any(), "subscribe >", true),
            (any(), "subscribe *.a", true),
            (any(), "subscribe _INBOX.>", false),
            (any(), "deliver a.b", true),
            (any(), "deliver _INBOX.x", false),
            (two(), "publish a.b 1", true),
            (two(), "publish a.b 9", true),
            (two(), "publish a.c 9", false),
            (two(), "publish a.b 10", false),
            (two(), "subscribe x.>", true),
            (two(), "subscribe x.y.z", true),
            (two(), "subscribe a.b", false),
            (two(), "deliver x", false),
            (json!([]), "publish a 1", false),
            (json!([]), "subscribe a", false),
            (json!({ "publish": "a" }), "subscribe a", false),
            (json!({ "publish": "a" }), "deliver a", false),
            (json!({ "subscribe": "a" }), "publish a 0", false),
            (json!({ "publish": ">" }), "publish a.b.c 1", true),
            (json!({ "publish": ">" }), "publish _INBOX.x 1", false),
            (inbox(), "publish _INBOX.x 1", true),
            (inbox(), "publish a 1", true),
            // Together they cover it; one whole entry or pattern does not.
            (json!({ "subscribe": ["a", "a.>"] }), "subscribe >", false),
            (json!([{ "subscribe": "*" }, { "subscribe": "*.>" }]), "subscribe >", false),
            (json!({ "publish": "a", "size": "0B" }), "publish a 0", true),
            (json!({ "publish": "a", "size": "0B" }), "publish a 1", false),
        ] {
            assert_eq!(permits(&parse(claim.clone()).unwrap(), asked), expected, "{claim} {asked}");
        }
    }

    #[test]
    fn claims_refuse_what_they_do_not_know() {
        for (claim, expected) in [
            (json!("any"), "`any` belongs in its naming field"),
            (json!("orders.*"), "expected a list of entries"),
            (json!({}), "`publish` or `subscribe` is missing"),
            (json!([{}]), "`publish` or `subscribe` is missing"),
            (json!({ "size": "1B" }), "`publish` or `subscribe` is missing"),
            (json!({ "publish": [] }), "expected 1 to 64"),
            (json!({ "publish": vec!["a"; 65] }), "expected 1 to 64"),
            (json!({ "publish": 1 }), "a subject pattern, a list of them"),
            (json!({ "publish": [1] }), "a subject pattern, a list of them"),
            (json!({ "publish": { "any": true } }), "a subject pattern, a list of them"),
            (json!({ "publish": ["any"] }), "`any` stands alone"),
            (json!({ "subscribe": ["a", "any"] }), "`any` stands alone"),
            (json!({ "publish": "" }), "a token is empty"),
            (json!({ "publish": "a..b" }), "a token is empty"),
            (json!({ "publish": "a b" }), "space or control"),
            (json!({ "publish": "a>" }), "whole tokens"),
            (json!({ "publish": ">.a" }), "only be the last"),
            (json!({ "publish": "$SYS.>" }), "belong to the broker"),
            (json!({ "subscribe": "$JS.API.>" }), "belong to the broker"),
            (json!({ "subscribe": "_INBOX.>" }), "cannot be subscribed to"),
            (json!({ "subscribe": ["a", "_INBOX_x.>"] }), "cannot be subscribed to"),
            (json!({ "publish": "a", "sise": "1B" }), "unknown field `sise`"),
            (json!({ "Publish": "a" }), "unknown field `Publish`"),
            (json!({ "publish": "a", "size": 5 }), "invalid type"),
            (json!({ "publish": "a", "size": "5" }), "is not a size"),
            (json!({ "publish": "a", "rate": "1" }), "is not a rate"),
            (json!({ "subscribe": "a", "rate": "1/s" }), "they need `publish`"),
            (json!({ "subscribe": "a", "size": "1B" }), "they need `publish`"),
            (json!([{ "publish": "a" }, { "publish": "*b" }]), "entry 2"),
        ] {
            let error = parse(claim.clone()).map(|_| ()).unwrap_err();
            assert!(error.contains(expected), "{claim}: {error}");
        }
    }

    #[test]
    fn a_denial_says_what_is_permitted_instead() {
        let Claim::Entries(entries) = parse(json!({ "publish": ["a.*", "b"], "size": "1B" })).unwrap() else {
            panic!()
        };
        let denied = |request: Request<'_>| entries[0].permits(request).unwrap_err().to_string();
        let (subject, pattern) = ("c".parse().unwrap(), "c.>".parse().unwrap());
        assert_eq!(
            denied(Request::Publish { subject: &subject, size: 0 }),
            "permits to publish to `a.*`, `b`, not `c`"
        );
        assert_eq!(
            denied(Request::Subscribe { pattern: &pattern }),
            "does not permit to subscribe to anything, so not `c.>`"
        );
        let subject = "b".parse().unwrap();
        assert_eq!(
            denied(Request::Publish { subject: &subject, size: 2 }),
            "permits messages of 1B at most, not 2 bytes"
        );
    }

    #[track_caller]
    fn check_plans(link: &[(&str, &str)], expected: Result<&[&str], &str>) {
        let link = link.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        match (Entry::plans(&link), expected) {
            (Ok(plans), Ok(expected)) => assert_eq!(plans.iter().map(Plan::to_string).collect::<Vec<_>>(), expected),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (plans, _) => panic!("{link:?}: {plans:?}"),
        }
    }

    #[test]
    fn links() {
        check_plans(&[], Ok(&[]));
        check_plans(&[("subscriptions", "orders.*")], Ok(&["subscription orders.*"]));
        check_plans(
            &[("subscriptions", "a , b.>|work,c"), ("queue", "all")],
            Ok(&[
                "subscription a in queue group all",
                "subscription b.> in queue group work",
                "subscription c in queue group all",
            ]),
        );
        check_plans(&[("subscriptions", "a | q")], Ok(&["subscription a in queue group q"]));
        check_plans(&[("subscription", "a")], Err("not a property of messaging"));
        check_plans(&[("subscriptions", "a"), ("address", "b")], Err("not a property of messaging"));
        check_plans(&[("queue", "a")], Err("no `subscriptions`"));
        for bad in ["", "a,", ",a", "a,,b", "a b", ">.a", "$SYS.>", "_INBOX.>", "a|", "a|b c", "a|b.c", "a|*", "a|b|c"]
        {
            check_plans(&[("subscriptions", bad)], Err("`subscriptions`"));
        }
        check_plans(&[("subscriptions", &vec!["a"; 65].join(","))], Err("more than 64"));
        check_plans(&[("subscriptions", "a"), ("queue", "")], Err("`queue`"));
    }

    #[test]
    fn what_a_denial_offers_to_paste_permits_the_plan() {
        let link = LinkConfig::from([("subscriptions".into(), "a.*, >, x|q".into())]);
        for plan in Entry::plans(&link).unwrap() {
            let entry: Entry = serde_json::from_value(Entry::allowing(Entry::request(&plan))).unwrap();
            assert_eq!(entry.permits(Entry::request(&plan)), Ok(()));
        }
    }

    mod covering {
        use proptest::prelude::*;

        use super::*;

        const PATTERNS: &[&str] = &["a", "b", "*", ">", "a.*", "a.>", "a.b", "*.b", "_INBOX.>", "_INBOX.x"];
        const SUBJECTS: &[&str] = &["a", "b", "a.b", "a.b.c", "b.b", "_INBOX.x", "_INBOX.y.z"];

        fn entries() -> impl Strategy<Value = Entry> {
            let named = |most: usize| {
                let some = prop::sample::subsequence(PATTERNS[..most].to_vec(), 1..=3);
                prop_oneof![some.prop_map(|some| json!(some)), Just(json!("any"))]
            };
            let size = prop::sample::select(vec!["1B", "2B"]);
            let parts = (prop::option::of(named(10)), prop::option::of(named(8)), prop::option::of(size));
            parts.prop_filter_map("it names something", |(publish, subscribe, size)| {
                let mut entry = json!({});
                let mut set = |name: &str, value: Option<Value>| {
                    entry.as_object_mut().unwrap().extend(value.map(|value| (name.to_owned(), value)));
                };
                set("size", size.filter(|_| publish.is_some()).map(Into::into));
                set("publish", publish);
                set("subscribe", subscribe);
                serde_json::from_value(entry).ok()
            })
        }

        proptest! {
            #[test]
            fn what_is_covered_permits_nothing_more(one in entries(), other in entries()) {
                prop_assert!(one.covers(&one));
                if one.covers(&other) {
                    let asks = |request: Request<'_>| other.permits(request).is_err() || one.permits(request).is_ok();
                    for subject in SUBJECTS.iter().map(|text| text.parse().unwrap()) {
                        for size in [0, 1, 2, 3] {
                            prop_assert!(asks(Request::Publish { subject: &subject, size }), "to {}", subject);
                        }
                        prop_assert!(asks(Request::Deliver { subject: &subject }), "from {}", subject);
                    }
                    for pattern in PATTERNS.iter().map(|text| text.parse().unwrap()) {
                        prop_assert!(asks(Request::Subscribe { pattern: &pattern }), "to all of {}", pattern);
                    }
                }
            }
        }
    }
}
