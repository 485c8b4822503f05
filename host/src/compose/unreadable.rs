//! Why nobody can read the types at a component's outside.

use wasmparser::{BinaryReaderError, Parser, Payload};

/// Where the reading of a component ended, and why: a text that follows "cannot be read".
pub(super) fn why(bytes: &[u8], error: &BinaryReaderError) -> String {
    let place = match exported_at(bytes, error.offset()) {
        Some(name) => format!("at its export {}", short(&name)),
        None => format!("at byte {}", error.offset()),
    };
    // What was compared stands on lines of its own, from the outside in.
    format!("{place}: {}", short(&error.message().lines().collect::<Vec<_>>().join(": ")))
}

/// The export of the outermost component that begins there.
fn exported_at(bytes: &[u8], offset: usize) -> Option<String> {
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.ok()? {
            Payload::Version { .. } => depth = depth.saturating_add(1),
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentExportSection(section) if depth == 1 => {
                let named = section.into_iter_with_offsets().filter_map(Result::ok).find(|(at, _)| *at == offset);
                if let Some((_, export)) = named {
                    return Some(export.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    None
}

/// A sentence's worth of a text that a component may have a hand in.
fn short(text: &str) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
