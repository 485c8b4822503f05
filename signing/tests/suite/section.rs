//! Where the claims section may stand, and what else is refused.

use writ_signing::section::{self, MAX_FILE, SectionError, embed, split, unsigned};
use writ_signing::token::Tokens;

use crate::fixture::{PREAMBLE, World, component, custom, leb, with_content};

#[track_caller]
fn check(file: &[u8], expected: SectionError) {
    assert_eq!(split(file), Err(expected));
}

#[test]
fn finds_the_tail() {
    let file = with_content(&component(), b"content");
    let found = split(&file).unwrap();
    assert_eq!((found.covered, found.content), (component().as_slice(), b"content".as_slice()));
    assert_eq!(unsigned(&file).unwrap(), component());
    assert_eq!(unsigned(&component()).unwrap(), component());
}

#[test]
fn what_is_no_component() {
    for start in 0..PREAMBLE.len() {
        check(&PREAMBLE[..start], SectionError::Truncated { offset: 0 });
    }
    check(b"#!/bin/sh", SectionError::NotWasm);
    check(b"\0as!\x0d\0\x01\0", SectionError::NotWasm);
    check(b"x", SectionError::NotWasm);
    check(b"\0asm\x01\0\0\0", SectionError::CoreModule);
    check(b"\0asm\x0c\0\x01\0", SectionError::UnknownVersion { found: [0x0c, 0, 1, 0] });
    check(b"\0asm\x0d\0\x02\0", SectionError::UnknownVersion { found: [0x0d, 0, 2, 0] });
    check(PREAMBLE, SectionError::NoClaims);
    check(&component(), SectionError::NoClaims);
}

#[test]
fn exactly_one_and_last() {
    let start = component().len();
    let file = with_content(&component(), b"x");
    let end = file.len();
    check(&with_content(&file, b"x"), SectionError::TwoSections { first: start, second: end });
    check(&[file.as_slice(), &custom("note", b"")].concat(), SectionError::NotLast { end });
    check(&[PREAMBLE, &custom(section::NAME, b"x"), &custom("note", b"")].concat(), SectionError::NotLast { end: 23 });
    let between = [file.as_slice(), &custom("note", b""), &custom(section::NAME, b"x")].concat();
    check(&between, SectionError::TwoSections { first: start, second: end + custom("note", b"").len() });
    for byte in 0..=u8::MAX {
        check(&[file.as_slice(), &[byte]].concat(), SectionError::Truncated { offset: end });
    }
}

#[test]
fn nested_ones_are_content() {
    let inner = with_content(PREAMBLE, b"nested");
    for id in [1, 4] {
        let nested = [PREAMBLE, &[id], &leb(inner.len()), &inner].concat();
        check(&nested, SectionError::NoClaims);
        let signed = with_content(&nested, b"outer");
        assert_eq!(split(&signed).unwrap().content, b"outer");
        assert_eq!(split(&signed).unwrap().covered, nested);
    }
}

#[test]
fn similar_names_are_other_sections() {
    for name in ["", "writ", "writ.claim", "writ.claims2", "Writ.claims", "writ.claims\0", "wasmcloud_jwt", "jwt"] {
        check(&[PREAMBLE, &custom(name, b"x")].concat(), SectionError::NoClaims);
    }
}

#[test]
fn lengths() {
    let section = |size: &[u8], name: &[u8]| [PREAMBLE, &[0], size, name, section::NAME.as_bytes(), b"xy"].concat();
    assert_eq!(split(&section(&[14], &[11])).unwrap().content, b"xy");
    let offset = PREAMBLE.len();
    for (size, name) in [
        (&[0x8f, 0][..], &[0x8b, 0][..]),
        (&[0x8e, 0], &[11]),
        (&[0x8e, 0x80, 0], &[11]),
        (&[0x8e, 0x80, 0x80, 0x80, 0], &[11]),
        (&[15], &[0x8b, 0]),
        (&[18], &[0x8b, 0x80, 0x80, 0x80, 0]),
    ] {
        check(&section(size, name), SectionError::NotMinimal { offset });
    }
    // More than 32 bits, more than five bytes, more than there is.
    let start = offset + 1;
    check(&section(&[0x8e, 0x80, 0x80, 0x80, 0x10], &[11]), SectionError::Malformed { offset: start });
    check(&section(&[0x8e, 0x80, 0x80, 0x80, 0x80, 0], &[11]), SectionError::Malformed { offset: start });
    check(&section(&[15], &[11]), SectionError::Truncated { offset });
    check(&section(&[0xff, 0xff, 0xff, 0xff, 0x0f], &[11]), SectionError::Truncated { offset });
    check(&section(&[0x8e], &[]), SectionError::Truncated { offset });
    // A name longer than its section.
    check(&section(&[14], &[14]), SectionError::Malformed { offset });
    check(&section(&[14], &[0xff, 0xff, 0xff, 0xff, 0x0f]), SectionError::Malformed { offset });
    check(&[PREAMBLE, &[0, 0]].concat(), SectionError::Malformed { offset });
    // What tools pad is fine elsewhere.
    let padded = [PREAMBLE, &[7, 0x82, 0x80, 0], b"xy", &[0, 0x83, 0, 0x81, 0], b"n"].concat();
    assert_eq!(unsigned(&padded).unwrap(), padded);
    assert_eq!(split(&with_content(&padded, b"z")).unwrap().covered, padded);
}

#[test]
fn every_truncation() {
    let file = World::new().direct(&component());
    for length in 0..file.len() {
        let refused = split(&file[..length]);
        let expected = match length {
            8 => matches!(refused, Err(SectionError::NoClaims)),
            length if length == component().len() => matches!(refused, Err(SectionError::NoClaims)),
            _ => matches!(refused, Err(SectionError::Truncated { .. })),
        };
        assert!(expected, "{length}: {refused:?}");
    }
}

#[test]
fn embedding_replaces_the_tail_and_nothing_else() {
    let world = World::new();
    let token = |_| world.component_token(&component(), &world.account);
    let tokens = Tokens::new(token(()), None, world.account_token()).unwrap();
    let once = embed(&component(), &tokens).unwrap();
    assert_eq!(embed(&once, &tokens).unwrap(), once);
    assert_eq!(embed(&with_content(&component(), b"older"), &tokens).unwrap(), once);
    assert_eq!(unsigned(&once).unwrap(), component());
    assert_eq!(Tokens::parse(split(&once).unwrap().content).unwrap(), tokens);
    assert_eq!(embed(b"\0asm\x01\0\0\0", &tokens), Err(SectionError::CoreModule));
}

#[test]
fn size() {
    let mut file = component();
    let padding = MAX_FILE - file.len() - 5;
    file.extend([9].iter().chain(&leb(padding)));
    file.resize(MAX_FILE, 0);
    assert_eq!(unsigned(&file).unwrap().len(), MAX_FILE);
    let world = World::new();
    let component = world.component_token(&file, &world.account);
    let tokens = Tokens::new(component, None, world.account_token()).unwrap();
    assert!(matches!(embed(&file, &tokens), Err(SectionError::TooLarge { .. })));
    file.push(0);
    check(&file, SectionError::TooLarge { length: MAX_FILE + 1 });
}
