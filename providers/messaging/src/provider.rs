//! The provider: how it is configured, attached and connected, and what whoever embeds a host can do with it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use writ_provider::units::Size;
use writ_provider::wasmtime::{self, component::Linker};
use writ_provider::{
    Attached, Capability, Grant, Instance, Interface, LinkSource, OpenError, Provider, Target, Trigger,
};

use crate::broker::{Account, Broker, Registration, Sent};
use crate::claim::{Entry, Plan};
use crate::dispatch::{Connection, Dispatch, Pace};
use crate::guest::Guest;
use crate::handle::{Handle, Refusal};
use crate::message::{Message, Unanswered};
use crate::queue::Capacity;
use crate::subject::{InvalidSubject, Pattern};
use crate::wit::wasmcloud::messaging::consumer;

/// Messaging within the process. A clone is the same broker.
#[derive(Clone)]
pub struct Messaging {
    broker: Arc<Broker>,
    dispatch: Arc<Dispatch>,
}

/// How messaging within the process is set up. Every field has a default; a number may be written as text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Messages that may wait for one subscription.
    #[serde(deserialize_with = "number")]
    pub queue_messages: usize,
    /// Their bytes, with 128 and the subjects for each.
    pub queue_bytes: Size,
    /// Bytes in the body of one message.
    pub body: Size,
    /// Messages, and again requests, that one subscription's component handles at once.
    #[serde(deserialize_with = "number")]
    pub handlers: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue_messages: 1_024,
            queue_bytes: Size::from_bytes(16 << 20),
            body: Size::from_bytes(1 << 20),
            handlers: 16,
        }
    }
}

impl Provider for Messaging {
    const CAPABILITY: Capability<Self> = Capability {
        name: "messaging",
        interfaces: &[Interface {
            name: "wasmcloud:messaging/consumer@0.2.0",
            link: |linker, view| consumer::add_to_linker_instance::<_, Attached<Self>>(linker, view),
        }],
        exports: &["wasmcloud:messaging/handler@0.2.0"],
    };

    type Config = Config;
    type Constraint = Entry;
    type Handle = Handle;

    async fn open(config: Config) -> Result<Self, OpenError> {
        let bytes = |name: &str, size: Size| positive(name, usize::try_from(size.bytes()).unwrap_or(usize::MAX));
        let capacity = Capacity {
            messages: positive("queue_messages", config.queue_messages)?,
            bytes: bytes("queue_bytes", config.queue_bytes)?,
        };
        let pace = Pace::new(positive("handlers", config.handlers)?);
        let broker = Arc::new(Broker::new(capacity, bytes("body", config.body)?));
        Ok(Self { broker: broker.clone(), dispatch: Arc::new(Dispatch::new(broker, pace)) })
    }

    fn attach(&self, grant: &Grant<Entry>) -> Handle {
        Handle::new(self.broker.clone(), grant.clone())
    }
}

/// Keeps a component subscribed. Dropping it unsubscribes and drops what waits, unless another deployment of the component
/// holds the same subscription; handlers that run come to their end.
pub struct Route {
    _connections: Vec<Connection>,
}

impl Trigger for Messaging {
    type Route = Route;

    async fn connect(
        &self,
        grant: Grant<Entry>,
        _link: &LinkSource,
        plans: Vec<Plan>,
        target: Target,
    ) -> Result<Route, OpenError> {
        let guest = Arc::new(Guest::new(target, grant)?);
        let connect = |plan| self.dispatch.connect(plan, guest.clone());
        Ok(Route { _connections: plans.into_iter().map(connect).collect() })
    }

    async fn drain(&self, wait: Duration) {
        let handled = async {
            // A handler that runs may send another message before it ends.
            self.dispatch.idle().await;
            while self.broker.waiting() > 0 {
                tokio::time::sleep(LOOK).await;
                self.dispatch.idle().await;
            }
        };
        let in_time = tokio::time::timeout(wait, handled).await.is_ok();
        let dropped = self.broker.waiting();
        self.broker.close();
        if !in_time && dropped > 0 {
            tracing::warn!(target: "writ::messaging", dropped, "messages that still waited when the host stopped were dropped");
        }
    }
}

/// How often a host that stops looks whether everything was handled.
const LOOK: Duration = Duration::from_millis(5);

/// What whoever embeds a host can do, with no claim but in the name of an account.
impl Messaging {
    /// Sends a message.
    ///
    /// # Errors
    /// [`Refusal`] for a subject that does not parse or a body that is too large.
    pub fn publish(&self, account: Account, subject: &str, body: Bytes) -> Result<Sent, Refusal> {
        self.broker.fits(&body)?;
        Ok(self.broker.publish(account, Message::new(subject.parse()?, body, None)))
    }

    /// Sends a request and awaits its first answer, at most for `time`.
    ///
    /// # Errors
    /// [`Refusal`] for a subject or body as in [`publish`](Self::publish), or where there is no answer.
    pub async fn request(
        &self,
        account: Account,
        subject: &str,
        body: Bytes,
        time: Duration,
    ) -> Result<Message, Refusal> {
        self.broker.fits(&body)?;
        let waiting = self.broker.request(account, subject.parse()?, body)??;
        let answer = tokio::time::timeout(time, waiting.answer()).await;
        Ok(answer.unwrap_or(Err(Unanswered::TimedOut))?)
    }

