//! `writ up`: a host, and an application deployed on it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use writ_host::{Admission, HostError};
use writ_manifest::Application;

use crate::advice::Advice;
use crate::application::{self, Loaded};
use crate::data::Data;
use crate::home::Home;
use crate::learn::Learning;
use crate::releases::Releases;
use crate::revocations::Watch;
use crate::running::{Running, Signals};
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
    /// Write down in the audit log how often what was granted is used, too, and not only what is denied
    #[arg(long)]
    audit_uses: bool,
    /// Keep in this folder, as COMPONENT.yaml, the least claims that permit all that each component does: to sign it by
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    learn: Option<PathBuf>,
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
    let name = application.name.clone();
    let folder = args.data.clone().unwrap_or_else(|| settings.data.join(&name));
    let watch = Watch::new(home, Some(&folder))?;
    let options = Options {
        listen: args.listen,
        policies: application::policies(home)?,
        stores: args.max_instances,
        ..Options::default()
    };
    // Decided before anything is made or opened: a refusal leaves nothing, but for its line in an audit log that is there.
    let decided = decide(args, application, &watch, (&options, &folder));
    let noted = |refused: &anyhow::Error| {
        if !args.check {
            Data::note(&folder, &name, refused)
        }
    };
    let (loaded, admission) = decided.inspect_err(noted)?;
    if args.check {
        return tell(&admission);
    }
    let data = Data::open(&folder)?;
    watch.keep(&data)?;
    // Again, now that nobody else starts anything on this folder.
    let releases = Releases::read(data.path(), args.allow_rollback)?;
    releases.check(&loaded)?;
    let audit = data.audit(args.audit_uses)?;
    let learning = args.learn.as_deref().map(Learning::new).transpose()?;
    let learner = learning.as_ref().map(Learning::learner);
    let options = Options { store: Some(data.store()?), audit: Some(audit.clone()), learner, ..options };
    let host = watch.before_each_start(runtime::host(options.clone(), Some(data.cache()?)).map_err(advise)?);
    let mut running = Running::new(&host, &watch, options).forward(releases);
    let runtime = runtime::tokio()?;
    let serving = serve(args, settings, home, (loaded, admission), &mut running);
    let watched = watch.during(&host, serving);
    let done = match &learning {
        Some(learning) => runtime.block_on(learning.during(watched)),
        None => runtime.block_on(watched),
    };
    // What is still being compiled when a signal comes is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    // With it goes what counts what guests did, after it wrote the last of it down.
    drop(running);
    drop(host);
    learning.as_ref().map_or(Ok(()), Learning::write)?;
    tracing::info!(target: "writ::audit", head = %audit.head(), "the audit log ends here");
    done
}

/// Reads the application's files, and decides what they may do here, now.
fn decide(
    args: &Up,
    application: Application,
    watch: &Watch,
    (options, folder): (&Options, &Path),
) -> anyhow::Result<(Loaded, Admission)> {
    let loaded = Loaded::manifest(&args.manifest, application, &watch.roots(), clock::now()?)?;
    let admission = loaded.authorize(options)?;
    Releases::read(folder, args.allow_rollback)?.check(&loaded)?;
    Ok((loaded, admission))
}

/// The address space that an engine reserves grows with the instances it may have.
pub(crate) fn advise(error: HostError) -> anyhow::Error {
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

async fn serve(
    args: &Up,
    settings: &Settings,
    home: &Home,
    (loaded, admission): (Loaded, Admission),
    running: &mut Running<'_>,
) -> Done {
    // Before anything is connected, so that a signal during the start ends it in order, too.
    let mut signals = Signals::listen().context("signals cannot be handled")?;
    let mut reloads = signal(SignalKind::hangup()).context("signals cannot be handled")?;
    let application = loaded.application.name.clone();
    tracing::info!(target: "writ::host", %application, "starting");
    tokio::select! {
        deployed = running.deploy(&loaded, &admission) => deployed?,
        signal = signals.next() => {
            tracing::info!(target: "writ::host", signal, "stopped before anything ran");
            return Ok(Outcome::Done);
        }
    };
    // They hold the components' bytes, which a reload replaces.
    drop((loaded, admission));
    let signal = loop {
        tokio::select! {
            signal = signals.next() => break signal,
            _ = reloads.recv() => {}
        }
        tracing::info!(target: "writ::host", %application, "SIGHUP: reading everything again");
        tokio::select! {
            signal = signals.next() => break signal,
            reloaded = running.reload(&args.manifest, home) => if let Err(error) = reloaded {
                output::refused("not reloaded, so what ran goes on unless it was revoked", &error, settings.log_format);
            }
        }
    };
    tracing::info!(target: "writ::host", signal, "stopping: running calls may end, new ones are refused");
    Ok(running.stop(args.drain.duration(), &mut signals).await)
}
