//! `writ dev`: builds, signs and runs a project, and does it again for every change.
//!
//! What runs goes on until what takes its place was built, signed and allowed. Nothing is looser than under `up`, but
//! for this: it may go back, as the sources do.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use writ_host::{Artifact, Export};
use writ_provider::units::Time;
use writ_signing::section;

use super::build::{recipe, sign};
use super::sign::Wanted;
use super::up::advise;
use crate::advice::Advice;
use crate::brake::Brake;
use crate::data::Data;
use crate::home::Home;
use crate::project::Project;
use crate::recipe::{Profile, Recipe};
use crate::revocations;
use crate::running::{Running, Signals};
use crate::runtime::{self, Options};
use crate::settings::Settings;
use crate::watch::{Due, MANIFEST, Watch};
use crate::{Done, files, output};

#[derive(Debug, clap::Args)]
pub(crate) struct Dev {
    /// The folder with writ.yaml and app.yaml [default: this one]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Listen here for HTTP, instead of the addresses in the manifest
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Keep the host's state in this folder [default: build/data in DIR]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The account's or signing key to sign with [default: the only one there is]
    #[arg(long, value_name = "NAME|KEY")]
    key: Option<String>,
    /// How long running calls may take to end when the host stops
    #[arg(long, value_name = "TIME", default_value = "10s")]
    drain: Time,
}

pub(crate) fn run(args: &Dev, settings: &Settings, home: &Home) -> Done {
    let folder = args.folder.clone().unwrap_or_default();
    let project = Project::open(folder.clone())?;
    recipe(&project)?;
    if !folder.join(MANIFEST).exists() {
        return Err(not_called(&project));
    }
    let data = Data::open(&args.data.clone().unwrap_or_else(|| folder.join("build").join("data")))?;
    let audit = Some(data.audit(false)?);
    let options = Options { listen: args.listen, store: Some(data.store()?), audit, ..Options::default() };
    // Hardly any code is the same at the next start.
    let lists = revocations::Watch::new(home, None)?;
    lists.keep(&data)?;
    let host = lists.before_each_start(runtime::host(options.clone(), None).map_err(advise)?);
    let mut session = Session {
        folder,
        settings,
        home,
        wanted: Wanted::key(args.key.clone()),
        running: Running::new(&host, &lists, options),
        brake: Arc::default(),
        built: None,
        due: Due::ALL,
    };
    let runtime = runtime::tokio()?;
    let done = runtime.block_on(lists.during(&host, session.serve(args.drain)));
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

/// A project without a manifest.
fn not_called(project: &Project) -> anyhow::Error {
    let message = format!("there is no {MANIFEST} in {}: nothing would call the component", project.folder().display());
    let hint = format!(
        "`writ new NAME --template http` shows one. A command, which exports wasi:cli/run, is called once: `writ build`, \
         then `writ run {}`",
        project.signed().display()
    );
    Advice::new(message, hint).into()
}

/// A project that is worked on.
struct Session<'a> {
    folder: PathBuf,
    settings: &'a Settings,
    home: &'a Home,
    wanted: Wanted,
    running: Running<'a>,
    brake: Arc<Brake>,
    /// What the last build that came to its end made, and how.
    built: Option<(PathBuf, Recipe)>,
    /// What failed stays due.
    due: Due,
}

impl Session<'_> {
    async fn serve(&mut self, drain: Time) -> Done {
        let mut signals = Signals::listen().context("signals cannot be handled")?;
        let mut hangup = signal(SignalKind::hangup()).context("signals cannot be handled")?;
        // Before the first build, so that no change is missed.
        let mut watch = Watch::start(&files::folder_of(&self.folder.join(MANIFEST)))?;
        let signal = tokio::select! {
            signal = ended(&mut signals, &mut hangup) => signal,
            never = self.follow(&mut watch) => match never {},
        };
        tracing::info!(target: "writ::dev", signal, "stopping");
        self.brake.pull();
        Ok(self.running.stop(drain.duration(), &mut signals).await)
    }

    /// Does what is due, again for every change.
    async fn follow(&mut self, watch: &mut Watch) -> Infallible {
        loop {
            if let Err(error) = self.round().await {
                let what = if self.running.is_deployed() {
                    "what ran goes on unless it was revoked"
                } else {
                    "nothing runs yet"
                };
                output::refused(&format!("{what}; waiting for a change"), &error, self.settings.log_format);
            }
            self.due = self.due.and(watch.changed().await);
        }
    }

    async fn round(&mut self) -> Result<()> {
        let project = Project::open(self.folder.clone())?;
        let recipe = recipe(&project)?;
        let same = self.built.as_ref().is_some_and(|(_, used)| *used == recipe);
        let started = Instant::now();
        if self.due.build || !same {
            self.build(recipe).await?;
        }
        let built = Instant::now();
        if self.due.sign {
            self.sign(&project)?;
        }
        if self.due.deploy {
            self.running.reload(&self.folder.join(MANIFEST), self.home).await?;
            self.due.deploy = false;
            let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            let (build_ms, swap_ms) = (ms(built - started), ms(built.elapsed()));
            tracing::info!(target: "writ::dev", build_ms, swap_ms, "runs as it is written now");
        }
        Ok(())
    }

    async fn build(&mut self, recipe: Recipe) -> Result<()> {
        // A build of the same sources would fail the same way.
        self.due.build = false;
        let (folder, brake, used) = (files::folder_of(&self.folder.join(MANIFEST)), self.brake.clone(), recipe.clone());
        let tools = self.settings.tools();
        let build = move || used.build(&folder, &tools, Profile::Release, Some(&brake));
        let file = tokio::task::spawn_blocking(build).await.context("the build's thread failed")??;
        self.built = Some((file, recipe));
        self.due = Due::ALL;
        self.due.build = false;
        Ok(())
    }

    fn sign(&mut self, project: &Project) -> Result<()> {
        let Some((file, _)) = &self.built else { return Ok(()) };
        sign(project, file, &self.wanted, self.home)?;
        self.due.sign = false;
        self.due.deploy = true;
        tell_of_command(&project.signed());
        Ok(())
    }
}

/// A component that nothing can call but its host's owner is likely a command with the wrong verb.
fn tell_of_command(signed: &Path) {
    let artifact = files::read(signed, section::MAX_FILE).ok().and_then(|bytes| Artifact::new(bytes).ok());
    let is_command = |export: &Export| match export {
        Export::Interface(name) => name.to_string().starts_with("wasi:cli/run@"),
        Export::Plain(_) => false,
    };
    if artifact.is_some_and(|artifact| matches!(artifact.exports(), [export] if is_command(export))) {
        output::hint(format_args!(
            "it only exports wasi:cli/run, which nothing here calls; `writ run {}` does",
            signed.display()
        ));
    }
}

/// Waits for what ends it; its name. A terminal that is closed ends it, too.
async fn ended(signals: &mut Signals, hangup: &mut Signal) -> &'static str {
    tokio::select! {
        signal = signals.next() => signal,
        _ = hangup.recv() => "SIGHUP",
    }
}
