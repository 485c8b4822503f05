//! A page of documentation, played command by command as its reader would type it.
//!
//! Of a page, its blocks of `console` are played, in order. A line `$ …` is a command, a line `> …` goes on with it, `^C` is
//! the key, and every other line is printed in answer, or, where it begins a block, by what runs already: `…` in it stands
//! for anything, and between two of them there may be more than is shown. A block ` ```console terminal=2` is typed in another terminal. A command that has not ended when the
//! next one comes is waited for, so what is to stay (`writ dev`) is the last in its terminal, until a `^C`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// The longest that one command of a page may take to print what is shown: some of them compile.
const PATIENCE: Duration = Duration::from_secs(900);

/// What a page says to type, and what it shows in answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// In which terminal, from 1.
    pub terminal: u8,
    /// Its line in the page.
    pub line: usize,
    /// What is typed.
    pub typed: Typed,
    /// What is shown in answer, line by line.
    pub shown: Vec<String>,
}

/// What a reader types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A command, of one line or several.
    Command(String),
    /// Ctrl-C.
    Interrupt,
    /// Nothing: a reader looks at what is printed meanwhile.
    Nothing,
}

/// The steps of a page.
#[must_use]
pub fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut block, mut is_begun) = (None, false);
    for (index, text) in page.lines().enumerate() {
        let line = index + 1;
        let Some(terminal) = block else {
            is_begun = false;
            block = text.strip_prefix("```console").map(|rest| match rest.trim().strip_prefix("terminal=") {
                Some(number) => number.parse().unwrap_or_else(|_| panic!("line {line}: which terminal?")),
                None => 1,
            });
            continue;
        };
        let step = |typed| Step { terminal, line, typed, shown: Vec::new() };
        if text == "```" {
            block = None;
        } else if let Some(command) = text.strip_prefix("$ ") {
            steps.push(step(Typed::Command(command.to_owned())));
        } else if text == "^C" {
            steps.push(step(Typed::Interrupt));
        } else {
            if !is_begun {
                steps.push(step(Typed::Nothing));
            }
            let last = steps.last_mut().expect("there is one, for the block is begun");
            match (&mut last.typed, text.strip_prefix("> ").or((text == ">").then_some(""))) {
                (Typed::Command(command), Some(more)) if last.shown.is_empty() => {
                    command.push('\n');
                    command.push_str(more);
                }
                _ => last.shown.push(text.to_owned()),
            }
        }
        is_begun = true;
    }
    steps
}

/// Whether a printed line is the one that is shown: `…` stands for anything.
#[must_use]
pub fn is_shown(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    true
}

/// Plays a page in a folder. `environment` is added to this process's.
///
/// # Panics
/// When a command does not print what the page shows, with all that it did print.
pub fn play(page: &str, folder: &Path, environment: &[(&str, String)]) {
    let mut terminals: BTreeMap<u8, Terminal> = BTreeMap::new();
    for step in steps(page) {
        let terminal = terminals.entry(step.terminal).or_insert_with(|| Terminal::open(folder, environment));
        match &step.typed {
            Typed::Command(command) => terminal.run(command, step.line),
            Typed::Interrupt => terminal.interrupt(),
            Typed::Nothing => {}
        }
        terminal.expect(&step.shown, step.line);
    }
    for terminal in terminals.values_mut() {
        terminal.expect_end();
    }
}

/// A shell that reads commands and keeps its folder, as a person's does.
struct Terminal {
    shell: Child,
    stdin: ChildStdin,
    printed: Arc<Mutex<Vec<String>>>,
    /// How many of its lines belong to earlier steps.
    seen: usize,
    /// How many commands were typed.
    typed: usize,
}

/// What the shell prints behind a command, with its number and its exit code.
const END: &str = "\u{1}end";

