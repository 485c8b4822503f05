//! `writ up`: a host, and an application deployed on it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use writ_host::{Deployment, Host};

use crate::application::Loaded;
use crate::data::Data;
use crate::home::Home;
use crate::runtime::{self, Options};
use crate::settings::Settings;

/// Start a host and deploy an application (OAM YAML) on it, until Ctrl-C or SIGTERM
#[derive(Debug, clap::Args)]
pub(crate) struct Up {
    /// The application's manifest; images are files, relative to it
    manifest: PathBuf,
    /// Listen here for HTTP, instead of the addresses in the manifest
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Keep the host's state in this folder [default: the XDG data folder, writ/APPLICATION]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print what would be granted, or every denial, and start nothing
    #[arg(long)]
    check: bool,
    /// How many requests and messages run at once, at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    max_instances: Option<u32>,
    /// How long running calls may take to end when the host stops
    #[arg(long, value_name = "TIME", default_value = "10s")]
    drain: writ_provider::units::Time,
}

impl Up {
    pub(crate) fn run(self, settings: &Settings) -> Result<ExitCode> {
        let home = Home::open(settings)?;
        let loaded = Loaded::manifest(&self.manifest, &home.roots()?, writ_host::now())?;
        let mut options = Options { listen: self.listen, policies: home.policies()?, ..Options::default() };
        options.stores = self.max_instances;
        if self.check {
            return check(&loaded, &runtime::host(options)?);
        }
        // Refused before anything is made or opened.
        loaded.authorize(&runtime::host(Options { policies: home.policies()?, ..Options::default() })?)?;
        let folder = self.data.clone().unwrap_or_else(|| settings.data(&loaded.application.name));
        let data = Data::open(&folder)?;
        options.store = Some(data.store()?);
        options.cache = Some(data.cache()?);
        let tokio = runtime::tokio()?;
        tokio.block_on(serve(&loaded, options, self.drain.duration()))
    }
}

/// Says what would be granted, and starts nothing.
fn check(loaded: &Loaded, host: &Host) -> Result<ExitCode> {
    let admission = loaded.authorize(host)?;
    for admitted in admission.components() {
        let granted: Vec<_> = admitted.capabilities().collect();
        let granted = if granted.is_empty() { "nothing".to_owned() } else { granted.join(", ") };
        crate::out::line(&format!("{} ({}): granted {granted}", admitted.name(), admitted.principal()));
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(loaded: &Loaded, options: Options, drain: Duration) -> Result<ExitCode> {
    // Before anything is connected, so that a signal during the start ends it in order, too.
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be handled")?;
    let host = runtime::host(options)?;
    let admission = loaded.authorize(&host)?;
    warn_of_stand_ins(loaded);
    let deployment = host.deploy(&admission, &loaded.artifacts).await?;
    let application = &loaded.application;
    let components = admission.components().len();
    tracing::info!(target: "writ::host", application = %application.name, components, "deployed");
    let signal = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "Ctrl-C",
    };
    tracing::info!(target: "writ::host", signal, "stopping: running calls may end, new ones are refused");
    Ok(stop(&host, deployment, drain, &mut interrupt).await)
}

/// Lets running calls end. A second Ctrl-C does not wait for them.
async fn stop(host: &Host, deployment: Deployment, drain: Duration, interrupt: &mut tokio::signal::unix::Signal) -> ExitCode {
    let drained = tokio::select! {
        drained = host.drain(deployment, drain) => drained,
        _ = interrupt.recv() => false,
    };
    if !drained {
        tracing::warn!(target: "writ::host", "calls that still ran were ended");
        return ExitCode::FAILURE;
    }
    tracing::info!(target: "writ::host", "stopped");
    ExitCode::SUCCESS
}

/// wasmCloud's images are not run: what stands in for each is said, so that nobody believes to have a Redis.
fn warn_of_stand_ins(loaded: &Loaded) {
    for provider in &loaded.application.providers {
        let Some(image) = provider.image() else { continue };
        if writ_host::is_stand_in(image) {
            let capability = writ_host::image_capability(image).unwrap_or_default();
            let (provider, image) = (&provider.name, &image.value);
            tracing::warn!(target: "writ::host", provider, image, "served by builtin:{capability} instead");
        }
    }
}
