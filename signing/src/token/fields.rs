//! Takes the fields out of a JSON object one by one, so that what is left over is unknown.

use serde_json::{Map, Value};

use super::TokenError;
use super::json::excerpt;
use crate::keys::{PublicKey, Role};

/// The fields of an object that nobody has taken yet. Names are given with their path, such as `writ.name`.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The object that stands in `field`.
    pub(super) fn of(value: Value, field: &'static str) -> Result<Self, TokenError> {
        match value {
            Value::Object(map) => Ok(Fields(map)),
            _ => Err(TokenError::Field { field, expected: "an object" }),
        }
    }

    pub(super) fn optional(&mut self, field: &'static str) -> Option<Value> {
        let name = field.rsplit('.').next().unwrap_or(field);
        self.0.remove(name)
    }

    pub(super) fn required(&mut self, field: &'static str) -> Result<Value, TokenError> {
        self.optional(field).ok_or(TokenError::Missing { field })
    }

    pub(super) fn string(&mut self, field: &'static str) -> Result<String, TokenError> {
        match self.required(field)? {
            Value::String(text) => Ok(text),
            _ => Err(TokenError::Field { field, expected: "a text" }),
        }
    }

    pub(super) fn integer(&mut self, field: &'static str) -> Result<u64, TokenError> {
        let expected = "an unsigned integer";
        self.required(field)?.as_u64().ok_or(TokenError::Field { field, expected })
    }

    pub(super) fn key(&mut self, field: &'static str, expected: Role) -> Result<PublicKey, TokenError> {
        let text = self.string(field)?;
        let key: PublicKey = text.parse().map_err(|source| TokenError::Key { field, source })?;
        match key.role() {
            role if role == expected => Ok(key),
            found => Err(TokenError::Role { field, expected, found }),
        }
    }

    /// What nobody has taken yet.
    pub(super) fn rest(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Refuses what nobody took; `path` is what stands before its name.
    pub(super) fn finish(self, path: &str) -> Result<(), TokenError> {
        match self.0.keys().next() {
            Some(name) => Err(TokenError::Unknown { field: format!("{path}{}", excerpt(name)) }),
            None => Ok(()),
        }
    }
}
