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
mod tests;
