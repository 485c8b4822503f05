//! Bytes read once: what a component imports and exports, before anything is compiled.

use std::ops::Deref;
use std::sync::Arc;

use wasmparser::{ComponentExternalKind, ComponentTypeRef, Parser, Payload};
use writ_signing::{Component, Digest, Roots, Verified, VerifyError};

use crate::names::InterfaceName;

/// A component's bytes, held for as long as anything is decided about them. Everything after reading uses this buffer.
#[derive(Clone)]
pub struct Artifact {
    bytes: Arc<[u8]>,
    imports: Arc<[InterfaceName]>,
    exports: Arc<[Export]>,
}

/// Bytes and the proof about exactly these. Only [`Artifact::verify`] makes one.
#[derive(Clone)]
pub struct VerifiedArtifact {
    artifact: Artifact,
    verified: Verified<Component>,
}

impl VerifiedArtifact {
    /// The bytes.
    pub fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// What was verified of them.
    pub fn proof(&self) -> &Verified<Component> {
        &self.verified
    }
}

impl Deref for VerifiedArtifact {
    type Target = Component;

    fn deref(&self) -> &Component {
        &self.verified
    }
}

/// What a component exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Export {
    /// An interface that a trigger or a link may call.
    Interface(InterfaceName),
    /// A function, or an interface with a plain name. Only its host's owner calls it.
    Plain(String),
}

/// A file that is no component, or one that this host does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Not a component at all.
    #[error(transparent)]
    NotAComponent(#[from] writ_signing::section::SectionError),
    /// The binary is malformed.
    #[error("not a valid component: {reason} (at byte {offset})")]
    Malformed {
        /// What the parser says.
        reason: String,
        /// Where.
        offset: usize,
    },
    /// An import that no claim can stand for.
    #[error("it imports {name:?}, {reason}")]
    Import {
        /// The import, cut to 100 characters.
        name: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// More of something than is accepted: what is walked and compiled is bounded.
    #[error("{what}: at most {most}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much is accepted.
        most: usize,
    },
}

impl std::fmt::Debug for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Artifact({} bytes)", self.bytes.len())
    }
}

impl Artifact {
    /// Walks the bytes once. Nothing is compiled, and nothing is believed: [`Artifact::verify`] comes next.
    ///
    /// # Errors
    /// [`LoadError`] for what is not a component, or has an import that no claim could ever stand for.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Result<Self, LoadError> {
        let bytes = bytes.into();
        writ_signing::section::unsigned(&bytes)?;
        let (imports, exports) = walk(&bytes)?;
        Ok(Self { bytes, imports: imports.into(), exports: exports.into() })
    }

    /// Verifies the claims these bytes carry: signatures, chain, digest and times. `now` is in unix seconds.
    ///
    /// # Errors
    /// [`VerifyError`] says which link of the chain does not hold.
    pub fn verify(&self, roots: &Roots, now: u64) -> Result<VerifiedArtifact, VerifyError> {
        let verified = writ_signing::verify(&self.bytes, roots, now)?;
        Ok(VerifiedArtifact { artifact: self.clone(), verified })
    }

    /// The whole file.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// SHA-256 of the whole file, its claims included. It is computed at each call.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// The interfaces it imports.
    pub fn imports(&self) -> &[InterfaceName] {
        &self.imports
    }

    /// What it exports.
    pub fn exports(&self) -> &[Export] {
        &self.exports
    }

    /// Whether it exports an interface on the same track as `name`.
    pub fn exports_interface(&self, name: &InterfaceName) -> bool {
        self.exports.iter().any(|export| matches!(export, Export::Interface(own) if own.matches(name)))
    }
}

fn walk(bytes: &[u8]) -> Result<(Vec<InterfaceName>, Vec<Export>), LoadError> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let (mut depth, mut nested, mut functions) = (0_usize, 0_usize, 0_usize);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(malformed)? {
            Payload::Version { .. } => {
                (depth, nested) = (depth.saturating_add(1), nested.saturating_add(1));
                at_most(depth, MOST_DEPTH, "components nested in components")?;
                at_most(nested, MOST_NESTED, "nested components and modules")?;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CodeSectionEntry(body) => {
                functions = functions.saturating_add(1);
                at_most(functions, MOST_FUNCTIONS, "functions")?;
                at_most(body.range().len(), MOST_BODY, "bytes in one function")?;
            }
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let import = import.map_err(malformed)?;
                    imports.push(self::import(&import)?);
                    at_most(imports.len(), MOST_NAMES, "imports")?;
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    let export = export.map_err(malformed)?;
                    exports.push(self::export(export.name.name, export.kind));
                    at_most(exports.len(), MOST_NAMES, "exports")?;
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

fn import(import: &wasmparser::ComponentImport<'_>) -> Result<InterfaceName, LoadError> {
    let text = import.name.name;
    let refuse = |reason| LoadError::Import { name: text.chars().take(100).collect(), reason };
    if !matches!(import.ty, ComponentTypeRef::Instance(_)) {
        return Err(refuse("which is no interface: a function, module or type of its own cannot be granted"));
    }
    let plain =
        import.name.implements.is_none() && import.name.version_suffix.is_none() && import.name.external_id.is_none();
    match text.parse() {
        Ok(name) if plain => Ok(name),
        _ => Err(refuse("which is not a name of the form namespace:package/interface@version")),
    }
}

fn export(name: &str, kind: ComponentExternalKind) -> Export {
    match name.parse() {
        Ok(interface) if kind == ComponentExternalKind::Instance => Export::Interface(interface),
        _ => Export::Plain(name.to_owned()),
    }
}

fn malformed(error: wasmparser::BinaryReaderError) -> LoadError {
    LoadError::Malformed { reason: error.message().to_owned(), offset: error.offset() }
}

fn at_most(found: usize, most: usize, what: &'static str) -> Result<(), LoadError> {
    if found > most { Err(LoadError::TooLarge { what, most }) } else { Ok(()) }
}

/// Looser limits would only be wasmparser's: a thousand components, bodies of megabytes.
const MOST_DEPTH: usize = 16;
const MOST_NESTED: usize = 256;
const MOST_FUNCTIONS: usize = 100_000;
const MOST_BODY: usize = 1 << 20;
const MOST_NAMES: usize = 1_000;
