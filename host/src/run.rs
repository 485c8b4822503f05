//! Running a command: a component that exports `wasi:cli/run`, with arguments and streams of its own. What `writ run` does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use wasmtime_wasi::I32Exit;
use writ_provider::wasmtime::component::InstancePre;
use writ_provider::wasmtime::{self, Store};
use writ_provider::{Failure, Instance, Target};

use crate::authorize::{Admission, Admitted};
use crate::host::{DeployError, Host};
use crate::load::Export;
use crate::names::InterfaceName;
use crate::prepared::Entry;
use crate::wasi::terminal::Command;

/// Why a command gave no exit code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It does not compile or link, or a folder that is given cannot be opened.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// It is no command.
    #[error("it exports no wasi:cli/run@0.2, so there is nothing to run")]
    NoCommand,
    /// Nothing starts any more.
    #[error(transparent)]
    Busy(#[from] writ_provider::Busy),
    /// It failed; the log says how.
    #[error("the run failed: {0}")]
    Failed(#[from] Failure),
    /// What it wrote did not arrive; a broken pipe, where whoever read it is gone.
    #[error("its output cannot be written: {0}")]
    Output(#[source] io::Error),
}

impl Host {
    /// Runs the one component of an admission in a fresh store, and gives back its exit code: what it passed to `exit`, 0
    /// where it returned, 1 where it returned an error.
    ///
    /// It may take as long as its documents say, and as long as it wants where none says anything. As its host's owner you
    /// need no claim to run it.
    ///
    /// # Errors
    /// [`RunError`]. What it wrote until then was written, unless nobody reads it.
    pub async fn run(&self, admission: &Admission, command: Command) -> Result<u8, RunError> {
        let admitted = admission.components().first().ok_or(RunError::NoCommand)?;
        let export = exported(admitted).ok_or(RunError::NoCommand)?;
        let mut prepared = self.prepare_first(admission, admitted, "wasi:cli/run#run").await?;
        // The host's own bound is for requests, which others wait behind.
        prepared.time = admitted.limits.said.unwrap_or(Duration::MAX);
        let entry = Arc::new(prepared);
        let target = Target::new(Arc::new(Entry(entry.clone())));
        let permit = target.admit(Duration::ZERO).await?;

        let outputs = [command.stdout.clone(), command.stderr.clone()];
        let code = Arc::new(AtomicU8::new(0));
        let (ended_with, pre) = (code.clone(), target.pre().clone());
        let work = target.run(permit, move |store| {
            Box::pin(async move {
                if let Some((_, wasi)) = entry.linked.principals.first() {
                    *store.data_mut().wasi(0).ctx = wasi.command(command);
                }
                ended_with.store(call(&pre, &export, store).await?, Ordering::Relaxed);
                Ok(())
            })
        });
        let [stdout, stderr] = &outputs;
        let ended = tokio::select! {
            ended = work => ended,
            () = stdout.gone() => return Err(RunError::Output(io::ErrorKind::BrokenPipe.into())),
            () = stderr.gone() => return Err(RunError::Output(io::ErrorKind::BrokenPipe.into())),
        };
        let finish = async { stdout.finish().await.and(stderr.finish().await) };
        if let Err(failure) = ended {
            // Nobody waits for ever for the words of one that failed.
            let _ = tokio::time::timeout(LAST_WORDS, finish).await;
            return Err(failure.into());
        }
        finish.await.map_err(RunError::Output)?;
        Ok(code.load(Ordering::Relaxed))
    }
}

/// Instantiates the command and calls it. `exit` is how a command ends, so that it is no failure here.
async fn call(pre: &InstancePre<Instance>, export: &str, store: &mut Store<Instance>) -> wasmtime::Result<u8> {
    let ended: wasmtime::Result<u8> = async {
        let instance = pre.instantiate_async(&mut *store).await?;
        let interface = instance.get_export_index(&mut *store, None, export);
        let run = instance.get_export_index(&mut *store, interface.as_ref(), "run");
        let run = run.ok_or_else(|| wasmtime::format_err!("{export} has no `run`"))?;
        let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut *store, run)?;
        let (ended,) = run.call_async(&mut *store, ()).await?;
        Ok(u8::from(ended.is_err()))
    }
    .await;
    match ended {
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(I32Exit(code)) => Ok(u8::try_from(*code).unwrap_or(1)),
            None => Err(error),
        },
        ended => ended,
    }
}

/// The export to call, in the component's own spelling.
fn exported(admitted: &Admitted) -> Option<String> {
    let run: InterfaceName = RUN.parse().ok()?;
    admitted.artifact.exports().iter().find_map(|export| match export {
        Export::Interface(name) if name.matches(&run) => Some(name.to_string()),
        _ => None,
    })
}

const RUN: &str = "wasi:cli/run@0.2.0";
/// How long the output of a command that failed may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);
