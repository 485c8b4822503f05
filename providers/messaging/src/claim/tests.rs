#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use writ_provider::Claim;

use super::*;

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
    let Claim::Entries(entries) = parse(json!({ "publish": ["a.*", "b"], "size": "1B" })).unwrap() else { panic!() };
    let denied = |request: Request<'_>| entries[0].permits(request).unwrap_err().to_string();
    let (subject, pattern) = ("c".parse().unwrap(), "c.>".parse().unwrap());
    assert_eq!(denied(Request::Publish { subject: &subject, size: 0 }), "permits to publish to `a.*`, `b`, not `c`");
    assert_eq!(
        denied(Request::Subscribe { pattern: &pattern }),
        "does not permit to subscribe to anything, so not `c.>`"
    );
    let subject = "b".parse().unwrap();
    assert_eq!(denied(Request::Publish { subject: &subject, size: 2 }), "permits messages of 1B at most, not 2 bytes");
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
    for bad in ["", "a,", ",a", "a,,b", "a b", ">.a", "$SYS.>", "_INBOX.>", "a|", "a|b c", "a|b.c", "a|*", "a|b|c"] {
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
