//! Whose visits are counted, under which key, and what is said about them.

/// The name in a path; `None` where the path names nobody.
pub(crate) fn name(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (matches!(name.len(), 1..=32) && name.chars().all(allowed)).then_some(name)
}

/// Where the count of a name is kept: below the prefix that `writ.yaml` claims.
pub(crate) fn key(name: &str) -> String {
    format!("visits/{name}")
}

/// What is said to a visitor.
pub(crate) fn text(name: &str, visits: u64) -> String {
    match visits {
        1 => format!("Hello, {name}! This is your first visit.\n"),
        visits => format!("Hello, {name}! This is visit {visits}.\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (path, expected) in [
            ("/ada", Some("ada")),
            ("/", None),
            ("/a/b", None),
            ("/%61da", None),
            ("ada", None),
        ] {
            assert_eq!(name(path), expected, "{path}");
        }
    }

    #[test]
    fn texts() {
        assert_eq!(key("ada"), "visits/ada");
        assert_eq!(text("ada", 1), "Hello, ada! This is your first visit.\n");
        assert_eq!(text("ada", 2), "Hello, ada! This is visit 2.\n");
    }
}