impl Terminal {
    fn open(folder: &Path, environment: &[(&str, String)]) -> Self {
        let mut shell = Command::new("bash");
        shell.args(["--norc", "--noprofile"]).current_dir(folder).process_group(0);
        shell.envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
        shell.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = shell.spawn().expect("bash is there");
        let mut stdin = shell.stdin.take().expect("it was asked for");
        // One order of lines, as a reader sees them. A Ctrl-C is for the command, not for the shell.
        stdin.write_all(b"exec 2>&1; trap : INT\n").expect("the shell reads");
        let printed = Arc::<Mutex<Vec<String>>>::default();
        let (lines, stdout) = (printed.clone(), shell.stdout.take().expect("it was asked for"));
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                lines.lock().expect("nobody panics with it").push(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Self { shell, stdin, printed, seen: 0, typed: 0 }
    }

    fn run(&mut self, command: &str, line: usize) {
        self.wait_for_end(line);
        self.seen = self.lines().len();
        self.typed += 1;
        let typed = format!("{command}\necho \"{END}{} $?\"\n", self.typed);
        self.stdin.write_all(typed.as_bytes()).expect("the shell reads");
    }

    fn interrupt(&mut self) {
        let shell = i32::try_from(self.shell.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process_group(shell, Signal::INT).expect("a signal can be sent");
    }

    fn lines(&self) -> Vec<String> {
        self.printed.lock().expect("nobody panics with it").clone()
    }

    /// The exit code of the command that was typed last, once it has ended.
    fn ended(&self) -> Option<i32> {
        let mark = format!("{END}{} ", self.typed);
        self.lines().iter().find_map(|line| line.split_once(&mark)?.1.trim().parse().ok())
    }

    fn wait_for_end(&self, line: usize) {
        let end = Instant::now() + PATIENCE;
        while self.typed > 0 && self.ended().is_none() {
            assert!(Instant::now() < end, "before line {line} of the page: nothing ends\n{}", self.shows());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until every line that the page shows was printed, in that order; after the last one it goes on from there.
    fn expect(&mut self, shown: &[String], line: usize) {
        let end = Instant::now() + PATIENCE;
        for wanted in shown.iter().filter(|wanted| wanted.trim() != "…" && !wanted.is_empty()) {
            loop {
                let had_ended = self.ended().is_some();
                let lines = self.lines();
                let found = lines.iter().skip(self.seen).position(|printed| is_shown(wanted, printed.trim_end()));
                if let Some(found) = found {
                    self.seen += found + 1;
                    break;
                }
                let hopeless = had_ended || Instant::now() > end;
                assert!(!hopeless, "line {line} of the page shows\n  {wanted}\nand there was\n{}", self.shows());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    fn expect_end(&mut self) {
        self.wait_for_end(0);
    }

    fn shows(&self) -> String {
        self.lines().iter().skip(self.seen).map(|line| format!("  | {line}\n")).collect()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.shell.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read() {
        let page = "x\n```console\n$ a \\\n> b\nout\n>not\n```\n$ no\n```console terminal=2\n^C\n$ c\n```\n```console\nd\n```\n";
        let command = |text: &str| Typed::Command(text.to_owned());
        let step = |terminal, line, typed, shown: &[&str]| Step {
            terminal,
            line,
            typed,
            shown: shown.iter().map(|line| (*line).to_owned()).collect(),
        };
        let expected = [
            step(1, 3, command("a \\\nb"), &["out", ">not"]),
            step(2, 10, Typed::Interrupt, &[]),
            step(2, 11, command("c"), &[]),
            step(1, 14, Typed::Nothing, &["d"]),
        ];
        assert_eq!(steps(page), expected);
    }

    #[test]
    fn dots_stand_for_anything() {
        let cases = [
            ("a", "a", true),
            ("a", "ab", false),
            ("a…", "ab", true),
            ("…b", "ab", true),
            ("a…c", "abc", true),
            ("a…c", "abcd", false),
            ("a…b…", "xab", false),
            ("a…b…d", "a-b-c-d", true),
            ("…", "", true),
        ];
        for (shown, printed, expected) in cases {
            assert_eq!(is_shown(shown, printed), expected, "{shown} {printed}");
        }
    }

    #[test]
    fn a_page_is_played() {
        let page = "```console\n$ cd /; x=1\n$ echo one; echo two; echo $x >&2; pwd\none\n…\n1\n/\n$ exec 3>&1; sleep 100\n```\n\
                    ```console terminal=2\n$ cat <<E\n> a\n> E\na\n```\n```console\n^C\n$ echo over\nover\n```\n";
        play(page, Path::new("/tmp"), &[]);
    }

    #[test]
    #[should_panic(expected = "line 2 of the page shows")]
    fn what_is_not_printed_fails() {
        play("```console\n$ echo one\ntwo\n```\n", Path::new("/tmp"), &[]);
    }
}
