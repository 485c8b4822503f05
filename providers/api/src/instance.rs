//! The data of a store: flat lists of what its principals hold.

use std::any::Any;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

use crate::{Deadline, Limits, Provider};

/// What a store holds: its resources, one handle per grant, one WASI state per principal, its limits and its deadline.
///
/// It is made by the host for one call and dropped after it. Nothing in it names a caller; see [`Slot`](crate::Slot).
pub struct Instance {
    // Dropped first: what a provider still does for a call that ended ends as failed, before the resources it works on go
    // and it could look as if it had come to its end.
    handles: Vec<Box<dyn Any + Send>>,
    table: ResourceTable,
    principals: Vec<Baseline>,
    http: WasiHttpCtx,
    limits: Limits,
    deadline: Deadline,
}

/// What every principal gets without a claim.
pub struct Baseline {
    /// The baseline of WASI: no arguments, no environment, no folders, no network, output to the log.
    pub wasi: WasiCtx,
    /// What outgoing HTTP does for this principal.
    pub http: Box<dyn WasiHttpHooks>,
}

/// Bytes of one HTTP message's fields, in memory.
const HTTP_FIELDS: usize = 64 << 10;

impl Instance {
    /// How many resources the handles of a store may refer to, for each instance of a component in it.
    pub const RESOURCES: usize = 1_000;

    /// A store's data. `handles` by slot, `principals` by their number; there is at least one.
    pub fn new(
        handles: Vec<Box<dyn Any + Send>>,
        principals: Vec<Baseline>,
        limits: Limits,
        deadline: Deadline,
    ) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(Self::RESOURCES.saturating_mul(limits.components()));
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HTTP_FIELDS);
        Self { table, handles, principals, http, limits, deadline }
    }

    /// When its call ends.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Sets when the next call ends. A store that another store's component calls is called more than once.
    pub fn set_deadline(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    /// What lies at a slot, if it is a `T`. For what the host itself attached; a provider's handle is found by
    /// [`Slot::getter`](crate::Slot::getter).
    pub fn held<T: Any>(&mut self, slot: usize) -> Option<&mut T> {
        let handle: &mut dyn Any = self.handles.get_mut(slot)?.as_mut();
        handle.downcast_mut()
    }

    /// What it may take up. The host gives it to wasmtime.
    pub fn limits(&mut self) -> &mut Limits {
        &mut self.limits
    }

    /// The store's resources.
    pub fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// The WASI state of the principal of that number.
    pub fn wasi(&mut self, principal: usize) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut baseline(&mut self.principals, principal).wasi, table: &mut self.table }
    }

    /// The HTTP state of the principal of that number.
    pub fn http_of(&mut self, principal: usize) -> WasiHttpCtxView<'_> {
        let hooks = baseline(&mut self.principals, principal).http.as_mut();
        WasiHttpCtxView { hooks, table: &mut self.table, ctx: &mut self.http }
    }

    /// The handles of one provider, one for each principal that was granted its capability.
    ///
    /// A trigger uses it before it calls, to lend what belongs to this call alone (the right to answer a message) to the
    /// handle of the principal it calls. Host functions have no use for it: they are given theirs.
    pub fn handles_mut<P: Provider>(&mut self) -> impl Iterator<Item = &mut P::Handle> {
        self.handles.iter_mut().filter_map(|handle| handle.downcast_mut())
    }

    pub(crate) fn handle(&mut self, slot: usize) -> (&mut (dyn Any + Send), &mut ResourceTable) {
        match self.handles.get_mut(slot) {
            Some(handle) => (handle.as_mut(), &mut self.table),
            // The host links a slot only after it filled it.
            None => unreachable!("slot {slot} was linked and not filled"),
        }
    }
}

fn baseline(principals: &mut [Baseline], number: usize) -> &mut Baseline {
    match principals.get_mut(number) {
        Some(baseline) => baseline,
        // The host links a principal only after it made its state.
        None => unreachable!("principal {number} was linked and not made"),
    }
}

impl WasiView for Instance {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi(0)
    }
}

impl WasiHttpView for Instance {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.http_of(0)
    }
}
