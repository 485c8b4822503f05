//! Applications whose components stand in front of each other's HTTP handlers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::files::{Scratch, unsigned_guest};
use crate::{Home, Mint, Up};

/// Components, each in front of the next. The first is called for `/`.
pub struct Stack {
    nodes: Vec<Node>,
    /// The components that have a route.
    routes: Vec<&'static str>,
    /// How long a call of any of them may take.
    time: &'static str,
}

struct Node {
    name: &'static str,
    guest: &'static str,
    links: Vec<&'static str>,
    config: &'static str,
    claims: BTreeMap<String, Value>,
    /// Until when its token is valid, in unix seconds; the mint's own time without.
    exp: Option<u64>,
    /// How long a call of it may take; as of any of them without.
    time: Option<&'static str>,
}

impl Stack {
    /// Each in front of the one after it: names, and what they are built from.
    #[must_use]
    pub fn of(nodes: &[(&'static str, &'static str)]) -> Self {
        let behind = |at: usize| nodes.get(at + 1).map(|(name, _)| *name);
        let node = |(at, (name, guest)): (usize, &(&'static str, &'static str))| Node {
            name,
            guest,
            links: behind(at).into_iter().collect(),
            config: "",
            claims: BTreeMap::new(),
            exp: None,
            time: None,
        };
        Self { nodes: nodes.iter().enumerate().map(node).collect(), routes: vec![nodes[0].0], time: "2s" }
    }

    fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.iter_mut().find(|node| node.name == name).expect("a component of that name")
    }

    /// Settings of a component.
    #[must_use]
    pub fn with_config(mut self, name: &str, config: &'static str) -> Self {
        self.node(name).config = config;
        self
    }

    /// A claim of a component, in place of what would be claimed for it.
    #[must_use]
    pub fn claiming(mut self, name: &str, capability: &str, claim: Value) -> Self {
        self.node(name).claims.insert(capability.to_owned(), claim);
        self
    }

    /// How long a call of any of them may take: two seconds without.
    #[must_use]
    pub fn within(mut self, time: &'static str) -> Self {
        self.time = time;
        self
    }

    /// How long a call of one component may take.
    #[must_use]
    pub fn limited(mut self, name: &str, time: &'static str) -> Self {
        self.node(name).time = Some(time);
        self
    }

    /// A component whose token is valid until then, in unix seconds.
    #[must_use]
    pub fn expiring(mut self, name: &str, exp: u64) -> Self {
        self.node(name).exp = Some(exp);
        self
    }

    /// One link more.
    #[must_use]
    pub fn linked(mut self, name: &str, to: &'static str) -> Self {
        self.node(name).links.push(to);
        self
    }

    /// A component without its links.
    #[must_use]
    pub fn alone(mut self, name: &str) -> Self {
        self.node(name).links.clear();
        self
    }

    /// A component with a route of its own.
    #[must_use]
    pub fn routed(mut self, name: &'static str) -> Self {
        self.routes.push(name);
        self
    }

    /// Signs every component and writes the manifest; who signed is trusted.
    ///
    /// # Panics
    /// When something cannot be written.
    #[track_caller]
    pub fn written(&self, home: &Home, scratch: &Scratch) -> PathBuf {
        let mut mint = Mint::new();
        let exp = mint.exp;
        home.writ(&["trust", "add", &mint.operator(), "--any"]).succeeded();
        for node in &self.nodes {
            let time = node.time.unwrap_or(self.time);
            let limits = BTreeMap::from([("time".to_owned(), json!(time)), ("memory".to_owned(), json!("32MiB"))]);
            let wasm = std::fs::read(unsigned_guest(&format!("{}.wasm", node.guest))).expect("it was built");
            let handler = "wasi:http/incoming-handler@0.2.12";
            let mut claims = BTreeMap::from([
                ("http-server".to_owned(), json!({ "hosts": "any", "paths": ["/"] })),
                ("call".to_owned(), json!({ "interface": handler, "component": "any" })),
                ("serve".to_owned(), json!({ "interface": handler, "account": "self" })),
                ("config".to_owned(), json!({ "keys": ["token", "requests", "seconds"] })),
                ("logging".to_owned(), json!({ "level": "info" })),
                ("messaging".to_owned(), json!({ "publish": [format!("{}.>", node.name)] })),
                ("http-client".to_owned(), json!({ "hosts": [format!("{}.example", node.name)] })),
            ]);
            let bucket = if node.guest == "front-rate" { "requests" } else { node.name };
            claims.insert("keyvalue".to_owned(), json!({ "bucket": bucket }));
            claims.extend(node.claims.clone());
            mint.exp = node.exp.unwrap_or(exp);
            scratch.write(&format!("{}.wasm", node.name), mint.sign_as(node.name, &claims, &limits, &wasm));
        }
        scratch.write("app.yaml", self.manifest())
    }

    fn manifest(&self) -> String {
        let mut text = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: { name: front, annotations: { version: v0.1.0 } }\nspec:\n  components:\n".to_owned();
        let link = "namespace: wasi, package: http, interfaces: [incoming-handler]";
        for Node { name, links, config, .. } in &self.nodes {
            let config = match *config {
                "" => String::new(),
                config => format!(", config: [{{ name: {name}, properties: {{ {config} }} }}]"),
            };
            let _ = writeln!(
                text,
                "    - name: {name}\n      type: component\n      properties: {{ image: {name}.wasm{config} }}"
            );
            let _ = writeln!(text, "      traits:{}", if links.is_empty() { " []" } else { "" });
            for to in links {
                let _ =
                    writeln!(text, "        - {{ type: link, properties: {{ target: {{ name: {to} }}, {link} }} }}");
            }
        }
        text.push_str("    - name: web\n      type: capability\n      properties: { image: \"builtin:http-server\" }\n      traits:\n");
        for (at, name) in self.routes.iter().enumerate() {
            let path = if at == 0 { "/".to_owned() } else { format!("/{name}") };
            let _ = writeln!(
                text,
                "        - {{ type: link, properties: {{ name: {name}, target: {{ name: {name} }}, {link}, source: {{ config: [{{ name: to-{name}, properties: {{ address: \"127.0.0.1:8080\", path: {path} }} }}] }} }} }}"
            );
        }
        text
    }

    /// Starts it, with its log in JSON and these further arguments.
    ///
    /// # Panics
    /// When it ends instead.
    #[track_caller]
    #[must_use]
    pub fn start(&self, args: &[&str]) -> (Up, Scratch, Home) {
        let (home, scratch) = (Home::new(), Scratch::new());
        let manifest = self.written(&home, &scratch);
        let up = Up::start_with(&home, &manifest, &scratch.data(), &[&["--log-format", "json"], args].concat());
        (up, scratch, home)
    }

    /// What is said of it where it does not start.
    ///
    /// # Panics
    /// When it would start.
    #[track_caller]
    #[must_use]
    pub fn refused(&self) -> String {
        let (home, scratch) = (Home::new(), Scratch::new());
        let manifest = self.written(&home, &scratch);
        scratch.scrub(&home.writ(&["up", manifest.to_str().expect("a plain path"), "--check"]).refused())
    }
}
