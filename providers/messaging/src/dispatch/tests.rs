//! Handlers that do what a test says, and what reaches them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::broker::Sent;
use crate::message::Unanswered;
use crate::testing::{broker, message, plan, principals};
use futures::FutureExt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use writ_provider::Opening;

/// Whose subscriptions all of these are.
static PRINCIPAL: LazyLock<Principal> = LazyLock::new(|| principals()[0].clone());
static ACCOUNT: LazyLock<Account> = LazyLock::new(|| Account::from(&*PRINCIPAL));

/// A handler with a pool of its own, whose calls last as long as the test says.
struct Fake {
    generation: Generation,
    opening: Mutex<Option<Opening>>,
    pool: Arc<Semaphore>,
    calls: Arc<Semaphore>,
    log: Arc<Mutex<Vec<String>>>,
    most: Arc<AtomicUsize>,
    busy: Mutex<Option<Busy>>,
}

impl Fake {
    /// In a deployment that is open. `calls` end at once; more when permits are added.
    fn new(pool: usize, calls: usize) -> Arc<Self> {
        let fake = Self::of(0, pool, calls);
        fake.open();
        fake
    }

    fn of(generation: u64, pool: usize, calls: usize) -> Arc<Self> {
        let (generation, opening) = Generation::new(generation);
        let [pool, calls] = [pool, calls].map(|permits| Arc::new(Semaphore::new(permits)));
        let (opening, log, most, busy) = (Some(opening).into(), Arc::default(), Arc::default(), Mutex::default());
        Arc::new(Self { generation, opening, pool, calls, log, most, busy })
    }

    fn open(&self) {
        self.opening.lock().unwrap().take().unwrap().open();
    }

    fn log(&self) -> Vec<String> {
        let mut log = self.log.lock().unwrap().clone();
        log.sort();
        log
    }

