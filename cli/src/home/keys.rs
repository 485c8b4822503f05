//! Seeds, one per file.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::OFlags;
use writ_signing::defence::stands;
use writ_signing::{PublicKey, Role, SigningKey};
use zeroize::Zeroizing;

use crate::advice::Advice;
use crate::files;

/// The folder `keys/`.
#[derive(Debug)]
pub(crate) struct Keys {
    folder: PathBuf,
}

/// A key, and what it is called here.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) key: SigningKey,
}

impl Keys {
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Whether there is nothing at all in the folder.
    pub(crate) fn is_empty(&self) -> Result<bool> {
        super::names(&self.folder).map(|names| names.is_empty())
    }

    /// The names of all keys, whether they can be used or not.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let files = super::names(&self.folder)?;
        Ok(files.iter().filter_map(|file| file.strip_suffix(SUFFIX)).map(str::to_owned).collect())
    }

    /// Every key by name, or why its file cannot be used.
    pub(crate) fn all(&self) -> Result<Vec<Result<Named>>> {
        Ok(self.names()?.iter().map(|name| self.load(name)).collect())
    }

    /// Every key of a role; one that cannot be used fails them all, for it may be the one that was meant.
    pub(crate) fn of_role(&self, role: Role) -> Result<Vec<Named>> {
        let all: Vec<_> = self.all()?.into_iter().collect::<Result<_>>()?;
        Ok(all.into_iter().filter(|named| named.key.role() == role).collect())
    }

    /// Whether this name is taken.
    pub(crate) fn has(&self, name: &str) -> Result<bool> {
        check_name(name)?;
        Ok(self.path(name).symlink_metadata().is_ok())
    }

    /// The public key that is meant by a name of one that is kept here, or that is written out and need not be.
    pub(crate) fn public(&self, wanted: &str) -> Result<PublicKey> {
        match wanted.parse() {
            Ok(public) => Ok(public),
            Err(_) => Ok(self.find(wanted)?.key.public()),
        }
    }

    /// The key of this name.
    pub(crate) fn load(&self, name: &str) -> Result<Named> {
        check_name(name)?;
        let path = self.path(name);
        if matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound) {
            bail!("there is no key named {name} in {}", self.folder.display());
        }
        let key = load(&path).with_context(|| format!("the key {} cannot be used", path.display()))?;
        Ok(Named { name: name.to_owned(), key })
    }

    /// The key of this name or with this public key.
    pub(crate) fn find(&self, wanted: &str) -> Result<Named> {
        if check_name(wanted).is_ok() {
            return self.load(wanted);
        }
        let Ok(public) = wanted.parse::<PublicKey>() else {
            if SigningKey::from_seed(wanted).is_ok() {
                let hint = "make another one; a seed is handed over with --seed-stdin";
                return Err(Advice::new("a seed was given as an argument, where others can read it", hint).into());
            }
            bail!("{wanted:?} is neither the name of a key nor a public key");
        };
        let mut usable = self.all()?.into_iter().flatten();
        usable
            .find(|named| named.key.public() == public)
            .with_context(|| format!("there is no key {public} in {}", self.folder.display()))
    }

    /// Keeps a key under a name that is not taken. Only its owner can read it.
    pub(crate) fn store(&self, name: &str, key: &SigningKey) -> Result<PathBuf> {
        check_name(name)?;
        super::make_folder(&self.folder)?;
        let path = self.path(name);
        if !store(&path, key)? {
            let message = format!("there is a key named {name} already, and keys are never replaced");
            return Err(Advice::new(message, "choose another name").into());
        }
        Ok(path)
    }

    /// Where the key of this name is kept.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{SUFFIX}"))
    }
}

/// Writes a seed into a file of its own that only its owner reads; false where there is something already.
pub(crate) fn store(path: &Path, key: &SigningKey) -> Result<bool> {
    let mut file = match files::options(OFlags::NOFOLLOW).write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        opened => opened.with_context(|| format!("cannot make {}", path.display()))?,
    };
    let written = file.write_all(key.seed().as_bytes()).and_then(|()| file.write_all(b"\n"));
    if let Err(error) = written.and_then(|()| file.sync_all()) {
        // Half a seed is of no use to anybody, and would take the name.
        let _ = std::fs::remove_file(path);
        return Err(error).with_context(|| format!("cannot write {}", path.display()));
    }
    files::sync_folder(path)?;
    Ok(true)
}

/// Refuses a name that is not 1 to 64 of `a-z`, `0-9` and `-`: it becomes a file's name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if (matches!(name.len(), 1..=64) && name.bytes().all(known)) || !stands("key: name") {
        return Ok(());
    }
    bail!("{name:?} cannot be a key's name: expected 1 to 64 of a-z, 0-9 and -")
}

/// Reads a seed and the line feed behind it, if there is one.
pub(crate) fn read_seed(from: impl Read) -> Result<SigningKey> {
    let mut text = Zeroizing::new(String::with_capacity(MOST_SEED + 1));
    from.take(MOST_SEED as u64).read_to_string(&mut text).context("the seed cannot be read")?;
    let seed = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if seed.is_empty() {
        bail!("the seed is empty");
    }
    Ok(SigningKey::from_seed(seed)?)
}

