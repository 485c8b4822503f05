#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const SMALL: Bounds = Bounds { file: 400, files: 3, every: Duration::from_secs(1), uses: true };

fn event(number: usize) -> Event {
    Event::Withdrawn { application: format!("app-{number}"), generation: 1 }
}

/// A log of so many events, closed in order.
fn log(events: usize, bounds: Bounds) -> (TempDir, Head) {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::open(folder.path(), bounds).unwrap();
    (0..events).for_each(|number| audit.record(&event(number)));
    let head = audit.head();
    (folder, head)
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    file::list(folder.path()).unwrap().into_iter().map(|(_, path)| path).collect()
}

fn applications(folder: &TempDir) -> Vec<String> {
    let name = |line: Result<Line, Broken>| match line.unwrap().record.unwrap().event {
        Event::Withdrawn { application, .. } => application,
        other => other.name().to_owned(),
    };
    records(folder.path()).unwrap().map(name).collect()
}

/// What `verify` says of a log whose one file was edited.
#[track_caller]
fn check(edit: impl Fn(&mut Vec<String>), expected: &str) {
    let (folder, _) = log(5, Bounds::default());
    let path = &files(&folder)[0];
    let mut lines: Vec<_> = fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    edit(&mut lines);
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let said = match verify(folder.path(), None) {
        Ok(report) => format!("holds to {}", report.head.seq),
        Err(broken) => format!("{}: {}", broken.line, broken.flaw),
    };
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn what_was_done_to_a_log_is_found() {
    check(|_| {}, "holds to 5");
    check(|lines| lines[1] = lines[1].replace("app-1", "app-9"), "3: the record before this one was changed");
    check(|lines| lines[4] = lines[4].replace("app-4", "app-9"), "0: the log should have 5:");
    check(|lines| drop(lines.remove(2)), "3: this is record 4, and 3 belongs here");
    check(|lines| drop(lines.remove(0)), "0: the records before 2 are gone");
    check(|lines| lines.swap(1, 2), "2: this is record 3, and 2 belongs here");
    check(|lines| lines.truncate(3), "0: the log should have 5:");
    check(Vec::clear, "0: the log should have 5:");
    check(|lines| lines.push(lines[4].clone()), "6: this is record 5, and 6 belongs here");
    check(|lines| lines[2] = "{}".to_owned(), "3: this is not a record");
    check(|lines| lines[2] = lines[2].replace("withdrawn", "invented"), "3: this is not a record");
    check(|lines| lines[2].insert(1, ' '), "4: the record before this one was changed");
}

#[test]
fn a_log_that_was_made_anew_is_found_by_the_head_that_was_written_down() {
    let (folder, head) = log(5, Bounds::default());
    assert_eq!(verify(folder.path(), Some(head)).unwrap().head, head);
    let (forged, other) = log(5, Bounds::default());
    assert!(verify(forged.path(), None).is_ok());
    // The times differ, so the hashes do, unless both were written within one millisecond.
    if head != other {
        let broken = verify(forged.path(), Some(head)).unwrap_err();
        assert!(matches!(broken.flaw, Flaw::Head { .. }), "{broken}");
    }
    assert!(verify(folder.path(), Some(format!("9:{}", head.hex()).parse().unwrap())).is_err());
}

#[test]
fn a_log_may_have_grown_since_the_head_was_written_down() {
    let (folder, head) = log(5, Bounds::default());
    Audit::open(folder.path(), Bounds::default()).unwrap().record(&event(5));
    let report = verify(folder.path(), Some(head)).unwrap();
    assert_eq!((report.first, report.head.seq), (1, 6));
}

#[test]
fn a_log_goes_on_where_it_ended() {
    let (folder, _) = log(3, SMALL);
    let audit = Audit::open(folder.path(), SMALL).unwrap();
    audit.record(&event(3));
    assert_eq!(applications(&folder), ["app-0", "app-1", "app-2", "app-3"]);
    let report = Report { first: 1, head: audit.head(), missing: Vec::new(), lost: 0 };
    assert_eq!(verify(folder.path(), None).unwrap(), report);
}

#[test]
fn it_is_bounded_and_says_what_was_removed() {
    let (folder, head) = log(200, SMALL);
    assert_eq!(files(&folder).len(), 3);
    let report = verify(folder.path(), Some(head)).unwrap();
    assert_eq!(report.head, head);
    assert!(report.first > 150, "{report:?}");
    // Removing one more of the closed files is no pruning of ours.
    fs::remove_file(&files(&folder)[0]).unwrap();
    assert!(matches!(verify(folder.path(), None).unwrap_err().flaw, Flaw::Beginning(_)));
    let (folder, _) = log(200, SMALL);
    fs::remove_file(&files(&folder)[1]).unwrap();
    assert!(matches!(verify(folder.path(), None).unwrap_err().flaw, Flaw::Number { .. }));
}

#[test]
fn a_torn_line_is_mended_and_told() {
    for torn in ["{", "{\"seq\":4", "\u{1F600}"] {
        let (folder, _) = log(3, Bounds::default());
        let path = &files(&folder)[0];
        let mut bytes = fs::read(path).unwrap();
        bytes.extend(torn.as_bytes());
        fs::write(path, bytes).unwrap();
        assert!(verify(folder.path(), None).unwrap_err().to_string().contains("it has no end"));
        Audit::open(folder.path(), Bounds::default()).unwrap().record(&event(3));
        assert_eq!(applications(&folder), ["app-0", "app-1", "app-2", "mended", "app-3"]);
        verify(folder.path(), None).unwrap();
    }
}

#[test]
fn a_torn_first_line_of_a_file_is_mended_too() {
    // None is removed: that is said by the first line of a file, which is on disk before anything is removed.
    let bounds = Bounds { files: 100, ..SMALL };
    let (folder, head) = log(20, bounds);
    let last = files(&folder).pop().unwrap();
    let before = fs::read_to_string(&last).unwrap();
    let first = before.lines().next().unwrap();
    fs::write(&last, &first[..first.len() / 2]).unwrap();
    let audit = Audit::open(folder.path(), bounds).unwrap();
    // The head that was kept is of a line that is gone.
    assert!(applications(&folder).contains(&"missing".to_owned()), "{head} {:?}", applications(&folder));
    audit.record(&event(20));
    verify(folder.path(), None).unwrap();
}

#[test]
fn a_log_that_was_cut_goes_on_and_says_so() {
    let (folder, head) = log(5, Bounds::default());
    let path = &files(&folder)[0];
    let lines: Vec<_> = fs::read_to_string(path).unwrap().lines().take(3).map(|line| format!("{line}\n")).collect();
    fs::write(path, lines.concat()).unwrap();
    Audit::open(folder.path(), Bounds::default()).unwrap();
    assert_eq!(applications(&folder), ["app-0", "app-1", "app-2", "missing"]);
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(&head.to_string()), "{text}");
    assert_eq!(verify(folder.path(), None).unwrap().missing, [4]);
    // By what was written down elsewhere it is still found.
    assert!(matches!(verify(folder.path(), Some(head)).unwrap_err().flaw, Flaw::Head { .. }));
}

