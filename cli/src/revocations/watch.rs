//! A host that runs notices a new list within seconds.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use writ_host::Deployment;
use writ_signing::Roots;

use super::{Marks, Sources, Stamp};
use crate::data::Data;

/// Looks at the folders of lists every few seconds: no notice from the system is relied on, for folders may be mounted.
pub(crate) struct Watch {
    sources: Sources,
    data: PathBuf,
    marks: Marks,
    seen: Option<(Stamp, Roots)>,
}

impl Watch {
    /// Of these lists, for a host that holds this data folder and has seen those already.
    pub(crate) fn new(sources: Sources, data: &Data, marks: Marks) -> Self {
        Self { sources, data: data.path().to_owned(), marks, seen: None }
    }

    /// Watches over what runs until this is dropped.
    pub(crate) async fn over(&mut self, deployment: &Deployment) -> Infallible {
        let mut interval = tokio::time::interval(EVERY);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            // Lists age, so they are asked even if none has changed.
            deployment.review(self.roots(), writ_host::now());
        }
    }

    /// By the lists as they are now.
    fn roots(&mut self) -> &Roots {
        let stamp = self.sources.stamp();
        let unchanged = self.seen.take().filter(|(seen, _)| *seen == stamp);
        let (stamp, roots) = unchanged.unwrap_or_else(|| {
            let roots = self.read();
            (stamp, roots)
        });
        &self.seen.insert((stamp, roots)).1
    }

    fn read(&mut self) -> Roots {
        let roots = self.sources.roots(&self.marks);
        let marks = self.marks.with(&roots);
        if marks != self.marks {
            // They hold for this host in any case, and for the next one if they can be kept.
            if let Err(error) = marks.keep(&self.data) {
                tracing::error!(target: "writ::host", reason = format!("{error:#}"), "this is forgotten with this host");
            }
            self.marks = marks;
        }
        roots
    }
}

/// How often: a new list is to be noticed within five seconds.
const EVERY: Duration = Duration::from_secs(2);
