//! From the manifest's links between components to edges: each import that is linked, and the export it leads to.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use writ_manifest::{Application, Link};
use writ_signing::defence::stands;

use super::middleware::is_handler;
use super::types::{Shape, Shapes};
use super::unreadable;
use crate::authorize::Candidate;
use crate::denial::About;
use crate::load::{Artifact, Export};
use crate::names::InterfaceName;
use crate::vocabulary::Vocabulary;
use crate::wasi::baseline::is_baseline;

/// A link from one component to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joint {
    /// The callee's place among the components.
    pub(crate) target: usize,
    /// The caller's place.
    pub(crate) source: usize,
    /// The line of the link in the manifest.
    pub(crate) line: u32,
    /// Whether the manifest says that its two ends are never fused.
    pub(crate) separate: bool,
    /// What it joins: at least one interface.
    pub(crate) interfaces: Vec<Join>,
}

impl Joint {
    /// The callee's exports that it joins, which tell how the callee is prepared: a handler is called as a trigger calls it.
    pub(crate) fn door(&self) -> Vec<String> {
        match self.is_in_front() {
            true => Vec::new(),
            false => self.interfaces.iter().map(|join| join.export.to_string()).collect(),
        }
    }

    /// Whether it puts the caller in front of the callee's HTTP handler. Then it joins nothing else: the interfaces of a link
    /// are of one package, and the others of that one are the host's.
    pub(crate) fn is_in_front(&self) -> bool {
        self.interfaces.iter().any(|join| is_handler(&join.import))
    }
}

/// One interface of a link, in the spelling of either end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Join {
    pub(crate) import: InterfaceName,
    pub(crate) export: InterfaceName,
}

/// What the links between the components of an application come to.
#[derive(Default)]
pub(crate) struct Joined {
    /// The links that hold, in the order of the manifest.
    pub(crate) joints: Vec<Joint>,
    /// What is wrong with the others.
    pub(crate) problems: Vec<Problem>,
    /// The imports that a link is for, whether it holds or not, by component.
    pub(crate) linked: BTreeSet<(usize, String)>,
    /// The imports that hold types alone, by component: nobody need serve them.
    pub(crate) types: BTreeSet<(usize, String)>,
    /// The components of which that cannot be known, for nobody can read their types, with the reason.
    pub(crate) unreadable: BTreeMap<usize, String>,
    /// The components, each after those that it calls.
    pub(crate) order: Vec<usize>,
}

/// A link that cannot be.
pub(crate) struct Problem {
    pub(crate) component: usize,
    pub(crate) about: About,
    pub(crate) what: String,
    pub(crate) hint: String,
}

impl Joined {
    /// The links from a component to others.
    pub(crate) fn of(&self, source: usize) -> impl Iterator<Item = &Joint> {
        self.joints.iter().filter(move |joint| joint.source == source)
    }

    /// The links to a component.
    pub(crate) fn to(&self, target: usize) -> impl Iterator<Item = &Joint> {
        self.joints.iter().filter(move |joint| joint.target == target)
    }

    /// The link that puts another component in front of this one's HTTP handler, if there is one.
    pub(crate) fn front(&self, target: usize) -> Option<&Joint> {
        self.to(target).find(|joint| joint.is_in_front())
    }

    /// Whether nothing but a link is to serve an import, or nobody.
    pub(crate) fn settles(&self, component: usize, import: &InterfaceName) -> bool {
        let key = (component, import.to_string());
        self.linked.contains(&key) || self.types.contains(&key)
    }

    /// The imports of a component that hold types alone.
    pub(crate) fn types_of(&self, component: usize) -> BTreeSet<String> {
        let of = |(other, import): &(usize, String)| (*other == component).then(|| import.clone());
        self.types.iter().filter_map(of).collect()
    }
}

/// Follows every link between components of the application.
pub(crate) fn join(candidates: &[Candidate<'_>], application: &Application, vocabulary: &Vocabulary) -> Joined {
    let numbered = candidates.iter().enumerate();
    let numbers: BTreeMap<&str, usize> =
        numbered.map(|(number, candidate)| (candidate.entry.name.as_str(), number)).collect();
    let mut joining = Joining {
        candidates,
        vocabulary,
        shapes: candidates.iter().map(|_| OnceCell::new()).collect(),
        taken: BTreeMap::new(),
        joined: Joined::default(),
    };
    for link in &application.links {
        let ends = numbers.get(link.source.as_str()).zip(numbers.get(link.target.as_str()));
        if let Some((source, target)) = ends {
            joining.link(link, *source, *target);
        }
    }
    joining.types();
    joining.order();
    joining.joined
}

struct Joining<'a> {
    candidates: &'a [Candidate<'a>],
    vocabulary: &'a Vocabulary,
    /// The types at each component's outside, read where they are needed, or why they cannot be.
    shapes: Vec<OnceCell<Result<Shapes, String>>>,
    /// The line of the link that an import was joined by, and where it leads.
    taken: BTreeMap<(usize, String), (u32, String)>,
    joined: Joined,
}

