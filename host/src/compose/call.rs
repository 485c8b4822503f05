//! A call from one component to another: over the host, from store to store.

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use writ_provider::wasmtime::component::types::{ComponentInstance, ComponentItem};
use writ_provider::wasmtime::component::{self, ComponentExportIndex, LinkerInstance, Val};
use writ_provider::wasmtime::{self, Engine, Store, StoreContextMut};
use writ_provider::{Deadline, Failure, Grant, Instance, Principal, Slot};

use super::edges::Join;
use super::identity::Caller;
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
    instance: component::Instance,
}

/// One function of a linked interface.
struct Function {
    slot: Slot,
    index: ComponentExportIndex,
    /// What the caller asks of its own claims, and the callee's claims are asked.
    call: Asked,
    serve: Asked,
}

/// A call failed in another component than the one that a trigger called. It was logged there, under that component's name.
#[derive(Debug, thiserror::Error)]
#[error("{}", elsewhere(component, &failure.reason))]
pub(crate) struct Elsewhere {
    component: String,
    pub(crate) failure: Failure,
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

/// Links every function of an imported interface to the function of that name which the callee exports. `slot` holds the
/// edge's end.
pub(crate) fn link(
    engine: &Engine,
    interface: &ComponentInstance,
    join: &Join,
    edge: &Edge,
    slot: Slot,
    linker: &mut LinkerInstance<'_, Instance>,
) -> wasmtime::Result<()> {
    let component = edge.callee.linked.pre.component();
    let export = component.get_export_index(None, &*join.export.to_string());
    for (name, item) in interface.exports(engine) {
        let ComponentItem::ComponentFunc(_) = item.ty else { continue };
        let index = component.get_export_index(export.as_ref(), name);
        let index = index.ok_or_else(|| wasmtime::format_err!("{} has no `{name}`", join.export))?;
        let function = Arc::new(Function {
            slot,
            index,
            call: Asked::new(&join.import, &edge.caller, &edge.callee.principal),
            serve: Asked::new(&join.export, &edge.callee.principal, &edge.caller),
        });
        linker.func_new_async(name, move |caller, _, arguments, results| {
            Box::new(over(caller, function.clone(), arguments, results))
        })?;
    }
    Ok(())
}

/// One call. It ends by itself: by what is left of the caller's time, and of the callee's own.
async fn over(
    mut caller: StoreContextMut<'_, Instance>,
    function: Arc<Function>,
    arguments: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let until = caller.data().deadline();
    let callee: Option<&mut Callee> = caller.data_mut().held(function.slot.index());
    let callee = callee.ok_or_else(|| wasmtime::format_err!("the link has no end in this store"))?;
    callee.call(&function, until, arguments, results).await
}

impl Callee {
    async fn call(
        &mut self,
        function: &Function,
        until: Deadline,
        arguments: &[Val],
        results: &mut [Val],
    ) -> wasmtime::Result<()> {
        let edge = self.edge.clone();
        let refused = |refused: writ_provider::Refused| {
            wasmtime::format_err!("access-denied: {} {}", refused.document, refused.reason)
        };
        edge.call.permits(&function.call).map_err(refused)?;
        edge.serve.permits(&function.serve).map_err(refused)?;
        let callee = &edge.callee;
        let until = until.min(Deadline::after(callee.time));
        let started = Instant::now();
        // It is out of its place while it runs: what fails is not called again.
        let live = self.live.take();
        let work = AssertUnwindSafe(run(&edge, live, function, until, arguments, results)).catch_unwind();
        let ended = tokio::select! {
            biased;
            () = callee.revocation() => Err(callee.revoked()),
            ended = work => match ended {
                Ok(Ok(live)) => Ok(live),
                Ok(Err(Ended { error, refused_memory })) => match error.downcast::<Elsewhere>() {
                    // It was logged further down.
                    Ok(elsewhere) => return Err(elsewhere.into()),
                    Err(error) => Err(callee.failed(&error, refused_memory, started.elapsed())),
                },
                Err(panic) => Err(callee.panicked(panic.as_ref())),
            },
        };
        match ended {
            Ok(live) => {
                self.live = Some(live);
                Ok(())
            }
            Err(failure) => Err(Elsewhere { component: callee.principal.to_string(), failure }.into()),
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
async fn run(
    edge: &Edge,
    live: Option<Live>,
    function: &Function,
    until: Deadline,
    arguments: &[Val],
    results: &mut [Val],
) -> Result<Live, Ended> {
    let mut live = match live {
        Some(live) => live,
        None => begin(edge, until).await?,
    };
    live.store.data_mut().set_deadline(until);
    match carry(&mut live, function, arguments, results).await {
        Ok(()) => Ok(live),
        Err(error) => Err(Ended { error, refused_memory: live.store.data_mut().limits().refused() }),
    }
}

/// A fresh store of the callee, which knows who calls. It is asked as at any call whether the callee may still start.
async fn begin(edge: &Edge, until: Deadline) -> Result<Live, Ended> {
    let callee = &edge.callee;
    callee.may_start()?;
    let mut store = callee.store(until);
    if let Some(slot) = callee.linked.caller
        && let Some(Caller(caller)) = store.data_mut().held(slot.index())
    {
        *caller = Some(edge.caller.clone());
    }
    match callee.linked.pre.instantiate_async(&mut store).await {
        Ok(instance) => Ok(Live { store, instance }),
        Err(error) => Err(Ended { error, refused_memory: store.data_mut().limits().refused() }),
    }
}

/// Moves the arguments over, calls, and moves the results back: the one place that knows how values go from store to store.
async fn carry(live: &mut Live, function: &Function, arguments: &[Val], results: &mut [Val]) -> wasmtime::Result<()> {
    let Live { store, instance } = live;
    let called = instance.get_func(&mut *store, function.index);
    let called = called.ok_or_else(|| wasmtime::format_err!("the export is gone"))?;
    called.call_async(&mut *store, arguments, results).await
}
