//! Every threat of `docs/threats.md` with its tests. The page is the one list: a row's tests are those named after it,
//! `threat_NN_…`, and those it names besides.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

use crate::workspace::{self, Workspace};
use crate::{guests, suite};

/// Runs the tests of every row, and fails where the page names what is not there or what fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let page = std::fs::read_to_string(workspace.root().join(PAGE)).context(PAGE)?;
    let rows = rows(&page);
    let mut findings: Vec<String> = rows.iter().flat_map(|row| row.missing_files(workspace)).collect();
    let writ = guests::build_and_sign(workspace)?;
    let tests = |flags: &[&str]| {
        let mut tests = suite::tests(workspace, &writ);
        tests.args(["--lib", "--bins", "--tests", "--no-fail-fast", "--"]).args(flags);
        tests
    };
    let listed = workspace::output(&mut tests(&["--list", "--format", "terse"]))?;
    let known: BTreeSet<&str> =
        std::str::from_utf8(&listed)?.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    let (plan, wrong) = plan(&rows, &known);
    findings.extend(wrong);

    let wanted: BTreeSet<&str> = plan.values().flatten().copied().collect();
    let mut command = tests(&["--exact"]);
    let ran = command.args(&wanted).stderr(std::process::Stdio::inherit()).output().context("cargo test")?;
    let ran = String::from_utf8_lossy(&ran.stdout);
    let results = results(&ran);
    if results.values().any(|result| *result != "ok") {
        // What failed says why.
        print!("{ran}");
    }
    for row in &rows {
        let own = plan.get(&row.number).map_or(&[][..], Vec::as_slice);
        findings.extend(row.print(own, &results));
    }
    for finding in &findings {
        eprintln!("threats: {finding}");
    }
    if findings.is_empty() { Ok(()) } else { bail!("the tests and {PAGE} do not agree") }
}

/// A row of the page.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    number: u32,
    attack: String,
    /// Paths of the checkout.
    files: Vec<String>,
    /// Names of tests, from any part of their path on; `*` at the end stands for anything.
    tests: Vec<String>,
    /// Says what is still open.
    is_open: bool,
}

/// `| number | attack | defence | files | tests |`
fn rows(page: &str) -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split(" | ").map(str::trim).collect();
        let [number, attack, _, files, tests] = cells.as_slice() else { return None };
        Some(Row {
            number: number.parse().ok()?,
            attack: (*attack).to_owned(),
            files: quoted(files),
            tests: quoted(tests),
            is_open: tests.contains("open"),
        })
    };
    page.lines().filter_map(row).collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

impl Row {
    fn missing_files(&self, workspace: &Workspace) -> Vec<String> {
        let missing = self.files.iter().filter(|file| !workspace.root().join(file).exists());
        missing.map(|file| format!("row {} names {file}, which is not there", self.number)).collect()
    }

    /// Prints the row with the results of its tests, and returns what is wrong with them.
    fn print(&self, own: &[&str], results: &BTreeMap<&str, &str>) -> Vec<String> {
        let result = |test: &&str| results.get(*test).copied().unwrap_or("did not run");
        let bad: Vec<_> = own.iter().filter(|test| result(test) != "ok").collect();
        let word = match (bad.is_empty(), own.is_empty(), self.is_open) {
            (false, ..) => "FAILED",
            (true, true, _) => "open",
            (true, false, true) => "ok, part open",
            (true, false, false) => "ok",
        };
        println!("{:>2}  {word:<13}  {:>2} tests  {}", self.number, own.len(), self.attack);
        for test in own {
            println!("      {:<11}  {test}", result(test));
        }
        bad.iter().map(|test| format!("row {}: {test}: {}", self.number, result(test))).collect()
    }
}

