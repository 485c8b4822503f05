//! Which releases ran on a data folder: a host does not go back to an older one unless it is told to.
//!
//! A mark is kept for each (application, manifest component, account, component `M…`). It grows with (`revision`, `iat`) of the
//! component's token, compared in this order; the very token that set it starts again without growing. Whether a release was
//! signed with a later chain says nothing about it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use writ_host::{Audit, Event, VerifiedArtifact};
use writ_signing::time::Timestamp;
use writ_signing::{Principal, PublicKey, defence};

use crate::advice::Advice;
use crate::application::Loaded;
use crate::files;

/// The marks of a data folder.
#[derive(Debug)]
pub(crate) struct Releases {
    folder: PathBuf,
    marks: BTreeMap<Lineage, Mark>,
    /// Whether a host may go back behind them.
    allow_rollback: bool,
}

/// What a mark is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Lineage {
    application: String,
    /// The manifest component.
    component: String,
    account: PublicKey,
    id: PublicKey,
}

/// A release. They are ordered as they are declared: by revision, then by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    revision: u64,
    iat: u64,
    jti: String,
}

impl Mark {
    fn of(artifact: &VerifiedArtifact) -> Self {
        let claims = artifact.component();
        Self { revision: claims.revision, iat: claims.common.iat, jti: claims.common.jti.clone() }
    }

    /// Whether this may run where `self` is not older than the one that did.
    fn follows(&self, last: &Self) -> bool {
        let is_later = (self.revision, self.iat) > (last.revision, last.iat) || !defence::stands("release order");
        self.jti == last.jti || is_later
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "revision {}, signed at {}", self.revision, Timestamp(self.iat))
    }
}

impl Releases {
    /// What a data folder remembers, which need not be there.
    pub(crate) fn read(folder: &Path, allow_rollback: bool) -> Result<Self> {
        let path = folder.join(NAME);
        if matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound) {
            return Ok(Self { folder: folder.to_owned(), marks: BTreeMap::new(), allow_rollback });
        }
        let marks = parse(&files::read_own(&path, MOST)?).ok_or_else(|| {
            let hint = "remove it, if you accept that releases older than it knew of may start";
            anyhow::Error::from(Advice::new(format!("{} is damaged", path.display()), hint))
        })?;
        Ok(Self { folder: folder.to_owned(), marks, allow_rollback })
    }

    /// Refuses an application with a component that is older than what ran here, unless that is allowed. Every one is named.
    pub(crate) fn check(&self, loaded: &Loaded) -> Result<()> {
        if self.allow_rollback {
            return Ok(());
        }
        let older = |(lineage, mark): (Lineage, Mark)| {
            let last = self.marks.get(&lineage).filter(|last| !mark.follows(last))?;
            Some(format!("{} would go back: {last}, ran here, and this is {mark}", lineage.component))
        };
        let problems: Vec<_> = lineages(loaded).filter_map(older).collect();
        if problems.is_empty() {
            return Ok(());
        }
        let hint = "sign it as a later `revision`; --allow-rollback runs it as it is, and what follows it from then on";
        Err(Advice::new(problems.join("\n"), hint).into())
    }

    /// Remembers what runs now. What is lower than before was allowed to be, and both that and a newcomer under a known name
    /// are logged and written down.
    pub(crate) fn ran(&mut self, loaded: &Loaded, audit: Option<&Audit>) -> Result<()> {
        let mut marks = self.marks.clone();
        for ((lineage, mark), artifact) in lineages(loaded).zip(&loaded.components) {
            let events = self.tell(&lineage, &mark, &artifact.principal());
            events.iter().for_each(|event| audit.iter().for_each(|audit| audit.record(event)));
            marks.insert(lineage, mark);
        }
        if marks != self.marks {
            let kept = files::replace_own(&self.folder.join(NAME), to_text(&marks).as_bytes());
            kept.context("the releases that run cannot be remembered")?;
            self.marks = marks;
        }
        Ok(())
    }

    fn tell(&self, lineage: &Lineage, mark: &Mark, principal: &Principal) -> Vec<Event> {
        let Lineage { application, component, account, id } = lineage;
        let (own, keys) = (principal.to_string(), principal.keyed().to_string());
        let back = self.later(lineage, mark).map(|from| {
            tracing::warn!(target: "writ::host", %application, %component, %from, to = %mark, "rolled back");
            let (application, to) = (application.clone(), mark.to_string());
            Event::RolledBack { application, component: own.clone(), id: keys.clone(), from, to }
        });
        let known = |other: &Lineage| other.application == *application && other.component == *component;
        let is_new = !self.marks.contains_key(lineage) && self.marks.keys().any(known);
        let replaced = is_new.then(|| {
            tracing::warn!(
                target: "writ::host", %application, %component, %account, %id,
                "another account or component runs under this name than before"
            );
            let (application, name) = (application.clone(), component.clone());
            Event::Replaced { application, name, component: own, id: keys }
        });
        back.into_iter().chain(replaced).collect()
    }

    /// The later release that ran: of this manifest component, or of the same account's component under another name, where no
    /// rule keeps an older one from starting.
    fn later(&self, lineage: &Lineage, mark: &Mark) -> Option<String> {
        let later = |last: &&Mark| !mark.follows(last);
        if let Some(last) = self.marks.get(lineage) {
            return Some(last).filter(later).map(Mark::to_string);
        }
        let same = |other: &Lineage| (other.account, other.id) == (lineage.account, lineage.id);
        let elsewhere = self.marks.iter().filter(|(other, _)| same(other));
        let (other, last) = elsewhere.max_by_key(|(_, last)| *last).filter(|(_, last)| later(last))?;
        Some(format!("{last}, as {}", other.component))
    }
}

