//! Every interface that anybody serves, and those that look like one, in many versions, under many documents: what runs,
//! and with which capability, against the naive reading.

use serde_json::{Value, json};

use super::chain::{Chain, Kind, Link, Request, World};
use super::naive::{self, Import};

/// What a matrix of chains comes to.
#[derive(Debug, Default)]
struct Count {
    cells: usize,
    granted: usize,
    wrong: Vec<String>,
}

fn matrix(world: &World, interfaces: &[String], versions: &[&str]) -> Count {
    let mut count = Count::default();
    for interface in interfaces {
        for version in versions {
            let import = if version.is_empty() { interface.clone() } else { format!("{interface}@{version}") };
            for documents in documents(&import) {
                let chain = Chain {
                    imports: vec![import.clone()],
                    exports: vec![],
                    link: Link::Nothing,
                    documents,
                    capability: "clocks",
                    requests: vec![Request::Run],
                };
                count.cell(world, &chain);
            }
        }
    }
    count
}

impl Count {
    /// Right is not only whether it runs, but which capability it then has.
    fn cell(&mut self, world: &World, chain: &Chain) {
        let served = |capability: &&str| !["blobstore", "secrets"].contains(capability);
        let expected = naive::runs(chain).then(|| match naive::stands_for(&chain.imports[0]) {
            Import::Capability(capability) => Some(capability).filter(served),
            Import::Baseline | Import::Nobodys => None,
        });
        let admission = world.authorize(chain);
        let found = admission.as_ref().map(|admission| admission.components()[0].capabilities().next());
        self.cells += 1;
        self.granted += usize::from(found.is_some());
        if found != expected && self.wrong.len() < 10 {
            self.wrong.push(format!("{found:?}, and not {expected:?}: {chain:?}"));
        }
    }
}

/// Chains of documents about the capability that the import stands for, or else about one that is like it.
fn documents(import: &str) -> Vec<Vec<(Kind, Value)>> {
    let capability = match naive::stands_for(import) {
        Import::Capability(capability) => capability,
        Import::Baseline | Import::Nobodys => "keyvalue",
    };
    let whole = json!({ capability: example(capability) });
    let mut chains = Vec::new();
    for says in [
        whole.clone(),
        json!({ capability: [] }),
        json!({}),
        json!({ other(capability): example(other(capability)) }),
        json!({ format!("{capability}s"): [] }),
    ] {
        let open = [(Kind::Component, whole.clone()), (Kind::Account, json!("any")), (Kind::Trust, json!("any"))];
        for kind in [Kind::Component, Kind::SigningKey, Kind::Account, Kind::Trust, Kind::Host, Kind::Restriction] {
            let mut documents = open.to_vec();
            match documents.iter_mut().find(|(own, _)| *own == kind) {
                Some((_, own)) => *own = says.clone(),
                None => documents.push((kind, says.clone())),
            }
            chains.push(documents);
        }
    }
    chains
}

fn other(capability: &str) -> &'static str {
    if capability == "logging" { "config" } else { "logging" }
}

/// A claim that is understood, whatever it permits.
fn example(capability: &str) -> Value {
    match capability {
        "keyvalue" => json!([{ "bucket": "any" }]),
        "messaging" => json!({ "publish": "any" }),
        "http-client" => json!({ "hosts": "any" }),
        "logging" => json!("any"),
        "config" => json!({ "keys": "any" }),
        _ => json!([]),
    }
}

/// Everything in the vocabulary and the baseline, and its near misses.
fn interfaces() -> Vec<String> {
    let served = naive::CAPABILITIES.iter().map(|(name, ..)| *name).chain(naive::BASELINE.iter().copied());
    let mut names: Vec<String> = served.map(str::to_owned).collect();
    let near: Vec<String> = names.iter().step_by(4).flat_map(|name| near(name)).collect();
    names.extend(near);
    names.sort();
    names.dedup();
    names
}

fn near(name: &str) -> [String; 3] {
    [
        format!("{name}s"),
        name.replacen("wasi", "wаsi", 1).replacen("wasmcloud", "wasmc1oud", 1),
        name.replacen(':', ":my-", 1),
    ]
}

const VERSIONS: &[&str] = &[
    "0.2.0",
    "0.2.9",
    "0.2.1+evil",
    "0.2.0-draft",
    "0.2.0-rc.1",
    "0.1.0-draft",
    "0.3.0",
    "0.1.0",
    "1.2.0",
    "0.0.2",
    "",
];

#[test]
fn threat_13_every_interface_in_every_version_under_every_document() {
    let count = matrix(&World::new(), &interfaces(), VERSIONS);
    println!("{} cells, {} of them run", count.cells, count.granted);
    assert!(count.cells >= 20_000 && count.granted >= 1_000, "{} cells, {} granted", count.cells, count.granted);
    assert!(count.wrong.is_empty(), "{:#?}", count.wrong);
}

#[test]
fn threat_13_an_import_that_is_not_asked_about_is_found() {
    let interfaces = ["wasi:keyvalue/store".to_owned(), "wasi:keyvalue/stores".to_owned()];
    let world = World::new();
    assert!(matrix(&world, &interfaces, VERSIONS).wrong.is_empty());
    for defence in ["imports: claimed", "imports: known"] {
        let count = writ_signing::defence::without(defence, || matrix(&world, &interfaces, VERSIONS));
        assert!(!count.wrong.is_empty(), "without `{defence}` nothing is found");
    }
}
