//! What only a file can get wrong.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod crash;
mod fault;

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::key::Scope;

const ROOMY: u64 = 1 << 40;

fn key(key: &str) -> StoredKey {
    Scope::new(&[7; 32], "b").key(key)
}

async fn set(disk: &Disk, at: &str, value: &[u8]) -> Result<(), BackendError> {
    disk.write(Changes::from([(key(at), Some(value.to_vec()))])).await
}

async fn get(disk: &Disk, at: &str) -> Option<Vec<u8>> {
    disk.get(vec![key(at)], 1 << 20).await.unwrap().pop().unwrap()
}

#[tokio::test]
async fn keeps_its_data_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let disk = Disk::open(folder.path(), 500).unwrap();
        assert_eq!(disk.increment(key("n"), 1).await, Ok(round));
        // How much the account has stored is kept too: replacing fits, more does not.
        assert_eq!(set(&disk, "large", &[0; 200]).await, Ok(()));
        assert_eq!(set(&disk, "other", &[0; 100]).await, Err(BackendError::Full));
    }
}

#[tokio::test]
async fn a_second_opening_says_that_it_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::open(folder.path(), ROOMY).unwrap();
    let error = Disk::open(folder.path(), ROOMY).err().unwrap();
    assert!(matches!(&error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().ends_with("end the other process, or give this one a data folder of its own"), "{error}");
    set(&disk, "k", b"v").await.unwrap();
    drop(disk);
    let disk = Disk::open(folder.path(), ROOMY).unwrap();
    assert_eq!(get(&disk, "k").await.as_deref(), Some(&b"v"[..]));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("a/b");
    drop(Disk::open(&made, ROOMY).unwrap());
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(made.clone()), mode(made.join("keyvalue.redb"))), (0o700, 0o600));
}

#[test]
fn a_folder_that_cannot_be_made_is_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), b"").unwrap();
    let error = Disk::open(&folder.path().join("file/in"), ROOMY).err().unwrap();
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
}

/// A file with some data, closed.
async fn whole() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::open(folder.path(), ROOMY).unwrap();
    for index in 0..50 {
        set(&disk, &format!("k{index}"), &[index; 2_000]).await.unwrap();
    }
    drop(disk);
    fs::read(folder.path().join("keyvalue.redb")).unwrap()
}

#[tokio::test]
async fn a_damaged_file_is_said_and_left_as_it_was() {
    let whole = whole().await;
    let cut = |len: usize| whole[..len].to_vec();
    let zeroed = |from: usize, to: usize| {
        let mut bytes = whole.clone();
        bytes[from..to].fill(0);
        bytes
    };
    let cases = [
        ("text", b"orders: 12\n".to_vec()),
        ("noise", (0..100_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()),
        ("zeroes", vec![0; 8_192]),
        ("one byte", cut(1)),
        ("half a header", cut(100)),
        ("a header", cut(4_096)),
        ("the first half", cut(whole.len() / 2)),
        ("no magic number", zeroed(0, 9)),
        ("no header", zeroed(0, 320)),
        ("all but the header", zeroed(4_096, whole.len())),
    ];
    for (what, bytes) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyvalue.redb");
        fs::write(&path, &bytes).unwrap();
        let error = Disk::open(folder.path(), ROOMY).err().map(|error| error.to_string());
        let damaged = error.as_ref().is_some_and(|error| error.contains("cannot be read"));
        assert!(damaged, "{what}: {error:?}");
        assert!(fs::read(&path).unwrap() == bytes, "{what}: the file was changed");
    }
}
