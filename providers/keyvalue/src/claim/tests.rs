#![allow(clippy::unwrap_used)]

use serde_json::json;
use writ_provider::Claim;

use super::*;

fn open(bucket: &str) -> Request<'_> {
    Request::Open { bucket }
}

fn read<'a>(bucket: &'a str, key: &'a str) -> Request<'a> {
    Request::Operation { bucket, key, verb: Verb::Read, size: 0 }
}

fn list<'a>(bucket: &'a str, key: &'a str) -> Request<'a> {
    Request::Operation { bucket, key, verb: Verb::List, size: 0 }
}

fn write<'a>(bucket: &'a str, key: &'a str, size: usize) -> Request<'a> {
    Request::Operation { bucket, key, verb: Verb::Write, size }
}

fn increment<'a>(bucket: &'a str, key: &'a str) -> Request<'a> {
    Request::Operation { bucket, key, verb: Verb::Increment, size: 0 }
}

/// The answer of one entry: none where it permits the request, else why not.
#[track_caller]
fn check(entry: Value, request: Request<'_>, denied: Option<&str>) {
    let claim = Claim::<Entry>::parse(&entry).unwrap();
    let answer = claim.entries().first().unwrap().permits(request);
    assert_eq!(answer.err().map(|denied| denied.0).as_deref(), denied, "{entry} {request:?}");
}

#[test]
fn buckets() {
    let orders = || json!({ "bucket": "orders" });
    check(orders(), open("orders"), None);
    check(orders(), read("orders", "k"), None);
    check(orders(), list("orders", ""), None);
    check(orders(), write("orders", "k", usize::MAX), None);
    check(orders(), increment("orders", "k"), None);
    for other in ["order", "orders2", "Orders", "orders/", "../orders", " orders", "or%64ers", "*", "any"] {
        check(orders(), open(other), Some(&format!("permits the bucket `orders`, not `{other}`")));
    }
    check(orders(), open(""), Some("permits the bucket `orders`, not ``"));
    check(orders(), read("a\nb", "k"), Some("permits the bucket `orders`, not `a\\nb`"));
    check(orders(), open(&"x".repeat(70)), Some(&format!("permits the bucket `orders`, not `{}…`", "x".repeat(64))));
    // Composed and decomposed are two names.
    check(
        json!({ "bucket": "caf\u{e9}" }),
        open("cafe\u{301}"),
        Some("permits the bucket `caf\u{e9}`, not `cafe\u{301}`"),
    );
    for any in ["orders", "", "any", "\0"] {
        check(json!({ "bucket": "any" }), open(any), None);
    }
    check(json!([{ "bucket": "orders" }]), open("orders"), None);
}

#[test]
fn prefixes() {
    let eu = || json!({ "bucket": "b", "prefix": "eu/" });
    check(eu(), open("b"), None);
    check(eu(), read("b", "eu/"), None);
    check(eu(), write("b", "eu/1", 1), None);
    check(eu(), increment("b", "eu/n"), None);
    check(eu(), list("b", "eu/de/"), None);
    check(eu(), list("b", ""), Some("permits keys that start with `eu/`, not ``"));
    for key in ["eu", "EU/1", "us/1", " eu/1", "x/eu/1", "e"] {
        check(eu(), read("b", key), Some(&format!("permits keys that start with `eu/`, not `{key}`")));
    }
    // A prefix is bytes: dots mean nothing.
    check(eu(), read("b", "eu/../us/1"), None);
    check(json!({ "bucket": "b", "prefix": "" }), read("b", "k"), None);
    check(json!({ "bucket": "b", "prefix": "" }), list("b", ""), None);
}

