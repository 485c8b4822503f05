//! Who is greeted, and how.

/// Why nobody is greeted.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    Nobody,
    TooLong(u32),
}

/// A greeting.
pub(crate) fn greeting(name: &str) -> Result<String, Refusal> {
    match name.chars().count() {
        0 => Err(Refusal::Nobody),
        letters if letters > MOST => Err(Refusal::TooLong(u32::try_from(letters).unwrap_or(u32::MAX))),
        _ => Ok(format!("Hello, {name}!")),
    }
}

/// The most letters of a name.
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings() {
        assert_eq!(greeting("ada"), Ok("Hello, ada!".to_owned()));
        assert_eq!(greeting(""), Err(Refusal::Nobody));
        assert_eq!(greeting(&"é".repeat(65)), Err(Refusal::TooLong(65)));
    }
}
