//! The projects that `writ new` makes: real files, with a name in place of theirs.
//!
//! They lie in `templates/`; the WIT in them is the repository's own.

mod files;

use clap::ValueEnum;

use files::{C, FUNCTIONS_WIT, GO, JAVASCRIPT, PYTHON, RUST};
use files::{COMMAND, COMMAND_WIT, File, HTTP, HTTP_KEYVALUE, HTTP_KEYVALUE_WIT, HTTP_WIT, MESSAGING, MESSAGING_WIT};

/// What a new component does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// Answers HTTP requests
    Http,
    /// Answers HTTP requests, and keeps what it counts in a bucket
    HttpKeyvalue,
    /// Hears and answers messages
    Messaging,
    /// A program with arguments and output
    Command,
    /// Has functions that other components call
    Functions,
}

/// What a new component is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    Rust,
    #[value(name = "javascript")]
    JavaScript,
    Python,
    C,
    Go,
}

impl Lang {
    /// As `writ.yaml` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::Python => "python",
            Self::C => "c",
            Self::Go => "go",
        }
    }

    /// The project's files but its WIT, where it has functions.
    fn functions(self) -> &'static [File] {
        match self {
            Self::Rust => RUST,
            Self::JavaScript => JAVASCRIPT,
            Self::Python => PYTHON,
            Self::C => C,
            Self::Go => GO,
        }
    }

    /// The line that tests such a project without a host, if it has tests.
    pub(crate) fn test(self) -> Option<&'static str> {
        match self {
            Self::Rust => Some("cargo test"),
            Self::JavaScript => Some("node --test"),
            Self::Python => Some("python3 -m unittest discover tests"),
            Self::C | Self::Go => None,
        }
    }
}

impl Template {
    /// Every file of a project of this name. But for `functions` they are in Rust.
    pub(crate) fn files(self, lang: Lang, name: &str) -> Vec<(&'static str, String)> {
        let (own, wit): (&[File], &[File]) = match self {
            Self::Http => (HTTP, HTTP_WIT),
            Self::HttpKeyvalue => (HTTP_KEYVALUE, HTTP_KEYVALUE_WIT),
            Self::Messaging => (MESSAGING, MESSAGING_WIT),
            Self::Command => (COMMAND, COMMAND_WIT),
            Self::Functions => (lang.functions(), FUNCTIONS_WIT),
        };
        let own = own.iter().map(|(path, text)| (*path, named(path, &text.replace(LANGUAGE, lang.name()), name)));
        own.chain(wit.iter().map(|(path, text)| (*path, (*text).to_owned()))).collect()
    }

    /// How the project is tried out once it is built.
    pub(crate) fn trial(self, name: &str) -> Vec<String> {
        let lines: &[&str] = match self {
            Self::Http | Self::HttpKeyvalue => &["writ up app.yaml", "curl localhost:8080/ada   # in another terminal"],
            Self::Messaging => &[
                "writ call build/project-name.wasm handle-message '{subject: \"project-name.greet\", body: [97, 100, 97], reply-to: none}'",
            ],
            Self::Command => &["writ run build/project-name.wasm ada"],
            Self::Functions => &["writ call build/project-name.wasm greet '\"ada\"'"],
        };
        lines.iter().map(|line| line.replace(PLACEHOLDER, name)).collect()
    }
}

fn named(path: &str, text: &str, name: &str) -> String {
    let text = text.replace(PLACEHOLDER, name);
    if path == "Cargo.lock" { sorted(&text) } else { text }
}

/// A `Cargo.lock` with its packages in order, as cargo leaves it: a first build then changes nothing.
fn sorted(lock: &str) -> String {
    let mut blocks: Vec<_> = lock.trim_end().split("\n\n").collect();
    // The first one is about the file.
    if let Some((_, packages)) = blocks.split_first_mut() {
        packages.sort_unstable();
    }
    blocks.join("\n\n") + "\n"
}

/// The name in the templates.
const PLACEHOLDER: &str = "project-name";
/// The language in those that are there in several.
const LANGUAGE: &str = "project-language";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use writ_manifest::{Application, ComponentFile};

    use super::*;

    fn text(template: Template, lang: Lang, path: &str) -> Option<String> {
        template.files(lang, "my-name").into_iter().find(|(found, _)| *found == path).map(|(_, text)| text)
    }

    /// Every project that there is.
    fn projects() -> impl Iterator<Item = (Template, Lang)> {
        let rust = Template::value_variants().iter().map(|template| (*template, Lang::Rust));
        let others = Lang::value_variants().iter().skip(1).map(|lang| (Template::Functions, *lang));
        rust.chain(others)
    }

    #[test]
    fn every_project_can_be_built_signed_and_run() {
        for (template, lang) in projects() {
            let claims = ComponentFile::parse(&text(template, lang, "writ.yaml").unwrap()).unwrap();
            assert_eq!((claims.name.as_str(), claims.build.unwrap().language.as_str()), ("my-name", lang.name()));
            let Some(manifest) = text(template, lang, "app.yaml") else {
                assert!([Template::Command, Template::Functions].contains(&template));
                continue;
            };
            let application = Application::parse(&manifest).unwrap();
            assert_eq!(application.components[0].image().unwrap().value, "build/my-name.wasm");
        }
    }

    #[test]
    fn no_file_keeps_the_templates_name_and_none_is_there_twice() {
        for (template, lang) in projects() {
            let mut paths = std::collections::BTreeSet::new();
            for (path, text) in template.files(lang, "my-name") {
                assert!(!text.contains(PLACEHOLDER) && !text.contains(LANGUAGE), "{path}");
                assert!(paths.insert(path), "{path}");
            }
            assert!(!template.trial("my-name").concat().contains(PLACEHOLDER));
        }
    }

    #[test]
    fn projects_use_the_guests_own_version_of_wit_bindgen() {
        let line = include_str!("../../components/Cargo.toml").lines().find(|line| line.starts_with("wit-bindgen"));
        for template in [Template::Http, Template::HttpKeyvalue, Template::Messaging, Template::Functions] {
            let manifest = text(template, Lang::Rust, "Cargo.toml").unwrap();
            assert_eq!(manifest.lines().find(|line| line.starts_with("wit-bindgen")), line);
        }
    }

    #[test]
    fn locked_packages_are_in_order() {
        let lock = "# head\nversion = 4\n\n[[package]]\nname = \"b\"\n\n[[package]]\nname = \"a-b\"\n\n[[package]]\nname = \"a\"\n";
        let expected = "# head\nversion = 4\n\n[[package]]\nname = \"a\"\n\n[[package]]\nname = \"a-b\"\n\n[[package]]\nname = \"b\"\n";
        assert_eq!(sorted(lock), expected);
    }
}
