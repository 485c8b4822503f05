//! A home and a folder to work in, the program run in them, and component files made by hand.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use expect_test::Expect;
use tempfile::TempDir;

/// A folder to work in, with the home of its keys in `home`.
pub(crate) struct Work(TempDir);

impl Work {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder that holds `a.wasm`, a component, and a `writ.yaml` for it.
    pub(crate) fn with_component() -> Self {
        let work = Self::new();
        work.write("a.wasm", component(&[], &[]));
        work.write("writ.yaml", CLAIMS);
        work
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// A program on the path `bin`.
    pub(crate) fn program(&self, name: &str, script: &str) {
        fs::create_dir_all(self.path("bin")).unwrap();
        let path = format!("bin/{name}");
        self.write(&path, format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.path(&path), Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// The only file below a folder that ends like this.
    pub(crate) fn only(&self, folder: &str, end: &str) -> PathBuf {
        let paths = fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().path());
        let mut found = paths.filter(|path| path.to_string_lossy().ends_with(end));
        let only = found.next().unwrap();
        assert!(found.next().is_none());
        only
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.prepare(Command::new(env!("CARGO_BIN_EXE_writ")), arguments)
    }

    /// Through a shell that runs `before` first.
    pub(crate) fn shell(&self, before: &str, arguments: &[&str]) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{before} exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_writ")]);
        self.prepare(shell, arguments)
    }

    fn prepare(&self, mut command: Command, arguments: &[&str]) -> Command {
        command.args(arguments).current_dir(self.0.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("WRIT_HOME", self.path("home"));
        command
    }

    /// Runs `writ` and expects success.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.finish(self.command(arguments), "", 0)
    }

    /// Runs `writ` and expects that it refuses.
    #[track_caller]
    pub(crate) fn refuses(&self, arguments: &[&str]) -> Ran {
        self.finish(self.command(arguments), "", 1)
    }

    #[track_caller]
    pub(crate) fn finish(&self, mut command: Command, stdin: &str, code: i32) -> Ran {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        // A program that needs no input may be gone before it was given some.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let ran =
            Ran { stdout: self.tidy(&stdout), stderr: self.tidy(&stderr), raw: String::from_utf8(stdout).unwrap() };
        assert_eq!(status.code(), Some(code), "stdout: {}\nstderr: {}", ran.stdout, ran.stderr);
        ran
    }

    /// Output without what differs between runs: this folder, keys, digests and days.
    fn tidy(&self, output: &[u8]) -> String {
        let text = String::from_utf8(output.to_vec()).unwrap();
        let text = text.replace(&*self.0.path().to_string_lossy(), "WORK");
        text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && !"-:".contains(c)).map(tidy_word).collect()
    }
}

fn tidy_word(word: &str) -> String {
    let core = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let rest = word.get(core.len()..).unwrap();
    let is_key = core.len() == 56 && core.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'));
    let shape: String = core.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    match shape.as_str() {
        "0000-00-00" => format!("DAY{rest}"),
        _ if shape.starts_with("0000-00-00T") => format!("TIME{rest}"),
        _ if is_key => format!("{}…{rest}", core.get(..1).unwrap()),
        _ => word.to_owned(),
    }
}

/// What a run wrote, tidied; and stdout as it was.
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) raw: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn out(self, expected: &Expect) -> Self {
        expected.assert_eq(&self.stdout);
        self
    }

    #[track_caller]
    pub(crate) fn err(self, expected: &Expect) -> Self {
        expected.assert_eq(&self.stderr);
        self
    }
}

/// The mode of a file, without its kind.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A component that imports instances of these names, and exports its first import under those.
pub(crate) fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let mut file = b"\0asm\x0d\0\x01\0".to_vec();
    if !imports.is_empty() {
        // One type: an instance with nothing in it.
        section(&mut file, 7, &[1, 0x42, 0]);
        let named = |name: &&str| [&[0, name.len() as u8], name.as_bytes(), &[5, 0]].concat();
        list(&mut file, 10, imports.iter().map(named).collect());
    }
    if !exports.is_empty() {
        let named = |name: &&str| [&[0, name.len() as u8], name.as_bytes(), &[5, 0, 0]].concat();
        list(&mut file, 11, exports.iter().map(named).collect());
    }
    file
}

fn list(file: &mut Vec<u8>, id: u8, entries: Vec<Vec<u8>>) {
    section(file, id, &[vec![entries.len() as u8], entries.concat()].concat());
}

/// A section of at most 16383 bytes.
pub(crate) fn section(file: &mut Vec<u8>, id: u8, content: &[u8]) {
    file.push(id);
    match content.len() {
        length @ 0..128 => file.push(length as u8),
        length => file.extend([(length & 0x7f) as u8 | 0x80, (length >> 7) as u8]),
    }
    file.extend_from_slice(content);
}

pub(crate) const CLAIMS: &str = "\
# what it is
name: orders-api
version: 0.1.0
revision: 3
expires: 90d
claims:
  keyvalue:
    - bucket: orders
      prefix: order/
      verbs: [read, write, increment]
      size: 64KiB
  logging: { level: info, rate: 200/s }
  blobstore: []
limits: { memory: 32MiB, time: 500ms }
";
