//! The projects that `writ new` makes: real files, with a name in place of theirs.
//!
//! They lie in `templates/`; the WIT in them is the repository's own.

use clap::ValueEnum;

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
}

/// A file of a project: where it goes, and what is in it.
type File = (&'static str, &'static str);

impl Template {
    /// Every file of a project of this name.
    pub(crate) fn files(self, name: &str) -> Vec<(&'static str, String)> {
        let (own, wit): (&[File], &[File]) = match self {
            Self::Http => (HTTP, HTTP_WIT),
            Self::HttpKeyvalue => (HTTP_KEYVALUE, HTTP_KEYVALUE_WIT),
            Self::Messaging => (MESSAGING, MESSAGING_WIT),
            Self::Command => (COMMAND, &[]),
        };
        let own = own.iter().map(|(path, text)| (*path, named(path, text, name)));
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

macro_rules! file {
    ($folder:literal, $path:literal) => {
        ($path, include_str!(concat!("../templates/", $folder, "/", $path)))
    };
}

macro_rules! wit {
    ($path:literal) => {
        (concat!("wit/deps/", $path), include_str!(concat!("../../wit/deps/", $path)))
    };
}

// Named without its dot there: it would be obeyed.
const GITIGNORE: File = (".gitignore", include_str!("../templates/shared/gitignore"));
const LOCK: File = file!("shared", "Cargo.lock");
const HTTP_RS: File = ("src/http.rs", include_str!("../templates/shared/http.rs"));

const HTTP: &[File] = &[
    GITIGNORE,
    LOCK,
    HTTP_RS,
    file!("http", "Cargo.toml"),
    file!("http", "README.md"),
    file!("http", "app.yaml"),
    file!("http", "src/greeting.rs"),
    file!("http", "src/lib.rs"),
    file!("http", "wit/world.wit"),
    file!("http", "writ.yaml"),
];

const HTTP_KEYVALUE: &[File] = &[
    GITIGNORE,
    LOCK,
    HTTP_RS,
    file!("http-keyvalue", "Cargo.toml"),
    file!("http-keyvalue", "README.md"),
    file!("http-keyvalue", "app.yaml"),
    file!("http-keyvalue", "src/lib.rs"),
    file!("http-keyvalue", "src/visits.rs"),
    file!("http-keyvalue", "wit/world.wit"),
    file!("http-keyvalue", "writ.yaml"),
];

const MESSAGING: &[File] = &[
    GITIGNORE,
    LOCK,
    file!("messaging", "Cargo.toml"),
    file!("messaging", "README.md"),
    file!("messaging", "app.yaml"),
    file!("messaging", "src/greeting.rs"),
    file!("messaging", "src/lib.rs"),
    file!("messaging", "wit/world.wit"),
    file!("messaging", "writ.yaml"),
];

const COMMAND: &[File] = &[
    GITIGNORE,
    file!("command", "Cargo.lock"),
    file!("command", "Cargo.toml"),
    file!("command", "README.md"),
    file!("command", "src/greeting.rs"),
    file!("command", "src/main.rs"),
    file!("command", "writ.yaml"),
];

const IO: File = wit!("wasi-io/io.wit");
const CLOCKS: File = wit!("wasi-clocks/clocks.wit");
const RANDOM: File = wit!("wasi-random/random.wit");
const FILESYSTEM: File = wit!("wasi-filesystem/filesystem.wit");
const SOCKETS: File = wit!("wasi-sockets/sockets.wit");
const CLI: File = wit!("wasi-cli/cli.wit");
const HTTP_PACKAGE: File = wit!("wasi-http/http.wit");

// The package wasi:http refers to all of these.
const HTTP_WIT: &[File] = &[IO, CLOCKS, RANDOM, FILESYSTEM, SOCKETS, CLI, HTTP_PACKAGE];
const HTTP_KEYVALUE_WIT: &[File] =
    &[IO, CLOCKS, RANDOM, FILESYSTEM, SOCKETS, CLI, HTTP_PACKAGE, wit!("wasi-keyvalue/keyvalue.wit")];
const MESSAGING_WIT: &[File] = &[wit!("wasi-logging/logging.wit"), wit!("wasmcloud-messaging/messaging.wit")];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use writ_manifest::{Application, ComponentFile};

    use super::*;

    fn text(template: Template, path: &str) -> Option<String> {
        template.files("my-name").into_iter().find(|(found, _)| *found == path).map(|(_, text)| text)
    }

    #[test]
    fn every_project_can_be_built_signed_and_run() {
        for template in Template::value_variants() {
            let claims = ComponentFile::parse(&text(*template, "writ.yaml").unwrap()).unwrap();
            assert_eq!((claims.name.as_str(), claims.build.unwrap().language.as_str()), ("my-name", "rust"));
            let Some(manifest) = text(*template, "app.yaml") else {
                assert_eq!(*template, Template::Command);
                continue;
            };
            let application = Application::parse(&manifest).unwrap();
            assert_eq!(application.components[0].image().unwrap().value, "build/my-name.wasm");
        }
    }

    #[test]
    fn no_file_keeps_the_templates_name_and_none_is_there_twice() {
        for template in Template::value_variants() {
            let mut paths = std::collections::BTreeSet::new();
            for (path, text) in template.files("my-name") {
                assert!(!text.contains(PLACEHOLDER), "{path}");
                assert!(paths.insert(path), "{path}");
            }
            assert!(!template.trial("my-name").concat().contains(PLACEHOLDER));
        }
    }

    #[test]
    fn projects_use_the_guests_own_version_of_wit_bindgen() {
        let line = include_str!("../../components/Cargo.toml").lines().find(|line| line.starts_with("wit-bindgen"));
        for template in [Template::Http, Template::HttpKeyvalue, Template::Messaging] {
            let manifest = text(template, "Cargo.toml").unwrap();
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
