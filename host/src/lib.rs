//! The host: load, verify, authorize, link, call. Each step consumes the one before, so none can be skipped.
//!
//! ```text
//! bytes ── Artifact::new ── .verify(roots, now) ── Verified<Component>
//!                                                        │
//!            manifest, policies, vocabulary ── Host::authorize ── Admission, or every denial at once
//!                                                        │
//!                                          Host::deploy ── Deployment: linked to what was granted, and nothing else
//! ```
//!
//! **Invariants.** This crate names no provider: whoever builds a host gives it a [`Registry`]. The linker holds exactly
//! what was granted. Authority is a value in the store. A call has a fresh store, ends by its deadline whether it computes
//! or sleeps, and drops the store. The one `unsafe` is in `cache`, behind an authenticated read.

#![deny(unsafe_code)]

mod authorize;
mod baseline;
mod budgets;
mod cache;
mod call;
mod denial;
mod engine;
mod host;
mod images;
mod io;
mod limits;
mod link;
mod links;
mod load;
mod names;
mod prepared;
mod registry;
mod standing;
mod stdio;
mod stub;
mod vocabulary;

pub use authorize::{Admission, Admitted, Candidate, Policies, authorize};
pub use baseline::is_baseline;
pub use cache::{Cache, Secret};
pub use call::CallError;
pub use denial::{Denial, Denials, Line, Refusal};
pub use engine::Capacity;
pub use host::{DeployError, Deployment, Host, HostError, Settings};
pub use images::{capability as image_capability, is_stand_in};
pub use link::LinkError;
pub use load::{Artifact, Export, LoadError, VerifiedArtifact};
pub use names::{InterfaceName, InvalidName};
pub use registry::Registry;
pub use vocabulary::Vocabulary;

/// The time of day, in unix seconds. A clock before 1970 reads as the end of time: then nothing is valid.
pub fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    now.map_or(u64::MAX, |now| now.as_secs())
}
