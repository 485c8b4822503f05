//! Applications of several components that call each other over links: the guests `hop-leaf`, `hop-step` and `hop-fork`,
//! signed under names and claims of their own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::files::{Scratch, unsigned_guest};
use crate::{Home, Mint, Up};

/// How the links are written. Every expectation holds for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `isolation: separate`.
    Separate,
    /// As the host decides.
    Free,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 2] = [Self::Separate, Self::Free];
}

/// What an application is made of.
pub struct Topology {
    nodes: Vec<Node>,
    mints: Vec<Mint>,
    form: Form,
    /// Whether each is given variables of its own.
    variables: bool,
}

struct Node {
    name: &'static str,
    wasm: Vec<u8>,
    account: usize,
    /// The interfaces of a link, and the component that it leads to.
    links: Vec<(&'static str, &'static str)>,
    /// Another manifest component with the same file.
    like: Option<&'static str>,
    claims: BTreeMap<String, Value>,
    limits: BTreeMap<String, Value>,
}

impl Topology {
    /// Of one account, and without any component yet. The first that is added is called for `/`.
    #[must_use]
    pub fn new(form: Form) -> Self {
        Self { nodes: Vec::new(), mints: vec![Mint::new(), Mint::new()], form, variables: false }
    }

    /// A component that calls nobody.
    #[must_use]
    pub fn leaf(self, name: &'static str) -> Self {
        self.node(name, "hop-leaf", vec![])
    }

    /// A component whose every turn leads to another.
    #[must_use]
    pub fn step(self, name: &'static str, to: &'static str) -> Self {
        self.node(name, "hop-step", vec![("left", to)])
    }

    /// A component that goes left and right.
    #[must_use]
    pub fn fork(self, name: &'static str, left: &'static str, right: &'static str) -> Self {
        self.node(name, "hop-fork", vec![("left", left), ("right", right)])
    }

    fn node(self, name: &'static str, guest: &str, links: Vec<(&'static str, &'static str)>) -> Self {
        let wasm = std::fs::read(unsigned_guest(&format!("{guest}.wasm"))).expect("it was built");
        self.component(name, wasm, links)
    }

    /// Any component. A link is of one interface, or of several: `left, right`.
    #[must_use]
    pub fn component(mut self, name: &'static str, wasm: Vec<u8>, links: Vec<(&'static str, &'static str)>) -> Self {
        self.nodes.push(Node {
            name,
            wasm,
            account: 0,
            links,
            like: None,
            claims: BTreeMap::new(),
            limits: BTreeMap::new(),
        });
        self
    }

    /// The one added last has the file of another, claims included, and is linked for itself.
    #[must_use]
    pub fn like(mut self, other: &'static str) -> Self {
        self.last().like = Some(other);
        self
    }

    /// The one added last is another account's.
    #[must_use]
    pub fn elsewhere(mut self) -> Self {
        self.last().account = 1;
        self
    }

