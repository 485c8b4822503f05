//! Who may depend on whom. What a package is follows from its folder.

use std::path::Path;

use crate::workspace::{Dependency, Package};

/// One finding for each arrow that may not be, and for each package nobody thought of.
pub(crate) fn check(root: &Path, packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        let folder = package.manifest_path.parent().unwrap_or(root);
        let Some(layer) = Layer::of(root, folder) else {
            findings.push(format!("{} is in no known folder: say in xtask what it may depend on", package.name));
            continue;
        };
        let wrong = package.dependencies.iter().filter_map(|dependency| layer.refuse(root, dependency));
        findings.extend(wrong.map(|reason| format!("{} {reason}", package.name)));
    }
    findings
}

/// What a package is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Signing,
    Manifest,
    /// `providers/api`, all that an author of a provider needs.
    Contract,
    /// One capability.
    Provider,
    /// What a reader takes for an example of their own: a provider that knows the contract alone.
    Example,
    Host,
    Cli,
    Tests,
    Benches,
    Xtask,
}

impl Layer {
    fn of(root: &Path, folder: &Path) -> Option<Layer> {
        let parts: Vec<_> = folder.strip_prefix(root).ok()?.iter().map(|part| part.to_str()).collect();
        Some(match parts.as_slice() {
            [Some("signing")] => Layer::Signing,
            [Some("manifest")] => Layer::Manifest,
            [Some("providers"), Some("api")] => Layer::Contract,
            [Some("providers"), _] => Layer::Provider,
            [Some("docs"), Some("examples"), _] => Layer::Example,
            [Some("host")] => Layer::Host,
            [Some("cli")] => Layer::Cli,
            [Some("tests")] => Layer::Tests,
            [Some("benches")] => Layer::Benches,
            [Some("xtask")] => Layer::Xtask,
            _ => return None,
        })
    }

    /// Which of ours it may depend on, for any purpose: tests that need more belong into `tests/`.
    fn may_use(self, other: Layer) -> bool {
        use Layer::{Cli, Contract, Host, Manifest, Provider, Signing};
        match self {
            Layer::Xtask => false,
            // Itself, for its tests, which have its switches.
            Signing | Manifest | Contract => other == Signing,
            Provider | Layer::Example => other == Contract,
            Host => matches!(other, Signing | Manifest | Contract),
            Cli => matches!(other, Signing | Manifest | Contract | Provider | Host),
            Layer::Tests | Layer::Benches => true,
        }
    }

    /// Which of others' crates it may not depend on, and why.
    fn forbidden(self) -> (&'static [&'static str], &'static str) {
        match self {
            Layer::Signing | Layer::Manifest => (IO, "it does no I/O and does not know the runtime"),
            Layer::Example => (RUNTIME, "it has the runtime that writ-provider was built with"),
            Layer::Xtask => (RUNTIME, "it builds in seconds"),
            _ => (&[], ""),
        }
    }

    /// Why it may not have this dependency.
    fn refuse(self, root: &Path, dependency: &Dependency) -> Option<String> {
        let name = &dependency.name;
        if dependency.kind.as_deref() != Some("dev") && dependency.features.iter().any(|feature| feature == SWITCHES) {
            return Some(format!("may have the feature `{SWITCHES}` of {name} for its tests alone"));
        }
        if let Some(folder) = &dependency.path {
            return match Layer::of(root, folder) {
                Some(other) if self.may_use(other) => None,
                _ => Some(format!("may not depend on {name}: there is no such arrow in ARCHITECTURE.md")),
            };
        }
        let (forbidden, why) = self.forbidden();
        let hit = |pattern: &&str| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        };
        forbidden.iter().any(hit).then(|| format!("may not depend on {name}: {why}"))
    }
}

/// The feature with which tests switch defences off.
const SWITCHES: &str = "switches";
/// Crates that do I/O, read clocks or run components; `*` at the end stands for anything.
const IO: &[&str] = &[
    "async-std",
    "chrono",
    "fs-err",
    "hyper*",
    "libc",
    "mio",
    "nix",
    "redb",
    "reqwest",
    "rustix",
    "smol",
    "tokio*",
    "ureq",
    "wasmtime*",
];
/// Crates that take minutes to compile.
const RUNTIME: &[&str] = &["wasmtime*"];

#[cfg(test)]
mod tests {
    use super::*;

