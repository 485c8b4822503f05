//! A signed component, changed in every way: nothing but the signed bytes verifies.

use writ_signing::section::{self, SectionError, split};
use writ_signing::token::{Components, Tokens, TokensError};
use writ_signing::{VerifyError, verify};

use crate::fixture::{NOW, PREAMBLE, World, component, custom, leb, with_content};

/// One section more, of any kind and at any border.
#[test]
fn insert_a_section() {
    let world = World::new();
    let file = world.direct(&component());
    let borders = [0, PREAMBLE.len(), component().len(), file.len()];
    let tokens = split(&file).unwrap().content;
    let nested = with_content(PREAMBLE, tokens);
    let mut sections = vec![custom("note", b"x"), custom(section::NAME, tokens), custom(section::NAME, b"")];
    sections.extend((1..=12).map(|id| [&[id], leb(nested.len()).as_slice(), &nested].concat()));
    for section in sections {
        for border in borders {
            let changed = [&file[..border], &section, &file[border..]].concat();
            assert!(verify(&changed, &world.roots, NOW).is_err(), "{section:02x?} at {border}");
        }
    }
}

#[test]
fn reorder_sections() {
    let world = World::new();
    let [one, two] = [custom("one", b"1"), custom("two", b"2")];
    let file = world.direct(&[PREAMBLE, &one, &two].concat());
    let tail = &file[PREAMBLE.len() + one.len() + two.len()..];
    verify(&file, &world.roots, NOW).unwrap();
    for order in [[&two, &one, tail], [&one, tail, &two], [tail, &one, &two], [&two, tail, &one]] {
        assert!(verify(&[PREAMBLE, &order.concat()].concat(), &world.roots, NOW).is_err());
    }
}

/// What is nested cannot lend its claims, and what carries them cannot wrap another component.
#[test]
fn wrap() {
    let world = World::new();
    let file = world.direct(&component());
    let wrapped = [PREAMBLE, &[4], &leb(file.len()), &file].concat();
    assert_eq!(verify(&wrapped, &world.roots, NOW), Err(SectionError::NoClaims.into()));
    let tokens = split(&file).unwrap().content;
    let lent = with_content(&wrapped, tokens);
    assert!(matches!(verify(&lent, &world.roots, NOW), Err(VerifyError::LengthMismatch { .. })));
    verify(&world.direct(&wrapped), &world.roots, NOW).unwrap();
}

/// The claims of each component on the bytes of each other.
#[test]
fn substitute() {
    let world = World::new();
    let components: Vec<_> = (0..12).map(|n| [PREAMBLE, &custom("n", &vec![n; usize::from(n) % 3])].concat()).collect();
    let same = |a: usize, b: usize| components[a] == components[b];
    for (p, of) in components.iter().enumerate() {
        let signed = world.direct(of);
        let tokens = split(&signed).unwrap().content;
        for (q, on) in components.iter().enumerate() {
            let verdict = verify(&with_content(on, tokens), &world.roots, NOW);
            assert_eq!(verdict.is_ok(), same(p, q), "{p} on {q}: {verdict:?}");
        }
    }
}

#[test]
fn separators() {
    let world = World::new();
    let file = world.delegated(&component(), Components::Any);
    let content = String::from_utf8(split(&file).unwrap().content.to_vec()).unwrap();
    for changed in [
        content.replace('\n', "\n\n"),
        content.replace('\n', "\r\n"),
        content.replace('\n', "\r"),
        content.replace('\n', " "),
        content.replace('\n', ""),
        content.replace('\n', "\0"),
        format!("{content}\n"),
        format!("\n{content}"),
        format!(" {content}"),
        format!("{content} "),
        format!("{content}\0"),
        format!("\u{feff}{content}"),
        format!("{content}\n{content}"),
        String::new(),
        "\n".to_owned(),
    ] {
        let verdict = verify(&with_content(&component(), changed.as_bytes()), &world.roots, NOW);
        assert!(matches!(verdict, Err(VerifyError::Tokens(_))), "{changed:?}: {verdict:?}");
    }
}

#[test]
fn order_and_number_of_tokens() {
    let world = World::new();
    let component_token = world.component_token(&component(), &world.signing_key).to_string();
    let signing_key = world.signing_key_token(Components::Any).to_string();
    let account = world.account_token().to_string();
    let all = [component_token.as_str(), &signing_key, &account];
    let mut accepted = 0;
    for first in all {
        let lone = verify(&with_content(&component(), first.as_bytes()), &world.roots, NOW);
        assert!(matches!(lone, Err(VerifyError::Tokens(TokensError::NoAccount | TokensError::Kind { .. }))));
        for second in all {
            let two = with_content(&component(), [first, second].join("\n").as_bytes());
            assert!(verify(&two, &world.roots, NOW).is_err());
            for third in all {
                let three = with_content(&component(), [first, second, third].join("\n").as_bytes());
                let verdict = verify(&three, &world.roots, NOW);
                let right = [first, second, third] == all;
                assert_eq!(verdict.is_ok(), right, "{verdict:?}");
                accepted += usize::from(right);
            }
        }
    }
    assert_eq!(accepted, 1);
    for (content, found) in [("", 1), ("\n", 2), ("x\n\ny", 3), ("x\ny\n", 3), ("x\ny\nz\n", 4)] {
        assert_eq!(Tokens::parse(content.as_bytes()), Err(TokensError::Lines { found }), "{content:?}");
    }
    let long = with_content(&component(), &vec![b'x'; 50_000]);
    assert_eq!(verify(&long, &world.roots, NOW), Err(TokensError::TooLong { length: 50_000 }.into()));
    assert_eq!(Tokens::parse(b"\xff"), Err(TokensError::NotText));
}
