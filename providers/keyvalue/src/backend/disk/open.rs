//! Opening the file.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Database, Error};
use writ_provider::OpenError;

use super::{ENTRIES, USED};

/// Opens the database in `folder`, or makes one.
///
/// One that is made gets its name only when it is whole, so that a process that is killed meanwhile leaves no half of one.
pub(super) fn database(folder: &Path) -> Result<Database, OpenError> {
    let path = folder.join(FILE);
    let io = |source| OpenError::Io { what: format!("opening {}", path.display()), source };
    make_folder(folder).map_err(io)?;
    if path.try_exists().map_err(io)? {
        return load(&path, private_file(&path, false).map_err(io)?);
    }
    let new = folder.join(NEW);
    let file = match private_file(&new, true) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            remove_leftover(&new)?;
            private_file(&new, true)
        }
        other => other,
    };
    let database = load(&new, file.map_err(io)?)?;
    std::fs::rename(&new, &path).map_err(io)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    Ok(database)
}

/// Reads a database from its file, or makes one in an empty file.
fn load(path: &Path, file: File) -> Result<Database, OpenError> {
    let what = || format!("the key-value store {}", path.display());
    // A file that was damaged with care can make redb panic; that is no reason to take the host down.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let database = redb::Builder::new().set_cache_size(CACHE).create_file(file)?;
        make_tables(&database)?;
        Ok(database)
    }));
    match opened {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(error)) => Err(explain(what(), error)),
        Err(_) => Err(OpenError::Damaged { what: what(), reason: "reading it failed".to_owned() }),
    }
}

/// Removes what a process left that was killed while it made the database; not what one is making now.
fn remove_leftover(new: &Path) -> Result<(), OpenError> {
    let what = || format!("the key-value store {}", new.display());
    let io = |source| OpenError::Io { what: what(), source };
    let leftover = File::open(new).map_err(io)?;
    if leftover.try_lock().is_err() {
        return Err(explain(what(), Error::DatabaseAlreadyOpen));
    }
    std::fs::remove_file(new).map_err(io)
}

pub(super) fn make_tables(database: &Database) -> Result<(), Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(ENTRIES)?;
    transaction.open_table(USED)?;
    transaction.commit()?;
    Ok(())
}

fn explain(what: String, error: Error) -> OpenError {
    match error {
        Error::DatabaseAlreadyOpen => OpenError::InUse {
            what,
            hint: "end the other process, or give this one a data folder of its own".to_owned(),
        },
        Error::Io(source) if !is_damage(&source) => OpenError::Io { what, source },
        error => OpenError::Damaged { what, reason: error.to_string() },
    }
}

fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// A file for reading and writing, made here or not. Values may be secrets: only the owner can read what is made here.
fn private_file(path: &Path, new: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(new).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut make = DirBuilder::new();
    make.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut make, 0o700);
    make.create(folder)
}

/// The file's name in the data folder.
const FILE: &str = "keyvalue.redb";
/// Its name until it is whole.
const NEW: &str = "keyvalue.redb.new";
/// Bytes of the file that redb keeps in memory.
const CACHE: usize = 64 << 20;