#[test]
fn verbs() {
    let entry = |verbs: Value| json!({ "bucket": "b", "verbs": verbs });
    check(entry(json!(["read"])), read("b", "k"), None);
    check(entry(json!(["read"])), open("b"), None);
    check(entry(json!(["read"])), list("b", "k"), Some("permits `read`, not `list`"));
    check(entry(json!(["read"])), write("b", "k", 0), Some("permits `read`, not `write`"));
    check(entry(json!(["read"])), increment("b", "k"), Some("permits `read`, not `increment`"));
    check(entry(json!(["write"])), write("b", "k", 0), None);
    check(entry(json!(["write"])), increment("b", "k"), Some("permits `write`, not `increment`"));
    check(entry(json!(["write"])), read("b", "k"), Some("permits `write`, not `read`"));
    check(entry(json!(["increment"])), increment("b", "k"), None);
    check(entry(json!(["increment"])), write("b", "k", 0), Some("permits `increment`, not `write`"));
    check(entry(json!(["list", "read"])), list("b", ""), None);
    check(entry(json!(["list", "read"])), write("b", "k", 0), Some("permits `list`, `read`, not `write`"));
    check(entry(json!([])), open("b"), None);
    check(entry(json!([])), read("b", "k"), Some("permits to open the bucket, not `read`"));
}

#[test]
fn sizes() {
    let small = || json!({ "bucket": "b", "size": "1KiB" });
    check(small(), write("b", "k", 0), None);
    check(small(), write("b", "k", 1024), None);
    check(small(), write("b", "k", 1025), Some("permits values of at most 1KiB, not 1025 B"));
    check(small(), read("b", "k"), None);
    check(json!({ "bucket": "b", "size": "0B" }), write("b", "k", 1), Some("permits values of at most 0B, not 1 B"));
}

#[test]
fn claims_that_do_not_parse() {
    let long = "x".repeat(256);
    let cases = [
        (json!("any"), "`any` belongs in its naming field"),
        (json!("orders"), "expected a list"),
        (json!(null), "expected a list"),
        (json!({}), "missing field `bucket`"),
        (json!([{ "bucket": "b" }, {}]), "entry 2: missing field `bucket`"),
        (json!({ "prefix": "eu/" }), "missing field `bucket`"),
        (json!({ "bucket": "b", "ttl": "5s" }), "unknown field `ttl`"),
        (json!({ "bucket": "b", "Prefix": "x" }), "unknown field `Prefix`"),
        (json!({ "bucket": "" }), "`bucket`: it is empty"),
        (json!({ "bucket": long }), "longer than 255 bytes"),
        (json!({ "bucket": "a\u{7}" }), "control character"),
        (json!({ "bucket": ["a", "b"] }), "expected a string"),
        (json!({ "bucket": null }), "`bucket` has no value"),
        (json!({ "bucket": "b", "prefix": null }), "`prefix` has no value"),
        (json!({ "bucket": "b", "verbs": null }), "`verbs` has no value"),
        (json!({ "bucket": "b", "verbs": "read" }), "invalid type: string"),
        (json!({ "bucket": "b", "verbs": "any" }), "invalid type: string"),
        (json!({ "bucket": "b", "verbs": ["delete"] }), "unknown variant `delete`"),
        (json!({ "bucket": "b", "verbs": ["Read"] }), "unknown variant `Read`"),
        (json!({ "bucket": "b", "size": null }), "`size` has no value"),
        (json!({ "bucket": "b", "size": 64 }), "invalid type: integer"),
        (json!({ "bucket": "b", "size": "64" }), "is not a size"),
        (json!({ "bucket": "b", "rate": null }), "`rate` has no value"),
        (json!({ "bucket": "b", "rate": "200" }), "a rate such as"),
    ];
    for (claim, reason) in cases {
        let error = Claim::<Entry>::parse(&claim).unwrap_err().to_string();
        assert!(error.contains(reason), "{claim}: {error}");
    }
}

#[test]
fn a_rate_is_the_entry_s() {
    let claim = Claim::<Entry>::parse(&json!([{ "bucket": "a", "rate": "200/s" }, { "bucket": "b" }])).unwrap();
    let rates: Vec<_> = claim.entries().iter().map(|entry| entry.rate().map(|rate| rate.to_string())).collect();
    assert_eq!(rates, [Some("200/s".to_owned()), None]);
}

