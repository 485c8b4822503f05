//! A graph as points and arrows, which Graphviz and Mermaid draw alike.

use std::collections::BTreeMap;

use writ_host::{Graph, Joined, Node, Refused};

use super::words;

/// Points, and arrows between them, by number.
pub(super) struct Picture {
    pub(super) title: String,
    pub(super) points: Vec<Point>,
    pub(super) arrows: Vec<Arrow>,
    /// The points that share a store and are in no other.
    pub(super) groups: Vec<Vec<usize>>,
}

/// What a point stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Component,
    /// A component that has something denied.
    Refused,
    Capability,
}

pub(super) struct Point {
    pub(super) kind: Kind,
    pub(super) lines: Vec<String>,
}

/// What an arrow stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// What may be used.
    Use,
    /// What calls.
    Call,
    Denied,
}

pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) way: Way,
    pub(super) lines: Vec<String>,
}

impl Picture {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut making = Making::default();
        for node in &graph.components {
            making.component(node);
        }
        for (number, node) in graph.components.iter().enumerate() {
            making.surroundings(number, node);
        }
        graph.links.iter().for_each(|link| making.link(link));
        let groups = making.groups(graph);
        let Making { points, arrows, .. } = making;
        Self { title: words::title(graph), points, arrows, groups }
    }
}

#[derive(Default)]
struct Making<'a> {
    points: Vec<Point>,
    arrows: Vec<Arrow>,
    /// The components' points, by name in the manifest.
    components: BTreeMap<&'a str, usize>,
    /// The capabilities' points, by name and image.
    capabilities: BTreeMap<(&'a str, Option<&'a str>), usize>,
    /// What calls from outside, by name in the manifest.
    callers: BTreeMap<&'a str, usize>,
}

impl<'a> Making<'a> {
    fn point(&mut self, kind: Kind, lines: Vec<String>) -> usize {
        self.points.push(Point { kind, lines });
        self.points.len().saturating_sub(1)
    }

    fn component(&mut self, node: &'a Node) {
        let mut lines = vec![words::line(&node.name), words::line(&node.granted.component)];
        for refused in node.denied.iter().filter(|refused| is_its_own(refused)) {
            lines.push(words::line(&format!("✗ {}", refused.what)));
            lines.extend(words::reasons(refused));
        }
        let kind = if node.denied.is_empty() { Kind::Component } else { Kind::Refused };
        let point = self.point(kind, lines);
        self.components.insert(&node.name, point);
    }

    fn capability(&mut self, name: &'a str, image: Option<&'a str>) -> usize {
        if let Some(point) = self.capabilities.get(&(name, image)) {
            return *point;
        }
        let lines = std::iter::once(name).chain(image).map(words::line).collect();
        let point = self.point(Kind::Capability, lines);
        self.capabilities.insert((name, image), point);
        point
    }

    /// What a component may use, what it may not, and what calls it from outside.
    fn surroundings(&mut self, component: usize, node: &'a Node) {
        for caller in &node.called_by {
            let from = self.capability(caller.capability, caller.image.as_deref());
            self.callers.insert(&caller.name, from);
            let lines = vec![words::called_for(caller)];
            self.arrows.push(Arrow { from, to: component, way: Way::Call, lines });
        }
        for (name, documents) in &node.granted.grants {
            let Some(means) = node.means.get(name.as_str()).filter(|means| reaches(means)) else { continue };
            let to = self.capability(name, means.image.as_deref());
            let mut lines = words::claims(documents);
            lines.extend(words::means(means));
            self.arrows.push(Arrow { from: component, to, way: Way::Use, lines });
        }
        for refused in &node.denied {
            self.denied(component, refused);
        }
    }

    fn denied(&mut self, component: usize, refused: &'a Refused) {
        let mut lines = vec![format!("✗ {}", words::line(&refused.what))];
        lines.extend(words::reasons(refused));
        if let Some(name) = refused.caller.as_deref() {
            let from = self.callers.get(name).copied();
            let from = from.unwrap_or_else(|| self.capability(name, None));
            self.arrows.push(Arrow { from, to: component, way: Way::Denied, lines });
        } else if let Some(name) = refused.capability.as_deref().or(refused.import.as_deref()) {
            let to = self.capability(name, None);
            self.arrows.push(Arrow { from: component, to, way: Way::Denied, lines });
        }
    }

    fn link(&mut self, link: &'a Joined) {
        let ends = self.components.get(link.from.as_str()).zip(self.components.get(link.to.as_str()));
        let Some((from, to)) = ends.map(|(from, to)| (*from, *to)) else { return };
        let mut lines = vec![words::line(&link.import)];
        lines.extend(words::how(link).map(str::to_owned));
        for refused in &link.denied {
            lines.push(words::line(&format!("✗ {} {}", refused.component, refused.what)));
            lines.extend(words::reasons(refused));
        }
        let way = if link.denied.is_empty() { Way::Call } else { Way::Denied };
        self.arrows.push(Arrow { from, to, way, lines });
    }

    /// The stores of several components. A component that is in two of them is drawn in none.
    fn groups(&self, graph: &Graph) -> Vec<Vec<usize>> {
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for member in graph.stores.iter().flat_map(|store| &store.members) {
            let count = count.entry(&member.name).or_default();
            *count = count.saturating_add(1);
        }
        let point = |member: &writ_host::Member| {
            let once = count.get(member.name.as_str()) == Some(&1);
            self.components.get(member.name.as_str()).copied().filter(|_| once)
        };
        let groups = graph.stores.iter().filter(|store| store.members.len() > 1);
        groups.filter_map(|store| store.members.iter().map(point).collect()).collect()
    }
}

/// Whether it is said at the component alone.
fn is_its_own(refused: &Refused) -> bool {
    refused.capability.is_none() && refused.import.is_none() && refused.caller.is_none()
}

/// Whether a component reaches a capability, and not only the other way.
fn reaches(means: &writ_host::Means) -> bool {
    !means.imports.is_empty() || !means.given.is_empty() || means.image.is_some()
}
