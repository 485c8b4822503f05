//! YAML in, a validated document out: every YAML text that writ reads is parsed here.
//!
//! | text | type | what it is |
//! |---|---|---|
//! | `app.yaml` | [`Application`] | an application as wadm writes it (OAM): components, providers, links |
//! | `writ.yaml` | [`ComponentFile`] | what one component is, how it is built, what it claims |
//! | `policy.yaml` | [`Policy`] | the most a host's owner allows |
//! | `trust/O….yaml` | [`TrustEntry`] | one operator a host trusts, and how far |
//!
//! Nothing here does I/O or reads a clock, and nothing knows a capability: claims come out as [`serde_json::Value`], and
//! whoever knows the vocabulary reads them. What comes out was checked: names are well formed and unique, links lead
//! somewhere, configuration is resolved.
//!
//! The texts may come from strangers, so parsing is bounded: [`MAX_BYTES`] of text, [`MAX_DEPTH`] levels, no anchors,
//! aliases, merge keys or tags, no key twice. A number or a truth value is never taken for text: `version: 1.0` is refused
//! with the advice to quote it, because what was meant (`1.0` or `1`) cannot be known. A field that nobody knows is
//! refused. Every error carries line and column; the caller puts the file's name before it:
//!
//! ```
//! let error = writ_manifest::ComponentFile::parse("name: orders\nclaim: {}\n").unwrap_err();
//! assert_eq!((error.line, error.column), (2, 1));
//! assert!(error.to_string().starts_with("2:1: unknown field `claim`"));
//! ```

#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod application;
mod component_file;
mod error;
mod node;
mod policy;
mod position;
mod trust;

mod yaml;

pub use application::{
    Application, Component, Link, MAX_JOINED, Placement, PolicyEntry, ProviderEntry, Scaler, ScalerKind, Secret,
    Source, Spread, Unsupported, UnsupportedFeature,
};
pub use component_file::{Build, ComponentFile};
pub use error::{ErrorKind, ManifestError};
pub use policy::{Capabilities, Policy};
pub use position::{Located, Position, Positions};
pub use trust::{AccountLists, Revocations, TrustEntry, TrustPolicy};
pub use yaml::{MAX_BYTES, MAX_DEPTH};
