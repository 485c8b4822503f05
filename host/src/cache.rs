//! Compiled code, kept between runs, and the one `unsafe` of this project.
//!
//! Deserializing compiled code is loading code: whoever can write the cache folder could run anything. So an entry carries
//! a tag (HMAC-SHA-256 under the host's secret) over a digest, the engine's fingerprint and the content, is read
//! into memory, and is only deserialized when its tag is right. Anything else is a miss, and the component is compiled.
//!
//! The digest is of the artefact, or of all that a composite is made of (its recipe).
//!
//! An entry is a note's length (four bytes, the least first), the note, the code, and the tag. Of a component as it was signed
//! there is nothing to note.

use std::fs::{self, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};
use writ_provider::wasmtime::component::Component;
use writ_provider::wasmtime::{self, Engine};
use writ_signing::Digest;
use writ_signing::defence::stands;

/// A folder of compiled code that only this host's secret vouches for.
pub struct Cache {
    folder: PathBuf,
    secret: Secret,
}

/// 32 bytes that never print.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// The secret of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("****")
    }
}

impl Cache {
    /// A cache in `folder`, made with mode 0700 if it is not there.
    ///
    /// # Errors
    /// The system's, where the folder cannot be made.
    pub fn new(folder: impl Into<PathBuf>, secret: Secret) -> io::Result<Self> {
        let folder = folder.into();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { folder, secret })
    }

    /// The component compiled from `bytes`, whose digest is `digest`: from the cache, or compiled and then kept.
    ///
    /// # Errors
    /// wasmtime's, where the bytes do not validate or compile. A cache that cannot be read or written is no error.
    pub fn component(&self, engine: &Engine, digest: Digest, bytes: &[u8]) -> wasmtime::Result<Component> {
        if let Some((component, _)) = self.kept(engine, digest) {
            return Ok(component);
        }
        let component = Component::new(engine, bytes)?;
        self.keep(engine, digest, &component, &[]);
        Ok(component)
    }

    /// What was kept under a digest, and the note that was kept with it.
    pub(crate) fn kept(&self, engine: &Engine, digest: Digest) -> Option<(Component, Vec<u8>)> {
        self.entry(engine, digest).open(engine)
    }

    /// Keeps compiled code with a note. That it cannot is logged, and no error.
    pub(crate) fn keep(&self, engine: &Engine, digest: Digest, component: &Component, note: &[u8]) {
        let entry = self.entry(engine, digest);
        let kept = component.serialize().map_err(io::Error::other).and_then(|code| entry.keep(note, &code));
        if let Err(error) = kept {
            tracing::warn!(target: "writ::cache", path = %entry.path.display(), %error, "compiled code was not kept");
        }
    }

    fn entry(&self, engine: &Engine, digest: Digest) -> Entry {
        Entry { path: self.folder.join(digest.hex()), tag: self.tag(engine, digest) }
    }

    /// The tag's state before the content: what it was compiled from, and the engine it was compiled for.
    fn tag(&self, engine: &Engine, digest: Digest) -> Hmac<Sha256> {
        // A key of any length is fine for HMAC.
        let mut tag = <Hmac<Sha256> as Mac>::new_from_slice(&self.secret.0).unwrap_or_else(|_| unreachable!());
        tag.update(digest.bytes());
        tag.update(&fingerprint(engine));
        tag
    }
}

struct Entry {
    path: PathBuf,
    tag: Hmac<Sha256>,
}

impl Entry {
    fn open(&self, engine: &Engine) -> Option<(Component, Vec<u8>)> {
        let sealed = read(&self.path)?;
        let (content, tag) = sealed.split_last_chunk::<TAG>()?;
        let mut expected = self.tag.clone();
        expected.update(content);
        if expected.verify_slice(tag).is_err() && stands("cache: sealed") {
            tracing::warn!(target: "writ::cache", path = %self.path.display(), "not ours or damaged; compiling again");
            return None;
        }
        let (length, rest) = content.split_first_chunk()?;
        let (note, code) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        Some((deserialize(engine, code)?, note.to_vec()))
    }

    /// Written beside its place and renamed into it, so that a reader sees all of it or none.
    fn keep(&self, note: &[u8], code: &[u8]) -> io::Result<()> {
        let length = u32::try_from(note.len()).map_err(io::Error::other)?.to_le_bytes();
        let content: [&[u8]; 3] = [&length, note, code];
        let mut tag = self.tag.clone();
        content.iter().for_each(|part| tag.update(part));
        let beside = self.path.with_extension(format!("{}.new", std::process::id()));
        let _ = fs::remove_file(&beside);
        let written = write(&beside, &[&content[..], &[&tag.finalize().into_bytes()]].concat())
            .and_then(|()| fs::rename(&beside, &self.path));
        written.inspect_err(|_| drop(fs::remove_file(&beside)))
    }
}

fn write(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    parts.iter().try_for_each(|part| file.write_all(part))
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let file = OpenOptions::new().read(true).open(path).ok()?;
    let mut sealed = Vec::new();
    file.take(MOST).read_to_end(&mut sealed).ok()?;
    Some(sealed)
}

#[allow(unsafe_code)]
fn deserialize(engine: &Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: `code` is in memory, and its tag says that this host's secret sealed exactly these bytes after compiling them
    // for this engine. It is as trustworthy as the compiler's own output a moment ago.
    let component = unsafe { Component::deserialize(engine, code) };
    component.inspect_err(|error| tracing::warn!(target: "writ::cache", %error, "compiling again")).ok()
}

