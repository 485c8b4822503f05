//! When a call ends: the half that epochs do not reach.

use std::future::Future;
use std::time::{Duration, Instant};

use wasmtime::Trap;

/// The moment at which a store's call ends, whether the guest computes or sleeps in the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// Ends `time` from now.
    pub fn after(time: Duration) -> Self {
        Self::since(Instant::now(), time)
    }

    /// Ends `time` after that moment, for what has read the clock already.
    pub fn since(begin: Instant, time: Duration) -> Self {
        // A time too long to add is no deadline a person meant; a year stands in for it.
        Self(begin.checked_add(time).unwrap_or_else(|| begin + Duration::from_secs(31_536_000)))
    }

    /// Whether it has passed.
    pub fn has_passed(&self) -> bool {
        Instant::now() >= self.0
    }

    /// What is left of it; zero once it has passed.
    pub fn left(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The moment itself.
    pub fn instant(&self) -> Instant {
        self.0
    }

    /// Awaits `work`, at most until the deadline.
    ///
    /// # Errors
    /// A trap (`wasm trap: interrupt`) when the deadline passes first. Every async host function must end by it.
    pub async fn bound<T>(&self, work: impl Future<Output = T>) -> wasmtime::Result<T> {
        match tokio::time::timeout_at(self.0.into(), work).await {
            Ok(done) => Ok(done),
            Err(_) => Err(Trap::Interrupt.into()),
        }
    }
}
