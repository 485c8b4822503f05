//! The host functions, called as a guest's calls reach them, on both backends.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use writ_provider::wasmtime::component::Linker;
use writ_provider::wasmtime::{Engine, Trap};
use writ_provider::{
    Budget, Claim, Deadline, Document, GrantParts, Instance, Layer, Principal, Resource, ResourceTable, Slot, View,
};
use writ_provider::{PublicKey, testing};

use super::*;
use crate::backend::conformance::{Opened, disk, memory};
use bindings::wasi::keyvalue::store::{Host as _, HostBucket as _, KeyResponse};
use bindings::wasi::keyvalue::{atomics::Host as _, batch::Host as _};

/// One principal in one store.
struct Guest {
    handle: Handle,
    table: ResourceTable,
    deadline: Deadline,
}

impl Guest {
    fn view(&mut self) -> View<'_, KeyValue> {
        View { handle: &mut self.handle, table: &mut self.table, deadline: self.deadline }
    }

    async fn open(&mut self, label: &str) -> Result<Resource<Bucket>, Failure> {
        self.view().open(label.to_owned()).await
    }

    async fn get(&mut self, bucket: &Resource<Bucket>, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        self.view().get(borrow(bucket), key.to_owned()).await
    }

    async fn set(&mut self, bucket: &Resource<Bucket>, key: &str, value: &[u8]) -> Result<(), Failure> {
        self.view().set(borrow(bucket), key.to_owned(), value.to_vec()).await
    }

    async fn set_many(&mut self, bucket: &Resource<Bucket>, pairs: &[(&str, &[u8])]) -> Result<(), Failure> {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.to_vec())).collect();
        self.view().set_many(borrow(bucket), pairs).await
    }

    async fn list(&mut self, bucket: &Resource<Bucket>, cursor: Option<u64>) -> Result<KeyResponse, Failure> {
        self.view().list_keys(borrow(bucket), cursor).await
    }

    /// Every key, and how many pages there were.
    async fn list_all(&mut self, bucket: &Resource<Bucket>) -> (Vec<String>, usize) {
        let (mut keys, mut pages, mut cursor) = (vec![], 0, None);
        loop {
            let page = self.list(bucket, cursor).await.unwrap();
            keys.extend(page.keys);
            pages += 1;
            cursor = page.cursor;
            if cursor.is_none() {
                return (keys, pages);
            }
        }
    }
}

fn borrow(bucket: &Resource<Bucket>) -> Resource<Bucket> {
    Resource::new_borrow(bucket.rep())
}

fn account() -> PublicKey {
    testing::account()
}

/// A guest of `account` under one claim per document.
fn guest(provider: &KeyValue, account: PublicKey, claims: &[Value], link: &[(&str, &str)]) -> Guest {
    let component = testing::component();
    let documents = [Document::Component, Document::Account, Document::HostPolicy];
    let layer = |(document, claim): (Document, &Value)| {
        Layer::new(document, Claim::parse(claim).unwrap(), |_, rate| Arc::new(Budget::new(rate)))
    };
    let grant = Grant::new(GrantParts {
        capability: KeyValue::CAPABILITY.name,
        principal: Principal::new(account, component, "acme", "orders"),
        link: link.iter().map(|(label, name)| ((*label).to_owned(), (*name).to_owned())).collect(),
        settings: BTreeMap::new(),
        layers: documents.into_iter().zip(claims).map(layer).collect(),
    });
    let deadline = Deadline::after(Duration::from_secs(60));
    Guest { handle: provider.attach(&grant), table: ResourceTable::new(), deadline }
}

fn everything() -> Value {
    json!({ "bucket": "any" })
}

fn provider() -> KeyValue {
    KeyValue::new(memory(1 << 30).0)
}

#[track_caller]
fn denied<T>(answer: Result<T, Failure>) {
    assert!(matches!(answer, Err(Failure::Denied)));
}

#[track_caller]
fn other<T>(answer: Result<T, Failure>, expected: &str) {
    match answer {
        Err(Failure::Other(reason)) => assert_eq!(reason, expected),
        _ => panic!("expected an error in words"),
    }
}

#[test]
fn every_interface_links_under_its_name() {
    let engine = Engine::default();
    let mut linker = Linker::<Instance>::new(&engine);
    for interface in KeyValue::CAPABILITY.interfaces {
        let slot = Slot::new(3).unwrap();
        (interface.link)(&mut linker.instance(interface.name).unwrap(), slot.getter::<Attached<KeyValue>>()).unwrap();
    }
}

