//! What can be composed: each topology composes, validates, and passes the checker.

use std::collections::BTreeSet;
use std::sync::Arc;

use wasm_encoder::{ComponentBuilder, ComponentExportKind};

use super::super::imports::{Imports, Prelude};
use super::super::{Edge, Graph, Node, Serves, check, compose};
use super::guest::Guest;

/// What every guest of a topology imports besides.
const OWN: [&str; 2] = ["wasi:keyvalue/store@0.2.0-draft", "writ:identity/caller@0.1.0"];

/// What guests of more than one kind have in common with the host: mixed patch versions, in the order of use.
pub(super) fn wasi(patch: usize) -> [String; 5] {
    ["wasi:clocks/monotonic-clock", "wasi:io/poll", "wasi:io/streams", "wasi:http/types", "wasi:cli/stdout"]
        .map(|name| format!("{name}@0.2.{patch}"))
}

/// `a>b` is an edge from a to b, `a>b:1.2.0` one whose importer spells the version so; `b=a` gives b the principal of a.
/// `+2.0.0` and `-2.0.0` are one more interface of the root: one that is called from outside, and one that is not.
/// Letters become components in the order in which they first appear; the first is the root.
pub(super) fn graph(text: &str) -> Graph {
    let (mut names, mut edges, mut same) = (Vec::<&str>::new(), Vec::new(), Vec::new());
    let mut number = |name| match names.iter().position(|known| *known == name) {
        Some(number) => number,
        None => {
            names.push(name);
            names.len() - 1
        }
    };
    let mut more = Vec::new();
    for word in text.split_whitespace() {
        if word.starts_with(['+', '-']) {
            more.push(word);
            continue;
        }
        if let Some((one, other)) = word.split_once('=') {
            same.push((number(one), number(other)));
            continue;
        }
        let (importer, rest) = word.split_once('>').unwrap_or((word, ""));
        let (exporter, version) = rest.split_once(':').unwrap_or((rest, "1.0.3"));
        let importer = number(importer);
        if !exporter.is_empty() {
            edges.push((importer, number(exporter), exporter, version));
        }
    }
    let edges: Vec<Edge> = edges
        .into_iter()
        .map(|(importer, exporter, name, version)| Edge {
            importer,
            import: format!("demo:{name}/api@{version}"),
            exporter,
            export: format!("demo:{name}/api@{}", if version.starts_with('1') { "1.0.3" } else { version }),
        })
        .collect();
    let others: Vec<String> = more.iter().map(|word| format!("demo:{}/api@{}", names[0], &word[1..])).collect();
    let others = |number: usize| if number == 0 { &others[..] } else { &[] };
    let all = names.iter().enumerate();
    let mut nodes: Vec<Node> = all.map(|(number, name)| node(number, name, &edges, others(number))).collect();
    for (one, other) in same {
        nodes[one].principal = nodes[other].principal;
    }
    let called = more.iter().filter_map(|word| word.strip_prefix('+')).chain(["1.0.3"]);
    let exports = called.map(|version| format!("demo:{}/api@{version}", names[0])).collect();
    Graph { nodes, edges, root: 0, exports }
}

fn node(number: usize, name: &str, edges: &[Edge], more: &[String]) -> Node {
    let wasi = wasi(number % 7);
    let joined = edges.iter().filter(|edge| edge.importer == number).map(|edge| edge.import.as_str());
    let own = format!("demo:{name}/api@1.0.3");
    let called = edges.iter().filter(|edge| edge.exporter == number).map(|edge| &edge.export);
    let exports: BTreeSet<&str> = called.chain([&own]).chain(more).map(String::as_str).collect();
    let guest = Guest {
        imports: OWN.into_iter().chain(wasi.iter().map(String::as_str)).chain(joined).collect(),
        exports: exports.into_iter().collect(),
        memories: vec![(1, None)],
        rich: number % 2 == 1,
        ..Guest::default()
    };
    let principal = u32::try_from(number).unwrap();
    Node { name: name.to_owned(), bytes: Arc::from(guest.bytes()), principal, memory: 8 << 20 }
}

