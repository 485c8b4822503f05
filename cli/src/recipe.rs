//! How a component is built: what `build` in its `writ.yaml` asks for.

use std::path::{Path, PathBuf};

use anyhow::Result;
use writ_manifest::Build;

use crate::advice::Advice;
use crate::brake::Brake;
use crate::cargo;
use crate::toolchain::{self, Language};

/// How a component is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recipe {
    Rust(cargo::Recipe),
    Other(toolchain::Recipe),
}

/// How it is optimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Release,
    Debug,
}

impl Recipe {
    /// What `build` in a `writ.yaml` asks for.
    pub(crate) fn of(build: &Build) -> Result<Self> {
        if build.language == "rust" {
            return cargo::Recipe::of(build).map(Self::Rust);
        }
        let Some(language) = Language::named(&build.language) else {
            let known = "rust, javascript, python, c and go are";
            let message = format!("{}: `language: {}` is not built here; {known}", build.at, build.language);
            return Err(Advice::new(message, "build it with its own tools, then `writ sign FILE`").into());
        };
        toolchain::Recipe::of(language, build).map(Self::Other)
    }

    /// Builds the project in a folder; where the component is that came of it. Tools that a project pins are kept in a
    /// folder of theirs.
    pub(crate) fn build(
        &self,
        folder: &Path,
        tools: &Path,
        profile: Profile,
        brake: Option<&Brake>,
    ) -> Result<PathBuf> {
        match self {
            Self::Rust(recipe) => cargo::build(folder, recipe, profile, brake),
            Self::Other(recipe) => toolchain::build(folder, recipe, tools, profile, brake),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use expect_test::{Expect, expect};
    use writ_manifest::ComponentFile;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let text = format!("name: a\nversion: 0.1.0\nrevision: 1\nexpires: 90d\nbuild: {text}\n");
        let build = ComponentFile::parse(&text).unwrap().build.unwrap();
        let told = match Recipe::of(&build) {
            Ok(Recipe::Rust(_)) => "cargo".to_owned(),
            Ok(Recipe::Other(recipe)) => format!("{recipe:?}"),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn recipes() {
        check("{ language: rust }", expect!["cargo"]);
        check("{ language: go }", expect!["Recipe { language: Go, world: None }"]);
        check("{ language: c, world: taxes }", expect![[r#"Recipe { language: C, world: Some("taxes") }"#]]);
        check("{ language: javascript }", expect!["Recipe { language: JavaScript, world: None }"]);
        check("{ language: python }", expect!["Recipe { language: Python, world: None }"]);
        check(
            "{ language: cobol }",
            expect!["5:8: `language: cobol` is not built here; rust, javascript, python, c and go are"],
        );
        check("{ language: go, tool: tinygo }", expect!["5:8: `tool: tinygo` is not known; go is built with one tool"]);
        check("{ language: c, target: wasm32 }", expect!["5:8: `target` is for rust; of c there is one"]);
        check("{ language: c, world: --x }", expect!["5:8: `world: --x` is no name of a world"]);
    }
}
