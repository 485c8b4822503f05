//! Verifying by lists for as long as a process runs: a new list is noticed within seconds.
//!
//! A folder may be mounted from elsewhere, and a mount may not answer. So lists are read on threads that may wait for ever,
//! and nothing else waits for them: until an answer comes all goes by the lists of the last one, which age, and when there was
//! none for a while they are relied on no longer.

use std::convert::Infallible;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use writ_host::Host;
use writ_signing::Roots;

use super::{Marks, Sources, Stamp, doubted};
use crate::data::Data;
use crate::home::Home;

/// What a process verifies by: whom its home trusts, and the lists that are demanded there.
///
/// Looks at the folders of lists every few seconds: no notice from the system is relied on, for folders may be mounted.
#[derive(Clone)]
pub(crate) struct Watch(Arc<Shared>);

struct Shared {
    watched: Mutex<Watched>,
    /// Never taken by who holds the other.
    kept: Mutex<Kept>,
}

struct Watched {
    sources: Arc<Sources>,
    marks: Marks,
    seen: Seen,
    /// The number of the last reading that began, and of the last one that answered.
    begun: u64,
    answered: u64,
    /// Each reading of these sources that is under way holds it.
    under_way: Arc<()>,
}

/// What the last answer was.
struct Seen {
    roots: Arc<Roots>,
    /// When it came.
    at: Instant,
    /// As what it holds until something changes; none where it was not whole, or is relied on no longer.
    stamp: Option<Arc<Stamp>>,
    is_doubted: bool,
}

/// One look at the folders.
struct Reading {
    number: u64,
    sources: Arc<Sources>,
    stamp: Option<Arc<Stamp>>,
    _under_way: Arc<()>,
}

/// What is on disk of what was seen, once this process holds a data folder.
#[derive(Default)]
struct Kept {
    folder: Option<PathBuf>,
    marks: Marks,
    /// Why it could not be kept the last time.
    failure: Option<String>,
}

impl Watch {
    /// Of a home's lists. None may be older than this data folder remembers, which need not be there, nor held yet.
    pub(crate) fn new(home: &Home, data: Option<&Path>) -> Result<Self> {
        let marks = data.map(Marks::read).transpose()?.unwrap_or_default();
        let watched = Mutex::new(Watched::new(home.trust().sources()?, marks));
        Ok(Self(Arc::new(Shared { watched, kept: Mutex::default() })))
    }

    /// To verify by, as the lists are now. Waits for them, for a process that does nothing else yet.
    pub(crate) fn roots(&self) -> Arc<Roots> {
        let reading = self.0.watched().begin();
        reading.iter().for_each(|reading| self.0.read(reading));
        self.known()
    }

    /// As the lists are now, or as they were last where they do not answer soon.
    pub(crate) async fn fresh(&self) -> Arc<Roots> {
        let reading = self.0.watched().begin();
        if let Some(reading) = reading {
            let shared = self.0.clone();
            let answer = tokio::task::spawn_blocking(move || shared.read(&reading));
            // What comes later counts as soon as it is there.
            let _ = tokio::time::timeout(ANSWER, answer).await;
        }
        self.known()
    }

    fn known(&self) -> Arc<Roots> {
        self.0.watched().known(Instant::now())
    }

    /// Remembers in the data folder, which this process holds from now on, what it saw and will see.
    pub(crate) fn keep(&self, data: &Data) -> Result<()> {
        let mut kept = self.0.kept();
        let mut watched = self.0.watched();
        watched.marks = Marks::remember(data.path(), &watched.seen.roots)?;
        // What is remembered may be more than was demanded so far.
        watched.demand_again();
        *kept = Kept { folder: Some(data.path().to_owned()), marks: watched.marks.clone(), failure: None };
        Ok(())
    }

    /// Reads again whom the home trusts, and by which lists. It holds for what runs, too, from now on.
    pub(crate) async fn reread(&self, home: &Home, host: &Host) -> Result<Arc<Roots>> {
        let followed = home.trust().sources().map(|sources| self.0.watched().follow(sources));
        // Where an entry cannot be read, others may be gone all the same.
        let roots = self.fresh().await;
        host.review(&roots, writ_host::now());
        followed.map(|()| roots)
    }

