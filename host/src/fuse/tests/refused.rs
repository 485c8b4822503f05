//! What cannot be composed, each with its own message; what may be fused at all; and how memories are shared.

use std::collections::BTreeSet;
use std::sync::Arc;

use wasmparser::{Parser, Payload};

use super::super::eligible::{Generation, Separate, generation};
use super::super::{Edge, FuseError, Graph, Link, Node, compose, eligible};
use super::guest::Guest;
use super::topologies::{graph, wasi};
use crate::names::InterfaceName;

#[track_caller]
fn check(graph: &Graph, expected: &str) {
    assert_eq!(compose(graph).err().map(|error| error.to_string()).as_deref(), Some(expected));
}

fn changed(text: &str, change: impl FnOnce(&mut Graph)) -> Graph {
    let mut graph = graph(text);
    change(&mut graph);
    graph
}

fn node(name: &str, guest: &Guest<'_>) -> Node {
    Node { name: name.to_owned(), bytes: Arc::from(guest.bytes()), principal: 0, memory: 1 << 20 }
}

#[test]
fn graphs() {
    check(&graph("a>b b>c c>a"), "a calls itself over its import demo:a/api@1.0.3");
    check(&graph("a>a"), "a calls itself over its import demo:a/api@1.0.3");
    check(&graph("a>b c"), "no link leads from the root to c");
    check(
        &changed("a>b", |graph| graph.edges.push(graph.edges[0].clone())),
        "a has two exporters for its import demo:b/api@1.0.3",
    );
    check(&changed("a>b", |graph| graph.edges[0].exporter = 7), "the graph names component number 7 of 2");
    check(&changed("a>b", |graph| graph.root = 2), "the graph names component number 2 of 2");
    check(&changed("a>b", |graph| graph.exports.clear()), "nothing of a is exported");
    check(&changed("a>b", |graph| graph.exports[0] = "demo:x/y@1.0.0".to_owned()), "a does not export demo:x/y@1.0.0");
    check(
        &changed("a>b", |graph| graph.edges[0].export = "demo:x/y@1.0.0".to_owned()),
        "b does not export demo:x/y@1.0.0",
    );
    check(
        &changed("a>b", |graph| graph.edges[0].import = "demo:b/api@1.0.4".to_owned()),
        "a does not import demo:b/api@1.0.4, which a link joins",
    );
    check(
        &changed("a>b", |graph| {
            graph.edges[0] = Edge { import: "wasi:io/poll@0.2.0".to_owned(), ..graph.edges[0].clone() };
        }),
        "a imports wasi:io/poll@0.2.0, and b exports demo:b/api@1.0.3: not the same interface on one track of versions",
    );
}

#[test]
fn sizes() {
    let star: String = (1..12).map(|number| format!("a>n{number} ")).collect();
    let doubled: String = (1..8)
        .map(|number| {
            format!("m{}>l{number} m{}>r{number} l{number}>m{number} r{number}>m{number} ", number - 1, number - 1)
        })
        .collect();
    assert!(compose(&graph(&star)).is_ok());
    check(&graph(&doubled), "instances, one for each link to a component: at most 64 in a fused application");
    let one = graph("a");
    let many = Graph { nodes: vec![one.nodes[0].clone(); 10_000], ..one.clone() };
    check(&many, "components: at most 64 in a fused application");
    let edge = Edge { importer: 0, import: String::new(), exporter: 0, export: String::new() };
    check(&Graph { edges: vec![edge; 10_000], ..one }, "links: at most 1000 in a fused application");
}

