//! The host's log: tracing events, one line each on stderr, in text or JSON.
//!
//! Whatever an event holds may have been chosen by a guest or a peer. So every string is escaped, a line is at most
//! 16 KiB bytes with the host's fields before the message, and what is quoted cannot be closed from inside.

mod format;

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use format::Record;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people: time, level, target, message, fields.
    #[default]
    Text,
    /// For machines: an object per line.
    Json,
}

/// The least level that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Level {
    Off,
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// Writes this process's events to stderr from now on.
pub(crate) fn start(format: Format, level: Level) {
    let stderr = std::io::stderr();
    let sink = Sink { format, colour: format == Format::Text && colour(stderr.is_terminal()), out: Mutex::new(stderr) };
    let subscriber = tracing_subscriber::registry().with(sink.with_filter(targets(level)));
    // It fails only where one was set before, and then that one goes on.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Writes each event as one line, with one write.
struct Sink<W> {
    format: Format,
    colour: bool,
    out: Mutex<W>,
}

impl<W: Write + Send + 'static, S: Subscriber> Layer<S> for Sink<W> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let record = Record::of(event, jiff::Timestamp::now());
        let line = match self.format {
            Format::Text => record.text(self.colour),
            Format::Json => record.json(),
        };
        // A log that cannot be written has nobody to tell; whoever holds the lock cannot have left it half-changed.
        let mut out = self.out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = out.write_all(line.as_bytes());
    }
}

/// Ours at the level asked for; libraries' at most at `warn`, unless somebody is looking for a fault.
fn targets(level: Level) -> Targets {
    let ours = match level {
        Level::Off => LevelFilter::OFF,
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let others = if level == Level::Trace { LevelFilter::DEBUG } else { ours.min(LevelFilter::WARN) };
    Targets::new().with_target("writ", ours).with_default(others)
}

/// Whether to colour what goes to a terminal (<https://no-color.org>).
fn colour(terminal: bool) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let plain = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    terminal && !unwanted && !plain
}

#[cfg(test)]
mod tests;