/// What each component of an application would be, and its release.
fn lineages(loaded: &Loaded) -> impl Iterator<Item = (Lineage, Mark)> {
    let parts = loaded.application.components.iter().zip(&loaded.components);
    parts.map(|(entry, artifact)| {
        let (principal, component) = (artifact.principal(), entry.name.clone());
        let application = loaded.application.name.clone();
        let (account, id) = (principal.account(), principal.component());
        (Lineage { application, component, account, id }, Mark::of(artifact))
    })
}

fn to_text(marks: &BTreeMap<Lineage, Mark>) -> String {
    let entry = |(lineage, mark): (&Lineage, &Mark)| {
        json!({
            "application": lineage.application, "component": lineage.component, "account": lineage.account,
            "id": lineage.id, "revision": mark.revision, "iat": mark.iat, "jti": mark.jti,
        })
    };
    Value::from_iter(marks.iter().map(entry)).to_string()
}

fn parse(bytes: &[u8]) -> Option<BTreeMap<Lineage, Mark>> {
    let Value::Array(entries) = serde_json::from_slice(bytes).ok()? else { return None };
    entries.iter().map(parse_entry).collect()
}

fn parse_entry(entry: &Value) -> Option<(Lineage, Mark)> {
    let text = |field: &str| entry.get(field)?.as_str();
    let number = |field: &str| entry.get(field)?.as_u64();
    let lineage = Lineage {
        application: text("application")?.to_owned(),
        component: text("component")?.to_owned(),
        account: text("account")?.parse().ok()?,
        id: text("id")?.parse().ok()?,
    };
    Some((lineage, Mark { revision: number("revision")?, iat: number("iat")?, jti: text("jti")?.to_owned() }))
}

const NAME: &str = "releases";
const MOST: usize = 4 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use writ_signing::{Role, SigningKey};

    use super::*;

    #[test]
    fn what_follows_what() {
        let mark = |revision, iat, jti: &str| Mark { revision, iat, jti: jti.to_owned() };
        let last = mark(3, 100, "last");
        for (next, follows) in [
            (mark(3, 100, "last"), true),
            (mark(3, 100, "other"), false),
            (mark(3, 101, "other"), true),
            (mark(3, 99, "other"), false),
            (mark(4, 0, "other"), true),
            (mark(2, u64::MAX, "other"), false),
            (mark(2, 200, "last"), true),
            (mark(u64::MAX, 0, "other"), true),
        ] {
            assert_eq!(next.follows(&last), follows, "{next:?}");
        }
    }

    /// Releases before the one that ran, by revision or by time, and others of the same.
    #[test]
    fn threat_18_rollback_of_a_release() {
        let mark = |revision, iat, jti: &str| Mark { revision, iat, jti: jti.to_owned() };
        let last = mark(3, 100, "last");
        let older = [(2, 200), (2, u64::MAX), (0, 0), (3, 99), (3, 0), (3, 100)];
        let accepted = || older.iter().filter(|(revision, iat)| mark(*revision, *iat, "other").follows(&last)).count();
        assert_eq!(accepted(), 0);
        assert_eq!(defence::without("release order", accepted), older.len());
    }

    /// The highest mark there is still lets its own release start, and takes nothing else: its account signed it.
    #[test]
    fn threat_18_fast_forward_of_a_release() {
        let mark = |jti: &str| Mark { revision: u64::MAX, iat: u64::MAX, jti: jti.to_owned() };
        assert!(mark("last").follows(&mark("last")));
        let accepted = || usize::from(mark("other").follows(&mark("last")));
        assert_eq!(accepted(), 0);
        assert_eq!(defence::without("release order", accepted), 1);
    }

    #[test]
    fn marks_are_read_as_they_were_written() {
        let key = |role| SigningKey::generate(role).unwrap().public();
        let (account, id) = (key(Role::Account), key(Role::Component));
        let lineage = |component: &str| Lineage { application: "a".into(), component: component.into(), account, id };
        let mark = |revision| Mark { revision, iat: 7, jti: "j".into() };
        let marks = BTreeMap::from([(lineage("x"), mark(1)), (lineage("y"), mark(u64::MAX))]);
        assert_eq!(parse(to_text(&marks).as_bytes()), Some(marks));
        for damaged in ["", "{}", "[1]", "[{}]", r#"[{"application":"a"}]"#, "[", "\u{0}"] {
            assert_eq!(parse(damaged.as_bytes()), None, "{damaged}");
        }
    }

    /// What ran later than this, under whichever name.
    #[test]
    fn an_older_release_under_another_name_is_told() {
        let key = |role| SigningKey::generate(role).unwrap().public();
        let (account, id) = (key(Role::Account), key(Role::Component));
        let lineage =
            |component: &str, id| Lineage { application: "a".into(), component: component.into(), account, id };
        let mark = |revision| Mark { revision, iat: 7, jti: revision.to_string() };
        let marks = [(lineage("x", id), mark(3)), (lineage("y", id), mark(5)), (lineage("z", id), mark(4))].into();
        let releases = Releases { folder: PathBuf::new(), marks, allow_rollback: false };
        let later = |lineage, revision| {
            let said = releases.later(&lineage, &mark(revision));
            said.map(|said| said.replace(&mark(5).to_string(), "5").replace(&mark(3).to_string(), "3"))
        };
        assert_eq!(later(lineage("x", id), 2).as_deref(), Some("3"));
        // What may start by the rule of its own name is not told of.
        assert_eq!(later(lineage("x", id), 4), None);
        assert_eq!(later(lineage("new", id), 4).as_deref(), Some("5, as y"));
        assert_eq!(later(lineage("new", id), 5), None);
        assert_eq!(later(lineage("new", id), 6), None);
        assert_eq!(later(lineage("new", key(Role::Component)), 1), None);
    }
}
