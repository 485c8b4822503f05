//! Puts the Go module that generated bindings need into the program. It is published inside the crate of their generator,
//! which does not hand it out.

// It is run by cargo alone, which shows the panic.
#![allow(clippy::expect_used)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

fn main() {
    let module = generator().join("src").join("pkg");
    let mut files = Vec::new();
    list(&module, &mut files);
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&module).expect("it is below the module");
        writeln!(table, "    ({name:?}, include_str!({file:?})),").expect("a string takes all");
    }
    table.push(']');
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("go_module.rs"), table).expect("cargo's own folder can be written");
    println!("cargo::rerun-if-changed=Cargo.lock");
}

/// Where cargo unpacked the generator.
fn generator() -> PathBuf {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        manifest_path: PathBuf,
    }
    let cargo = std::env::var_os("CARGO").expect("cargo sets it");
    let output = Command::new(cargo).args(["metadata", "--format-version", "1"]).output().expect("cargo starts");
    let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let found = metadata.packages.into_iter().find(|package| package.name == "wit-bindgen-go");
    let manifest = found.expect("it is a dependency").manifest_path;
    manifest.parent().expect("a file is in a folder").to_owned()
}

/// The module itself, without what its own repository has beside it.
fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the crate is unpacked") {
        let path = entry.expect("the crate is unpacked").path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|end| ["go", "s", "mod"].iter().any(|wanted| end == *wanted)) {
            files.push(path);
        }
    }
}
