//! Files read with a limit and written all at once.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::OFlags;
use tempfile::{Builder, NamedTempFile};
use writ_signing::defence::stands;

use crate::advice::Advice;

/// Reads a regular file of at most `most` bytes.
pub(crate) fn read(path: &Path, most: usize) -> Result<Vec<u8>> {
    read_up_to(open(path)?, path, most)
}

/// Reads a text of at most `most` bytes.
pub(crate) fn read_text(path: &Path, most: usize) -> Result<String> {
    as_text(read(path, most)?, path)
}

/// Reads a text of at most `most` bytes that decides what is allowed here: nobody else may have written it.
pub(crate) fn read_guarded(path: &Path, most: usize) -> Result<String> {
    let file = open(path)?;
    check_guarded(&file.metadata().with_context(|| cannot_read(path))?, path)?;
    as_text(read_up_to(file, path, most)?, path)
}

/// Reads a file of at most `most` bytes that is nobody else's: for this user alone to read and write, and to own.
pub(crate) fn read_own(path: &Path, most: usize) -> Result<Vec<u8>> {
    let file = open_private(path).with_context(|| cannot_read(path))?;
    check_owner(&file.metadata().with_context(|| cannot_read(path))?, path)?;
    read_up_to(file, path, most)
}

/// Opens a regular file that only its owner may read or write. What is checked is the very file that is read: nothing
/// can be swapped in between.
pub(crate) fn open_private(path: &Path) -> Result<File> {
    let links = if stands("private file: link") { OFlags::NOFOLLOW } else { OFlags::empty() };
    let file = match options(links | OFlags::NONBLOCK).read(true).open(path) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            bail!("it is a symbolic link, and not a regular file")
        }
        opened => opened?,
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        bail!("it is not a regular file");
    }
    if metadata.mode() & 0o077 != 0 && stands("private file: mode") {
        let message = format!("others may read or write it (its mode is {:03o})", metadata.mode() & 0o777);
        let hint = format!("if nobody has read it, `chmod 600 {}`; otherwise make a new one", path.display());
        return Err(Advice::new(message, hint).into());
    }
    Ok(file)
}

fn open(path: &Path) -> Result<File> {
    // A pipe that nobody writes to would be waited for.
    let file = options(OFlags::NONBLOCK | OFlags::NOCTTY).read(true).open(path).with_context(|| cannot_read(path))?;
    let metadata = file.metadata().with_context(|| cannot_read(path))?;
    match metadata.file_type() {
        kind if kind.is_file() => Ok(file),
        kind if kind.is_dir() => bail!("{} is a folder, where a file was expected", path.display()),
        _ => bail!("{} is not a regular file", path.display()),
    }
}

fn read_up_to(file: File, path: &Path, most: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).with_context(|| cannot_read(path))?;
    if bytes.len() > most {
        bail!("{} is longer than the {most} bytes that are read", path.display());
    }
    Ok(bytes)
}

fn as_text(bytes: Vec<u8>, path: &Path) -> Result<String> {
    String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8 text", path.display()))
}

/// How to open a file with these flags.
pub(crate) fn options(flags: OFlags) -> OpenOptions {
    let mut options = File::options();
    options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    options
}

/// Refuses what anybody but this user and root owns or may write.
pub(crate) fn check_guarded(metadata: &Metadata, path: &Path) -> Result<()> {
    if metadata.uid() != 0 {
        check_owner(metadata, path)?;
    }
    check_writers(metadata, path)
}

/// As [`check_guarded`], of a folder that need not be there.
pub(crate) fn check_guarded_folder(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        metadata => check_guarded(&metadata.with_context(|| cannot_read(path))?, path),
    }
}

/// Refuses a folder that is not this user's, or that others may write.
pub(crate) fn check_own_folder(path: &Path) -> Result<()> {
    let metadata = fs::metadata(path).with_context(|| cannot_read(path))?;
    check_owner(&metadata, path)?;
    check_writers(&metadata, path)
}

fn check_owner(metadata: &Metadata, path: &Path) -> Result<()> {
    if metadata.uid() == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    let message = format!("{} belongs to another user", path.display());
    Err(Advice::new(message, "if you trust what is in it, make it yours with `chown`").into())
}

fn check_writers(metadata: &Metadata, path: &Path) -> Result<()> {
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 == 0 {
        return Ok(());
    }
    let message = format!("{} can be written by others (its mode is {mode:03o})", path.display());
    Err(Advice::new(message, format!("if you trust what is in it, `chmod go-w {}`", path.display())).into())
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
    create_with(path, bytes, 0o666)
}

/// As [`create`], such that [`read_guarded`] reads it whatever the umask leaves.
pub(crate) fn create_guarded(path: &Path, bytes: &[u8]) -> Result<()> {
    create_with(path, bytes, 0o644)
}

/// As [`create`], such that [`read_own`] reads it.
pub(crate) fn create_own(path: &Path, bytes: &[u8]) -> Result<()> {
    create_with(path, bytes, 0o600)
}

/// As [`replace`], such that [`read_own`] reads it. It is the name that is replaced, and never what it may link to.
pub(crate) fn replace_own(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = prepare(path, bytes, Permissions::from_mode(0o600))?;
    temporary.persist(path).with_context(|| cannot_write(path))?;
    sync_folder(path)
}

fn create_with(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let temporary = prepare(path, bytes, Permissions::from_mode(mode))?;
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

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
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

    #[test]
    fn only_regular_files_are_read_and_nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        for path in [pipe.as_path(), Path::new("/dev/zero")] {
            assert!(read(path, 4).unwrap_err().to_string().ends_with("is not a regular file"), "{}", path.display());
        }
    }
}
