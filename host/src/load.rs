//! Bytes read once: what a component imports and exports, before anything is compiled.

use std::ops::Deref;
use std::sync::Arc;

use wasmparser::{BinaryReader, Chunk, ComponentExternalKind, ComponentTypeRef, Encoding, Parser, Payload};
use writ_signing::{Component, Digest, Roots, Verified, VerifyError};

use crate::carry;
use crate::names::InterfaceName;

/// A component's bytes, held for as long as anything is decided about them. Everything after reading uses this buffer.
#[derive(Clone)]
pub struct Artifact {
    bytes: Arc<[u8]>,
    imports: Arc<[InterfaceName]>,
    exports: Arc<[Export]>,
    parts: usize,
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

impl std::fmt::Display for Export {
    /// As the component spells it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Export::Interface(name) => name.fmt(f),
            Export::Plain(name) => f.write_str(name),
        }
    }
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
    /// An export that no link and no trigger can lead to.
    #[error("it exports {name:?}, {reason}")]
    Export {
        /// The export, cut to 100 characters.
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
        let Walk { imports, exports, parts, .. } = walk(&bytes)?;
        Ok(Self { bytes, imports: imports.into(), exports: exports.into(), parts })
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

    /// How many components with code of their own are nested in it: those that somebody composed into it before it was
    /// signed. They are one principal, with one set of claims.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// Whether it exports an interface on the same track as `name`.
    pub fn exports_interface(&self, name: &InterfaceName) -> bool {
        self.exports.iter().any(|export| matches!(export, Export::Interface(own) if own.matches(name)))
    }
}

fn walk(bytes: &[u8]) -> Result<Walk, LoadError> {
    let mut walk = Walk::default();
    let (mut parser, mut outer, mut rest) = (Parser::new(0), Vec::new(), bytes);
    loop {
        let Chunk::Parsed { consumed, payload } = parser.parse(rest, true).map_err(malformed)? else {
            return Err(cut_off(bytes));
        };
        rest = rest.get(consumed..).unwrap_or_default();
        walk.sections = walk.sections.saturating_add(1);
        at_most(walk.sections, MOST_SECTIONS, "sections")?;
        match payload {
            Payload::ModuleSection { parser: inner, .. } | Payload::ComponentSection { parser: inner, .. } => {
                outer.push(std::mem::replace(&mut parser, inner));
            }
            Payload::End(_) => {
                walk.inside.pop();
                match outer.pop() {
                    Some(outer) => parser = outer,
                    None => return Ok(walk),
                }
            }
            // A payload for each function would take most of the time; only their lengths are looked at.
            Payload::CodeSectionStart { count, size, range } => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let (code, after) = rest.split_at_checked(size).ok_or_else(|| cut_off(bytes))?;
                walk.code(count, BinaryReader::new(code, range.end.saturating_sub(size)))?;
                parser.skip_section();
                rest = after;
            }
            payload => walk.section(payload)?,
        }
    }
}

fn cut_off(bytes: &[u8]) -> LoadError {
    LoadError::Malformed { reason: "unexpected end-of-file".to_owned(), offset: bytes.len() }
}

/// What was found so far.
#[derive(Default)]
struct Walk {
    imports: Vec<InterfaceName>,
    exports: Vec<Export>,
    /// What is being walked: the outermost component, and what is nested in it.
    inside: Vec<Encoding>,
    nested: usize,
    /// Of everything that was walked: three bytes make one.
    sections: usize,
    /// Components in the outermost one that hold code, and whether that is known of the one that is being walked.
    parts: usize,
    is_part: bool,
    functions: usize,
    instances: usize,
}

impl Walk {
    fn section(&mut self, payload: Payload<'_>) -> Result<(), LoadError> {
        match payload {
            Payload::Version { encoding, .. } => {
                self.part(encoding);
                self.inside.push(encoding);
                self.nested = self.nested.saturating_add(1);
                at_most(self.inside.len(), MOST_DEPTH, "components nested in components")?;
                at_most(self.nested, MOST_NESTED, "nested components and modules")
            }
            Payload::ComponentImportSection(section) if self.inside.len() == 1 => {
                for import in section {
                    self.imports.push(import_of(&import.map_err(malformed)?)?);
                    at_most(self.imports.len(), MOST_NAMES, "imports")?;
                }
                Ok(())
            }
            Payload::ComponentExportSection(section) if self.inside.len() == 1 => {
                for export in section {
                    let export = export.map_err(malformed)?;
                    self.exports.push(export_of(export.name.name, export.kind)?);
                    at_most(self.exports.len(), MOST_NAMES, "exports")?;
                }
                Ok(())
            }
            Payload::ComponentInstanceSection(section) => self.made(section.count()),
            Payload::InstanceSection(section) => self.made(section.count()),
            _ => Ok(()),
        }
    }

