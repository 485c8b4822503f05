//! The capability `logging`: what guests write with `wasi:logging` becomes structured events of the host's own log.
//!
//! | field of an event | holds |
//! |---|---|
//! | target | [`TARGET`] |
//! | `component` | who wrote it, as people say it: `account/component`. The host's word, not the guest's |
//! | `id` | the component's key, `M…` |
//! | `context` | the guest's, at most [`MOST_CONTEXT`] bytes; left out where it is empty |
//! | `message` | the guest's, at most [`MOST_MESSAGE`] bytes |
//! | `cut` | `true` where either was longer; left out otherwise |
//! | `critical` | `true` for the guest's level `critical`, which is written as an error; left out otherwise |
//!
//! Guest text is data: it is passed on as it is, and whatever writes the log escapes it. A line that the claims do not
//! permit is dropped and counted; the guest is not told, since the interface has no way to say it.

#![forbid(unsafe_code)]

mod bindings;
mod claim;

use serde::Deserialize;
use writ_provider::{Attached, Capability, Grant, Interface, OpenError, Provider, View};

use bindings::{older, published};
pub use claim::{Entry, Level, Request};

/// Writes guests' lines to the host's log.
#[derive(Debug)]
pub struct Logging(());

/// Logging is not configured here: what the host's log looks like is decided where the host is started.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// What one principal holds: the right to write lines in its own name.
pub struct Log {
    grant: Grant<Entry>,
}

impl Provider for Logging {
    const CAPABILITY: Capability<Self> = Capability {
        name: "logging",
        interfaces: &[
            Interface {
                name: "wasi:logging/logging@0.1.0-draft",
                link: published::add_to_linker_instance::<_, Attached<Self>>,
            },
            Interface { name: "wasi:logging/logging", link: older::add_to_linker_instance::<_, Attached<Self>> },
        ],
        exports: &[],
    };
    type Config = Config;
    type Constraint = Entry;
    type Handle = Log;

    async fn open(_: Config) -> Result<Self, OpenError> {
        Ok(Self(()))
    }

    fn attach(&self, grant: &Grant<Entry>) -> Log {
        Log { grant: grant.clone() }
    }
}

impl Log {
    /// Writes one line, if the grant permits it. The grant counts and reports the lines that it does not.
    fn write(&self, level: Level, context: &str, message: &str) {
        let bytes = context.len().saturating_add(message.len());
        if self.grant.permits(Request { level, bytes }).is_ok() {
            self.emit(level, context, message);
        }
    }

    fn emit(&self, level: Level, context: &str, message: &str) {
        let component = self.grant.principal();
        let id = component.keyed();
        let (kept_context, kept_message) = (start(context, MOST_CONTEXT), start(message, MOST_MESSAGE));
        let cut = (kept_context.len() < context.len() || kept_message.len() < message.len()).then_some(true);
        let context = (!kept_context.is_empty()).then_some(kept_context);
        let critical = (level == Level::Critical).then_some(true);

        // The level of a tracing event is a constant of the place where it is written, hence one place per level.
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: TARGET,
                    tracing::Level::$level,
                    component = %component,
                    id = %id,
                    context,
                    cut,
                    critical,
                    message = kept_message
                )
            };
        }
        match level {
            Level::Trace => event!(TRACE),
            Level::Debug => event!(DEBUG),
            Level::Info => event!(INFO),
            Level::Warn => event!(WARN),
            Level::Error | Level::Critical => event!(ERROR),
        }
    }
}

/// As much of the text's start as fits `most` bytes, cut between characters.
fn start(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}

/// One `Host` per interface; only the generated level differs.
macro_rules! host {
    ($($bindings:ident),*) => { $(
        impl $bindings::Host for View<'_, Logging> {
            fn log(&mut self, level: $bindings::Level, context: String, message: String) {
                self.handle.write(level.into(), &context, &message);
            }
        }

        impl From<$bindings::Level> for Level {
            fn from(level: $bindings::Level) -> Self {
                use $bindings::Level as Guest;
                match level {
                    Guest::Trace => Self::Trace,
                    Guest::Debug => Self::Debug,
                    Guest::Info => Self::Info,
                    Guest::Warn => Self::Warn,
                    Guest::Error => Self::Error,
                    Guest::Critical => Self::Critical,
                }
            }
        }
    )* };
}

host!(published, older);

/// The target of the events that guests cause.
pub const TARGET: &str = "writ::guest";
/// The most bytes of a message that are kept.
pub const MOST_MESSAGE: usize = 8 << 10;
/// The most bytes of a context that are kept.
pub const MOST_CONTEXT: usize = 256;

#[cfg(test)]
mod tests;
