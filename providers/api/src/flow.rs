//! Claims as a person would write them.

use std::fmt;

use serde_json::Value;

/// A value in YAML's flow style, with quotes only where they are needed: `[{ bucket: orders, verbs: [read] }]`.
#[derive(Debug, Clone, Copy)]
pub struct Flow<'a>(pub &'a Value);

impl fmt::Display for Flow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comma = |i: usize| if i == 0 { "" } else { ", " };
        match self.0 {
            Value::Object(fields) if fields.is_empty() => f.write_str("{}"),
            Value::Object(fields) => {
                f.write_str("{ ")?;
                for (i, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{name}: {}", comma(i), Self(value))?;
                }
                f.write_str(" }")
            }
            Value::Array(values) => {
                f.write_str("[")?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{}", comma(i), Self(value))?;
                }
                f.write_str("]")
            }
            Value::String(text) if is_plain(text) => f.write_str(text),
            other => write!(f, "{other}"),
        }
    }
}

/// Whether a text means itself in YAML without quotes: no indicator, no number, none of YAML's words.
fn is_plain(text: &str) -> bool {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"];
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    starts && plain && !words.contains(&text.to_ascii_lowercase().as_str())
}
