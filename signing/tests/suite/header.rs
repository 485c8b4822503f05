//! Tokens with any other header, signature length or encoding than the one that is read.

use writ_signing::token::{Kind, MAX_TOKEN, Token, TokenError};

use crate::fixture::{World, base64, forge, with_jti};
use crate::token::check;

pub(crate) fn headers(kind: Kind) -> Vec<String> {
    let right = kind.header();
    let typ = right.split('"').nth(3).unwrap().to_owned();
    let mut headers = Vec::new();
    let algorithms = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "PS256",
        "ES256",
        "EdDSA",
        "Ed25519",
        "ed25519",
        "ED25519-NKEY",
        "Ed25519-nkey",
        "ed25519-nkey ",
        "ed25519_nkey",
        "ed448-nkey",
        "ed25519-nkey\\u0000",
    ];
    headers.extend(algorithms.map(|alg| format!(r#"{{"typ":"{typ}","alg":"{alg}"}}"#)));
    let types = ["jwt", "JWT", "", "writ+jwt", "writ-component", "writ-provider+jwt", "application/writ-component+jwt"];
    headers.extend(types.map(|typ| format!(r#"{{"typ":"{typ}","alg":"ed25519-nkey"}}"#)));
    let parameters = [
        r#""kid":"A""#,
        r#""jku":"https://example.com""#,
        r#""jwk":{}"#,
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""x5u":"""#,
        r#""x5c":[]"#,
        r#""x5t":"""#,
        r#""cty":"jwt""#,
        r#""b64":false"#,
        r#""zip":"DEF""#,
        r#""enc":"none""#,
        r#""alg":"none""#,
        r#""alg":"ed25519-nkey""#,
        r#""typ":"jwt""#,
        r#""":null"#,
    ];
    for parameter in parameters {
        headers.push(right.replacen('{', &format!("{{{parameter},"), 1));
        headers.push(right.replacen('}', &format!(",{parameter}}}"), 1));
    }
    headers.extend([
        format!(r#"{{"alg":"ed25519-nkey","typ":"{typ}"}}"#),
        right.replace(':', ": "),
        right.replace(',', ", "),
        right.replace("alg", "\\u0061lg"),
        right.replace("alg", "Alg"),
        right.replace('"', "'"),
        format!("{right}\n"),
        format!(" {right}"),
        format!("\u{feff}{right}"),
        format!("{right}{right}"),
        format!("[{right}]"),
        right.to_uppercase(),
        "{}".to_owned(),
        "null".to_owned(),
        String::new(),
    ]);
    // One character less, and one changed, at every position.
    for position in 0..right.len() {
        let (before, after) = (&right[..position], &right[position + 1..]);
        headers.push(format!("{before}{after}"));
        headers.push(format!("{before}~{after}"));
    }
    // White space wherever JSON allows it, and every letter in the spelling that JSON has for all of them.
    for (position, letter) in right.char_indices() {
        let (before, after) = (&right[..position], &right[position + 1..]);
        match letter {
            '{' | '}' | ':' | ',' => {
                headers.extend([" ", "\t", "\r\n"].map(|space| format!("{before}{letter}{space}{after}")))
            }
            '"' => {}
            letter => headers.push(format!("{before}\\u{:04x}{after}", u32::from(letter))),
        }
    }
    headers.sort();
    headers.dedup();
    headers
}

#[test]
fn other_headers() {
    let world = World::new();
    for kind in Kind::ALL {
        let payload = with_jti(world.payload(kind));
        let headers = headers(kind);
        assert!(headers.len() >= 200, "{}", headers.len());
        for header in headers {
            check(&world, kind, &header, &payload, TokenError::Header);
        }
    }
}

/// `alg: none` as it is written in the wild, with no signature, and signatures of other lengths.
#[test]
fn unsigned_and_other_signatures() {
    let world = World::new();
    let payload = base64(&with_jti(world.payload(Kind::Component)));
    let header = base64(Kind::Component.header());
    let none = base64(r#"{"typ":"writ-component+jwt","alg":"none"}"#);
    let signature = |length| base64(&"x".repeat(length));
    for (text, expected) in [
        (format!("{none}.{payload}."), TokenError::Header),
        (format!("{none}.{payload}"), TokenError::Segments),
        (format!("{header}.{payload}."), TokenError::SignatureLength { found: 0 }),
        (format!("{header}.{payload}"), TokenError::Segments),
        (format!("{header}.{payload}.{}", signature(63)), TokenError::SignatureLength { found: 63 }),
        (format!("{header}.{payload}.{}", signature(65)), TokenError::SignatureLength { found: 65 }),
        (format!("{header}.{payload}.{}.", signature(64)), TokenError::Segments),
        (String::new(), TokenError::Segments),
        ("..".to_owned(), TokenError::Header),
        ("x".repeat(MAX_TOKEN + 1), TokenError::TooLong { length: MAX_TOKEN + 1 }),
    ] {
        assert_eq!(text.parse::<Token>(), Err(expected), "{text}");
    }
}

#[test]
fn encoding() {
    let world = World::new();
    let right = forge(Kind::Account.header(), &with_jti(world.payload(Kind::Account)), &world.operator);
    let [header, payload, signature]: [&str; 3] = right.split('.').collect::<Vec<_>>().try_into().unwrap();
    // The last character of 64 bytes carries four bits that mean nothing; only zeroes are canonical.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    let cut = &signature[..signature.len() - 1];
    for (text, segment) in [
        (format!("{header}.{payload}.{cut}{next}"), "signature"),
        (format!("{header}.{payload}.{signature}=="), "signature"),
        (format!("{header}.{payload}.{signature}\n"), "signature"),
        (format!("{header}.{payload}.{cut}+"), "signature"),
        (format!("{header}.{payload}.{cut}/"), "signature"),
        (format!("{header}.{payload} .{signature}"), "payload"),
        (format!("{header}.é{payload}.{signature}"), "payload"),
        (format!(" {header}.{payload}.{signature}"), "header"),
        (format!("{header}\r.{payload}.{signature}"), "header"),
    ] {
        assert_eq!(text.parse::<Token>(), Err(TokenError::Encoding { segment }), "{text}");
    }
}
