//! Reading a log, and finding what was done to it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::chain::Head;
use super::event::{Event, Record};
use super::file::{LINE, list, read_head};

/// A log whose chain holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The number of its first line; above 1 where older files were removed.
    pub first: u64,
    /// Its end.
    pub head: Head,
    /// The numbers of the records that say that others before them are missing.
    pub missing: Vec<u64>,
    /// How many events could not be written down.
    pub lost: u64,
}

/// Where a log does not hold.
#[derive(Debug, thiserror::Error)]
#[error("{}:{line}: {flaw}", file.display())]
pub struct Broken {
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1; 0 where it is about the whole.
    pub line: usize,
    /// What is wrong there.
    pub flaw: Flaw,
}

/// What is wrong with a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// A file that cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line that is not a record.
    #[error("this is not a record: {0}")]
    Record(String),
    /// A line with another number than its place.
    #[error("this is record {found}, and {expected} belongs here: records were removed, added or moved")]
    Number {
        /// The number that belongs there.
        expected: u64,
        /// The number that stands there.
        found: u64,
    },
    /// A line that does not follow from the one before.
    #[error("the record before this one was changed, or this one does not follow it")]
    Chain,
    /// The beginning is gone, and no record says that it was removed.
    #[error("the records before {0} are gone, and nothing says why")]
    Beginning(u64),
    /// There are records, and no head beside them that can be read.
    #[error("the head that is kept beside the records is gone or damaged: records may have been cut off")]
    NoHead,
    /// The log does not have the record that it should.
    #[error("the log should have {expected}, and ends at {found}: records were cut off, or changed")]
    Head {
        /// The record.
        expected: Head,
        /// Where it ends.
        found: Head,
    },
}

/// Follows the chain of a log from its first line to its last.
///
/// The head that is kept beside the lines must be one of the records, and so must `expected`, where one is given: somebody who
/// can write the folder can change the log *and* the head in it, but not what was written down elsewhere. A log may have
/// grown since, while a host writes it or where it ended before it kept the head.
///
/// # Errors
/// The first [`Broken`] place.
pub fn verify(folder: &Path, expected: Option<Head>) -> Result<Report, Broken> {
    let whole = |flaw: Flaw| Broken { file: folder.to_owned(), line: 0, flaw };
    // Before the lines are read: what is written meanwhile comes after it.
    let kept = match read_head(folder) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(whole(Flaw::NoHead)),
        kept => kept.map_err(|error| whole(error.into()))?,
    };
    let wanted = kept.into_iter().chain(expected).filter(|head| *head != Head::START).collect();
    let report = Report { first: 0, head: Head::START, missing: Vec::new(), lost: 0 };
    let mut walk = Walk { report, begins: None, pruned: None, wanted };
    for entry in records(folder).map_err(|error| whole(error.into()))? {
        let line = entry?;
        walk.step(&line).map_err(|flaw| Broken { file: line.file.clone(), line: line.number, flaw })?;
    }
    if kept.is_none() && walk.report.first > 0 {
        return Err(whole(Flaw::NoHead));
    }
    walk.end().map_err(whole)
}

/// How far the chain was followed.
struct Walk {
    report: Report,
    /// What the first line says was before it, where that is not the start.
    begins: Option<String>,
    /// The last head up to which a record says that files were removed.
    pruned: Option<Head>,
    /// The heads that were not met yet, and must be.
    wanted: Vec<Head>,
}

impl Walk {
    fn step(&mut self, line: &Line) -> Result<(), Flaw> {
        let record = line.record.as_ref().map_err(|reason| Flaw::Record(reason.clone()))?;
        let Report { first, head, missing, lost } = &mut self.report;
        if *first == 0 {
            *first = record.seq;
            if record.seq != 1 || record.prev != Head::START.hex() {
                self.begins = Some(record.prev.clone());
            }
        } else if record.seq != head.seq.saturating_add(1) {
            return Err(Flaw::Number { expected: head.seq.saturating_add(1), found: record.seq });
        } else if record.prev != head.hex() {
            return Err(Flaw::Chain);
        }
        match &record.event {
            Event::Pruned { through } => self.pruned = through.parse().ok(),
            Event::Missing { .. } => missing.push(record.seq),
            Event::Lost { count } => *lost = lost.saturating_add(*count),
            _ => {}
        }
        *head = Head::after(record.seq, &line.bytes);
        self.wanted.retain(|wanted| wanted != head);
        Ok(())
    }

    fn end(self) -> Result<Report, Flaw> {
        let (first, found) = (self.report.first, self.report.head);
        if let Some(prev) = &self.begins {
            let removed = self.pruned.filter(|head| head.seq.saturating_add(1) >= first);
            let follows = removed.is_some_and(|head| head.seq >= first || head.hex() == *prev);
            if !follows {
                return Err(Flaw::Beginning(first));
            }
        }
        match self.wanted.first() {
            Some(expected) => Err(Flaw::Head { expected: *expected, found }),
            None => Ok(self.report),
        }
    }
}

/// A line of a log.
#[derive(Debug)]
pub struct Line {
    /// The file it is in.
    pub file: PathBuf,
    /// Its number in that file, from 1.
    pub number: usize,
    /// Its bytes, without its end.
    pub bytes: Vec<u8>,
    /// What it says, or why it cannot be read.
    pub record: Result<Record, String>,
}

/// The lines of a log, the oldest first. Nothing is verified.
///
/// # Errors
/// The system's, where the folder cannot be read; of each file, where that cannot.
pub fn records(folder: &Path) -> io::Result<impl Iterator<Item = Result<Line, Broken>>> {
    Ok(list(folder)?.into_iter().flat_map(|(_, path)| lines(path)))
}

fn lines(path: PathBuf) -> Box<dyn Iterator<Item = Result<Line, Broken>>> {
    let broken = |path: &Path, line, error| Broken { file: path.to_owned(), line, flaw: Flaw::Io(error) };
    let mut file = match File::open(&path) {
        Ok(file) => BufReader::new(file),
        Err(error) => return Box::new(std::iter::once(Err(broken(&path, 0, error)))),
    };
    let mut number = 0_usize;
    Box::new(std::iter::from_fn(move || {
        number = number.saturating_add(1);
        match line(&mut file) {
            Ok(None) => None,
            Ok(Some((bytes, record))) => Some(Ok(Line { file: path.clone(), number, bytes, record })),
            Err(error) => Some(Err(broken(&path, number, error))),
        }
    }))
}

/// The bytes of a line, and what they say.
type Said = (Vec<u8>, Result<Record, String>);

/// One line of bounded length.
fn line(file: &mut impl BufRead) -> io::Result<Option<Said>> {
    let mut bytes = Vec::new();
    file.by_ref().take(LINE).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let record = match bytes.pop() {
        Some(b'\n') => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
        _ => Err("it has no end".to_owned()),
    };
    Ok(Some((bytes, record)))
}
