//! Brings the messages of components' subscriptions to their handlers.
//!
//! | message | how | if every instance is in use |
//! |---|---|---|
//! | published | waits in the subscription's queue | stays there until one is free |
//! | request | at once, beside the queue: who asks is running, and nothing running waits for another's end to start | refused as busy |
//!
//! Of each kind so many run at once; in which order they end is not promised.
//!
//! A subscription is its component's, whatever the number of deployments: while a component is swapped, the older and the
//! newer one share the queue and its bounds, and the newest that is open takes what has not begun. So nothing is delivered
//! twice, and nothing that waits goes with the older one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::runtime::Handle as Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use writ_provider::{Busy, Generation, Permit, Principal};

use crate::broker::{Account, Broker, Registration, Responder, Subscriber};
use crate::claim::Plan;
use crate::message::Message;

/// What handles the messages of a subscription: a component, as the host lets it be called.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Whose subscription it is.
    fn principal(&self) -> &Principal;
    /// Which deployment of it this is.
    fn generation(&self) -> &Generation;
    /// Takes what one call needs, waiting at most so long.
    fn admit(&self, wait: Duration) -> BoxFuture<'_, Result<Permit, Busy>>;
    /// Whether it may receive this message.
    fn permits(&self, message: &Message) -> bool;
    /// Handles it. Failures are logged there.
    fn handle(&self, permit: Permit, message: Message) -> BoxFuture<'static, ()>;
    /// A message was dropped, since the handler's claims have expired or were revoked, or it is not known whether they were.
    fn lapsed(&self, message: &Message, why: Busy);
}

/// The subscriptions of components.
pub(crate) struct Dispatch {
    broker: Arc<Broker>,
    pace: Pace,
    lines: Mutex<Vec<(Arc<Line>, Registration)>>,
}

/// Keeps a handler connected. When the last of its line goes, the subscription ends, and what waits; handlers that run do
/// not.
pub(crate) struct Connection {
    dispatch: Arc<Dispatch>,
    line: Arc<Line>,
    generation: u64,
}

/// One subscription of a component, and its handlers: at most one of each generation.
struct Line {
    principal: Principal,
    plan: Plan,
    handlers: Mutex<Vec<Arc<dyn Handler>>>,
    /// How many requests run at once.
    requests: Arc<Semaphore>,
    pace: Pace,
    runtime: Runtime,
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

impl Dispatch {
    pub(crate) fn new(broker: Arc<Broker>, pace: Pace) -> Self {
        Self { broker, pace, lines: Mutex::default() }
    }

    /// Subscribes the handler, or adds it to the subscription that another generation of its component holds. Must be
    /// called in a tokio runtime, which its handlers will run on.
    pub(crate) fn connect(self: &Arc<Self>, plan: Plan, handler: Arc<dyn Handler>) -> Connection {
        let generation = handler.generation().number();
        let mut lines = self.lines();
        let line = match lines.iter().find(|(line, _)| line.has_room(&plan, handler.as_ref())) {
            Some((line, _)) => line.clone(),
            None => {
                let line = Arc::new(Line::new(plan, handler.principal().clone(), self.pace.clone()));
                lines.push((line.clone(), self.open(&line)));
                line
            }
        };
        line.handlers().push(handler);
        drop(lines);
        Connection { dispatch: self.clone(), line, generation }
    }

    /// Waits until no handler runs.
    pub(crate) async fn idle(&self) {
        self.pace.idle().await;
    }

    fn open(&self, line: &Arc<Line>) -> Registration {
        let (account, who) = (Account::from(&line.principal), line.principal.to_string());
        let registration = self.broker.subscribe(account, line.plan.clone(), who, Some(line.clone()));
        let worker = Worker {
            subscriber: registration.subscriber.clone(),
            line: line.clone(),
            slots: Arc::new(Semaphore::new(self.pace.most)),
        };
        line.runtime.spawn(worker.run());
        registration
    }

    fn lines(&self) -> MutexGuard<'_, Vec<(Arc<Line>, Registration)>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut lines = self.dispatch.lines();
        let gone = self.line.remove(self.generation);
        let empty = lines.iter().position(|(line, _)| Arc::ptr_eq(line, &self.line) && line.handlers().is_empty());
        let ended = empty.map(|index| lines.swap_remove(index));
        drop(lines);
        // With them a component may go, and what it holds: not under the lock.
        drop((ended, gone));
    }
}

