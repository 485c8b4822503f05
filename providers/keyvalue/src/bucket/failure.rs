//! How a host function fails.

use writ_provider::{Refused, wasmtime};

use crate::backend::BackendError;
use crate::bindings::wasi::keyvalue::store::Error;

/// Why a host function did not do it: in the interface's own words, or a trap.
#[derive(Debug)]
pub enum Failure {
    /// A claim does not permit it. The denial was logged.
    Denied,
    /// No bucket can have this name.
    NoSuchStore,
    /// Anything else that the guest may be told.
    Other(String),
    /// The call's time is over, or the host is broken.
    Trap(wasmtime::Error),
}

impl Failure {
    pub(super) fn other(reason: impl Into<String>) -> Self {
        Self::Other(reason.into())
    }

    pub(super) fn into_error(self) -> wasmtime::Result<Error> {
        match self {
            Self::Denied => Ok(Error::AccessDenied),
            Self::NoSuchStore => Ok(Error::NoSuchStore),
            Self::Other(reason) => Ok(Error::Other(reason)),
            Self::Trap(trap) => Err(trap),
        }
    }
}

impl From<Refused> for Failure {
    fn from(_: Refused) -> Self {
        Self::Denied
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Interrupted => Self::Trap(wasmtime::Trap::Interrupt.into()),
            error => Self::Other(error.to_string()),
        }
    }
}

impl From<wasmtime::Error> for Failure {
    fn from(trap: wasmtime::Error) -> Self {
        Self::Trap(trap)
    }
}
