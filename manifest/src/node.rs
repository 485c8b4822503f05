//! A YAML document as a tree whose every part knows where it stands.

use crate::position::Position;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) content: Content,
    /// The bytes of the text that a scalar was read from.
    pub(crate) bytes: Option<std::ops::Range<usize>>,
}

/// What a value is, by YAML 1.2's core schema.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    Text(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// One key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Position,
    pub(crate) key_bytes: Option<std::ops::Range<usize>>,
    pub(crate) value: Node,
}
