//! A disk that fails.

use std::io;
use std::ops::Bound;
use std::sync::atomic::AtomicBool;

use redb::StorageBackend;
use redb::backends::FileBackend;

use super::*;

/// A file on a disk that can be full.
#[derive(Debug)]
struct Faulty {
    file: FileBackend,
    full: Arc<AtomicBool>,
}

impl Faulty {
    fn check(&self) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for Faulty {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, redb::BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), redb::BackendError> {
        self.file.unlock_range(start, end)
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let (path, full) = (folder.path().join("faulty"), Arc::new(AtomicBool::new(false)));
    let failing = full.clone();
    let open = move || {
        let options = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
        let backend = Faulty { file: FileBackend::new(options).unwrap(), full: failing.clone() };
        let io = |error: redb::DatabaseError| OpenError::Config(error.to_string());
        let database = redb::Builder::new().create_with_backend(backend).map_err(io)?;
        super::super::open::make_tables(&database).map_err(|error| OpenError::Config(error.to_string()))?;
        Ok(database)
    };
    let disk = Disk::start(open, ROOMY).unwrap();
    for round in 1..=3 {
        assert_eq!(disk.increment(key("n"), 1).await, Ok(round));
        full.store(true, Ordering::SeqCst);
        for _ in 0..3 {
            assert_eq!(disk.increment(key("n"), 1).await, Err(BackendError::Unavailable));
            assert_eq!(set(&disk, "k", &[1; 100_000]).await, Err(BackendError::Unavailable));
        }
        full.store(false, Ordering::SeqCst);
        // One write finds the disk well again; what was refused was not made.
        let again = set(&disk, "other", b"v").await;
        if again.is_err() {
            set(&disk, "other", b"v").await.unwrap();
        }
        assert_eq!(get(&disk, "k").await, None);
        assert_eq!(get(&disk, "n").await, Some(round.to_string().into_bytes()));
    }
}
