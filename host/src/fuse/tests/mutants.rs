//! What the checker refuses: every topology, with one thing of it changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasm_encoder::{
    CanonicalFunctionSection, ComponentExportKind, CoreTypeSection, CustomSection, InstanceSection, Module,
    ModuleSection,
};

use super::super::{CheckError, Graph, Node, check, compose};
use super::guest::Guest;
use super::parts::{Part, apart, importing, instances, raw, together};
use super::topologies::{graph, table};

/// A mutant: what was done to it, its bytes, and the graph it is held against.
struct Mutant {
    what: String,
    composite: Vec<u8>,
    graph: Graph,
}

/// A composite and its parts, from which mutants are made.
struct Original {
    composite: Vec<u8>,
    parts: Vec<Part>,
    graph: Graph,
    mutants: Vec<Mutant>,
}

#[test]
fn each_mutant_is_refused() {
    let (mut count, mut reasons) = (0, BTreeMap::<String, usize>::new());
    for (name, graph, _) in table() {
        let mutants = Original::of(graph).mutants();
        assert!(mutants.len() > 20, "{name}: {}", mutants.len());
        for mutant in mutants {
            let Err(error) = check(mutant.composite, &mutant.graph) else { panic!("{name}: {}", mutant.what) };
            let reason = format!("{error:?}").split([' ', '(']).next().unwrap().to_owned();
            *reasons.entry(reason).or_default() += 1;
            count += 1;
        }
    }
    assert!(count > 200, "{count}");
    let every = [
        "Arguments",
        "Export",
        "Extra",
        "ExtraImport",
        "Graph",
        "Miswired",
        "NotItsOwn",
        "OtherBytes",
        "Surprise",
        "Unreadable",
    ];
    assert_eq!(reasons.keys().collect::<Vec<_>>(), every, "{reasons:?}");
}

/// A diamond whose bottom is there once: every wire leads to the right component, and two links share one memory.
#[test]
fn an_instance_that_two_links_share_is_refused() {
    let mut graph = graph("a>b a>c b>d c>d");
    graph.nodes[3].bytes = Arc::from(Guest { exports: vec!["demo:d/api@1.0.3"], ..Guest::default() }.bytes());
    let mut parts = apart(&compose(&graph).unwrap());
    let places = instances(&parts);
    let of = |place: usize| match &parts[place] {
        Part::Instance(of, _) => Some(*of),
        _ => None,
    };
    let twice = |one: usize, other: usize| one != other && of(one).is_some() && of(one) == of(other);
    let [(_, kept), (place, dropped)] = places
        .iter()
        .filter(|(one, _)| places.iter().any(|(other, _)| twice(*one, *other)))
        .copied()
        .collect::<Vec<_>>()[..]
    else {
        panic!()
    };
    let moved = |index: &mut u32| {
        *index = if *index == dropped { kept } else { *index - u32::from(*index > dropped) };
    };
    for part in &mut parts {
        match part {
            Part::Alias(_, index, _) | Part::Export(_, _, index) => moved(index),
            Part::Instance(_, given) => given.iter_mut().for_each(|(_, index)| moved(index)),
            _ => {}
        }
    }
    parts.remove(place);
    let composite = together(&parts);
    wasmparser::Validator::new().validate_all(&composite).unwrap();
    assert_eq!(check(composite, &graph), Err(CheckError::NotItsOwn { component: "d".to_owned() }));
}

impl Original {
    fn of(graph: Graph) -> Self {
        let composite = compose(&graph).unwrap();
        let parts = apart(&composite);
        assert_eq!(**check(together(&parts), &graph).unwrap().bytes(), together(&parts));
        Self { composite: together(&parts), parts, graph, mutants: Vec::new() }
    }

    fn mutants(mut self) -> Vec<Mutant> {
        self.imports();
        self.renames();
        self.arguments();
        self.edges();
        self.guests();
        self.exports();
        self.another_export();
        self.additions();
        self.declarations();
        self.mutants
    }

    fn keep(&mut self, what: impl Into<String>, parts: &[Part]) {
        let composite = together(parts);
        if composite != self.composite {
            self.mutants.push(Mutant { what: what.into(), composite, graph: self.graph.clone() });
        }
    }

    /// The same with one part changed.
    fn changed(&mut self, what: impl Into<String>, place: usize, change: impl FnOnce(&mut Part)) {
        let mut parts = self.parts.clone();
        change(&mut parts[place]);
        self.keep(what, &parts);
    }

    /// The places of at most a few parts of one kind: the first ones and the last.
    fn places(&self, of: impl Fn(&Part) -> bool) -> Vec<usize> {
        let all: Vec<usize> = (0..self.parts.len()).filter(|place| of(&self.parts[*place])).collect();
        few(&all, 3)
    }

