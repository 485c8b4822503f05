//! The host's log: tracing events, one line each on stderr, in text or JSON.
//!
//! Whatever an event holds may have been chosen by a guest or a peer. So every string is escaped, a line is at most
//! 16 KiB bytes with the host's fields before the message, and what is quoted cannot be closed from inside. Whoever logs
//! waits for nobody: see [`queue`].

mod format;
mod queue;

use std::io::IsTerminal;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use format::Record;
use queue::Queue;

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

/// Writes this process's events to stderr from now on, by a thread that cannot always be made.
pub(crate) fn start(format: Format, level: Level) -> std::io::Result<()> {
    let stderr = std::io::stderr();
    let colour = format == Format::Text && colour(stderr.is_terminal());
    let lost = match (format, colour) {
        (Format::Json, _) => |lost| lost_lines(lost).json(),
        (Format::Text, true) => |lost| lost_lines(lost).text(true),
        (Format::Text, false) => |lost| lost_lines(lost).text(false),
    };
    let queue = Arc::new(Queue::start(stderr, lost)?);
    let _ = STARTED.set(queue.clone());
    let subscriber = tracing_subscriber::registry().with(Sink { format, colour, queue }.with_filter(targets(level)));
    // It fails only where one was set before, and then that one goes on.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

/// Waits until everything that was logged is written, for a second at most; false if somebody does not read it.
pub(crate) fn flush() -> bool {
    STARTED.get().is_none_or(|queue| queue.flush(Duration::from_secs(1)))
}

static STARTED: OnceLock<Arc<Queue>> = OnceLock::new();

/// Puts each event in the queue, as one line.
struct Sink {
    format: Format,
    colour: bool,
    queue: Arc<Queue>,
}

impl<S: Subscriber> Layer<S> for Sink {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let record = Record::of(event, jiff::Timestamp::now());
        self.queue.push(match self.format {
            Format::Text => record.text(self.colour),
            Format::Json => record.json(),
        });
    }
}

fn lost_lines(lost: u64) -> Record {
    let message = format!("{lost} lines were lost: nobody reads the log fast enough");
    Record::ours(tracing::Level::WARN, "writ", message, jiff::Timestamp::now())
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
