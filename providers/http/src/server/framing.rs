//! One reading of where a message ends, before hyper sees it.
//!
//! hyper forgives what a proxy in front may read differently: it drops `Content-Length` beside `Transfer-Encoding`, merges
//! equal lengths, takes bare line feeds. Then the two disagree on where a request ends, and one client's bytes become
//! another's request. [`Framing`] follows the bytes of a connection and permits only messages that have one reading.

/// Follows the messages that a client sends. It keeps one line at most.
#[derive(Debug)]
pub(super) struct Framing {
    state: State,
    line: Vec<u8>,
    // Bytes of the head, or of the trailers, so far.
    section: usize,
    head: Head,
}

/// Where the first byte lies that must not be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ambiguous(pub(super) usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    RequestLine,
    Fields,
    Body(u64),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailers,
    // The head is too long: hyper refuses it with 431, and nothing after it is read.
    Oversize,
}

#[derive(Debug, Default)]
struct Head {
    length: Option<u64>,
    chunked: bool,
}

impl Framing {
    pub(super) fn new() -> Self {
        Self { state: State::RequestLine, line: Vec::new(), section: 0, head: Head::default() }
    }

    /// Follows the next bytes.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(), Ambiguous> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = bytes.len().saturating_sub(rest.len());
            let taken = match &mut self.state {
                State::Oversize => return Ok(()),
                State::Body(left) | State::ChunkData(left) => skip(left, rest.len()),
                _ => self.take_line(rest).map_err(|within| Ambiguous(at.saturating_add(within)))?,
            };
            if let State::Body(0) = self.state {
                self.state = State::RequestLine;
            } else if let State::ChunkData(0) = self.state {
                self.state = State::ChunkEnd;
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Takes bytes up to the end of a line, and the line if it is whole. An error is the place of its line feed.
    fn take_line(&mut self, rest: &[u8]) -> Result<usize, usize> {
        let end = rest.iter().position(|b| *b == b'\n');
        let taken = end.map_or(rest.len(), |end| end.saturating_add(1));
        self.section = self.section.saturating_add(taken);
        if self.section > self.most() {
            if !matches!(self.state, State::RequestLine | State::Fields) {
                return Err(0);
            }
            self.state = State::Oversize;
            return Ok(taken);
        }
        self.line.extend_from_slice(rest.get(..taken).unwrap_or_default());
        let Some(end) = end else { return Ok(taken) };
        let line = std::mem::take(&mut self.line);
        let next = line.strip_suffix(b"\r\n").and_then(|line| self.next(line)).ok_or(end)?;
        let same_section = next == self.state || (self.state, next) == (State::RequestLine, State::Fields);
        if !same_section {
            self.section = 0;
        }
        self.state = next;
        self.line = line;
        self.line.clear();
        Ok(taken)
    }

    /// How long the section may be that a line belongs to.
    fn most(&self) -> usize {
        match self.state {
            State::ChunkSize | State::ChunkEnd => MOST_CHUNK_LINE,
            State::Trailers => MOST_TRAILERS,
            _ => MOST_HEAD,
        }
    }

    /// What follows a line, given without its end; none if the line is not sound.
    fn next(&mut self, line: &[u8]) -> Option<State> {
        match self.state {
            State::RequestLine if line.is_empty() => Some(State::RequestLine),
            State::RequestLine => {
                self.head = Head::default();
                is_request_line(line).then_some(State::Fields)
            }
            State::Fields if line.is_empty() => Some(match (self.head.chunked, self.head.length) {
                (true, _) => State::ChunkSize,
                (false, None | Some(0)) => State::RequestLine,
                (false, Some(length)) => State::Body(length),
            }),
            State::Fields => self.field(line).then_some(State::Fields),
            State::ChunkSize => chunk_size(line).map(|size| match size {
                0 => State::Trailers,
                size => State::ChunkData(size),
            }),
            State::ChunkEnd => line.is_empty().then_some(State::ChunkSize),
            State::Trailers if line.is_empty() => Some(State::RequestLine),
            State::Trailers => {
                let (name, _) = field(line)?;
                (!FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing))).then_some(State::Trailers)
            }
            State::Body(_) | State::ChunkData(_) | State::Oversize => None,
        }
    }

    /// Notes a field of the head; false if it is not sound.
    fn field(&mut self, line: &[u8]) -> bool {
        let Some((name, value)) = field(line) else { return false };
        let framed = self.head.chunked || self.head.length.is_some();
        if name.eq_ignore_ascii_case(b"content-length") {
            self.head.length = number(value, 10);
            return !framed && self.head.length.is_some();
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.head.chunked = value.eq_ignore_ascii_case(b"chunked");
            return !framed && self.head.chunked;
        }
        true
    }
}

fn skip(left: &mut u64, available: usize) -> usize {
    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(available);
    *left = left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
    taken
}

/// `METHOD TARGET HTTP/1.x` with single spaces, the target in visible ASCII without a fragment.
fn is_request_line(line: &[u8]) -> bool {
    let mut parts = line.split(|b| *b == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let sound = |b: &u8| (0x21..0x7f).contains(b) && *b != b'#';
    is_token(method) && !target.is_empty() && target.iter().all(sound) && matches!(version, b"HTTP/1.1" | b"HTTP/1.0")
}

/// `name: value` on one line, the name directly before the colon. The value comes without the space around it.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|b| *b == b':')?;
    let (name, value) = (line.get(..colon)?, line.get(colon.saturating_add(1)..)?);
    let sound = |b: &u8| *b == b'\t' || !b.is_ascii_control();
    (is_token(name) && value.iter().all(sound)).then(|| (name, value.trim_ascii()))
}

