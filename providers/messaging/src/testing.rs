//! What the tests of this crate share.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use serde_json::Value;
use writ_provider::{Budget, Claim, Constraint, Document, Grant, GrantParts, Layer, LinkConfig, Principal, testing};

use crate::broker::{Account, Broker, Registration};
use crate::claim::{Entry, Plan};
use crate::message::Message;
use crate::queue::Capacity;

pub(crate) const ACCOUNT: Account = Account::new([1; 32]);
pub(crate) const OTHER: Account = Account::new([2; 32]);

/// A broker with queues of so many messages, whose bodies have 1,000 bytes at most.
pub(crate) fn broker(messages: usize) -> Arc<Broker> {
    Arc::new(Broker::new(Capacity { messages, bytes: 16 << 20 }, 1_000))
}

/// A subscription to `PATTERN` or `PATTERN|QUEUE`.
pub(crate) fn plan(written: &str) -> Plan {
    let link = LinkConfig::from([("subscriptions".to_owned(), written.to_owned())]);
    Entry::plans(&link).unwrap().remove(0)
}

pub(crate) fn subscribe(broker: &Arc<Broker>, account: Account, written: &str) -> Registration {
    broker.subscribe(account, plan(written), "a test".to_owned(), None)
}

pub(crate) fn message(subject: &str, body: &str) -> Message {
    Message::new(subject.parse().unwrap(), body.to_owned().into(), None)
}

/// What has come to a subscription, as texts.
pub(crate) fn received(registration: &Registration) -> Vec<String> {
    let next = || registration.subscriber.queue.take();
    std::iter::from_fn(next).map(|message| String::from_utf8(message.body().to_vec()).unwrap()).collect()
}

/// A grant of one document per claim.
pub(crate) fn grant(principal: &Principal, claims: &[Value]) -> Grant<Entry> {
    let layer = |claim: &Value| {
        Layer::new(Document::Component, Claim::parse(claim).unwrap(), |_, rate| Arc::new(Budget::new(rate)))
    };
    let layers = claims.iter().map(layer).collect();
    let (link, settings) = (LinkConfig::new(), LinkConfig::new());
    Grant::new(GrantParts { capability: "messaging", principal: principal.clone(), link, settings, layers })
}

/// Two components of one account.
pub(crate) fn principals() -> [Principal; 2] {
    let account = testing::account();
    ["orders", "audit"].map(|name| Principal::new(account, testing::component(), "acme", name))
}