    /// Instances, of components or of modules.
    fn made(&mut self, count: u32) -> Result<(), LoadError> {
        self.instances = self.instances.saturating_add(usize::try_from(count).unwrap_or(usize::MAX));
        at_most(self.instances, MOST_INSTANCES, "instances")
    }

    /// What begins inside: compilers nest components of types and names alone, and only composing nests one with code.
    fn part(&mut self, encoding: Encoding) {
        match encoding {
            Encoding::Component if self.inside.len() == 1 => self.is_part = false,
            Encoding::Module if self.inside.len() > 1 && !self.is_part => {
                (self.is_part, self.parts) = (true, self.parts.saturating_add(1));
            }
            _ => {}
        }
    }

    /// A code section: how many functions, each with its length in front.
    fn code(&mut self, count: u32, mut section: BinaryReader<'_>) -> Result<(), LoadError> {
        for _ in 0..count {
            self.functions = self.functions.saturating_add(1);
            at_most(self.functions, MOST_FUNCTIONS, "functions")?;
            let body = section.read_reader().map_err(malformed)?;
            at_most(body.bytes_remaining(), MOST_BODY, "bytes in one function")?;
        }
        match section.eof() {
            true => Ok(()),
            false => {
                let (reason, offset) = ("trailing bytes at end of section".to_owned(), section.original_position());
                Err(LoadError::Malformed { reason, offset })
            }
        }
    }
}

fn import_of(import: &wasmparser::ComponentImport<'_>) -> Result<InterfaceName, LoadError> {
    let text = import.name.name;
    let refuse = |reason| LoadError::Import { name: text.chars().take(100).collect(), reason };
    if !matches!(import.ty, ComponentTypeRef::Instance(_)) {
        return Err(refuse("which is no interface: a function, module or type of its own cannot be granted"));
    }
    let plain =
        import.name.implements.is_none() && import.name.version_suffix.is_none() && import.name.external_id.is_none();
    match text.parse::<InterfaceName>() {
        Ok(name) if plain && (name.is_reserved() || carry::is_reserved(&name)) => Err(refuse(GIVEN)),
        Ok(name) if plain => Ok(name),
        _ => Err(refuse("which is not a name of the form namespace:package/interface@version")),
    }
}

fn export_of(name: &str, kind: ComponentExternalKind) -> Result<Export, LoadError> {
    match name.parse() {
        Ok(interface) if carry::is_reserved(&interface) => {
            Err(LoadError::Export { name: name.chars().take(100).collect(), reason: GIVEN })
        }
        Ok(interface) if kind == ComponentExternalKind::Instance => Ok(Export::Interface(interface)),
        _ => Ok(Export::Plain(name.to_owned())),
    }
}

const GIVEN: &str = "which is a name that the host gives, where it joins components: no component has it of its own";

fn malformed(error: wasmparser::BinaryReaderError) -> LoadError {
    LoadError::Malformed { reason: error.message().to_owned(), offset: error.offset() }
}

fn at_most(found: usize, most: usize, what: &'static str) -> Result<(), LoadError> {
    if found > most { Err(LoadError::TooLarge { what, most }) } else { Ok(()) }
}

/// Looser limits would only be wasmparser's: a thousand components, bodies of megabytes.
const MOST_DEPTH: usize = 16;
const MOST_NESTED: usize = 256;
const MOST_SECTIONS: usize = 100_000;
const MOST_INSTANCES: usize = 1_000;
const MOST_FUNCTIONS: usize = 100_000;
const MOST_BODY: usize = 1 << 20;
const MOST_NAMES: usize = 1_000;

#[cfg(test)]
mod tests;