    /// A rename dropped, or another principal's name; an import that is there twice.
    fn imports(&mut self) {
        for place in self.places(|part| matches!(part, Part::Import(..))) {
            let Part::Import(name, ty) = self.parts[place].clone() else { panic!() };
            let plain = name.split_once('-').filter(|(first, _)| first.len() < 4).map_or(&*name, |(_, rest)| rest);
            let others = [plain.to_owned(), format!("p7{name}"), format!("p99-{plain}"), format!("e99-{plain}")];
            for other in others {
                self.changed(format!("{name} becomes {other}"), place, |part| *part = Part::Import(other, ty));
            }
            for again in [name.clone(), format!("p98-{plain}")] {
                let added = Part::Import(again.clone(), ty);
                self.keep(format!("{again} once more"), &[&self.parts[..], &[added]].concat());
            }
        }
    }

    /// A name that everything in the composite agrees on, and that is wrong: an encoder's mistake.
    fn renames(&mut self) {
        let import = |part: &Part| match part {
            Part::Import(name, _) => Some(name.clone()),
            _ => None,
        };
        let all: Vec<String> = self.parts.iter().filter_map(import).collect();
        for name in &all {
            let plain = name.split_once('-').filter(|(first, _)| first.len() < 4).map_or(&**name, |(_, rest)| rest);
            let others = [plain.to_owned(), format!("p0-{plain}"), format!("p1-{plain}"), format!("e0-{plain}")];
            for other in others.into_iter().filter(|other| !all.contains(other)) {
                let mut parts = self.parts.clone();
                for part in &mut parts {
                    match part {
                        Part::Import(import, _) if import == name => import.clone_from(&other),
                        Part::Component(bytes) if imports(bytes).contains(name) => {
                            *bytes = importing(bytes, name, &other).unwrap()
                        }
                        Part::Instance(_, given) => {
                            given.iter_mut().filter(|(argument, _)| argument == name).for_each(|(argument, _)| {
                                argument.clone_from(&other);
                            });
                        }
                        _ => {}
                    }
                }
                self.keep(format!("{name} is {other} everywhere"), &parts);
            }
        }
    }

    /// Two arguments swapped; an argument that goes to another instance, to another name, or nowhere.
    fn arguments(&mut self) {
        let targets: Vec<u32> = instances(&self.parts).into_iter().map(|(_, index)| index).collect();
        for place in self.places(|part| matches!(part, Part::Instance(..))) {
            let Part::Instance(of, given) = self.parts[place].clone() else { panic!() };
            for one in 0..given.len() {
                for other in [one.saturating_sub(1), one.saturating_sub(4), 0] {
                    let mut given = given.clone();
                    (given[one].1, given[other].1) = (given[other].1, given[one].1);
                    let what = format!("{} and {} swapped", given[one].0, given[other].0);
                    self.changed(what, place, |part| *part = Part::Instance(of, given));
                }
                for target in few(&targets, 8).into_iter().filter(|target| *target != given[one].1) {
                    let mut given = given.clone();
                    given[one].1 = target;
                    let what = format!("{} goes to {target}", given[one].0);
                    self.changed(what, place, |part| *part = Part::Instance(of, given));
                }
                let (mut less, mut more, mut named) = (given.clone(), given.clone(), given.clone());
                less.remove(one);
                more.push(more[one].clone());
                named[one].0.insert_str(0, "p1-");
                for (what, given) in [("dropped", less), ("twice", more), ("named otherwise", named)] {
                    self.changed(format!("argument {one} {what}"), place, |part| *part = Part::Instance(of, given));
                }
            }
        }
    }

    /// One edge leads to another instance, or to another export.
    fn edges(&mut self) {
        let made: Vec<u32> = instances(&self.parts)
            .into_iter()
            .filter(|(place, _)| !matches!(self.parts[*place], Part::Export(..)))
            .map(|(_, index)| index)
            .collect();
        for place in self.places(|part| matches!(part, Part::Alias(ComponentExportKind::Instance, ..))) {
            let Part::Alias(kind, instance, name) = self.parts[place].clone() else { panic!() };
            for target in few(&made, 12).into_iter().filter(|target| *target != instance) {
                let alias = Part::Alias(kind, target, name.clone());
                self.changed(format!("{name} is {target}'s"), place, |part| *part = alias);
            }
            for other in ["demo:other/api@1.0.3", "demo:b/api@1.0.4", "call"] {
                let alias = Part::Alias(kind, instance, other.to_owned());
                self.changed(format!("{name} becomes {other}"), place, |part| *part = alias);
            }
        }
        let components = self.places(|part| matches!(part, Part::Component(_))).len();
        for place in self.places(|part| matches!(part, Part::Instance(..))) {
            for other in 0..u32::try_from(components).unwrap() + 1 {
                let Part::Instance(_, given) = self.parts[place].clone() else { panic!() };
                self.changed(format!("an instance of {other}"), place, |part| *part = Part::Instance(other, given));
            }
        }
    }

