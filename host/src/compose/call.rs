//! A call from one component to another: over the host, from store to store.

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures::FutureExt;
use writ_provider::wasmtime::component::{LinkerInstance, TypedFunc};
use writ_provider::wasmtime::{self, Store, StoreContextMut};
use writ_provider::{Deadline, Failure, Grant, Instance, Principal, Slot};

use super::edges::Join;
use super::identity::Caller;
use crate::carry::RECEIVE;
use crate::links::{Asked, Call, Serve};
use crate::prepared::Prepared;
use crate::registry::Attach;

/// A link between two components, ready to be called over.
pub(crate) struct Edge {
    pub(crate) callee: Arc<Prepared>,
    pub(crate) caller: Principal,
    /// What the caller may call.
    pub(crate) call: Grant<Call>,
    /// Whom the callee serves.
    pub(crate) serve: Grant<Serve>,
}

/// What a caller's store holds of an edge: the callee's store, once it was called.
struct Callee {
    edge: Arc<Edge>,
    live: Option<Live>,
}

struct Live {
    store: Store<Instance>,
    receive: TypedFunc<(u32, Vec<u8>), (Vec<u8>,)>,
}

/// One interface of a link.
pub(super) struct Way {
    /// Where the caller's store holds the link's end.
    pub(super) slot: Slot,
    /// What the caller asks of its own claims, and the callee's claims are asked.
    call: Asked,
    serve: Asked,
    /// Whether both permitted it, and always will.
    settled: AtomicBool,
}

impl Way {
    pub(super) fn new(join: &Join, edge: &Edge, slot: Slot) -> Self {
        Self {
            slot,
            call: Asked::new(&join.import, &edge.caller, &edge.callee.principal),
            serve: Asked::new(&join.export, &edge.callee.principal, &edge.caller),
            settled: AtomicBool::new(false),
        }
    }
}

impl Edge {
    /// Asks the claims of both ends again, at each call; where their answer cannot change, it is counted alone.
    pub(super) fn permits(&self, way: &Way) -> wasmtime::Result<()> {
        if way.settled.load(Ordering::Relaxed) {
            self.call.used_again();
            self.serve.used_again();
            return Ok(());
        }
        let refused = |refused: writ_provider::Refused| {
            wasmtime::format_err!("access-denied: {} {}", refused.document, refused.reason)
        };
        self.call.permits(&way.call).map_err(refused)?;
        self.serve.permits(&way.serve).map_err(refused)?;
        way.settled.store(self.call.is_fixed() && self.serve.is_fixed(), Ordering::Relaxed);
        Ok(())
    }

    /// Tells a fresh store of the callee who calls.
    pub(super) fn introduce(&self, store: &mut Store<Instance>) {
        if let Some(slot) = self.callee.linked.caller
            && let Some(Caller(caller)) = store.data_mut().held(slot.index())
        {
            *caller = Some(self.caller.clone());
        }
    }
}

/// A call failed in another component than the one that a trigger called. It was logged there, under that component's name.
#[derive(Debug, thiserror::Error)]
#[error("{}", elsewhere(component, &failure.reason))]
pub(crate) struct Elsewhere {
    component: String,
    pub(crate) failure: Failure,
}

impl Elsewhere {
    pub(super) fn of(callee: &Prepared, failure: Failure) -> Self {
        Self { component: callee.principal.to_string(), failure }
    }
}

/// How a failure in another component reads, for whoever called the first.
pub(crate) fn elsewhere(component: impl fmt::Display, reason: &str) -> String {
    format!("{component}, which it called: {reason}")
}

/// Puts an edge's end into each fresh store of the caller. Nothing is made of the callee until it is called.
pub(crate) struct Ends(pub(crate) Arc<Edge>);

impl Attach for Ends {
    fn attach(&self) -> Box<dyn Any + Send> {
        Box::new(Callee { edge: self.0.clone(), live: None })
    }
}

