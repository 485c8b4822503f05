//! The fused form of a composition: several verified components as one, each with its own authority.
//!
//! ```text
//! eligible(&link)?                        may this link be fused at all?          else the link stays separate
//! let bytes = compose(&graph)?            verified components in, one component out
//! let checked = check(&bytes, &graph)?    what the bytes wire together is what the graph declares, and nothing else
//! ```
//!
//! Only what [`check`] returns may be compiled and linked; what was compiled of it is kept with what it says of the imports,
//! under the host's seal, for the next start. It says for each import of the composite whom it serves:
//!
//! | import of a component | in the composite | served from |
//! |---|---|---|
//! | joined by an edge | none: the exporter's own instance for this edge | |
//! | `wasi:io/*`, `wasi:http/types` | the same name, once for all | the store's one table |
//! | `writ:identity/caller`, in a component that is called | `eK-writ:identity/caller` | edge K: who calls over it |
//! | every other | `pN-NAME` | principal N: the slot of its grant |
//!
//! A component that imports a `pN-` or `eN-` name itself is refused ([`is_reserved`](crate::names::InterfaceName::is_reserved)): alone as well as here.
//!
//! ## Invariants
//!
//! Bytes in, bytes out: no I/O, no clock, nothing compiled. The checker (`check`, `same`, `plain`) uses nothing of the encoder
//! (`compose`, `rename`, `memory`, `imports`, `tree`), and the encoder nothing of it; a test says so. It reads the composite's
//! bytes, and what it holds against them is the graph and the verified bytes. Whatever either of them does not understand is
//! an error that names the component and the import, and that link stays separate.

mod check;
mod compose;
mod eligible;
mod error;
mod graph;
mod imports;
mod memory;
mod plain;
mod rename;
mod same;
mod sections;
mod slots;
mod tree;

#[cfg(test)]
mod tests;

pub(crate) use check::{Checked, check};
pub(crate) use compose::compose;
pub(crate) use eligible::{Link, eligible};
pub use error::{CheckError, ComponentError, FuseError};
pub(crate) use graph::{Edge, Graph, Node};
pub(crate) use slots::{Import, Serves, numbered};
