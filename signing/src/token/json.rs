//! JSON as tokens may have it: no key twice, not too deep, and one canonical form.

use std::cell::Cell;
use std::fmt;

use data_encoding::BASE32_NOPAD;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{MAX_DEPTH, TokenError};
use crate::digest::Digest;

/// Reads one JSON text with nothing behind it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, TokenError> {
    let fault = Cell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0, fault: &fault }.deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| fault.take().unwrap_or_else(|| TokenError::Json { reason: error.to_string() }))
}

/// The one text that stands for this value: no white space, keys in the order of their code points.
pub(crate) fn canonical(object: &Map<String, Value>) -> String {
    let mut out = String::new();
    write_object(&mut out, object);
    out
}

/// The `jti` of a payload that has none yet.
pub(crate) fn id(payload: &Map<String, Value>) -> String {
    BASE32_NOPAD.encode(Digest::of(canonical(payload).as_bytes()).bytes())
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Array(items) => write_list(out, ['[', ']'], items, write_value),
        Value::Object(map) => write_object(out, map),
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn write_object(out: &mut String, map: &Map<String, Value>) {
    // Sorted here, because the map keeps the order of insertion if anyone in the build asks serde_json for that.
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    write_list(out, ['{', '}'], entries, |out, (key, value)| {
        out.push_str(&Value::from(key.as_str()).to_string());
        out.push(':');
        write_value(out, value);
    });
}

fn write_list<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(close);
}

/// Whether every number in it is an integer.
pub(crate) fn is_integral(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_f64(),
        Value::Array(items) => items.iter().all(is_integral),
        Value::Object(map) => map.values().all(is_integral),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// Whether it nests at most `depth` deep.
pub(crate) fn is_shallow(value: &Value, depth: usize) -> bool {
    match (value, depth.checked_sub(1)) {
        (Value::Array(items), Some(inner)) => items.iter().all(|item| is_shallow(item, inner)),
        (Value::Object(map), Some(inner)) => map.values().all(|value| is_shallow(value, inner)),
        (Value::Array(_) | Value::Object(_), None) => false,
        _ => true,
    }
}

/// At most the first 64 characters, for a message.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Reads a value that may nest `MAX_DEPTH - depth` deep, and leaves the reason behind where it refuses.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    fault: &'a Cell<Option<TokenError>>,
}

impl Strict<'_> {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        match self.depth.saturating_add(1) {
            depth if depth > MAX_DEPTH => Err(self.refuse(TokenError::TooDeep)),
            depth => Ok(Strict { depth, ..self }),
        }
    }

    fn refuse<E: de::Error>(self, fault: TokenError) -> E {
        let error = E::custom(&fault);
        self.fault.set(Some(fault));
        error
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(self.refuse(TokenError::DuplicateKey { key: excerpt(&key) }));
            }
            let value = entries.next_value_seed(inner)?;
            map.insert(key, value);
        }
        Ok(map.into())
    }
}
