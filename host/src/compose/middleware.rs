//! A component in front of another's HTTP handler: its import of `wasi:http/incoming-handler` is linked to the other's export.
//!
//! This is the one interface with resources that goes from store to store. The host takes the request and the right to
//! answer it out of the caller's store, and puts them into a fresh one of the callee. The bodies go over as they are: what
//! either end has not read yet is nowhere but where it comes from. The callee runs beside its caller, which may return before
//! it: the caller's call ends when both have.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use http_body_util::BodyExt;
use tokio::sync::oneshot;
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};
use wasmtime_wasi_http::{WasiHttp, WasiHttpView};
use writ_provider::wasmtime::component::{LinkerInstance, Resource};
use writ_provider::wasmtime::{self, Store, StoreContextMut};
use writ_provider::{Deadline, Failure, GuestBody, Instance, Outcome, Permit, Slot, UnlessDone, Work};

use super::call::{Edge, Elsewhere, Way};
use super::edges::Join;
use super::request::{Request, Unfit};
use crate::names::InterfaceName;
use crate::registry::Attach;

/// Whether that is the interface by which a component is put in front of another.
pub(crate) fn is_handler(name: &InterfaceName) -> bool {
    HANDLER.parse::<InterfaceName>().is_ok_and(|handler| handler.matches(name))
}

/// What a caller's store holds of a link to a handler: how it is called, and what runs once it was.
struct Behind {
    front: Front,
    /// The caller's, which was taken for the callee as well.
    permit: Option<Permit>,
    running: Option<AbortOnDropJoinHandle<Result<(), Failure>>>,
}

/// A link to a handler, ready to be called over. Puts its end into each fresh store of the caller.
#[derive(Clone)]
pub(crate) struct Front {
    edge: Arc<Edge>,
    proxy: ProxyPre<Instance>,
}

impl Front {
    /// Finds the export once, so that a request finds it at no cost.
    ///
    /// # Errors
    /// Where the callee has no such export as this host calls.
    pub(crate) fn new(edge: Arc<Edge>) -> wasmtime::Result<Self> {
        let proxy = ProxyPre::new(edge.callee.linked.pre.clone())?;
        Ok(Self { edge, proxy })
    }
}

impl Attach for Front {
    fn attach(&self) -> Box<dyn Any + Send> {
        Box::new(Behind { front: self.clone(), permit: None, running: None })
    }
}

/// Links the import of who is in front. `slot` holds the link's end, and `own` is the number of its principal.
pub(crate) fn link(
    join: &Join,
    edge: &Edge,
    (slot, own): (Slot, Slot),
    linker: &mut LinkerInstance<'_, Instance>,
) -> wasmtime::Result<()> {
    let way = Way::new(join, edge, slot);
    let view = own.getter::<WasiHttp>();
    linker.func_wrap(
        "handle",
        move |mut caller: StoreContextMut<'_, Instance>,
              (request, answer): (Resource<HostIncomingRequest>, Resource<HostResponseOutparam>)| {
            let until = caller.data().deadline();
            let mut http = view(caller.data_mut());
            let request =
                Request::take(&mut http, request)?.map_err(|Unfit { reason }| wasmtime::Error::msg(reason))?;
            let answer = http.table.delete(answer)?;
            let behind: Option<&mut Behind> = caller.data_mut().held(way.slot.index());
            let behind = behind.ok_or_else(|| wasmtime::format_err!("the link has no end in this store"))?;
            behind.start(&way, until, request, answer)
        },
    )
}

impl Behind {
    /// Starts the callee. It ends by what is left of the caller's time, and of its own.
    fn start(
        &mut self,
        way: &Way,
        until: Deadline,
        request: Request,
        answer: HostResponseOutparam,
    ) -> wasmtime::Result<()> {
        // A call has one request, and a request is passed on once.
        let Some(permit) = self.permit.take() else {
            wasmtime::bail!("a request was passed on over this link already");
        };
        let edge = &self.front.edge;
        edge.permits(way)?;
        let callee = edge.callee.clone();
        if let Err(busy) = callee.may_start() {
            let failure = callee.failed(&wasmtime::Error::new(busy), false, Duration::ZERO);
            return Err(Elsewhere::of(&callee, failure).into());
        }
        let until = until.min(Deadline::after(callee.time));
        let work = self.front.clone().work(request, answer);
        self.running = Some(spawn(callee.run(permit, until, work)));
        Ok(())
    }
}

impl Front {
    /// What is done in the callee's store.
    fn work(self, request: Request, answer: HostResponseOutparam) -> Work {
        let outcome = Outcome::default();
        // Made out here, so that a call whose work never starts counts as failed too.
        let unless_done = outcome.unless_done();
        let (was_answered, answered) = oneshot::channel();
        let answer = move |said: Result<http::Response<_>, _>| {
            let _ = was_answered.send(());
            let guarded = |body| GuestBody::new(body, outcome).boxed_unsync();
            (answer.send)(said.map(|response: http::Response<_>| response.map(guarded)));
        };
        Box::new(move |store| {
            async move {
                self.edge.introduce(store);
                let mut http = store.data_mut().http();
                let request = request.put(&mut http)?;
                let answer = http.new_response_outparam_from_callback(answer)?;
                self.handle(store, (request, answer), unless_done).await?;
                self.answered(store, answered).await
            }
            .boxed()
        })
    }

    async fn handle(
        &self,
        store: &mut Store<Instance>,
        (request, answer): (Resource<HostIncomingRequest>, Resource<HostResponseOutparam>),
        unless_done: UnlessDone,
    ) -> wasmtime::Result<()> {
        let proxy = self.proxy.instantiate_async(&mut *store).await?;
        proxy.wasi_http_incoming_handler().call_handle(&mut *store, request, answer).await?;
        unless_done.done(store.data_mut().http().table);
        Ok(())
    }

    /// Awaits what is behind the callee, and sees that somebody answered: whoever is in front could not tell who did not.
    async fn answered(&self, store: &mut Store<Instance>, mut answered: oneshot::Receiver<()>) -> wasmtime::Result<()> {
        // Where the right to answer was passed on and lost there, this fails, and says so.
        ended(store, &self.edge.callee.linked.behind).await?;
        answered.try_recv().map_err(|_| wasmtime::format_err!("it returned without a response"))
    }
}

/// Gives the links of a fresh store the right to hold those of what is behind it, as long as that runs.
pub(crate) fn lend(store: &mut Store<Instance>, links: &[Slot], permit: &Permit) {
    for slot in links {
        let behind: Option<&mut Behind> = store.data_mut().held(slot.index());
        if let Some(behind) = behind {
            behind.permit = Some(permit.clone());
        }
    }
}

/// Awaits the end of what was started from a store over these links.
///
/// # Errors
/// [`Elsewhere`], where it failed.
pub(crate) async fn ended(store: &mut Store<Instance>, links: &[Slot]) -> wasmtime::Result<()> {
    for slot in links {
        let behind: Option<&mut Behind> = store.data_mut().held(slot.index());
        let Some(behind) = behind else { continue };
        let Some(running) = behind.running.take() else { continue };
        let callee = behind.front.edge.callee.clone();
        running.await.map_err(|failure| Elsewhere::of(&callee, failure))?;
    }
    Ok(())
}

const HANDLER: &str = "wasi:http/incoming-handler@0.2.0";
