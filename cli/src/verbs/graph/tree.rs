//! A graph for a terminal: each component once, below the first that calls it.

use std::collections::{BTreeMap, BTreeSet};

use writ_host::{Graph, Joined, Node, Refused};

use super::words;

/// A line of the tree, what goes on with it in its own column, and what is below it.
struct Row {
    mark: &'static str,
    name: String,
    lines: Vec<String>,
    below: Vec<Row>,
}

/// Draws it.
pub(super) fn draw(graph: &Graph) -> String {
    let mut text = format!("{}\n", words::title(graph));
    let mut drawing = Drawing::new(graph);
    for node in &graph.components {
        if !drawing.called.contains(node.name.as_str()) {
            let head = drawing.title(node);
            let rows = drawing.rows(node);
            text.push_str(&format!("\n{head}\n"));
            print(&mut text, "", &rows);
        }
    }
    text.push_str(&stores(graph));
    text.push_str("\n◀ is called by   ▶ calls   ✓ may   ○ has it, but may nothing with it yet   ✗ denied\n");
    text
}

struct Drawing<'a> {
    nodes: BTreeMap<&'a str, &'a Node>,
    links: BTreeMap<&'a str, Vec<&'a Joined>>,
    /// The components below which no others are roots: a link that holds leads to them.
    called: BTreeSet<&'a str>,
    drawn: BTreeSet<&'a str>,
}

impl<'a> Drawing<'a> {
    fn new(graph: &'a Graph) -> Self {
        let mut links: BTreeMap<&str, Vec<&Joined>> = BTreeMap::new();
        graph.links.iter().for_each(|link| links.entry(&link.from).or_default().push(link));
        Self {
            nodes: graph.components.iter().map(|node| (node.name.as_str(), node)).collect(),
            links,
            called: graph.links.iter().filter(|link| holds(link)).map(|link| link.to.as_str()).collect(),
            drawn: BTreeSet::new(),
        }
    }

    fn title(&self, node: &Node) -> String {
        words::line(&format!("{} ({}, revision {})", node.name, node.granted.component, node.granted.revision))
    }

    /// All that is known of a component. A manifest's links go at most 64 deep.
    fn rows(&mut self, node: &'a Node) -> Vec<Row> {
        self.drawn.insert(&node.name);
        let mut rows = Vec::new();
        for caller in &node.called_by {
            rows.push(row("◀", &caller.name, vec![words::called_for(caller)]));
        }
        let (callers, others): (Vec<_>, Vec<_>) = node.denied.iter().partition(|refused| refused.caller.is_some());
        rows.extend(callers.into_iter().map(denied));
        for (capability, documents) in &node.granted.grants {
            let mut lines = words::claims(documents);
            lines.extend(node.means.get(capability.as_str()).and_then(words::means));
            let mark = if words::is_nothing(documents) { "○" } else { "✓" };
            rows.push(row(mark, capability, lines));
        }
        rows.extend(others.into_iter().map(denied));
        for link in self.links.get(node.name.as_str()).cloned().unwrap_or_default() {
            rows.push(self.link(link));
        }
        rows
    }

    fn link(&mut self, link: &'a Joined) -> Row {
        let how = words::how(link).map(|how| format!(", {how}"));
        let over: String = std::iter::once(link.import.clone()).chain(how).collect();
        if !holds(link) {
            let mut lines = vec![words::line(&format!("{over} (line {})", link.line))];
            lines.extend(link.denied.iter().flat_map(|refused| self.why(refused)));
            return row("▶ ✗", &link.to, lines);
        }
        let over = words::line(&over);
        match self.nodes.get(link.to.as_str()).copied() {
            Some(callee) if !self.drawn.contains(link.to.as_str()) => {
                let below = self.rows(callee);
                Row { below, ..row("▶", &self.title(callee), vec![over]) }
            }
            _ => row("▶", &link.to, vec![format!("{over}; it is drawn above")]),
        }
    }

    /// What is wrong with a link: where documents could allow it, what they lack says it all.
    fn why(&self, refused: &Refused) -> Vec<String> {
        let mut lines = words::reasons(refused);
        if refused.lacking.is_empty() {
            lines.insert(0, words::line(&format!("{} {}", refused.component, refused.what)));
        }
        lines
    }
}

fn holds(link: &Joined) -> bool {
    link.denied.is_empty()
}

fn row(mark: &'static str, name: &str, lines: Vec<String>) -> Row {
    Row { mark, name: words::line(name), lines, below: Vec::new() }
}

fn denied(refused: &Refused) -> Row {
    let name = refused.capability.as_ref().or(refused.import.as_ref()).or(refused.caller.as_ref());
    let mark = if refused.caller.is_some() { "◀ ✗" } else { "✗" };
    let mut lines = vec![words::line(&refused.what)];
    lines.extend(words::reasons(refused));
    row(mark, name.unwrap_or(&refused.component), lines)
}

/// Which components share a store, where any of them call each other.
fn stores(graph: &Graph) -> String {
    if graph.stores.iter().all(|store| store.called.is_empty() && store.members.len() == 1) {
        return String::new();
    }
    let when = if graph.admitted { "each request has" } else { "were it admitted, each request would have" };
    let mut text = format!("\n{when} these stores:\n");
    for store in &graph.stores {
        let member = |member: &writ_host::Member| match member.instances {
            1 => member.name.clone(),
            many => format!("{} ×{many}", member.name),
        };
        let members: Vec<_> = store.members.iter().map(member).collect();
        let called = match store.called.is_empty() {
            true => String::new(),
            false => format!("   one for each link over {}", store.called.join(", ")),
        };
        text.push_str(&format!("  {}\n", words::line(&format!("{}{called}", members.join(" + ")))));
    }
    text
}

/// Writes rows below each other, their lines in one column.
fn print(text: &mut String, before: &str, rows: &[Row]) {
    let label = |row: &Row| format!("{} {}", row.mark, row.name);
    let width = rows.iter().map(|row| label(row).chars().count()).filter(|width| *width <= COLUMN).max().unwrap_or(0);
    for (number, row) in rows.iter().enumerate() {
        let is_last = number.saturating_add(1) == rows.len();
        let (branch, trunk) = if is_last { ("└─", "  ") } else { ("├─", "│ ") };
        let stem = if row.below.is_empty() { "  " } else { "  │" };
        let mut lines = row.lines.iter();
        let first = lines.next().map(String::as_str).unwrap_or_default();
        let head = format!("{before}{branch} {:width$}   {first}", label(row));
        text.push_str(head.trim_end());
        text.push('\n');
        for line in lines {
            let more = format!("{before}{trunk}{stem:<stem_width$}{line}", stem_width = width.saturating_add(4));
            text.push_str(more.trim_end());
            text.push('\n');
        }
        print(text, &format!("{before}{trunk}  "), &row.below);
    }
}

/// Characters up to which labels are filled, so that what follows them is in one column.
const COLUMN: usize = 32;
