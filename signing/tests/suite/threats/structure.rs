//! Rows 1, 2 and 5: a file changed in its structure, at every position there is.

use std::collections::BTreeSet;

use writ_signing::section::{self, split};
use writ_signing::{Digest, verify};

use super::{accepted, check, check_layers, without};
use crate::corpus;
use crate::fixture::{NOW, PREAMBLE, World, component, custom, leb, with_content};

const LENGTHS: [usize; 3] = [2_000, 3_000, 4_000];

/// A file's sections at its top level: id and content.
#[derive(Clone)]
struct Parts(Vec<(u8, Vec<u8>)>);

impl Parts {
    fn of(file: &[u8]) -> Self {
        let mut parts = Vec::new();
        let mut rest = &file[PREAMBLE.len()..];
        while let Some((id, behind)) = rest.split_first() {
            let (mut size, mut length) = (0, 0);
            for byte in behind {
                size |= usize::from(byte & 0x7f) << (7 * length);
                length += 1;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let (content, after) = behind[length..].split_at(size);
            parts.push((*id, content.to_vec()));
            rest = after;
        }
        Parts(parts)
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    /// The file with each section's bytes from `write`.
    fn file(&self, write: impl Fn(usize, u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
        let sections = self.0.iter().enumerate().map(|(index, (id, content))| write(index, *id, content));
        [PREAMBLE.to_vec(), sections.collect::<Vec<_>>().concat()].concat()
    }

    fn plain(&self) -> Vec<u8> {
        self.file(|_, id, content| raw(id, content))
    }

    /// Where each section begins, and the file's end.
    fn borders(&self) -> Vec<usize> {
        let mut at = PREAMBLE.len();
        let ends = self.0.iter().map(|(id, content)| {
            at += raw(*id, content).len();
            at
        });
        [PREAMBLE.len()].into_iter().chain(ends).collect()
    }

    fn edited(&self, edit: impl FnOnce(&mut Vec<(u8, Vec<u8>)>)) -> Vec<u8> {
        let mut edited = self.clone();
        edit(&mut edited.0);
        edited.plain()
    }
}

fn raw(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], leb(content.len()).as_slice(), content].concat()
}

/// The number with `more` bytes that say nothing.
fn padded_leb(value: usize, more: usize) -> Vec<u8> {
    let mut bytes = leb(value);
    *bytes.last_mut().unwrap() |= 0x80;
    bytes.resize(bytes.len() + more - 1, 0x80);
    bytes.push(0);
    bytes
}

/// Sections taken out, swapped, moved and doubled: every position with every other.
fn arranged(parts: &Parts) -> Vec<Vec<u8>> {
    let count = parts.len();
    let mut files: Vec<_> = (0..count).map(|at| parts.edited(|sections| drop(sections.remove(at)))).collect();
    for one in 0..count {
        for other in 0..count {
            files.push(parts.edited(|sections| sections.swap(one, other)));
            files.push(parts.edited(|sections| {
                let moved = sections.remove(one);
                sections.insert(other, moved);
            }));
        }
        for to in 0..=count {
            files.push(parts.edited(|sections| sections.insert(to, sections[one].clone())));
        }
    }
    files
}

/// One section more, of every kind, at every border; claims of this file and another's among them, also nested.
fn added(file: &[u8], other: &[u8], parts: &Parts) -> Vec<Vec<u8>> {
    let [own, foreign] = [file, other].map(|file| split(file).unwrap().content);
    let nested = with_content(PREAMBLE, own);
    let module = [b"\0asm\x01\0\0\0", custom(section::NAME, own).as_slice()].concat();
    let mut sections = vec![custom("note", b"x"), custom("", b""), custom("jwt", own), custom(section::NAME, b"")];
    sections.extend([own, foreign].map(|content| custom(section::NAME, content)));
    sections.extend([raw(4, &nested), raw(1, &module), raw(4, file), raw(1, file)]);
    sections.extend((1..=13).flat_map(|id| [raw(id, b""), raw(id, &[0]), raw(id, &nested)]));
    let insert = |border: usize, section: &[u8]| [&file[..border], section, &file[border..]].concat();
    parts
        .borders()
        .into_iter()
        .chain([0])
        .flat_map(|border| sections.iter().map(move |new| insert(border, new)))
        .collect()
}

/// Bytes that are no section: one of every value at the end, some at every border; and the end cut off anywhere.
fn loose(file: &[u8], parts: &Parts) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = (0..=u8::MAX).map(|byte| [file, &[byte]].concat()).collect();
    for border in parts.borders() {
        for bytes in [&b"\0"[..], b"\0\0", b"\xff", b"\n", PREAMBLE, b"\0\x01\0", &[0x80; 6]] {
            files.push([&file[..border], bytes, &file[border..]].concat());
        }
        files.extend((1..border.min(20)).map(|more| file[..border - more].to_vec()));
    }
    files.extend((0..file.len()).step_by(7).map(|length| file[..length].to_vec()));
    files
}