    fn on(name: &str, path: Option<std::path::PathBuf>) -> Dependency {
        Dependency { name: name.into(), path, kind: None, features: Vec::new() }
    }

    fn package(folder: &str, dependencies: &[&str]) -> Package {
        let dependency = |name: &&str| match name.strip_prefix("./") {
            Some(folder) => on(folder, Some(Path::new("/r").join(folder))),
            None => on(name, None),
        };
        Package {
            name: folder.into(),
            manifest_path: Path::new("/r").join(folder).join("Cargo.toml"),
            dependencies: dependencies.iter().map(dependency).collect(),
        }
    }

    #[track_caller]
    fn check(folder: &str, dependencies: &[&str], expected: &[&str]) {
        let found = super::check(Path::new("/r"), &[package(folder, dependencies)]);
        assert_eq!(found, expected);
    }

    #[test]
    fn the_arrows_that_are_drawn() {
        check("signing", &["nkeys", "serde"], &[]);
        check("manifest", &["./signing", "serde"], &[]);
        check("providers/api", &["./signing", "wasmtime"], &[]);
        check("providers/keyvalue", &["./providers/api", "redb", "tokio"], &[]);
        check("docs/examples/locks", &["./providers/api", "serde", "tokio"], &[]);
        check("host", &["./signing", "./manifest", "./providers/api", "wasmtime"], &[]);
        check("cli", &["./signing", "./manifest", "./providers/api", "./providers/http", "./host"], &[]);
        check("tests", &["./cli", "./tests", "./host"], &[]);
        check("benches", &["./providers/keyvalue"], &[]);
        check("xtask", &["serde_json"], &[]);
    }

    #[test]
    fn the_arrows_that_are_not() {
        let arrow =
            |from: &str, to: &str| format!("{from} may not depend on {to}: there is no such arrow in ARCHITECTURE.md");
        for (from, to) in [
            ("signing", "manifest"),
            ("manifest", "providers/api"),
            ("providers/api", "manifest"),
            ("providers/keyvalue", "providers/http"),
            ("providers/keyvalue", "signing"),
            ("providers/keyvalue", "host"),
            ("docs/examples/locks", "signing"),
            ("docs/examples/locks", "host"),
            ("docs/examples/locks", "providers/keyvalue"),
            ("cli", "docs/examples/locks"),
            ("host", "providers/keyvalue"),
            ("host", "tests"),
            ("cli", "tests"),
            ("xtask", "signing"),
        ] {
            check(from, &[&format!("./{to}")], &[&arrow(from, to)]);
        }
    }

    #[test]
    fn crates_of_others() {
        let io = "it does no I/O and does not know the runtime";
        check("signing", &["tokio"], &[&format!("signing may not depend on tokio: {io}")]);
        check("manifest", &["wasmtime-wasi"], &[&format!("manifest may not depend on wasmtime-wasi: {io}")]);
        let has = "it has the runtime that writ-provider was built with";
        let expected = format!("docs/examples/locks may not depend on wasmtime: {has}");
        check("docs/examples/locks", &["wasmtime"], &[&expected]);
        check("xtask", &["wasmtime"], &["xtask may not depend on wasmtime: it builds in seconds"]);
    }

    #[test]
    fn no_defence_can_be_switched_off_outside_tests() {
        let with = |kind: Option<&str>| {
            let mut package = package("host", &["./signing"]);
            package.dependencies[0].features.push(SWITCHES.to_owned());
            package.dependencies[0].kind = kind.map(str::to_owned);
            super::check(Path::new("/r"), &[package])
        };
        assert_eq!(with(Some("dev")), [""; 0]);
        let expected = ["host may have the feature `switches` of signing for its tests alone"];
        assert_eq!(with(None), expected);
        assert_eq!(with(Some("build")), expected);
    }

    #[test]
    fn a_package_nobody_thought_of() {
        let expected = "plugins is in no known folder: say in xtask what it may depend on";
        check("plugins", &[], &[expected]);
    }

    #[test]
    fn a_path_out_of_the_checkout_is_no_arrow() {
        let mut package = package("cli", &[]);
        package.dependencies.push(on("mine", Some("/elsewhere/mine".into())));
        let found = super::check(Path::new("/r"), &[package]);
        assert_eq!(found, ["cli may not depend on mine: there is no such arrow in ARCHITECTURE.md"]);
    }
}
