//! `writ revoke`: what a key's holder takes back, in a list that hosts read.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use writ_signing::revocation::{Draft, Extent, List, MAX_LIST, Subject};
use writ_signing::{PublicKey, Role};

use crate::advice::Advice;
use crate::args::{Output, OutputArgs};
use crate::home::{Home, Named};
use crate::{Done, Outcome, clock, files, output, revocations};

/// Signs the next revocation list of an operator or an account: all that the last one said, and these. Without a subject it
/// says the same again, and is fresh. Hosts whose trust entry names a folder for lists want it there, under its name.
#[derive(Debug, clap::Args)]
pub(crate) struct Revoke {
    /// An account, a signing key, a component (names or keys A…, M…), or a digest sha256:…
    #[arg(value_name = "NAME|KEY|DIGEST")]
    subjects: Vec<String>,

    /// Whose list: an operator's, about accounts, or an account's, about its signing keys, components and digests
    #[arg(long, value_name = "NAME|KEY")]
    by: String,

    #[command(flatten)]
    extent: ExtentArgs,

    /// The folder of the list; its last one is read there [default: revoked in WRIT_HOME]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    #[command(flatten)]
    output: OutputArgs,
}

/// How much is revoked.
#[derive(Debug, clap::Args)]
pub(crate) struct ExtentArgs {
    /// Void what was said before then, and nothing later: `now`, 2026-11-21, or 2026-11-21T10:00:00Z [default: everything]
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
}

pub(crate) fn run(args: &Revoke, home: &Home) -> Done {
    let issuer = home.keys().find(&args.by)?;
    let folder = args.dir.clone().unwrap_or_else(|| home.revoked());
    let subjects = args.subjects.iter().map(|text| subject(text, home)).collect::<Result<Vec<_>>>()?;
    revoke(&issuer, &subjects, &args.extent, &folder, args.output.output)
}

/// Signs the next list in a folder.
pub(super) fn revoke(issuer: &Named, subjects: &[Subject], extent: &ExtentArgs, folder: &Path, format: Output) -> Done {
    let public = issuer.key.public();
    if !matches!(public.role(), Role::Operator | Role::Account) {
        bail!(
            "{} is the key of another role ({}); operators and accounts sign revocation lists",
            issuer.name,
            public.role()
        );
    }
    let now = clock::now()?;
    let extent = match &extent.before {
        Some(_) if subjects.is_empty() => bail!("--before says nothing without a subject"),
        Some(text) => Extent::Before(instant(text, now)?),
        None => Extent::Total,
    };
    make_folder(folder)?;
    // Two that extend one list at once would each leave out what the other revokes.
    let lock = File::open(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    lock.lock().with_context(|| format!("{} cannot be locked", folder.display()))?;

    let path = revocations::path(folder, public);
    let last = last(&path, public)?;
    let mut draft = Draft::after(last.as_ref());
    subjects.iter().for_each(|subject| draft.revoke(*subject, extent));
    let text = draft.sign(&issuer.key, now)?;
    let list = List::verify(text.as_bytes(), public)?;
    files::replace(&path, text.as_bytes())?;
    tell(&list, &issuer.name, &path, format)
}

/// A key by its name here, or as it is written; or a digest.
fn subject(text: &str, home: &Home) -> Result<Subject> {
    if let Ok(digest) = text.parse() {
        return Ok(Subject::Digest(digest));
    }
    home.keys().public(text).map(Subject::Key)
}

fn last(path: &Path, issuer: PublicKey) -> Result<Option<List>> {
    if matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    let bytes = files::read(path, MAX_LIST)?;
    let list = List::verify(&bytes, issuer).map_err(|error| {
        let hint = "put the newest list of this issuer's there; a host that reads it has a copy";
        Advice::new(format!("{} cannot be extended: {error}", path.display()), hint)
    });
    Ok(Some(list?))
}

/// A folder that is there stays as it is.
fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// `now`, a day in UTC, or an instant.
fn instant(text: &str, now: u64) -> Result<u64> {
    if text == "now" {
        return Ok(now);
    }
    let instant = match text.parse::<jiff::civil::Date>() {
        Ok(day) if !text.contains('T') => day.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()),
        _ => text.parse::<jiff::Timestamp>(),
    };
    let seconds = instant.ok().and_then(|instant| u64::try_from(instant.as_second()).ok());
    seconds.with_context(|| format!("{text:?} is no time: write `now`, 2026-11-21, or 2026-11-21T10:00:00Z"))
}

fn tell(list: &List, name: &str, path: &Path, format: Output) -> Done {
    output::words(format_args!("list number {} of {name} is in {}", list.number(), path.display()));
    match format {
        Output::Json => {
            let entry = |(subject, extent): (&Subject, &Extent)| match extent {
                Extent::Total => json!({ "subject": subject.to_string() }),
                Extent::Before(instant) => json!({ "subject": subject.to_string(), "before": instant }),
            };
            let revoked: Vec<Value> = list.iter().map(entry).collect();
            output::json(&json!({ "issuer": list.issuer(), "number": list.number(), "revoked": revoked }))?;
        }
        Output::Text => {
            let rows: Vec<_> = list.iter().map(|(subject, extent)| [subject.to_string(), extent.to_string()]).collect();
            output::table(&rows)?;
        }
    }
    output::hint("hosts read it once it lies in the folder that their trust entry names");
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, expected) in [
            ("now", Some(7)),
            ("2026-02-02", Some(1_769_990_400)),
            ("2026-02-02T02:40:00Z", Some(1_770_000_000)),
            ("2026-02-02T03:40:00+01:00", Some(1_770_000_000)),
            ("2026-02-02T02:40:00", None),
            ("1969-12-31", None),
            ("yesterday", None),
            ("", None),
            ("1770000000", None),
        ] {
            assert_eq!(instant(text, 7).ok(), expected, "{text}");
        }
    }
}