/// Each section's id changed to every other, its length off by one and written in longer ways, itself put into another.
fn rewritten(parts: &Parts) -> Vec<Vec<u8>> {
    let change = |at: usize, write: &dyn Fn(u8, &[u8]) -> Vec<u8>| {
        parts.file(|index, id, content| if index == at { write(id, content) } else { raw(id, content) })
    };
    let mut files = Vec::new();
    for at in 0..parts.len() {
        files.extend((0..=16).map(|new| change(at, &|_, content| raw(new, content))));
        for more in 1..=4 {
            let long = |id: u8, content: &[u8]| [&[id], padded_leb(content.len(), more).as_slice(), content].concat();
            files.push(change(at, &long));
        }
        for wrong in [-1, 1] {
            let length = |content: &[u8]| leb(content.len().saturating_add_signed(wrong));
            files.push(change(at, &|id, content| [&[id], length(content).as_slice(), content].concat()));
        }
        for wrapper in [1, 4] {
            let wrap = |id: u8, content: &[u8]| raw(wrapper, &[PREAMBLE, &raw(id, content)].concat());
            files.push(change(at, &wrap));
        }
    }
    files
}

/// The claims' name with a length that is written in a longer way.
fn long_names(file: &[u8]) -> Vec<Vec<u8>> {
    let found = split(file).unwrap();
    let name = section::NAME.as_bytes();
    let body = |more| [padded_leb(name.len(), more).as_slice(), name, found.content].concat();
    (1..=4).map(|more| [found.covered, &raw(0, &body(more))].concat()).collect()
}

/// The whole file inside another component, alone and with its claims behind.
fn wrapped(file: &[u8]) -> Vec<Vec<u8>> {
    let tokens = split(file).unwrap().content;
    let files = [1, 4].map(|id| [PREAMBLE, &raw(id, file)].concat());
    files.iter().flat_map(|wrapped| [wrapped.clone(), with_content(wrapped, tokens)]).collect()
}

/// All of them, each once, and none that is the file itself.
fn tampered(world: &World) -> Vec<Vec<u8>> {
    let files = corpus::signed(world, LENGTHS);
    let mut seen: BTreeSet<_> = files.iter().map(|file| Digest::of(file)).collect();
    let mut tampered = Vec::new();
    for (index, file) in files.iter().enumerate() {
        verify(file, &world.roots, NOW).unwrap();
        let parts = Parts::of(file);
        assert_eq!(parts.plain(), *file);
        let other = &files[(index + 1) % files.len()];
        tampered.extend(arranged(&parts));
        tampered.extend(added(file, other, &parts));
        tampered.extend(loose(file, &parts));
        tampered.extend(rewritten(&parts));
        tampered.extend(long_names(file));
        tampered.extend(wrapped(file));
    }
    tampered.retain(|file| seen.insert(Digest::of(file)));
    tampered
}

