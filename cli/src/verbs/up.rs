//! `writ up`: a host, and an application deployed on it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use writ_host::{Admission, Deployment, Host, HostError};

use crate::advice::Advice;
use crate::application::{self, Loaded};
use crate::data::Data;
use crate::home::Home;
use crate::releases::Releases;
use crate::revocations::{Marks, Watch};
use crate::runtime::{self, Options};
use crate::settings::Settings;
use crate::{Done, Outcome, clock, output};

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
    /// Start a component even if a later release of it ran on this data folder; later means what follows this one from then on
    #[arg(long)]
    allow_rollback: bool,
    /// How many requests and messages run at once, at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2048))]
    max_instances: Option<u32>,
    /// How long running calls may take to end when the host stops
    #[arg(long, value_name = "TIME", default_value = "10s")]
    drain: writ_provider::units::Time,
}

pub(crate) fn run(args: &Up, settings: &Settings, home: &Home) -> Done {
    let application = application::read(&args.manifest)?;
    let folder = args.data.clone().unwrap_or_else(|| settings.data.join(&application.name));
    let sources = home.trust().sources()?;
    let roots = sources.roots(&Marks::read(&folder)?);
    let loaded = Loaded::manifest(&args.manifest, application, &roots, clock::now()?)?;
    let options = Options {
        listen: args.listen,
        policies: application::policies(home)?,
        stores: args.max_instances,
        ..Options::default()
    };
    // Decided before anything is made or opened: a refusal leaves no trace.
    let admission = loaded.authorize(&options)?;
    if !args.allow_rollback {
        Releases::read(&folder)?.check(&loaded)?;
    }
    if args.check {
        return tell(&admission);
    }
    let data = Data::open(&folder)?;
    let marks = Marks::remember(data.path(), &roots)?;
    let releases = Releases::read(data.path())?;
    if !args.allow_rollback {
        // Again, now that nobody else starts anything on this folder.
        releases.check(&loaded)?;
    }
    let options = Options { store: Some(data.store()?), ..options };
    let host = runtime::host(options, data.cache()?).map_err(advise)?;
    let kept = Kept { watch: Watch::new(sources, &data, marks), releases };
    let runtime = runtime::tokio()?;
    let done = runtime.block_on(serve(&loaded, &admission, &host, args.drain.duration(), kept));
    // What is still being compiled when a signal comes is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

/// What the data folder remembers, and this host goes on writing down.
struct Kept {
    watch: Watch,
    releases: Releases,
}

/// The address space that an engine reserves grows with the instances it may have.
fn advise(error: HostError) -> anyhow::Error {
    match error {
        HostError::Engine(_) => Advice::new(error.to_string(), "allow fewer with --max-instances, such as 16").into(),
        other => other.into(),
    }
}

/// Says what would be granted.
fn tell(admission: &Admission) -> Done {
    for admitted in admission.components() {
        let granted: Vec<_> = admitted.capabilities().collect();
        let granted = if granted.is_empty() { "nothing but the baseline".to_owned() } else { granted.join(", ") };
        output::data(format_args!("{} ({}): granted {granted}", admitted.name(), admitted.principal()))?;
    }
    Ok(Outcome::Done)
}

async fn serve(loaded: &Loaded, admission: &Admission, host: &Host, drain: Duration, mut kept: Kept) -> Done {
    // Before anything is connected, so that a signal during the start ends it in order, too.
    let mut signals = Signals::listen().context("signals cannot be handled")?;
    let application = &loaded.application.name;
    tracing::info!(target: "writ::host", %application, "starting");
    warn_of_stand_ins(loaded);
    let deployment = tokio::select! {
        deployed = host.deploy(admission) => deployed?,
        signal = signals.next() => {
            tracing::info!(target: "writ::host", signal, "stopped before anything ran");
            return Ok(Outcome::Done);
        }
    };
    // Not before: what does not even start must not keep an older release from starting.
    kept.releases.ran(loaded)?;
    let components = admission.components().len();
    tracing::info!(target: "writ::host", %application, components, "deployed");
    let signal = tokio::select! {
        signal = signals.next() => signal,
        never = kept.watch.over(&deployment) => match never {},
    };
    tracing::info!(target: "writ::host", signal, "stopping: running calls may end, new ones are refused");
    Ok(stop(host, deployment, drain, &mut signals.interrupt).await)
}

/// What ends a host in order.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one; its name.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "Ctrl-C",
        }
    }
}

/// Lets running calls end. A second Ctrl-C does not wait for them.
async fn stop(host: &Host, deployment: Deployment, drain: Duration, interrupt: &mut Signal) -> Outcome {
    let drained = tokio::select! {
        drained = host.drain(deployment, drain) => drained,
        _ = interrupt.recv() => false,
    };
    if !drained {
        tracing::warn!(target: "writ::host", "calls that still ran were ended");
        return Outcome::Refused;
    }
    tracing::info!(target: "writ::host", "stopped");
    Outcome::Done
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