#[test]
fn guests() {
    let refused = |import: &str| {
        let guest = Guest { imports: vec![import], exports: vec!["demo:a/api@1.0.3"], ..Guest::default() };
        Graph { nodes: vec![node("a", &guest)], ..graph("a") }
    };
    let reserved = |import: &str| {
        let why = "names that begin with a principal's or an edge's number are the host's";
        check(&refused(import), &format!("a: it imports {import}: {why}"));
    };
    for import in
        ["p1-wasi:keyvalue/store@0.2.0", "p1-demo:x/y@1.0.0", "e0-writ:identity/caller@0.1.0", "P1-demo:x/y@1.0.0"]
    {
        reserved(import);
    }
    let plain = "which is no interface of the form namespace:package/interface@version";
    check(&refused("plain"), &format!("a: it imports plain, {plain}"));
    for import in ["p-demo:x/y@1.0.0", "pa1-demo:x/y@1.0.0", "demo:p1-x/y@1.0.0", "p1:x/y@1.0.0"] {
        assert_eq!(compose(&refused(import)).err(), None, "{import}");
    }
    let malformed = changed("a", |graph| graph.nodes[0].bytes = Arc::from(&b"\0asm"[..]));
    assert!(matches!(compose(&malformed), Err(FuseError::Component { .. })));
    let module = changed("a", |graph| graph.nodes[0].bytes = Arc::from(wasm_encoder::Module::new().finish()));
    assert!(matches!(compose(&module), Err(FuseError::Component { .. })));
}

/// An exporter whose interface has another shape: the importer is named, with the validator's words.
#[test]
fn a_link_whose_types_differ() {
    let other = Guest { imports: vec!["wasi:keyvalue/store@0.2.0-draft"], exports: vec![], ..Guest::default() };
    let importer = Guest { exports: vec!["demo:a/api@1.0.3"], ..other.clone() };
    let exporter = Guest { imports: vec![], exports: vec!["wasi:keyvalue/store@0.2.0-draft"], ..other };
    let name = "wasi:keyvalue/store@0.2.0-draft".to_owned();
    let edge = Edge { importer: 0, import: name.clone(), exporter: 1, export: name };
    let nodes = vec![node("a", &importer), node("b", &exporter)];
    let error = compose(&Graph { nodes, edges: vec![edge], ..graph("a") }).unwrap_err();
    assert!(
        matches!(&error, FuseError::Misfit { component, reason } if component == "a" && reason.contains("keyvalue")),
        "{error}"
    );
}

/// The memories of a component, in the order of its modules: what each begins with, and the most it may have, in pages.
#[track_caller]
fn memories(memories: &[(u64, Option<u64>)], again: usize, limit: u64, expected: Result<&[u64], &str>) {
    let guest = Guest { exports: vec!["demo:a/api@1.0.3"], memories: memories.to_vec(), again, ..Guest::default() };
    let limited = |pages: u64| Graph { nodes: vec![Node { memory: pages << 16, ..node("a", &guest) }], ..graph("a") };
    let composed = compose(&limited(limit));
    if let (Ok(composite), Ok(shares)) = (&composed, expected) {
        let most = shares.iter().sum::<u64>() * u64::try_from(again + 1).unwrap();
        assert!(super::super::check(composite.clone(), &limited(most)).is_ok());
        assert!(
            most == 0 || super::super::check(composite.clone(), &limited(most - 1)).is_err(),
            "counted by the checker"
        );
    }
    let found = composed.map_err(|error| error.to_string()).map(|composite| {
        let mut found = Vec::new();
        for payload in Parser::new(0).parse_all(&composite) {
            let Payload::MemorySection(section) = payload.unwrap() else { continue };
            found.extend(section.into_iter().map(|memory| memory.unwrap().maximum.unwrap()));
        }
        found
    });
    assert_eq!(found.as_deref().map_err(String::as_str), expected);
}

#[test]
fn memory_is_shared() {
    memories(&[(1, None)], 0, 16, Ok(&[16]));
    memories(&[(1, Some(4))], 0, 16, Ok(&[4]));
    memories(&[(1, Some(400))], 0, 16, Ok(&[16]));
    memories(&[(16, None)], 0, 16, Ok(&[16]));
    memories(&[(1, None), (1, None)], 0, 16, Ok(&[8, 8]));
    memories(&[(1, None), (1, Some(2))], 0, 16, Ok(&[14, 2]));
    memories(&[(10, None), (1, Some(9))], 0, 16, Ok(&[13, 3]));
    memories(&[(1, None)], 3, 16, Ok(&[4]));
    memories(&[], 0, 16, Ok(&[]));
    let most = "a: its memories begin with 1114112 bytes, and it may have 1048576";
    memories(&[(17, None)], 0, 16, Err(most));
    memories(&[(9, None), (8, None)], 0, 16, Err(most));
}

