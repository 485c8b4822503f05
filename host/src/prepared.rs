//! A component that is ready to be called: a fresh store for every call, and its end, however it comes.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi::I32Exit;
use writ_provider::wasmtime::component::{InstancePre, ResourceTableError};
use writ_provider::wasmtime::{self, Engine, Store, Trap, UpdateDeadline, WasmBacktrace};
use writ_provider::{
    Busy, Callable, Deadline, Failure, FailureKind, Generation, Instance, Limits, MemoryBudget, Permit, Principal, Work,
};

use crate::compose::{Elsewhere, elsewhere, middleware};
use crate::engine::TABLE_ELEMENTS;
use crate::link::{Carrier, Linked};
use crate::shares::Share;
use crate::standing::Standing;

/// How much longer than its deadline a call is awaited: for a provider that forgot to end by it.
const GRACE: Duration = Duration::from_secs(2);
/// Bytes that one host call may lift out of a guest.
const HOST_CALL: usize = 4 << 20;
/// Handles to resources that an instance of a component may hold; those in one store hold together so many for each.
const HANDLES: usize = Instance::RESOURCES;

/// A component, verified, authorized, compiled and linked.
pub(crate) struct Prepared {
    pub(crate) engine: Engine,
    pub(crate) principal: Principal,
    pub(crate) linked: Linked,
    /// Bytes that all memories of a store may have together.
    pub(crate) memory: usize,
    /// How many instances of components run in a store.
    pub(crate) together: usize,
    pub(crate) time: Duration,
    pub(crate) budgets: Vec<Arc<MemoryBudget>>,
    pub(crate) pool: Pool,
    pub(crate) gate: Gate,
    /// In unix seconds: nothing new starts from then on.
    pub(crate) expires: u64,
    /// Of every component in the store.
    pub(crate) standings: Vec<Arc<Standing>>,
}

/// What a call passes before it takes a store.
#[derive(Clone)]
pub(crate) struct Gate {
    /// Open once the whole application is connected.
    generation: Generation,
    /// How many calls there may be at once: of the manifest component, where the manifest says so, and of its principal;
    /// and of all that its links lead to. With how many of each a call takes, in one order for all calls of the host, so
    /// that no two of them wait for each other.
    most: Vec<(Share, u32)>,
    /// How many stores a call takes: its own, and one for each link below it.
    stores: u32,
}

impl Gate {
    /// What a call of a component passes that has these bounds of its own and whose links lead to `callees`.
    pub(crate) fn new<'a>(
        generation: Generation,
        own: Vec<Share>,
        callees: impl Iterator<Item = &'a Gate> + Clone,
    ) -> Self {
        let below = callees.clone().flat_map(|callee| callee.most.iter().cloned());
        let mut most: Vec<(Share, u32)> = Vec::new();
        for (share, count) in own.into_iter().map(|share| (share, 1)).chain(below) {
            match most.iter_mut().find(|(other, _)| other.is(&share)) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None => most.push((share, count)),
            }
        }
        most.sort_by_key(|(share, _)| share.place());
        let stores = callees.fold(1, |sum: u32, callee| sum.saturating_add(callee.stores));
        Self { generation, most, stores }
    }

    /// How many instances a call takes at once of something that has fewer, and how many that has. Such a call never comes.
    pub(crate) fn excess(&self, pool: &Pool) -> Option<(u32, usize)> {
        let shares = self.most.iter().map(|(share, count)| (*count, share.most()));
        let all = shares.chain([(self.stores, usize::try_from(pool.most).unwrap_or(usize::MAX))]);
        // A component alone that may not run at all is its manifest's affair.
        let is_too_much =
            |(count, most): &(u32, usize)| *count > 1 && usize::try_from(*count).is_ok_and(|count| count > *most);
        all.into_iter().find(is_too_much)
    }

    /// Passes by `until`, or does not wait where that is now. What waits here holds no store.
    async fn pass(&self, until: Instant) -> Result<Vec<OwnedSemaphorePermit>, Busy> {
        if !self.generation.is_open() {
            match tokio::time::timeout_at(until.into(), self.generation.opened()).await {
                Ok(true) => {}
                // The deployment failed, and what it connected is about to go.
                Ok(false) => return Err(Busy::Stopping),
                Err(_) => return Err(Busy::Full),
            }
        }
        let mut held = Vec::with_capacity(self.most.len());
        for (share, count) in &self.most {
            held.push(take(share.semaphore(), *count, until).await?);
        }
        Ok(held)
    }
}