fn link(properties: &[(&str, &str)]) -> LinkConfig {
    properties.iter().map(|(property, value)| ((*property).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn plans_are_what_the_link_maps() {
    let plans = Entry::plans(&link(&[("bucket.cache", "orders"), ("bucket.", "default")])).unwrap();
    let read: Vec<_> = plans.iter().map(|plan| (plan.label(), plan.bucket())).collect();
    assert_eq!(read, [("", "default"), ("cache", "orders")]);
    for plan in &plans {
        let claim = Claim::<Entry>::parse(&Entry::allowing(Entry::request(plan))).unwrap();
        assert!(claim.entries().iter().all(|entry| entry.permits(Entry::request(plan)).is_ok()));
    }
    assert_eq!(plans.last().unwrap().to_string(), "the bucket `orders` as `cache`");
}

#[test]
fn links_that_do_not_parse() {
    let cases = [
        (("buckets.a", "b"), "`buckets.a`: not known; a link to key-value may say `bucket.LABEL: NAME`"),
        (("path", "x"), "`path`: not known; a link to key-value may say `bucket.LABEL: NAME`"),
        (("bucket.a", ""), "`bucket.a`: `` is no bucket's name: it is empty"),
        // What it would offer to paste would permit every bucket.
        (("bucket.a", "any"), "`bucket.a`: `any` is no bucket's name: `any` stands for every bucket"),
    ];
    for (property, reason) in cases {
        assert_eq!(Entry::plans(&link(&[property])).unwrap_err().to_string(), reason);
    }
}

mod covering {
    use proptest::prelude::*;

    use super::*;

    /// Any entry of a small world, in which entries often cover each other.
    fn entries() -> impl Strategy<Value = Entry> {
        let verbs = prop::sample::subsequence(vec!["read", "list", "write", "increment"], 0..=4);
        let prefix = prop::sample::select(vec!["", "x", "x/", "x/y", "y"]);
        let bucket = prop::sample::select(vec!["a", "b", "any"]);
        let size = prop::sample::select(vec!["1B", "2B"]);
        (bucket, prefix, prop::option::of(verbs), prop::option::of(size)).prop_map(|(bucket, prefix, verbs, size)| {
            let mut entry = json!({ "bucket": bucket, "prefix": prefix });
            let mut set = |name: &str, value: Option<Value>| {
                entry.as_object_mut().unwrap().extend(value.map(|value| (name.to_owned(), value)));
            };
            set("verbs", verbs.map(Into::into));
            set("size", size.map(Into::into));
            serde_json::from_value(entry).unwrap()
        })
    }

    fn requests() -> Vec<Request<'static>> {
        let mut all = vec![open("a"), open("b"), open("c")];
        for bucket in ["a", "b", "c"] {
            for key in ["", "x", "x/", "x/y", "x/yz", "y", "z"] {
                all.extend([read(bucket, key), list(bucket, key), increment(bucket, key)]);
                all.extend([0, 1, 2, 3].map(|size| write(bucket, key, size)));
            }
        }
        all
    }

    proptest! {
        #[test]
        fn what_is_covered_permits_nothing_more(one in entries(), other in entries()) {
            prop_assert!(one.covers(&one));
            let more: Vec<_> = requests()
                .into_iter()
                .filter(|request| other.permits(*request).is_ok() && one.permits(*request).is_err())
                .collect();
            prop_assert!(!one.covers(&other) || more.is_empty(), "{one:?} {other:?} {more:?}");
        }

        #[test]
        fn what_is_offered_permits_what_was_asked(index in 0..requests().len()) {
            let request = *requests().get(index).unwrap();
            let offered: Entry = serde_json::from_value(Entry::allowing(request)).unwrap();
            prop_assert_eq!(offered.permits(request), Ok(()));
        }
    }
}