#[test]
fn what_is_no_log_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("00000000000000000001.jsonl");
    fs::write(&path, "hello\n").unwrap();
    assert!(Audit::open(folder.path(), SMALL).is_err());
    assert_eq!(fs::read_to_string(path).unwrap(), "hello\n");
}

#[test]
fn what_has_no_room_in_a_line_is_left_out_and_the_log_goes_on() {
    let (folder, _) = log(2, Bounds::default());
    let audit = Audit::open(folder.path(), Bounds::default()).unwrap();
    audit.record(&Event::Withdrawn { application: "a".repeat(2 << 20), generation: 1 });
    audit.record(&event(2));
    drop(audit);
    Audit::open(folder.path(), Bounds::default()).unwrap().record(&event(3));
    assert_eq!(applications(&folder), ["app-0", "app-1", "lost", "app-2", "app-3"]);
    assert_eq!(verify(folder.path(), None).unwrap().lost, 1);
}

/// What is said of a log whose head file was edited: by `verify`, and by it again once a host opened the log.
#[track_caller]
fn check_head(edit: impl Fn(&Path), expected: &str, after: &str) {
    let (folder, _) = log(5, Bounds::default());
    edit(&folder.path().join("head"));
    let said = || match verify(folder.path(), None) {
        Ok(report) => format!("holds to {}, missing before {:?}", report.head.seq, report.missing),
        Err(broken) => broken.flaw.to_string(),
    };
    assert!(said().starts_with(expected), "{}", said());
    Audit::open(folder.path(), Bounds::default()).unwrap().record(&event(5));
    assert_eq!(said(), after);
}

