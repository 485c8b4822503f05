//! What can be wrong with a text, and where.

use std::fmt;

use crate::position::Position;

/// Why a text was refused, and where.
///
/// Displayed as `14:7: what is wrong, and what would be right`; the caller puts the file's name and a colon before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub kind: ErrorKind,
}

impl ManifestError {
    pub(crate) fn new(at: Position, kind: ErrorKind) -> Self {
        Self {
            line: at.line,
            column: at.column,
            kind,
        }
    }

    /// The place as one value.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            line: self.line,
            column: self.column,
        }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position(), self.kind)
    }
}

impl std::error::Error for ManifestError {}

/// What is wrong with a text. Each is displayed as a sentence; quoted parts of the text are shortened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is larger than [`MAX_BYTES`](crate::MAX_BYTES), or what it resolves to is larger than is kept.
    #[error("{what} has {bytes} bytes, at most {limit} are read")]
    TooLarge {
        /// What is too large, with its article.
        what: &'static str,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The text is not YAML, or uses a part of YAML that is not read here.
    #[error("{message}")]
    Yaml {
        /// What the YAML parser found, and what to write instead where that is known.
        message: String,
    },
    /// A field that nobody knows.
    #[error(
        "unknown field `{field}` in {place}, expected {}",
        Alternatives(expected)
    )]
    UnknownField {
        /// The field as written.
        field: String,
        /// What it was written in, with its article.
        place: &'static str,
        /// The fields that are known there.
        expected: Vec<&'static str>,
    },
    /// A field that must be there is not.
    #[error("{place} lacks the field `{field}`")]
    MissingField {
        /// The field.
        field: &'static str,
        /// What lacks it, with its article.
        place: &'static str,
    },
    /// A mapping where text was expected, and the like.
    #[error("{place} is expected to be {expected}, found {found}{}", Hint(hint.as_deref()))]
    WrongType {
        /// What was being read, with its article.
        place: String,
        /// What would be right.
        expected: &'static str,
        /// What was found.
        found: String,
        /// What to write instead, where that is known.
        hint: Option<String>,
    },
    /// Text or a number that is of the right type, and still not allowed.
    #[error("{place} cannot be `{value}`: {expected}")]
    BadValue {
        /// What was being read, with its article.
        place: String,
        /// The value as written.
        value: String,
        /// What would be right, as a clause.
        expected: String,
    },
    /// Something that may be there once is there a second time.
    #[error("{what} is already there on line {first}: {advice}")]
    Duplicate {
        /// What is there twice.
        what: String,
        /// The line of the first.
        first: u32,
        /// What would be right.
        advice: &'static str,
    },
    /// Two fields that exclude each other, or neither of two of which one is needed.
    #[error("{message}")]
    Conflict {
        /// Which, and what would be right.
        message: String,
    },
    /// A name that leads nowhere.
    #[error("{what} `{name}` {problem}{}", Hint(hint.as_deref()))]
    Dangling {
        /// What kind of name it is, with its article.
        what: &'static str,
        /// The name as written.
        name: String,
        /// What is missing.
        problem: &'static str,
        /// What would be right, where that is known.
        hint: Option<String>,
    },
    /// An interface that a well-known package does not have.
    #[error(
        "`{namespace}:{package}` has no interface `{interface}`, expected {}",
        Alternatives(expected)
    )]
    UnknownInterface {
        /// The package's namespace.
        namespace: String,
        /// The package's name.
        package: String,
        /// The interface as written.
        interface: String,
        /// The interfaces it has.
        expected: Vec<&'static str>,
    },
}

struct Alternatives<'a>(&'a [&'static str]);

impl fmt::Display for Alternatives<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            let separator = match index {
                0 if self.0.len() > 1 => "one of ",
                0 => "",
                _ => ", ",
            };
            write!(f, "{separator}`{name}`")?;
        }
        Ok(())
    }
}

struct Hint<'a>(Option<&'a str>);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(hint) => write!(f, ": {hint}"),
            None => Ok(()),
        }
    }
}

/// A part of the text as it goes into a message: on one line, without control characters, at most 60 characters.
pub(crate) fn shorten(text: &str) -> String {
    shorten_to(60, text)
}

/// The same with another length, in characters.
pub(crate) fn shorten_to(longest: usize, text: &str) -> String {
    let mut out: String = text.chars().take(longest).flat_map(printable).collect();
    if text.chars().nth(longest).is_some() {
        out.push('…');
    }
    out
}

/// Control characters and the invisible ones that reorder a line are escaped: the message goes to a terminal.
fn printable(c: char) -> Vec<char> {
    let reorders = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if c.is_control() || reorders {
        c.escape_unicode().collect()
    } else {
        vec![c]
    }
}