/// What wasmtime says must be equal for compiled code to fit. Hashing is not stable between compilers: at worst, a miss.
fn fingerprint(engine: &Engine) -> [u8; 32] {
    struct Sha(Sha256);
    impl Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hasher = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}

const TAG: usize = 32;
/// The longest entry that is read: compiled CPython is some 32 MiB.
const MOST: u64 = 512 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Capacity;

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    struct Case {
        folder: tempfile::TempDir,
        engine: Engine,
        digest: Digest,
    }

    impl Case {
        fn new() -> Self {
            let engine = crate::engine::engine(Capacity { stores: 1, memory: 1 << 20, ..Capacity::default() }).unwrap();
            Self { folder: tempfile::tempdir().unwrap(), engine, digest: Digest::of(COMPONENT) }
        }

        fn cache(&self, secret: u8) -> Cache {
            Cache::new(self.folder.path(), Secret::new([secret; 32])).unwrap()
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join(self.digest.hex())
        }

        /// Whether the entry that is there now would be loaded.
        fn opens(&self, secret: u8) -> bool {
            let tag = self.cache(secret).tag(&self.engine, self.digest);
            Entry { path: self.path(), tag }.open(&self.engine).is_some()
        }
    }

    #[test]
    fn what_was_kept_is_opened_and_nothing_else() {
        let case = Case::new();
        assert!(!case.opens(1), "nothing is there yet");
        case.cache(1).component(&case.engine, case.digest, COMPONENT).unwrap();
        assert!(case.opens(1));
        assert!(!case.opens(2), "another host's secret");

        let kept = fs::read(case.path()).unwrap();
        let other = case.folder.path().join(Digest::of(b"another").hex());
        fs::copy(case.path(), &other).unwrap();
        let moved = Entry { path: other, tag: case.cache(1).tag(&case.engine, Digest::of(b"another")) };
        assert!(moved.open(&case.engine).is_none(), "an entry under another artefact's name");

        for length in [0, 1, TAG - 1, TAG, kept.len() - 1] {
            fs::write(case.path(), &kept[..length]).unwrap();
            assert!(!case.opens(1), "cut to {length}");
        }
        let step = (kept.len() / 500).max(1);
        for position in (0..kept.len()).step_by(step).chain(kept.len() - TAG..kept.len()) {
            let mut damaged = kept.clone();
            damaged[position] ^= 1 << (position % 8);
            fs::write(case.path(), damaged).unwrap();
            assert!(!case.opens(1), "a bit flipped in byte {position}");
        }
        case.cache(1).component(&case.engine, case.digest, COMPONENT).unwrap();
        assert!(case.opens(1), "a damaged entry is made again");
    }

    #[test]
    fn a_note_is_kept_with_the_code() {
        let case = Case::new();
        let (cache, component) = (case.cache(1), Component::new(&case.engine, COMPONENT).unwrap());
        for note in [&b""[..], b"x", &[0xff; 70_000]] {
            cache.keep(&case.engine, case.digest, &component, note);
            assert_eq!(cache.kept(&case.engine, case.digest).unwrap().1, note);
        }
        // A length that leads past the end, under a seal that is right: from a host of before there were notes.
        let entry = cache.entry(&case.engine, case.digest);
        let mut tag = entry.tag.clone();
        tag.update(&[0xff; 8]);
        let sealed = [&[0xff; 8][..], &tag.finalize().into_bytes()].concat();
        fs::write(case.path(), sealed).unwrap();
        assert!(cache.kept(&case.engine, case.digest).is_none());
    }

    /// What somebody who can write the folder might leave in it: never code that this host sealed for these bytes.
    #[test]
    fn threat_20_no_corrupted_entry_is_loaded() {
        let case = Case::new();
        case.cache(1).component(&case.engine, case.digest, COMPONENT).unwrap();
        let kept = fs::read(case.path()).unwrap();
        let mut random: u64 = 20;
        let mut below = |most: usize| {
            // Numerical Recipes' generator: what matters is only that every run tries the same.
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(random >> 33).unwrap() % most
        };
        let entry = |digest| Entry { path: case.path(), tag: case.cache(1).tag(&case.engine, digest) };
        let own = entry(case.digest);
        for round in 0..10_000 {
            let mut damaged = kept.clone();
            match below(5) {
                0 => damaged.truncate(below(kept.len())),
                1 => damaged.extend((0..=below(64)).map(|_| 0)),
                2 => drop(damaged.splice(..below(kept.len()).max(1), [])),
                3 => damaged.rotate_left(1 + below(kept.len() - 1)),
                _ => {
                    let at = below(kept.len());
                    damaged[at] ^= 1 << below(8);
                }
            }
            if damaged == kept {
                continue;
            }
            fs::write(case.path(), damaged).unwrap();
            assert!(own.open(&case.engine).is_none(), "round {round}");
        }
        fs::write(case.path(), &kept).unwrap();
        assert!(own.open(&case.engine).is_some() && entry(Digest::of(b"another")).open(&case.engine).is_none());
        // Another host's code is whole, so it can be looked at what would be loaded if nobody asked who sealed it.
        assert!(!case.opens(2));
        assert!(writ_signing::defence::without("cache: sealed", || case.opens(2)));
    }

    #[test]
    fn only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let case = Case::new();
        case.cache(1).component(&case.engine, case.digest, COMPONENT).unwrap();
        assert_eq!(fs::metadata(case.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(format!("{:?}", Secret::new([7; 32])), "****");
    }
}
