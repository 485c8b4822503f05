//! Pages of keys.

use std::time::Instant;

use super::BackendError;
use crate::key::{Range, Scope};

/// Which keys a page is asked of.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The bucket.
    pub scope: Scope,
    /// Keys that start with one of these; in order, none the start of another. The page knows of no other key.
    pub prefixes: Vec<String>,
    /// Where the page starts.
    pub start: Start,
    /// How many keys at most.
    pub keys: usize,
    /// How many bytes of keys at most, if that is more than the first key.
    pub bytes: usize,
    /// When to give up.
    pub until: Instant,
}

/// Where a page starts.
#[derive(Debug, Clone)]
pub enum Start {
    /// After this key, whether it is still there or not.
    After(String),
    /// After so many of the keys that are listed.
    Skip(u64),
}

/// A page of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The keys, in order.
    pub keys: Vec<String>,
    /// Whether there was a further one.
    pub more: bool,
}

/// Makes a page from the keys that a backend shows it: ask for a [`range`](Pager::range), [`visit`](Pager::visit) its keys in
/// order, ask again.
pub(super) struct Pager {
    listing: Listing,
    prefix: usize,
    after: Option<Vec<u8>>,
    skip: u64,
    visited: u64,
    bytes: usize,
    page: Page,
}

/// Whether the backend goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visit {
    /// With the next key.
    Next,
    /// No: the page is complete.
    Done,
}

impl Pager {
    pub(super) fn new(listing: Listing) -> Self {
        let (after, skip) = match &listing.start {
            Start::After(key) => (Some(listing.scope.join(key)), 0),
            Start::Skip(count) => (None, *count),
        };
        let page = Page { keys: Vec::new(), more: false };
        Self { listing, prefix: 0, after, skip, visited: 0, bytes: 0, page }
    }

    /// What is left of the range that it is at, none after the last.
    pub(super) fn range(&mut self) -> Option<Range> {
        loop {
            let prefix = self.listing.prefixes.get(self.prefix)?;
            if let Some(range) = self.listing.scope.range(prefix, self.after.as_deref()) {
                return Some(range);
            }
            self.ended();
        }
    }

    /// The range has no further key.
    pub(super) fn ended(&mut self) {
        self.prefix = self.prefix.saturating_add(1);
    }

    /// Continues after the stored key, in a later visit of the same range.
    pub(super) fn pause(&mut self, stored: &[u8]) {
        self.after = Some(stored.to_vec());
    }

    pub(super) fn visit(&mut self, stored: &[u8]) -> Result<Visit, BackendError> {
        self.visited = self.visited.wrapping_add(1);
        if self.visited.is_multiple_of(PATIENCE) && Instant::now() >= self.listing.until {
            return Err(BackendError::Interrupted);
        }
        if let Some(left) = self.skip.checked_sub(1) {
            self.skip = left;
            return Ok(Visit::Next);
        }
        // Keys are stored from `str`, and ranges are of one bucket: anything else is damage.
        let key = self.listing.scope.strip(stored).and_then(|key| std::str::from_utf8(key).ok());
        let key = key.ok_or(BackendError::Unavailable)?;
        let bytes = self.bytes.saturating_add(key.len());
        let full = self.page.keys.len() >= self.listing.keys || bytes > self.listing.bytes;
        if full && !self.page.keys.is_empty() {
            self.page.more = true;
            return Ok(Visit::Done);
        }
        self.bytes = bytes;
        self.page.keys.push(key.to_owned());
        Ok(Visit::Next)
    }

    pub(super) fn into_page(self) -> Page {
        self.page
    }
}

/// How many keys are visited between two looks at the clock.
const PATIENCE: u64 = 256;
