//! A YAML document as a tree whose every part knows where it stands, and the reading of typed values from it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use serde_json::{Number, Value};

use crate::error::{ErrorKind, ManifestError, shorten};
use crate::position::{Located, Position};
use crate::units::UnitError;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) content: Content,
    /// The bytes of the text that it was read from; of a collection, its first.
    pub(crate) bytes: Option<Range<usize>>,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    Number { value: Number, written: String },
    Text(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// One key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Position,
    pub(crate) key_bytes: Option<Range<usize>>,
    pub(crate) value: Node,
}

/// A mapping whose keys are all known.
pub(crate) struct Fields<'a> {
    node: &'a Node,
    place: &'static str,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// The value of a field, where it was written.
    pub(crate) fn get(&self, field: &str) -> Option<&'a Node> {
        self.entry(field).map(|entry| &entry.value)
    }

    pub(crate) fn entry(&self, field: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == field)
    }

    pub(crate) fn required(&self, field: &'static str) -> Result<&'a Node, ManifestError> {
        let missing = || {
            self.node.error(ErrorKind::MissingField {
                field,
                place: self.place,
            })
        };
        self.get(field).ok_or_else(missing)
    }

    /// A field that holds text.
    pub(crate) fn text(&self, field: &'static str) -> Result<Located<String>, ManifestError> {
        self.required(field)?.text(field)
    }

    /// A field that may be left out, and else holds text.
    pub(crate) fn optional_text(&self, field: &str) -> Result<Option<String>, ManifestError> {
        self.get(field)
            .map(|node| Ok(node.text(field)?.value))
            .transpose()
    }

    /// The items of a field that may be left out.
    pub(crate) fn list(&self, field: &str) -> Result<&'a [Node], ManifestError> {
        self.get(field).map_or(Ok(&[]), |node| node.list(field))
    }

    /// A field of text to text that may be left out.
    pub(crate) fn text_map(&self, field: &str) -> Result<BTreeMap<String, String>, ManifestError> {
        self.get(field)
            .map_or_else(|| Ok(BTreeMap::new()), |node| node.text_map(field))
    }

    pub(crate) fn at(&self) -> Position {
        self.node.at
    }
}

impl Content {
    pub(crate) fn number(value: u64) -> Self {
        Self::Number {
            value: value.into(),
            written: value.to_string(),
        }
    }
}

impl Node {
    /// A value that came from a caller and not from a text, to be checked as one from a text is.
    pub(crate) fn argument(content: Content) -> Self {
        Self {
            at: Position::START,
            content,
            bytes: None,
        }
    }