impl Line {
    fn new(plan: Plan, principal: Principal, pace: Pace) -> Self {
        let requests = Arc::new(Semaphore::new(pace.most));
        Self { principal, plan, handlers: Mutex::default(), requests, pace, runtime: Runtime::current() }
    }

    /// Whether the handler holds this very subscription, in a generation that none of its handlers is of. One component
    /// may hold it twice in one deployment: those are two.
    fn has_room(&self, plan: &Plan, handler: &dyn Handler) -> bool {
        let new = handler.generation().number();
        self.plan == *plan
            && self.principal == *handler.principal()
            && self.handlers().iter().all(|held| held.generation().number() != new)
    }

    /// The handler whose turn it is now.
    fn current(&self) -> Option<Arc<dyn Handler>> {
        self.handlers().iter().max_by_key(|handler| handler.generation().rank()).cloned()
    }

    fn is_current(&self, handler: &dyn Handler) -> bool {
        self.current().is_some_and(|current| current.generation().number() == handler.generation().number())
    }

    fn remove(&self, generation: u64) -> Option<Arc<dyn Handler>> {
        let mut handlers = self.handlers();
        let index = handlers.iter().position(|handler| handler.generation().number() == generation)?;
        Some(handlers.swap_remove(index))
    }

    fn handlers(&self) -> MutexGuard<'_, Vec<Arc<dyn Handler>>> {
        self.handlers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Responder for Line {
    fn is_open(&self) -> bool {
        self.handlers().iter().any(|handler| handler.generation().is_open())
    }

    fn answer(&self, request: Message) -> bool {
        let Ok(slot) = self.requests.clone().try_acquire_owned() else { return false };
        let Some(handler) = self.current() else { return false };
        let running = self.pace.begin();
        self.runtime.spawn(async move {
            match handler.admit(Duration::ZERO).await {
                Ok(permit) if handler.permits(&request) => handler.handle(permit, request).await,
                Ok(_) => {}
                Err(why @ (Busy::Expired | Busy::Suspended | Busy::Revoked)) => handler.lapsed(&request, why),
                Err(_) => request.refused_busy(),
            }
            drop((slot, running));
        });
        true
    }
}

impl Pace {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.min(Semaphore::MAX_PERMITS), running: Arc::new(watch::Sender::new(0)) }
    }

    fn begin(&self) -> Running {
        self.running.send_modify(|running| *running = running.saturating_add(1));
        Running(self.running.clone())
    }

    /// Waits until no handler runs.
    async fn idle(&self) {
        // It fails only without a sender, and one is ours.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running = running.saturating_sub(1));
    }
}

/// Takes messages out of one subscription's queue.
struct Worker {
    subscriber: Arc<Subscriber>,
    line: Arc<Line>,
    slots: Arc<Semaphore>,
}

impl Worker {
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
            let Some(handler) = self.line.current() else { return };
            // The message stays in the queue, where it counts, until there is an instance for it.
            match handler.admit(ADMIT).await {
                // Another took over, or this one went, while it waited.
                _ if !self.line.is_current(handler.as_ref()) => {}
                Ok(permit) => self.start(slot, permit, handler),
                Err(Busy::Full) => tokio::time::sleep(PAUSE).await,
                Err(Busy::Stopping) => return,
                Err(why) => self.lapse(handler.as_ref(), why),
            }
        }
    }

    fn start(&self, slot: OwnedSemaphorePermit, permit: Permit, handler: Arc<dyn Handler>) {
        let Some(message) = self.subscriber.queue.take() else { return };
        if !handler.permits(&message) {
            return;
        }
        let running = self.line.pace.begin();
        tokio::spawn(async move {
            handler.handle(permit, message).await;
            drop((slot, running));
        });
    }

    fn lapse(&self, handler: &dyn Handler, why: Busy) {
        if let Some(message) = self.subscriber.queue.take() {
            handler.lapsed(&message, why);
        }
    }
}

/// How long one attempt to get an instance waits.
const ADMIT: Duration = Duration::from_secs(1);
/// Between two attempts, so that a host that answers at once is not asked in a loop.
const PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests;