#[tokio::test]
async fn a_label_is_mapped_before_the_claim_is_checked() {
    let (provider, account) = (provider(), account());
    let mut mapped = guest(&provider, account, &[json!({ "bucket": "orders" })], &[("bucket.store", "orders")]);
    let store = mapped.open("store").await.unwrap();
    mapped.set(&store, "k", b"v").await.unwrap();
    assert_eq!(mapped.open("orders").await.map(drop).ok(), Some(()));
    denied(mapped.open("stock").await);

    // Another component of the account, under the bucket's own name.
    let mut direct = guest(&provider, account, &[everything()], &[("bucket.orders", "elsewhere")]);
    let orders = direct.open("orders").await.unwrap();
    assert_eq!(direct.get(&orders, "k").await.unwrap(), None);
    let mut direct = guest(&provider, account, &[everything()], &[]);
    let orders = direct.open("orders").await.unwrap();
    assert_eq!(direct.get(&orders, "k").await.unwrap().as_deref(), Some(&b"v"[..]));
    let long = "x".repeat(256);
    assert!(matches!(direct.open(&long).await, Err(Failure::NoSuchStore)));
}

#[tokio::test]
async fn every_function_asks_for_its_verb() {
    let (provider, account) = (provider(), account());
    for verb in ["read", "list", "write", "increment"] {
        let mut guest = guest(&provider, account, &[json!({ "bucket": "b", "verbs": [verb] })], &[]);
        let bucket = guest.open("b").await.unwrap();
        let (b, key, keys) = (|| borrow(&bucket), || "k".to_owned(), || vec!["k".to_owned()]);
        let mut view = guest.view();
        let answers = [
            ("read", view.get(b(), key()).await.err()),
            ("read", view.exists(b(), key()).await.err()),
            ("read", view.get_many(b(), keys()).await.err()),
            ("list", view.list_keys(b(), None).await.err()),
            ("write", view.set(b(), key(), b"1".to_vec()).await.err()),
            ("write", view.set_many(b(), vec![(key(), b"1".to_vec())]).await.err()),
            ("increment", view.increment(b(), key(), 1).await.err()),
            ("write", view.delete(b(), key()).await.err()),
            ("write", view.delete_many(b(), keys()).await.err()),
        ];
        for (index, (needed, failure)) in answers.iter().enumerate() {
            let permitted = failure.is_none();
            assert_eq!(permitted, *needed == verb, "{index}: {failure:?}");
            assert!(permitted || matches!(failure, Some(Failure::Denied)), "{index}: {failure:?}");
        }
    }
}

#[tokio::test]
async fn an_empty_claim_permits_nothing() {
    let mut guest = guest(&provider(), account(), &[json!([])], &[]);
    denied(guest.open("b").await);
}

