//! Files read with a limit and written all at once.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::{Builder, NamedTempFile};

/// Reads a file of at most `most` bytes.
pub(crate) fn read(path: &Path, most: usize) -> Result<Vec<u8>> {
    let place = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(place)?;
    if file.metadata().with_context(place)?.is_dir() {
        bail!("{} is a folder, where a file was expected", path.display());
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).with_context(place)?;
    if bytes.len() > most {
        bail!("{} is longer than the {most} bytes that are read", path.display());
    }
    Ok(bytes)
}

/// Reads a text of at most `most` bytes.
pub(crate) fn read_text(path: &Path, most: usize) -> Result<String> {
    String::from_utf8(read(path, most)?).with_context(|| format!("{} is not UTF-8 text", path.display()))
}

/// Replaces a file's content, or makes the file, such that a reader sees the old one or the new one whole.
///
/// A file that was there keeps its mode, and a link keeps pointing at it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let permissions = fs::metadata(path).map(|old| old.permissions());
    // What is new gets what the umask leaves of it, as with every other tool.
    let mut temporary = prepare(path, bytes, Permissions::from_mode(0o666))?;
    if let Ok(permissions) = permissions {
        temporary.as_file_mut().set_permissions(permissions).with_context(|| cannot_write(path))?;
    }
    temporary.persist(path).with_context(|| cannot_write(path))?;
    sync_folder(path)
}

/// Makes a file that must not be there yet, whole or not at all.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = prepare(path, bytes, Permissions::from_mode(0o666))?;
    temporary.persist_noclobber(path).map_err(|error| error.error).with_context(|| cannot_write(path))?;
    sync_folder(path)
}

/// Removes a file, for good once this returns.
pub(crate) fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    sync_folder(path)
}

/// The folder a path is in; never empty.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn prepare(path: &Path, bytes: &[u8], permissions: Permissions) -> Result<NamedTempFile> {
    let new = Builder::new().prefix(".writ-").permissions(permissions).tempfile_in(folder_of(path));
    let mut temporary = new.with_context(|| cannot_write(path))?;
    let written = temporary.write_all(bytes).and_then(|()| temporary.as_file().sync_all());
    written.with_context(|| cannot_write(path))?;
    Ok(temporary)
}

/// Makes a change of names in the folder last.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    let folder = folder_of(path);
    let synced = File::open(&folder).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("cannot write {}", folder.display()))
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn replacing_keeps_the_mode_and_the_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn creating_never_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        create(&file, b"one").unwrap();
        assert!(create(&file, b"two").is_err());
        assert_eq!(fs::read(&file).unwrap(), b"one");
    }

    #[test]
    fn reads_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"12345");
        assert!(read(&file, 4).is_err());
        assert!(read(folder.path(), 4).is_err());
    }
}
