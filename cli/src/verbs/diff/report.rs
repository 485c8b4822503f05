//! What differs between two files, for people and for programs.

use std::fmt::Display;

use anyhow::Result;
use serde_json::{Value, json};
use writ_signing::token::ComponentClaims;

use crate::facts::Facts;
use crate::output;

/// Everything that differs.
pub(super) struct Report {
    /// The two files, each with whether it verifies here, or why not.
    files: [(String, String, Option<String>); 2],
    changes: Vec<(Kind, String, String)>,
}

/// What a difference means for the host's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Newly asked for.
    Asked,
    /// No longer asked for.
    Less,
    /// Of another kind.
    Other,
}

impl Report {
    pub(super) fn of(old: &Facts, new: &Facts, (was, is): (&ComponentClaims, &ComponentClaims)) -> Self {
        let file = |facts: &Facts, claims: &ComponentClaims| {
            let reason = facts.verified.as_ref().err().map(ToString::to_string);
            (facts.file.clone(), format!("{} revision {}", claims.common.name, claims.revision), reason)
        };
        Self { files: [file(old, was), file(new, is)], changes: Vec::new() }
    }

    pub(super) fn push(&mut self, kind: Kind, about: &str, what: String) {
        self.changes.push((kind, about.to_owned(), what));
    }

    /// Notes that something which grants nothing is another one now.
    pub(super) fn differs<T: PartialEq + Display>(&mut self, about: &str, old: T, new: T) {
        if old != new {
            self.push(Kind::Other, about, format!("{new}, was {old}"));
        }
    }

    pub(super) fn asks_for_nothing(&self) -> bool {
        self.of_kind(Kind::Asked).next().is_none()
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&str, &str)> {
        let same = self.changes.iter().filter(move |(own, ..)| *own == kind);
        same.map(|(_, about, what)| (about.as_str(), what.as_str()))
    }

    pub(super) fn tell(&self) -> Result<()> {
        for (file, _, reason) in &self.files {
            if let Some(reason) = reason {
                output::warning(format_args!("{file} does not verify here, so this is what its signer says: {reason}"));
            }
        }
        let [(_, old, _), (_, new, _)] = &self.files;
        output::data(format_args!("{new}, after {old}"))?;
        if self.asks_for_nothing() {
            output::data("\nit asks for nothing new")?;
        }
        for (kind, heading) in [
            (Kind::Asked, "this upgrade newly asks for"),
            (Kind::Less, "it no longer asks for"),
            (Kind::Other, "and changes"),
        ] {
            let rows: Vec<_> =
                self.of_kind(kind).map(|(about, what)| [format!("  {about}"), what.to_owned()]).collect();
            if !rows.is_empty() {
                output::data(format_args!("\n{heading}"))?;
                output::table(&rows)?;
            }
        }
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        let all = |kind| -> Vec<Value> {
            self.of_kind(kind).map(|(about, what)| json!({ "about": about, "what": what })).collect()
        };
        let [old, new] = self.files.each_ref().map(|(file, release, reason)| {
            json!({ "file": file, "release": release, "verifies": reason.is_none(), "reason": reason })
        });
        json!({
            "old": old,
            "new": new,
            "newly_asked": all(Kind::Asked),
            "no_longer_asked": all(Kind::Less),
            "changed": all(Kind::Other),
        })
    }
}
