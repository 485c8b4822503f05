//! Brings the messages of one subscription to its handler.
//!
//! | message | how | if every instance is in use |
//! |---|---|---|
//! | published | waits in the subscription's queue | stays there until one is free |
//! | request | at once, beside the queue: who asks is running, and nothing running waits for another's end to start | refused as busy |
//!
//! Of each kind so many run at once; in which order they end is not promised.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::runtime::Handle as Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use writ_provider::{Busy, Permit};

use crate::broker::{Account, Broker, Registration, Subscriber};
use crate::claim::Plan;
use crate::message::Message;

/// What handles the messages of a subscription: a component, as the host lets it be called.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Who it is, for logs.
    fn who(&self) -> String;
    /// Takes what one call needs, waiting at most so long.
    fn admit(&self, wait: Duration) -> BoxFuture<'_, Result<Permit, Busy>>;
    /// Whether it may receive this message.
    fn permits(&self, message: &Message) -> bool;
    /// Handles it. Failures are logged there.
    fn handle(&self, permit: Permit, message: Message) -> BoxFuture<'static, ()>;
    /// A message was dropped, since the handler's claims have expired or were revoked, or it is not known whether they were.
    fn lapsed(&self, message: &Message, why: Busy);
}

/// How a subscription's handlers run, for all subscriptions of a provider.
#[derive(Clone)]
pub(crate) struct Pace {
    /// Messages, and again requests, that one subscription handles at once.
    most: usize,
    running: Arc<watch::Sender<usize>>,
}

/// One handler that runs. Dropping it says that it does not any more.
struct Running(Arc<watch::Sender<usize>>);

impl Pace {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.min(Semaphore::MAX_PERMITS), running: Arc::new(watch::Sender::new(0)) }
    }

    fn begin(&self) -> Running {
        self.running.send_modify(|running| *running = running.saturating_add(1));
        Running(self.running.clone())
    }

    /// Waits until no handler runs.
    pub(crate) async fn idle(&self) {
        // It fails only without a sender, and one is ours.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running = running.saturating_sub(1));
    }
}

/// Subscribes the handler. Must be called in a tokio runtime, which its handlers will run on.
///
/// Dropping the registration ends what waits, and none of the handlers that run.
pub(crate) fn connect<H: Handler>(
    broker: &Arc<Broker>,
    account: Account,
    plan: Plan,
    handler: &Arc<H>,
    pace: &Pace,
) -> Registration {
    let runtime = Runtime::current();
    let requests = {
        let (runtime, slots) = (runtime.clone(), Arc::new(Semaphore::new(pace.most)));
        let (handler, pace) = (handler.clone(), pace.clone());
        move |message| answer(&runtime, &handler, &pace, &slots, message)
    };
    let registration = broker.subscribe(account, plan, handler.who(), Some(Box::new(requests)));
    let worker = Worker {
        subscriber: registration.subscriber.clone(),
        handler: handler.clone(),
        slots: Arc::new(Semaphore::new(pace.most)),
        pace: pace.clone(),
    };
    runtime.spawn(worker.run());
    registration
}

/// Takes a request if there is room for it.
fn answer<H: Handler>(
    runtime: &Runtime,
    handler: &Arc<H>,
    pace: &Pace,
    slots: &Arc<Semaphore>,
    message: Message,
) -> bool {
    let Ok(slot) = slots.clone().try_acquire_owned() else { return false };
    let (handler, running) = (handler.clone(), pace.begin());
    runtime.spawn(async move {
        match handler.admit(Duration::ZERO).await {
            Ok(permit) if handler.permits(&message) => handler.handle(permit, message).await,
            Ok(_) => {}
            Err(why @ (Busy::Expired | Busy::Suspended | Busy::Revoked)) => handler.lapsed(&message, why),
            Err(_) => message.refused_busy(),
        }
        drop((slot, running));
    });
    true
}

/// Takes messages out of one subscription's queue.
struct Worker<H> {
    subscriber: Arc<Subscriber>,
    handler: Arc<H>,
    slots: Arc<Semaphore>,
    pace: Pace,
}

impl<H: Handler> Worker<H> {
    /// Works until the queue is closed, or the host stops.
    async fn run(self) {
        // Whatever it waits for ends with the subscription; handlers are tasks of their own and do not.
        tokio::select! {
            biased;
            () = self.subscriber.queue.closed() => {}
            () = self.work() => self.subscriber.queue.close(),
        }
    }

    /// Ends when the queue is closed or the host stops.
    async fn work(&self) {
        while self.subscriber.queue.ready().await {
            let Ok(slot) = self.slots.clone().acquire_owned().await else { return };
            // The message stays in the queue, where it counts, until there is an instance for it.
            match self.admitted().await {
                Ok(permit) => self.start(slot, permit),
                Err(Busy::Stopping) => return,
                Err(why) => self.lapse(why),
            }
        }
    }

