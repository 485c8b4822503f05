//! What a component imports and exports, by name.

use anyhow::{Result, bail};
use wasmparser::{Parser, Payload};

/// The names at a component's own level, in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Interfaces {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
}

impl Interfaces {
    /// Reads the names of a component's imports and exports. The component is not validated.
    pub(super) fn of(file: &[u8]) -> Result<Self> {
        let mut found = Self::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(file) {
            match payload? {
                Payload::Version { .. } => depth = depth.saturating_add(1),
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        push(&mut found.imports, import?.name.name)?;
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section {
                        push(&mut found.exports, export?.name.name)?;
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

/// Names are written into comments and quotes of a YAML text, so only those of WIT's own alphabet are taken.
fn push(names: &mut Vec<String>, name: &str) -> Result<()> {
    let known = |c: char| c.is_ascii_alphanumeric() || "-_.:/@+".contains(c);
    if !name.chars().all(known) || name.len() > MOST_NAME {
        let start: String = name.chars().take(MOST_NAME).collect();
        bail!("the name {start:?} is not one that a link could satisfy");
    }
    if names.len() >= MOST_NAMES {
        bail!("more than {MOST_NAMES} imports or exports");
    }
    names.push(name.to_owned());
    Ok(())
}

const MOST_NAME: usize = 256;
const MOST_NAMES: usize = 1000;
