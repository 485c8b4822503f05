//! Who is greeted, and how.

/// The greeting for the name in a message's body.
pub(crate) fn greeting(body: &[u8]) -> Result<String, String> {
    let name = std::str::from_utf8(body).map_err(|_| "the name is not UTF-8 text")?;
    let name = name.trim();
    if !matches!(name.chars().count(), 1..=32) || name.chars().any(char::is_control) {
        return Err("a name has 1 to 32 characters".to_owned());
    }
    Ok(format!("Hello, {name}!"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &[u8], expected: Option<&str>) {
        assert_eq!(greeting(body).ok().as_deref(), expected, "{body:?}");
    }

    #[test]
    fn greetings() {
        check(b"ada", Some("Hello, ada!"));
        check(" Zoë\n".as_bytes(), Some("Hello, Zoë!"));
        check(b" ", None);
        check(b"a\nb", None);
        check(&[0xff], None);
    }
}
