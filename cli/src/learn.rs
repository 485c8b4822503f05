//! `writ up --learn`: what each component needs of what it signed for, as a file to sign it by.

use std::fmt::Write as _;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use writ_host::{Learner, Lesson, Registry};
use writ_provider::Flow;
use writ_provider::units::Time;

use crate::escape;
use crate::files;
use crate::runtime::{self, Options};

/// Where what was learnt is written, again and again while a host runs.
pub(crate) struct Learning {
    learner: Learner,
    folder: PathBuf,
    registry: Registry,
}

impl Learning {
    /// Into a folder, which is made where there is none.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let registry = runtime::registry(&Options::default());
        Ok(Self { learner: Learner::new(), folder: folder.to_owned(), registry })
    }

    pub(crate) fn learner(&self) -> Learner {
        self.learner.clone()
    }

    /// Does this work, and writes down meanwhile what was learnt. Whatever ends this process, the files are whole, and say what
    /// was learnt until a few seconds before.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.again_and_again() => match never {},
        }
    }

    async fn again_and_again(&self) -> std::convert::Infallible {
        let mut interval = tokio::time::interval(EVERY);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            if let Err(error) = self.write() {
                tracing::error!(target: "writ::host", reason = format!("{error:#}"), "what was learnt is not written");
            }
        }
    }

    /// Writes a file for each component, where it says something else than before.
    pub(crate) fn write(&self) -> Result<()> {
        for lesson in self.learner.so_far(self.registry.vocabulary()) {
            let path = self.folder.join(format!("{}.yaml", lesson.component));
            let text = to_yaml(&lesson);
            if !files::read_text(&path, MOST).is_ok_and(|old| old == text) {
                files::replace(&path, text.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// A `writ.yaml`.
fn to_yaml(lesson: &Lesson) -> String {
    let signed = &lesson.signed;
    let common = &signed.common;
    let valid = Time::from_millis(common.exp.saturating_sub(common.nbf).saturating_mul(1_000));
    let mut text = format!(
        "# Learnt by `writ up --learn`: what it needs of what it is signed for. Read it, and sign it: `writ sign FILE --claims THIS`.\n\
         name: {}\nid: {}\nversion: {}\nrevision: {}\nexpires: {valid}\n",
        flow(&common.name.as_str().into()),
        common.subject,
        flow(&signed.version.as_str().into()),
        signed.revision,
    );
    text.push_str(if lesson.claims.is_empty() { "claims: {}\n" } else { "claims:\n" });
    for (capability, entries) in &lesson.claims {
        push(&mut text, format_args!("  {capability}:{}", if entries.is_empty() { " []" } else { "" }));
        entries.iter().for_each(|entry| push(&mut text, format_args!("    - {}", flow(entry))));
    }
    if !common.limits.is_empty() {
        let limits = common.limits.iter().map(|(name, value)| format!("{name}: {}", flow(value)));
        push(&mut text, format_args!("limits: {{ {} }}", limits.collect::<Vec<_>>().join(", ")));
    }
    push_unused(&mut text, lesson);
    push_refused(&mut text, lesson);
    text
}

fn push_unused(text: &mut String, lesson: &Lesson) {
    if lesson.unused.is_empty() {
        return;
    }
    push(text, "\n# Signed for, and never asked for. What is asked at no operation, as `clocks`, is never learnt.");
    for (capability, claim) in &lesson.unused {
        push(text, format_args!("#   {capability}: {}", flow(claim)));
    }
}

fn push_refused(text: &mut String, lesson: &Lesson) {
    if lesson.refused.is_empty() {
        return;
    }
    push(text, "\n# Refused while it ran. Whoever means to allow it adds the entry to the claim there.");
    for (capability, document, entry) in &lesson.refused {
        push(text, format_args!("#   {capability}: [{}]  # in {document}", flow(entry)));
    }
}

fn push(text: &mut String, line: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

/// A value on one line of YAML. What guests chose stands in quotes there, and what may end a line or hide text is escaped.
fn flow(value: &Value) -> String {
    let mut line = String::new();
    for c in Flow(value).to_string().chars() {
        match u32::from(c) {
            code @ ..=0xffff if escape::is_unsafe(c) => line.push_str(&format!("\\u{code:04x}")),
            code if escape::is_unsafe(c) => line.push_str(&format!("\\U{code:08x}")),
            _ => line.push(c),
        }
    }
    line
}

/// How often: at most so much is forgotten when the machine goes.
const EVERY: Duration = Duration::from_secs(5);
/// Bytes of a file that was written before.
const MOST: usize = 16 << 20;