/// Links what a sender calls. `slot` holds the edge's end.
pub(crate) fn link(
    join: &Join,
    edge: &Edge,
    slot: Slot,
    linker: &mut LinkerInstance<'_, Instance>,
) -> wasmtime::Result<()> {
    let way = Arc::new(Way::new(join, edge, slot));
    linker.func_wrap_async("carry", move |caller, (function, image): (u32, Vec<u8>)| {
        let way = way.clone();
        Box::new(async move { Ok((over(caller, &way, function, image).await?,)) })
    })
}

/// One call. It ends by itself: by what is left of the caller's time, and of the callee's own.
async fn over(
    mut caller: StoreContextMut<'_, Instance>,
    way: &Way,
    function: u32,
    image: Vec<u8>,
) -> wasmtime::Result<Vec<u8>> {
    let until = caller.data().deadline();
    let callee: Option<&mut Callee> = caller.data_mut().held(way.slot.index());
    let callee = callee.ok_or_else(|| wasmtime::format_err!("the link has no end in this store"))?;
    callee.call(way, until, function, image).await
}

impl Callee {
    async fn call(&mut self, way: &Way, until: Deadline, function: u32, image: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        let Self { edge, live } = self;
        edge.permits(way)?;
        let callee = &edge.callee;
        let started = Instant::now();
        let until = until.min(Deadline::since(started, callee.time));
        // It is out of its place while it runs: what fails is not called again.
        let work = pin!(AssertUnwindSafe(run(edge, live.take(), until, (function, image))).catch_unwind());
        let ended = match callee.unless_revoked(work).await {
            None => Err(callee.revoked()),
            Some(Ok(Ok(done))) => Ok(done),
            Some(Ok(Err(Ended { error, refused_memory }))) => match error.downcast::<Elsewhere>() {
                // It was logged further down.
                Ok(elsewhere) => return Err(elsewhere.into()),
                Err(error) => Err(callee.failed(&error, refused_memory, started.elapsed())),
            },
            Some(Err(panic)) => Err(callee.panicked(panic.as_ref())),
        };
        match ended {
            Ok((still, reply)) => {
                *live = Some(still);
                Ok(reply)
            }
            Err(failure) => Err(Elsewhere::of(callee, failure).into()),
        }
    }
}

/// How a call failed.
struct Ended {
    error: wasmtime::Error,
    refused_memory: bool,
}

impl<E: Into<wasmtime::Error>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self { error: error.into(), refused_memory: false }
    }
}

/// Calls in the callee's store, which is made first where there is none yet.
async fn run(edge: &Edge, live: Option<Live>, until: Deadline, call: (u32, Vec<u8>)) -> Result<(Live, Vec<u8>), Ended> {
    let mut live = match live {
        Some(live) => live,
        // Seldom, and large: what is called again and again should not carry it along.
        None => Box::pin(begin(edge, until)).await?,
    };
    live.store.data_mut().set_deadline(until);
    match live.receive.call_async(&mut live.store, call).await {
        Ok((reply,)) => Ok((live, reply)),
        Err(error) => Err(Ended { error, refused_memory: live.store.data_mut().limits().refused() }),
    }
}

/// A fresh store of the callee, which knows who calls. It is asked as at any call whether the callee may still start.
async fn begin(edge: &Edge, until: Deadline) -> Result<Live, Ended> {
    let callee = &edge.callee;
    callee.may_start()?;
    let mut store = callee.store(until);
    edge.introduce(&mut store);
    match receiver(callee, &mut store).await {
        Ok(receive) => Ok(Live { store, receive }),
        Err(error) => Err(Ended { error, refused_memory: store.data_mut().limits().refused() }),
    }
}

async fn receiver(
    callee: &Prepared,
    store: &mut Store<Instance>,
) -> wasmtime::Result<TypedFunc<(u32, Vec<u8>), (Vec<u8>,)>> {
    let instance = callee.linked.pre.instantiate_async(&mut *store).await?;
    let interface = instance.get_export_index(&mut *store, None, RECEIVE);
    let receive = instance.get_export_index(&mut *store, interface.as_ref(), "receive");
    let receive = receive.ok_or_else(|| wasmtime::format_err!("{} has no receiver", callee.principal))?;
    instance.get_typed_func(&mut *store, receive)
}