/// The stores of this host, counted. A call takes all it may need in one step.
#[derive(Clone)]
pub(crate) struct Pool {
    stores: Arc<Semaphore>,
    most: u32,
    stopping: Arc<AtomicBool>,
}

impl Pool {
    pub(crate) fn new(most: u32) -> Self {
        let stores = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(usize::MAX)));
        Self { stores, most, stopping: Arc::default() }
    }

    /// Refuses new calls from now on.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Awaits the end of every call that runs; false if some still do after `wait`.
    pub(crate) async fn idle(&self, wait: Duration) -> bool {
        tokio::time::timeout(wait, self.stores.acquire_many(self.most)).await.is_ok_and(|all| all.is_ok())
    }

    async fn take(&self, stores: u32, until: Instant) -> Result<OwnedSemaphorePermit, Busy> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Busy::Stopping);
        }
        take(&self.stores, stores, until).await
    }
}

/// Takes so many at once, or waits for them until then.
async fn take(semaphore: &Arc<Semaphore>, count: u32, until: Instant) -> Result<OwnedSemaphorePermit, Busy> {
    if let Ok(permit) = semaphore.clone().try_acquire_many_owned(count) {
        return Ok(permit);
    }
    if Instant::now() >= until {
        return Err(Busy::Full);
    }
    let waited = tokio::time::timeout_at(until.into(), semaphore.clone().acquire_many_owned(count)).await;
    waited.ok().and_then(Result::ok).ok_or(Busy::Full)
}