/// The digest and the length guard what is covered; where the claims stand, and how their lengths are written, guard the rest.
#[test]
fn threat_05_structural_tampers() {
    let world = World::new();
    let files = tampered(&world);
    println!("{} structural tampers", files.len());
    assert!(files.len() >= 5_000, "{}", files.len());
    let defences = ["digest", "length", "one claims section", "claims section last", "minimal lengths"];
    check(&defences, || accepted(&files, &world.roots));
    // Each of the last three is the only one before some of them, the two before only together.
    check(&["claims section last"], || accepted(&files, &world.roots));
    check(&["minimal lengths"], || accepted(&files, &world.roots));
    check(&["digest", "length"], || accepted(&files, &world.roots));
}

/// That they are the last is a second layer behind their being the only ones: what follows the first is one more, or something else.
#[test]
fn threat_05_claims_twice() {
    let world = World::new();
    let file = world.direct(&component());
    let twice = with_content(&file, split(&file).unwrap().content);
    check_layers(&["one claims section", "claims section last"], || accepted([&twice], &world.roots));
}

/// Without the section there is nothing to make a proof of, which no switch changes: that layer is the type. Without the
/// signature in a token, its check is all there is.
#[test]
fn threat_01_stripped() {
    let world = World::new();
    for file in corpus::signed(&world, LENGTHS) {
        let bare = section::unsigned(&file).unwrap();
        let bare =
            [bare.to_vec(), with_content(bare, b""), with_content(bare, b"\n"), [bare, &custom("note", b"")].concat()];
        let all = ["signature", "digest", "length", "pinned operators", "chain", "header", "unknown fields"];
        assert_eq!(without(&all, &|| accepted(&bare, &world.roots)), 0);
        check(&["signature"], || accepted(unsigned_tokens(&file), &world.roots));
    }
}

/// Each token, and all of them, with nothing, noughts or noise for a signature.
fn unsigned_tokens(file: &[u8]) -> Vec<Vec<u8>> {
    let found = split(file).unwrap();
    let text = str::from_utf8(found.content).unwrap();
    let lines: Vec<&str> = text.split('\n').collect();
    let strip = |line: &str, signature: &str| format!("{}.{signature}", line.rsplit_once('.').unwrap().0);
    let noise = data_encoding::BASE64URL_NOPAD.encode(&[0x5a; 64]);
    let mut files = Vec::new();
    for signature in ["", &"A".repeat(86), &noise] {
        for which in (0..lines.len()).map(|at| 1 << at).chain([usize::MAX]) {
            let stripped = lines.iter().enumerate().map(|(at, line)| match which >> at & 1 {
                0 => (*line).to_owned(),
                _ => strip(line, signature),
            });
            files.push(with_content(found.covered, stripped.collect::<Vec<_>>().join("\n").as_bytes()));
        }
    }
    files
}

/// The claims of each of N components on the bytes of each other. Where two are as long, the digest is all there is.
#[test]
fn threat_02_substituted() {
    let world = World::new();
    let same_length: Vec<_> = (0..12_u8).map(|fill| [PREAMBLE, &custom("n", &[fill; 50])].concat()).collect();
    let other_lengths: Vec<_> = (0..12).map(|count| corpus::component(2_000 + 150 * count)).collect();
    for (files, layers) in [(same_length, &["digest"][..]), (other_lengths, &["digest", "length"])] {
        let swapped = substituted(&world, &files);
        assert_eq!(swapped.len(), files.len() * (files.len() - 1));
        check_layers(layers, || accepted(&swapped, &world.roots));
        assert_eq!(without(layers, &|| accepted(&swapped, &world.roots)), swapped.len());
    }
}

fn substituted(world: &World, files: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut swapped = Vec::new();
    for of in files {
        let signed = world.direct(of);
        let tokens = split(&signed).unwrap().content;
        swapped.extend(files.iter().filter(|on| *on != of).map(|on| with_content(on, tokens)));
    }
    swapped
}