#[test]
fn a_head_that_is_not_the_last_line_s() {
    let gone = "the head that is kept beside the records is gone or damaged";
    check_head(|path| fs::remove_file(path).unwrap(), gone, "holds to 7, missing before [6]");
    check_head(|path| fs::write(path, "").unwrap(), gone, "holds to 7, missing before [6]");
    check_head(|path| fs::write(path, [0xff; 70]).unwrap(), gone, "holds to 7, missing before [6]");
    let later = format!("9:{}", "0".repeat(64));
    check_head(|path| fs::write(path, &later).unwrap(), "the log should have 9:", "holds to 7, missing before [6]");
    // What a crash between a line and its head leaves, and what is there while a host writes.
    let (folder, head) = log(3, Bounds::default());
    let audit = Audit::open(folder.path(), Bounds::default()).unwrap();
    audit.record(&event(3));
    fs::write(folder.path().join("head"), head.to_string()).unwrap();
    assert_eq!(verify(folder.path(), None).unwrap().head, audit.head());
    fs::write(folder.path().join("head"), Head::START.to_string()).unwrap();
    assert_eq!(verify(folder.path(), None).unwrap().head, audit.head());
    Audit::open(folder.path(), Bounds::default()).unwrap().record(&event(4));
    assert_eq!(verify(folder.path(), None).unwrap().missing, [0; 0]);
}

#[test]
fn a_log_of_no_lines_has_a_head() {
    let folder = tempfile::tempdir().unwrap();
    Audit::open(folder.path(), SMALL).unwrap();
    assert_eq!(file::read_head(folder.path()).unwrap(), Some(Head::START));
    Audit::open(folder.path(), SMALL).unwrap().record(&event(0));
    assert_eq!(verify(folder.path(), None).unwrap().missing, [0; 0]);
}

/// Such as where a disk was full for a while.
#[test]
fn what_could_not_be_written_is_counted() {
    let (folder, _) = log(2, SMALL);
    let audit = Audit::open(folder.path(), SMALL).unwrap();
    // A folder in the place of the file that comes next.
    while fs::metadata(files(&folder).last().unwrap()).unwrap().len() < SMALL.file {
        audit.record(&event(9));
    }
    let next = folder.path().join(format!("{:020}.jsonl", audit.head().seq + 1));
    fs::create_dir(&next).unwrap();
    for number in 0..3 {
        audit.record(&event(number));
    }
    fs::remove_dir(&next).unwrap();
    // As a start that failed half way leaves it.
    fs::write(&next, "").unwrap();
    audit.record(&event(7));
    audit.record(&event(8));
    let written = applications(&folder);
    assert_eq!(written.iter().rev().take(3).rev().collect::<Vec<_>>(), ["lost", "app-7", "app-8"]);
    let report = verify(folder.path(), None).unwrap();
    assert_eq!((report.lost, report.head), (3, audit.head()));
}

/// The line is in the log, so it is not lost.
#[test]
fn a_head_that_cannot_be_kept_loses_no_line() {
    let (folder, _) = log(2, Bounds::default());
    let audit = Audit::open(folder.path(), Bounds::default()).unwrap();
    fs::create_dir(folder.path().join("head.new")).unwrap();
    audit.record(&event(2));
    fs::remove_dir(folder.path().join("head.new")).unwrap();
    audit.record(&event(3));
    assert_eq!(applications(&folder), ["app-0", "app-1", "app-2", "app-3"]);
    assert_eq!(verify(folder.path(), None).unwrap().head, audit.head());
}

#[test]
fn a_head_is_written_as_it_is_read() {
    let (_folder, head) = log(2, SMALL);
    assert_eq!(head.to_string().parse(), Ok(head));
    for wrong in ["", ":", "1", "1:", "1:00", "+1:", "x:00", " 1:00"] {
        let padded = format!("{wrong}{}", "0".repeat(64));
        assert_eq!(wrong.parse::<Head>(), Err(InvalidHead), "{wrong}");
        if !matches!(wrong, "1:") {
            assert_eq!(padded.parse::<Head>(), Err(InvalidHead), "{padded}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_changed_byte_is_found(at in 0.0..1.0_f64, bit in 0..8_u32) {
        let (folder, _) = log(12, SMALL);
        let files = files(&folder);
        let mut all: Vec<_> = files.iter().map(|path| fs::read(path).unwrap()).collect();
        let total: usize = all.iter().map(Vec::len).sum();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let mut at = ((total as f64) * at) as usize;
        for (path, bytes) in files.iter().zip(&mut all) {
            if at < bytes.len() {
                bytes[at] ^= 1 << bit;
                fs::write(path, &*bytes).unwrap();
                prop_assert!(verify(folder.path(), None).is_err());
                return Ok(());
            }
            at -= bytes.len();
        }
    }
}