impl Prepared {
    /// A fresh store under this component's limits, and nothing in it but what it was granted.
    pub(crate) fn store(&self, deadline: Deadline) -> Store<Instance> {
        let handles = self.linked.attach.iter().map(|attach| attach.attach()).collect();
        let together = self.together;
        let tables = TABLE_ELEMENTS.saturating_mul(together);
        let limits = Limits::new(self.memory, tables, self.budgets.clone()).of(together);
        let states = self.linked.principals.iter().map(|(principal, wasi)| wasi.state(principal)).collect();
        let instance = Instance::new(handles, states, limits, deadline);
        let mut store = Store::new(&self.engine, instance);
        store.limiter(|instance| instance.limits());
        store.set_hostcall_fuel(HOST_CALL);
        store.set_max_component_handles(HANDLES.saturating_mul(together));
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| match store.data().deadline().has_passed() {
            true => Err(Trap::Interrupt.into()),
            false => Ok(UpdateDeadline::Yield(1)),
        });
        store
    }

    /// Whether something new of it may start, as at any call.
    pub(crate) fn may_start(&self) -> Result<(), Busy> {
        if crate::now() >= self.expires {
            return Err(Busy::Expired);
        }
        self.standings.iter().try_for_each(|standing| standing.admits())
    }

    /// How `work` ended; none where anything in the store was revoked before that, such as before it did anything.
    pub(crate) async fn unless_revoked<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        if self.standings.iter().any(|standing| standing.is_revoked()) {
            return None;
        }
        let mut work = pin!(work);
        // What does not wait cannot be overtaken, and being told of a revocation costs more than many a call.
        let mut revocation = None;
        poll_fn(|cx| {
            if let Some(revocation) = &mut revocation
                && Future::poll(Pin::new(revocation), cx).is_ready()
            {
                return Poll::Ready(None);
            }
            if let Poll::Ready(ended) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(ended));
            }
            if revocation.is_none() {
                let revocations = self.standings.iter().map(|standing| Box::pin(standing.revoked()));
                let told = revocation.insert(futures::future::select_all(revocations));
                return Pin::new(told).poll(cx).map(|_| None);
            }
            Poll::Pending
        })
        .await
    }

    /// Says how a call failed, in the log with the component's identity and to the caller in one line. What failed in a
    /// component that it called was logged there.
    pub(crate) fn failed(&self, error: &wasmtime::Error, refused_memory: bool, took: Duration) -> Failure {
        if let Some(elsewhere) = error.downcast_ref::<Elsewhere>() {
            return Failure { kind: elsewhere.failure.kind, reason: elsewhere.to_string() };
        }
        let (kind, reason) = classify(error, refused_memory);
        let backtrace = error.downcast_ref::<WasmBacktrace>();
        let place = self.place(backtrace);
        let whose = place.principal;
        let reason = too_large(error, (refused_memory, backtrace.is_some()), &place).unwrap_or(reason);
        let backtrace = backtrace.map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            target: "writ::failed",
            component = %whose,
            id = %whose.keyed(),
            ?kind,
            %reason,
            backtrace = %backtrace.trim_end(),
            ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "a call failed"
        );
        match whose == &self.principal {
            true => Failure { kind, reason },
            false => Failure { kind, reason: elsewhere(whose, &reason) },
        }
    }

    /// Whose code was running: the innermost frame's, by the name that its module was given when it was fused. What carries
    /// calls from store to store does so for a component.
    fn place(&self, backtrace: Option<&WasmBacktrace>) -> Place<'_> {
        let frames = backtrace.map(WasmBacktrace::frames).unwrap_or_default();
        let number = frames.iter().find_map(|frame| crate::fuse::numbered(frame.module().name()?)).unwrap_or(0);
        let Linked { principals, carriers, .. } = &self.linked;
        let carrier = number.checked_sub(principals.len()).and_then(|number| carriers.get(number));
        let named = principals.get(carrier.map_or(number, |carrier| carrier.part));
        Place { principal: named.map_or(&self.principal, |(principal, _)| principal), carrier }
    }

    /// Runs `work` in a fresh store until then, with what it starts behind it, and drops the store.
    pub(crate) fn run(
        self: Arc<Self>,
        permit: Permit,
        deadline: Deadline,
        work: Work,
    ) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            let started = Instant::now();
            // Making a handle and dropping it are a provider's code, and may panic as its host functions may.
            let made = std::panic::catch_unwind(AssertUnwindSafe(|| self.store(deadline)));
            let mut store = made.map_err(|panic| self.panicked(panic.as_ref()))?;
            middleware::lend(&mut store, &self.linked.behind, &permit);
            // Every host function ends by the deadline, so the call ends by itself. The longer wait is for one that does
            // not: its parked future is dropped, then its store, which no one enters again.
            let longest = deadline.instant() + GRACE;
            let call = AssertUnwindSafe(async {
                work(&mut store).await?;
                middleware::ended(&mut store, &self.linked.behind).await
            })
            .catch_unwind();
            let outcome = match self.unless_revoked(tokio::time::timeout_at(longest.into(), call)).await {
                None => Err(self.revoked()),
                Some(Ok(Ok(Ok(())))) => Ok(()),
                Some(Ok(Ok(Err(error)))) => {
                    let refused = store.data_mut().limits().refused();
                    Err(self.failed(&error, refused, started.elapsed()))
                }
                Some(Ok(Err(panic))) => Err(self.panicked(panic.as_ref())),
                Some(Err(_)) => Err(self.failed(&Trap::Interrupt.into(), false, started.elapsed())),
            };
            let dropped = std::panic::catch_unwind(AssertUnwindSafe(|| drop(store)));
            drop(permit);
            dropped.map_err(|panic| self.panicked(panic.as_ref()))?;
            outcome
        })
    }

    pub(crate) fn revoked(&self) -> Failure {
        let (kind, reason) = (FailureKind::Revoked, Busy::Revoked.to_string());
        let (component, id) = (&self.principal, self.principal.keyed());
        tracing::warn!(target: "writ::failed", %component, %id, ?kind, %reason, "a call was ended");
        Failure { kind, reason }
    }

    pub(crate) fn panicked(&self, panic: &(dyn std::any::Any + Send)) -> Failure {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        tracing::error!(
            target: "writ::failed",
            component = %self.principal,
            id = %self.principal.keyed(),
            kind = ?FailureKind::Panic,
            reason = %text,
            "a host function panicked"
        );
        Failure { kind: FailureKind::Panic, reason: "the host failed".to_owned() }
    }
}