    /// The fields of a mapping, all of which must be in `known`. `place` is what the mapping is, with its article.
    pub(crate) fn fields(
        &self,
        place: &'static str,
        known: &'static [&'static str],
    ) -> Result<Fields<'_>, ManifestError> {
        let Content::Mapping(entries) = &self.content else {
            return Err(self.wrong_type(place.to_owned(), "a mapping"));
        };
        let Some(stranger) = entries
            .iter()
            .find(|entry| !known.contains(&entry.key.as_str()))
        else {
            return Ok(Fields {
                node: self,
                place,
                entries,
            });
        };
        let kind = ErrorKind::UnknownField {
            field: shorten(&stranger.key),
            place,
            expected: known.to_vec(),
        };
        Err(ManifestError::new(stranger.at, kind))
    }

    /// Text that says something: a number or a truth value is not taken for it, and it is not empty.
    pub(crate) fn text(&self, field: &str) -> Result<Located<String>, ManifestError> {
        let text = self.any_text(field)?;
        if text.is_empty() {
            return Err(self.bad_value(field, "it must not be empty"));
        }
        Ok(Located::new(text.to_owned(), self.at))
    }

    fn any_text(&self, field: &str) -> Result<&str, ManifestError> {
        match &self.content {
            Content::Text(text) => Ok(text),
            _ => Err(self.wrong_type(quoted(field), "text")),
        }
    }

    pub(crate) fn list(&self, field: &str) -> Result<&[Self], ManifestError> {
        match &self.content {
            Content::Sequence(items) => Ok(items),
            _ => Err(self.wrong_type(quoted(field), "a list")),
        }
    }

    /// The entries of a mapping whose keys are free.
    pub(crate) fn entries(&self, field: &str) -> Result<&[Entry], ManifestError> {
        match &self.content {
            Content::Mapping(entries) => Ok(entries),
            _ => Err(self.wrong_type(quoted(field), "a mapping")),
        }
    }

    pub(crate) fn text_map(&self, field: &str) -> Result<BTreeMap<String, String>, ManifestError> {
        let entries = self.entries(field)?.iter();
        entries
            .map(|entry| {
                Ok((
                    entry.key.clone(),
                    entry.value.any_text(&entry.key)?.to_owned(),
                ))
            })
            .collect()
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn whole(&self, field: &str, least: u64, most: u64) -> Result<u64, ManifestError> {
        let Content::Number { value, .. } = &self.content else {
            return Err(self.wrong_type(quoted(field), "a whole number"));
        };
        let in_range = value
            .as_u64()
            .filter(|number| (least..=most).contains(number));
        in_range.ok_or_else(|| {
            self.bad_value(
                field,
                &format!("expected a whole number from {least} to {most}"),
            )
        })
    }

    /// A size, a time or a rate.
    pub(crate) fn measure<T: FromStr<Err = UnitError>>(
        &self,
        field: &str,
    ) -> Result<T, ManifestError> {
        let written = match &self.content {
            Content::Text(text) => text,
            Content::Number { written, .. } => written,
            _ => return Err(self.wrong_type(quoted(field), "a number with a unit")),
        };
        written.parse().map_err(|error: UnitError| {
            self.bad_value(field, &format!("expected {}", error.expected()))
        })
    }

    /// A name as wadm has it, `^[-\w]+$`, in ASCII: two names that look alike are one.
    pub(crate) fn name(&self, field: &str) -> Result<Located<String>, ManifestError> {
        const LONGEST: usize = 128;
        let name = self.text(field)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.len() > LONGEST || !name.bytes().all(allowed) {
            return Err(self.bad_value(
                field,
                "expected at most 128 letters (a-z, A-Z), digits, `-` and `_`",
            ));
        }
        Ok(name)
    }

    /// A public key of the role that `prefix` stands for. The checksum is for whoever decodes the key.
    pub(crate) fn key(
        &self,
        field: &str,
        prefix: char,
        example: &str,
    ) -> Result<String, ManifestError> {
        let key = self.text(field)?.value;
        let base32 = |byte: u8| matches!(byte, b'A'..=b'Z' | b'2'..=b'7');
        if key.len() != 56 || !key.starts_with(prefix) || !key.bytes().all(base32) {
            return Err(self.bad_value(
                field,
                &format!("expected {example}: `{prefix}` and 55 more of A-Z and 2-7"),
            ));
        }
        Ok(key)
    }

    /// A mapping of uninterpreted values, such as claims. A value that is empty is refused: `[]` and `any` say opposite
    /// things, and which was meant cannot be known.
    pub(crate) fn value_map(
        &self,
        field: &str,
        advice: &str,
    ) -> Result<BTreeMap<String, Value>, ManifestError> {
        let mut values = BTreeMap::new();
        for entry in self.entries(field)? {
            if matches!(entry.value.content, Content::Null) {
                let message = format!("`{}` in `{field}` is empty: {advice}", shorten(&entry.key));
                return Err(ManifestError::new(
                    entry.at,
                    ErrorKind::Conflict { message },
                ));
            }
            values.insert(entry.key.clone(), entry.value.value());
        }
        Ok(values)
    }

    /// As JSON. An integer stays one; no number is infinite.
    pub(crate) fn value(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(*value),
            Content::Number { value, .. } => Value::Number(value.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::Sequence(items) => items.iter().map(Self::value).collect(),
            Content::Mapping(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.value()))
                .collect(),
        }
    }

    pub(crate) fn is_text(&self, text: &str) -> bool {
        matches!(&self.content, Content::Text(own) if own == text)
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> ManifestError {
        ManifestError::new(self.at, kind)
    }

    pub(crate) fn conflict(&self, message: impl Into<String>) -> ManifestError {
        self.error(ErrorKind::Conflict {
            message: message.into(),
        })
    }

    /// The value is of the right type, and not allowed.
    pub(crate) fn bad_value(&self, field: &str, expected: &str) -> ManifestError {
        let value = match &self.content {
            Content::Text(text) => shorten(text),
            Content::Number { written, .. } => shorten(written),
            _ => self.found(),
        };
        self.error(ErrorKind::BadValue {
            place: quoted(field),
            value,
            expected: expected.to_owned(),
        })
    }

    pub(crate) fn wrong_type(&self, place: String, expected: &'static str) -> ManifestError {
        let hint = match &self.content {
            Content::Number { written, .. } if expected == "text" => {
                Some(format!("write it in quotes, `\"{}\"`", shorten(written)))
            }
            Content::Bool(value) if expected == "text" => {
                Some(format!("write it in quotes, `\"{value}\"`"))
            }
            Content::Text(text) if expected == "a whole number" && text.parse::<u64>().is_ok() => {
                Some("write it without quotes".to_owned())
            }
            Content::Null if place.starts_with('`') => {
                Some("write a value, or leave the field out".to_owned())
            }
            _ => None,
        };
        self.error(ErrorKind::WrongType {
            place,
            expected,
            found: self.found(),
            hint,
        })
    }

    /// What it is, for a message.
    pub(crate) fn found(&self) -> String {
        match &self.content {
            Content::Null => "nothing".to_owned(),
            Content::Bool(value) => format!("the truth value `{value}`"),
            Content::Number { written, .. } => format!("the number `{}`", shorten(written)),
            Content::Text(text) => format!("the text `{}`", shorten(text)),
            Content::Sequence(_) => "a list".to_owned(),
            Content::Mapping(_) => "a mapping".to_owned(),
        }
    }
}

fn quoted(field: &str) -> String {
    format!("`{}`", shorten(field))
}
