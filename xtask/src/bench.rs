//! Running the benches, and writing their tables into `docs/performance.md`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::guests::{self, Languages};
use crate::workspace::{Workspace, output};

/// Runs all benches, or the one that is named. The prose around their tables stays as it was written.
pub(crate) fn run(workspace: &Workspace, names: &[String]) -> Result<()> {
    let names: Vec<&str> = match names {
        [] => BENCHES.to_vec(),
        names => names.iter().map(String::as_str).collect(),
    };
    if let Some(unknown) = names.iter().find(|name| !BENCHES.contains(name)) {
        bail!("there is no bench `{unknown}`\nhint: they are {}", BENCHES.join(", "));
    }
    let is_for_all = names.iter().any(|name| OF_ALL_LANGUAGES.contains(name));
    let languages = if is_for_all { Languages::All } else { Languages::Rust };
    let [writ, benches] = guests::build_for_benches(workspace, languages)?;
    let page = workspace.root().join("docs").join("performance.md");
    let measured_on = measured_on(workspace.root())?;
    for name in names {
        let mut command = Command::new(&benches);
        command.env("WRIT_HOME", workspace.home()).env("WRIT_GUESTS", workspace.guests()).env("WRIT_BIN", &writ);
        let table = String::from_utf8(output(command.arg(name))?)?;
        let text = fs::read_to_string(&page).with_context(|| page.display().to_string())?;
        let text = replaced(&text, name, &format!("{table}\n{measured_on}\n"));
        let text = text.with_context(|| format!("{} has no place for `{name}`", page.display()))?;
        fs::write(&page, text)?;
    }
    Ok(())
}

/// The page with new text between the two comments that name the bench.
fn replaced(page: &str, name: &str, text: &str) -> Option<String> {
    let (start, end) = (format!("<!-- measured: {name} -->\n"), format!("<!-- end: {name} -->"));
    let (before, rest) = page.split_once(&start)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{start}{text}{end}{after}"))
}

/// What a figure is worth nothing without: the machine, the versions and the day.
fn measured_on(root: &Path) -> Result<String> {
    let [cpus, memory] =
        ["cpuinfo", "meminfo"].map(|file| fs::read_to_string(Path::new("/proc").join(file)).unwrap_or_default());
    let model = field(&cpus, "model name").unwrap_or("a processor that is not named");
    let cores = std::thread::available_parallelism()?;
    let kibibytes: u64 = field(&memory, "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
    let lock = fs::read_to_string(root.join("Cargo.lock"))?;
    let wasmtime = locked(&lock, "wasmtime").context("Cargo.lock names no wasmtime")?;
    let rustc = String::from_utf8(output(Command::new("rustc").arg("-V"))?)?;
    let rustc = rustc.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let day = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 86_400;
    let (year, month, day) = date(day);
    let gibibytes = kibibytes.div_ceil(1 << 20);
    Ok(format!(
        "Measured on {year}-{month:02}-{day:02}: {cores} cores ({model}), {gibibytes} GiB; wasmtime {wasmtime}, {rustc}."
    ))
}

/// A field of a file such as `/proc/cpuinfo`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim())
}

/// The version of a package in `Cargo.lock`.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split('"').next()
}

/// Year, month and day of a day since 1970 in the Gregorian calendar.
fn date(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

/// What `writ-benches` knows, in the order of the page.
const BENCHES: &[&str] =
    &["calls", "imports", "links", "prepare", "languages", "verify", "http", "start", "store", "orders", "many"];
/// Those that need the guests in other languages than Rust.
const OF_ALL_LANGUAGES: &[&str] = &["prepare", "languages"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_replaces_the_one_before() {
        let page = "# P\n<!-- measured: a -->\nold\n<!-- end: a -->\nwhy\n<!-- measured: b -->\n<!-- end: b -->\n";
        let expected = "# P\n<!-- measured: a -->\nnew\n<!-- end: a -->\nwhy\n<!-- measured: b -->\n<!-- end: b -->\n";
        assert_eq!(replaced(page, "a", "new\n").as_deref(), Some(expected));
        assert_eq!(replaced(page, "c", "new\n"), None);
    }

    #[test]
    fn dates() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (11_322, (2000, 12, 31)),
            (20_513, (2026, 3, 1)),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
    }

    #[test]
    fn facts_are_found() {
        assert_eq!(field("a\t: 1\nmodel name\t: X 1\n", "model name"), Some("X 1"));
        let lock = "[[package]]\nname = \"wasmtime-a\"\nversion = \"1\"\n\n[[package]]\nname = \"wasmtime\"\nversion = \"2\"\n";
        assert_eq!(locked(lock, "wasmtime"), Some("2"));
    }
}
