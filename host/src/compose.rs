//! Links between components: which import leads to which export, whether their types fit, and how a call goes over.
//!
//! *Separate* is what a link means: each link has a store of its own for each request that goes over it, made at the first
//! call and dropped with the caller's. What is passed is plain data, copied by the host; the callee acts under its own
//! grants, memory and time, and learns from the host who calls. One interface passes more: see [`middleware`].

mod call;
mod edges;
pub(crate) mod identity;
pub(crate) mod middleware;
mod recipe;
pub(crate) mod request;
pub(crate) mod types;
mod unit;
mod unreadable;

pub(crate) use call::{Edge, Elsewhere, Ends, elsewhere, link};
pub(crate) use edges::{Join, Joined, Joint, join};
pub use unit::UnitError;
pub(crate) use unit::{CARRIED, Code, Door, Member, Owner, Plan, Unit, Whole, is_carry, roots};
