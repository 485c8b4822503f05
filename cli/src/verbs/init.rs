//! `writ init`: writes the `writ.yaml` of a finished component, with every capability it needs, each empty.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use writ_host::{Artifact, Export, InterfaceName, Vocabulary, is_baseline};
use writ_manifest::ComponentFile;
use writ_signing::section;

use crate::advice::Advice;
use crate::runtime::{self, Options};
use crate::{Done, Outcome, files, output};

#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// A finished component
    file: PathBuf,

    /// What to write
    #[arg(short, long, value_name = "FILE", default_value = "writ.yaml")]
    out: PathBuf,

    /// The component's name: 1 to 64 of a-z, 0-9 and - [default: made from the file's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub(crate) fn run(args: &Init) -> Done {
    let file = files::read(&args.file, section::MAX_FILE)?;
    let place = || format!("{} cannot be read as a component", args.file.display());
    let artifact = Artifact::new(file).with_context(place)?;
    let exported = |export: &Export| match export {
        Export::Interface(name) => Some(name.clone()),
        Export::Plain(_) => None,
    };
    let interfaces = Interfaces {
        imports: artifact.imports().to_vec(),
        exports: artifact.exports().iter().filter_map(exported).collect(),
    };
    let name = args.name.clone().unwrap_or_else(|| name_of(&args.file));
    let text = text(&name, &interfaces, runtime::registry(&Options::default()).vocabulary());
    ComponentFile::parse(&text).with_context(|| format!("{name:?} cannot be a component's name"))?;
    if args.out.exists() {
        let message = format!("there is a {} already", args.out.display());
        return Err(Advice::new(message, "write to another file with --out, or remove it").into());
    }
    files::create(&args.out, text.as_bytes())?;
    output::words(format_args!("wrote {}", args.out.display()));
    output::hint(format_args!("fill in the claims, then `writ sign {}`", args.file.display()));
    Ok(Outcome::Done)
}

/// The text of a `writ.yaml` that claims what the component needs, and permits none of it yet.
fn text(name: &str, interfaces: &Interfaces, vocabulary: &Vocabulary) -> String {
    let claims: String =
        claims(interfaces, vocabulary).iter().map(|(capability, claim)| claim.text(capability)).collect();
    let claims = if claims.is_empty() { " {}\n".to_owned() } else { format!("\n{claims}") };
    let opened: String = opened(interfaces, vocabulary).iter().map(|line| format!("  # {line}\n")).collect();
    format!(
        "# What this component is, and what it asks for. Nothing else is ever linked to it.\n\
         name: {name}\n\
         version: 0.1.0\n\
         revision: 1                  # grows with every release; a host does not go back\n\
         expires: 90d\n\
         claims:{claims}{opened}"
    )
}

/// The interfaces at a component's outside.
struct Interfaces {
    imports: Vec<InterfaceName>,
    exports: Vec<InterfaceName>,
}

/// One capability of the text.
struct Claim {
    /// The interfaces it is claimed for.
    interfaces: Vec<InterfaceName>,
    /// What may be filled in; none where nobody serves it.
    example: Option<String>,
    /// What is written now.
    value: String,
}

impl Claim {
    fn text(&self, capability: &str) -> String {
        let names: Vec<_> = self.interfaces.iter().map(ToString::to_string).collect();
        let mut text = format!("  # for {}\n", names.join(", "));
        // Writing to a string cannot fail.
        let _ = match &self.example {
            Some(example) => writeln!(text, "  # such as  {capability}: {example}"),
            None => writeln!(text, "  # nobody serves it here: it can only be claimed empty"),
        };
        let _ = writeln!(text, "  {capability}: {}", self.value);
        text
    }
}

/// Every capability that its imports and exports stand for, empty. What stands for none is for links: `call` and `serve`.
fn claims(interfaces: &Interfaces, vocabulary: &Vocabulary) -> BTreeMap<&'static str, Claim> {
    let mut asked: BTreeMap<&'static str, Vec<InterfaceName>> = BTreeMap::new();
    for name in interfaces.imports.iter().filter(|name| !is_baseline(name)) {
        asked.entry(vocabulary.capability_of_import(name).unwrap_or("call")).or_default().push(name.clone());
    }
    // `wasi:cli/run` is called by its host's owner alone.
    for name in interfaces.exports.iter().filter(|name| name.unversioned() != "wasi:cli/run") {
        asked.entry(vocabulary.capability_of(name).unwrap_or("serve")).or_default().push(name.clone());
    }
    let claim = |(capability, interfaces): (&'static str, Vec<InterfaceName>)| {
        let first = interfaces.first().map(ToString::to_string).unwrap_or_default();
        let example = match capability {
            "call" => Some(format!("[{{ interface: \"{first}\", component: NAME }}]")),
            "serve" => Some(format!("[{{ interface: \"{first}\", component: NAME }}]")),
            other => vocabulary.example(other).map(str::to_owned),
        };
        let own = |name: &InterfaceName| format!("{{ interface: \"{name}\", account: self }}");
        let value = match capability {
            "serve" => format!("[{}]", interfaces.iter().map(own).collect::<Vec<_>>().join(", ")),
            _ => "[]".to_owned(),
        };
        (capability, Claim { interfaces, example, value })
    };
    asked.into_iter().map(claim).collect()
}