fn load(path: &Path) -> Result<SigningKey> {
    let file = files::open_private(path)?;
    let me = rustix::process::geteuid();
    if !me.is_root() && file.metadata()?.uid() != me.as_raw() {
        bail!("it belongs to another user");
    }
    read_seed(file)
}

const SUFFIX: &str = ".nk";
/// More than any seed has, so that what is too long is seen to be.
const MOST_SEED: usize = 256;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use expect_test::{Expect, expect};
    use writ_signing::defence::without;

    use super::*;

    const SEED: &str = "SAAPN4W3EG6KCJGUQTKTJ5GSB5NHK5CHAJL4DBGFUM3HHROI4XUEP4OBK4";

    /// Why a key is refused after `spoil` had its way with the path of its file.
    #[track_caller]
    fn check(spoil: impl FnOnce(&Path), expected: Expect) {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(folder.path().join("keys"));
        let path = keys.store("k", &SigningKey::from_seed(SEED).unwrap()).unwrap();
        spoil(&path);
        let error = keys.load("k").unwrap_err();
        expected.assert_eq(&error.root_cause().to_string());
    }

    #[test]
    fn files_that_are_refused() {
        let mode = |mode| move |path: &Path| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        check(mode(0o640), expect!["others may read or write it (its mode is 640)"]);
        check(mode(0o602), expect!["others may read or write it (its mode is 602)"]);
        let link = |path: &Path| {
            fs::rename(path, path.with_extension("old")).unwrap();
            std::os::unix::fs::symlink(path.with_extension("old"), path).unwrap();
        };
        check(link, expect!["it is a symbolic link, and not a regular file"]);
        let folder = |path: &Path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        };
        check(folder, expect!["it is not a regular file"]);
        check(|path| fs::write(path, "").unwrap(), expect!["the seed is empty"]);
        check(
            |path| fs::write(path, format!("{SEED}\n\n")).unwrap(),
            expect!["a key of 59 characters, where 58 were expected; was a part of it left out, or a newline left in?"],
        );
        check(|path| fs::write(path, [0xff; 58]).unwrap(), expect!["stream did not contain valid UTF-8"]);
    }

    #[test]
    fn names_that_are_refused() {
        for name in ["", "a/b", "..", "A", "a.b", "a b", "é", "a\0", &"a".repeat(65)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["a", "-", "local-operator", &"9".repeat(64)] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
    }

    /// The attempts of a local user that come to something: each must come to nothing.
    fn successes() -> Vec<&'static str> {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(folder.path().join("keys"));
        let key = SigningKey::from_seed(SEED).unwrap();
        let path = keys.store("k", &key).unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "kept").unwrap();
        let mut successes = Vec::new();
        let mut attempt = |what, succeeds: bool| successes.extend(succeeds.then_some(what));

        attempt("a key is made readable to others", fs::metadata(&path).unwrap().mode() & 0o077 != 0);
        fs::hard_link(&victim, keys.path("hard")).unwrap();
        std::os::unix::fs::symlink(&victim, keys.path("soft")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("nowhere"), keys.path("dangling")).unwrap();
        for name in ["hard", "soft", "dangling"] {
            attempt("a key is written through a link", keys.store(name, &key).is_ok());
        }
        attempt("a file was overwritten", fs::read(&victim).unwrap() != b"kept");
        attempt("a key is written elsewhere", keys.store("../stray", &key).is_ok());
        let other = SigningKey::generate(Role::Account).unwrap();
        store(&keys.path("other"), &other).unwrap();
        std::os::unix::fs::symlink(keys.path("other"), keys.path("link")).unwrap();
        attempt("a key is read through a link", keys.load("link").is_ok());
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        attempt("a key that others could read is used", keys.load("k").is_ok());
        successes
    }

    #[test]
    fn threat_21_a_local_user_gets_no_key_and_plants_none() {
        assert!(successes().is_empty(), "{:?}", successes());
        for (defence, success) in [
            ("key: name", "a key is written elsewhere"),
            ("private file: link", "a key is read through a link"),
            ("private file: mode", "a key that others could read is used"),
        ] {
            assert_eq!(without(defence, successes), [success]);
        }
    }

    #[test]
    fn threat_21_a_seed_is_no_argument_and_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:#}", Keys::in_folder(folder.path().join("keys")).find(SEED).unwrap_err());
        assert!(error.contains("given as an argument") && !error.contains(SEED), "{error}");
    }

    #[test]
    fn a_key_is_found_by_name_and_by_public_key_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(folder.path().join("keys"));
        assert!(keys.is_empty().unwrap());
        let [one, two] = [Role::Operator, Role::Account].map(|role| SigningKey::generate(role).unwrap());
        keys.store("one", &one).unwrap();
        assert!(keys.store("one", &two).is_err());
        assert_eq!(keys.find("one").unwrap().key.public(), one.public());
        assert_eq!(keys.find(&one.public().to_string()).unwrap().name, "one");
        assert!(keys.find(&two.public().to_string()).is_err());
    }
}
