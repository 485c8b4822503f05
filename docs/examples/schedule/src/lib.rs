//! Calls components at intervals, as a capability: the trigger of `docs/writing-a-provider.md`.
//!
//! It is written as a crate of somebody else's would be: of writ it knows `writ-provider` and nothing more.

#![forbid(unsafe_code)]

mod bindings;
mod claim;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use writ_provider::{Capability, Grant, LinkSource, OpenError, Provider, Target, Trigger as Calls};

use bindings::TriggerPre;
pub use claim::{Entry, Plan};

/// The provider: what it is running now.
pub struct Schedule {
    running: Arc<Semaphore>,
}

/// Nothing is imported through it, so no principal holds anything.
impl Provider for Schedule {
    const CAPABILITY: Capability<Self> =
        Capability { name: "schedule", interfaces: &[], exports: &["example:schedule/job@0.1.0"] };
    type Config = ();
    type Constraint = Entry;
    type Handle = ();

    async fn open((): ()) -> Result<Self, OpenError> {
        Ok(Self { running: Arc::new(Semaphore::new(RUNS as usize)) })
    }

    fn attach(&self, _: &Grant<Entry>) {}
}

impl Calls for Schedule {
    /// The tasks that wait for the next time. Dropping them is the end of it.
    type Route = JoinSet<()>;

    async fn connect(
        &self,
        grant: Grant<Entry>,
        _: &LinkSource,
        plans: Vec<Plan>,
        target: Target,
    ) -> Result<JoinSet<()>, OpenError> {
        let job = TriggerPre::new(target.pre().clone()).map_err(|error| OpenError::Config(format!("{error:#}")))?;
        let job = Arc::new(Job { job, target, grant, running: self.running.clone() });
        Ok(plans.into_iter().map(|plan| job.clone().at(plan)).collect())
    }

    async fn drain(&self, wait: Duration) {
        // Who holds all of them is alone: what runs has ended, and nothing starts while one waits for them.
        let ended = tokio::time::timeout(wait, self.running.acquire_many(RUNS)).await;
        self.running.close();
        drop(ended);
    }
}

/// A component, and under which grant it is called.
struct Job {
    job: TriggerPre<writ_provider::Instance>,
    target: Target,
    grant: Grant<Entry>,
    running: Arc<Semaphore>,
}

impl Job {
    async fn at(self: Arc<Self>, plan: Plan) {
        let mut times = tokio::time::interval(plan.interval());
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            times.tick().await;
            // The host is stopping.
            let Ok(running) = self.running.clone().acquire_owned().await else { return };
            // Asked each time: the grant logs what it refuses, and counts its rates.
            if self.grant.permits(plan).is_err() {
                continue;
            }
            let Ok(permit) = self.target.admit(plan.interval()).await else { continue };
            let job = self.job.clone();
            let call = self.target.run(permit, |store| {
                Box::pin(async move {
                    let job = job.instantiate_async(&mut *store).await?;
                    job.example_schedule_job().call_run(store).await
                })
            });
            // In a task of its own: a run that has begun comes to its end, also when the route is dropped meanwhile. How it
            // failed was logged where it failed.
            let _ = tokio::spawn(async move { drop((call.await, running)) }).await;
        }
    }
}

/// How many may run at once.
const RUNS: u32 = 1_000;
