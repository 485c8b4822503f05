//! Where words and data go: data to stdout, words to stderr, both without anything a terminal would obey.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use anyhow::Result;
use serde_json::Value;
use writ_host::{Denials, DeployError};

use crate::advice::Advice;
use crate::{escape, log};

/// Writes lines of data.
pub(crate) fn data(text: impl Display) -> Result<()> {
    writeln!(io::stdout(), "{}", escape::lines(&text.to_string()))?;
    Ok(())
}

/// Writes one JSON value as data.
pub(crate) fn json(value: &Value) -> Result<()> {
    writeln!(io::stdout(), "{}", escape::json(value))?;
    Ok(())
}

/// Writes rows as data, each column as wide as its widest cell. No cell begins a line of its own.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> Result<()> {
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|cell| escape::line(cell))).collect();
    let mut widths = [0; N];
    for row in &rows {
        widths.iter_mut().zip(row).for_each(|(width, cell)| *width = cell.chars().count().max(*width));
    }
    for row in rows {
        let padded: String = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  ")).collect();
        data(padded.trim_end())?;
    }
    Ok(())
}

/// Tells something that is not data.
pub(crate) fn words(text: impl Display) {
    to_stderr(&text.to_string());
}

/// Tells of something that may not be what was meant.
pub(crate) fn warning(text: impl Display) {
    to_stderr(&format!("warning: {text}"));
}

/// Tells what would help.
pub(crate) fn hint(text: impl Display) {
    to_stderr(&format!("hint: {text}"));
}

/// Tells why something failed, then each cause, then the hints of those that have one.
pub(crate) fn error(error: &anyhow::Error) {
    to_stderr(&explained(error));
}

/// Tells whoever reads the log what was refused while a host goes on: in the log, and, where it is for people, as a page
/// after that.
pub(crate) fn refused(what: &str, error: &anyhow::Error, format: log::Format) {
    match format {
        log::Format::Text => {
            tracing::error!(target: "writ::host", "{what}");
            self::error(error);
        }
        log::Format::Json => tracing::error!(target: "writ::host", "{what}\n{}", explained(error)),
    }
}

fn explained(error: &anyhow::Error) -> String {
    // Denials are a page of their own, and say at each line what they are.
    let denials = error.downcast_ref::<Denials>().or_else(|| match error.downcast_ref::<DeployError>() {
        Some(DeployError::Denied(denials)) => Some(denials),
        _ => None,
    });
    if let Some(denials) = denials {
        return denials.to_string().trim_end().to_owned();
    }
    let mut lines = vec![format!("error: {error}")];
    let mut told = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Some errors say their cause themselves.
        if !told.ends_with(&cause) {
            lines.push(format!("  because: {cause}"));
        }
        told = cause;
    }
    let advice = error.chain().filter_map(|cause| cause.downcast_ref::<Advice>());
    lines.extend(advice.map(|advice| format!("hint: {}", advice.hint())));
    lines.join("\n")
}

/// Whether whoever read stdout has seen enough and is gone, as `head` is.
pub(crate) fn reader_is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn to_stderr(text: &str) {
    // After what was logged before. Whoever does not read that would be waited for in vain.
    if !log::flush() {
        return;
    }
    // Where stderr cannot be written there is nobody to tell.
    let _ = io::stderr().write_all(format!("{}\n", escape::lines(text)).as_bytes());
}