    /// Such that a host asks once more before anything new starts on it.
    pub(crate) fn before_each_start(&self, host: Host) -> Host {
        let watch = self.clone();
        host.asking(move || {
            let watch = watch.clone();
            Box::pin(async move { watch.fresh().await })
        })
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
            // Lists age, so they are asked even if none has changed, or none answers.
            host.review(&self.fresh().await, writ_host::now());
        }
    }
}

impl Shared {
    /// May wait for as long as the folders do.
    fn read(&self, reading: &Reading) {
        let stamp = reading.sources.stamp();
        let is_unchanged = reading.stamp.as_deref() == Some(&stamp);
        let read = (!is_unchanged).then(|| reading.sources.read());
        self.watched().answer(reading, stamp, read);
        self.remember();
    }

    /// Keeps what was seen. What fails is tried again with the next answer.
    fn remember(&self) {
        let mut kept = self.kept();
        let Some(folder) = &kept.folder else { return };
        let marks = self.watched().marks.clone();
        if marks == kept.marks {
            return;
        }
        let failure = marks.keep(folder).err().map(|error| format!("{error:#}"));
        match &failure {
            None => kept.marks = marks,
            Some(reason) if kept.failure != failure => {
                tracing::error!(target: "writ::host", %reason, "this is forgotten with this host");
            }
            Some(_) => {}
        }
        kept.failure = failure;
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn new(sources: Sources, marks: Marks) -> Self {
        let seen = Seen::nothing(&sources);
        let mut watched =
            Self { sources: Arc::new(sources), marks, seen, begun: 0, answered: 0, under_way: Arc::default() };
        watched.demand_again();
        watched
    }

    /// From now on by these sources. If they are the same as before, they are read again as if all had changed.
    fn follow(&mut self, sources: Sources) {
        self.seen.stamp = None;
        if *self.sources != sources {
            self.seen = Seen::nothing(&sources);
            (self.sources, self.under_way, self.answered) = (Arc::new(sources), Arc::default(), self.begun);
            self.demand_again();
        }
    }

    /// Begins to read, unless so many wait for an answer that another would wait, too.
    fn begin(&mut self) -> Option<Reading> {
        if Arc::strong_count(&self.under_way) > MOST_READING {
            return None;
        }
        self.begun = self.begun.saturating_add(1);
        let (sources, stamp) = (self.sources.clone(), self.seen.stamp.clone());
        Some(Reading { number: self.begun, sources, stamp, _under_way: self.under_way.clone() })
    }

    /// Takes what was read, or that nothing changed; unless a later answer was faster.
    fn answer(&mut self, reading: &Reading, stamp: Stamp, read: Option<(Roots, bool)>) {
        if reading.number <= self.answered {
            return;
        }
        self.answered = reading.number;
        self.seen.at = Instant::now();
        let Some((mut roots, whole)) = read else { return };
        self.marks = self.marks.with(&roots);
        self.marks.demand(&mut roots);
        // What the system did not let be read may be there at the next look, though nothing changed.
        let stamp = whole.then(|| Arc::new(stamp));
        self.seen = Seen { roots: Arc::new(roots), at: Instant::now(), stamp, is_doubted: false };
    }

    fn demand_again(&mut self) {
        let mut roots = (*self.seen.roots).clone();
        self.marks.demand(&mut roots);
        self.seen.roots = Arc::new(roots);
    }

    /// By the lists of the last answer, if that is not too long ago.
    fn known(&mut self, now: Instant) -> Arc<Roots> {
        if !self.seen.is_doubted && now.saturating_duration_since(self.seen.at) > SILENCE {
            self.seen.roots = Arc::new(doubted(&self.seen.roots));
            (self.seen.stamp, self.seen.is_doubted) = (None, true);
        }
        self.seen.roots.clone()
    }
}

impl Seen {
    fn nothing(sources: &Sources) -> Self {
        Self { roots: Arc::new(sources.unread()), at: Instant::now(), stamp: None, is_doubted: true }
    }
}

/// How often: a new list is to be noticed within five seconds.
const EVERY: Duration = Duration::from_secs(2);
/// How soon folders answer that are well.
const ANSWER: Duration = Duration::from_secs(1);
/// After how long without an answer no list is relied on: a few looks.
const SILENCE: Duration = Duration::from_secs(8);
/// How many readings may be under way.
const MOST_READING: usize = 4;

#[cfg(test)]
mod tests;