/// The tests of each row in full, and what is wrong with the page.
fn plan<'a>(rows: &[Row], known: &BTreeSet<&'a str>) -> (BTreeMap<u32, Vec<&'a str>>, Vec<String>) {
    let (mut plan, mut wrong) = (BTreeMap::<u32, Vec<&str>>::new(), Vec::new());
    for (index, row) in rows.iter().enumerate() {
        if row.number as usize != index + 1 {
            wrong.push(format!("row {} stands where row {} should", row.number, index + 1));
        }
        let own = format!("threat_{:02}_*", row.number);
        let mut tests: BTreeSet<&str> = known.iter().copied().filter(|test| is_named(test, &own)).collect();
        for name in &row.tests {
            let before = tests.len();
            let mut found = known.iter().copied().filter(|test| is_named(test, name)).peekable();
            if found.peek().is_none() {
                wrong.push(format!("row {} names the test {name}, which is not there", row.number));
            }
            tests.extend(found);
            if before == tests.len() && !name.ends_with('*') && known.iter().any(|test| is_named(test, name)) {
                wrong.push(format!("row {} names the test {name} twice", row.number));
            }
        }
        if tests.is_empty() && !row.is_open {
            wrong.push(format!("row {} has no test, and does not say that it is open", row.number));
        }
        plan.insert(row.number, tests.into_iter().collect());
    }
    for test in known {
        let number =
            test.rsplit("::").next().and_then(|name| name.strip_prefix("threat_")?.split('_').next()?.parse().ok());
        if number.is_some_and(|number: u32| !plan.contains_key(&number)) {
            wrong.push(format!("{test} is of no row"));
        }
    }
    (plan, wrong)
}

/// Whether a test's path ends with this name; `*` at its end stands for anything in the last part.
fn is_named(test: &str, name: &str) -> bool {
    let Some(start) = name.strip_suffix('*') else {
        return test == name || test.strip_suffix(name).is_some_and(|front| front.ends_with("::"));
    };
    test.starts_with(start) || test.contains(&format!("::{start}"))
}

/// `test path ... ok`, by path. A path that is there twice is as bad as its worse one.
fn results(output: &str) -> BTreeMap<&str, &str> {
    let mut results = BTreeMap::new();
    for line in output.lines() {
        let Some((test, result)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) else {
            continue;
        };
        let worst = results.entry(test.trim_end_matches(" - should panic")).or_insert("ok");
        if *worst == "ok" {
            *worst = result;
        }
    }
    results
}

const PAGE: &str = "docs/threats.md";

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
| # | attack | defence | where | tests |
|---|---|---|---|---|
| 1 | strip | refused | `signing/src/verify.rs` | `tamper::strip`, `every_bit` |
| 2 | spectre | a coarse clock | `host/src/wasi/clocks.rs` | open: not measured |
";

    #[test]
    fn a_page_is_read() {
        let rows = rows(TEXT);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].number, rows[0].attack.as_str(), rows[0].is_open), (1, "strip", false));
        assert_eq!(rows[0].files, ["signing/src/verify.rs"]);
        assert_eq!(rows[0].tests, ["tamper::strip", "every_bit"]);
        assert!(rows[1].is_open && rows[1].tests.is_empty());
    }

    #[track_caller]
    fn check(known: &[&'static str], planned: &[(u32, &[&str])], wrong: &[&str]) {
        let (plan, found) = plan(&rows(TEXT), &known.iter().copied().collect());
        let planned: BTreeMap<u32, Vec<&str>> = planned.iter().map(|(row, tests)| (*row, tests.to_vec())).collect();
        assert_eq!((plan, found), (planned, wrong.iter().map(|text| (*text).to_owned()).collect()));
    }

    #[test]
    fn tests_are_found_by_the_page_and_by_their_names() {
        let all = ["a::tamper::strip", "every_bit", "x::threat_02_clock", "other"];
        check(&all, &[(1, &["a::tamper::strip", "every_bit"]), (2, &["x::threat_02_clock"])], &[]);
        let missing = "row 1 names the test every_bit, which is not there";
        check(&["tamper::strip", "nearly_every_bit"], &[(1, &["tamper::strip"]), (2, &[])], &[missing]);
        let stray = ["tamper::strip", "every_bit", "threat_03_x"];
        check(&stray, &[(1, &["every_bit", "tamper::strip"]), (2, &[])], &["threat_03_x is of no row"]);
    }

    #[test]
    fn results_are_read() {
        let output =
            "running 2 tests\ntest a::b ... ok\ntest c - should panic ... ok\ntest d ... FAILED\ntest d ... ok\n";
        assert_eq!(results(output), BTreeMap::from([("a::b", "ok"), ("c", "ok"), ("d", "FAILED")]));
    }
}
