//! What a component holds of messaging: where it may send, under its own grant and the message it is handling.

use std::sync::Arc;

use bytes::Bytes;
use writ_provider::{Grant, Principal, Refused};

use crate::broker::{Account, Broker, NoRandomness, Sent, TooLarge, Waiting};
use crate::claim::{Entry, Request};
use crate::message::{Authority, Message, Reply, Unanswered};
use crate::subject::{InvalidSubject, Subject};

/// What one principal holds in one store.
pub struct Handle {
    broker: Arc<Broker>,
    account: Account,
    grant: Grant<Entry>,
    // The right to answer the message that this store was made to handle. It goes with the store.
    reply: Option<Reply>,
}

/// Why a message was not sent, or a request has no answer. Its text is what the guest sees.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A document does not permit it.
    #[error("access-denied: {}: {}", .0.document, .0.reason)]
    Denied(Refused),
    /// The subject is nobody's to send to.
    #[error("access-denied: {0}")]
    Reserved(InvalidSubject),
    /// The subject, or the one for the answer, does not parse.
    #[error("invalid subject: {0}")]
    Subject(InvalidSubject),
    /// The body has too many bytes.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// A request has no answer.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    /// No inbox could be made.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

impl Handle {
    pub(crate) fn new(broker: Arc<Broker>, grant: Grant<Entry>) -> Self {
        let account = Account::from(grant.principal());
        Self { broker, account, grant, reply: None }
    }

    pub(crate) fn principal(&self) -> &Principal {
        self.grant.principal()
    }

    /// Gives it the right to answer the message that its store is about to handle.
    pub(crate) fn lend(&mut self, reply: Reply) {
        self.reply = Some(reply);
    }

    /// Sends a message, as the answer to the one being handled or under the component's own grant.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) fn publish(&mut self, subject: &str, body: Vec<u8>, reply_to: Option<&str>) -> Result<Sent, Refusal> {
        self.broker.fits(&body)?;
        let subject: Subject = subject.parse()?;
        let reply = reply_to.map(|to| self.own_reply(to)).transpose()?;
        let message = Message::new(subject, body.into(), reply);
        match self.answer(message) {
            Ok(sent) => Ok(sent),
            Err(message) => self.publish_as_own(message),
        }
    }

    /// Sends a request; what comes out of [`Waiting`] is the first answer.
    ///
    /// # Errors
    /// [`Refusal`], at once also where nobody subscribes to the subject.
    pub(crate) fn request(&mut self, subject: &str, body: Vec<u8>) -> Result<Waiting, Refusal> {
        self.broker.fits(&body)?;
        let subject: Subject = subject.parse()?;
        self.grant.permits(Request::Publish { subject: &subject, size: body.len() })?;
        Ok(self.broker.request(self.account, subject, Bytes::from(body))??)
    }

    fn publish_as_own(&self, message: Message) -> Result<Sent, Refusal> {
        self.grant.permits(Request::Publish { subject: message.subject(), size: message.body().len() })?;
        Ok(self.broker.publish(self.account, message))
    }

    /// Sends the answer to the message being handled; gives the message back if it is none, or not permitted as one.
    fn answer(&mut self, message: Message) -> Result<Sent, Message> {
        let Some(reply) = self.reply.take_if(|reply| reply.to() == message.subject()) else { return Err(message) };
        if reply.permits(&message).is_err() {
            // Nothing was sent: the right stays, for an answer that is permitted.
            self.reply = Some(reply);
            return Err(message);
        }
        Ok(self.broker.publish(self.account, message))
    }

    /// A subject for answers that the component named itself: it must be permitted to publish there. Who answers does so
    /// under this grant, which is where the answer's size and rate count.
    fn own_reply(&self, to: &str) -> Result<Reply, Refusal> {
        let to: Subject = to.parse()?;
        let asked = Request::Publish { subject: &to, size: 0 };
        if !self.grant.refusals(asked).is_empty() {
            // Asked a second time where it is refused, so that it is logged; asking so draws on no rate otherwise.
            self.grant.permits(asked)?;
        }
        Ok(Reply::new(to, Authority::Sender(self.grant.clone())))
    }
}