/// What could be claimed of the baseline. Many languages import these whether they use them or not, so none is claimed.
fn opened(interfaces: &Interfaces, vocabulary: &Vocabulary) -> Vec<String> {
    let imports = |name: &str| interfaces.imports.iter().any(|import| import.unversioned() == name);
    let line = |(capability, interface, what): &(&str, &str, &str)| {
        let example = vocabulary.example(capability).filter(|_| imports(interface))?;
        Some(format!("to see {what} that its host's owner gives it:  {capability}: {example}"))
    };
    OPENED.iter().filter_map(line).collect()
}

const OPENED: &[(&str, &str, &str)] =
    &[("environment", "wasi:cli/environment", "variables"), ("filesystem", "wasi:filesystem/preopens", "folders")];

/// A component's name from its file's: `Orders_API.wasm` is `orders-api`.
fn name_of(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let name: String = stem.chars().map(|c| if fits(c) { c } else { '-' }).take(64).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "component".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(imports: &[&str], exports: &[&str], expected: Expect) {
        let parsed = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
        let interfaces = Interfaces { imports: parsed(imports), exports: parsed(exports) };
        let text = text("orders", &interfaces, runtime::registry(&Options::default()).vocabulary());
        ComponentFile::parse(&text).unwrap();
        expected.assert_eq(text.split_once("expires: 90d\n").unwrap().1);
    }

    #[test]
    fn a_service() {
        check(
            &[
                "wasi:io/poll@0.2.0",
                "wasi:http/types@0.2.3",
                "wasi:keyvalue/store@0.2.0-draft",
                "wasi:keyvalue/atomics@0.2.0-draft",
                "wasi:logging/logging@0.1.0-draft",
                "wasi:cli/environment@0.2.3",
                "wasi:filesystem/preopens@0.2.3",
                "wasi:clocks/wall-clock@0.2.3",
                "wasmcloud:messaging/types@0.2.0",
                "demo:pricing/price@0.1.0",
            ],
            &["wasmcloud:messaging/handler@0.2.0", "demo:orders/admin@1.0.0"],
            expect![[r#"
                claims:
                  # for demo:pricing/price@0.1.0
                  # such as  call: [{ interface: "demo:pricing/price@0.1.0", component: NAME }]
                  call: []
                  # for wasi:keyvalue/store@0.2.0-draft, wasi:keyvalue/atomics@0.2.0-draft
                  # such as  keyvalue: { bucket: NAME }
                  keyvalue: []
                  # for wasi:logging/logging@0.1.0-draft
                  # such as  logging: { level: info, rate: 200/s }
                  logging: []
                  # for wasmcloud:messaging/handler@0.2.0
                  # such as  messaging: { publish: [SUBJECT] }
                  messaging: []
                  # for demo:orders/admin@1.0.0
                  # such as  serve: [{ interface: "demo:orders/admin@1.0.0", component: NAME }]
                  serve: [{ interface: "demo:orders/admin@1.0.0", account: self }]
                  # to see variables that its host's owner gives it:  environment: { names: [LANG, "APP_*"] }
                  # to see folders that its host's owner gives it:  filesystem: { paths: [/data], rights: [read] }
            "#]],
        );
    }

    #[test]
    fn a_component_that_needs_nothing() {
        check(
            &["wasi:random/random@0.2.0"],
            &["wasi:cli/run@0.2.0"],
            expect![[r#"
            claims: {}
        "#]],
        );
    }

    #[test]
    fn names() {
        for (file, name) in [
            ("target/Orders_API.wasm", "orders-api"),
            ("a.b.wasm", "a-b"),
            ("__.wasm", "component"),
            ("é", "component"),
            ("x", "x"),
        ] {
            assert_eq!(name_of(Path::new(file)), name);
        }
    }
}
