//! Reading when the tokens of a signed file end. Verifying is `writ verify`'s work; this only looks.

use data_encoding::BASE64URL_NOPAD;

/// When the first of the file's tokens ends, in seconds since 1970; `None` when that cannot be told.
///
/// The claims section is the file's last and ends with it, so its tokens are what follows the last mention of its name.
pub(crate) fn expiry(file: &[u8]) -> Option<u64> {
    let start = file.windows(SECTION.len()).rposition(|window| window == SECTION)?;
    let tokens = file.get(start + SECTION.len()..)?;
    let ends: Option<Vec<u64>> = tokens.split(|byte| *byte == b'\n').map(token_expiry).collect();
    ends?.into_iter().min()
}

fn token_expiry(token: &[u8]) -> Option<u64> {
    let payload = token.split(|byte| *byte == b'.').nth(1)?;
    let json = BASE64URL_NOPAD.decode(payload).ok()?;
    let payload: serde_json::Value = serde_json::from_slice(&json).ok()?;
    payload.get("exp")?.as_u64()
}

/// The name of the section.
const SECTION: &[u8] = b"writ.claims";

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.c2ln", BASE64URL_NOPAD.encode(payload.as_bytes()))
    }

    #[track_caller]
    fn check(tokens: &[String], expected: Option<u64>) {
        let mut file = b"\0asm earlier writ.claims in data \0\x20\x0bwrit.claims".to_vec();
        file.extend_from_slice(tokens.join("\n").as_bytes());
        assert_eq!(expiry(&file), expected);
    }

    #[test]
    fn the_first_to_end_counts() {
        check(&[token(r#"{"exp":30}"#)], Some(30));
        check(&[token(r#"{"exp":30}"#), token(r#"{"exp":20}"#)], Some(20));
    }

    #[test]
    fn what_is_no_token_has_no_end() {
        check(&[], None);
        check(&["a.b.c".to_owned()], None);
        check(&[token(r#"{"iat":1}"#)], None);
        check(&[token(r#"{"exp":30}"#), String::new()], None);
        assert_eq!(expiry(b"\0asm without"), None);
    }
}
