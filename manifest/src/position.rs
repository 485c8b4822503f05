//! Where in a text something was written.

use std::fmt;
use std::ops::Deref;

use crate::node::{Content, Node};

/// A place in a text. Lines and columns count from 1; a column counts characters, not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Position {
    /// The first character of a text: where an error about the text as a whole is reported.
    pub const START: Self = Self { line: 1, column: 1 };
    /// In no text at all, as what arguments say instead of a manifest.
    pub const NOWHERE: Self = Self { line: 0, column: 0 };

    /// Whether it is in no text at all.
    #[must_use]
    pub fn is_nowhere(self) -> bool {
        self.line == 0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value together with the place it was read from.
///
/// It dereferences to the value, so that a reader who does not care about the place need not mention it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// What was read.
    pub value: T,
    /// Where its first character stands.
    pub at: Position,
}

impl<T> Located<T> {
    /// A value read at a place.
    #[must_use]
    pub fn new(value: T, at: Position) -> Self {
        Self { value, at }
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Where the parts of an uninterpreted mapping (`claims`, `limits`, `capabilities`) stand in their text.
///
/// Whoever interprets a claim finds its mistakes; with this it can say where they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Positions {
    root: Option<Node>,
}

impl Positions {
    pub(crate) fn of(root: Node) -> Self {
        Self { root: Some(root) }
    }

    /// The place of the value that a JSON pointer (RFC 6901, such as `/keyvalue/0/bucket`) names, relative to the mapping.
    ///
    /// A pointer that leads further than the text goes gives the last part that exists, which is where something is
    /// missing. `None` only where the mapping itself was not written.
    #[must_use]
    pub fn get(&self, pointer: &str) -> Option<Position> {
        let mut node = self.root.as_ref()?;
        for token in pointer.split('/').skip(1) {
            let Some(next) = step(node, &token.replace("~1", "/").replace("~0", "~")) else {
                break;
            };
            node = next;
        }
        Some(node.at)
    }
}

fn step<'a>(node: &'a Node, token: &str) -> Option<&'a Node> {
    match &node.content {
        Content::Mapping(entries) => entries.iter().find(|entry| entry.key == token).map(|entry| &entry.value),
        Content::Sequence(items) => items.get(token.parse::<usize>().ok()?),
        _ => None,
    }
}
