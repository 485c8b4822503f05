//! `writ init`: writes the `writ.yaml` of a finished component, with every capability it needs, each empty.

mod interfaces;
mod known;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use writ_manifest::ComponentFile;
use writ_signing::section;

use self::interfaces::Interfaces;
use self::known::{KNOWN, Known};
use crate::advice::Advice;
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
    section::unsigned(&file).with_context(place)?;
    let interfaces = Interfaces::of(&file).with_context(place)?;
    let name = args.name.clone().unwrap_or_else(|| name_of(&args.file));
    let text = text(&name, &interfaces);
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
fn text(name: &str, interfaces: &Interfaces) -> String {
    let claims: String = claims(interfaces).iter().map(Claim::text).collect();
    let claims = if claims.is_empty() { " {}\n".to_owned() } else { format!("\n{claims}") };
    format!(
        "# What this component is, and what it asks for. Nothing else is ever linked to it.\n\
         name: {name}\n\
         version: 0.1.0\n\
         revision: 1                  # grows with every release; a host does not go back\n\
         expires: 90d\n\
         claims:{claims}"
    )
}

/// One capability of the text.
struct Claim {
    capability: &'static str,
    /// The interfaces it is claimed for.
    interfaces: Vec<String>,
    /// What may be filled in.
    example: String,
    /// What is written now.
    value: String,
}

impl Claim {
    fn text(&self) -> String {
        let mut text = format!("  # for {}\n", self.interfaces.join(", "));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  # such as  {}: {}", self.capability, self.example);
        let _ = writeln!(text, "  {}: {}", self.capability, self.value);
        text
    }
}

fn claims(interfaces: &Interfaces) -> Vec<Claim> {
    let mut claims: Vec<_> = KNOWN.iter().filter_map(|known| claim(known, interfaces)).collect();
    let joined = |names: &[String]| names.iter().filter(|name| known::is_for_links(name)).cloned().collect::<Vec<_>>();
    let (calls, serves) = (joined(&interfaces.imports), joined(&interfaces.exports));
    if let Some(first) = calls.first() {
        let example = format!("[{{ interface: \"{first}\", component: NAME }}]");
        claims.push(Claim { capability: "call", example, value: "[]".to_owned(), interfaces: calls });
    }
    if let Some(first) = serves.first() {
        let example = format!("[{{ interface: \"{first}\", account: A… }}]");
        let entries = serves.iter().map(|name| format!("{{ interface: \"{name}\", account: self }}"));
        let value = format!("[{}]", entries.collect::<Vec<_>>().join(", "));
        claims.push(Claim { capability: "serve", example, value, interfaces: serves });
    }
    claims
}

fn claim(known: &Known, interfaces: &Interfaces) -> Option<Claim> {
    let imports = interfaces.imports.iter().filter(|name| known.imports(name));
    let exports = interfaces.exports.iter().filter(|name| known.exports(name));
    let interfaces: Vec<_> = imports.chain(exports).cloned().collect();
    let claim = Claim { capability: known.name, example: known.example.to_owned(), value: "[]".to_owned(), interfaces };
    (!claim.interfaces.is_empty()).then_some(claim)
}

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
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let text = text("orders", &Interfaces { imports: owned(imports), exports: owned(exports) });
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
                "wasmcloud:messaging/types@0.2.0",
                "demo:pricing/price@0.1.0",
            ],
            &["wasi:http/incoming-handler@0.2.3", "wasmcloud:messaging/handler@0.2.0", "demo:orders/admin@1.0.0"],
            expect![[r#"
                claims:
                  # for wasi:keyvalue/store@0.2.0-draft, wasi:keyvalue/atomics@0.2.0-draft
                  # such as  keyvalue: [{ bucket: NAME, prefix: TEXT, verbs: [read, list, write, increment], size: 64KiB, rate: 200/s }]
                  keyvalue: []
                  # for wasi:logging/logging@0.1.0-draft
                  # such as  logging: { level: info, rate: 200/s }
                  logging: []
                  # for wasmcloud:messaging/handler@0.2.0
                  # such as  messaging: { publish: ["orders.*"], subscribe: ["orders.>"] }
                  messaging: []
                  # for wasi:http/incoming-handler@0.2.3
                  # such as  http-server: { hosts: any, paths: [/orders] }
                  http-server: []
                  # for demo:pricing/price@0.1.0
                  # such as  call: [{ interface: "demo:pricing/price@0.1.0", component: NAME }]
                  call: []
                  # for demo:orders/admin@1.0.0
                  # such as  serve: [{ interface: "demo:orders/admin@1.0.0", account: A… }]
                  serve: [{ interface: "demo:orders/admin@1.0.0", account: self }]
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
