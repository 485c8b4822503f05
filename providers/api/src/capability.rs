//! What a provider author implements.

use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;
use wasmtime::component::{HasData, LinkerInstance, ResourceTable};

use crate::{Constraint, Deadline, Getter, Grant, Instance, Target};

/// The native implementation of a capability.
///
/// The host calls [`open`](Provider::open) once per backend when it starts or deploys, [`attach`](Provider::attach) once
/// per new store and grant, and drops the handle with the store. There is no hook to undo anything: releasing is dropping.
pub trait Provider: Sized + Send + Sync + 'static {
    /// Its name in claims, and one row per interface.
    const CAPABILITY: Capability<Self>;
    /// How an operator backs it: a path, an address, credentials. Never authority.
    type Config: DeserializeOwned + Send;
    /// One entry of a claim about it.
    type Constraint: Constraint;
    /// What one principal holds in one store, already narrowed to its grant.
    type Handle: Send + 'static;

    /// Opens the backend.
    ///
    /// # Errors
    /// [`OpenError`] where the backend cannot be reached, is held by another process, or is damaged.
    fn open(config: Self::Config) -> impl Future<Output = Result<Self, OpenError>> + Send;

    /// Makes what one principal holds. Called for every fresh store: it must be cheap and cannot fail.
    fn attach(&self, grant: &Grant<Self::Constraint>) -> Self::Handle;
}

/// A provider that also calls *into* components: HTTP requests, messages, a schedule.
pub trait Trigger: Provider {
    /// What keeps the target connected; dropping it disconnects.
    type Route: Send + 'static;

    /// Connects a component to what `plans` (from the manifest's link) name. All were permitted by `grant`.
    ///
    /// A component that is swapped while it runs is connected twice for a while: the newer deployment's target, then the
    /// older one's route is dropped. Of targets of one principal with the same plan, whatever comes goes to the one whose
    /// [`Generation::rank`](crate::Generation::rank) is greatest *at that moment*, so ask it each time: it changes for a
    /// whole deployment at once, after this returned. What waits here and did not begin belongs to the plan and not to the
    /// target, so that it is kept when the older route goes; what began ends where it is. Two targets of one generation
    /// are two, as ever: refuse the second, or serve both. Dropping a route removes nothing but its own target.
    ///
    /// # Errors
    /// [`OpenError`] where the source cannot serve it: an address in use, a route that is taken.
    fn connect(
        &self,
        grant: Grant<Self::Constraint>,
        link: &LinkSource,
        plans: Vec<<Self::Constraint as Constraint>::Plan>,
        target: Target,
    ) -> impl Future<Output = Result<Self::Route, OpenError>> + Send;

    /// Takes nothing new from now on, and awaits the end of what it began, at most so long. The host is stopping.
    fn drain(&self, wait: Duration) -> impl Future<Output = ()> + Send;
}

/// The configuration of the manifest's link at the side of the trigger, merged in order; later entries win.
pub type LinkSource = BTreeMap<String, String>;

/// A named power, and the WIT interfaces it stands for.
pub struct Capability<P: Provider> {
    /// Its name in claims, such as `keyvalue`.
    pub name: &'static str,
    /// What components import. A row is linked only where a component imports it.
    pub interfaces: &'static [Interface<P>],
    /// What components export to be called through it, such as `wasi:http/incoming-handler@0.2.0`.
    pub exports: &'static [&'static str],
}

/// One interface of a capability: its name, and how bindgen links it.
pub struct Interface<P: Provider> {
    /// Namespace, package, interface and version, such as `wasi:keyvalue/store@0.2.0-draft`.
    pub name: &'static str,
    /// bindgen's `add_to_linker_instance` for it, at [`Attached<P>`].
    pub link: Link<P>,
}

/// The shape of bindgen's `add_to_linker_instance`.
type Link<P> = fn(&mut LinkerInstance<'_, Instance>, Getter<Attached<P>>) -> wasmtime::Result<()>;

/// What a host function sees: the caller's handle, its store's resources, and when it must end.
pub struct View<'a, P: Provider> {
    /// What this principal holds.
    pub handle: &'a mut P::Handle,
    /// The resources of the store. Its capacity is limited; `push` may fail, and the failure belongs to the guest.
    pub table: &'a mut ResourceTable,
    /// When the call ends. Wrap what waits in [`Deadline::bound`].
    pub deadline: Deadline,
}

/// Says to wasmtime that a provider's host functions work on [`View`].
pub struct Attached<P>(PhantomData<fn() -> P>);

impl<P: Provider> HasData for Attached<P> {
    type Data<'a> = View<'a, P>;
}

/// Why a backend, or the source of a trigger, cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The configuration cannot be used.
    #[error("{0}")]
    Config(String),
    /// Something that may be held once is held by somebody else.
    #[error("{what} is in use by another process: {hint}")]
    InUse {
        /// An address, a data folder.
        what: String,
        /// What would help.
        hint: String,
    },
    /// Another component was given it.
    #[error("{what} is taken by {holder}")]
    Taken {
        /// A route.
        what: String,
        /// Who holds it.
        holder: String,
    },
    /// What was found is damaged or not ours.
    #[error("{what} cannot be read: {reason}")]
    Damaged {
        /// A file or store.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
}
