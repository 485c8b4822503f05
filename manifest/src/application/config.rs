//! Named configuration: defined once with its properties, used by name anywhere in the manifest.

use std::collections::BTreeMap;

use super::decode::Owner;
use crate::error::{ErrorKind, ManifestError, shorten};
use crate::node::Node;
use crate::position::{Located, Position};

/// What all uses together may resolve to. Naming one large entry a thousand times is YAML's alias bomb by another name.
const MAX_RESOLVED: usize = 4 * 1024 * 1024;

/// An owner, and what all its entries come to.
type Merged = (Owner, BTreeMap<String, String>);

/// The definitions met so far, and the uses that wait for them: an entry may be used above its definition.
#[derive(Default)]
pub(super) struct Configs {
    defined: BTreeMap<String, (BTreeMap<String, String>, Position)>,
    uses: Vec<(Owner, Vec<Located<String>>)>,
}

impl Configs {
    /// Reads a `config` list on behalf of its owner.
    pub(super) fn read(&mut self, owner: Owner, items: &[Node]) -> Result<(), ManifestError> {
        let mut names = Vec::with_capacity(items.len());
        for item in items {
            let fields = item.fields("a config entry", &["name", "properties"])?;
            let name = fields.text("name")?;
            if let Some(properties) = fields.get("properties") {
                self.define(&name, properties.text_map("properties")?)?;
            }
            names.push(name);
        }
        if !names.is_empty() {
            self.uses.push((owner, names));
        }
        Ok(())
    }

    fn define(
        &mut self,
        name: &Located<String>,
        properties: BTreeMap<String, String>,
    ) -> Result<(), ManifestError> {
        match self.defined.get(&name.value) {
            None => {
                self.defined
                    .insert(name.value.clone(), (properties, name.at));
                Ok(())
            }
            Some((same, _)) if *same == properties => Ok(()),
            Some((_, first)) => Err(ManifestError::new(
                name.at,
                ErrorKind::Duplicate {
                    what: format!("the config name `{}`", shorten(name)),
                    first: first.line,
                    advice: "other properties need another name",
                },
            )),
        }
    }

    /// Every use with its entries merged in their order; a later entry wins.
    pub(super) fn resolve(self) -> Result<Vec<Merged>, ManifestError> {
        let mut resolved = Vec::with_capacity(self.uses.len());
        let mut bytes = 0_usize;
        for (owner, names) in self.uses {
            let mut merged = BTreeMap::new();
            for name in names {
                let (properties, _) = self
                    .defined
                    .get(&name.value)
                    .ok_or_else(|| undefined(&name))?;
                bytes = bytes.saturating_add(
                    properties
                        .iter()
                        .map(|(key, value)| key.len() + value.len())
                        .sum(),
                );
                if bytes > MAX_RESOLVED {
                    let what = "the configuration, written out at every use,";
                    return Err(ManifestError::new(
                        name.at,
                        ErrorKind::TooLarge {
                            what,
                            bytes,
                            limit: MAX_RESOLVED,
                        },
                    ));
                }
                merged.extend(properties.clone());
            }
            resolved.push((owner, merged));
        }
        Ok(resolved)
    }
}

fn undefined(name: &Located<String>) -> ManifestError {
    let kind = ErrorKind::Dangling {
        what: "the config entry",
        name: shorten(name),
        problem: "has no `properties`, and nothing else in this manifest defines it",
        hint: Some("add `properties` to one entry of that name".to_owned()),
    };
    ManifestError::new(name.at, kind)
}
