//! WASI as a component sees it here: a baseline that reaches nothing, and what claims and the host's owner open of it.
//!
//! | module | |
//! |---|---|
//! | [`baseline`] | what everyone gets without a claim |
//! | [`environment`] | the variables that are given, as far as `environment` permits them |
//! | [`filesystem`] | the folders that are given, as far as `filesystem` permits them |
//! | [`clocks`] | how fine the clocks are that `clocks` permits |
//! | [`io`], [`stdio`], [`terminal`] | streams that end with the call; output to the log, or to whoever called |
//!
//! These three capabilities are the host's own. Their interfaces are in the baseline for everybody, so that a claim opens
//! them and links nothing: without one, they are there and empty.

pub(crate) mod baseline;
pub(crate) mod clocks;
pub(crate) mod environment;
pub(crate) mod filesystem;
mod io;
mod stdio;
pub(crate) mod terminal;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use wasmtime_wasi::filesystem::WasiFilesystemCtx;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};
use writ_provider::{Baseline, Constraint, Grant, LinkConfig, OpenError, Principal};

use crate::authorize::Admitted;
use crate::budgets::Budgets;
use crate::registry::{Parts, claims};
use stdio::ToLog;
use terminal::Command;

/// What is open to one component: decided and opened once, at its deployment, and the same for every call.
pub(crate) struct Wasi {
    environment: BTreeMap<String, String>,
    files: WasiFilesystemCtx,
    resolution: Duration,
}

impl Wasi {
    /// Opens what its owner gives a component, as far as its documents permit that.
    pub(crate) fn of(admitted: &Admitted, budgets: &Budgets) -> Result<Self, OpenError> {
        let (environment, _) = given::<environment::Entry>(admitted, "environment", budgets)?;
        let (_, folders) = given::<filesystem::Entry>(admitted, "filesystem", budgets)?;
        let files = filesystem::open(&folders)?;
        let resolution = clocks::finest(&admitted.documents);
        Ok(Self { environment: environment.cloned().unwrap_or_default(), files, resolution })
    }

    /// A principal's WASI state for one store: its output goes to the log.
    pub(crate) fn state(&self, principal: &Principal) -> Baseline {
        let (stdout, stderr) = ToLog::pair(principal);
        let wasi = self.built(self.builder().stdout(stdout).stderr(stderr));
        Baseline { wasi, http: Box::new(baseline::NoEgress) }
    }

    /// The WASI state of a command: with arguments, and the streams of whoever called it.
    pub(crate) fn command(&self, command: Command) -> WasiCtx {
        let Command { args, stdin, stdout, stderr } = command;
        self.built(self.builder().args(&args).stdin(stdin.0).stdout(stdout).stderr(stderr))
    }

    fn builder(&self) -> WasiCtxBuilder {
        let mut wasi = baseline::builder();
        wasi.wall_clock(clocks::Wall(self.resolution)).monotonic_clock(clocks::Since::now(self.resolution));
        for (name, value) in &self.environment {
            wasi.env(name, value);
        }
        wasi
    }

    fn built(&self, builder: &mut WasiCtxBuilder) -> WasiCtx {
        let mut wasi = builder.build();
        // The folders themselves, and not their paths: each store has what was opened at deployment.
        *wasi.filesystem() = self.files.clone();
        wasi
    }
}

/// What the owner's link gives of one of the host's own capabilities. Its documents are asked again here, about exactly
/// what is opened: a path may lead elsewhere than it did when `authorize` asked.
fn given<'a, C: Constraint>(
    admitted: &'a Admitted,
    capability: &'static str,
    budgets: &Budgets,
) -> Result<(Option<&'a LinkConfig>, Vec<C::Plan>), OpenError> {
    let Some(how) = admitted.capabilities.get(capability) else { return Ok((None, Vec::new())) };
    let parts = Parts {
        principal: &admitted.principal,
        link: &how.link,
        settings: &admitted.settings,
        claims: claims(&admitted.documents, capability),
        budgets,
        // Asked once, of what the owner gives: nothing that the guest does.
        clerk: None,
    };
    let unusable = |error: &dyn std::fmt::Display| OpenError::Config(format!("{capability}: {error}"));
    let grant: Grant<C> = parts.grant(capability).map_err(|error| unusable(&error))?;
    let plans = C::plans(&how.link).map_err(|error| unusable(&error))?;
    for plan in &plans {
        if let Err(refused) = grant.permits(C::request(plan)) {
            return Err(unusable(&format_args!("{plan} is refused: {} {}", refused.document, refused.reason)));
        }
    }
    Ok((Some(&how.link), plans))
}

/// A field that is there has a value: one with nothing after it is a mistake, and must not mean that it is absent.
fn written<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The first few of what is permitted, for a message.
fn list(names: &[String]) -> String {
    let shown = names.get(..names.len().min(SHOWN)).unwrap_or_default().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

const SHOWN: usize = 8;
