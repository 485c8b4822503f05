//! Applications of one component.

use std::fmt;
use std::path::Path;

/// An application of one component, written down by `to_string`.
#[derive(Debug, Clone)]
pub struct Manifest<'a> {
    /// The name of the application and of its component.
    pub name: &'a str,
    /// The component's file.
    pub image: &'a Path,
    /// The route to it; none without.
    pub path: Option<&'a str>,
    /// What it subscribes to; nothing without.
    pub subscriptions: Option<&'a str>,
    /// Its settings.
    pub config: &'a [(&'a str, &'a str)],
}

impl<'a> Manifest<'a> {
    /// A component that serves HTTP below `/`.
    #[must_use]
    pub fn new(name: &'a str, image: &'a Path) -> Self {
        Self { name, image, path: Some("/"), subscriptions: None, config: &[] }
    }
}

impl fmt::Display for Manifest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, image, path, subscriptions, config } = self;
        let image = image.display();
        write!(
            f,
            "apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{ name: {name}, annotations: {{ version: v0.1.0 }} }}
spec:
  components:
    - name: {name}
      type: component
      properties:
        image: \"file://{image}\"
"
        )?;
        if !config.is_empty() {
            let properties: Vec<_> = config.iter().map(|(key, value)| format!("{key}: \"{value}\"")).collect();
            let properties = properties.join(", ");
            writeln!(f, "        config: [{{ name: settings, properties: {{ {properties} }} }}]")?;
        }
        if let Some(path) = path {
            let route = format!("address: \"127.0.0.1:8080\", path: {path}");
            link(f, "builtin:http-server", name, ["wasi", "http", "incoming-handler"], &route)?;
        }
        if let Some(subjects) = subscriptions {
            let subjects = format!("subscriptions: \"{subjects}\"");
            link(f, "builtin:messaging", name, ["wasmcloud", "messaging", "handler"], &subjects)?;
        }
        Ok(())
    }
}

fn link(f: &mut fmt::Formatter<'_>, image: &str, target: &str, called: [&str; 3], source: &str) -> fmt::Result {
    let [namespace, package, interface] = called;
    let name = image.replace(':', "-");
    write!(
        f,
        "    - name: {name}
      type: capability
      properties: {{ image: \"{image}\" }}
      traits:
        - type: link
          properties:
            target: {{ name: {target} }}
            namespace: {namespace}
            package: {package}
            interfaces: [{interface}]
            source: {{ config: [{{ name: {name}, properties: {{ {source} }} }}] }}
"
    )
}
