//! A host, and the application on it that is replaced while it runs: what `up` and `dev` have in common.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};
use writ_host::{Admission, Denials, DeployError, Deployment, Host};
use writ_provider::OpenError;

use crate::advice::Advice;
use crate::application::{self, Loaded};
use crate::home::Home;
use crate::releases::Releases;
use crate::revocations::Watch;
use crate::runtime::{self, Options};
use crate::{Outcome, clock};

/// A host, and what is deployed on it.
pub(crate) struct Running<'a> {
    host: &'a Host,
    watch: &'a Watch,
    options: Options,
    /// What ran on the data folder, where a host does not go back behind that.
    releases: Option<Releases>,
    /// Its name is that of the first deployment: the data folder is named for it.
    deployed: Option<(String, Deployment)>,
}

impl<'a> Running<'a> {
    pub(crate) fn new(host: &'a Host, watch: &'a Watch, options: Options) -> Self {
        Self { host, watch, options, releases: None, deployed: None }
    }

    /// Such that no release follows a later one of the same component.
    pub(crate) fn forward(self, releases: Releases) -> Self {
        Self { releases: Some(releases), ..self }
    }

    pub(crate) fn is_deployed(&self) -> bool {
        self.deployed.is_some()
    }

    /// Deploys what was admitted, in the place of what runs. What ran goes on where it fails, or is not awaited.
    pub(crate) async fn deploy(&mut self, loaded: &Loaded, admission: &Admission) -> Result<()> {
        warn_of_stand_ins(loaded, self.host);
        let name = &loaded.application.name;
        let new = self.host.deploy(admission).await.map_err(|error| self.explain(error))?;
        // Not before: what does not even start must not keep an older release from starting.
        let audit = self.options.audit.as_ref();
        self.releases.as_mut().map_or(Ok(()), |releases| releases.ran(loaded, audit))?;
        drop(self.deployed.replace((name.clone(), new)));
        let components = admission.components().len();
        tracing::info!(target: "writ::host", application = %name, components, "deployed");
        Ok(())
    }

    /// Reads everything again, and deploys it in the place of what runs.
    pub(crate) async fn reload(&mut self, manifest: &Path, home: &Home) -> Result<()> {
        let decided = self.decide(manifest, home).await;
        let (loaded, admission) = decided.inspect_err(|error| self.note(manifest, error))?;
        self.deploy(&loaded, &admission).await
    }

    /// Reads everything again, and decides about it.
    async fn decide(&mut self, manifest: &Path, home: &Home) -> Result<(Loaded, Admission)> {
        // Before anything that may be refused: what was revoked ends, whatever becomes of this.
        let roots = self.watch.reread(home, self.host).await?;
        let policies = application::policies(home)?;
        let loaded = Loaded::manifest(manifest, application::read(manifest)?, &roots, clock::now()?)?;
        self.check_name(&loaded)?;
        // Before anything is decided. They are the owner's word from now on, whatever becomes of this.
        self.options.named_routes.set(policies.host.as_ref().map(runtime::named_routes).unwrap_or_default());
        self.host.set_policies(policies);
        let admission = self.authorize(&loaded)?;
        self.releases.as_ref().map_or(Ok(()), |releases| releases.check(&loaded))?;
        Ok((loaded, admission))
    }

    /// Writes down why nothing was swapped. What a document refuses, the host wrote down.
    fn note(&self, manifest: &Path, refused: &anyhow::Error) {
        let Some(audit) = self.options.audit.as_ref().filter(|_| !refused.is::<Denials>()) else { return };
        let name = self.deployed.as_ref().map_or_else(|| manifest.display().to_string(), |(name, _)| name.clone());
        audit.record_not_started(&name, &format!("{refused:#}"));
    }

    /// A route of what runs passes to nobody else, and who renews a component's id does not see that it is another one.
    fn explain(&self, error: DeployError) -> anyhow::Error {
        match error {
            DeployError::Connect { source: OpenError::Taken { .. }, .. } if self.is_deployed() => {
                let hint = "a route passes to another component, which is another id or account, only by a new start";
                Advice::new(error.to_string(), hint).into()
            }
            other => other.into(),
        }
    }

    fn authorize(&self, loaded: &Loaded) -> Result<Admission, Denials> {
        self.host.authorize(&loaded.candidates(), &loaded.application)
    }

    fn check_name(&self, loaded: &Loaded) -> Result<()> {
        match &self.deployed {
            Some((name, _)) if *name != loaded.application.name => {
                let message = format!("the manifest is about {} now, and {name} runs here", loaded.application.name);
                Err(Advice::new(message, "another application needs a host of its own").into())
            }
            _ => Ok(()),
        }
    }

    /// Lets running calls end, at most for so long. A second Ctrl-C does not wait for them.
    pub(crate) async fn stop(&mut self, drain: Duration, signals: &mut Signals) -> Outcome {
        let Some((_, deployment)) = self.deployed.take() else { return Outcome::Done };
        let drained = tokio::select! {
            drained = self.host.drain(deployment, drain) => drained,
            _ = signals.interrupt.recv() => false,
        };
        if !drained {
            tracing::warn!(target: "writ::host", "calls that still ran were ended");
            return Outcome::Refused;
        }
        tracing::info!(target: "writ::host", "stopped");
        Outcome::Done
    }
}

/// What ends a host in order.
pub(crate) struct Signals {
    pub(crate) terminate: Signal,
    pub(crate) interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one; its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "Ctrl-C",
        }
    }
}

/// wasmCloud's images are not run: what stands in for each is said, so that nobody believes to have a Redis.
fn warn_of_stand_ins(loaded: &Loaded, host: &Host) {
    for provider in &loaded.application.providers {
        let Some(image) = provider.image() else { continue };
        if let Some(instead) = host.vocabulary().stand_in(image) {
            let (provider, image) = (&provider.name, &image.value);
            tracing::warn!(target: "writ::host", provider, image, "served by {instead} instead");
        }
    }
}
