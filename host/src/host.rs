//! A host: an engine, its providers, and the applications deployed on it.

mod preparing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use writ_manifest::Application;
use writ_provider::wasmtime::Engine;
use writ_provider::{Generation, OpenError, Opening, Target};
use writ_signing::Roots;

use crate::audit::{Audit, Clerk, Event};
use crate::authorize::{Admission, Admitted, Candidate, Policies, authorize};
use crate::budgets::Budgets;
use crate::cache::Cache;
use crate::compose::roots;
use crate::denial::Denials;
use crate::engine::{Capacity, Ticker, engine};
use crate::learn::Learner;
use crate::link::LinkError;
use crate::load::Export;
use crate::prepared::{Entry, Pool};
use crate::registry::{Parts, Registry, Route, claims};
use crate::shares::Shares;
use crate::standing::Standings;
use crate::vocabulary::Word;

/// How a host is set up.
#[derive(Default)]
pub struct Settings {
    /// How much of the machine guests may take up.
    pub capacity: Capacity,
    /// Where compiled code is kept; without it, every start compiles.
    pub cache: Option<Cache>,
    /// The most this host's owner allows.
    pub policies: Policies,
    /// Where what is decided and done is written down; without it, nothing is.
    pub audit: Option<Audit>,
    /// Who learns what components ask for. It hears of it from who writes the audit log: without one, nothing is learnt.
    pub learner: Option<Learner>,
}

/// A process that runs components: what it serves, what it allows, and what it runs.
pub struct Host {
    engine: Engine,
    capacity: Capacity,
    registry: Registry,
    cache: Option<Arc<Cache>>,
    policies: RwLock<Policies>,
    clerk: Option<Arc<Clerk>>,
    learner: Option<Learner>,
    // What deployments have in common: a swap resets none of it.
    budgets: Budgets,
    shares: Shares,
    standings: Standings,
    lists: Option<Lists>,
    generations: AtomicU64,
    pool: Pool,
    _ticker: Ticker,
}

/// Asks for the revocation lists as they are now.
type Lists = Box<dyn Fn() -> BoxFuture<'static, Arc<Roots>> + Send + Sync>;

/// Why a host cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The engine cannot be made.
    #[error("this machine cannot run the engine: {0}")]
    Engine(String),
    /// A thread cannot be made: the one that counts time, or the one that counts what guests do.
    #[error("a thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// Why an application was not deployed. Nothing of it runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// The documents do not allow it.
    #[error("{0}")]
    Denied(#[from] Denials),
    /// A component does not compile.
    #[error("{component} cannot be compiled here: {reason}")]
    Compile {
        /// The manifest component.
        component: String,
        /// What the compiler says.
        reason: String,
    },
    /// A call needs more instances at once than there are.
    #[error(
        "{component}: a call takes {needs} instances at once, its own and those its links lead to, of something of which there are {most}"
    )]
    Crowded {
        /// The manifest component.
        component: String,
        /// How many a call takes.
        needs: u32,
        /// How many there are.
        most: usize,
    },
    /// A component cannot be linked to what it was granted.
    #[error("{component}: {source}")]
    Link {
        /// The manifest component.
        component: String,
        /// What does not fit.
        source: LinkError,
    },
    /// A trigger cannot be connected.
    #[error("{component}: {source}")]
    Connect {
        /// The manifest component.
        component: String,
        /// The source's answer.
        source: OpenError,
    },
}

/// An application that runs. Dropping it disconnects it, and calls that run come to their end; see [`Host::drain`] to
/// await them.
///
/// To swap what runs without losing a request:
///
/// ```no_run
/// # use writ_host::{Admission, DeployError, Deployment, Host};
/// # async fn swap(host: &Host, running: Deployment, admission: &Admission) -> Result<Deployment, DeployError> {
/// let new = host.deploy(admission).await?;
/// drop(running);
/// # Ok(new)
/// # }
/// ```
///
/// The new one takes over the routes and subscriptions of the same principals, all at once, when `deploy` is done. Until
/// then, and for good where it fails, the old one serves as before. What began in the old code ends there. Rates, memory,
/// and how much may run at once are counted for both together.
pub struct Deployment {
    // Dropped in this order: first nothing new comes in, then nothing is left to call but what was asked for.
    routes: Vec<Route>,
    entries: Vec<Entry>,
    /// Those of the entries that something outside could call, by the manifest component's name.
    called: BTreeMap<String, Entry>,
    _withdrawal: Option<Withdrawal>,
}

impl Deployment {
    /// A component of the manifest, for the program that embeds this host to call: in fresh stores, under the component's own
    /// claims and limits. No claim says who this program is, so it may call every export. None where no such component was
    /// deployed, or other components alone call it, such as what stands behind another one.
    ///
    /// It is this deployment's code and grants, also once this is dropped: ask the new one after each deployment. Revocation,
    /// expiry and [`Host::drain`] end it as they end any call.
    pub fn target(&self, component: &str) -> Option<Target> {
        self.called.get(component).map(|entry| Target::new(Arc::new(entry.clone())))
    }
}

