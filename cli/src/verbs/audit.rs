//! `writ audit`: what was decided and done on this host.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use writ_host::{AuditLine, Event, Granted, Head, Record, Report, records, verify_audit};

use crate::advice::Advice;
use crate::args::{Output, OutputArgs};
use crate::data::Data;
use crate::settings::Settings;
use crate::{Done, Outcome, clock, escape, output};

/// The audit log of a host's data folder: every grant, denial and deployment, each line vouching for the one before.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Audit {
    /// Print what was written down, the oldest first
    Show(Show),
    /// Follow the chain, and say where it was changed, removed from, reordered or cut
    Verify(Verify),
    /// Print the number and hash of the last line: written down elsewhere, it is what `verify --expect-head` asks for
    Head(Where),
}

/// Whose log.
#[derive(Debug, clap::Args)]
pub(crate) struct Where {
    /// The application, where its data is in its default place
    #[arg(required_unless_present = "data")]
    application: Option<String>,
    /// The data folder of its host
    #[arg(long, value_name = "DIR", conflicts_with = "application")]
    data: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    #[command(flatten)]
    place: Where,
    /// Only what is about this component: its name, ACCOUNT/NAME, or its key M…
    #[arg(long, value_name = "NAME|KEY")]
    component: Option<String>,
    /// Only what is not older than this, such as 1h
    #[arg(long, value_name = "TIME")]
    since: Option<writ_provider::units::Time>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    place: Where,
    /// A head that was written down: that record must be there still
    #[arg(long, value_name = "SEQ:HASH")]
    expect_head: Option<Head>,
    /// The number of a record that says that others are missing, where you know why
    #[arg(long, value_name = "SEQ")]
    accept_missing: Vec<u64>,
}

pub(crate) fn run(args: Audit, settings: &Settings) -> Done {
    match args {
        Audit::Show(args) => show(&args, settings),
        Audit::Verify(args) => verify(&args, settings),
        Audit::Head(args) => head(&args, settings),
    }
}

impl Where {
    /// The folder of the log, which must be there.
    fn folder(&self, settings: &Settings) -> Result<PathBuf> {
        let named = self.application.as_deref().unwrap_or_default();
        let data = self.data.clone().unwrap_or_else(|| settings.data.join(named));
        let folder = Data::audit_below(&data);
        if !folder.is_dir() {
            let hint = "`writ up` begins one; --data names another data folder";
            return Err(Advice::new(format!("there is no audit log in {}", data.display()), hint).into());
        }
        Ok(folder)
    }
}

fn show(args: &Show, settings: &Settings) -> Done {
    let folder = args.place.folder(settings)?;
    let now = clock::now()?;
    let from = args.since.map_or(0, |since| now.saturating_sub(since.duration().as_secs()).saturating_mul(1_000));
    for line in lines(&folder)? {
        let line = line?;
        let record = match &line.record {
            Ok(record) => record,
            Err(reason) => bail!("{}:{}: this is not a record: {reason}", line.file.display(), line.number),
        };
        let is_wanted = args.component.as_deref().is_none_or(|name| is_about(record, name));
        if record.at < from || !is_wanted {
            continue;
        }
        match args.output.output {
            // Others chose what stands in it, and none of it begins a line.
            Output::Text => output::data(escape::line(&sentence(record)))?,
            Output::Json => output::data(String::from_utf8_lossy(&line.bytes))?,
        }
    }
    Ok(Outcome::Done)
}

fn lines(folder: &Path) -> Result<impl Iterator<Item = Result<AuditLine, writ_host::Broken>>> {
    records(folder).with_context(|| format!("{} cannot be read", folder.display()))
}

/// Whether a record is about a component: named as people do, with its account, or by its key.
fn is_about(record: &Record, name: &str) -> bool {
    let Some((component, id)) = record.event.component() else { return false };
    let parts = |whole: &str| whole.split_once('/').is_some_and(|(_, own)| own == name) || whole == name;
    parts(component) || parts(id)
}

