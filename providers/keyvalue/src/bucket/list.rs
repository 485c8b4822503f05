//! Listing what a grant lets be seen.

use writ_provider::{Deadline, Grant};

use super::{Bucket, Failure};
use crate::Entry;
use crate::backend::page::{Listing, Start};
use crate::bindings::wasi::keyvalue::store::KeyResponse;
use crate::claim::{Prefixes, Request, Verb};

impl Bucket {
    /// A page of the keys that may be seen. A cursor is how many of them were listed before the page.
    ///
    /// A guest that continues with the bucket it has open continues after the last key it saw, whatever was written meanwhile.
    /// Another one (a handler that got the cursor from its client) continues at that position in the keys as they are now.
    pub(super) async fn list(&mut self, cursor: Option<u64>, deadline: Deadline) -> Result<KeyResponse, Failure> {
        let cursor = cursor.unwrap_or(0);
        let start = match self.listed.take() {
            Some((listed, last)) if listed == cursor => Start::After(last),
            _ => Start::Skip(cursor),
        };
        let listing = Listing {
            scope: self.scope.clone(),
            prefixes: visible(&self.grant, &self.name)?,
            start,
            keys: MOST_KEYS,
            bytes: MOST_BYTES,
            until: deadline.instant(),
        };
        let page = deadline.bound(self.backend.list(listing)).await??;
        let next = cursor.saturating_add(u64::try_from(page.keys.len()).unwrap_or(u64::MAX));
        self.listed = page.keys.last().filter(|_| page.more).map(|last| (next, last.clone()));
        Ok(KeyResponse { cursor: page.more.then_some(next), keys: page.keys })
    }
}

/// The prefixes of the keys that the grant lets be listed, in order, none the start of another.
///
/// A key may be listed if each document has an entry whose prefix it starts with. The longest of those is itself some entry's
/// prefix, and listing it is permitted by each document, so the prefixes that are permitted as keys are all there is to know.
fn visible(grant: &Grant<Entry>, bucket: &str) -> Result<Vec<String>, Failure> {
    let noted = Prefixes::default();
    let _ = grant.refusals(Request::Prefixes { bucket, noted: &noted });
    let mut prefixes: Vec<String> = Vec::new();
    for prefix in noted.into_candidates() {
        let covered = prefixes.last().is_some_and(|wider| prefix.starts_with(wider.as_str()));
        if !covered && grant.refusals(request(bucket, &prefix)).is_empty() {
            prefixes.push(prefix);
        }
    }
    // Asked again in the way that draws on the rates and logs a denial.
    for prefix in &prefixes {
        grant.permits(request(bucket, prefix))?;
    }
    if prefixes.is_empty() {
        grant.permits(request(bucket, ""))?;
        return Err(Failure::Denied);
    }
    Ok(prefixes)
}

fn request<'a>(bucket: &'a str, prefix: &'a str) -> Request<'a> {
    Request::Operation { bucket, key: prefix, verb: Verb::List, size: 0 }
}

/// Keys of a page.
const MOST_KEYS: usize = 1_000;
/// Bytes of the keys of a page.
const MOST_BYTES: usize = 256 << 10;
