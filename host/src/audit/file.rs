//! The files: appended to, closed at a size, and the oldest removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::chain::Head;
use super::event::{Event, Record};
use super::{Bounds, now};

/// No line is as long as this: what others chose is cut where an event is made.
pub(super) const LINE: u64 = 1 << 20;

/// The log's files, with the last one open.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    bounds: Bounds,
    last: File,
    length: u64,
    head: Head,
    /// Whether half a line may stand behind the whole ones.
    torn: bool,
    /// How many events could not be written since the last one that could.
    lost: u64,
}

/// The head that lies beside a log.
enum Kept {
    Nothing,
    Unreadable,
    Head(Head),
}

impl Files {
    pub(super) fn open(folder: &Path, bounds: Bounds) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let kept = match read_head(folder) {
            Err(error) if error.kind() == ErrorKind::InvalidData => Kept::Unreadable,
            kept => kept?.map_or(Kept::Nothing, Kept::Head),
        };
        let existing = list(folder)?;
        let Some((_, path)) = existing.last() else {
            let mut files = Self::begin(folder, bounds, Head::START)?;
            files.note_missing(&kept)?;
            // Before the first line, so that there never are lines without a head.
            keep_head(folder, files.head)?;
            return Ok(files);
        };
        let mut last = OpenOptions::new().read(true).append(true).custom_flags(NOFOLLOW).open(path)?;
        let (length, torn) = whole_lines(&mut last)?;
        if torn > 0 {
            last.set_len(length)?;
        }
        let head = match last_line(&mut last, length)? {
            Some(line) => Head::after(number(&line)?, &line),
            // Its first line was torn: its name says where it goes on, the file before it with what.
            None => end_of(existing.iter().rev().nth(1).map(|(_, path)| path.as_path()))?,
        };
        let mut files = Self { folder: folder.to_owned(), bounds, last, length, head, torn: false, lost: 0 };
        files.note_missing(&kept)?;
        if torn > 0 {
            files.append(&Event::Mended { bytes: torn }, now())?;
        }
        Ok(files)
    }

    fn begin(folder: &Path, bounds: Bounds, head: Head) -> io::Result<Self> {
        let path = folder.join(format!("{:020}{ENDING}", head.seq.saturating_add(1)));
        // First what may fail. A file that was made before something failed is empty, and is taken the next time.
        let names = File::open(folder)?;
        let options =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).custom_flags(NOFOLLOW).clone();
        let last = options.open(path)?;
        if last.metadata()?.len() > 0 {
            return Err(ErrorKind::AlreadyExists.into());
        }
        names.sync_all()?;
        Ok(Self { folder: folder.to_owned(), bounds, last, length: 0, head, torn: false, lost: 0 })
    }

    /// A log that ends before its head was cut, or is another's. So may be one whose head is gone.
    fn note_missing(&mut self, kept: &Kept) -> io::Result<()> {
        let kept = match kept {
            Kept::Nothing if self.head == Head::START => return Ok(()),
            Kept::Nothing => "none".to_owned(),
            Kept::Unreadable => "unreadable".to_owned(),
            Kept::Head(kept) if kept.seq > self.head.seq || (kept.seq == self.head.seq && *kept != self.head) => {
                kept.to_string()
            }
            Kept::Head(_) => return Ok(()),
        };
        self.append(&Event::Missing { kept }, now())
    }

    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// Writes an event. Before the first one that can be written after others could not, how many those were.
    pub(super) fn append(&mut self, event: &Event, at: u64) -> io::Result<()> {
        let written = self.tell_lost(at).and_then(|()| self.put(event, at));
        if written.is_err() {
            self.lost = self.lost.saturating_add(1);
        }
        written
    }

    fn tell_lost(&mut self, at: u64) -> io::Result<()> {
        if self.lost > 0 {
            self.put(&Event::Lost { count: self.lost }, at)?;
            self.lost = 0;
        }
        Ok(())
    }

    fn put(&mut self, event: &Event, at: u64) -> io::Result<()> {
        if self.length >= self.bounds.file {
            self.rotate()?;
        }
        self.write(event, at)?;
        // The line is in the log, and the next one vouches for it. Only a crash now may lose it.
        if let Err(error) = self.last.sync_data().and_then(|()| keep_head(&self.folder, self.head)) {
            tracing::error!(target: "writ::audit", %error, event = event.name(), "an event is written down, but may not last");
        }
        Ok(())
    }

    fn write(&mut self, event: &Event, at: u64) -> io::Result<()> {
        let seq = self.head.seq.saturating_add(1);
        let record = Record { seq, at, prev: self.head.hex(), event: event.clone() };
        let mut line = serde_json::to_vec(&record)?;
        // A longer one would not be found again at the next start.
        if u64::try_from(line.len()).unwrap_or(u64::MAX) >= LINE {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is too long for a line"));
        }
        let head = Head::after(seq, &line);
        line.push(b'\n');
        // Half a line would break the chain for all that follow.
        if std::mem::replace(&mut self.torn, true) {
            self.last.set_len(self.length)?;
        }
        if let Err(error) = self.last.write_all(&line) {
            self.torn = self.last.set_len(self.length).is_err();
            return Err(error);
        }
        self.torn = false;
        self.length = self.length.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        self.head = head;
        Ok(())
    }

    /// Begins the next file, and removes the oldest beyond those that are kept.
    fn rotate(&mut self) -> io::Result<()> {
        self.last.sync_all()?;
        *self = Self { lost: self.lost, ..Self::begin(&self.folder, self.bounds, self.head)? };
        let existing = list(&self.folder)?;
        let excess = existing.len().saturating_sub(self.bounds.files.max(1));
        let Some((_, newest)) = excess.checked_sub(1).and_then(|last| existing.get(last)) else { return Ok(()) };
        let through = end_of(Some(newest))?.to_string();
        // Said first: a crash in between leaves more than is said, and never less.
        self.write(&Event::Pruned { through }, now())?;
        self.last.sync_data()?;
        existing.iter().take(excess).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// The files of a log, the oldest first, each with the number of its first line.
pub(super) fn list(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let first = name.strip_suffix(ENDING).filter(|digits| digits.len() == 20);
        if let Some(first) = first.and_then(|digits| digits.parse().ok()) {
            files.push((first, path));
        }
    }
    files.sort();
    Ok(files)
}

