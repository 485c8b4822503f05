//! A line of the log, as `--log-format json` writes it.

use serde_json::Value;

/// One line.
#[derive(Debug, Clone)]
pub struct Line(Value);

impl Line {
    /// Reads a line; `None` when it is not a JSON object.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(Value::is_object).map(Self)
    }

    /// A field as text: empty when it is not there.
    #[must_use]
    pub fn get(&self, field: &str) -> String {
        match &self.0[field] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// Whether the host says that it is about this component, by its name and by its key.
    #[must_use]
    pub fn is_from(&self, component: &str) -> bool {
        self.get("component").split_once('/').is_some_and(|(_, name)| name == component) && self.get("id").contains('M')
    }
}
