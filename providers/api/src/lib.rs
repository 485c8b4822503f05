//! The contract between a host and what it links into components.
//!
//! A **provider** is the native implementation of a capability (key-value, logging, …). It declares, in one constant,
//! the capability's name and one row per WIT interface; the host links exactly the rows that a component imports and
//! its claims grant. What a principal holds is a *handle*, made by [`Provider::attach`] from a [`Grant`], kept in the
//! store, and dropped with it.
//!
//! A provider author depends on this crate alone: it re-exports [`wasmtime`], and `bindgen!` is told to use it with
//! `wasmtime_crate: writ_provider::wasmtime`. A whole one, which tosses dice with as many sides as the claims permit:
//!
//! ```
//! use std::convert::Infallible;
//!
//! use serde::Deserialize;
//! use serde_json::Value;
//! use writ_provider::{
//!     Attached, Capability, Constraint, Denied, Grant, Interface, InvalidLink, LinkConfig, OpenError, Provider, View,
//! };
//!
//! mod bindings {
//!     writ_provider::wasmtime::component::bindgen!({
//!         inline: "
//!             package example:dice@0.1.0;
//!             interface dice { toss: func(sides: u32) -> result<u32, string>; }
//!             world provider { import dice; }
//!         ",
//!         wasmtime_crate: writ_provider::wasmtime,
//!     });
//! }
//! use bindings::example::dice::dice;
//!
//! /// One entry of a claim: `dice: { sides: 6 }`.
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Entry {
//!     sides: Option<u32>,
//! }
//!
//! impl Constraint for Entry {
//!     const NAMED: bool = false;
//!     const EXAMPLE: &'static str = "{ sides: 6 }";
//!     type Request<'a> = u32;
//!
//!     fn permits(&self, sides: u32) -> Result<(), Denied> {
//!         match self.sides {
//!             Some(most) if sides > most => Err(Denied::new(format!("permits {most} sides, not {sides}"))),
//!             _ => Ok(()),
//!         }
//!     }
//!
//!     // A manifest's link has nothing to say about dice.
//!     type Plan = Infallible;
//!
//!     fn plans(_: &LinkConfig) -> Result<Vec<Infallible>, InvalidLink> {
//!         Ok(Vec::new())
//!     }
//!
//!     fn request(plan: &Infallible) -> u32 {
//!         match *plan {}
//!     }
//!
//!     fn allowing(sides: u32) -> Value {
//!         serde_json::json!({ "sides": sides })
//!     }
//! }
//!
//! struct Dice;
//!
//! impl Provider for Dice {
//!     const CAPABILITY: Capability<Self> = Capability {
//!         name: "dice",
//!         interfaces: &[Interface {
//!             name: "example:dice/dice@0.1.0",
//!             link: dice::add_to_linker_instance::<_, Attached<Self>>,
//!         }],
//!         exports: &[],
//!     };
//!     type Config = ();
//!     type Constraint = Entry;
//!     type Handle = Grant<Entry>;
//!
//!     async fn open((): ()) -> Result<Self, OpenError> {
//!         Ok(Dice)
//!     }
//!
//!     fn attach(&self, grant: &Grant<Entry>) -> Grant<Entry> {
//!         grant.clone()
//!     }
//! }
//!
//! impl dice::Host for View<'_, Dice> {
//!     fn toss(&mut self, sides: u32) -> Result<u32, String> {
//!         self.handle.permits(sides).map_err(|refused| format!("denied: {}", refused.reason))?;
//!         Ok(1) // Tossed fairly.
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! `docs/writing-a-provider.md` goes through a larger one, with a resource, a function that waits, what a manifest's link may
//! say, and a trigger.
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

mod answer;
mod budget;
mod capability;
mod constraint;
mod deadline;
mod flow;
mod generation;
mod grant;
mod instance;
mod lesson;
mod limits;
mod slot;
mod tally;
mod target;
pub mod testing;
mod wasi;

pub use answer::{GuestBody, Outcome, UnlessDone};
pub use budget::Budget;
pub use capability::{Attached, Capability, Interface, LinkSource, OpenError, Provider, Trigger, View};
pub use constraint::{Beyond, Claim, Constraint, Denied, InvalidClaim, InvalidLink, LinkConfig, Rates};
pub use deadline::Deadline;
pub use flow::Flow;
pub use generation::{Generation, Opening};
pub use grant::{Approved, Document, Grant, GrantParts, Layer, Refused};
pub use instance::{Baseline, Instance};
pub use lesson::{Kept, Learnt, Lessons, join};
pub use limits::{Limits, MemoryBudget};
pub use slot::{Find, Getter, Slot, TooManySlots};
pub use tally::Tally;
pub use target::{Busy, Callable, Failure, FailureKind, Permit, Target, Work};

pub use wasmtime;
pub use wasmtime::component::{HasData, LinkerInstance, Resource, ResourceTable};
pub use writ_signing::{Principal, PublicKey, units};

/// For the tests of the threats: see `docs/threats.md`.
#[doc(hidden)]
pub use writ_signing::defence;