/// The same component inside another, as somebody composed it before signing.
pub(super) fn precomposed(node: &Node) -> Node {
    let mut builder = ComponentBuilder::default();
    let preludes = [Prelude::read(&node.bytes).unwrap()];
    let imports = Imports::write(&preludes, |_, _| true, &mut builder).ok().unwrap();
    let inner = builder.component_raw(None, &node.bytes);
    let given: Vec<_> = imports.iter().map(|(name, index)| (*name, ComponentExportKind::Instance, *index)).collect();
    let instance = builder.instantiate(None, inner, given);
    for (export, _) in super::super::sections::exports(&node.bytes).unwrap() {
        let index = builder.alias_export(instance, export, ComponentExportKind::Instance);
        builder.export(export, ComponentExportKind::Instance, index, None);
    }
    Node { bytes: Arc::from(builder.finish()), ..node.clone() }
}

fn chain(length: usize) -> String {
    (1..length).map(|number| format!("n{}>n{number} ", number - 1)).collect()
}

/// Every topology: its name, its graph, and how many instances it has.
pub(super) fn table() -> Vec<(&'static str, Graph, usize)> {
    let with_inner = |text: &str, inner: &[usize]| {
        let mut graph = graph(text);
        for number in inner {
            graph.nodes[*number] = precomposed(&graph.nodes[*number]);
        }
        graph
    };
    vec![
        ("alone", graph("a"), 1),
        ("a pair", graph("a>b"), 2),
        ("a chain", graph("a>b b>c"), 3),
        ("a star", graph("a>b a>c a>d"), 4),
        ("a diamond", graph("a>b a>c b>d c>d"), 5),
        ("a diamond with a tail", graph("a>b a>c b>d c>d d>e"), 7),
        ("two diamonds", graph("a>b a>c b>d c>d d>e d>f e>g f>g"), 13),
        ("a shared dependency", graph("a>b b>c a>c"), 4),
        ("two instances of one component", graph("a>b a>b:2.0.0"), 3),
        ("the same principal twice", graph("a>b b>c c=a"), 3),
        ("one principal", graph("a>b a>c b=a c=a"), 3),
        ("older and newer versions", graph("a>b:1.0.0 b>c:1.9.9 a>c:1.0.7"), 4),
        ("precomposed inside composed", with_inner("a>b b>c", &[1]), 3),
        ("all of them precomposed", with_inner("a>b a>c b>c", &[0, 1, 2]), 4),
        ("two exports", graph("a>b +2.0.0"), 2),
        ("one of two exports", graph("a>b -2.0.0"), 2),
        ("wide", graph("a>b a>c a>d a>e b>f c>f d>f e>f"), 9),
        ("64 deep", graph(&chain(64)), 64),
    ]
}

#[test]
fn each_composes_validates_and_passes() {
    for (name, graph, instances) in table() {
        let composite = compose(&graph).unwrap_or_else(|error| panic!("{name}: {error}"));
        wasmparser::Validator::new().validate_all(&composite).unwrap_or_else(|error| panic!("{name}: {error}"));
        let checked = check(composite.clone(), &graph).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(**checked.bytes(), composite, "{name}");
        let made = super::parts::apart(&composite);
        let made = made.iter().filter(|part| matches!(part, super::parts::Part::Instance(..))).count();
        assert_eq!(made, instances, "{name}");
    }
}

/// What the host is to link for a pair: each principal's own, the identity of the one caller, and what is shared.
#[test]
fn imports_say_whom_they_serve() {
    let graph = graph("a>b");
    let checked = check(compose(&graph).unwrap(), &graph).unwrap();
    let imports: Vec<_> = checked.imports().iter().map(|import| (import.name.as_str(), import.serves)).collect();
    assert_eq!(
        imports,
        [
            ("e0-writ:identity/caller@0.1.0", Serves::Edge(0)),
            ("p0-wasi:cli/stdout@0.2.0", Serves::Principal(0)),
            ("p0-wasi:clocks/monotonic-clock@0.2.0", Serves::Principal(0)),
            ("p0-wasi:keyvalue/store@0.2.0-draft", Serves::Principal(0)),
            ("p0-writ:identity/caller@0.1.0", Serves::Principal(0)),
            ("p1-wasi:cli/stdout@0.2.1", Serves::Principal(1)),
            ("p1-wasi:clocks/monotonic-clock@0.2.1", Serves::Principal(1)),
            ("p1-wasi:keyvalue/store@0.2.0-draft", Serves::Principal(1)),
            ("wasi:http/types@0.2.0", Serves::Everyone),
            ("wasi:http/types@0.2.1", Serves::Everyone),
            ("wasi:io/poll@0.2.0", Serves::Everyone),
            ("wasi:io/poll@0.2.1", Serves::Everyone),
            ("wasi:io/streams@0.2.0", Serves::Everyone),
            ("wasi:io/streams@0.2.1", Serves::Everyone),
        ]
    );
}
