//! The contract between a host and what it links into components.
//!
//! A **provider** is the native implementation of a capability (key-value, logging, …). It declares, in one constant,
//! the capability's name and one row per WIT interface; the host links exactly the rows that a component imports and
//! its claims grant. What a principal holds is a *handle*, made by [`Provider::attach`] from a [`Grant`], kept in the
//! store, and dropped with it.
//!
//! A provider author depends on this crate alone: it re-exports [`wasmtime`], and `bindgen!` is told to use it with
//! `wasmtime_crate: writ_provider::wasmtime`.
//!
//! | to write | see |
//! |---|---|
//! | what claims may say about the capability | [`Constraint`] |
//! | the implementation, and its table of interfaces | [`Provider`], [`Capability`], [`Interface`] |
//! | the host functions | `impl Host for View<'_, YourProvider>`, see [`View`] |
//! | what calls *into* components | [`Trigger`], [`Target`] |
//!
//! Authority is a value: no host function looks up who called it. The grant it was attached with is in the handle.

#![forbid(unsafe_code)]

mod budget;
mod capability;
mod constraint;
mod deadline;
mod generation;
mod grant;
mod instance;
mod limits;
mod slot;
mod tally;
mod target;
pub mod testing;
mod wasi;

pub use budget::Budget;
pub use capability::{Attached, Capability, Interface, LinkSource, OpenError, Provider, Trigger, View};
pub use constraint::{Claim, Constraint, Denied, InvalidClaim, InvalidLink, LinkConfig};
pub use deadline::Deadline;
pub use generation::{Generation, Opening};
pub use grant::{Approved, Document, Grant, GrantParts, Layer, Refused};
pub use instance::{Baseline, Instance};
pub use limits::{Limits, MemoryBudget};
pub use slot::{Find, Getter, Slot, TooManySlots};
pub use tally::Tally;
pub use target::{Busy, Callable, Failure, FailureKind, Permit, Target, Work};

pub use wasmtime;
pub use wasmtime::component::{HasData, LinkerInstance, Resource, ResourceTable};
pub use writ_signing::{Principal, PublicKey, units};
