//! `writ revoke`: what a key's holder takes back, in a list that hosts read.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use writ_signing::revocation::{Draft, Extent, List, MAX_LIST, Subject};
use writ_signing::token::{Claims, Kind};
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
    how: HowArgs,

    /// The folder of the list; its last one is read there [default: revoked in WRIT_HOME]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    #[command(flatten)]
    output: OutputArgs,
}

/// How much is revoked, and what it is added to.
#[derive(Debug, clap::Args)]
pub(crate) struct HowArgs {
    /// Void what was said before then, and nothing later: `now`, 2026-11-21, or 2026-11-21T10:00:00Z [default: everything]
    #[arg(long, value_name = "TIME")]
    before: Option<String>,

    /// There is no list of this issuer's yet, here or elsewhere: sign its first one
    #[arg(long)]
    first: bool,
}

pub(crate) fn run(args: &Revoke, home: &Home) -> Done {
    let issuer = home.keys().find(&args.by)?;
    let folder = args.dir.clone().unwrap_or_else(|| home.revoked());
    let subjects = args.subjects.iter().map(|text| subject(text, home)).collect::<Result<Vec<_>>>()?;
    revoke(&issuer, &subjects, &args.how, (&folder, home), args.output.output)
}

/// Signs the next list in a folder.
pub(super) fn revoke(
    issuer: &Named,
    subjects: &[Subject],
    how: &HowArgs,
    (folder, home): (&Path, &Home),
    format: Output,
) -> Done {
    let public = issuer.key.public();
    check_issuer(issuer, home)?;
    subjects.iter().try_for_each(|subject| check_subject(subject, public, home))?;
    let now = clock::now()?;
    let extent = match &how.before {
        Some(_) if subjects.is_empty() => bail!("--before says nothing without a subject"),
        Some(text) => Extent::Before(instant(text, now)?),
        None => Extent::Total,
    };
    let path = revocations::path(folder, public);
    check_place(how.first, issuer, &path, home)?;
    make_folder(folder)?;
    // Two that extend one list at once would each leave out what the other revokes.
    let lock = File::open(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    lock.lock().with_context(|| format!("{} cannot be locked", folder.display()))?;

    let last = last(&path, public)?;
    if last.is_some() && how.first {
        bail!("{} is there already; without --first it is extended", path.display());
    }
    let mut draft = Draft::after(last.as_ref());
    subjects.iter().for_each(|subject| draft.revoke(*subject, extent));
    let list = sign(&draft, issuer, &path, now)?;
    tell(&list, &issuer.name, &path, format)
}

/// Signs a list, and puts it into its place.
pub(super) fn sign(draft: &Draft, issuer: &Named, path: &Path, now: u64) -> Result<List> {
    let text = draft.sign(&issuer.key, now)?;
    let list = List::verify(text.as_bytes(), issuer.key.public())?;
    files::replace(path, text.as_bytes())?;
    Ok(list)
}

/// Refuses whose lists no host asks for.
fn check_issuer(issuer: &Named, home: &Home) -> Result<()> {
    let (name, key) = (&issuer.name, issuer.key.public());
    if !matches!(key.role(), Role::Operator | Role::Account) {
        bail!("{name} is the key of another role ({}); operators and accounts sign revocation lists", key.role());
    }
    match claims(key, home) {
        Some(Claims::SigningKey(claims)) => {
            let hint = format!("its account does, with `--by {}`", claims.common.issuer);
            Err(Advice::new(format!("{name} is a signing key, which revokes nothing"), hint).into())
        }
        _ => Ok(()),
    }
}

/// Refuses to revoke what another one has to revoke: hosts would read that, and it would void nothing.
fn check_subject(subject: &Subject, issuer: PublicKey, home: &Home) -> Result<()> {
    let Subject::Key(key) = *subject else { return Ok(()) };
    if key.role() != Role::Account || key == issuer {
        return Ok(());
    }
    let Some(claims) = claims(key, home) else {
        output::warning(format_args!(
            "nothing here says what {key} is: an operator's list voids accounts alone, and an account's its signing keys"
        ));
        return Ok(());
    };
    let (kind, by) = (claims.kind(), claims.common().issuer);
    let hint = format!("`writ revoke {key} --by {by}` does");
    match (issuer.role(), kind) {
        _ if by == issuer => Ok(()),
        // It may have vouched for the account before.
        (Role::Operator, Kind::Account) => {
            output::warning(format_args!("{by} vouches for the account {key}, and this list voids nothing of that"));
            output::hint(hint);
            Ok(())
        }
        _ => {
            Err(Advice::new(format!("{key} is {kind} of {by}, so this would void nothing", kind = a(kind)), hint)
                .into())
        }
    }
}

/// A kind of token in a sentence.
pub(super) fn a(kind: Kind) -> &'static str {
    match kind {
        Kind::Account => "an account",
        Kind::SigningKey => "a signing key",
        Kind::Component => "a component",
    }
}

/// What a token that is kept here says about a key. One that cannot be read must not keep anybody from revoking.
fn claims(key: PublicKey, home: &Home) -> Option<Claims> {
    home.tokens().get(key).ok().flatten()?.unverified_claims().ok()
}

/// Refuses to begin anew where a list may lie elsewhere: what that one says would be revoked no more.
fn check_place(is_first: bool, issuer: &Named, path: &Path, home: &Home) -> Result<()> {
    let elsewhere = revocations::path(&home.revoked(), issuer.key.public());
    if is_there(path) {
        return Ok(());
    }
    let message = format!("there is no list of {} in {}", issuer.name, files::folder_of(path).display());
    if is_there(&elsewhere) {
        return Err(Advice::new(message, format!("the last one is {}; put it there", elsewhere.display())).into());
    }
    let hint =
        "put the newest one there, which a host that reads it has, too; if there never was one, --first signs it";
    if is_first { Ok(()) } else { Err(Advice::new(message, hint).into()) }
}

fn is_there(path: &Path) -> bool {
    !matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound)
}

/// A key by its name here, or as it is written; or a digest.
fn subject(text: &str, home: &Home) -> Result<Subject> {
    if let Ok(digest) = text.parse() {
        return Ok(Subject::Digest(digest));
    }
    home.keys().public(text).map(Subject::Key)
}

/// The list of an issuer that lies there.
pub(super) fn last(path: &Path, issuer: PublicKey) -> Result<Option<List>> {
    if !is_there(path) {
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