impl From<InvalidSubject> for Refusal {
    fn from(error: InvalidSubject) -> Self {
        if error == InvalidSubject::Reserved { Self::Reserved(error) } else { Self::Subject(error) }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self::Denied(refused)
    }
}

impl From<NoRandomness> for Refusal {
    fn from(_: NoRandomness) -> Self {
        Self::NoRandomness
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::broker::Registration;
    use crate::testing::{broker, grant, principals, received, subscribe};
    use serde_json::{Value, json};

    /// Two components of one account, and a broker that they share.
    struct Pair {
        broker: Arc<Broker>,
        account: Account,
        sender: Handle,
        responder: Handle,
    }

    fn pair(sender: Value, responder: Value) -> Pair {
        let (broker, principals) = (broker(10), principals());
        let handle = |index: usize, claim| Handle::new(broker.clone(), grant(&principals[index], &[claim]));
        let (sender, responder) = (handle(0, sender), handle(1, responder));
        Pair { account: Account::from(&principals[0]), broker, sender, responder }
    }

    impl Pair {
        fn subscribe(&self, written: &str) -> Registration {
            subscribe(&self.broker, self.account, written)
        }

        /// Lends the responder the right to answer the one message that waits there, as a call of its handler does.
        fn handle(&mut self, waiting: &Registration) -> String {
            let reply = waiting.subscriber.queue.take().unwrap().take_reply().unwrap();
            let to = reply.to().to_string();
            self.responder.lend(reply);
            to
        }
    }

    fn text(result: Result<Sent, Refusal>) -> String {
        result.map_or_else(|refusal| refusal.to_string(), |sent| format!("{}/{}", sent.taken, sent.matched))
    }

    #[test]
    fn sends_what_its_claims_permit() {
        let mut pair = pair(json!({ "publish": "a.*", "size": "4B", "rate": "4/h" }), json!([]));
        let all = pair.subscribe(">");
        for (subject, body, reply_to, expected) in [
            ("a.b", "1", None, "1/1"),
            ("b", "2", None, "access-denied: the component's token: permits to publish to `a.*`, not `b`"),
            ("a.b", "12345", None, "access-denied: the component's token: permits messages of 4B at most, not 5 bytes"),
            ("a.*", "3", None, "invalid subject: `*` and `>` have no place in the subject of a message"),
            ("a.b\r\nPUB x 1", "3", None, "invalid subject: it has a space or control character"),
            ("$SYS.x", "3", None, "access-denied: subjects that start with `$` belong to the broker"),
            (
                "_INBOX.x",
                "3",
                None,
                "access-denied: the component's token: permits to publish to `a.*`, not `_INBOX.x`",
            ),
            ("a.b", "4", Some("a.c"), "1/1"),
            ("a.b", "5", Some("b"), "access-denied: the component's token: permits to publish to `a.*`, not `b`"),
            (
                "a.b",
                "5",
                Some("_INBOX.b"),
                "access-denied: the component's token: permits to publish to `a.*`, not `_INBOX.b`",
            ),
            ("a.b", "5", Some("$JS.API"), "access-denied: subjects that start with `$` belong to the broker"),
            ("a.b", "6", None, "1/1"),
            ("a.b", "7", None, "1/1"),
            ("a.b", "8", None, "access-denied: the component's token: the rate it permits is used up"),
        ] {
            assert_eq!(text(pair.sender.publish(subject, body.into(), reply_to)), expected, "{subject} {body}");
        }
        assert_eq!(received(&all), ["1", "4", "6", "7"]);
        let large = pair.sender.publish("a.b", vec![0; 1_001], None);
        assert_eq!(text(large), "too large: the body has 1001 bytes, and 1000 are taken at most");
    }

    #[test]
    fn every_document_must_permit() {
        let [principal, _] = principals();
        let documents =
            [json!({ "publish": "any" }), json!([{ "publish": "a" }, { "publish": "b" }]), json!({ "publish": "b" })];
        let mut handle = Handle::new(broker(1), grant(&principal, &documents));
        assert!(handle.publish("b", vec![], None).is_ok());
        assert!(matches!(handle.publish("a", vec![], None), Err(Refusal::Denied(_))));
        let mut nothing = Handle::new(broker(1), grant(&principal, &[]));
        assert!(matches!(nothing.publish("a", vec![], None), Err(Refusal::Denied(_))));
        assert!(matches!(nothing.request("a", vec![]), Err(Refusal::Denied(_))));
    }

    #[tokio::test]
    async fn a_request_is_answered_once_without_a_claim_of_the_responder() {
        let mut pair = pair(json!({ "publish": "a" }), json!([]));
        assert_eq!(pair.sender.request("a", vec![]).err(), Some(Refusal::Unanswered(Unanswered::NoResponders)));
        let at = pair.subscribe("a");
        let waiting = pair.sender.request("a", vec![]).unwrap();
        let inbox = pair.handle(&at);
        assert_eq!(text(pair.responder.publish("b", b"no".to_vec(), None)).split(':').next(), Some("access-denied"));
        assert_eq!(text(pair.responder.publish(&inbox, b"yes".to_vec(), None)), "1/1");
        assert_eq!(
            text(pair.responder.publish(&inbox, b"again".to_vec(), None)).split(':').next(),
            Some("access-denied")
        );
        let answer = waiting.answer().await.unwrap();
        assert_eq!((answer.body().as_ref(), answer.subject().as_str()), (b"yes".as_ref(), inbox.as_str()));
    }

    #[tokio::test]
    async fn the_right_to_answer_ends_with_the_handler() {
        let mut pair = pair(json!({ "publish": "a" }), json!([]));
        let at = pair.subscribe("a");
        let waiting = pair.sender.request("a", vec![]).unwrap();
        pair.handle(&at);
        drop(pair.responder);
        assert_eq!(waiting.answer().await.err(), Some(Unanswered::NoReply));
    }

    #[test]
    fn an_answer_counts_as_its_askers() {
        let mut pair = pair(json!({ "publish": ["a", "answers"], "size": "3B", "rate": "2/h" }), json!([]));
        let (at, answers) = (pair.subscribe("a"), pair.subscribe("answers"));
        assert_eq!(text(pair.sender.publish("a", vec![], Some("answers"))), "1/1");
        assert_eq!(pair.handle(&at), "answers");
        // Too large for the asker's grant: refused, and the right stays for one that fits.
        assert!(matches!(pair.responder.publish("answers", b"long".to_vec(), None), Err(Refusal::Denied(_))));
        assert_eq!(text(pair.responder.publish("answers", b"ok".to_vec(), None)), "1/1");
        assert!(matches!(pair.responder.publish("answers", b"ok".to_vec(), None), Err(Refusal::Denied(_))));
        assert_eq!(received(&answers), ["ok"]);
        // The asker's rate was two an hour: the message, and its answer.
        assert!(matches!(pair.sender.publish("a", vec![], None), Err(Refusal::Denied(_))));
    }

    #[test]
    fn a_responder_with_a_claim_may_send_more_than_the_answer() {
        let mut pair = pair(json!({ "publish": ["a", "b"] }), json!({ "publish": "b" }));
        let (at, answers) = (pair.subscribe("a"), pair.subscribe("b"));
        pair.sender.publish("a", vec![], Some("b")).unwrap();
        pair.handle(&at);
        for body in ["1", "2", "3"] {
            assert_eq!(text(pair.responder.publish("b", body.into(), None)), "1/1");
        }
        assert_eq!(received(&answers), ["1", "2", "3"]);
    }

    #[test]
    fn the_right_to_answer_cannot_be_passed_on() {
        let mut pair = pair(json!({ "publish": "a" }), json!({ "publish": "b" }));
        let at = pair.subscribe("a");
        let _waiting = pair.sender.request("a", vec![]).unwrap();
        let inbox = pair.handle(&at);
        assert!(matches!(pair.responder.publish("b", vec![], Some(&inbox)), Err(Refusal::Denied(_))));
    }
}
