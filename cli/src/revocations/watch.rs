//! Verifying by lists for as long as a process runs: a new list is noticed within seconds.

use std::convert::Infallible;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use writ_host::Host;
use writ_signing::Roots;

use super::{Marks, Sources, Stamp};
use crate::data::Data;
use crate::home::Home;

/// What a process verifies by: whom its home trusts, and the lists that are demanded there.
///
/// Looks at the folders of lists every few seconds: no notice from the system is relied on, for folders may be mounted.
pub(crate) struct Watch(Mutex<Watched>);

struct Watched {
    sources: Sources,
    marks: Marks,
    /// Where they are kept, once this process holds it.
    data: Option<PathBuf>,
    seen: Option<(Stamp, Arc<Roots>)>,
}

impl Watch {
    /// Of a home's lists. None may be older than this data folder remembers, which need not be there, nor held yet.
    pub(crate) fn new(home: &Home, data: Option<&Path>) -> Result<Self> {
        let marks = data.map(Marks::read).transpose()?.unwrap_or_default();
        Ok(Self(Mutex::new(Watched { sources: home.trust().sources()?, marks, data: None, seen: None })))
    }

    /// To verify by, as the lists are now.
    pub(crate) fn roots(&self) -> Arc<Roots> {
        self.watched().roots()
    }

    /// Remembers in the data folder, which this process holds from now on, what it saw and will see.
    pub(crate) fn keep(&self, data: &Data) -> Result<()> {
        let mut watched = self.watched();
        // They are read again after this: by what is remembered, which may be more than was demanded so far.
        let seen = watched.seen.take().map(|(_, roots)| roots).unwrap_or_default();
        watched.marks = Marks::remember(data.path(), &seen)?;
        watched.data = Some(data.path().to_owned());
        Ok(())
    }

    /// Reads again whom the home trusts, and by which lists. It holds for what runs, too, from now on.
    pub(crate) fn reread(&self, home: &Home, host: &Host) -> Result<Arc<Roots>> {
        let sources = home.trust().sources()?;
        let mut watched = self.watched();
        (watched.sources, watched.seen) = (sources, None);
        let roots = watched.roots();
        drop(watched);
        host.review(&roots, writ_host::now());
        Ok(roots)
    }

    /// Does this work on a host, and watches over all that runs there meanwhile.
    pub(crate) async fn during<T>(&self, host: &Host, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.over(host) => match never {},
        }
    }

    async fn over(&self, host: &Host) -> Infallible {
        let mut interval = tokio::time::interval(EVERY);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            // Lists age, so they are asked even if none has changed.
            host.review(&self.roots(), writ_host::now());
        }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// By the lists as they are now.
    fn roots(&mut self) -> Arc<Roots> {
        let stamp = self.sources.stamp();
        let unchanged = self.seen.take().filter(|(seen, _)| *seen == stamp);
        let (stamp, roots) = unchanged.unwrap_or_else(|| {
            let roots = Arc::new(self.read());
            (stamp, roots)
        });
        self.seen.insert((stamp, roots)).1.clone()
    }

    fn read(&mut self) -> Roots {
        let roots = self.sources.roots(&self.marks);
        let marks = self.marks.with(&roots);
        if marks != self.marks {
            // They hold for this process in any case, and for the next one if they can be kept.
            if let Some(Err(error)) = self.data.as_ref().map(|data| marks.keep(data)) {
                tracing::error!(target: "writ::host", reason = format!("{error:#}"), "this is forgotten with this host");
            }
            self.marks = marks;
        }
        roots
    }
}

/// How often: a new list is to be noticed within five seconds.
const EVERY: Duration = Duration::from_secs(2);
