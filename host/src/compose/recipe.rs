//! When two units are the same one, so that what was made and compiled of the one serves the other.

use std::sync::LazyLock;

use serde_json::json;
use writ_signing::Digest;

use super::unit::{Carrier, Plan};
use crate::fuse::{self, Node};

impl Plan {
    /// What decides what [`Plan::whole`] makes, as a digest. Of a component that is what its token covers: nothing else of it
    /// is in a composite.
    pub(crate) fn recipe(&self) -> Digest {
        let Self { graph, digests, carriers, door, fused: _ } = self;
        let node = |(node, digest): (&Node, &Digest)| json!([node.name, digest.hex(), node.principal, node.memory]);
        let edge = |edge: &fuse::Edge| json!([edge.importer, edge.import, edge.exporter, edge.export]);
        let carrier = |one: &Carrier| json!([one.member, one.import, one.export, one.digest.hex(), one.door]);
        let recipe = json!({
            "makers": *MADE_BY,
            "nodes": graph.nodes.iter().zip(digests).map(node).collect::<Vec<_>>(),
            "edges": graph.edges.iter().map(edge).collect::<Vec<_>>(),
            "root": graph.root,
            "exports": graph.exports,
            "carriers": carriers.iter().map(carrier).collect::<Vec<_>>(),
            "door": door,
        });
        Digest::of(recipe.to_string().as_bytes())
    }
}

/// What makes and checks a composite, as it is written, and the versions of what it uses: what one kept, no other takes.
static MADE_BY: LazyLock<String> = LazyLock::new(|| Digest::of(MAKERS.concat().as_bytes()).hex());

const MAKERS: &[&str] = &[
    env!("CARGO_PKG_VERSION"),
    LIBRARIES,
    include_str!("unit.rs"),
    include_str!("../names.rs"),
    include_str!("../wit.rs"),
    include_str!("../carry.rs"),
    include_str!("../carry/interface.rs"),
    include_str!("../carry/module.rs"),
    include_str!("../fuse/check.rs"),
    include_str!("../fuse/compose.rs"),
    include_str!("../fuse/eligible.rs"),
    include_str!("../fuse/error.rs"),
    include_str!("../fuse/graph.rs"),
    include_str!("../fuse/imports.rs"),
    include_str!("../fuse/memory.rs"),
    include_str!("../fuse/mod.rs"),
    include_str!("../fuse/plain.rs"),
    include_str!("../fuse/rename.rs"),
    include_str!("../fuse/same.rs"),
    include_str!("../fuse/sections.rs"),
    include_str!("../fuse/slots.rs"),
    include_str!("../fuse/tree.rs"),
];

/// What reads, writes and validates components. `Cargo.toml` pins them.
const LIBRARIES: &str = "wasm-encoder 0.254.2, wasmparser 0.254.2, wit-component 0.254.2, wit-parser 0.254.2";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::fuse::Graph;

    fn plan() -> Plan {
        let node = |name: &str, principal| Node { name: name.to_owned(), bytes: Arc::default(), principal, memory: 1 };
        let edge = fuse::Edge { importer: 0, import: "a:a/a".to_owned(), exporter: 1, export: "a:a/a".to_owned() };
        let carrier = Carrier {
            member: 1,
            import: "b:b/b".to_owned(),
            export: "b:b/b".to_owned(),
            callee: Arc::default(),
            digest: Digest::of(b"callee"),
            door: vec!["b:b/b".to_owned()],
        };
        Plan {
            graph: Graph {
                nodes: vec![node("x", 0), node("y", 1)],
                edges: vec![edge],
                root: 0,
                exports: vec!["c:c/c".to_owned()],
            },
            digests: vec![Digest::of(b"x"), Digest::of(b"y")],
            fused: true,
            carriers: vec![carrier],
            door: vec!["c:c/c".to_owned()],
        }
    }

    #[test]
    fn no_component_is_given_more_memory_than_its_host_has() {
        let memory = |plan: Plan| plan.graph.nodes.iter().map(|node| node.memory).collect::<Vec<_>>();
        let mut wide = plan();
        wide.graph.nodes[1].memory = 1 << 30;
        assert_eq!(memory(wide.within(256)), [1, 256]);
        assert_eq!(memory(plan().within(256)), [1, 1]);
    }

    type Change = fn(&mut Plan);

    /// Two plans of one recipe run the same code, so nothing that decides what is made may be missing.
    #[test]
    fn whatever_decides_what_is_made_is_in_its_recipe() {
        let changes: [(&str, Change); 22] = [
            ("nothing", |_| {}),
            ("a name", |plan| plan.graph.nodes[0].name.push('z')),
            ("a component", |plan| plan.digests[1] = Digest::of(b"z")),
            ("their order", |plan| plan.digests.swap(0, 1)),
            ("whose it is", |plan| plan.graph.nodes[1].principal = 0),
            ("memory", |plan| plan.graph.nodes[1].memory = 2),
            ("one more", |plan| {
                plan.graph.nodes.push(plan.graph.nodes[1].clone());
                plan.digests.push(plan.digests[1]);
            }),
            ("who calls", |plan| plan.graph.edges[0].importer = 1),
            ("over which import", |plan| plan.graph.edges[0].import.push('z')),
            ("who is called", |plan| plan.graph.edges[0].exporter = 0),
            ("by which export", |plan| plan.graph.edges[0].export.push('z')),
            ("a link twice", |plan| plan.graph.edges.push(plan.graph.edges[0].clone())),
            ("no link", |plan| plan.graph.edges.clear()),
            ("the root", |plan| plan.graph.root = 1),
            ("what is called from outside", |plan| plan.graph.exports.clear()),
            ("no sender", |plan| plan.carriers.clear()),
            ("whose calls are carried", |plan| plan.carriers[0].member = 0),
            ("of which import", |plan| plan.carriers[0].import.push('z')),
            ("to which export", |plan| plan.carriers[0].export.push('z')),
            ("of which component", |plan| plan.carriers[0].digest = Digest::of(b"z")),
            ("which has more", |plan| plan.carriers[0].door.push("d:d/d".to_owned())),
            ("no receiver", |plan| plan.door.clear()),
        ];
        let mut seen = BTreeSet::new();
        for (what, change) in changes {
            let mut plan = plan();
            change(&mut plan);
            assert!(seen.insert(plan.recipe().hex()), "{what}");
        }
        assert!(seen.contains(&plan().recipe().hex()));
    }

    #[test]
    fn all_that_makes_and_checks_is_in_it() {
        let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")).unwrap();
        for library in LIBRARIES.split(", ") {
            let (name, version) = library.split_once(' ').unwrap();
            assert!(manifest.contains(&format!("{name} = {{ version = \"={version}\"")), "{library}");
        }
        for folder in ["fuse", "carry"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    assert!(MAKERS.contains(&&*text), "{}", path.display());
                }
            }
        }
    }
}
