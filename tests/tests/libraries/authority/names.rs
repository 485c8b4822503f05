//! Names against the linker's own reading of them: wherever wasmtime would link an import to what was granted, writ calls
//! the two the same interface or refuses the import; and it never calls the same what wasmtime would not link.

use std::collections::BTreeSet;

use fastrand::Rng;
use wasm_encoder::{ComponentBuilder, ComponentExternName, ComponentTypeRef};
use writ_host::{Artifact, InterfaceName};
use writ_provider::wasmtime::component::{Component, Linker};
use writ_provider::wasmtime::{Config, Engine};
use writ_signing::defence::without;

use super::chain::shape;

/// What a host might serve, one on each kind of track.
const GRANTED: &[&str] = &[
    "wasi:keyvalue/store@0.2.0-draft",
    "wasi:keyvalue/store@0.2.0",
    "wasi:keyvalue/store@1.2.3",
    "wasi:keyvalue/store@0.0.1",
    "wasi:keyvalue/store",
    "wasi:keyvalue/store@0.2.0-rc.1",
];

/// An import, and the interface that it says it implements, if it does.
type Import = (String, Option<String>);

/// How the two readings differ.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// wasmtime links it, and writ does not take the component: build metadata in a version says nothing of the interface,
    /// and whether a name with it stands for one without is for nobody to guess.
    BuildMetadata,
    /// As well, for any other reason: that is not to be.
    Stricter(Import, &'static str),
    /// writ takes it for what was granted, and wasmtime does not: that is not to be.
    Looser(Import, &'static str),
    /// writ takes it for another interface, and wasmtime links it to what was granted: that is not to be.
    Aliased(Import, &'static str),
}

fn names() -> BTreeSet<Import> {
    let mut names: BTreeSet<Import> = GRANTED.iter().map(|name| ((*name).to_owned(), None)).collect();
    for path in PATHS {
        names.extend(ODD_VERSIONS.iter().map(|version| (format!("{path}{version}"), None)));
    }
    for label in ["store", "kv", "wasi:keyvalue/store@0.2.0", "wasi:keyvalue/store"] {
        names.extend(GRANTED.iter().map(|name| (label.to_owned(), Some((*name).to_owned()))));
    }
    let mut rng = Rng::with_seed(14);
    while names.len() < 5_500 {
        let path = if rng.u8(..4) > 0 { "wasi:keyvalue/store" } else { PATHS[rng.usize(..PATHS.len())] };
        let [major, minor] = [(); 2].map(|()| rng.choice(NUMBERS).unwrap());
        let patch = rng.u8(..40);
        let suffix = SUFFIXES[rng.usize(..SUFFIXES.len())];
        names.insert((format!("{path}@{major}.{minor}.{patch}{suffix}"), None));
    }
    names
}

fn component((name, implements): &Import) -> Vec<u8> {
    let mut builder = ComponentBuilder::default();
    let shape = shape(&mut builder);
    let mut import = ComponentExternName::from(name.as_str());
    import.implements = implements.as_deref().map(Into::into);
    builder.import(import, ComponentTypeRef::Instance(shape));
    builder.finish()
}

/// Every difference, with how many names were looked at and how often both link.
fn differences(names: &BTreeSet<Import>) -> (BTreeSet<Difference>, usize) {
    let mut config = Config::new();
    // As loose as wasmtime can be.
    config.wasm_component_model_implements(true);
    let engine = Engine::new(&config).unwrap();
    let granted: Vec<_> = GRANTED
        .iter()
        .map(|name| {
            let mut linker = Linker::<()>::new(&engine);
            linker.instance(name).unwrap().func_wrap("f", |_, (): ()| Ok(())).unwrap();
            (*name, name.parse::<InterfaceName>().unwrap(), linker)
        })
        .collect();
    let (mut found, mut both) = (BTreeSet::new(), 0);
    for import in names {
        let bytes = component(import);
        let (theirs, ours) = (Component::new(&engine, &bytes).ok(), Artifact::new(bytes).ok());
        for (name, granted, linker) in &granted {
            let links = theirs.as_ref().is_some_and(|component| linker.instantiate_pre(component).is_ok());
            let same = ours.as_ref().map(|artifact| artifact.imports()[0].matches(granted));
            match (links, same) {
                (true, Some(true)) => both += 1,
                (false, Some(true)) => _ = found.insert(Difference::Looser(import.clone(), name)),
                (true, Some(false)) => _ = found.insert(Difference::Aliased(import.clone(), name)),
                (true, None) if import.0.contains('+') => _ = found.insert(Difference::BuildMetadata),
                (true, None) => _ = found.insert(Difference::Stricter(import.clone(), name)),
                (false, Some(false) | None) => {}
            }
        }
    }
    (found, both)
}

#[test]
fn threat_14_no_name_stands_for_an_interface_that_was_not_granted() {
    let names = names();
    assert!(names.len() >= 5_000, "{}", names.len());
    let (found, both) = differences(&names);
    assert_eq!(found, BTreeSet::from([Difference::BuildMetadata]));
    assert!(both >= 100, "of {} names wasmtime and writ both link only {both}", names.len());
}

#[test]
fn threat_14_names_that_are_compared_loosely_are_found() {
    let names = ["0.2.7", "0.3.0", "0.2.0-draft", "1.0.0", "0.0.2"].map(|v| (format!("wasi:keyvalue/store@{v}"), None));
    let (found, _) = without("names: track", || differences(&BTreeSet::from(names)));
    assert!(found.iter().any(|difference| matches!(difference, Difference::Looser(..))), "{found:?}");
}

/// Paths of names: the granted one, its homographs and neighbours, and what is no path.
const PATHS: &[&str] = &[
    "wasi:keyvalue/store",
    "wasi:keyvalue/stores",
    "wasi:keyvalue/Store",
    "wasi:keyvalue/STORE",
    "wasi:key-value/store",
    "WASI:keyvalue/store",
    "wasi:keyvalue/atomics",
    "evil:keyvalue/store",
    "wasi:keyvalue/store/deep",
    "wasi:nested:keyvalue/store",
    "wasi:keyvalue",
    "store",
    "wаsi:keyvalue/store",
    "wasi:keyvalue/stоre",
    "wasi:keyvalue/store-",
    "wasi:keyvalue/-store",
    "wasi:keyvalue/st--ore",
    "wasi:keyvalue/1store",
    "wasi:keyvalue/s-1",
    "wasi:keyvalue/store\u{200b}",
    " wasi:keyvalue/store",
    "wasi:keyvalue//store",
    "wasi:/store",
    ":keyvalue/store",
    "url=<https://example.org/wasi:keyvalue/store>",
    "unlocked-dep=<wasi:keyvalue>",
    "locked-dep=<wasi:keyvalue>",
    "integrity=<sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=>",
    "[method]wasi:keyvalue/store",
    "relative-url=<wasi:keyvalue/store>",
];
const ODD_VERSIONS: &[&str] = &[
    "",
    "@",
    "@0",
    "@0.2",
    "@0.2.",
    "@0.2.0.0",
    "@00.2.0",
    "@0.02.0",
    "@v0.2.0",
    "@0.2.0 ",
    "@ 0.2.0",
    "@=0.2.0",
    "@^0.2.0",
    "@*",
    "@0.2.x",
    "@0.2.-1",
    "@0.2.0-",
    "@0.2.0+",
    "@0.2.0@0.2.0",
    "@0.2.0-draft@0.2.0",
    "@18446744073709551616.0.0",
    "@0.18446744073709551615.0",
    "@٠.٢.٠",
    "@0.2.0-drаft",
    "@0.2.0-DRAFT",
    "@0.2.0-draft.0",
    "@0.2.0-draft-",
    "@0.2.1-draft",
];
const NUMBERS: [u8; 8] = [0, 0, 1, 2, 2, 3, 9, 10];
const SUFFIXES: &[&str] = &[
    "",
    "",
    "",
    "",
    "-draft",
    "-rc.1",
    "-rc.2",
    "-0",
    "-draft.1",
    "-alpha-beta",
    "+evil",
    "+0.2.0",
    "-draft+evil",
    "+001",
    "-rc.01",
];
