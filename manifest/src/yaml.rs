//! Text to [`Node`], within bounds.
//!
//! serde-saphyr reads the text into [`Raw`], which mirrors what its events say; what a scalar means is then decided here,
//! narrower than YAML does: a number is written as JSON writes it, and whatever could be read in two ways is refused.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Spanned, Tagged};

use crate::error::{ErrorKind, ManifestError, shorten, shorten_to};
use crate::node::{Content, Entry, Node};
use crate::position::Position;

/// The most text that is read, in bytes: 1 MiB.
pub const MAX_BYTES: usize = 1024 * 1024;

/// The most levels of mappings and sequences inside each other.
pub const MAX_DEPTH: usize = 32;

/// Keys, values and collections in one text. A node costs some fifty times the two bytes that it can be written in.
const MAX_NODES: usize = 100_000;

/// Reads one document.
pub(crate) fn parse(text: &str) -> Result<Node, ManifestError> {
    if text.len() > MAX_BYTES {
        let kind = ErrorKind::TooLarge {
            what: "the text",
            bytes: text.len(),
            limit: MAX_BYTES,
        };
        return Err(ManifestError::new(Position::START, kind));
    }
    let read: RawNode =
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| refusal(&error))?;
    node(read, text)
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_documents: 1,
            max_anchors: 0,
            max_aliases: 0,
            max_merge_keys: 0,
            max_total_scalar_bytes: MAX_BYTES,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        // YAML 1.2: `yes`, `no`, `on` and `off` are text.
        strict_booleans: true,
        emit_comments: false,
        with_snippet: false,
    }
}

fn refusal(error: &serde_saphyr::Error) -> ManifestError {
    use serde_saphyr::Error;

    let at = error.location().map_or(Position::START, position);
    let message = match error.without_snippet() {
        Error::Budget { breach, .. } => over_budget(breach),
        Error::UnknownAnchor { .. } => NO_ALIASES.to_owned(),
        Error::MergeKeyNotAllowed { .. } => {
            "merge keys (`<<`) are not read here: write the fields out".to_owned()
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key
                .as_deref()
                .map(|key| format!(" `{}`", shorten(key)))
                .unwrap_or_default();
            format!("the key{key} is there twice in one mapping: keep one of them")
        }
        Error::NonFiniteFloat { .. } => "a number must be finite: write text in quotes".to_owned(),
        Error::MultipleDocuments { .. } => ONE_DOCUMENT.to_owned(),
        other => syntax(&other.to_string()),
    };
    ManifestError::new(at, ErrorKind::Yaml { message })
}

/// The parser's own words, without the place, which is given once.
fn syntax(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    let message = message.get(..end).unwrap_or(message);
    // What the scanner calls its limit on `[` and `{`; it strikes before the budget sees the collections.
    if message.contains("recursion limit exceeded") {
        return too_deep();
    }
    format!("not YAML: {}", shorten_to(200, message))
}

fn too_deep() -> String {
    format!("more than {MAX_DEPTH} levels inside each other: write it flatter")
}

fn over_budget(breach: &BudgetBreach) -> String {
    match breach {
        BudgetBreach::Depth { .. } => too_deep(),
        BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => {
            format!("more than {MAX_NODES} keys and values: split the text")
        }
        BudgetBreach::Documents { .. } => ONE_DOCUMENT.to_owned(),
        BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. } => NO_ALIASES.to_owned(),
        BudgetBreach::MergeKeys { .. } => {
            "merge keys (`<<`) are not read here: write the fields out".to_owned()
        }
        other => format!("more than is read from one text: {other:?}"),
    }
}

fn position(location: Location) -> Position {
    // An unknown location is 0:0; the text's beginning is the nearest place that exists.
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).max(1);
    Position {
        line: count(location.line()),
        column: count(location.column()),
    }
}

fn bytes(location: Location, text: &str) -> Option<std::ops::Range<usize>> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
    text.get(start..end).map(|_| start..end)
}

type RawNode = Spanned<Tagged<Raw>>;

/// What serde-saphyr made of a value. A number keeps none of its writing, so [`number`] goes back to the text.
enum Raw {
    Null,
    Bool(bool),
    Number,
    Text(String),
    Sequence(Vec<RawNode>),
    Mapping(Vec<(RawNode, RawNode)>),
}

fn node(raw: RawNode, text: &str) -> Result<Node, ManifestError> {
    let location = raw.referenced;
    let at = position(location);
    let Tagged(raw, tag) = raw.value;
    if let Some(tag) = tag {
        let message = format!(
            "tags (`{}`) are not read here: write the value alone",
            shorten(&tag)
        );
        return Err(ManifestError::new(at, ErrorKind::Yaml { message }));
    }
    let bytes = bytes(location, text);
    let content = match raw {
        Raw::Null => Content::Null,
        Raw::Bool(value) => Content::Bool(value),
        Raw::Number => number(
            at,
            bytes
                .clone()
                .and_then(|range| text.get(range))
                .unwrap_or_default(),
        )?,
        Raw::Text(value) => Content::Text(value),
        Raw::Sequence(items) => Content::Sequence(
            items
                .into_iter()
                .map(|item| node(item, text))
                .collect::<Result<_, _>>()?,
        ),
        Raw::Mapping(entries) => Content::Mapping(
            entries
                .into_iter()
                .map(|pair| entry(pair, text))
                .collect::<Result<_, _>>()?,
        ),
    };
    Ok(Node { at, bytes, content })
}

fn entry((key, value): (RawNode, RawNode), text: &str) -> Result<Entry, ManifestError> {
    let key = node(key, text)?;
    let Content::Text(name) = key.content else {
        let message = format!(
            "a key must be text, this is {}: write it in quotes",
            key.found()
        );
        return Err(ManifestError::new(key.at, ErrorKind::Yaml { message }));
    };
    Ok(Entry {
        key: name,
        at: key.at,
        key_bytes: key.bytes,
        value: node(value, text)?,
    })
}

/// A number as JSON writes it. YAML's other forms mean different things to different readers: `017` is 17 or 15, and
/// `1_000` is text or a thousand; an integer beyond 64 bits would silently become a rounded one.
fn number(at: Position, written: &str) -> Result<Content, ManifestError> {
    let refused = || {
        let message = format!(
            "`{}` is not a number that can be read in one way only: write it as JSON does, or in quotes if it is text",
            shorten(written)
        );
        ManifestError::new(at, ErrorKind::Yaml { message })
    };
    // serde_json knows JSON's grammar; the standard library rounds a fraction to the nearest.
    let mut value: serde_json::Number = written.parse().map_err(|_| refused())?;
    if value.is_f64() {
        let fraction: f64 = written.parse().map_err(|_| refused())?;
        let written_as_one = written.contains(['.', 'e', 'E']);
        value = serde_json::Number::from_f64(fraction)
            .filter(|_| written_as_one)
            .ok_or_else(refused)?;
    }
    Ok(Content::Number {
        value,
        written: written.to_owned(),
    })
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Mapping(entries))
    }
}

const NO_ALIASES: &str =
    "anchors (`&`) and aliases (`*`) are not read here: write the value out, or text in quotes";
const ONE_DOCUMENT: &str = "one document per text: leave out what follows the first `---` or `...`";
