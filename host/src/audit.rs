//! What was decided and done, written down so that nobody can change it unseen.
//!
//! A folder of files, each with one JSON object on a line. Every line has the number `seq`, the time `at` (milliseconds since
//! 1970), and in `prev` the SHA-256 of the line before it, so that whoever changes, removes or moves a line breaks the chain
//! at the next one. The last line is vouched for by the *head*, its number and SHA-256: it is kept beside the lines, and who
//! wants to be sure writes it down elsewhere.
//!
//! The log is bounded: files are closed at [`Bounds::file`] bytes, and of them [`Bounds::files`] are kept. That older ones
//! were removed is a line itself, and says where the chain now begins. What a guest can cause without end is counted, and
//! written at most once in [`Bounds::every`] for each component, capability and outcome.

mod chain;
mod clerk;
mod decision;
mod event;
mod file;
mod verify;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use chain::{Head, InvalidHead};
pub(crate) use decision::granted_to;
pub use event::{Event, Granted, Grants, Record};
pub use verify::{Broken, Flaw, Line, Report, records, verify};

pub(crate) use clerk::Clerk;
use file::Files;

use crate::authorize::Admission;
use crate::denial::Denials;
use crate::learn::Learner;

/// How much an audit log may take up.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of one file before the next is begun.
    pub file: u64,
    /// How many files are kept.
    pub files: usize,
    /// How often what guests cause is written, for each component, capability and outcome.
    pub every: Duration,
    /// Whether uses of what was granted are counted and written, or only what was denied.
    pub uses: bool,
}

impl Default for Bounds {
    /// 16 files of 4 MiB; denials each minute, and no uses.
    fn default() -> Self {
        Self { file: 4 << 20, files: 16, every: Duration::from_secs(60), uses: false }
    }
}

/// An audit log that this process writes. Clones write to the same one.
#[derive(Debug, Clone)]
pub struct Audit {
    files: Arc<Mutex<Files>>,
    bounds: Bounds,
}

impl Audit {
    /// Opens the log in a folder that nobody else writes to, or begins one.
    ///
    /// A last line that was cut in the middle, as a crash cuts it, is removed, and that is a line itself. A log that ends
    /// before its head is continued too, with a line that says what is missing: not to start would help nobody but whoever
    /// cut it.
    ///
    /// # Errors
    /// The system's, and [`io::ErrorKind::InvalidData`] where the last file is no audit log.
    pub fn open(folder: &Path, bounds: Bounds) -> io::Result<Self> {
        Files::open(folder, bounds).map(|files| Self { files: Arc::new(Mutex::new(files)), bounds })
    }

    /// Writes an event, and has it on disk when this returns. What cannot be written is told to the log: what was decided
    /// before stands, and a host does not stop serving because a disk is full.
    pub fn record(&self, event: &Event) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = files.append(event, now()) {
            tracing::error!(target: "writ::audit", %error, event = event.name(), "an event could not be written down");
        }
    }

    /// Writes down all that was refused to an application.
    pub fn record_denials(&self, application: &str, denials: &Denials) {
        decision::refused(application, denials).for_each(|event| self.record(&event));
    }

    /// Writes down why an application was not started, where that was no document's refusal.
    pub fn record_not_started(&self, application: &str, reason: &dyn std::fmt::Display) {
        let (application, reason) = (clipped(application), clipped(&reason.to_string()));
        self.record(&Event::NotStarted { application, reason });
    }

    /// Writes down all that was granted to an application.
    pub(crate) fn record_grants(&self, admission: &Admission) {
        decision::granted(admission).for_each(|event| self.record(&event));
    }

    /// Somebody who counts what guests cause, and writes it down.
    pub(crate) fn clerk(self, learner: Option<Learner>) -> io::Result<Clerk> {
        let Bounds { uses, every, .. } = self.bounds;
        Clerk::start(self, uses, every, learner)
    }

    /// The number and the hash of the last line.
    pub fn head(&self) -> Head {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).head()
    }
}

/// A text of which not more is written down than this.
pub(crate) fn clipped(text: &str) -> String {
    match text.char_indices().nth(TEXT) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Characters of a text that others chose.
const TEXT: usize = 500;

/// Milliseconds since 1970.
fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