    async fn admitted(&self) -> Result<Permit, Busy> {
        loop {
            match self.handler.admit(ADMIT).await {
                Err(Busy::Full) => tokio::time::sleep(PAUSE).await,
                other => return other,
            }
        }
    }

    fn start(&self, slot: OwnedSemaphorePermit, permit: Permit) {
        let Some(message) = self.subscriber.queue.take() else { return };
        if !self.handler.permits(&message) {
            return;
        }
        let (handler, running) = (self.handler.clone(), self.pace.begin());
        tokio::spawn(async move {
            handler.handle(permit, message).await;
            drop((slot, running));
        });
    }

    fn lapse(&self, why: Busy) {
        if let Some(message) = self.subscriber.queue.take() {
            self.handler.lapsed(&message, why);
        }
    }
}

/// How long one attempt to get an instance waits.
const ADMIT: Duration = Duration::from_secs(1);
/// Between two attempts, so that a host that answers at once is not asked in a loop.
const PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::broker::Sent;
    use crate::message::Unanswered;
    use crate::testing::{ACCOUNT, broker, message, plan};
    use futures::FutureExt;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A handler with a pool of its own, whose calls last as long as the test says.
    struct Fake {
        pool: Arc<Semaphore>,
        calls: Arc<Semaphore>,
        log: Arc<Mutex<Vec<String>>>,
        most: Arc<AtomicUsize>,
        busy: Mutex<Option<Busy>>,
    }

    impl Fake {
        /// `calls` end at once; more when permits are added.
        fn new(pool: usize, calls: usize) -> Arc<Self> {
            let [pool, calls] = [pool, calls].map(|permits| Arc::new(Semaphore::new(permits)));
            Arc::new(Self { pool, calls, log: Arc::default(), most: Arc::default(), busy: Mutex::default() })
        }

        fn log(&self) -> Vec<String> {
            let mut log = self.log.lock().unwrap().clone();
            log.sort();
            log
        }

        /// Waits until the log has so many lines.
        async fn logged(&self, lines: usize) -> Vec<String> {
            let enough = async {
                while self.log().len() < lines {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let _ = tokio::time::timeout(Duration::from_secs(10), enough).await;
            self.log()
        }
    }

    impl Handler for Fake {
        fn who(&self) -> String {
            "a test".to_owned()
        }

        fn admit(&self, wait: Duration) -> BoxFuture<'_, Result<Permit, Busy>> {
            async move {
                if let Some(busy) = *self.busy.lock().unwrap() {
                    return Err(busy);
                }
                if wait.is_zero() {
                    return self.pool.clone().try_acquire_owned().map(Permit::new).map_err(|_| Busy::Full);
                }
                let got = tokio::time::timeout(wait.min(Duration::from_millis(5)), self.pool.clone().acquire_owned());
                got.await.map(|permit| Permit::new(permit.unwrap())).map_err(|_| Busy::Full)
            }
            .boxed()
        }

        fn permits(&self, message: &Message) -> bool {
            message.subject().as_str() != "a.secret"
        }

        fn handle(&self, permit: Permit, message: Message) -> BoxFuture<'static, ()> {
            let (calls, log, most) = (self.calls.clone(), self.log.clone(), self.most.clone());
            async move {
                most.fetch_add(1, Ordering::SeqCst);
                calls.acquire().await.unwrap().forget();
                log.lock().unwrap().push(String::from_utf8(message.body().to_vec()).unwrap());
                drop(permit);
            }
            .boxed()
        }

        fn lapsed(&self, _: &Message, why: Busy) {
            self.log.lock().unwrap().push(why.to_string());
        }
    }

    fn publish(broker: &Arc<Broker>, bodies: std::ops::Range<u32>) -> Vec<String> {
        let body = |number: u32| format!("{number:03}");
        for number in bodies.clone() {
            broker.publish(ACCOUNT, message("a.b", &body(number)));
        }
        bodies.map(body).collect()
    }

    #[tokio::test]
    async fn brings_every_message_to_its_handler_a_few_at_a_time() {
        let (broker, fake) = (broker(100), Fake::new(100, 0));
        let _route = connect(&broker, ACCOUNT, plan("a.*"), &fake, &Pace::new(4));
        let sent = publish(&broker, 0..50);
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!((fake.most.load(Ordering::SeqCst), fake.log().len()), (4, 0));
        fake.calls.add_permits(50);
        assert_eq!(fake.logged(50).await, sent);
    }

    #[tokio::test]
    async fn a_message_waits_while_every_instance_is_in_use() {
        let (broker, fake) = (broker(3), Fake::new(0, 100));
        let route = connect(&broker, ACCOUNT, plan("a.*"), &fake, &Pace::new(4));
        publish(&broker, 0..3);
        tokio::time::sleep(Duration::from_millis(50)).await;
        // They count in the queue as long as they wait.
        assert_eq!(broker.publish(ACCOUNT, message("a.b", "lost")), Sent { matched: 1, taken: 0 });
        assert_eq!((fake.log().len(), route.subscriber.dropped()), (0, 1));
        fake.pool.add_permits(1);
        assert_eq!(fake.logged(3).await, ["000", "001", "002"]);
    }

    #[tokio::test]
    async fn each_delivery_is_checked() {
        let (broker, fake) = (broker(10), Fake::new(4, 100));
        let _route = connect(&broker, ACCOUNT, plan("a.*"), &fake, &Pace::new(4));
        broker.publish(ACCOUNT, message("a.secret", "secret"));
        publish(&broker, 0..1);
        assert_eq!(fake.logged(1).await, ["000"]);
        let asked = broker.request(ACCOUNT, "a.secret".parse().unwrap(), "?".into()).unwrap().unwrap();
        assert_eq!(asked.answer().await.err(), Some(Unanswered::NoReply));
    }

    #[tokio::test]
    async fn a_request_does_not_wait_for_an_instance() {
        let (broker, fake) = (broker(10), Fake::new(0, 0));
        let _route = connect(&broker, ACCOUNT, plan("a.*"), &fake, &Pace::new(1));
        let ask = || broker.request(ACCOUNT, "a.b".parse().unwrap(), "?".into()).unwrap().unwrap();
        // No instance is free.
        assert_eq!(ask().answer().await.err(), Some(Unanswered::Busy));
        // One instance, which a request holds.
        fake.pool.add_permits(10);
        let first = ask();
        while fake.most.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(ask().answer().await.err(), Some(Unanswered::Busy));
        fake.calls.add_permits(1);
        assert_eq!(first.answer().await.err(), Some(Unanswered::NoReply));
    }

    #[tokio::test]
    async fn a_request_does_not_wait_behind_messages() {
        let (broker, fake) = (broker(10), Fake::new(10, 0));
        let _route = connect(&broker, ACCOUNT, plan("a.*"), &fake, &Pace::new(1));
        publish(&broker, 0..5);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let waiting = broker.request(ACCOUNT, "a.b".parse().unwrap(), "?".into()).unwrap().unwrap();
        while fake.most.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        fake.calls.add_permits(6);
        assert_eq!(waiting.answer().await.err(), Some(Unanswered::NoReply));
        assert_eq!(fake.logged(6).await.len(), 6);
    }

    #[tokio::test]
    async fn dropping_the_route_lets_running_handlers_finish() {
        let (broker, fake) = (broker(10), Fake::new(1, 0));
        let route = connect(&broker, ACCOUNT, plan("a.*"), &fake, &Pace::new(4));
        publish(&broker, 0..3);
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(route);
        assert_eq!(broker.publish(ACCOUNT, message("a.b", "late")), Sent::default());
        fake.calls.add_permits(10);
        assert_eq!(fake.logged(1).await, ["000"]);
        tokio::time::sleep(Duration::from_millis(30)).await;
        // The worker is gone, too: nobody else keeps the handler.
        assert_eq!((fake.log().len(), Arc::strong_count(&fake)), (1, 1));
    }

    #[tokio::test]
    async fn a_stopping_host_awaits_the_handlers_that_run() {
        let (broker, fake, pace) = (broker(10), Fake::new(2, 0), Pace::new(4));
        pace.idle().await;
        let _route = connect(&broker, ACCOUNT, plan("a.*"), &fake, &pace);
        publish(&broker, 0..3);
        tokio::time::sleep(Duration::from_millis(20)).await;
        broker.close();
        assert_eq!(broker.publish(ACCOUNT, message("a.b", "late")), Sent::default());
        assert!(tokio::time::timeout(Duration::from_millis(20), pace.idle()).await.is_err());
        fake.calls.add_permits(10);
        pace.idle().await;
        assert_eq!(fake.log(), ["000", "001"]);
    }

    #[tokio::test]
    async fn lapsed_claims_and_a_stopping_host() {
        let (broker, fake) = (broker(10), Fake::new(1, 10));
        *fake.busy.lock().unwrap() = Some(Busy::Revoked);
        let _route = connect(&broker, ACCOUNT, plan("a.*"), &fake, &Pace::new(4));
        let ask = || broker.request(ACCOUNT, "a.b".parse().unwrap(), "?".into()).unwrap();
        publish(&broker, 0..2);
        assert_eq!(ask().unwrap().answer().await.err(), Some(Unanswered::NoReply));
        assert_eq!(fake.logged(3).await, ["the component was revoked"; 3]);

        *fake.busy.lock().unwrap() = Some(Busy::Stopping);
        publish(&broker, 0..1);
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(ask().err(), Some(Unanswered::NoResponders));
        assert_eq!(broker.publish(ACCOUNT, message("a.b", "late")), Sent::default());
    }
}
