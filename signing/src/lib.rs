//! Keys, tokens, chains, and the claims section of a component. Bytes in, proof out.
//!
//! ```
//! use std::collections::BTreeMap;
//! use writ_signing::token::{self, AccountDraft, Capabilities, CommonDraft, ComponentDraft, Tokens};
//! use writ_signing::{Revocations, Role, Roots, SigningKey, section, verify};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = 1_770_000_000;
//! let operator = SigningKey::generate(Role::Operator)?;
//! let account = SigningKey::generate(Role::Account)?;
//! let id = SigningKey::generate(Role::Component)?.public();
//! let component = b"\0asm\x0d\0\x01\0"; // the smallest component: a preamble
//!
//! let common = |subject, name: &str, capabilities| CommonDraft {
//!     subject,
//!     name: name.to_owned(),
//!     capabilities,
//!     limits: BTreeMap::new(),
//!     nbf: None,
//!     exp: now + 86_400,
//! };
//! let account_token = token::sign_account(
//!     &AccountDraft { common: common(account.public(), "acme", Capabilities::Any) },
//!     &operator,
//!     now,
//! )?;
//! let component_token = token::sign_component(
//!     &ComponentDraft {
//!         common: common(id, "orders", Capabilities::Only(BTreeMap::new())),
//!         version: "0.1.0".to_owned(),
//!         revision: 1,
//!     },
//!     component,
//!     &account,
//!     now,
//! )?;
//! let file = section::embed(component, &Tokens::new(component_token, None, account_token)?)?;
//!
//! let roots = Roots::from_iter([(operator.public(), Revocations::Never)]);
//! let verified = verify(&file, &roots, now)?;
//! assert_eq!(verified.principal().to_string(), "acme/orders");
//! # Ok(())
//! # }
//! ```
//!
//! **Invariants.** This crate does no I/O and reads no clock: time is an argument, in unix seconds. Its one outside source is
//! the operating system's randomness, in [`SigningKey::generate`]. It knows no capability: what a token says about one is
//! carried as JSON and interpreted elsewhere. [`Verified`] has one constructor, [`verify()`].

#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

#[doc(hidden)]
pub mod defence;
pub mod digest;
pub mod inspect;
pub mod keys;
pub mod principal;
pub mod revocation;
pub mod section;
pub mod time;
pub mod token;
pub mod units;
pub mod verify;
pub mod wascap;

pub use digest::Digest;
pub use inspect::inspect;
pub use keys::{KeyError, PublicKey, Role, SigningKey};
pub use principal::Principal;
pub use revocation::Revocations;
pub use verify::{Component, Roots, Verified, VerifyError, verify};
