//! How a trigger calls into a component.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use wasmtime::Store;
use wasmtime::component::InstancePre;

use crate::{Deadline, Generation, Instance, Principal};

/// A component ready to be called: verified, authorized, compiled and linked once.
#[derive(Clone)]
pub struct Target(Arc<dyn Callable>);

/// What the host does for a trigger. Triggers use it through [`Target`].
pub trait Callable: Send + Sync + 'static {
    /// The component's principal.
    fn principal(&self) -> &Principal;
    /// Which deployment it belongs to.
    fn generation(&self) -> &Generation;
    /// The linked component: what bindgen's `…Pre::new` takes.
    fn pre(&self) -> &InstancePre<Instance>;
    /// Takes the permits for all the stores the call may need in one step, waiting at most `wait`.
    fn admit(&self, wait: Duration) -> BoxFuture<'_, Result<Permit, Busy>>;
    /// Makes a fresh store, runs `work` in it under the limits with a catch, logs how it failed, and drops the store.
    fn run(&self, permit: Permit, work: Work) -> BoxFuture<'static, Result<(), Failure>>;
    /// When a call that starts now would end.
    fn deadline(&self) -> Deadline;
}

/// What is done in a fresh store: instantiate [`Target::pre`], call an export, keep the answer.
pub type Work = Box<dyn for<'a> FnOnce(&'a mut Store<Instance>) -> BoxFuture<'a, wasmtime::Result<()>> + Send>;

/// The right to hold the stores of one call. Dropping the last of its clones gives them back.
#[derive(Clone)]
pub struct Permit {
    _held: Arc<dyn Send + Sync>,
}

impl Permit {
    /// Keeps `held` until the permit is dropped.
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self { _held: Arc::new(held) }
    }
}

/// Every store is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Busy {
    /// None became free in the time allowed.
    #[error("every instance is in use")]
    Full,
    /// The host is stopping.
    #[error("the host is stopping")]
    Stopping,
    /// The signature's time is over: nothing new starts.
    #[error("the component's claims have expired")]
    Expired,
    /// It is not known whether the component was revoked: nothing new starts.
    #[error("it is not known whether the component was revoked")]
    Suspended,
    /// What the component rests on was revoked.
    #[error("the component was revoked")]
    Revoked,
}

/// A call that did not end well. It was logged, with the component's identity, where it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub kind: FailureKind,
    /// One line that says so.
    pub reason: String,
}

/// What happened to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The guest trapped.
    Trap,
    /// Its time was over, computing or asleep.
    Deadline,
    /// It trapped after it was refused memory.
    Memory,
    /// It called `exit`.
    Exit,
    /// A host function panicked.
    Panic,
    /// It was ended, because what it rests on was revoked meanwhile.
    Revoked,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}

impl Target {
    /// A target that calls through `callable`.
    pub fn new(callable: Arc<dyn Callable>) -> Self {
        Self(callable)
    }

    /// The component's principal.
    pub fn principal(&self) -> &Principal {
        self.0.principal()
    }

    /// Which deployment it belongs to: see [`Trigger::connect`](crate::Trigger::connect).
    pub fn generation(&self) -> &Generation {
        self.0.generation()
    }

    /// The linked component: what bindgen's `…Pre::new` takes.
    pub fn pre(&self) -> &InstancePre<Instance> {
        self.0.pre()
    }

    /// When a call that starts now would end.
    pub fn deadline(&self) -> Deadline {
        self.0.deadline()
    }

    /// Takes the permits for all the stores a call may need in one step, waiting at most `wait`; zero does not wait.
    ///
    /// # Errors
    /// [`Busy`]. Something that already runs (a guest awaiting a reply) must pass zero: nothing running waits for the pool.
    pub async fn admit(&self, wait: Duration) -> Result<Permit, Busy> {
        self.0.admit(wait).await
    }

    /// Runs `work` in a fresh store and awaits its end; the store is dropped with it.
    ///
    /// The future does not borrow the target: spawn it, so that a caller that goes away does not drop a running guest.
    ///
    /// # Errors
    /// [`Failure`], already logged with the component's identity and, for a trap, the guest's backtrace.
    pub fn run<F>(&self, permit: Permit, work: F) -> BoxFuture<'static, Result<(), Failure>>
    where
        F: for<'a> FnOnce(&'a mut Store<Instance>) -> BoxFuture<'a, wasmtime::Result<()>> + Send + 'static,
    {
        self.0.run(permit, Box::new(work))
    }
}
