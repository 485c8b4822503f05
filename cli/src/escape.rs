//! Text that somebody else chose, made harmless before a terminal or a log sees it.
//!
//! | replaced | why |
//! |---|---|
//! | C0 and C1 controls, DEL, NUL | they end lines and start terminal commands (ANSI, OSC) |
//! | bidirectional marks, embeddings, overrides and isolates | they make a line read as something else |
//! | line and paragraph separators, the byte order mark, tag characters | they end lines elsewhere, or hide text |

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

/// Whether a character must not be written as it is.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// One line of text for people: what is unsafe becomes `\n`, `\t` or `\u{1b}`, all else stays.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    text.chars().for_each(|c| push_text(&mut escaped, c));
    Cow::Owned(escaped)
}

/// Several lines of text for people: as [`line()`], but line feeds end lines.
pub(crate) fn lines(text: &str) -> String {
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// JSON over several lines. Beyond what JSON demands, everything unsafe is written `\u001b`.
///
/// In JSON text the unsafe characters that are left stand inside strings, except the line feeds between values.
pub(crate) fn json(value: &Value) -> String {
    let text = format!("{value:#}");
    if !text.contains(|c| c != '\n' && is_unsafe(c)) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push(c),
            c if is_unsafe(c) => push_json(&mut escaped, c),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Appends one character of a text, escaped for people if it is unsafe.
pub(crate) fn push_text(to: &mut String, c: char) {
    match c {
        '\n' => to.push_str("\\n"),
        '\r' => to.push_str("\\r"),
        '\t' => to.push_str("\\t"),
        c if is_unsafe(c) => push(to, format_args!("\\u{{{:x}}}", u32::from(c))),
        c => to.push(c),
    }
}

/// Appends one character of a JSON string.
pub(crate) fn push_json(to: &mut String, c: char) {
    match c {
        '"' => to.push_str("\\\""),
        '\\' => to.push_str("\\\\"),
        '\n' => to.push_str("\\n"),
        '\r' => to.push_str("\\r"),
        '\t' => to.push_str("\\t"),
        c if is_unsafe(c) => {
            let units = &mut [0; 2];
            c.encode_utf16(units).iter().for_each(|unit| push(to, format_args!("\\u{unit:04x}")));
        }
        c => to.push(c),
    }
}

fn push(to: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = to.write_fmt(text);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_of_text() {
        for (text, expected) in [
            ("plain — ünïcode 🦀", "plain — ünïcode 🦀"),
            ("a\nb\r\tc\0", r"a\nb\r\tc\u{0}"),
            ("\x1b]52;c;x\x07", r"\u{1b}]52;c;x\u{7}"),
            ("\u{9b}31m\u{7f}", r"\u{9b}31m\u{7f}"),
            ("\u{202e}drow\u{2066}\u{61c}\u{2028}", r"\u{202e}drow\u{2066}\u{61c}\u{2028}"),
            ("\u{e0041}\u{feff}", r"\u{e0041}\u{feff}"),
        ] {
            assert_eq!(line(text), expected);
        }
        assert_eq!(lines("a\x1b\nb"), "a\\u{1b}\nb");
    }

    proptest! {
        #[test]
        fn json_means_the_same_and_is_safe(text: String, key: String) {
            let value = json!({ key: [text] });
            let written = super::json(&value);
            prop_assert!(!written.contains(|c| c != '\n' && is_unsafe(c)));
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
    }
}