/// A record as a line for people.
fn sentence(record: &Record) -> String {
    let time = clock::time(record.at / 1_000);
    let what = match &record.event {
        Event::Started { host, version } => format!("host {host} started, writ {version}"),
        Event::Stopped {} => "host stopped".to_owned(),
        Event::Granted(Granted { application, component, digest, revision, grants, .. }) => {
            let granted = grants.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let granted = if granted.is_empty() { "nothing but the baseline" } else { &granted };
            let digest = digest.get(..12).unwrap_or(digest);
            format!("{application}: {component} revision {revision} ({digest}…) was granted {granted}")
        }
        Event::Refused { application, component, what, by, .. } => {
            let by = if by.is_empty() { String::new() } else { format!(": {}", by.join("; ")) };
            format!("{application}: {component} {what}{by}")
        }
        Event::NotStarted { application, reason } => format!("{application}: {reason}"),
        Event::Deployed { application, generation, components } => {
            format!("{application}: deployment {generation} is served, {components} components")
        }
        Event::Withdrawn { application, generation } => format!("{application}: deployment {generation} ended"),
        Event::Called { component, function, .. } => format!("{component}: the host's owner called {function}"),
        Event::Denied { component, capability, count, last, .. } => {
            format!("{component}: denied {capability} ({count}×), last by {last}")
        }
        Event::Used { component, capability, count, .. } => format!("{component}: used {capability} ({count}×)"),
        Event::Revoked { component, reason, .. } => format!("{component}: its calls ended, and none starts: {reason}"),
        Event::Suspended { component, reason, .. } => format!("{component}: nothing new of it starts: {reason}"),
        Event::Expired { component, until, .. } => {
            format!("{component}: nothing new of it starts, its time was over at {until}")
        }
        Event::Restored { component, .. } => format!("{component} is in good standing again"),
        Event::RolledBack { application, component, from, to, .. } => {
            format!("{application}: {component} went back to {to}; {from}, had run")
        }
        Event::Replaced { application, name, component, id } => {
            format!("{application}: {component} ({id}) runs as {name}, and another one had")
        }
        Event::Pruned { through } => format!("older records were removed, through {through}"),
        Event::Mended { bytes } => format!("a record that was cut in its middle was removed ({bytes} bytes)"),
        Event::Missing { kept } if kept.parse::<Head>().is_err() => {
            format!("records may be missing: the head that was kept of this log was {kept}")
        }
        Event::Missing { kept } => format!("records are missing: the log had ended at {kept}"),
        Event::Lost { count } => format!("{count} events before this could not be written down"),
        other => other.name().to_owned(),
    };
    format!("{seq:>6}  {time}  {event:<11}  {what}", seq = record.seq, event = record.event.name())
}

fn verify(args: &Verify, settings: &Settings) -> Done {
    let folder = args.place.folder(settings)?;
    match verify_audit(&folder, args.expect_head) {
        Ok(report) => {
            let (first, last) = (report.first, report.head.seq);
            output::data(format_args!("the chain holds from record {first} to {last}; its head is {}", report.head))?;
            if report.lost > 0 {
                output::warning(format_args!("{} events could not be written down when they came", report.lost));
            }
            check_missing(&report, &args.accept_missing)
        }
        Err(broken) => {
            let hint =
                "somebody who can write this folder has changed it; what stands before this place is as it was written";
            Err(Advice::new(format!("the audit log does not hold: {broken}"), hint).into())
        }
    }
}

/// A log goes on where it was cut, and says so: that is for a person to accept.
fn check_missing(report: &Report, accepted: &[u64]) -> Done {
    let found: Vec<_> = report.missing.iter().filter(|seq| !accepted.contains(seq)).map(u64::to_string).collect();
    let [first, ..] = found.as_slice() else { return Ok(Outcome::Done) };
    let message = format!("records before these are missing, as they say themselves: {}", found.join(", "));
    let hint = format!("somebody cut the log, or a disk lost its end; `--accept-missing {first}` if you know which");
    Err(Advice::new(message, hint).into())
}

fn head(args: &Where, settings: &Settings) -> Done {
    let folder = args.folder(settings)?;
    let report = verify_audit(&folder, None).context("the audit log does not hold")?;
    output::data(report.head)?;
    Ok(Outcome::Done)
}