impl Joining<'_> {
    fn link(&mut self, link: &Link, source: usize, target: usize) {
        let mut interfaces = Vec::new();
        for interface in &link.interfaces {
            interfaces.extend(self.interface(link, interface, source, target));
        }
        if !interfaces.is_empty() {
            let (line, separate) = (link.at.line, link.isolation_separate);
            self.joined.joints.push(Joint { target, source, line, separate, interfaces });
        }
    }

    fn problem(&mut self, component: usize, about: About, what: String, hint: impl Into<String>) {
        self.joined.problems.push(Problem { component, about, what, hint: hint.into() });
    }

    /// Every import of that interface which the link's target exports on the same track of versions.
    fn interface(&mut self, link: &Link, interface: &str, source: usize, target: usize) -> Vec<Join> {
        let path = format!("{}:{}/{interface}", link.namespace, link.package);
        let about = || about(link, &path);
        let (imports, exports) = (self.imports(source, &path), self.exports(target, &path));
        let fitting: Vec<Join> = imports
            .iter()
            .filter_map(|import| {
                let export = exports.iter().find(|export| export.matches(import))?;
                Some(Join { import: import.clone(), export: export.clone() })
            })
            .collect();
        // Where none fits, the link is what is wrong; where one does, another track is an import that it is not for.
        let is_meant =
            |import: &&InterfaceName| fitting.is_empty() || fitting.iter().any(|join| join.import == **import);
        self.joined.linked.extend(imports.iter().filter(is_meant).map(|import| (source, import.to_string())));
        let told = format!("is linked to {} at line {} for {path}", link.target, link.at.line);
        if let Some(reason) = imports.iter().chain(&exports).find_map(|name| self.is_the_hosts(name)) {
            let hint = "link it to a capability, or leave the link out";
            self.problem(source, about(), format!("{told}, {reason}"), hint);
            return Vec::new();
        }
        if imports.is_empty() {
            self.problem(
                source,
                about(),
                format!("{told}, but imports no such interface"),
                "leave the link out, or link a component that imports it",
            );
            return Vec::new();
        }
        if exports.is_empty() {
            self.problem(
                source,
                about(),
                format!("{told}, but {} exports no such interface", link.target),
                "link it to a component that exports it",
            );
            return Vec::new();
        }
        if fitting.is_empty() {
            let what =
                format!("{told}, but imports {} and {} exports {}", listed(&imports), link.target, listed(&exports));
            self.problem(
                source,
                about(),
                what,
                "versions fit where their first number above zero is the same: build either end against the other's",
            );
        }
        fitting.into_iter().filter(|join| self.fits(link, join, (source, target), &told)).collect()
    }

    /// Whether nothing else is linked to the import, it passes plain data, and both ends mean the same by it.
    fn fits(&mut self, link: &Link, join: &Join, (source, target): (usize, usize), told: &str) -> bool {
        let key = (source, join.import.to_string());
        if let Some((line, first)) = self.taken.get(&key) {
            let what = format!(
                "imports {} once, and is linked for it to {first} at line {line} and to {} at line {}",
                join.import, link.target, link.at.line
            );
            self.problem(
                source,
                about(link, &join.import.unversioned()),
                what,
                "leave one of the links out: a link's `name` does not tell apart what a component imports once",
            );
            return false;
        }
        self.taken.insert(key, (link.at.line, link.target.clone()));
        // That one passes resources, whose types both ends have from the host: linking compares them.
        let found = if is_handler(&join.import) { Ok(()) } else { self.compare(join, source, target) };
        match found {
            Ok(()) => true,
            Err((what, hint)) => {
                self.problem(source, about(link, &join.import.unversioned()), format!("{told}, {what}"), hint);
                false
            }
        }
    }

    fn compare(&self, join: &Join, source: usize, target: usize) -> Result<(), (String, String)> {
        let unreadable = |number: usize| {
            let why = self.shapes(number).err().map(|why| format!(" {why}")).unwrap_or_default();
            (format!("but the types of {} cannot be read{why}", self.name(number)), "build it again".to_owned())
        };
        let import = self.shape(source, |shapes| shapes.import(&join.import.to_string()));
        let import = import.ok_or_else(|| unreadable(source))?;
        let export = self.shape(target, |shapes| shapes.export(&join.export.to_string()));
        let export = export.ok_or_else(|| unreadable(target))?;
        let resource = import.resource().or_else(|| export.resource());
        if let Some(resource) = resource.filter(|_| stands("links: plain data")) {
            return Err(passes_a_resource(resource));
        }
        match import.difference(export) {
            None => Ok(()),
            Some(difference) => Err((
                format!(
                    "but the two differ: {difference}: {} in {} of {}, {} in {} of {}",
                    difference.here,
                    join.import,
                    self.name(source),
                    difference.there,
                    join.export,
                    self.name(target)
                ),
                "build both against the same WIT".to_owned(),
            )),
        }
    }

    /// Why an interface is served by the host alone, if it is.
    fn is_the_hosts(&self, name: &InterfaceName) -> Option<String> {
        if is_baseline(name) {
            return Some("which every component has from the host".to_owned());
        }
        let capability = self.vocabulary.capability_of(name).filter(|_| !is_handler(name))?;
        Some(format!(
            "which stands for {capability}: this host joins no component to an interface that a capability stands for"
        ))
    }

    /// Finds the imports that hold types alone: an interface that uses another's types imports that one as well.
    fn types(&mut self) {
        for (number, candidate) in self.candidates.iter().enumerate() {
            for import in candidate.verified.artifact().imports() {
                let key = (number, import.to_string());
                let is_served = is_baseline(import) || self.vocabulary.capability_of(import).is_some();
                if is_served || self.joined.linked.contains(&key) {
                    continue;
                }
                if let Err(why) = self.shapes(number).map_err(str::to_owned) {
                    self.joined.unreadable.insert(number, why);
                } else if self.shape(number, |shapes| shapes.import(&key.1)).is_some_and(Shape::is_types_only) {
                    self.joined.types.insert(key);
                }
            }
        }
    }

    /// Puts every component after those that it calls. A text that has a circle was refused when it was parsed.
    fn order(&mut self) {
        let joints = &self.joined.joints;
        let mut waits: Vec<usize> = vec![0; self.candidates.len()];
        let mut callers: Vec<Vec<usize>> = vec![Vec::new(); self.candidates.len()];
        for joint in joints {
            if let (Some(waits), Some(callers)) = (waits.get_mut(joint.source), callers.get_mut(joint.target)) {
                *waits = waits.saturating_add(1);
                callers.push(joint.source);
            }
        }
        let free = waits.iter().enumerate().filter(|(_, waits)| **waits == 0).map(|(number, _)| number);
        let mut order: Vec<usize> = free.collect();
        let mut at = 0;
        while let Some(done) = order.get(at).copied() {
            at = at.saturating_add(1);
            for caller in callers.get(done).into_iter().flatten() {
                let Some(waits) = waits.get_mut(*caller) else { continue };
                *waits = waits.saturating_sub(1);
                if *waits == 0 {
                    order.push(*caller);
                }
            }
        }
        let in_a_circle = waits.iter().position(|waits| *waits > 0);
        self.joined.order = order;
        if let Some(component) = in_a_circle {
            let hint = "a component cannot wait for itself";
            self.problem(component, About::Itself, "is linked in a circle".to_owned(), hint);
        }
    }

    fn name(&self, number: usize) -> String {
        self.candidates.get(number).map(|candidate| candidate.entry.name.clone()).unwrap_or_default()
    }

    fn artifact(&self, number: usize) -> Option<&Artifact> {
        self.candidates.get(number).map(|candidate| candidate.verified.artifact())
    }

    fn imports(&self, number: usize, path: &str) -> Vec<InterfaceName> {
        let imports = self.artifact(number).map(Artifact::imports).unwrap_or_default();
        imports.iter().filter(|name| name.unversioned() == path).cloned().collect()
    }

    fn exports(&self, number: usize, path: &str) -> Vec<InterfaceName> {
        let exports = self.artifact(number).map(Artifact::exports).unwrap_or_default();
        let named = |export: &Export| match export {
            Export::Interface(name) if name.unversioned() == path => Some(name.clone()),
            _ => None,
        };
        exports.iter().filter_map(named).collect()
    }

    fn shape<'s>(&'s self, number: usize, find: impl FnOnce(&'s Shapes) -> Option<Shape<'s>>) -> Option<Shape<'s>> {
        self.shapes(number).ok().and_then(find)
    }

    /// The types at a component's outside, or why they cannot be read.
    fn shapes(&self, number: usize) -> Result<&Shapes, &str> {
        let bytes = self.artifact(number).map(|artifact| artifact.bytes().as_ref()).unwrap_or_default();
        let Some(shapes) = self.shapes.get(number) else { return Err("") };
        let read = || Shapes::of(bytes).map_err(|error| unreadable::why(bytes, &error));
        shapes.get_or_init(read).as_ref().map_err(String::as_str)
    }
}

fn about(link: &Link, path: &str) -> About {
    About::Link { to: link.target.clone(), interface: path.to_owned(), line: link.at.line }
}

/// What is said of an interface that passes more than plain data, however its link would be made.
pub(crate) fn passes_a_resource(resource: &str) -> (String, String) {
    (
        format!("which passes a resource (`{resource}`): between components only plain data goes"),
        "pass what the resource stands for, such as a name or a number".to_owned(),
    )
}

fn listed(names: &[InterfaceName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
