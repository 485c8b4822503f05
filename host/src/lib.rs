#![doc = include_str!("../../docs/embedding.md")]
//!
//! ## Invariants
//!
//! This crate names no provider: whoever builds a host gives it a [`Registry`]. The linker holds exactly what was granted.
//! Authority is a value in the store. A call has a fresh store, ends by its deadline whether it computes or sleeps, and drops
//! the store. The one `unsafe` is in `cache`, behind an authenticated read.

#![deny(unsafe_code)]

mod audit;
mod authorize;
mod budgets;
mod cache;
mod call;
mod carry;
mod compose;
mod denial;
mod engine;
mod fuse;
mod graph;
mod host;
mod images;
mod learn;
mod limits;
mod link;
mod links;
mod load;
mod names;
mod prepared;
mod registry;
mod run;
mod shares;
mod standing;
mod stub;
mod vocabulary;
mod wasi;
mod wit;

pub use audit::{
    Audit, Bounds, Broken, Event, Flaw, Granted, Grants, Head, InvalidHead, Line as AuditLine, Record, Report, records,
    verify as verify_audit,
};
pub use authorize::{
    Admission, Admitted, Asked, Candidate, Decision, Import, Policies, Reasons, Said, Stands, authorize, decide,
};
pub use cache::{Cache, Secret};
pub use call::CallError;
pub use carry::CarryError;
pub use compose::UnitError;
pub use denial::{About, Addition, Denial, Denials, Line, Refusal};
pub use engine::Capacity;
pub use fuse::{CheckError, ComponentError, FuseError};
pub use graph::{Caller, Form, Graph, Joined, Lacking, Limits, Means, Member, Node, Refused, Store};
pub use host::{DeployError, Deployment, Host, HostError, Settings};
pub use learn::{Learner, Lesson};
pub use link::LinkError;
pub use load::{Artifact, Export, LoadError, VerifiedArtifact};
pub use names::{InterfaceName, InvalidName};
pub use registry::Registry;
pub use run::RunError;
pub use vocabulary::Vocabulary;
pub use wasi::baseline::is_baseline;
pub use wasi::terminal::{Command, Input, Output};
pub use wit::Untellable;

/// The time of day, in unix seconds. A clock before 1970 reads as the end of time: then nothing is valid.
pub fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    now.map_or(u64::MAX, |now| now.as_secs())
}
