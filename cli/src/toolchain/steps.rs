//! What is run for each language.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::tools::{BINDINGS, COMPONENTIZE};
use super::{Site, copy};
use crate::recipe::Profile;

impl Site<'_> {
    /// `src/component.js`, and what it imports of its own, with StarlingMonkey.
    pub(super) fn javascript(&self) -> Result<()> {
        let mut node = Command::new("node");
        node.arg(self.tools.join(COMPONENTIZE)).arg(self.source().join("component.js"));
        node.arg(self.wit()).arg(self.component()).args(self.world);
        self.run(&mut node)
    }

    /// `src/app.py`, and what it imports of its own, with CPython.
    pub(super) fn python(&self) -> Result<()> {
        let mut python = self.pinned_python();
        python.args(["-c", "import sys; from componentize_py import script; sys.exit(script())", "-d"]);
        python.arg(self.wit());
        if let Some(world) = self.world {
            python.args(["-w", world]);
        }
        python.args(["componentize", "-p"]).arg(self.source()).args(["app", "-o"]).arg(self.component());
        self.run(&mut python)
    }

    /// `src/*.c`, with zig's clang and libc.
    pub(super) fn c(&self) -> Result<()> {
        let bindings = self.bindings("c")?;
        let mut zig = self.pinned_python();
        zig.args(["-m", "ziglang", "cc", "-target", "wasm32-wasi", "-mexec-model=reactor", "-Wall", "-Wextra"]);
        // Without this zig reserves a stack of 16 MiB.
        zig.arg("-Wl,-z,stack-size=65536");
        zig.args(match self.profile {
            Profile::Release => &["-Os"][..],
            Profile::Debug => &["-O1", "-g"],
        });
        zig.arg("-I").arg(&bindings).arg("-o").arg(self.path("core.wasm"));
        zig.args(ending(&self.source(), "c")?).args(ending(&bindings, "c")?).args(ending(&bindings, "o")?);
        self.run(&mut zig)?;
        self.componentize()
    }

    /// The packages in `src/`, laid over the bindings: one for each interface that is exported.
    pub(super) fn go(&self) -> Result<()> {
        let bindings = self.bindings("go")?;
        copy(&self.source(), &bindings)?;
        let module = bindings.join("go.mod");
        let mut module = fs::OpenOptions::new().append(true).open(&module).context("the bindings have no go.mod")?;
        module.write_all(GO_REPLACE.as_bytes()).context("go.mod cannot be written")?;
        let mut go = Command::new(self.tools.join("go").join("bin").join("go"));
        go.env("GOROOT", self.tools.join("go")).env("GOOS", "wasip1").env("GOARCH", "wasm");
        // Nothing but what is pinned and what is here.
        go.envs([
            ("GOPROXY", "off"),
            ("GOSUMDB", "off"),
            ("GOTOOLCHAIN", "local"),
            ("GOWORK", "off"),
            ("GOFLAGS", "-mod=mod"),
        ]);
        go.arg("-C").arg(&bindings).args(["build", "-trimpath", "-buildmode=c-shared"]);
        // The bindings reach into the runtime for memory. Names stay: they make a trap's backtrace readable.
        go.arg(match self.profile {
            Profile::Release => "-ldflags=-checklinkname=0 -w",
            Profile::Debug => "-ldflags=-checklinkname=0",
        });
        go.arg("-o").arg(self.path("core.wasm")).arg(".");
        self.run(&mut go)?;
        self.componentize()
    }

    /// Python, with the tools that the project pins.
    fn pinned_python(&self) -> Command {
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", &self.tools).env("PYTHONDONTWRITEBYTECODE", "1");
        python
    }

    /// Generates the bindings for a language; where they are.
    fn bindings(&self, language: &str) -> Result<PathBuf> {
        let out = self.path("bindings");
        let mut bindings = Command::new(BINDINGS.program());
        self.run(bindings.arg(language).arg(self.wit()).arg(&out).args(self.world))?;
        Ok(out)
    }

    /// Makes a component of the core module.
    fn componentize(&self) -> Result<()> {
        let mut bindings = Command::new(BINDINGS.program());
        bindings.arg("component").arg(self.wit()).arg(self.path("core.wasm")).arg(self.component());
        self.run(bindings.args(self.world))
    }
}

/// The files of a folder whose names end so, in order.
fn ending(folder: &Path, end: &str) -> Result<Vec<OsString>> {
    let entries = fs::read_dir(folder).with_context(|| format!("there is no folder {}", folder.display()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<_> = paths.filter(|path| path.extension().is_some_and(|own| own == end)).collect();
    found.sort();
    Ok(found.into_iter().map(OsString::from).collect())
}

/// The bindings' own module lies beside them.
const GO_REPLACE: &str = "\nreplace go.bytecodealliance.org/pkg => ./go.bytecodealliance.org-pkg\n";
