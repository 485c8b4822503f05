//! The newest lists that were seen, in the data folder: a host never goes back behind them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use writ_signing::revocation::{Lists, Mark};
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
    pub(super) fn demand(&self, lists: &mut Lists) {
        self.0.iter().for_each(|(issuer, mark)| lists.demand(*issuer, mark.clone()));
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
        let kept = files::replace_own(&folder.join(NAME), self.to_text().as_bytes());
        kept.context("revocation lists cannot be remembered")
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
const MOST: usize = 1 << 20;