/// RFC 9110's `token`.
fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

/// The size of a chunk. Its extension may be anything printable; nobody looks at it.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let end = line.iter().position(|b| *b == b';').unwrap_or(line.len());
    let printable = line.iter().all(|b| *b == b'\t' || !b.is_ascii_control());
    number(line.get(..end)?, 16).filter(|_| printable)
}

/// Digits alone: no sign, no space, no list.
fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let sound = !digits.is_empty() && digits.iter().all(|b| char::from(*b).is_digit(radix));
    let text = std::str::from_utf8(digits).ok().filter(|_| sound)?;
    u64::from_str_radix(text, radix).ok()
}

/// The request line and its fields, in bytes.
pub(super) const MOST_HEAD: usize = 64 << 10;
const MOST_TRAILERS: usize = 8 << 10;
/// A chunk's size and its extensions.
const MOST_CHUNK_LINE: usize = 256;
const FRAMING: [&[u8]; 3] = [b"content-length", b"transfer-encoding", b"host"];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n";

    /// However the bytes are cut, the answer is the same; a refusal never comes after the end of the bytes.
    #[track_caller]
    fn check(bytes: &str, sound: bool) {
        let whole = Framing::new().follow(bytes.as_bytes());
        assert_eq!(whole.is_ok(), sound, "{bytes:?}");
        for size in [1, 2, 7] {
            let mut framing = Framing::new();
            let cut = bytes.as_bytes().chunks(size).all(|chunk| framing.follow(chunk).is_ok());
            assert_eq!(cut, sound, "{bytes:?} in pieces of {size}");
        }
    }

    #[test]
    fn one_reading() {
        check(&format!("{GET}\r\n"), true);
        check(&format!("\r\n{GET}\r\n{GET}\r\n"), true);
        check(&format!("{GET}Content-Length: 3\r\n\r\nabc{GET}\r\n"), true);
        check(&format!("{GET}content-length:\t3 \r\n\r\n\n\n\n{GET}\r\n"), true);
        check(&format!("{GET}Content-Length: 0\r\n\r\n{GET}\r\n"), true);
        check(&format!("{GET}Transfer-Encoding: Chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n0\r\nX: y\r\n\r\n{GET}\r\n"), true);
        check(&format!("{GET}X-Empty:\r\nX-High: \u{e9}\r\n\r\n"), true);
        check(&format!("{GET}X: {}", "a".repeat(MOST_HEAD)), true);
    }

    #[test]
    fn more_than_one_reading() {
        let fields = [
            "Content-Length: 3\r\nContent-Length: 3\r\n",
            "Content-Length: 3\r\nContent-Length: 4\r\n",
            "Content-Length: 3, 3\r\n",
            "Content-Length: +3\r\n",
            "Content-Length: -3\r\n",
            "Content-Length: 0x3\r\n",
            "Content-Length: 3 3\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding:\u{b}chunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            " Transfer-Encoding: chunked\r\n",
            "X: a\r\n b\r\n",
            "X: a\nY: b\r\n",
            "X: a\rY: b\r\n",
            "X: a\0b\r\n",
            "X\r\n",
            ": x\r\n",
            "X Y: z\r\n",
        ];
        for field in fields {
            check(&format!("{GET}{field}\r\n"), false);
        }
        for line in [
            "GET  / HTTP/1.1",
            "GET / HTTP/1.1 ",
            " GET / HTTP/1.1",
            "GET /",
            "GET / HTTP/2.0",
            "GET / http/1.1",
            "GET\t/ HTTP/1.1",
            "GET /a#b HTTP/1.1",
            "GET /\u{e9} HTTP/1.1",
            "G@T / HTTP/1.1",
            "PRI * HTTP/2.0",
            "GET / HTTP/1.10",
        ] {
            check(&format!("{line}\r\n"), false);
        }
    }

    #[test]
    fn chunks_with_more_than_one_reading() {
        for body in [
            "\r\n",
            "g\r\n",
            "3 \r\n",
            " 3\r\n",
            "0x3\r\n",
            "3\nabc",
            "11111111111111111\r\n",
            "3;a\u{b}\r\n",
            "3\r\nabcd\r\n",
            "3\r\nabc\n",
            "0\r\nContent-Length: 3\r\n\r\n",
            "0\r\nHost: b\r\n\r\n",
            "0\r\n folded\r\n\r\n",
            "-3\r\n",
        ] {
            check(&format!("{GET}Transfer-Encoding: chunked\r\n\r\n{body}"), false);
        }
        check(&format!("{GET}Transfer-Encoding: chunked\r\n\r\n3;{}", "a".repeat(300)), false);
        check(&format!("{GET}Transfer-Encoding: chunked\r\n\r\n0\r\nX: {}", "a".repeat(9_000)), false);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(bytes in "(GET / HTTP/1.1\r\n|Host: a\r\n|Content-Length: [0-9]\r\n|Transfer-Encoding: chunked\r\n|\r\n|[0-9a]\r\n|[ -~]{0,6}|\n){0,12}", cut in 1usize..9) {
            let whole = Framing::new().follow(bytes.as_bytes());
            let mut framing = Framing::new();
            let pieces = bytes.as_bytes().chunks(cut).all(|piece| framing.follow(piece).is_ok());
            prop_assert_eq!(whole.is_ok(), pieces);
        }

        #[test]
        fn any_bytes_are_followed_to_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            if let Err(Ambiguous(at)) = Framing::new().follow(&bytes) {
                prop_assert!(at < bytes.len());
            }
        }
    }
}
