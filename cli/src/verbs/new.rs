//! `writ new`: makes a project that builds, tests and signs.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use writ_manifest::ComponentFile;

use crate::advice::Advice;
use crate::templates::{Lang, Template};
use crate::{Done, Outcome, files, output};

#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// The component's name, and that of its folder: a letter, then at most 63 of a-z, 0-9 and -
    name: String,

    /// What the component does
    #[arg(long, value_name = "TEMPLATE")]
    template: Template,

    /// What it is written in; in another language than Rust there is `functions`
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    lang: Lang,
}

pub(crate) fn run(args: &New) -> Done {
    let (name, lang) = (args.name.as_str(), args.lang);
    if lang != Lang::Rust && args.template != Template::Functions {
        let message = format!("this template is not there in {}", lang.name());
        return Err(
            Advice::new(message, format!("`writ new {name} --lang {} --template functions`", lang.name())).into()
        );
    }
    let project = args.template.files(lang, name);
    check_name(name, lang, &project)?;
    let folder = PathBuf::from(name);
    check_free(&folder)?;
    for (path, text) in &project {
        let path = folder.join(path);
        let parent = files::folder_of(&path);
        fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
        files::create(&path, text.as_bytes())?;
    }
    output::words(format_args!("made the project {name}; next:\n  cd {name}"));
    lang.test().iter().for_each(|line| output::words(format_args!("  {line}")));
    output::words("  writ build");
    args.template.trial(name).iter().for_each(|line| output::words(format_args!("  {line}")));
    Ok(Outcome::Done)
}

/// Refuses what cannot be the name of a component, or of the package that it is built from.
fn check_name(name: &str, lang: Lang, project: &[(&str, String)]) -> Result<()> {
    let claims = project.iter().find(|(path, _)| *path == "writ.yaml").map_or("", |(_, text)| text);
    let place =
        || format!("{name:?} cannot be a component's name: expected a letter, then at most 63 of a-z, 0-9 and -");
    let parsed = ComponentFile::parse(claims).with_context(place)?;
    if parsed.name != name || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        bail!(place());
    }
    if lang == Lang::Rust && RESERVED.contains(&name) {
        bail!("{name:?} cannot be a component's name: Rust keeps it for itself");
    }
    Ok(())
}

/// Refuses to write into a folder where something is.
fn check_free(folder: &Path) -> Result<()> {
    let shown = folder.display();
    let taken =
        || Advice::new(format!("there is a {shown} already, and it is not an empty folder"), "choose another name");
    match folder.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot read {shown}")),
        Ok(found) if !found.is_dir() => Err(taken().into()),
        Ok(_) => match fs::read_dir(folder).with_context(|| format!("cannot read {shown}"))?.next() {
            None => Ok(()),
            Some(_) => Err(taken().into()),
        },
    }
}

/// What cargo refuses as the name of a package or of a program, or builds into something else.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];