/// Where a call failed.
struct Place<'a> {
    principal: &'a Principal,
    /// What was carrying a call there.
    carrier: Option<&'a Carrier>,
}

/// What was too large to go from one store to another, or to the host, if a call failed by that; or that what carries it was
/// refused memory. The error that wasmtime has for what is too large is known by its words alone. Where no frame is told no
/// guest was running: its answer was being read.
fn too_large(error: &wasmtime::Error, (refused_memory, ran): (bool, bool), place: &Place<'_>) -> Option<String> {
    let is_read = error.root_cause().to_string().contains("fuel allocated for hostcalls");
    let most = format!("{} MiB, which is the most that leaves a store at once", HOST_CALL >> 20);
    if refused_memory && matches!(error.downcast_ref(), Some(Trap::UnreachableCodeReached)) {
        // What carries it has no more; or a budget that others draw on is used up.
        let over = place.carrier?.import.clone().unwrap_or_else(|| "a link".to_owned());
        return Some(format!("it was refused memory for a call over {over}, whose values take at most {most}"));
    }
    let what = match place.carrier {
        Some(Carrier { import: Some(import), .. }) if is_read => format!("what it passed to {import}"),
        None if is_read && ran => "what it passed to the host".to_owned(),
        _ if is_read => "what it answered".to_owned(),
        _ => return None,
    };
    Some(format!("{what} takes more than {most}"))
}

fn classify(error: &wasmtime::Error, refused_memory: bool) -> (FailureKind, String) {
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return (FailureKind::Exit, format!("it called exit({code})"));
    }
    let root = error.root_cause().to_string();
    if let Some(busy) = error.downcast_ref::<Busy>() {
        return (FailureKind::Revoked, busy.to_string());
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => (FailureKind::Deadline, "its time was over".to_owned()),
        _ if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) || root.contains("store handle limit") => {
            (FailureKind::Trap, format!("it was refused another handle to a resource: an instance may hold {HANDLES}"))
        }
        _ if refused_memory => (FailureKind::Memory, format!("it was refused memory, and then: {root}")),
        _ => (FailureKind::Trap, root),
    }
}

/// A shared [`Prepared`], as triggers see it.
#[derive(Clone)]
pub(crate) struct Entry(pub(crate) Arc<Prepared>);

impl Callable for Entry {
    fn principal(&self) -> &Principal {
        &self.0.principal
    }

    fn generation(&self) -> &Generation {
        &self.0.gate.generation
    }

    fn pre(&self) -> &InstancePre<Instance> {
        &self.0.linked.pre
    }

    fn admit(&self, wait: Duration) -> BoxFuture<'_, Result<Permit, Busy>> {
        Box::pin(async move {
            self.0.may_start()?;
            let until = Instant::now() + wait;
            let passed = self.0.gate.pass(until).await?;
            let store = self.0.pool.take(self.0.gate.stores, until).await?;
            Ok(Permit::new((passed, store)))
        })
    }

    fn run(&self, permit: Permit, work: Work) -> BoxFuture<'static, Result<(), Failure>> {
        let prepared = self.0.clone();
        // Its time begins when it does.
        Box::pin(async move { prepared.clone().run(permit, Deadline::after(prepared.time), work).await })
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(self.0.time)
    }
}
