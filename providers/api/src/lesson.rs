//! What was asked of a grant, as the smallest entries that permit it: what learning is made of.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use crate::Document;

/// What one principal asked of one capability, over all grants of theirs on a host.
///
/// It is bounded, whatever a guest asks for. Below each entry that permitted something, 32 smallest entries are kept; past
/// that they become one that permits all of them, which says less with each that follows: a shorter prefix, a longer list, and
/// in the end nothing, so that the entry itself is what is left.
#[derive(Debug, Default)]
pub struct Lessons(Mutex<Learnt>);

/// What was asked so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Learnt {
    /// Of what was permitted, the smallest entries, below the index of the component's own entry that permitted it.
    pub permitted: BTreeMap<usize, Kept>,
    /// What was refused, with the document that did so first: the smallest entry that would permit it there.
    pub refused: Vec<(Document, Value)>,
}

/// The smallest entries that permit what one entry permitted.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
    /// Each.
    Each(Vec<Value>),
    /// One for all. A field that it does not have is as the entry itself says it.
    Joined(Value),
}

impl Lessons {
    /// Keeps the smallest entry that permits a request which the entry of this index permitted.
    pub fn permitted(&self, entry: usize, smallest: Value) {
        self.asked().permitted.entry(entry).or_insert_with(|| Kept::Each(Vec::new())).add(smallest);
    }

    /// Keeps what would have permitted a request that was refused.
    pub(crate) fn refused(&self, document: &Document, smallest: Value) {
        let mut asked = self.asked();
        let refused = (document.clone(), smallest);
        if asked.refused.len() < MOST && is_short(&refused.1) && !asked.refused.contains(&refused) {
            asked.refused.push(refused);
        }
    }

    /// Forgets everything: the entries are others now.
    pub fn forget(&self) {
        *self.asked() = Learnt::default();
    }

    /// All that was kept.
    pub fn so_far(&self) -> Learnt {
        self.asked().clone()
    }

    fn asked(&self) -> MutexGuard<'_, Learnt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, smallest: Value) {
        match self {
            Self::Each(values) if values.contains(&smallest) => {}
            Self::Each(values) if values.len() < MOST && is_short(&smallest) => values.push(smallest),
            Self::Each(values) => *self = Self::Joined(values.iter().fold(smallest, join)),
            Self::Joined(all) => *all = join(std::mem::take(all), &smallest),
        }
    }
}

/// An entry that permits what both do: fields that they do not share, or that cannot be joined, are left out of it.
pub fn join(one: Value, other: &Value) -> Value {
    let (Value::Object(one), Value::Object(other)) = (one, other) else { return Value::Object(Map::new()) };
    let joined = |(name, value): (String, Value)| {
        let both = both(&name, value, other.get(&name)?)?;
        Some((name, both))
    };
    let joined = Value::Object(one.into_iter().filter_map(joined).collect());
    if is_short(&joined) { joined } else { Value::Object(Map::new()) }
}

fn both(field: &str, one: Value, other: &Value) -> Option<Value> {
    match (one, other) {
        (one, other) if one == *other => Some(one),
        (Value::Array(mut one), Value::Array(other)) => {
            let more: Vec<_> = other.iter().filter(|value| !one.contains(value)).cloned().collect();
            one.extend(more);
            (one.len() <= MOST).then_some(Value::Array(one))
        }
        (Value::String(one), Value::String(other)) if field == PREFIX => {
            let same: String = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
            // One that every key starts with would stand in the place of the entry's own.
            (!same.is_empty()).then_some(Value::String(same))
        }
        _ => None,
    }
}

/// A guest chooses the texts in it.
fn is_short(entry: &Value) -> bool {
    fn length(value: &Value) -> usize {
        match value {
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(length).sum(),
            Value::Object(fields) => fields.values().map(length).sum(),
            _ => 1,
        }
    }
    length(entry) <= LONGEST
}

/// The field that stands for all that starts with it.
const PREFIX: &str = "prefix";
/// How many smallest entries are kept below one entry, and how many values in a list of theirs.
const MOST: usize = 32;
/// Bytes of text in an entry that is kept.
const LONGEST: usize = 4 << 10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn kept(entries: impl IntoIterator<Item = Value>) -> Kept {
        let lessons = Lessons::default();
        entries.into_iter().for_each(|entry| lessons.permitted(0, entry));
        lessons.so_far().permitted.remove(&0).unwrap()
    }

    fn key(number: usize, verb: &str) -> Value {
        json!({ "bucket": "a", "prefix": format!("order/{number}"), "verbs": [verb] })
    }

    #[test]
    fn each_is_kept_once() {
        let one = key(1, "read");
        assert_eq!(kept([one.clone(), one.clone()]), Kept::Each(vec![one.clone()]));
        assert_eq!(kept([one.clone(), key(2, "read")]), Kept::Each(vec![one, key(2, "read")]));
    }

    /// A million keys take as much as a few.
    #[test]
    fn many_become_one() {
        let many = (0..1_000_000).map(|number| key(number, if number % 2 == 0 { "read" } else { "write" }));
        let joined = json!({ "bucket": "a", "prefix": "order/", "verbs": ["read", "write"] });
        let Kept::Joined(found) = kept(many) else { panic!("they were not joined") };
        let sorted = |value: &Value| {
            let mut verbs: Vec<_> = value["verbs"].as_array().unwrap().iter().map(ToString::to_string).collect();
            verbs.sort();
            (value["bucket"].clone(), value["prefix"].clone(), verbs)
        };
        assert_eq!(sorted(&found), sorted(&joined));
    }

    #[test]
    fn what_cannot_be_joined_is_left_to_the_entry() {
        for (one, other, expected) in [
            (json!({ "bucket": "a" }), json!({ "bucket": "b" }), json!({})),
            (json!({ "prefix": "äb" }), json!({ "prefix": "äc" }), json!({ "prefix": "ä" })),
            (json!({ "prefix": "x" }), json!({}), json!({})),
            (json!({ "keys": ["a"], "x": 1 }), json!({ "keys": ["b"], "x": 1 }), json!({ "keys": ["a", "b"], "x": 1 })),
            (json!({ "keys": (0..MOST).collect::<Vec<_>>() }), json!({ "keys": ["b"] }), json!({})),
            (json!("any"), json!({}), json!({})),
        ] {
            assert_eq!(join(one, &other), expected);
        }
    }

    #[test]
    fn what_is_long_is_not_kept() {
        let long = json!({ "bucket": "a", "prefix": "x".repeat(LONGEST + 1) });
        assert_eq!(kept([key(1, "read"), long.clone()]), Kept::Joined(json!({ "bucket": "a" })));
        let lessons = Lessons::default();
        lessons.refused(&Document::Account, long);
        (0..100).for_each(|number| lessons.refused(&Document::Account, key(number, "read")));
        assert_eq!(lessons.so_far().refused.len(), MOST);
        lessons.forget();
        assert_eq!(lessons.so_far(), Learnt::default());
    }
}
