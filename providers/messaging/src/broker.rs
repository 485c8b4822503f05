//! Who gets a message: the subscriptions of every account, queue groups, and the inboxes of requests.
//!
//! Nothing here knows a component. Accounts do not see each other: every look-up starts from an account.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use bytes::Bytes;
use tokio::sync::oneshot;
use writ_provider::Principal;

use crate::claim::Plan;
use crate::message::{Authority, Inbox, Message, Reply, Unanswered};
use crate::queue::{Capacity, Queue};
use crate::subject::{INBOX, Subject};

/// The account that subjects belong to, by the 32 bytes of its public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account([u8; 32]);

impl Account {
    /// The account with that public key.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }
}

impl From<&Principal> for Account {
    fn from(principal: &Principal) -> Self {
        Self(*principal.account().bytes())
    }
}

/// Where messages go.
pub(crate) struct Broker {
    accounts: RwLock<HashMap<Account, Arc<[Arc<Subscriber>]>>>,
    inboxes: Mutex<HashMap<(Account, Subject), Weak<Inbox>>>,
    turn: AtomicU64,
    capacity: Capacity,
    most: usize,
}

/// One subscription.
pub(crate) struct Subscriber {
    who: String,
    plan: Plan,
    pub(crate) queue: Queue,
    responder: Option<Arc<dyn Responder>>,
    dropped: AtomicU64,
}

/// What stands behind a subscription that is a component's.
pub(crate) trait Responder: Send + Sync + 'static {
    /// Whether it takes messages yet.
    fn is_open(&self) -> bool;
    /// Takes a request at once, beside the queue; false if there is no room. Who asks is running, and must not wait in line.
    fn answer(&self, request: Message) -> bool;
}

/// Keeps a subscription. Dropping it unsubscribes and drops what waits in its queue.
pub(crate) struct Registration {
    broker: Arc<Broker>,
    account: Account,
    pub(crate) subscriber: Arc<Subscriber>,
}

/// Keeps the inbox of a request reachable, and is where its answer comes out.
pub(crate) struct Waiting {
    broker: Arc<Broker>,
    inbox: (Account, Subject),
    answer: oneshot::Receiver<Result<Message, Unanswered>>,
}

/// How many subscriptions a message went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Plain subscriptions and queue groups that it matches; for an inbox, 1 if somebody waits.
    pub matched: usize,
    /// Those of them that took it. The others' queues were full: it is counted and logged there.
    pub taken: usize,
}

/// A body with more bytes than this broker takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too large: the body has {size} bytes, and {most} are taken at most")]
pub struct TooLarge {
    /// Its size in bytes.
    pub size: usize,
    /// The most bytes a body may have.
    pub most: usize,
}

/// The operating system gives no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub(crate) struct NoRandomness;

impl Broker {
    /// A broker whose queues hold so much, and whose messages have `most` bytes at most.
    pub(crate) fn new(capacity: Capacity, most: usize) -> Self {
        Self { accounts: RwLock::default(), inboxes: Mutex::default(), turn: AtomicU64::new(0), capacity, most }
    }