/// Writes down that a deployment ended, when it does.
struct Withdrawal {
    clerk: Arc<Clerk>,
    application: String,
    generation: u64,
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        let (application, generation) = (self.application.clone(), self.generation);
        self.clerk.audit().record(&Event::Withdrawn { application, generation });
    }
}

impl Host {
    /// A host with these providers.
    ///
    /// # Errors
    /// [`HostError`], where the machine lacks address space or threads.
    pub fn new(settings: Settings, registry: Registry) -> Result<Self, HostError> {
        let Settings { capacity, cache, policies, audit, learner } = settings;
        let engine = engine(capacity).map_err(|error| HostError::Engine(format!("{error:#}")))?;
        let ticker = Ticker::start(&engine)?;
        let pool = Pool::new(capacity.stores);
        let standings = Standings::new(audit.clone());
        Ok(Self {
            engine,
            capacity,
            registry,
            cache: cache.map(Arc::new),
            policies: RwLock::new(policies),
            clerk: audit.map(|audit| audit.clerk(learner.clone())).transpose()?.map(Arc::new),
            learner,
            budgets: Budgets::default(),
            shares: Shares::default(),
            standings,
            lists: None,
            generations: AtomicU64::new(0),
            pool,
            _ticker: ticker,
        })
    }

    /// The engine that components are compiled for.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What claims can say here.
    pub fn vocabulary(&self) -> &crate::Vocabulary {
        self.registry.vocabulary()
    }

