//! Opening the file.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Database, Error};
use writ_provider::OpenError;

use super::{ENTRIES, USED};

/// Opens the database in `folder`, or makes one.
pub(super) fn database(folder: &Path) -> Result<Database, OpenError> {
    let path = folder.join(FILE);
    let file = private_file(folder, &path)
        .map_err(|source| OpenError::Io { what: format!("opening {}", path.display()), source })?;
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

/// The file, made if it is not there. Values may be secrets: only the owner can read what is made here.
fn private_file(folder: &Path, path: &Path) -> io::Result<File> {
    let mut make = DirBuilder::new();
    make.recursive(true);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        make.mode(0o700);
        options.mode(0o600);
    }
    make.create(folder)?;
    options.open(path)
}

/// The file's name in the data folder.
const FILE: &str = "keyvalue.redb";
/// Bytes of the file that redb keeps in memory.
const CACHE: usize = 64 << 20;
