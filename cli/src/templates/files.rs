//! What is in each template, at which path of a project.

/// A file of a project: where it goes, and what is in it.
pub(super) type File = (&'static str, &'static str);

macro_rules! file {
    ($folder:literal, $path:literal) => {
        ($path, include_str!(concat!("../../templates/", $folder, "/", $path)))
    };
}

macro_rules! wit {
    ($path:literal) => {
        (concat!("wit/deps/", $path), include_str!(concat!("../../../wit/deps/", $path)))
    };
}

// Named without its dot there: it would be obeyed.
const GITIGNORE: File = (".gitignore", include_str!("../../templates/shared/gitignore"));
const LOCK: File = file!("shared", "Cargo.lock");
const HTTP_RS: File = ("src/http.rs", include_str!("../../templates/shared/http.rs"));

pub(super) const HTTP: &[File] = &[
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

pub(super) const HTTP_KEYVALUE: &[File] = &[
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

pub(super) const MESSAGING: &[File] = &[
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

pub(super) const COMMAND: &[File] = &[
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
pub(super) const HTTP_WIT: &[File] = &[IO, CLOCKS, RANDOM, FILESYSTEM, SOCKETS, CLI, HTTP_PACKAGE];
pub(super) const HTTP_KEYVALUE_WIT: &[File] =
    &[IO, CLOCKS, RANDOM, FILESYSTEM, SOCKETS, CLI, HTTP_PACKAGE, wit!("wasi-keyvalue/keyvalue.wit")];
pub(super) const MESSAGING_WIT: &[File] =
    &[wit!("wasi-logging/logging.wit"), wit!("wasmcloud-messaging/messaging.wit")];
pub(super) const COMMAND_WIT: &[File] = &[];
pub(super) const FUNCTIONS_WIT: &[File] = &[wit!("wasi-logging/logging.wit")];
const FUNCTIONS_CLAIMS: File = file!("functions", "writ.yaml");
const FUNCTIONS_WORLD: File = file!("functions", "wit/world.wit");

pub(super) const RUST: &[File] = &[
    GITIGNORE,
    LOCK,
    FUNCTIONS_CLAIMS,
    FUNCTIONS_WORLD,
    file!("functions/rust", "Cargo.toml"),
    file!("functions/rust", "README.md"),
    file!("functions/rust", "src/greeting.rs"),
    file!("functions/rust", "src/lib.rs"),
];

pub(super) const JAVASCRIPT: &[File] = &[
    GITIGNORE,
    FUNCTIONS_CLAIMS,
    FUNCTIONS_WORLD,
    file!("javascript", "README.md"),
    file!("javascript", "package-lock.json"),
    file!("javascript", "package.json"),
    file!("javascript", "src/component.js"),
    file!("javascript", "src/greeting.js"),
    file!("javascript", "tests/greeting.test.js"),
];

pub(super) const PYTHON: &[File] = &[
    GITIGNORE,
    FUNCTIONS_CLAIMS,
    FUNCTIONS_WORLD,
    file!("python", "README.md"),
    file!("python", "requirements.txt"),
    file!("python", "src/app.py"),
    file!("python", "src/greeting.py"),
    file!("python", "tests/test_greeting.py"),
];

pub(super) const C: &[File] = &[
    GITIGNORE,
    FUNCTIONS_CLAIMS,
    FUNCTIONS_WORLD,
    file!("c", "README.md"),
    file!("c", "requirements.txt"),
    file!("c", "src/component.c"),
    file!("c", "src/greeting.c"),
    file!("c", "src/greeting.h"),
];

pub(super) const GO: &[File] = &[
    GITIGNORE,
    FUNCTIONS_CLAIMS,
    FUNCTIONS_WORLD,
    file!("go", "README.md"),
    file!("go", "requirements.txt"),
    file!("go", "src/export_local_component_greeter/greeter.go"),
    file!("go", "src/greeting/greeting.go"),
];