    /// Whether a body of that size is taken.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub(crate) fn fits(&self, body: &[u8]) -> Result<(), TooLarge> {
        let (size, most) = (body.len(), self.most);
        if size > most { Err(TooLarge { size, most }) } else { Ok(()) }
    }

    /// Adds a subscription on behalf of `who`, which is what logs say.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        account: Account,
        plan: Plan,
        who: String,
        responder: Option<Arc<dyn Responder>>,
    ) -> Registration {
        let queue = Queue::new(self.capacity);
        let subscriber = Arc::new(Subscriber { who, plan, queue, responder, dropped: AtomicU64::new(0) });
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        let subscribers = accounts.entry(account).or_default();
        *subscribers = subscribers.iter().cloned().chain([subscriber.clone()]).collect();
        drop(accounts);
        Registration { broker: self.clone(), account, subscriber }
    }

    /// Sends a message to every plain subscription and to one member of each queue group, or to an inbox.
    pub(crate) fn publish(&self, account: Account, message: Message) -> Sent {
        if message.subject().is_inbox() {
            let inbox = self.inboxes().get(&(account, message.subject().clone())).and_then(Weak::upgrade);
            let taken = inbox.is_some_and(|inbox| inbox.put(message));
            return Sent { matched: taken.into(), taken: taken.into() };
        }
        let subscribers = self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&account).cloned();
        // The lock is given back before anything is delivered: the subscribers are those of this moment.
        subscribers.map_or_else(Sent::default, |subscribers| self.deliver(&subscribers, &message))
    }

    /// Sends a request; its answer comes out of [`Waiting`].
    ///
    /// # Errors
    /// [`Unanswered::NoResponders`] at once; `Err` of the outer kind where the system has no random bytes.
    pub(crate) fn request(
        self: &Arc<Self>,
        account: Account,
        subject: Subject,
        body: Bytes,
    ) -> Result<Result<Waiting, Unanswered>, NoRandomness> {
        let to = inbox_subject()?;
        let (inbox, answer) = Inbox::new();
        let inbox = Arc::new(inbox);
        let key = (account, to.clone());
        self.inboxes().insert(key.clone(), Arc::downgrade(&inbox));
        let waiting = Waiting { broker: self.clone(), inbox: key, answer };
        let message = Message::new(subject, body, Some(Reply::new(to, Authority::Inbox(inbox))));
        let sent = self.publish(account, message);
        Ok(if sent.matched == 0 { Err(Unanswered::NoResponders) } else { Ok(waiting) })
    }

    /// How many messages wait for handlers.
    pub(crate) fn waiting(&self) -> usize {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let handlers = accounts.values().flat_map(|all| all.iter()).filter(|one| one.responder.is_some());
        handlers.map(|one| one.queue.len()).fold(0, usize::saturating_add)
    }

    /// Ends every subscription of a handler, with what waits there. Those of whoever embeds the host stay.
    pub(crate) fn close(&self) {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<_> = accounts.values().flat_map(|subscribers| subscribers.iter().cloned()).collect();
        drop(accounts);
        all.iter().filter(|one| one.responder.is_some()).for_each(|one| one.queue.close());
    }

    fn deliver(&self, subscribers: &[Arc<Subscriber>], message: &Message) -> Sent {
        let mut sent = Sent::default();
        let mut groups: Vec<(&str, Vec<&Arc<Subscriber>>)> = vec![];
        for subscriber in subscribers.iter().filter(|subscriber| subscriber.wants(message)) {
            let Some(name) = subscriber.plan.queue.as_deref() else {
                sent.count(subscriber.offer(message) || subscriber.refuse(message));
                continue;
            };
            match groups.iter_mut().find(|(group, _)| *group == name) {
                Some((_, members)) => members.push(subscriber),
                None => groups.push((name, vec![subscriber])),
            }
        }
        for (_, mut members) in groups {
            let first = self.pick(members.len());
            members.rotate_left(first);
            // Where the one whose turn it is has no room, another may have.
            let taken = members.iter().any(|member| member.offer(message));
            sent.count(taken || members.first().is_some_and(|member| member.refuse(message)));
        }
        sent
    }

    /// A number below `among`, evenly spread.
    fn pick(&self, among: usize) -> usize {
        // The finalizer of SplitMix64 over a counter: a plain counter would always give the same member where messages
        // to two groups take turns.
        let mut x = self.turn.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        let among = u64::try_from(among).unwrap_or(1);
        x.checked_rem(among).and_then(|index| usize::try_from(index).ok()).unwrap_or(0)
    }

    fn unsubscribe(&self, account: Account, gone: &Arc<Subscriber>) {
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        let Some(subscribers) = accounts.get_mut(&account) else { return };
        let left: Arc<[_]> = subscribers.iter().filter(|one| !Arc::ptr_eq(one, gone)).cloned().collect();
        let before = if left.is_empty() { accounts.remove(&account) } else { accounts.insert(account, left) };
        drop(accounts);
        // With the last of these a component may go, and what it holds: not under the lock.
        drop(before);
    }

    fn inboxes(&self) -> MutexGuard<'_, HashMap<(Account, Subject), Weak<Inbox>>> {
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber {
    fn wants(&self, message: &Message) -> bool {
        self.plan.pattern.matches(message.subject())
            && !self.queue.is_closed()
            && self.responder.as_ref().is_none_or(|responder| responder.is_open())
    }

    /// Whether it took the message.
    fn offer(&self, message: &Message) -> bool {
        match &self.responder {
            Some(responder) if message.is_request() => responder.answer(message.copy()),
            _ => self.queue.offer(message.copy()).is_ok(),
        }
    }

    /// Says that it did not take a message: to who waits for an answer, or to the log. Always false.
    fn refuse(&self, message: &Message) -> bool {
        if message.is_request() {
            message.refused_busy();
            return false;
        }
        let count = self.dropped.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        // The first and each power of two, so that a flood of messages is no flood of log lines.
        if count.is_power_of_two() {
            tracing::warn!(
                target: "writ::messaging",
                component = %self.who,
                plan = %self.plan,
                count,
                "a message was dropped: the subscription's queue is full"
            );
        }
        false
    }

    /// How many messages it lost because its queue was full.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Sent {
    fn count(&mut self, taken: bool) {
        self.matched = self.matched.saturating_add(1);
        self.taken = self.taken.saturating_add(taken.into());
    }
}

