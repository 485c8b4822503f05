//! Who is greeted, and how.

/// The greeting for a path; `None` where the path names nobody.
pub(crate) fn greeting(path: &str) -> Option<String> {
    let name = match path.strip_prefix('/')? {
        "" => "world",
        name => name,
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (name.len() <= 32 && name.chars().all(allowed)).then(|| format!("Hello, {name}!\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<&str>) {
        assert_eq!(greeting(path).as_deref(), expected, "{path}");
    }

    #[test]
    fn greetings() {
        check("/", Some("Hello, world!\n"));
        check("/ada", Some("Hello, ada!\n"));
        check("/ada/", None);
        check("/%61da", None);
        check("", None);
    }
}
