//! Random graphs and random bytes.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::{FuseError, Graph, Serves, check, compose};
use super::parts::spelled;
use super::topologies::graph;

/// A graph in which each component may call those after it.
fn graphs() -> impl Strategy<Value = String> {
    (2_usize..9).prop_flat_map(|nodes| {
        let pairs: Vec<(usize, usize)> = (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b))).collect();
        let kept = prop::collection::vec(prop::bool::weighted(0.5), pairs.len());
        let versions = prop::collection::vec(0_u64..9, pairs.len());
        let same = prop::option::weighted(0.3, (0..nodes, 0..nodes));
        (Just(pairs), kept, versions, same).prop_map(|(pairs, kept, versions, same)| {
            let edges = pairs.into_iter().zip(kept).zip(versions);
            // Every component but the root is called by the one before it, so all of them are reached.
            let kept = edges.filter(|(((one, other), kept), _)| *kept || other - one == 1);
            let mut text: String =
                kept.map(|(((one, other), _), patch)| format!("n{one}>n{other}:1.{patch}.0 ")).collect();
            if let Some((one, other)) = same {
                text.push_str(&format!("n{one}=n{other}"));
            }
            text
        })
    })
}

/// How many instances a graph becomes: one for each path from the root.
fn paths(graph: &Graph, node: usize) -> usize {
    1 + graph.edges.iter().filter(|edge| edge.importer == node).map(|edge| paths(graph, edge.exporter)).sum::<usize>()
}

proptest! {
    #[test]
    fn random_graphs_compose_and_pass(text in graphs()) {
        let graph = graph(&text);
        match compose(&graph) {
            Ok(composite) => {
                prop_assert!(paths(&graph, 0) <= 64);
                wasmparser::Validator::new().validate_all(&composite).unwrap();
                let checked = check(composite, &graph).unwrap();
                let edges = checked.imports().iter().filter(|import| matches!(import.serves, Serves::Edge(_)));
                prop_assert_eq!(edges.count(), graph.edges.len());
                for import in checked.imports() {
                    let whose = match import.serves {
                        Serves::Everyone => String::new(),
                        Serves::Principal(number) => format!("p{number}-"),
                        Serves::Edge(number) => format!("e{number}-"),
                    };
                    prop_assert_eq!(&import.name, &format!("{whose}{}", import.interface));
                }
            }
            Err(error) => {
                prop_assert!(matches!(error, FuseError::TooMany { .. }), "{error}");
                prop_assert!(paths(&graph, 0) > 64);
            }
        }
    }

    /// A composite for one graph is none for another.
    #[test]
    fn one_graph_s_composite_is_no_other_s(one in graphs(), other in graphs()) {
        let [one, other] = [one, other].map(|text| graph(&text));
        let declared = |graph: &Graph| format!("{graph:?}");
        if let Ok(composite) = compose(&one) {
            prop_assert_eq!(check(composite, &other).is_ok(), declared(&one) == declared(&other));
        }
    }

    /// Whatever the bytes are, nothing panics; and no byte of a guest changes unseen.
    #[test]
    fn changed_bytes_are_refused(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in prop::option::of(any::<prop::sample::Index>())) {
        let graph = graph("a>b a>c b>d c>d");
        let composite = compose(&graph).unwrap();
        let mut changed = composite.clone();
        *at.get_mut(&mut changed) = byte;
        changed.truncate(cut.map_or(changed.len(), |cut| cut.index(composite.len())));
        if let Ok(checked) = check(changed.clone(), &graph) {
            // Only the types of the composite's own imports are not the checker's to judge.
            let first = super::parts::apart(checked.bytes());
            let was = super::parts::apart(&composite);
            let guests = |parts: &[super::parts::Part]| parts.iter().filter_map(|part| match part {
                super::parts::Part::Component(bytes) => Some(spelled(bytes).unwrap()),
                _ => None,
            }).collect::<Vec<_>>();
            prop_assert_eq!(guests(&first), guests(&was));
        }
    }

    /// A guest's bytes never make the encoder or the checker panic.
    #[test]
    fn no_guest_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in prop::option::of(any::<prop::sample::Index>())) {
        let mut graph = graph("a>b a>c b>c");
        let good = compose(&graph).unwrap();
        let mut bytes = graph.nodes[1].bytes.to_vec();
        for (at, byte) in changes {
            *at.get_mut(&mut bytes) = byte;
        }
        bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
        let same = spelled(&bytes) == spelled(&graph.nodes[1].bytes);
        graph.nodes[1].bytes = Arc::from(bytes);
        let composed = compose(&graph);
        if let Ok(composite) = composed {
            prop_assert!(check(composite, &graph).is_ok());
        }
        // Custom sections aside, which these guests have none of, another guest is another composite.
        prop_assert!(same || check(good, &graph).is_err());
    }
}
