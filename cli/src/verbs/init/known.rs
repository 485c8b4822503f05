//! Which capability stands for which interfaces, and what may be claimed of it.

/// A capability that components may claim, whether a provider serves it yet or not.
pub(super) struct Known {
    pub(super) name: &'static str,
    /// What components import for it: a package, or one interface of a package.
    imports: &'static [&'static str],
    /// What components export to be called through it.
    exports: &'static [&'static str],
    /// An entry of a claim, as an example.
    pub(super) example: &'static str,
}

impl Known {
    /// Whether a component that imports this needs the capability.
    pub(super) fn imports(&self, interface: &str) -> bool {
        !is_baseline(interface) && self.imports.iter().any(|known| covers(known, interface))
    }

    /// Whether a component that exports this is called through the capability.
    pub(super) fn exports(&self, interface: &str) -> bool {
        self.exports.iter().any(|known| covers(known, interface))
    }
}

/// Whether an interface is nobody's capability and so joined by links between components.
pub(super) fn is_for_links(interface: &str) -> bool {
    let known = KNOWN.iter().any(|known| known.imports(interface) || known.exports(interface));
    // A name without a package is one item, not an interface that a link could join.
    interface.contains('/') && !known && !is_baseline(interface)
}

/// What every component gets without a claim, and `wasi:cli/run`, which only the host's owner calls.
fn is_baseline(interface: &str) -> bool {
    BASELINE.iter().any(|known| covers(known, interface))
}

/// Whether `known`, a package or an interface without a version, is or contains the interface.
fn covers(known: &str, interface: &str) -> bool {
    let name = interface.split('@').next().unwrap_or(interface);
    name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || (rest.starts_with('/') && !known.contains('/')))
}

pub(super) const KNOWN: &[Known] = &[
    Known {
        name: "keyvalue",
        imports: &["wasi:keyvalue"],
        exports: &[],
        example: "[{ bucket: NAME, prefix: TEXT, verbs: [read, list, write, increment], size: 64KiB, rate: 200/s }]",
    },
    Known { name: "logging", imports: &["wasi:logging"], exports: &[], example: "{ level: info, rate: 200/s }" },
    Known { name: "config", imports: &["wasi:config"], exports: &[], example: "{ keys: [NAME] }" },
    Known {
        name: "messaging",
        imports: &["wasmcloud:messaging"],
        exports: &["wasmcloud:messaging/handler"],
        example: "{ publish: [\"orders.*\"], subscribe: [\"orders.>\"] }",
    },
    Known {
        name: "http-server",
        imports: &[],
        exports: &["wasi:http/incoming-handler"],
        example: "{ hosts: any, paths: [/orders] }",
    },
    Known {
        name: "http-client",
        imports: &["wasi:http/outgoing-handler"],
        exports: &[],
        example: "{ hosts: [api.example.com], methods: [GET] }",
    },
    Known { name: "blobstore", imports: &["wasi:blobstore"], exports: &[], example: "[]" },
    Known { name: "secrets", imports: &["wasmcloud:secrets"], exports: &[], example: "[]" },
];

const BASELINE: &[&str] = &[
    "wasi:io",
    "wasi:cli",
    "wasi:clocks",
    "wasi:random",
    "wasi:filesystem",
    "wasi:sockets",
    "wasi:http/types",
    "wasmcloud:messaging/types",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_interfaces() {
        for (known, interface, expected) in [
            ("wasi:io", "wasi:io/poll@0.2.0", true),
            ("wasi:io", "wasi:iota/poll@0.2.0", false),
            ("wasi:http/types", "wasi:http/types@0.2.3", true),
            ("wasi:http/types", "wasi:http/types2", false),
            ("wasi:http/types", "wasi:http/types/nested", false),
            ("wasi:logging", "wasi:logging/logging", true),
        ] {
            assert_eq!(covers(known, interface), expected, "{known} {interface}");
        }
        assert!(is_for_links("demo:pricing/price@0.1.0"));
        assert!(!is_for_links("price") && !is_for_links("wasi:io/poll") && !is_for_links("wasi:http/incoming-handler"));
    }
}
