//! Bindings in C and Go from WIT, and components from the core modules that come of them: what `writ build` runs for these
//! languages, with the generators of the Bytecode Alliance as libraries.
//!
//! ```text
//! writ-bindings c WIT-FOLDER OUT-FOLDER [WORLD]     NAME.c, NAME.h, NAME_component_type.o
//! writ-bindings go WIT-FOLDER OUT-FOLDER [WORLD]    bindings, and the module they need in go.bytecodealliance.org-pkg/
//! writ-bindings component WIT-FOLDER CORE OUT [WORLD]
//! writ-bindings version
//! ```

// A program for a terminal: stdout is data, stderr is words.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_bindgen_core::{Files, WorldGenerator};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[OsString]) -> Result<()> {
    let (verb, rest) = args.split_first().map_or((None, args), |(verb, rest)| (verb.to_str(), rest));
    match (verb, rest) {
        (Some("c"), [wit, out, world @ ..]) => c(&World::read(wit.as_ref(), world)?, out.as_ref()),
        (Some("go"), [wit, out, world @ ..]) => go(&World::read(wit.as_ref(), world)?, out.as_ref()),
        (Some("component"), [wit, core, out, world @ ..]) => {
            component(&World::read(wit.as_ref(), world)?, core.as_ref(), out.as_ref())
        }
        (Some("version"), []) => {
            println!("writ-bindings {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        _ => bail!("it knows `c` and `go WIT OUT [WORLD]`, `component WIT CORE OUT [WORLD]` and `version`"),
    }
}

/// A world, and everything it refers to.
struct World {
    resolve: Resolve,
    id: WorldId,
}

impl World {
    /// The one that is named, or the only one of the package in this folder.
    fn read(folder: &Path, name: &[OsString]) -> Result<World> {
        let name = match name {
            [] => None,
            [name] => Some(name.to_str().context("a world's name is not UTF-8")?),
            [_, extra, ..] => bail!("unexpected argument `{}`", extra.display()),
        };
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(folder).with_context(|| folder.display().to_string())?;
        let id = resolve.select_world(&[package], name)?;
        Ok(World { resolve, id })
    }
}

fn c(world: &World, out: &Path) -> Result<()> {
    generate(world, wit_bindgen_c::Opts::default().build().as_mut(), out)
}

fn go(world: &World, out: &Path) -> Result<()> {
    let options = wit_bindgen_go::Opts { format: wit_bindgen_go::Format::False, ..wit_bindgen_go::Opts::default() };
    generate(world, options.build().as_mut(), out)?;
    let module = out.join("go.bytecodealliance.org-pkg");
    GO_MODULE.iter().try_for_each(|(name, text)| write(&module.join(name), text.as_bytes()))
}

fn generate(world: &World, generator: &mut dyn WorldGenerator, out: &Path) -> Result<()> {
    let mut files = Files::default();
    let mut resolve = world.resolve.clone();
    generator.generate(&mut resolve, world.id, &mut files)?;
    files.iter().try_for_each(|(name, contents)| write(&out.join(name), contents))
}

/// Makes a component of a core module. What it takes from preview 1 goes through wasmtime's own adapter; where it takes
/// nothing, there is none.
fn component(world: &World, core: &Path, out: &Path) -> Result<()> {
    let mut module = fs::read(core).with_context(|| core.display().to_string())?;
    // In C an object file that was linked has brought it along.
    let (described, _) = wit_component::metadata::decode(&module)?;
    if described.is_none() {
        embed_component_metadata(&mut module, &world.resolve, world.id, StringEncoding::UTF8)?;
    }
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module)?;
    encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?;
    write(out, &encoder.encode()?)
}

fn write(path: &Path, contents: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::write(path, contents).with_context(|| path.display().to_string())
}

/// The files of `go.bytecodealliance.org/pkg` that bindings import.
const GO_MODULE: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/go_module.rs"));
