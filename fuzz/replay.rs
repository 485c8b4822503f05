//! What the fuzzer kept, given to its targets again. The plain tests of `signing` and `manifest` take this in by its path, as
//! they do the targets' bodies in `src/`.

use std::fs;
use std::path::Path;

/// Gives every file of a corpus to its target.
#[track_caller]
pub(crate) fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 3, "the corpus of {name} is gone");
    files.iter().for_each(|file| target(&fs::read(file).unwrap()));
    println!("{name}: {} files", files.len());
}
