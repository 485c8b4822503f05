//! One event as one line.

use std::fmt;

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use crate::escape;

/// An event's parts, each cut to what a line has room for.
pub(crate) struct Record {
    time: Timestamp,
    level: Level,
    target: &'static str,
    message: String,
    fields: Vec<(&'static str, Value)>,
    cut: bool,
}

enum Value {
    /// A number or a truth value, as JSON writes it.
    Plain(String),
    /// Everything else; not escaped yet.
    Text(String),
}

impl Record {
    pub(crate) fn of(event: &Event<'_>, time: Timestamp) -> Self {
        let metadata = event.metadata();
        let (level, target) = (*metadata.level(), metadata.target());
        let mut record = Self { time, level, target, message: String::new(), fields: Vec::new(), cut: false };
        event.record(&mut record);
        record
    }

    /// What the log says about itself.
    pub(crate) fn ours(level: Level, target: &'static str, message: String, time: Timestamp) -> Self {
        Self { time, level, target, message, fields: Vec::new(), cut: false }
    }

    /// `2026-11-21T03:02:29.123Z INFO  writ::guest took order 7 component=acme/orders id=M…`
    pub(crate) fn text(&self, colour: bool) -> String {
        let mut line = Line::new(text_char);
        let (dim, level, reset) = if colour { ("\x1b[2m", ansi(self.level), "\x1b[0m") } else { ("", "", "") };
        line.raw(&format!("{dim}{:.3}{reset} {level}{:5}{reset} {dim}{}{reset}", self.time, self.level, self.target));

        let mut fields = Line::new(text_char);
        for (name, value) in &self.fields {
            fields.raw(&format!(" {dim}{name}={reset}"));
            match value {
                Value::Plain(value) => fields.raw(value),
                Value::Text(value) if is_plain(value, false) => fields.text(value, MOST_VALUE),
                Value::Text(value) => fields.quoted(value, MOST_VALUE),
            }
            if fields.written.len() > MOST_FIELDS {
                fields.cut = true;
                break;
            }
        }

        let room = MOST_LINE.saturating_sub(line.written.len() + fields.written.len() + MARGIN);
        if !self.message.is_empty() {
            line.raw(" ");
            match is_plain(&self.message, true) {
                true => line.text(&self.message, room),
                false => line.quoted(&self.message, room),
            }
        }
        line.raw(&fields.written);
        if self.cut || line.cut || fields.cut {
            line.raw(" cut=true");
        }
        line.written.push('\n');
        line.written
    }

    /// `{"time":"…","level":"info","target":"writ::guest","component":"acme/orders",…,"message":"took order 7"}`
    pub(crate) fn json(&self) -> String {
        let mut line = Line::new(escape::push_json);
        let level = self.level.as_str().to_ascii_lowercase();
        line.raw(&format!("{{\"time\":\"{:.3}\",\"level\":\"{level}\",\"target\":", self.time));
        line.quoted(self.target, MOST_VALUE);
        for (name, value) in &self.fields {
            line.raw(",");
            match OWN.contains(name) {
                true => line.quoted(&format!("field.{name}"), MOST_VALUE),
                false => line.quoted(name, MOST_VALUE),
            }
            line.raw(":");
            match value {
                Value::Plain(value) => line.raw(value),
                Value::Text(value) => line.quoted(value, MOST_VALUE),
            }
            if line.written.len() > MOST_FIELDS {
                line.cut = true;
                break;
            }
        }
        line.raw(",\"message\":");
        line.quoted(&self.message, MOST_LINE.saturating_sub(line.written.len() + MARGIN));
        if self.cut || line.cut {
            line.raw(",\"cut\":true");
        }
        line.raw("}\n");
        line.written
    }

    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Text(text) | Value::Plain(text)) => self.message = text,
            // Whether something was cut is said once, whoever did it.
            ("cut", Value::Plain(text)) => self.cut |= text == "true",
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for Record {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::Text(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Plain(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Plain(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Plain(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no way to write infinity.
        let written = serde_json::Number::from_f64(value).map(|number| Value::Plain(number.to_string()));
        self.add(field, written.unwrap_or_else(|| Value::Text(value.to_string())));
    }
}

/// A line under construction, and how a character of a string is escaped in it.
struct Line {
    written: String,
    push: fn(&mut String, char),
    cut: bool,
}

impl Line {
    fn new(push: fn(&mut String, char)) -> Self {
        Self { written: String::new(), push, cut: false }
    }

    /// What this module makes itself, and needs no escaping.
    fn raw(&mut self, text: &str) {
        self.written.push_str(text);
    }

    fn quoted(&mut self, text: &str, most: usize) {
        self.written.push('"');
        self.text(text, most);
        self.written.push('"');
    }

    /// A string, escaped, of at most `most` bytes after escaping.
    fn text(&mut self, text: &str, most: usize) {
        let end = self.written.len().saturating_add(most);
        for c in text.chars() {
            let before = self.written.len();
            (self.push)(&mut self.written, c);
            if self.written.len() > end {
                self.written.truncate(before);
                self.cut = true;
                return;
            }
        }
    }
}

/// Whether a text can stand without quotes: nothing in it could be taken for the end of it, or for another field.
fn is_plain(text: &str, spaces: bool) -> bool {
    let special = |c: char| matches!(c, '"' | '\\' | '=') || (c == ' ' && !spaces) || escape::is_unsafe(c);
    let padded = text.starts_with(' ') || text.ends_with(' ');
    !text.is_empty() && !padded && !text.contains(special)
}

fn text_char(to: &mut String, c: char) {
    match c {
        '"' => to.push_str("\\\""),
        '\\' => to.push_str("\\\\"),
        c => escape::push_text(to, c),
    }
}

fn ansi(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

/// The longest line, in bytes, with its line feed.
pub(super) const MOST_LINE: usize = 16 << 10;
/// The longest value of a field.
const MOST_VALUE: usize = 4 << 10;
/// Where no more fields are begun, so that the message keeps some room whatever the fields are.
const MOST_FIELDS: usize = 10 << 10;
/// Quotes, brackets and the mark of a cut.
const MARGIN: usize = 64;
/// What a JSON line has of its own; a field of such a name is renamed.
const OWN: [&str; 4] = ["time", "level", "target", "field"];