    /// Waits until one call has begun.
    async fn began(&self) {
        while self.most.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
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
    fn principal(&self) -> &Principal {
        &PRINCIPAL
    }

    fn generation(&self) -> &Generation {
        &self.generation
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

fn dispatch(broker: &Arc<Broker>, most: usize) -> Arc<Dispatch> {
    Arc::new(Dispatch::new(broker.clone(), Pace::new(most)))
}

fn publish(broker: &Arc<Broker>, bodies: std::ops::Range<u32>) -> Vec<String> {
    let body = |number: u32| format!("{number:03}");
    for number in bodies.clone() {
        broker.publish(*ACCOUNT, message("a.b", &body(number)));
    }
    bodies.map(body).collect()
}

#[tokio::test]
async fn brings_every_message_to_its_handler_a_few_at_a_time() {
    let (broker, fake) = (broker(100), Fake::new(100, 0));
    let _route = dispatch(&broker, 4).connect(plan("a.*"), fake.clone());
    let sent = publish(&broker, 0..50);
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!((fake.most.load(Ordering::SeqCst), fake.log().len()), (4, 0));
    fake.calls.add_permits(50);
    assert_eq!(fake.logged(50).await, sent);
}

#[tokio::test]
async fn a_message_waits_while_every_instance_is_in_use() {
    let (broker, fake) = (broker(3), Fake::new(0, 100));
    let _route = dispatch(&broker, 4).connect(plan("a.*"), fake.clone());
    publish(&broker, 0..3);
    tokio::time::sleep(Duration::from_millis(50)).await;
    // They count in the queue as long as they wait.
    assert_eq!(broker.publish(*ACCOUNT, message("a.b", "lost")), Sent { matched: 1, taken: 0 });
    assert_eq!(fake.log().len(), 0);
    fake.pool.add_permits(1);
    assert_eq!(fake.logged(3).await, ["000", "001", "002"]);
}

#[tokio::test]
async fn each_delivery_is_checked() {
    let (broker, fake) = (broker(10), Fake::new(4, 100));
    let _route = dispatch(&broker, 4).connect(plan("a.*"), fake.clone());
    broker.publish(*ACCOUNT, message("a.secret", "secret"));
    publish(&broker, 0..1);
    assert_eq!(fake.logged(1).await, ["000"]);
    let asked = broker.request(*ACCOUNT, "a.secret".parse().unwrap(), "?".into()).unwrap().unwrap();
    assert_eq!(asked.answer().await.err(), Some(Unanswered::NoReply));
}

#[tokio::test]
async fn a_request_does_not_wait_for_an_instance() {
    let (broker, fake) = (broker(10), Fake::new(0, 0));
    let _route = dispatch(&broker, 1).connect(plan("a.*"), fake.clone());
    let ask = || broker.request(*ACCOUNT, "a.b".parse().unwrap(), "?".into()).unwrap().unwrap();
    // No instance is free.
    assert_eq!(ask().answer().await.err(), Some(Unanswered::Busy));
    // One instance, which a request holds.
    fake.pool.add_permits(10);
    let first = ask();
    fake.began().await;
    assert_eq!(ask().answer().await.err(), Some(Unanswered::Busy));
    fake.calls.add_permits(1);
    assert_eq!(first.answer().await.err(), Some(Unanswered::NoReply));
}

#[tokio::test]
async fn a_request_does_not_wait_behind_messages() {
    let (broker, fake) = (broker(10), Fake::new(10, 0));
    let _route = dispatch(&broker, 1).connect(plan("a.*"), fake.clone());
    publish(&broker, 0..5);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let waiting = broker.request(*ACCOUNT, "a.b".parse().unwrap(), "?".into()).unwrap().unwrap();
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
    let route = dispatch(&broker, 4).connect(plan("a.*"), fake.clone());
    publish(&broker, 0..3);
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(route);
    assert_eq!(broker.publish(*ACCOUNT, message("a.b", "late")), Sent::default());
    fake.calls.add_permits(10);
    assert_eq!(fake.logged(1).await, ["000"]);
    tokio::time::sleep(Duration::from_millis(30)).await;
    // The worker is gone, too: nobody else keeps the handler.
    assert_eq!((fake.log().len(), Arc::strong_count(&fake)), (1, 1));
}

#[tokio::test]
async fn a_stopping_host_awaits_the_handlers_that_run() {
    let (broker, fake) = (broker(10), Fake::new(2, 0));
    let dispatch = dispatch(&broker, 4);
    dispatch.idle().await;
    let _route = dispatch.connect(plan("a.*"), fake.clone());
    publish(&broker, 0..3);
    tokio::time::sleep(Duration::from_millis(20)).await;
    broker.close();
    assert_eq!(broker.publish(*ACCOUNT, message("a.b", "late")), Sent::default());
    assert!(tokio::time::timeout(Duration::from_millis(20), dispatch.idle()).await.is_err());
    fake.calls.add_permits(10);
    dispatch.idle().await;
    assert_eq!(fake.log(), ["000", "001"]);
}

#[tokio::test]
async fn lapsed_claims_and_a_stopping_host() {
    let (broker, fake) = (broker(10), Fake::new(1, 10));
    *fake.busy.lock().unwrap() = Some(Busy::Revoked);
    let _route = dispatch(&broker, 4).connect(plan("a.*"), fake.clone());
    let ask = || broker.request(*ACCOUNT, "a.b".parse().unwrap(), "?".into()).unwrap();
    publish(&broker, 0..2);
    assert_eq!(ask().unwrap().answer().await.err(), Some(Unanswered::NoReply));
    assert_eq!(fake.logged(3).await, ["the component was revoked"; 3]);

    *fake.busy.lock().unwrap() = Some(Busy::Stopping);
    publish(&broker, 0..1);
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(ask().err(), Some(Unanswered::NoResponders));
    assert_eq!(broker.publish(*ACCOUNT, message("a.b", "late")), Sent::default());
}

#[tokio::test]
async fn a_newer_one_takes_what_a_revoked_one_would_drop() {
    let broker = broker(10);
    let dispatch = dispatch(&broker, 4);
    let [old, new] = [1, 2].map(|number| Fake::of(number, 10, 100));
    let _older = dispatch.connect(plan("a.*"), old.clone());
    old.open();
    *old.busy.lock().unwrap() = Some(Busy::Revoked);
    let ask = || broker.request(*ACCOUNT, "a.b".parse().unwrap(), "?".into()).unwrap().unwrap();
    let _newer = dispatch.connect(plan("a.*"), new.clone());
    publish(&broker, 0..1);
    assert_eq!(ask().answer().await.err(), Some(Unanswered::NoReply));
    assert_eq!(old.logged(2).await, ["the component was revoked"; 2], "the newer one is not open yet");
    new.open();
    publish(&broker, 1..2);
    assert_eq!(ask().answer().await.err(), Some(Unanswered::NoReply));
    assert_eq!((new.logged(2).await, old.log().len()), (vec!["001".to_owned(), "?".to_owned()], 2));
}

#[tokio::test]
async fn the_newest_that_is_open_takes_what_comes() {
    let broker = broker(10);
    let dispatch = dispatch(&broker, 4);
    let [old, new] = [1, 2].map(|number| Fake::of(number, 10, 100));
    let older = dispatch.connect(plan("a.*"), old.clone());
    let one = Sent { matched: 1, taken: 1 };
    assert_eq!(broker.publish(*ACCOUNT, message("a.b", "early")), Sent::default(), "nothing of it is open");
    old.open();
    let newer = dispatch.connect(plan("a.*"), new.clone());
    assert_eq!(broker.publish(*ACCOUNT, message("a.b", "1")), one);
    assert_eq!((old.logged(1).await, new.log().len()), (vec!["1".to_owned()], 0));
    new.open();
    assert_eq!(broker.publish(*ACCOUNT, message("a.b", "2")), one);
    assert_eq!(new.logged(1).await, ["2"]);
    drop(older);
    assert_eq!(broker.publish(*ACCOUNT, message("a.b", "3")), one);
    assert_eq!((new.logged(2).await, old.log().len()), (vec!["2".to_owned(), "3".to_owned()], 1));
    // Nothing keeps the older one any more.
    assert_eq!(Arc::strong_count(&old), 1);
    drop(newer);
    assert_eq!(broker.publish(*ACCOUNT, message("a.b", "late")), Sent::default());
}

#[tokio::test]
async fn what_waits_for_the_older_one_is_the_newer_ones() {
    let broker = broker(100);
    let dispatch = dispatch(&broker, 4);
    let [old, new] = [1, 2].map(|number| Fake::of(number, 1, 0));
    let older = dispatch.connect(plan("a.*|workers"), old.clone());
    old.open();
    let sent = publish(&broker, 0..50);
    old.began().await;
    let _newer = dispatch.connect(plan("a.*|workers"), new.clone());
    new.calls.add_permits(100);
    new.open();
    drop(older);
    assert_eq!(new.logged(49).await, sent[1..]);
    // The one that had begun ends where it began.
    assert_eq!((old.log().len(), old.most.load(Ordering::SeqCst)), (0, 1));
    old.calls.add_permits(100);
    assert_eq!(old.logged(1).await, sent[..1]);
    assert_eq!(new.log().len(), 49);
}

#[tokio::test]
async fn one_that_never_opens_leaves_the_older_one_as_it_was() {
    let broker = broker(100);
    let dispatch = dispatch(&broker, 4);
    let [old, new] = [1, 2].map(|number| Fake::of(number, 10, 100));
    let _older = dispatch.connect(plan("a.*"), old.clone());
    old.open();
    let newer = [plan("a.*"), plan("a.>")].map(|plan| dispatch.connect(plan, new.clone()));
    let mut sent = publish(&broker, 0..10);
    drop(newer);
    sent.extend(publish(&broker, 10..20));
    assert_eq!(old.logged(20).await, sent);
    assert_eq!((new.log().len(), Arc::strong_count(&new)), (0, 1));
}

#[tokio::test]
async fn dropping_the_newer_one_gives_everything_back() {
    let broker = broker(100);
    let dispatch = dispatch(&broker, 4);
    let [old, new] = [1, 2].map(|number| Fake::of(number, 1, 0));
    let _older = dispatch.connect(plan("a.*"), old.clone());
    let newer = dispatch.connect(plan("a.*"), new.clone());
    old.open();
    new.open();
    old.calls.add_permits(100);
    let sent = publish(&broker, 0..10);
    new.began().await;
    drop(newer);
    assert_eq!(old.logged(9).await, sent[1..]);
}

#[tokio::test]
async fn requests_go_to_the_newest_and_end_where_they_began() {
    let broker = broker(10);
    let dispatch = dispatch(&broker, 4);
    let [old, new] = [1, 2].map(|number| Fake::of(number, 10, 0));
    let older = dispatch.connect(plan("a.*"), old.clone());
    let _newer = dispatch.connect(plan("a.*"), new.clone());
    old.open();
    let ask = || broker.request(*ACCOUNT, "a.b".parse().unwrap(), "?".into()).unwrap().unwrap();
    let first = ask();
    old.began().await;
    new.open();
    let second = ask();
    new.began().await;
    drop(older);
    old.calls.add_permits(1);
    assert_eq!(first.answer().await.err(), Some(Unanswered::NoReply), "it ended, and was not dropped");
    assert_eq!((old.log().len(), new.log().len()), (1, 0));
    new.calls.add_permits(1);
    assert_eq!(second.answer().await.err(), Some(Unanswered::NoReply));
    assert_eq!(new.log().len(), 1);
}

#[tokio::test]
async fn what_a_component_holds_twice_it_holds_twice_after_a_swap() {
    let broker = broker(100);
    let dispatch = dispatch(&broker, 4);
    let [old, new] = [1, 2].map(|number| Fake::of(number, 10, 100));
    let twice = |fake: &Arc<Fake>| [(); 2].map(|()| dispatch.connect(plan("a.*"), fake.clone()));
    let (older, _newer) = (twice(&old), twice(&new));
    old.open();
    publish(&broker, 0..1);
    assert_eq!(old.logged(2).await, ["000", "000"]);
    new.open();
    publish(&broker, 1..2);
    assert_eq!((new.logged(2).await, old.log().len()), (vec!["001".to_owned(); 2], 2));
    drop(older);
    publish(&broker, 2..3);
    assert_eq!(new.logged(4).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_message_arrives_once_through_a_hundred_swaps() {
    let broker = broker(10_000);
    let dispatch = dispatch(&broker, 4);
    fn send(broker: &Broker, body: &str) {
        assert_eq!(broker.publish(*ACCOUNT, message("a.b", body)), Sent { matched: 1, taken: 1 });
    }
    let fakes: Vec<_> = (0..100).map(|number| Fake::of(number, 4, 10_000)).collect();
    let mut running = dispatch.connect(plan("a.*"), fakes[0].clone());
    fakes[0].open();
    for (round, fake) in fakes.iter().enumerate().skip(1) {
        let sender = |sender: usize| {
            let broker = broker.clone();
            tokio::spawn(async move {
                for number in 0..5 {
                    send(&broker, &format!("{round}/{sender}/{number}"));
                    tokio::task::yield_now().await;
                }
            })
        };
        let senders: Vec<_> = (0..4).map(sender).collect();
        let newer = dispatch.connect(plan("a.*"), fake.clone());
        tokio::task::yield_now().await;
        fake.open();
        drop(std::mem::replace(&mut running, newer));
        for sender in senders {
            sender.await.unwrap();
        }
        send(&broker, &format!("{round}"));
        fake.began().await;
    }
    let all = || fakes.iter().flat_map(|fake| fake.log()).collect::<Vec<_>>();
    let arrived = async {
        while all().len() < 99 * 21 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(20), arrived).await;
    let distinct: std::collections::HashSet<_> = all().into_iter().collect();
    assert_eq!((all().len(), distinct.len()), (99 * 21, 99 * 21));
}
