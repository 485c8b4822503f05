//! Messages, and the right to answer one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;
use writ_provider::{Grant, Refused};

use crate::claim::{Entry, Request};
use crate::subject::Subject;

/// One message. It is not `Clone`, since who holds it holds the right to answer it once.
#[derive(Debug)]
pub struct Message {
    subject: Subject,
    body: Bytes,
    reply: Option<Reply>,
}

impl Message {
    /// The broker checks the size of the body before.
    pub(crate) fn new(subject: Subject, body: Bytes, reply: Option<Reply>) -> Self {
        Self { subject, body, reply }
    }

    /// Where it was sent to.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What it carries.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Where an answer goes, if its sender wants one.
    pub fn reply_to(&self) -> Option<&Subject> {
        self.reply.as_ref().map(Reply::to)
    }

    /// Takes the right to answer it.
    pub(crate) fn take_reply(&mut self) -> Option<Reply> {
        self.reply.take()
    }

    /// What it holds in memory, about: its texts, and what keeps them.
    pub(crate) fn weight(&self) -> usize {
        let reply = self.reply.as_ref().map_or(0, |reply| reply.to.as_str().len());
        let texts = self.subject.as_str().len().saturating_add(reply);
        self.body.len().saturating_add(texts).saturating_add(OVERHEAD)
    }

    /// The same for another subscriber. The body is shared.
    pub(crate) fn copy(&self) -> Self {
        Self { subject: self.subject.clone(), body: self.body.clone(), reply: self.reply.clone() }
    }

    /// Whether somebody who is running waits for the answer.
    pub(crate) fn is_request(&self) -> bool {
        self.inbox().is_some()
    }

    /// Notes for a waiting sender that this receiver had no room for it.
    pub(crate) fn refused_busy(&self) {
        if let Some(inbox) = self.inbox() {
            inbox.busy.store(true, Ordering::Relaxed);
        }
    }

    fn inbox(&self) -> Option<&Inbox> {
        match &self.reply.as_ref()?.authority {
            Authority::Inbox(inbox) => Some(inbox),
            Authority::Sender(_) => None,
        }
    }
}

/// The right to send one answer, under the authority of who asked for it.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    to: Subject,
    authority: Authority,
}

/// Whose authority an answer is sent under.
#[derive(Clone)]
pub(crate) enum Authority {
    /// A request's: its sender was permitted to ask, and the host made the inbox.
    Inbox(Arc<Inbox>),
    /// The grant of the component that named the subject.
    Sender(Grant<Entry>),
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Inbox(_) => "Inbox",
            Self::Sender(_) => "Sender",
        })
    }
}

impl Reply {
    pub(crate) fn new(to: Subject, authority: Authority) -> Self {
        Self { to, authority }
    }

    /// Where the answer goes.
    pub(crate) fn to(&self) -> &Subject {
        &self.to
    }

    /// Whether who asked for the answer may send this one: it counts as theirs.
    pub(crate) fn permits(&self, answer: &Message) -> Result<(), Refused> {
        let asked = Request::Publish { subject: answer.subject(), size: answer.body().len() };
        match &self.authority {
            Authority::Inbox(_) => Ok(()),
            Authority::Sender(sender) => sender.permits(asked),
        }
    }
}

/// Where the one answer to a request is put. When the last message that leads to it is gone, nobody can answer any more,
/// and who waits is told so.
pub(crate) struct Inbox {
    answer: Mutex<Option<oneshot::Sender<Result<Message, Unanswered>>>>,
    busy: AtomicBool,
}

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// Nobody subscribes to the subject.
    #[error("no responders")]
    NoResponders,
    /// Everybody who subscribes to it is at work on as much as they may be.
    #[error("busy: every responder is in use")]
    Busy,
    /// Everybody who received it ended without an answer.
    #[error("no reply: every responder ended without one")]
    NoReply,
    /// The time allowed is over.
    #[error("timed out: no reply in the time allowed")]
    TimedOut,
}

impl Inbox {
    /// An inbox, and where its answer comes out.
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<Message, Unanswered>>) {
        let (sender, receiver) = oneshot::channel();
        (Self { answer: Mutex::new(Some(sender)), busy: AtomicBool::new(false) }, receiver)
    }

    /// Puts an answer in. Only the first one arrives; whether it is one is nobody's business but the asker's.
    pub(crate) fn put(&self, message: Message) -> bool {
        let sender = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        sender.is_some_and(|sender| sender.send(Ok(message)).is_ok())
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let unanswered = if *self.busy.get_mut() { Unanswered::Busy } else { Unanswered::NoReply };
        if let Some(sender) = self.answer.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            // It fails where nobody waits any more.
            let _ = sender.send(Err(unanswered));
        }
    }
}

/// What a queue counts for each message besides its texts.
const OVERHEAD: usize = 128;