    /// Bytes of a guest changed; a guest that imports without its principal's name, or with its neighbour's.
    fn guests(&mut self) {
        let places = self.places(|part| matches!(part, Part::Component(_)));
        for place in &places {
            let Part::Component(bytes) = self.parts[*place].clone() else { panic!() };
            for at in (0..bytes.len()).step_by(bytes.len() / 23 + 1).chain([bytes.len() - 1]) {
                let mut bytes = bytes.clone();
                // The first byte of a name may be 0 or 1, and means the same.
                bytes[at] ^= 2;
                self.changed(format!("byte {at} of a guest"), *place, |part| *part = Part::Component(bytes));
            }
            for name in own(&bytes) {
                let plain = name.split_once('-').unwrap().1;
                for other in [plain.to_owned(), format!("p0-{plain}"), format!("p1-{plain}"), format!("p1-{name}")] {
                    self.forged(*place, &name, &other);
                }
            }
        }
    }

    /// A guest that imports `other` where it imported `name`, given what stands under that name, or what it was given.
    fn forged(&mut self, place: usize, name: &str, other: &str) {
        if name == other {
            return;
        }
        let places = instances(&self.parts);
        let slot = places.iter().find(|(at, _)| matches!(&self.parts[*at], Part::Import(import, _) if import == other));
        let mut parts = self.parts.clone();
        let Part::Component(bytes) = &mut parts[place] else { panic!() };
        *bytes = importing(bytes, name, other).unwrap();
        for part in &mut parts {
            let Part::Instance(_, given) = part else { continue };
            for (argument, index) in given.iter_mut().filter(|(argument, _)| argument == name) {
                *argument = other.to_owned();
                *index = slot.map_or(*index, |(_, index)| *index);
            }
        }
        self.keep(format!("a guest imports {other} for {name}"), &parts);
    }

    fn exports(&mut self) {
        let targets: Vec<u32> = instances(&self.parts).into_iter().map(|(_, index)| index).collect();
        for place in self.places(|part| matches!(part, Part::Export(..))) {
            let Part::Export(name, kind, index) = self.parts[place].clone() else { panic!() };
            let renamed = Part::Export("demo:other/api@1.0.3".to_owned(), kind, index);
            self.changed("another export", place, |part| *part = renamed);
            for target in few(&targets, 12).into_iter().filter(|target| *target != index) {
                let export = Part::Export(name.clone(), kind, target);
                self.changed(format!("{name} is {target}"), place, |part| *part = export);
            }
            let mut parts = self.parts.clone();
            parts.remove(place);
            self.keep("no export", &parts);
        }
    }

    /// One of the root's own exports that nobody declared to be called.
    fn another_export(&mut self) {
        let made = instances(&self.parts);
        let (_, root) = made.iter().rfind(|(place, _)| matches!(self.parts[*place], Part::Instance(..))).unwrap();
        let (root, next) = (*root, u32::try_from(made.len()).unwrap());
        let kind = ComponentExportKind::Instance;
        for (name, _) in super::super::sections::exports(&self.graph.nodes[self.graph.root].bytes.clone()).unwrap() {
            let added = [Part::Alias(kind, root, name.to_owned()), Part::Export(name.to_owned(), kind, next)];
            self.keep(format!("{name} exported"), &[&self.parts[..], &added].concat());
        }
    }

    /// Whatever else may stand at the top level of a component.
    fn additions(&mut self) {
        let made = instances(&self.parts);
        let mut added = Vec::new();
        for (place, index) in &made {
            if let Part::Instance(of, given) = &self.parts[*place] {
                let export = exported(&self.graph, *place, &self.parts);
                added.push(vec![Part::Instance(*of, given.clone())]);
                added.push(vec![Part::Alias(ComponentExportKind::Instance, *index, export.clone())]);
                added.push(vec![Part::Alias(ComponentExportKind::Type, *index, "t".to_owned())]);
                added.push(vec![
                    Part::Alias(ComponentExportKind::Instance, *index, export.clone()),
                    Part::Export(
                        format!("{export}0"),
                        ComponentExportKind::Instance,
                        u32::try_from(made.len()).unwrap(),
                    ),
                ]);
            }
        }
        for place in self.places(|part| matches!(part, Part::Component(_))) {
            added.push(vec![self.parts[place].clone()]);
        }
        added.splice(0..0, sections().into_iter().map(|section| vec![section]));
        let places: Vec<usize> = (0..added.len()).collect();
        for place in few(&places, 24) {
            self.keep("an addition at the end", &[&self.parts[..], &added[place]].concat());
            self.keep("an addition at the start", &[&added[place], &self.parts[..]].concat());
        }
        for cut in [1, self.composite.len() / 2] {
            let composite = self.composite[..self.composite.len() - cut].to_vec();
            self.mutants.push(Mutant { what: "cut off".to_owned(), composite, graph: self.graph.clone() });
        }
    }

