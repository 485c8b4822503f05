//! What every backend must do, run on each.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::disk::Disk;
use super::memory::Memory;
use super::page::{Listing, Start};
use super::*;
use crate::key::Scope;

/// A backend, and what must outlive it.
pub(crate) type Opened = (Arc<dyn Backend>, Option<tempfile::TempDir>);

pub(crate) fn memory(quota: u64) -> Opened {
    (Arc::new(Memory::new(quota)), None)
}

pub(crate) fn disk(quota: u64) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    (Arc::new(Disk::open(folder.path(), quota).unwrap()), Some(folder))
}

macro_rules! suite {
    ($($case:ident)*) => {
        mod in_memory { $(#[tokio::test(flavor = "multi_thread")] async fn $case() { super::$case(super::memory).await })* }
        mod on_disk { $(#[tokio::test(flavor = "multi_thread")] async fn $case() { super::$case(super::disk).await })* }
    };
}

suite! {
    keeps_what_is_written
    counts_concurrent_increments_exactly
    refuses_to_increment_what_is_no_number
    writes_a_batch_wholly_or_not_at_all
    keeps_each_account_below_its_quota
    reads_no_more_than_the_budget
    pages_in_order_without_gaps
    shows_only_the_prefixes_asked_for
    gives_up_listing_at_the_deadline
    holds_binary_and_hostile_keys
}

const ROOMY: u64 = 1 << 30;
const BUDGET: usize = 1 << 20;

fn scope(account: u8, bucket: &str) -> Scope {
    Scope::new(&[account; 32], bucket)
}

async fn get(backend: &dyn Backend, key: StoredKey) -> Option<Vec<u8>> {
    backend.get(vec![key], BUDGET).await.unwrap().pop().unwrap()
}

async fn set(backend: &dyn Backend, key: StoredKey, value: &[u8]) -> Result<(), BackendError> {
    backend.write(Changes::from([(key, Some(value.to_vec()))])).await
}

async fn keeps_what_is_written(open: fn(u64) -> Opened) {
    let (backend, _folder) = open(ROOMY);
    let key = scope(1, "b").key("k");
    assert_eq!(get(&*backend, key.clone()).await, None);
    assert!(!backend.exists(key.clone()).await.unwrap());
    for value in [&b"one"[..], b"two", b""] {
        set(&*backend, key.clone(), value).await.unwrap();
        assert_eq!(get(&*backend, key.clone()).await.as_deref(), Some(value));
        assert!(backend.exists(key.clone()).await.unwrap());
    }
    for _ in 0..2 {
        backend.write(Changes::from([(key.clone(), None)])).await.unwrap();
        assert!(!backend.exists(key.clone()).await.unwrap());
    }
    backend.write(Changes::new()).await.unwrap();
    assert_eq!(backend.get(vec![], BUDGET).await.unwrap(), Vec::<Option<Vec<u8>>>::new());
}

async fn counts_concurrent_increments_exactly(open: fn(u64) -> Opened) {
    let (backend, _folder) = open(ROOMY);
    let key = scope(1, "b").key("n");
    let writers = (0..64).map(|_| {
        let (backend, key) = (backend.clone(), key.clone());
        tokio::spawn(async move {
            let mut last = 0;
            for _ in 0..500 {
                let sum = backend.increment(key.clone(), 1).await.unwrap();
                assert!(sum > last, "an increment was seen twice");
                last = sum;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(get(&*backend, key).await.as_deref(), Some(&b"32000"[..]));
}

async fn refuses_to_increment_what_is_no_number(open: fn(u64) -> Opened) {
    let (backend, _folder) = open(ROOMY);
    let key = scope(1, "b").key("n");
    set(&*backend, key.clone(), b"ten").await.unwrap();
    assert_eq!(backend.increment(key.clone(), 1).await, Err(BackendError::NotANumber));
    assert_eq!(get(&*backend, key.clone()).await.as_deref(), Some(&b"ten"[..]));
    set(&*backend, key.clone(), b"10").await.unwrap();
    assert_eq!(backend.increment(key.clone(), 0).await, Ok(10));
    assert_eq!(backend.increment(key.clone(), u64::MAX - 10).await, Ok(u64::MAX));
    assert_eq!(backend.increment(key.clone(), 1).await, Err(BackendError::Overflow));
    assert_eq!(get(&*backend, key).await, Some(u64::MAX.to_string().into_bytes()));
}

async fn writes_a_batch_wholly_or_not_at_all(open: fn(u64) -> Opened) {
    let (backend, _folder) = open(2_000);
    let scope = scope(1, "b");
    let keys = || ["a", "b", "c"].map(|key| scope.key(key)).to_vec();
    set(&*backend, scope.key("b"), b"old").await.unwrap();
    let batch = |value: Option<Vec<u8>>| keys().into_iter().map(|key| (key, value.clone())).collect::<Changes>();
    // The first two would fit.
    assert_eq!(backend.write(batch(Some(vec![b'x'; 700]))).await, Err(BackendError::Full));
    assert_eq!(backend.get(keys(), BUDGET).await.unwrap(), [None, Some(b"old".to_vec()), None]);
    backend.write(batch(Some(b"new".to_vec()))).await.unwrap();
    assert_eq!(backend.get(keys(), BUDGET).await.unwrap(), vec![Some(b"new".to_vec()); 3]);
    backend.write(batch(None)).await.unwrap();
    assert_eq!(backend.get(keys(), BUDGET).await.unwrap(), vec![None; 3]);
}

async fn keeps_each_account_below_its_quota(open: fn(u64) -> Opened) {
    let (backend, _folder) = open(1_000);
    let scopes = [scope(1, "b"), scope(2, "b")];
    let value = [0; 300];
    for scope in &scopes {
        set(&*backend, scope.key("1"), &value).await.unwrap();
        set(&*backend, scope.key("2"), &value).await.unwrap();
        assert_eq!(set(&*backend, scope.key("3"), &value).await, Err(BackendError::Full));
        assert_eq!(backend.write(Changes::from([(scope.key("absent"), None)])).await, Ok(()));
        // Replacing is no growth, and what is removed is free again.
        set(&*backend, scope.key("2"), &value).await.unwrap();
        backend.write(Changes::from([(scope.key("1"), None)])).await.unwrap();
        set(&*backend, scope.key("3"), &value).await.unwrap();
    }
    // Empty values are not free: keys take room too.
    let key = |index: u32| scopes[0].key(&format!("empty {index}"));
    let mut refused = 0;
    for index in 0..10 {
        refused += usize::from(set(&*backend, key(index), b"").await == Err(BackendError::Full));
    }
    assert!(refused >= 8, "{refused}");
    assert_eq!(backend.increment(scopes[1].key(&"n".repeat(300)), 1).await, Err(BackendError::Full));
}

async fn reads_no_more_than_the_budget(open: fn(u64) -> Opened) {
    let (backend, _folder) = open(ROOMY);
    let key = scope(1, "b").key("k");
    set(&*backend, key.clone(), &[7; 100]).await.unwrap();
    for (keys, budget, fits) in [(1, 100, true), (1, 99, false), (3, 300, true), (3, 299, false)] {
        let found = backend.get(vec![key.clone(); keys], budget).await;
        let expected =
            if fits { Ok(vec![Some(vec![7; 100]); keys]) } else { Err(BackendError::Large { most: budget }) };
        assert_eq!(found, expected);
    }
}

fn listing(scope: &Scope, prefixes: &[&str], start: Start, keys: usize, bytes: usize) -> Listing {
    let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
    Listing { scope: scope.clone(), prefixes, start, keys, bytes, until: Instant::now() + Duration::from_secs(60) }
}

async fn fill(backend: &dyn Backend, scope: &Scope, keys: impl IntoIterator<Item = String>) {
    let changes = keys.into_iter().map(|key| (scope.key(&key), Some(vec![]))).collect();
    backend.write(changes).await.unwrap();
}

async fn pages_in_order_without_gaps(open: fn(u64) -> Opened) {
    let (backend, _folder) = open(ROOMY);
    let (bucket, all) = (scope(255, "b"), (0..3_000).map(|n| format!("{n:05}")).collect::<Vec<_>>());
    fill(&*backend, &bucket, all.clone()).await;
    for (keys, bytes) in [(1_000, 1 << 20), (999, 1 << 20), (1_000, 5 * 123), (1_000, 0)] {
        let mut seen: Vec<String> = Vec::new();
        let enough = if bytes == 0 { 50 } else { all.len() };
        while seen.len() < enough {
            let skip =
                backend.list(listing(&bucket, &[""], Start::Skip(seen.len() as u64), keys, bytes)).await.unwrap();
            if let Some(last) = seen.last() {
                let after = Start::After(last.clone());
                assert_eq!(backend.list(listing(&bucket, &[""], after, keys, bytes)).await.unwrap(), skip);
            }
            assert!(skip.keys.len() <= keys && skip.keys.len() <= (bytes / 5).max(1));
            seen.extend(skip.keys);
            assert_eq!(skip.more, seen.len() < all.len());
        }
        assert_eq!(seen, all[..seen.len()]);
    }
    for start in [Start::Skip(3_000), Start::Skip(u64::MAX), Start::After("zzz".to_owned())] {
        let page = backend.list(listing(&bucket, &[""], start, 10, 100)).await.unwrap();
        assert!(page.keys.is_empty() && !page.more);
    }
    // The last key was removed meanwhile: the next page starts after where it was.
    backend.write(Changes::from([(bucket.key("00009"), None)])).await.unwrap();
    let page = backend.list(listing(&bucket, &[""], Start::After("00009".to_owned()), 1, 100)).await.unwrap();
    assert_eq!(page.keys, ["00010"]);
}

async fn shows_only_the_prefixes_asked_for(open: fn(u64) -> Opened) {
    let (backend, _folder) = open(ROOMY);
    let buckets = [scope(1, "b"), scope(1, "bb"), scope(2, "b"), scope(1, "")];
    for (index, bucket) in buckets.iter().enumerate() {
        fill(&*backend, bucket, ["a", "a1", "b", "b1", "c1"].map(|key| format!("{key}.{index}"))).await;
    }
    let cases: [(&[&str], &[&str]); 6] = [
        (&[""], &["a.0", "a1.0", "b.0", "b1.0", "c1.0"]),
        (&["a"], &["a.0", "a1.0"]),
        (&["a1", "b", "d"], &["a1.0", "b.0", "b1.0"]),
        (&["a."], &["a.0"]),
        (&["c", "d"], &["c1.0"]),
        (&[], &[]),
    ];
    for (prefixes, expected) in cases {
        let page = backend.list(listing(&buckets[0], prefixes, Start::Skip(0), 10, 100)).await.unwrap();
        assert_eq!((page.keys.as_slice(), page.more), (expected.map_to_owned().as_slice(), false));
        // Whether there is more is about what may be seen.
        for (position, expected) in expected.iter().enumerate() {
            let skip = Start::Skip(position as u64);
            let one = backend.list(listing(&buckets[0], prefixes, skip, 1, 100)).await.unwrap();
            assert_eq!(one.keys, [*expected]);
            assert_eq!(one.more, position + 1 < page.keys.len());
        }
        for pair in expected.windows(2) {
            let after = Start::After(pair[0].to_owned());
            assert_eq!(backend.list(listing(&buckets[0], prefixes, after, 1, 100)).await.unwrap().keys, [pair[1]]);
        }
    }
}

trait MapToOwned {
    fn map_to_owned(&self) -> Vec<String>;
}

impl MapToOwned for &[&str] {
    fn map_to_owned(&self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}

async fn gives_up_listing_at_the_deadline(open: fn(u64) -> Opened) {
    let (backend, _folder) = open(ROOMY);
    let bucket = scope(1, "b");
    fill(&*backend, &bucket, (0..1_000).map(|n| n.to_string())).await;
    let late = Listing { until: Instant::now(), ..listing(&bucket, &[""], Start::Skip(900), 1_000, 1 << 20) };
    assert_eq!(backend.list(late).await, Err(BackendError::Interrupted));
}

async fn holds_binary_and_hostile_keys(open: fn(u64) -> Opened) {
    let (backend, _folder) = open(ROOMY);
    let long = "k".repeat(4_096);
    let names = ["", "\0", "..", "../b", "b", "%2e", "b\0", "*", ">", "e\u{301}", "\u{e9}", "\u{10ffff}", &long];
    let mut expected = Vec::new();
    for account in [0, 1, 255] {
        for bucket in names.iter().filter(|name| name.len() < 255) {
            for key in names {
                let value = format!("{account} {bucket} {key}").into_bytes();
                expected.push((scope(account, bucket).key(key), value));
            }
        }
    }
    for account in expected.chunk_by(|(one, _), (two, _)| one.account() == two.account()) {
        backend.write(account.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect()).await.unwrap();
    }
    for (key, value) in expected {
        assert_eq!(get(&*backend, key).await, Some(value));
    }
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    for account in [0, 255] {
        let page =
            backend.list(listing(&scope(account, "\u{10ffff}"), &[""], Start::Skip(0), 100, 1 << 20)).await.unwrap();
        assert_eq!(page.keys, sorted);
    }
}