    /// The bytes of the one added last, changed.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Self {
        let node = self.last();
        node.wasm = change(std::mem::take(&mut node.wasm));
        self
    }

    /// A claim of the one added last, in place of what would be claimed for it.
    #[must_use]
    pub fn claiming(mut self, capability: &str, claim: Value) -> Self {
        self.last().claims.insert(capability.to_owned(), claim);
        self
    }

    /// How long a call of the one added last may take.
    #[must_use]
    pub fn within(mut self, time: &str) -> Self {
        self.last().limits.insert("time".to_owned(), time.into());
        self
    }

    /// How much memory an instance of the one added last may have.
    #[must_use]
    pub fn holding(mut self, memory: &str) -> Self {
        self.last().limits.insert("memory".to_owned(), memory.into());
        self
    }

    /// Each is given the variable `WHO`, which is its name, and another one that nobody else has.
    #[must_use]
    pub fn with_variables(mut self) -> Self {
        self.variables = true;
        self
    }

    fn last(&mut self) -> &mut Node {
        self.nodes.last_mut().expect("a component was added")
    }

    /// The names of its components.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.nodes.iter().map(|node| node.name)
    }

    /// The name that a manifest component was signed under.
    #[must_use]
    pub fn signed(&self, name: &str) -> &'static str {
        let node = self.node_of(name);
        node.like.unwrap_or(node.name)
    }

    /// What a manifest component is given of variables, in the order of their names.
    #[must_use]
    pub fn variables(&self, name: &str) -> [(String, String); 2] {
        [(format!("OF_{}", self.signed(name)), name.to_owned()), ("WHO".to_owned(), name.to_owned())]
    }

    /// Whether a component that another calls runs in the store of that one: both are of one account, and the link is of one
    /// interface. Limits of time are another matter.
    #[must_use]
    pub fn is_fused(&self, one: &str, other: &str) -> bool {
        let (caller, callee) = (self.node_of(one), self.node_of(other));
        let several = caller.links.iter().any(|(interfaces, target)| *target == other && interfaces.contains(','));
        self.form == Form::Free && caller.account == callee.account && !several
    }

    /// The manifest component that a turn leads to.
    #[must_use]
    pub fn after(&self, name: &str, turn: &str) -> &'static str {
        let node = self.node_of(name);
        let link = node.links.iter().find(|(interfaces, _)| each(interfaces).any(|one| one == turn));
        let link = link.or(node.links.first());
        link.map(|(_, target)| *target).expect("a link")
    }

    fn node_of(&self, name: &str) -> &Node {
        self.nodes.iter().find(|node| node.name == name).expect("a component of that name")
    }

    /// What a component claims: what is its own, and its links.
    fn claims(&self, node: &Node) -> BTreeMap<String, Value> {
        let name = node.name;
        let named = |other: &Node| match other.account == node.account {
            true => self.signed(other.name).to_owned(),
            false => format!("{}/{}", self.mints[other.account].account(), self.signed(other.name)),
        };
        let entry = |interface: &str, component: String| {
            let [namespace, package] = package(interface);
            json!({ "interface": format!("{namespace}:{package}/{interface}@0.1.0"), "component": component })
        };
        let same = |other: &&Node| other.name == name || other.like == Some(name);
        let (mut call, mut serve) = (Vec::new(), Vec::new());
        for (interfaces, target) in self.nodes.iter().filter(same).flat_map(|node| &node.links) {
            call.extend(each(interfaces).map(|interface| entry(interface, named(self.node_of(target)))));
        }
        for caller in &self.nodes {
            for (interfaces, target) in &caller.links {
                if *target == name || self.node_of(target).like == Some(name) {
                    serve.extend(each(interfaces).map(|interface| entry(interface, named(caller))));
                }
            }
        }
        let mut claims = BTreeMap::from([
            ("http-server".to_owned(), json!({ "hosts": "any", "paths": ["/"] })),
            ("keyvalue".to_owned(), json!({ "bucket": name })),
            ("messaging".to_owned(), json!({ "publish": [format!("{name}.>")] })),
            ("logging".to_owned(), json!({ "level": "info" })),
            ("http-client".to_owned(), json!({ "hosts": [format!("{name}.example")] })),
            ("call".to_owned(), Value::from(call)),
            ("serve".to_owned(), Value::from(serve)),
        ]);
        if self.variables {
            let names = self.variables(name).map(|(variable, _)| variable);
            claims.insert("environment".to_owned(), json!({ "names": names }));
        }
        claims.extend(node.claims.clone());
        claims
    }

    /// Signs every component and writes the manifest; who signed is trusted.
    ///
    /// # Panics
    /// When something cannot be written.
    #[track_caller]
    pub fn written(&self, home: &Home, scratch: &Scratch) -> PathBuf {
        for mint in &self.mints {
            home.writ(&["trust", "add", &mint.operator(), "--any"]).succeeded();
        }
        for node in self.nodes.iter().filter(|node| node.like.is_none()) {
            let signed = self.mints[node.account].sign_as(node.name, &self.claims(node), &node.limits, &node.wasm);
            scratch.write(&format!("{}.wasm", node.name), signed);
        }
        scratch.write("app.yaml", self.manifest())
    }

    /// What `writ graph` says of it.
    ///
    /// # Panics
    /// When it is not admitted.
    #[track_caller]
    #[must_use]
    pub fn graph(&self, home: &Home, scratch: &Scratch) -> Value {
        let (manifest, data) = (self.written(home, scratch), scratch.data());
        let [manifest, data] = [&manifest, &data].map(|path| path.to_str().expect("a plain path"));
        let drawn = home.writ(&["graph", manifest, "--format", "json", "--data", data]).succeeded().stdout;
        serde_json::from_str(&drawn).expect("JSON")
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it ends instead.
    #[track_caller]
    pub fn start(&self, home: &Home, scratch: &Scratch) -> Up {
        let manifest = self.written(home, scratch);
        let args = ["--log-format", "json", "--audit-uses"];
        Up::start_with(home, &manifest, &scratch.data(), &args)
    }

    /// The manifest; each link has a trait of its own.
    fn manifest(&self) -> String {
        let mut text = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: { name: hops, annotations: { version: v0.1.0 } }\nspec:\n  components:\n".to_owned();
        let isolation = if self.form == Form::Separate { ", isolation: separate" } else { "" };
        for node in &self.nodes {
            let (name, image) = (node.name, self.signed(node.name));
            let _ = writeln!(
                text,
                "    - name: {name}\n      type: component\n      properties: {{ image: {image}.wasm }}"
            );
            let none = node.links.is_empty() && !self.variables;
            let _ = write!(text, "      traits:{}", if none { " []\n" } else { "\n" });
            for (interfaces, target) in &node.links {
                let [namespace, package] = package(interfaces);
                let _ = writeln!(
                    text,
                    "        - {{ type: link, properties: {{ target: {{ name: {target} }}, namespace: {namespace}, package: {package}, interfaces: [{interfaces}]{isolation} }} }}"
                );
            }
            if self.variables {
                let given = self.variables(name).map(|(variable, value)| format!("{variable}: {value}")).join(", ");
                let _ = writeln!(
                    text,
                    "        - {{ type: link, properties: {{ target: {{ name: variables, config: [{{ name: of-{name}, properties: {{ {given} }} }}] }}, namespace: wasi, package: cli, interfaces: [environment] }} }}"
                );
            }
        }
        if self.variables {
            text.push_str(
                "    - { name: variables, type: capability, properties: { image: \"builtin:environment\" } }\n",
            );
        }
        let first = self.nodes[0].name;
        let _ = writeln!(
            text,
            "    - name: web\n      type: capability\n      properties: {{ image: \"builtin:http-server\" }}\n      traits:\n        - type: link\n          properties:\n            target: {{ name: {first} }}\n            namespace: wasi\n            package: http\n            interfaces: [incoming-handler]\n            source: {{ config: [{{ name: route, properties: {{ address: \"127.0.0.1:8080\", path: / }} }}] }}"
        );
        text
    }
}

/// The interfaces of a link.
fn each(interfaces: &'static str) -> impl Iterator<Item = &'static str> {
    interfaces.split(", ")
}

/// Where an interface is from.
fn package(interface: &str) -> [&'static str; 2] {
    if interface == "echo" { ["test", "conformance"] } else { ["demo", "hops"] }
}

/// What came of a way: for each component on it who called it, without keys, how often, and what it did at the end.
///
/// # Panics
/// When the answer is no list of reports.
#[track_caller]
#[must_use]
pub fn steps(up: &Up, query: &str) -> Vec<(String, u64, String)> {
    let answer = up.get(&format!("/?{query}"));
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    let reports = answer.json();
    let step = |report: &Value| {
        let caller = report["caller"].as_str().unwrap_or("nobody").split(' ').next().unwrap_or_default();
        let caller = caller.rsplit('/').next().unwrap_or_default().to_owned();
        (caller, report["calls"].as_u64().unwrap_or(0), report["outcome"].as_str().unwrap_or("").to_owned())
    };
    reports.as_array().expect("a list of reports").iter().map(step).collect()
}
