//! The newest lists that were seen, in the data folder: a host never goes back behind them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use writ_signing::revocation::Mark;
use writ_signing::{PublicKey, Revocations, Roots};

use crate::advice::Advice;
use crate::files;

/// Of each issuer, the newest list that was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks(BTreeMap<PublicKey, Mark>);

impl Marks {
    /// What a data folder remembers, which need not be there.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        if matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound) {
            return Ok(Self::default());
        }
        let bytes = files::read_own(&path, MOST)?;
        let marks = parse(&bytes).map(Self);
        marks.ok_or_else(|| {
            let hint = "remove it, if you accept that a list older than it knew of is relied on";
            Advice::new(format!("{} is damaged", path.display()), hint).into()
        })
    }

    /// Demands all of them.
    pub(super) fn demand(&self, roots: &mut Roots) {
        for (_, revocations) in roots.iter_mut() {
            let Revocations::Lists(lists) = revocations else { continue };
            self.0.iter().for_each(|(issuer, mark)| lists.demand(*issuer, mark.clone()));
        }
    }

    /// With the lists that something was verified by: of each issuer the newest.
    pub(super) fn with(&self, roots: &Roots) -> Self {
        let mut marks = self.0.clone();
        for (_, revocations) in roots.iter() {
            let Revocations::Lists(lists) = revocations else { continue };
            for (issuer, mark) in lists.marks() {
                if marks.get(&issuer).is_none_or(|known| known.number < mark.number) {
                    marks.insert(issuer, mark);
                }
            }
        }
        Self(marks)
    }

    /// Remembers the lists that something was verified by before this process held the data folder.
    pub(crate) fn remember(folder: &Path, roots: &Roots) -> Result<Self> {
        let kept = Self::read(folder)?;
        let marks = Self::default().with(roots);
        let newer = |(issuer, kept): (&PublicKey, &Mark)| {
            marks.0.get(issuer).is_none_or(|mark| mark == kept || mark.number > kept.number)
        };
        if !kept.0.iter().all(newer) {
            bail!("another host used {} meanwhile, by newer revocation lists; start again", folder.display());
        }
        let marks = kept.with(roots);
        if marks != kept {
            marks.keep(folder)?;
        }
        Ok(marks)
    }

    pub(super) fn keep(&self, folder: &Path) -> Result<()> {
        let text = self.to_text();
        let cannot = "revocation lists cannot be remembered";
        // What is longer would not be read again, and a host that cannot read it does not start.
        if text.len() > MOST {
            bail!("{cannot}: there are too many, of {} issuers", self.0.len());
        }
        files::replace_own(&folder.join(NAME), text.as_bytes()).context(cannot)
    }

    fn to_text(&self) -> String {
        let entry = |(issuer, mark): (&PublicKey, &Mark)| {
            (issuer.to_string(), json!({ "number": mark.number, "jti": mark.jti }))
        };
        Value::Object(self.0.iter().map(entry).collect::<Map<_, _>>()).to_string()
    }
}

fn parse(bytes: &[u8]) -> Option<BTreeMap<PublicKey, Mark>> {
    let Value::Object(entries) = serde_json::from_slice(bytes).ok()? else { return None };
    let entry = |(issuer, mark): (String, Value)| {
        let (number, jti) = (mark.get("number")?.as_u64()?, mark.get("jti")?.as_str()?.to_owned());
        Some((issuer.parse().ok()?, Mark { number, jti }))
    };
    entries.into_iter().map(entry).collect()
}

const NAME: &str = "revocations";
/// Several folders full of lists.
const MOST: usize = 4 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use writ_signing::{Role, SigningKey};

    use super::*;

    /// What cannot be read again is not written: the next host goes by what was kept before.
    #[test]
    fn what_is_kept_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let marks = |count: usize, length: usize| {
            let mark = Mark { number: 1, jti: "x".repeat(length) };
            let key = || SigningKey::generate(Role::Account).unwrap().public();
            Marks((0..count).map(|_| (key(), mark.clone())).collect())
        };
        let few = marks(2, 52);
        few.keep(folder.path()).unwrap();
        assert_eq!(Marks::read(folder.path()).unwrap(), few);
        assert!(marks(5, MOST / 4).keep(folder.path()).is_err());
        assert_eq!(Marks::read(folder.path()).unwrap(), few);
    }
}
