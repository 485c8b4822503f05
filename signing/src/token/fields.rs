//! Takes the fields out of a JSON object one by one, so that what is left over is unknown.

use serde_json::{Map, Value};

use super::TokenError;
use super::json::excerpt;
use crate::defence;
use crate::keys::{PublicKey, Role};
use crate::time::Timestamp;

/// The fields of an object that nobody has taken yet. Names are given with their path, such as `writ.name`.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The object that stands in `field`.
    pub(crate) fn of(value: Value, field: &'static str) -> Result<Self, TokenError> {
        match value {
            Value::Object(map) => Ok(Fields(map)),
            _ => Err(TokenError::Field { field, expected: "an object" }),
        }
    }

    pub(crate) fn optional(&mut self, field: &'static str) -> Option<Value> {
        let name = field.rsplit('.').next().unwrap_or(field);
        self.0.remove(name)
    }

    pub(crate) fn required(&mut self, field: &'static str) -> Result<Value, TokenError> {
        self.optional(field).ok_or(TokenError::Missing { field })
    }

    pub(crate) fn string(&mut self, field: &'static str) -> Result<String, TokenError> {
        match self.required(field)? {
            Value::String(text) => Ok(text),
            _ => Err(TokenError::Field { field, expected: "a text" }),
        }
    }

    pub(crate) fn integer(&mut self, field: &'static str) -> Result<u64, TokenError> {
        let expected = "an unsigned integer";
        self.required(field)?.as_u64().ok_or(TokenError::Field { field, expected })
    }

    pub(crate) fn instant(&mut self, field: &'static str) -> Result<u64, TokenError> {
        if !defence::stands("integer times") {
            // As where times are optional: what is no time is none, and one that never expires has none.
            let seconds = self.optional(field).and_then(|value| value.as_u64());
            return Ok(seconds.unwrap_or(if field == "exp" { u64::MAX } else { 0 }));
        }
        match self.integer(field)? {
            seconds if seconds <= Timestamp::MAX.0 => Ok(seconds),
            _ => Err(TokenError::Field { field, expected: "a time up to the year 9999, in unix seconds" }),
        }
    }

    pub(crate) fn key(&mut self, field: &'static str, expected: Role) -> Result<PublicKey, TokenError> {
        let text = self.string(field)?;
        let key: PublicKey = text.parse().map_err(|source| TokenError::Key { field, source })?;
        match key.role() {
            role if role == expected || !defence::stands("roles") => Ok(key),
            found => Err(TokenError::Role { field, expected, found }),
        }
    }

    /// Whether a field is there that nobody has taken yet.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What nobody has taken yet.
    pub(crate) fn rest(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Refuses what nobody took; `path` is what stands before its name.
    pub(crate) fn finish(self, path: &str) -> Result<(), TokenError> {
        match self.0.keys().next() {
            Some(name) if defence::stands("unknown fields") => {
                Err(TokenError::Unknown { field: format!("{path}{}", excerpt(name)) })
            }
            _ => Ok(()),
        }
    }
}
