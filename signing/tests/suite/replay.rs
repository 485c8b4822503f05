//! What the fuzzer found worth keeping, again: `fuzz/` has its targets' bodies from the same file.

#[path = "../../../fuzz/src/signing.rs"]
#[allow(unreachable_pub, dead_code, reason = "written for the fuzz targets")]
mod targets;

use std::fs;
use std::path::Path;

/// Gives every file of a corpus to its target.
#[track_caller]
fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 3, "the corpus of {name} is gone");
    files.iter().for_each(|file| target(&fs::read(file).unwrap()));
    println!("{name}: {} files", files.len());
}

#[test]
fn section() {
    replay("section", targets::section);
}

#[test]
fn token() {
    replay("token", targets::token);
}

#[test]
fn chain() {
    replay("chain", targets::chain);
}