    /// The same bytes for another graph.
    fn declarations(&mut self) {
        let changes: [(&str, Change); 7] = [
            ("another principal", |graph| graph.nodes[0].principal += 40),
            ("the last one's principal", |graph| graph.nodes.last_mut().unwrap().principal += 40),
            ("less memory", |graph| graph.nodes.last_mut().unwrap().memory = 1 << 20),
            ("other bytes", |graph| other_bytes(&mut graph.nodes[0])),
            ("another root", |graph| graph.root = graph.nodes.len() - 1),
            ("one export more", |graph| graph.exports.push("demo:other/api@1.0.3".to_owned())),
            ("one edge less", |graph| drop(graph.edges.pop())),
        ];
        for (what, change) in changes {
            let mut graph = self.graph.clone();
            change(&mut graph);
            if format!("{graph:?}{:?}", graph.nodes[0].bytes)
                != format!("{:?}{:?}", self.graph, self.graph.nodes[0].bytes)
            {
                self.mutants.push(Mutant { what: what.to_owned(), composite: self.composite.clone(), graph });
            }
        }
    }
}

/// What is done to a graph.
type Change = fn(&mut Graph);

/// About `most` of all, from the first to the last.
fn few<T: Copy>(all: &[T], most: usize) -> Vec<T> {
    let step = all.len().div_ceil(most).max(1);
    let last = all.last().copied().filter(|_| !(all.len() - 1).is_multiple_of(step));
    all.iter().copied().step_by(step).chain(last).collect()
}

fn other_bytes(node: &mut Node) {
    let mut bytes = node.bytes.to_vec();
    let at = bytes.windows(5).position(|bytes| bytes == b"\x20\x00\x0b\x00\x00").unwrap_or(bytes.len() - 3);
    bytes[at + 1] ^= 1;
    node.bytes = Arc::from(bytes);
}

/// What a guest imports.
fn imports(guest: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for payload in super::super::sections::sections(guest).unwrap() {
        let wasmparser::Payload::ComponentImportSection(section) = payload else { continue };
        found.extend(section.into_iter().map(|import| import.unwrap().name.name.to_owned()));
    }
    found
}

/// The names of a guest that are its principal's or its edge's own.
fn own(guest: &[u8]) -> Vec<String> {
    let mut found = imports(guest);
    found.retain(|name| name.starts_with(['p', 'e']));
    found
}

/// An export that the instance made at `place` has.
fn exported(graph: &Graph, place: usize, parts: &[Part]) -> String {
    let index = instances(parts).into_iter().find(|(at, _)| *at == place).unwrap().1;
    let of = |part: &Part| match part {
        Part::Alias(ComponentExportKind::Instance, instance, name) if *instance == index => Some(name.clone()),
        _ => None,
    };
    parts.iter().find_map(of).unwrap_or_else(|| graph.exports[0].clone())
}

fn sections() -> Vec<Part> {
    let (mut core, mut canonical, mut types) =
        (InstanceSection::new(), CanonicalFunctionSection::new(), CoreTypeSection::new());
    core.export_items::<_, &str>([]);
    canonical.resource_drop(0);
    types.ty().core().function([], []);
    vec![
        raw(&ModuleSection(&Module::new())),
        raw(&core),
        raw(&canonical),
        raw(&types),
        raw(&CustomSection { name: "anything".into(), data: (&[]).into() }),
        Part::Raw(9, vec![0, 0, 0]),
        Part::Raw(42, vec![]),
        // An instance put together from no exports, an alias of an outer type, and one of a core instance's export.
        Part::Raw(5, vec![1, 1, 0]),
        Part::Raw(6, vec![1, 3, 2, 0, 0]),
        Part::Raw(6, vec![1, 0, 0, 1, 0, 1, b'x']),
        // A component's type, a resource of its own, an import that is a function, and one with an option.
        Part::Raw(7, vec![1, 0x41, 0]),
        Part::Raw(7, vec![1, 0x3f, 0x7f, 0]),
        Part::Raw(10, vec![1, 0, 1, b'f', 1, 0]),
        Part::Raw(10, vec![1, 2, 1, b'f', 1, 0, 1, b'x', 5, 0]),
        Part::Raw(12, vec![0]),
    ]
}