#[test]
fn what_may_be_fused() {
    let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<InterfaceName>>();
    let second = names(&["demo:b/api@1.0.3", "wasi:keyvalue/store@0.2.0-draft"]);
    let third = names(&["wasi:cli/exit@0.3.0"]);
    let good = Link { importer: &second, exporter: &second, same_account: true, capability: None, separate: false };
    assert_eq!(eligible(&good), Ok(()));
    assert_eq!(eligible(&Link { separate: true, ..good }), Err(Separate::Asked));
    assert_eq!(eligible(&Link { same_account: false, ..good }), Err(Separate::OtherAccount));
    let named = Link { capability: Some("keyvalue"), ..good };
    let capability = "it stands for the capability keyvalue, whose claims are checked at each call";
    assert_eq!(eligible(&named).unwrap_err().to_string(), capability);
    assert_eq!(eligible(&Link { exporter: &third, ..good }), Err(Separate::OtherGeneration));
    assert_eq!(eligible(&Link { importer: &third, ..good }), Err(Separate::OtherGeneration));
    assert_eq!(eligible(&Link { importer: &third, exporter: &third, ..good }), Ok(()));
    assert_eq!(eligible(&Link { exporter: &[], ..good }), Ok(()));
}

#[test]
fn generations() {
    let check = |imports: &[&str], expected| {
        let imports: Vec<_> = imports.iter().map(|name| name.parse().unwrap()).collect();
        assert_eq!(generation(&imports), expected);
    };
    check(&[], Generation::Any);
    check(&["demo:x/y@0.3.0"], Generation::Any);
    check(&["wasi:io/poll@0.2.3"], Generation::Second);
    check(&["wasi:keyvalue/store@0.2.0-draft"], Generation::Second);
    check(&["wasi:io/poll@0.2.3", "wasi:cli/exit@0.3.0"], Generation::Third);
    assert_eq!(wasi(3)[1], "wasi:io/poll@0.2.3");
}

/// A link is looked at by the types of both its ends, whatever the composite is.
#[test]
fn what_the_checker_says_of_links() {
    let check = |import: &str, export: &str, expected: &str| {
        let graph = changed("a>b", |graph| {
            graph.edges[0] = Edge { import: import.to_owned(), export: export.to_owned(), ..graph.edges[0].clone() };
        });
        assert_eq!(super::super::check(Vec::new(), &graph).unwrap_err().to_string(), expected);
    };
    let own = "demo:b/api@1.0.3";
    check(own, own, "the composite: not a valid component: unexpected end-of-file (at byte 0)");
    check("demo:c/api@1.0.3", own, "a does not import demo:c/api@1.0.3, which a link joins");
    check(own, "demo:c/api@1.0.3", "b does not export demo:c/api@1.0.3");
    let store = "wasi:keyvalue/store@0.2.0-draft";
    check(store, own, &format!("the link of a for {store} passes a resource, not plain data alone"));
    check(
        "wasi:cli/stdout@0.2.0",
        own,
        "the link of a for wasi:cli/stdout@0.2.0 passes a resource, not plain data alone",
    );
}

/// Who judges uses nothing of what is judged.
#[test]
fn the_checker_and_the_encoder_share_how_components_are_read_and_nothing_else() {
    let uses = |file: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fuse").join(file);
        let text = std::fs::read_to_string(path).unwrap();
        let mut used: BTreeSet<String> = BTreeSet::new();
        for rest in text.split("super::").skip(1) {
            used.insert(rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect());
        }
        assert!(!text.contains("use super::{"), "{file}: one module in a line");
        (used, text.contains("wasm_encoder"))
    };
    let both = ["error", "graph", "sections", "slots"];
    for file in ["check.rs", "same.rs", "plain.rs"] {
        let (used, encodes) = uses(file);
        let strange =
            used.iter().find(|used| !both.contains(&used.as_str()) && !["plain", "same"].contains(&used.as_str()));
        assert_eq!((strange, encodes), (None, false), "{file}");
    }
    for file in ["compose.rs", "rename.rs", "memory.rs", "imports.rs", "tree.rs", "slots.rs", "sections.rs", "graph.rs"]
    {
        let (used, _) = uses(file);
        assert!(["check", "same", "plain"].iter().all(|judge| !used.contains(*judge)), "{file}");
    }
}