    /// Sends the answer to a message that was received, if it asks for one, under the authority of its sender.
    ///
    /// # Errors
    /// [`Refusal`] if the body is too large, or the sender may not publish where it wants the answer.
    pub fn reply(&self, account: Account, mut message: Message, body: Bytes) -> Result<Sent, Refusal> {
        self.broker.fits(&body)?;
        let Some(reply) = message.take_reply() else { return Ok(Sent::default()) };
        let answer = Message::new(reply.to().clone(), body, None);
        reply.permits(&answer)?;
        Ok(self.broker.publish(account, answer))
    }

    /// Subscribes to a pattern, as a member of a queue group if one is named. Messages wait from now on.
    ///
    /// # Errors
    /// [`InvalidSubject`].
    pub fn subscribe(
        &self,
        account: Account,
        pattern: &str,
        queue: Option<&str>,
    ) -> Result<Subscription, InvalidSubject> {
        let pattern = pattern.parse().and_then(Pattern::subscribable)?;
        let plan = Plan { pattern, queue: queue.map(str::to_owned) };
        Ok(Subscription { registration: self.broker.subscribe(account, plan, "the host".to_owned(), None) })
    }
}

/// A subscription of whoever embeds the host. Dropping it unsubscribes.
pub struct Subscription {
    registration: Registration,
}

impl Subscription {
    /// Awaits the next message. It ends with the subscription, so there always is one to wait for.
    pub async fn next(&mut self) -> Option<Message> {
        let queue = &self.registration.subscriber.queue;
        if queue.ready().await { queue.take() } else { None }
    }

    /// The next message, if it has come already.
    pub fn try_next(&mut self) -> Option<Message> {
        self.registration.subscriber.queue.take()
    }

    /// How many messages were dropped because too many waited.
    pub fn dropped(&self) -> u64 {
        self.registration.subscriber.dropped()
    }
}

/// Links `wasmcloud:messaging/types@0.2.0`, which has types only: every component may import it without a claim.
///
/// # Errors
/// wasmtime's, if the name is linked already.
pub fn add_types_to_linker(linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
    linker.instance("wasmcloud:messaging/types@0.2.0").map(|_| ())
}

fn positive(name: &str, number: usize) -> Result<usize, OpenError> {
    if number > 0 { Ok(number) } else { Err(OpenError::Config(format!("messaging: `{name}` must be above zero"))) }
}

/// A whole number. In a manifest's properties every value is text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a whole number")]
    enum Written {
        Number(usize),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Number(number) => Ok(number),
        Written::Text(text) => text.parse().map_err(|_| serde::de::Error::custom("expected a whole number")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{ACCOUNT, OTHER};
    use serde_json::json;

    async fn messaging() -> Messaging {
        Messaging::open(Config::default()).await.unwrap()
    }

    #[tokio::test]
    async fn its_configuration() {
        let read = |value| serde_json::from_value::<Config>(value);
        assert_eq!(read(json!({})).unwrap(), Config::default());
        let written = json!({ "queue_messages": "8", "queue_bytes": "1MiB", "body": "64KiB", "handlers": 2 });
        let config = read(written).unwrap();
        assert_eq!((config.queue_messages, config.body.bytes(), config.handlers), (8, 65_536, 2));
        for bad in [json!({ "size": 1 }), json!({ "handlers": -1 }), json!({ "handlers": "x" }), json!({ "body": 5 })] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
        for zero in [json!({ "handlers": 0 }), json!({ "body": "0B" }), json!({ "queue_messages": 0 })] {
            assert!(matches!(Messaging::open(read(zero).unwrap()).await, Err(OpenError::Config(_))));
        }
    }

    #[tokio::test]
    async fn whoever_embeds_a_host_takes_part() {
        let messaging = messaging().await;
        let mut orders = messaging.subscribe(ACCOUNT, "orders.*", None).unwrap();
        assert!(matches!(messaging.subscribe(ACCOUNT, "_INBOX.>", None), Err(InvalidSubject::Inbox)));
        assert_eq!(messaging.publish(ACCOUNT, "orders.a", "1".into()).unwrap(), Sent { matched: 1, taken: 1 });
        assert_eq!(messaging.publish(OTHER, "orders.a", "2".into()).unwrap(), Sent::default());
        assert!(matches!(messaging.publish(ACCOUNT, "orders.*", "3".into()), Err(Refusal::Subject(_))));
        assert!(matches!(messaging.publish(ACCOUNT, "a", vec![0; (1 << 20) + 1].into()), Err(Refusal::TooLarge(_))));
        assert_eq!(orders.next().await.unwrap().body(), "1");
        assert!(orders.try_next().is_none() && orders.dropped() == 0);
    }

    #[tokio::test]
    async fn requests_replies_and_timeouts() {
        let messaging = messaging().await;
        let ask = || messaging.request(ACCOUNT, "a", "?".into(), Duration::from_millis(50));
        assert_eq!(ask().await.unwrap_err(), Refusal::Unanswered(Unanswered::NoResponders));

        let mut responder = messaging.subscribe(ACCOUNT, "a", None).unwrap();
        assert_eq!(ask().await.unwrap_err(), Refusal::Unanswered(Unanswered::TimedOut));
        let late = responder.next().await.unwrap();
        assert_eq!(messaging.reply(ACCOUNT, late, "late".into()).unwrap(), Sent::default());

        let answering = async {
            let request = responder.next().await.unwrap();
            messaging.reply(ACCOUNT, request, "42".into()).unwrap()
        };
        let (answer, sent) = tokio::join!(ask(), answering);
        assert_eq!((answer.unwrap().body().as_ref(), sent.taken), (b"42".as_ref(), 1));
    }
}
