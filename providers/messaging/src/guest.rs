//! The two sides of a component: the interface it calls, and the handler it exports.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use writ_provider::wasmtime::{self, Store};
use writ_provider::{Busy, Generation, Grant, Instance, OpenError, Permit, Principal, Target, View};

use crate::Messaging;
use crate::claim::{Entry, Request};
use crate::dispatch::Handler;
use crate::handle::Refusal;
use crate::message::{Message, Reply, Unanswered};
use crate::wit::MessagingPre;
use crate::wit::wasmcloud::messaging::consumer;
use crate::wit::wasmcloud::messaging::types::BrokerMessage;

impl consumer::Host for View<'_, Messaging> {
    async fn request(
        &mut self,
        subject: String,
        body: Vec<u8>,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<BrokerMessage, String>> {
        let waiting = match self.handle.request(&subject, body) {
            Ok(waiting) => waiting,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        let time = Duration::from_millis(timeout_ms.into());
        // The store's own deadline is a trap, and the guest's is an answer: the earlier one ends it.
        let answer = self.deadline.bound(tokio::time::timeout(time, waiting.answer())).await?;
        let answer = answer.unwrap_or(Err(Unanswered::TimedOut));
        Ok(answer.map(|message| lower(&message)).map_err(|unanswered| Refusal::from(unanswered).to_string()))
    }

    fn publish(&mut self, message: BrokerMessage) -> Result<(), String> {
        let BrokerMessage { subject, body, reply_to } = message;
        let sent = self.handle.publish(&subject, body, reply_to.as_deref());
        // A subscription that has no room counts its losses itself; the sender is not told who listens.
        sent.map(|_| ()).map_err(|refusal| refusal.to_string())
    }
}

/// A component that messages are brought to.
pub(crate) struct Guest {
    target: Target,
    pre: MessagingPre<Instance>,
    grant: Grant<Entry>,
    lost: AtomicU64,
}

impl Guest {
    /// # Errors
    /// [`OpenError::Config`] if the component exports no handler.
    pub(crate) fn new(target: Target, grant: Grant<Entry>) -> Result<Self, OpenError> {
        let pre = MessagingPre::new(target.pre().clone()).map_err(|error| {
            OpenError::Config(format!("{} cannot be subscribed to messages: {error:#}", target.principal()))
        })?;
        Ok(Self { target, pre, grant, lost: AtomicU64::new(0) })
    }

    /// Logs a message that is not handled: the first, and each power of two of them.
    fn lose(&self, message: &Message, reason: &str) {
        let count = self.lost.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if count.is_power_of_two() {
            let (component, subject) = (self.target.principal(), message.subject());
            tracing::warn!(target: "writ::messaging", %component, %subject, reason, count, "a message was dropped");
        }
    }
}

impl Handler for Guest {
    fn principal(&self) -> &Principal {
        self.target.principal()
    }

    fn generation(&self) -> &Generation {
        self.target.generation()
    }

    fn admit(&self, wait: Duration) -> BoxFuture<'_, Result<Permit, Busy>> {
        self.target.admit(wait).boxed()
    }

    fn permits(&self, message: &Message) -> bool {
        // It draws on no rate: that was the sender's.
        let refusals = self.grant.refusals(Request::Deliver { subject: message.subject() });
        if let Some(refused) = refusals.first() {
            self.lose(message, &format!("{}: {}", refused.document, refused.reason));
        }
        refusals.is_empty()
    }

    fn handle(&self, permit: Permit, message: Message) -> BoxFuture<'static, ()> {
        let call = Call { pre: self.pre.clone(), target: self.target.clone(), message };
        // Who failed and how was logged by the host.
        self.target.run(permit, move |store| call.make(store).boxed()).map(|_| ()).boxed()
    }

    fn lapsed(&self, message: &Message, why: Busy) {
        self.lose(message, &why.to_string());
    }
}

/// One call of a component's handler.
struct Call {
    pre: MessagingPre<Instance>,
    target: Target,
    message: Message,
}

impl Call {
    async fn make(mut self, store: &mut Store<Instance>) -> wasmtime::Result<()> {
        let lowered = lower(&self.message);
        // From here on nothing but the store keeps the right to answer: who waits is told as soon as it is gone.
        if let Some(reply) = self.message.take_reply() {
            lend(store.data_mut(), &self.target, reply);
        }
        let handler = self.pre.instantiate_async(&mut *store).await?;
        let handled = handler.wasmcloud_messaging_handler().call_handle_message(&mut *store, &lowered).await?;
        if let Err(reason) = handled {
            report(&self.target, &lowered.subject, &reason);
        }
        Ok(())
    }
}

/// Gives the right to answer to the principal that is called. In a store that others share it is not theirs; a component
/// that sends nothing has no handle, and no use for it.
fn lend(instance: &mut Instance, target: &Target, reply: Reply) {
    if let Some(handle) = instance.handles_mut::<Messaging>().find(|handle| handle.principal() == target.principal()) {
        handle.lend(reply);
    }
}

/// Logs what a handler returned as its error. The text is the guest's: escaped, and cut.
fn report(target: &Target, subject: &str, reason: &str) {
    let reason: String = reason.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    tracing::warn!(
        target: "writ::messaging",
        component = %target.principal(),
        subject,
        reason,
        "a message was not handled"
    );
}

fn lower(message: &Message) -> BrokerMessage {
    BrokerMessage {
        subject: message.subject().to_string(),
        body: message.body().to_vec(),
        reply_to: message.reply_to().map(ToString::to_string),
    }
}

/// Characters of a handler's error that are logged.
const SHOWN: usize = 1_024;