impl Waiting {
    /// Awaits the answer.
    ///
    /// # Errors
    /// [`Unanswered`] as soon as nobody is left to answer.
    pub(crate) async fn answer(mut self) -> Result<Message, Unanswered> {
        (&mut self.answer).await.unwrap_or(Err(Unanswered::NoReply))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.broker.inboxes().remove(&self.inbox);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.broker.unsubscribe(self.account, &self.subscriber);
        self.subscriber.queue.close();
    }
}

/// A subject that nobody can guess.
fn inbox_subject() -> Result<Subject, NoRandomness> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    let text = format!("{INBOX}.{:032x}", u128::from_be_bytes(bytes));
    text.parse().map_err(|_| NoRandomness)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::testing::{ACCOUNT, OTHER, broker, message, received, subscribe};
    use std::collections::HashSet;

    /// Publishes to every subject in turn; what each subscription then has.
    #[track_caller]
    fn check(subscriptions: &[&str], subjects: &[&str], expected: &[&[&str]]) {
        let broker = broker(100);
        let all: Vec<_> = subscriptions.iter().map(|written| subscribe(&broker, ACCOUNT, written)).collect();
        for subject in subjects {
            broker.publish(ACCOUNT, message(subject, subject));
        }
        assert_eq!(all.iter().map(received).collect::<Vec<_>>(), expected, "{subscriptions:?} {subjects:?}");
    }

    #[test]
    fn every_plain_subscription_that_matches_gets_a_message() {
        check(&["a"], &["a", "b", "a.b"], &[&["a"]]);
        check(&["a.*", "a.>", ">"], &["a.b", "a.b.c", "x"], &[&["a.b"], &["a.b", "a.b.c"], &["a.b", "a.b.c", "x"]]);
        check(&["a", "a"], &["a"], &[&["a"], &["a"]]);
        check(&[">", "*.x"], &["_INBOX.x"], &[&[], &[]]);
        check(&["a"], &[], &[&[]]);
    }

    #[test]
    fn one_member_of_each_group_gets_a_message() {
        let broker = broker(1_000);
        let all: Vec<_> =
            ["a.*|x", "a.>|x", "a.b|y", "a.b"].iter().map(|one| subscribe(&broker, ACCOUNT, one)).collect();
        let sent = broker.publish(ACCOUNT, message("a.b", "0"));
        assert_eq!(sent, Sent { matched: 3, taken: 3 });
        for number in 1..200 {
            broker.publish(ACCOUNT, message("a.b", &number.to_string()));
        }
        let [first, second, alone, plain] = [0, 1, 2, 3].map(|index| received(&all[index]));
        assert_eq!((first.len() + second.len(), alone.len(), plain.len()), (200, 200, 200));
        assert!(first.len() > 50 && second.len() > 50, "{} {}", first.len(), second.len());
        let distinct: HashSet<_> = first.into_iter().chain(second).collect();
        assert_eq!(distinct.len(), 200);
    }

    #[test]
    fn a_group_shares_evenly_where_two_subjects_take_turns() {
        let broker = broker(1_000);
        let members = ["a|x", "a|x", "b|y", "b|y"].map(|one| subscribe(&broker, ACCOUNT, one));
        for _ in 0..200 {
            broker.publish(ACCOUNT, message("a", ""));
            broker.publish(ACCOUNT, message("b", ""));
        }
        assert!(members.iter().all(|member| received(member).len() > 50));
    }

    #[test]
    fn a_full_member_passes_its_turn() {
        let broker = broker(2);
        let members = ["a|x", "a|x"].map(|one| subscribe(&broker, ACCOUNT, one));
        let sent: Vec<_> = (0..5).map(|_| broker.publish(ACCOUNT, message("a", "")).taken).collect();
        assert_eq!(sent, [1, 1, 1, 1, 0]);
        assert_eq!(members.iter().map(|member| member.subscriber.dropped()).sum::<u64>(), 1);
    }

    #[test]
    fn accounts_do_not_see_each_other() {
        let broker = broker(10);
        let [ours, theirs] = [ACCOUNT, OTHER].map(|account| subscribe(&broker, account, ">"));
        broker.publish(ACCOUNT, message("a", "ours"));
        broker.publish(OTHER, message("a", "theirs"));
        assert_eq!((received(&ours), received(&theirs)), (vec!["ours".into()], vec!["theirs".into()]));
        let grouped = [ACCOUNT, OTHER].map(|account| subscribe(&broker, account, "g|x"));
        broker.publish(ACCOUNT, message("g", "1"));
        assert_eq!(grouped.each_ref().map(|one| received(one).len()), [1, 0]);
    }

    #[tokio::test]
    async fn an_inbox_is_its_accounts_own() {
        let broker = broker(10);
        let responder = subscribe(&broker, ACCOUNT, "a");
        let waiting = broker.request(ACCOUNT, "a".parse().unwrap(), "?".into()).unwrap().unwrap();
        let request = responder.subscriber.queue.take().unwrap();
        let inbox = request.reply_to().unwrap().to_string();
        assert_eq!(broker.publish(OTHER, message(&inbox, "forged")), Sent::default());
        assert_eq!(broker.publish(ACCOUNT, message(&inbox, "first")), Sent { matched: 1, taken: 1 });
        assert_eq!(broker.publish(ACCOUNT, message(&inbox, "second")), Sent::default());
        assert_eq!(waiting.answer().await.unwrap().body(), "first");
        assert!(broker.inboxes().is_empty());
        assert_eq!(broker.publish(ACCOUNT, message(&inbox, "late")), Sent::default());
    }

    #[tokio::test]
    async fn who_waits_is_told_when_nobody_can_answer() {
        let broker = broker(1);
        let ask = || broker.request(ACCOUNT, "a".parse().unwrap(), "?".into()).unwrap();
        assert_eq!(ask().err(), Some(Unanswered::NoResponders));
        assert!(broker.inboxes().is_empty());

        let responders = ["a", "*"].map(|one| subscribe(&broker, ACCOUNT, one));
        let waiting = ask().unwrap();
        drop(responders[0].subscriber.queue.take());
        drop(responders[1].subscriber.queue.take());
        assert_eq!(waiting.answer().await.err(), Some(Unanswered::NoReply));

        let (first, second) = (ask().unwrap(), ask().unwrap());
        assert_eq!(second.answer().await.err(), Some(Unanswered::Busy));
        drop(responders);
        assert_eq!(first.answer().await.err(), Some(Unanswered::NoReply));
        assert_eq!(ask().err(), Some(Unanswered::NoResponders));
    }

    #[test]
    fn a_slow_subscriber_loses_the_newest_and_counts_them() {
        let broker = broker(3);
        let [slow, quick] = ["a", "a"].map(|one| subscribe(&broker, ACCOUNT, one));
        for number in 0..10 {
            let sent = broker.publish(ACCOUNT, message("a", &number.to_string()));
            assert_eq!((sent.matched, received(&quick).len()), (2, 1));
        }
        assert_eq!((slow.subscriber.dropped(), quick.subscriber.dropped()), (7, 0));
        assert_eq!(received(&slow), ["0", "1", "2"]);
    }

    #[test]
    fn a_subscription_ends_when_it_is_dropped() {
        let broker = broker(10);
        let [kept, gone] = ["a", "a"].map(|one| subscribe(&broker, ACCOUNT, one));
        drop(gone);
        assert_eq!(broker.publish(ACCOUNT, message("a", "1")), Sent { matched: 1, taken: 1 });
        drop(kept);
        assert_eq!(broker.publish(ACCOUNT, message("a", "2")), Sent::default());
        assert!(broker.accounts.read().unwrap().is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn every_message_of_many_senders_arrives_once() {
        let broker = broker(10_000);
        let plain = subscribe(&broker, ACCOUNT, "n.*");
        let group = ["n.>|g", "n.*|g", "n.*|g"].map(|one| subscribe(&broker, ACCOUNT, one));
        let publisher = |sender: usize| {
            let broker = broker.clone();
            tokio::spawn(async move {
                for number in 0..625 {
                    let sent = broker.publish(ACCOUNT, message(&format!("n.{sender}"), &format!("{sender}/{number}")));
                    assert_eq!(sent, Sent { matched: 2, taken: 2 });
                    tokio::task::yield_now().await;
                }
            })
        };
        for sender in (0..16).map(publisher).collect::<Vec<_>>() {
            sender.await.unwrap();
        }
        let (plain, group) = (received(&plain), group.iter().flat_map(received).collect::<Vec<_>>());
        for all in [plain, group] {
            assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (10_000, 10_000));
        }
    }
}