#[tokio::test]
async fn a_batch_is_all_or_nothing() {
    let claims =
        [json!([{ "bucket": "b", "prefix": "a/" }, { "bucket": "b", "prefix": "x", "verbs": ["read", "list"] }])];
    let mut guest = guest(&provider(), account(), &claims, &[]);
    let b = guest.open("b").await.unwrap();
    denied(guest.set_many(&b, &[("a/1", b"1"), ("a/2", b"2"), ("x", b"3")]).await);
    assert_eq!(guest.list_all(&b).await.0, Vec::<String>::new());
    guest.set_many(&b, &[("a/1", b"1"), ("a/2", b"2"), ("a/1", b"last")]).await.unwrap();
    let keys = || ["a/2", "x", "a/1"].map(str::to_owned).to_vec();
    let pair = |key: &str, value: &[u8]| Some((key.to_owned(), value.to_vec()));
    let found = guest.view().get_many(borrow(&b), keys()).await.unwrap();
    assert_eq!(found, [pair("a/2", b"2"), None, pair("a/1", b"last")]);
    denied(guest.view().delete_many(borrow(&b), keys()).await);
    denied(guest.view().get_many(borrow(&b), vec!["a/1".to_owned(), "b".to_owned()]).await);
    assert_eq!(guest.list_all(&b).await.0, ["a/1", "a/2"]);
    guest.view().delete_many(borrow(&b), vec!["a/1".to_owned(), "a/2".to_owned()]).await.unwrap();
    assert_eq!(guest.list_all(&b).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn sizes_are_capped() {
    let (provider, account) = (provider(), account());
    let mut small = guest(&provider, account, &[everything(), json!({ "bucket": "b", "size": "1KiB" })], &[]);
    let b = small.open("b").await.unwrap();
    small.set(&b, "k", &[0; 1_024]).await.unwrap();
    denied(small.set(&b, "k", &[0; 1_025]).await);
    denied(small.set_many(&b, &[("k", &[0; 1_024]), ("l", &[0; 1_025])]).await);

    let mut wide = guest(&provider, account, &[json!({ "bucket": "b", "size": "1GiB" })], &[]);
    let b = wide.open("b").await.unwrap();
    wide.set(&b, "k", &[0; 1 << 20]).await.unwrap();
    assert_eq!(wide.get(&b, "k").await.unwrap().unwrap().len(), 1 << 20);
    other(wide.set(&b, "k", &[0; (1 << 20) + 1]).await, "a value has at most 1048576 bytes");
    wide.set(&b, &"k".repeat(4_096), b"").await.unwrap();
    other(wide.set(&b, &"k".repeat(4_097), b"").await, "a key has at most 4096 bytes");
    other(wide.get(&b, &"k".repeat(4_097)).await, "a key has at most 4096 bytes");
    let large = [0; 1 << 20];
    let pairs: Vec<(&str, &[u8])> = vec![("1", &large), ("2", &large), ("3", &large), ("4", &large)];
    wide.set_many(&b, &pairs).await.unwrap();
    let five = [pairs, vec![("5", b"5")]].concat();
    other(wide.set_many(&b, &five).await, "a batch has at most 4194304 bytes of values");
    wide.set(&b, "5", b"5").await.unwrap();
    let keys = |count: usize| (1..=count).map(|key| key.to_string()).collect::<Vec<_>>();
    assert_eq!(wide.view().get_many(borrow(&b), keys(4)).await.unwrap().len(), 4);
    other(wide.view().get_many(borrow(&b), keys(5)).await, "the values are together larger than 4194304 bytes");
    other(wide.view().get_many(borrow(&b), keys(1_001)).await, "a batch has at most 1000 keys");
    other(wide.view().delete_many(borrow(&b), keys(1_001)).await, "a batch has at most 1000 keys");
    assert_eq!(wide.view().delete_many(borrow(&b), keys(1_000)).await.ok(), Some(()));
}

#[tokio::test]
async fn a_rate_counts_keys() {
    let mut guest = guest(&provider(), account(), &[json!({ "bucket": "b", "rate": "5/h" })], &[]);
    let b = guest.open("b").await.unwrap();
    guest.set_many(&b, &[("1", b""), ("2", b"")]).await.unwrap();
    guest.list(&b, None).await.unwrap();
    guest.get(&b, "1").await.unwrap();
    denied(guest.get(&b, "1").await);
    denied(guest.list(&b, None).await);
    denied(guest.open("b").await);

    let mut none = self::guest(&provider(), account(), &[json!({ "bucket": "b", "rate": "0/s" })], &[]);
    denied(none.open("b").await);
}

#[tokio::test]
async fn the_open_buckets_of_a_store_have_a_limit() {
    let mut guest = guest(&provider(), account(), &[everything()], &[]);
    guest.table.set_max_capacity(2);
    let first = guest.open("b").await.unwrap();
    guest.open("b").await.unwrap();
    other(guest.open("b").await, "too many resources are open");
    guest.view().drop(first).await.unwrap();
    guest.open("b").await.unwrap();
}

#[tokio::test]
async fn a_call_ends_at_its_deadline() {
    let mut guest = guest(&provider(), account(), &[everything()], &[]);
    let b = guest.open("b").await.unwrap();
    let pairs: Vec<String> = (0..1_000).map(|key| key.to_string()).collect();
    let pairs: Vec<(&str, &[u8])> = pairs.iter().map(|key| (key.as_str(), &b""[..])).collect();
    guest.set_many(&b, &pairs).await.unwrap();
    guest.deadline = Deadline::after(Duration::ZERO);
    let Err(Failure::Trap(trap)) = guest.list(&b, None).await else { panic!("it was listed after the deadline") };
    assert_eq!(trap.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
}

/// Lists as a guest with `claims`, after all of `keys` were written into `b` by somebody who may.
async fn listed(open: fn(u64) -> Opened, keys: &[String], claims: &[Value]) -> Result<(Vec<String>, usize), Failure> {
    let (backend, _folder) = open(1 << 30);
    let (provider, account) = (KeyValue::new(backend), account());
    let mut owner = guest(&provider, account, &[everything()], &[]);
    let b = owner.open("b").await.unwrap();
    for keys in keys.chunks(1_000) {
        let pairs: Vec<(&str, &[u8])> = keys.iter().map(|key| (key.as_str(), &b"v"[..])).collect();
        owner.set_many(&b, &pairs).await.unwrap();
    }
    let mut guest = guest(&provider, account, claims, &[]);
    let b = guest.open("b").await?;
    guest.list(&b, None).await?;
    Ok(guest.list_all(&b).await)
}

#[tokio::test]
async fn paging_shows_only_what_every_document_lets_be_listed() {
    let mut keys: Vec<String> =
        ["eu/", "eu/de/", "us/"].iter().flat_map(|start| (0..1_500).map(move |n| format!("{start}{n:04}"))).collect();
    keys.sort_unstable();
    let b = |entries: &[(&str, &[&str])]| -> Value {
        let entry = |(prefix, verbs): &(&str, &[&str])| json!({ "bucket": "b", "prefix": prefix, "verbs": verbs });
        entries.iter().map(entry).collect::<Vec<_>>().into()
    };
    let list: &[&str] = &["list"];
    let cases: [(Vec<Value>, Option<&[&str]>); 9] = [
        (vec![everything()], Some(&[""])),
        (vec![b(&[("eu/", list)])], Some(&["eu/"])),
        (vec![b(&[("eu/", list), ("eu/de/", list), ("us/", &["read", "write"])])], Some(&["eu/"])),
        (vec![b(&[("us/", list), ("eu/de/", list)])], Some(&["eu/de/", "us/"])),
        (vec![b(&[("eu/", list)]), b(&[("eu/de/", list), ("us/", list)])], Some(&["eu/de/"])),
        (vec![b(&[("eu/", list)]), everything(), b(&[("us/", list)])], None),
        (vec![b(&[("eu/", &["read"])])], None),
        (vec![b(&[("eu/", list)]), json!({ "bucket": "b", "verbs": ["read"] })], None),
        (vec![b(&[("nothing/", list)])], Some(&[])),
    ];
    for open in [memory, disk] {
        for (claims, prefixes) in &cases {
            let listed = listed(open, &keys, claims).await;
            let Some(prefixes) = prefixes else {
                denied(listed);
                continue;
            };
            let seen = |key: &&String| prefixes.iter().any(|prefix| key.starts_with(prefix));
            let expected: Vec<String> = keys.iter().filter(seen).cloned().collect();
            let (listed, pages) = listed.unwrap();
            assert_eq!(pages, expected.len().div_ceil(1_000).max(1), "{claims:?}");
            assert_eq!(listed, expected, "{claims:?}");
        }
    }
}

#[tokio::test]
async fn a_cursor_is_a_position_among_the_keys_that_may_be_seen() {
    let (provider, account) = (provider(), account());
    let mut owner = guest(&provider, account, &[everything()], &[]);
    let b = owner.open("b").await.unwrap();
    for start in ["a", "s"] {
        let keys: Vec<String> = (0..1_000).map(|n| format!("{start}{n:04}")).collect();
        let pairs: Vec<(&str, &[u8])> = keys.iter().map(|key| (key.as_str(), &b""[..])).collect();
        owner.set_many(&b, &pairs).await.unwrap();
    }
    owner.set(&b, "s9999", b"").await.unwrap();
    let mut reader = guest(&provider, account, &[json!({ "bucket": "b", "prefix": "s" })], &[]);
    let b2 = reader.open("b").await.unwrap();
    let page = reader.list(&b2, None).await.unwrap();
    assert_eq!((page.keys.len(), page.cursor), (1_000, Some(1_000)));
    // A key that comes before the page does not shift the guest that goes on; another one starts at the position.
    owner.set(&b, "s00005", b"").await.unwrap();
    let last = reader.list(&b2, page.cursor).await.unwrap();
    assert_eq!((last.keys, last.cursor), (vec!["s9999".to_owned()], None));
    let last = reader.list(&b2, page.cursor).await.unwrap();
    assert_eq!(last.keys, ["s0999", "s9999"]);
    assert_eq!(reader.list(&b2, Some(5_000)).await.unwrap().keys, Vec::<String>::new());
}

#[tokio::test]
async fn configurations_read() {
    let read = |value: Value| serde_json::from_value::<KeyValueConfig>(value).map_err(|error| error.to_string());
    assert_eq!(read(json!({ "backend": "memory" })), Ok(KeyValueConfig::memory()));
    assert_eq!(read(json!({ "backend": "disk", "path": "data" })), Ok(KeyValueConfig::disk("data")));
    let quota = Size::from_bytes(1 << 20);
    assert_eq!(read(json!({ "backend": "memory", "quota": "1MiB" })), Ok(KeyValueConfig::Memory { quota }));
    for wrong in [
        json!({}),
        json!({ "backend": "disk" }),
        json!({ "backend": "redis" }),
        json!({ "backend": "memory", "path": "data" }),
        json!({ "backend": "disk", "path": "data", "sync": false }),
    ] {
        read(wrong).unwrap_err();
    }
    let folder = tempfile::tempdir().unwrap();
    let config = || KeyValueConfig::disk(folder.path().join("made"));
    let provider = KeyValue::open(config()).await.unwrap();
    assert!(matches!(KeyValue::open(config()).await, Err(OpenError::InUse { .. })));
    drop(provider);
    KeyValue::open(config()).await.unwrap();
}

/// What a guest of one of two accounts does to one of three buckets.
#[derive(Debug, Clone)]
enum Op {
    Set(Vec<(String, Vec<u8>)>),
    Delete(Vec<String>),
    Increment(String, u64),
    Get(Vec<String>),
    List,
}

fn keys() -> impl Strategy<Value = String> {
    prop_oneof!["[ab/]{0,2}", Just("\0".to_owned()), Just("..".to_owned())]
}

fn ops() -> impl Strategy<Value = (usize, usize, Op)> {
    let value = prop_oneof![prop::collection::vec(any::<u8>(), 0..8), "[0-9]{1,3}".prop_map(String::into_bytes)];
    let op = prop_oneof![
        prop::collection::vec((keys(), value), 0..4).prop_map(Op::Set),
        prop::collection::vec(keys(), 0..3).prop_map(Op::Delete),
        (keys(), 0..9_u64).prop_map(|(key, delta)| Op::Increment(key, delta)),
        prop::collection::vec(keys(), 0..4).prop_map(Op::Get),
        Just(Op::List),
    ];
    (0..2_usize, 0..BUCKETS.len(), op)
}

/// Names that would collide if they were joined carelessly.
const BUCKETS: [&str; 3] = ["", "a", "a/"];

type Model = BTreeMap<(usize, usize, String), Vec<u8>>;

async fn agrees(guest: &mut Guest, model: &mut Model, (who, which, op): (usize, usize, Op)) {
    let b = guest.open(BUCKETS[which]).await.unwrap();
    let at = |key: &str| (who, which, key.to_owned());
    let mut view = guest.view();
    match op {
        Op::Set(pairs) => {
            model.extend(pairs.iter().map(|(key, value)| (at(key), value.clone())));
            view.set_many(b, pairs).await.unwrap();
        }
        Op::Delete(keys) => {
            keys.iter().for_each(|key| drop(model.remove(&at(key))));
            view.delete_many(b, keys).await.unwrap();
        }
        Op::Increment(key, delta) => {
            let number =
                model.get(&at(&key)).map_or(Some(0), |value| std::str::from_utf8(value).ok()?.parse::<u64>().ok());
            match number {
                Some(number) => {
                    model.insert(at(&key), (number + delta).to_string().into_bytes());
                    assert_eq!(view.increment(b, key, delta).await.unwrap(), number + delta);
                }
                None => other(view.increment(b, key, delta).await, "the value is not a decimal number below 2^64"),
            }
        }
        Op::Get(keys) => {
            let pair = |key: &String| model.get(&at(key)).map(|value| (key.clone(), value.clone()));
            let expected: Vec<_> = keys.iter().map(pair).collect();
            assert_eq!(view.get_many(b, keys).await.unwrap(), expected);
        }
        Op::List => {
            let mine = model.keys().filter(|(account, bucket, _)| (*account, *bucket) == (who, which));
            let expected: Vec<String> = mine.map(|(_, _, key)| key.clone()).collect();
            assert_eq!(view.list_keys(b, None).await.unwrap().keys, expected);
        }
    }
}

async fn two_tenants(open: fn(u64) -> Opened, ops: Vec<(usize, usize, Op)>) {
    let (backend, _folder) = open(1 << 30);
    let provider = KeyValue::new(backend);
    let mut guests = [(); 2].map(|()| guest(&provider, account(), &[json!({ "bucket": "any" })], &[]));
    let mut model = Model::new();
    for (who, which, op) in ops {
        agrees(&mut guests[who], &mut model, (who, which, op)).await;
    }
    for (who, guest) in guests.iter_mut().enumerate() {
        for which in 0..BUCKETS.len() {
            agrees(guest, &mut model, (who, which, Op::List)).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn two_tenants_in_memory(ops in prop::collection::vec(ops(), 0..80)) {
        Runtime::new().unwrap().block_on(two_tenants(memory, ops));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn two_tenants_on_disk(ops in prop::collection::vec(ops(), 0..60)) {
        Runtime::new().unwrap().block_on(two_tenants(disk, ops));
    }
}
