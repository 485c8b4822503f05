//! One line of a text set anew, all else kept byte for byte: what people wrote beside it is theirs.

use std::ops::Range;

use crate::error::ManifestError;
use crate::node::{Content, Entry, Node};
use crate::position::Position;
use crate::yaml;

/// Sets a top-level field to a plain value: in place, or on a new line below the field `after`.
pub(super) fn set(
    text: &str,
    field: &str,
    value: &str,
    after: &str,
) -> Result<String, ManifestError> {
    let root = yaml::parse(text)?;
    let entries = root.entries("the component file")?;
    let changed = match entries.iter().find(|entry| entry.key == field) {
        Some(entry) => replaced(text, entry, value),
        None => added(text, &root, entries, field, value, after)?,
    };
    let changed = changed.ok_or_else(|| no_line(&root, field))?;
    // A text can be written in more ways than were thought of; what came out is read again before it is believed.
    let read_again = yaml::parse(&changed).ok();
    let kept = read_again.is_some_and(|now| meaning(&now, field) == meaning(&root, field));
    if kept {
        Ok(changed)
    } else {
        Err(no_line(&root, field))
    }
}

fn replaced(text: &str, entry: &Entry, value: &str) -> Option<String> {
    let written = entry.value.bytes.clone()?;
    match &entry.value.content {
        // `id:` and nothing behind it, or `id: ~`.
        Content::Null if written.is_empty() => {
            let key_end = entry.key_bytes.clone()?.end;
            let colon = key_end
                .checked_add(text.get(key_end..)?.find(':')?)?
                .checked_add(1)?;
            splice(text, colon..colon, &format!(" {value}"))
        }
        Content::Sequence(_) | Content::Mapping(_) => None,
        Content::Text(_) if text.get(written.clone())?.contains('\n') => None,
        _ => splice(text, written, value),
    }
}

fn added(
    text: &str,
    root: &Node,
    entries: &[Entry],
    field: &str,
    value: &str,
    after: &str,
) -> Result<Option<String>, ManifestError> {
    let Some(neighbour) = entries.iter().find(|entry| entry.key == after) else {
        let message = format!(
            "the component file lacks the field `{after}`, below which `{field}` is written"
        );
        return Err(root.conflict(message));
    };
    Ok(below(text, root.at, neighbour, field, value))
}

fn below(
    text: &str,
    root: Position,
    neighbour: &Entry,
    field: &str,
    value: &str,
) -> Option<String> {
    let value_end = neighbour.value.bytes.clone()?.end;
    // The new key stands in the column of its neighbours, which need not be the first.
    let indent = " ".repeat(usize::try_from(root.column).ok()?.checked_sub(1)?);
    let Some(next_line) = next_line(text, value_end) else {
        return Some(format!("{text}\n{indent}{field}: {value}\n"));
    };
    let ending = if text.get(..next_line)?.ends_with("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    splice(
        text,
        next_line..next_line,
        &format!("{indent}{field}: {value}{ending}"),
    )
}

/// Where the line after a value begins. A block scalar (`|`, `>`) ends with its line, so that is its own end.
fn next_line(text: &str, value_end: usize) -> Option<usize> {
    if text.get(..value_end)?.ends_with('\n') {
        return Some(value_end);
    }
    let line_end = value_end.checked_add(text.get(value_end..)?.find('\n')?)?;
    line_end.checked_add(1)
}

fn splice(text: &str, range: Range<usize>, with: &str) -> Option<String> {
    Some([text.get(..range.start)?, with, text.get(range.end..)?].concat())
}

/// The document as JSON, without the field.
fn meaning(root: &Node, field: &str) -> serde_json::Value {
    let mut value = root.value();
    if let Some(fields) = value.as_object_mut() {
        fields.remove(field);
    }
    value
}

fn no_line(root: &Node, field: &str) -> ManifestError {
    root.conflict(format!(
        "`{field}` cannot be set in a text written like this: write each field on a line of its own"
    ))
}
