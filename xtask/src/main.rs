//! The workspace's own tasks: `cargo xtask help` lists them.
//!
//! It depends on none of the other crates, so it builds in seconds and can build them.
// A program for a terminal: stdout is data, stderr is words.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod cargo_component;
mod demo;
mod guests;
mod signed;
mod suite;
mod threats;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let (task, rest) = args.split_first().map_or(("help", args), |(task, rest)| (task.as_str(), rest));
    match (task, rest) {
        ("help" | "--help" | "-h", _) => {
            print!("{HELP}");
            Ok(())
        }
        ("guests", flags @ ([] | [_])) => {
            let with_cargo_component = match flags {
                [] => false,
                [flag] if flag == "--cargo-component" => true,
                [other, ..] => bail!("`guests` knows --cargo-component, and not `{other}`"),
            };
            let workspace = Workspace::find()?;
            let writ = guests::build_and_sign(&workspace)?;
            if with_cargo_component {
                cargo_component::install_and_build(&workspace, &writ)?;
            }
            println!("export WRIT_HOME={}", shell_word(&workspace.home().display().to_string()));
            Ok(())
        }
        ("demo", rest) => demo::run(&Workspace::find()?, rest),
        ("bench", rest) => bench::run(&Workspace::find()?, rest),
        ("test", rest) => suite::run(&Workspace::find()?, rest),
        ("threats", []) => threats::run(&Workspace::find()?),
        ("tidy", []) => tidy::run(&Workspace::find()?),
        (demo::ANNOUNCE, [address]) => demo::announce(address),
        ("guests" | "threats" | "tidy", [.., extra]) => bail!("`{task}` does not take so many arguments: `{extra}`"),
        _ => bail!("there is no task `{task}`\nhint: `cargo xtask help` lists them"),
    }
}

/// Text as one word of a shell's command line.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

const HELP: &str = "\
cargo xtask TASK

  guests                         build the guest components and sign them into the target folder's guests/;
                                 stdout is a line for your shell: eval \"$(cargo xtask guests)\"
  guests --cargo-component       also the one that cargo-component builds, which is installed first: some 20 minutes
  demo [--listen ADDR] [--data DIR]
                                 build everything, run the order service, and say what to curl
  test [ARGS]                    tidy, guests, then `cargo test --workspace ARGS` and the guests' own tests
  threats                        run the tests of every threat in docs/threats.md, and print row by row how they went
  bench [NAME]                   build as released, measure beside raw wasmtime, and write docs/performance.md
  tidy                           check the dependency arrows, the lints, the code in the pages, and that no committed
                                 file names this machine
  help                           this
";

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn a_word_survives_the_shell() {
        for (text, word) in [("/a/b-c", "/a/b-c"), ("/a b", "'/a b'"), ("it's", r"'it'\''s'"), ("", "''")] {
            assert_eq!(shell_word(text), word);
        }
    }
}