    /// Decides what an application may do here. Starts nothing. There is one candidate for each of the application's
    /// components; the admission has them in the same order.
    ///
    /// # Errors
    /// Every denial at once.
    pub fn authorize(&self, candidates: &[Candidate<'_>], application: &Application) -> Result<Admission, Denials> {
        let policies = self.policies.read().unwrap_or_else(PoisonError::into_inner);
        let decided = authorize(candidates, application, &policies, self.registry.vocabulary());
        if let (Err(denials), Some(clerk)) = (&decided, &self.clerk) {
            clerk.audit().record_denials(&application.name, denials);
        }
        decided
    }

    /// Replaces the most that this host's owner allows, for all that is authorized from now on. What runs goes on under
    /// what it was granted, until it is deployed again.
    pub fn set_policies(&self, policies: Policies) {
        *self.policies.write().unwrap_or_else(PoisonError::into_inner) = policies;
    }

    /// Asks of all that runs, by the lists as they are now, whether it was revoked. What was, or rests on an operator that is
    /// none of these roots, ends with its calls; where that is not known, nothing new starts. What changed is logged and written
    /// down. For a host that stays, to be asked every few seconds: lists and tokens age, too. What is deployed later is asked by
    /// the same.
    pub fn review(&self, roots: &Arc<Roots>, now: u64) {
        self.standings.review(roots, now);
    }

    /// Such that all that runs is reviewed by these lists once more between compiling and the first call of anything new.
    /// Compiling takes seconds, in which what was verified before may be revoked.
    #[must_use]
    pub fn asking(self, lists: impl Fn() -> BoxFuture<'static, Arc<Roots>> + Send + Sync + 'static) -> Self {
        Self { lists: Some(Box::new(lists)), ..self }
    }

    async fn review_again(&self) {
        if let Some(lists) = &self.lists {
            self.review(&lists().await, crate::now());
        }
    }

    /// Compiles, links and connects what was admitted. What comes in meanwhile goes to an older deployment of the same
    /// principals; without one, a call waits until all of it is connected.
    ///
    /// # Errors
    /// [`DeployError`]; then nothing of it stays connected, and nothing of it was called.
    pub async fn deploy(&self, admission: &Admission) -> Result<Deployment, DeployError> {
        let deployed = self.deploy_whole(admission).await;
        if let (Err(error), Some(clerk)) = (&deployed, &self.clerk) {
            clerk.audit().record_not_started(admission.application(), error);
        }
        deployed
    }

    async fn deploy_whole(&self, admission: &Admission) -> Result<Deployment, DeployError> {
        // Dropped after the routes of a deployment that fails: nothing that waits is told that it will never be called.
        let (generation, opening) = self.generation();
        let (routes, entries, called) = Default::default();
        let mut deployment = Deployment { routes, entries, called, _withdrawal: None };
        if let Some(learner) = &self.learner {
            learner.begin(admission, self.vocabulary());
        }
        let share = self.share(admission);
        let roots: BTreeSet<usize> = roots(admission).collect();
        let shares = |admitted: &Admitted| self.shares.of(admitted, share);
        let prepared = self.prepare_all(admission, roots.iter().copied(), &generation, shares).await?;
        for ((place, door), prepared) in prepared {
            let entry = Entry(prepared);
            if let Some(admitted) = admission.components().get(place).filter(|_| door.is_empty()) {
                self.connect(admitted, &entry, &mut deployment.routes).await?;
                // What is behind another component is called by that one alone.
                if roots.contains(&place) {
                    deployment.called.insert(admitted.name.clone(), entry.clone());
                }
            }
            deployment.entries.push(entry);
        }
        for (place, admitted) in admission.components().iter().enumerate() {
            self.warn_of_capacity(admitted);
            self.warn_of_uncalled(admission, place, admitted);
        }
        self.review_again().await;
        deployment._withdrawal = self.deployed(admission, generation.number());
        opening.open();
        Ok(deployment)
    }

    /// The generation of a deployment that begins.
    fn generation(&self) -> (Generation, Opening) {
        Generation::new(self.generations.fetch_add(1, Ordering::Relaxed))
    }

    /// Writes a deployment down, and gives back what does so at its end.
    fn deployed(&self, admission: &Admission, generation: u64) -> Option<Withdrawal> {
        let clerk = self.clerk.as_ref()?;
        let (application, components) = (admission.application().to_owned(), admission.components().len());
        // Not before: what did not start was granted nothing.
        clerk.audit().record_grants(admission);
        clerk.audit().record(&Event::Deployed { application: application.clone(), generation, components });
        Some(Withdrawal { clerk: clerk.clone(), application, generation })
    }

    /// How many stores each principal may hold at once: no one takes the last quarter from the others.
    fn share(&self, admission: &Admission) -> usize {
        let principals: BTreeSet<_> = admission.components().iter().map(|admitted| &admitted.principal).collect();
        let stores = usize::try_from(self.capacity.stores).unwrap_or(usize::MAX);
        if principals.len() > 1 { stores.saturating_sub(stores / 4).max(1) } else { stores }
    }

    async fn connect(&self, admitted: &Admitted, entry: &Entry, routes: &mut Vec<Route>) -> Result<(), DeployError> {
        for trigger in &admitted.triggers {
            let failed = |source| DeployError::Connect { component: admitted.name.clone(), source };
            let opened = self.registry.open(trigger.capability, trigger.image.as_deref()).await.map_err(failed)?;
            let link = admitted.capabilities.get(trigger.capability).map(|how| how.link.clone()).unwrap_or_default();
            let parts = Parts {
                principal: &admitted.principal,
                link: &link,
                settings: &admitted.settings,
                claims: claims(&admitted.documents, trigger.capability),
                budgets: &self.budgets,
                clerk: self.clerk.as_deref(),
            };
            let target = Target::new(Arc::new(entry.clone()));
            let Some(calls) = opened.calls() else {
                let capability = trigger.capability;
                return Err(failed(OpenError::Config(format!("{capability} calls no components"))));
            };
            routes.push(calls.connect(parts, &trigger.source, target).await.map_err(failed)?);
        }
        Ok(())
    }

    fn warn_of_capacity(&self, admitted: &Admitted) {
        let limits = &admitted.limits;
        if limits.memory > self.capacity.memory || limits.time > self.capacity.time {
            let (component, memory, time) = (&admitted.principal, self.capacity.memory, self.capacity.time);
            tracing::warn!(target: "writ::host", %component, memory, ?time, "the claims allow more than this host gives");
        }
    }

    /// A handler that nothing calls is likely a link that was forgotten.
    fn warn_of_uncalled(&self, admission: &Admission, place: usize, admitted: &Admitted) {
        let mut links = admission.components().iter().flat_map(|other| &other.edges);
        if links.any(|joint| joint.target == place && joint.is_in_front()) {
            return;
        }
        for export in admitted.artifact.exports() {
            let Export::Interface(name) = export else { continue };
            let Some(capability) = self.registry.vocabulary().exported(name).map(Word::name) else { continue };
            if !admitted.triggers.iter().any(|trigger| trigger.capability == capability) {
                let component = &admitted.principal;
                tracing::warn!(target: "writ::host", %component, export = %name, "no link calls this handler");
            }
        }
    }

    /// Lets triggers finish what they began, refuses new calls, and awaits those that run; false if some still did after
    /// `wait`. The host is for nothing afterwards: draining stops all of it, not this deployment alone. Providers are drained in the reverse order of their registration.
    pub async fn drain(&self, deployment: Deployment, wait: Duration) -> bool {
        let end = Instant::now() + wait;
        let Deployment { routes, entries, called, _withdrawal } = deployment;
        // Triggers first, while calls are still admitted: an answer is on its way to a client when its call has ended, and
        // a message waits for its handler.
        self.registry.drain(end).await;
        self.pool.stop();
        drop(routes);
        let idle = self.pool.idle(end.saturating_duration_since(Instant::now())).await;
        drop((called, entries));
        idle
    }
}

#[cfg(test)]
mod tests;