/// The head that was kept for a log; none where there is no such file.
pub(super) fn read_head(folder: &Path) -> io::Result<Option<Head>> {
    let mut text = String::new();
    match File::open(folder.join(HEAD)) {
        Ok(file) => file.take(200).read_to_string(&mut text)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    text.trim().parse().map(Some).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

/// Written beside its place and renamed into it, whole: a crash leaves this one or the one before.
fn keep_head(folder: &Path, head: Head) -> io::Result<()> {
    let beside = folder.join("head.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    writeln!(file, "{head}")?;
    file.sync_data()?;
    fs::rename(beside, folder.join(HEAD))
}

/// How many bytes of a file are whole lines, and how many follow them.
fn whole_lines(file: &mut File) -> io::Result<(u64, u64)> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(LINE);
    let tail = read_from(file, from)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at.saturating_add(1));
    if whole == 0 && from > 0 {
        return Err(invalid("its last line has no end"));
    }
    let whole = from.saturating_add(u64::try_from(whole).unwrap_or(0));
    Ok((whole, length.saturating_sub(whole)))
}

/// The last line of a file of whole lines, without its end.
fn last_line(file: &mut File, length: u64) -> io::Result<Option<Vec<u8>>> {
    let from = length.saturating_sub(LINE.saturating_add(1));
    let mut tail = read_from(file, from)?;
    tail.truncate(usize::try_from(length.saturating_sub(from)).unwrap_or(usize::MAX));
    if tail.pop().is_none() {
        return Ok(None);
    }
    let start = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at.saturating_add(1));
    if start == 0 && from > 0 {
        return Err(invalid("its last line has no beginning"));
    }
    Ok(Some(tail.split_off(start)))
}

/// The head at the end of a closed file; the start where there is none.
fn end_of(path: Option<&Path>) -> io::Result<Head> {
    let Some(path) = path else { return Ok(Head::START) };
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    match last_line(&mut file, length)? {
        Some(line) => Ok(Head::after(number(&line)?, &line)),
        None => Err(invalid("a closed file is empty")),
    }
}

fn number(line: &[u8]) -> io::Result<u64> {
    let record: Record = serde_json::from_slice(line).map_err(|error| invalid(&error.to_string()))?;
    Ok(record.seq)
}

fn read_from(file: &mut File, from: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(LINE.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("it is no audit log: {what}"))
}

/// How the files' names end, behind the number of the first line in 20 digits.
const ENDING: &str = ".jsonl";
/// Where the head is kept.
const HEAD: &str = "head";
const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
