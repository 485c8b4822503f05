//! Subjects, and the patterns that match them, in the manner of NATS.
//!
//! | part | grammar |
//! |---|---|
//! | token | one or more characters; no space, control character, `.`, `*` or `>` |
//! | subject | tokens joined by `.` |
//! | pattern | the same, where a whole token may be `*` (any one token), and the last one `>` (one or more tokens) |
//!
//! Both have at most 255 bytes and 32 tokens. Letters are compared as they are written.
//!
//! Two kinds of first token are set apart, and no wildcard stands for them: `$…`, which brokers keep for themselves, is
//! refused everywhere; `_INBOX…`, under which the host makes the subjects that answers to requests go to, can be published
//! to but not subscribed to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What a message is published to, such as `orders.created`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject(Arc<str>);

/// Which subjects a claim or a subscription means, such as `orders.*`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(Arc<str>);

/// A subject or pattern that does not parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSubject {
    /// Nothing, or nothing between two dots.
    #[error("a token is empty")]
    EmptyToken,
    /// It has too many bytes.
    #[error("it has more than {MOST_BYTES} bytes")]
    TooLong,
    /// It has too many tokens.
    #[error("it has more than {MOST_TOKENS} tokens")]
    TooManyTokens,
    /// A space or control character.
    #[error("it has a space or control character")]
    Character,
    /// A wildcard where a message is published.
    #[error("`*` and `>` have no place in the subject of a message")]
    Wildcard,
    /// A wildcard beside other characters.
    #[error("`*` and `>` stand for whole tokens")]
    PartialWildcard,
    /// `>` before the last token.
    #[error("`>` can only be the last token")]
    NotLast,
    /// `$` at the start.
    #[error("subjects that start with `$` belong to the broker")]
    Reserved,
    /// An inbox where something is subscribed to.
    #[error("subjects that start with `_INBOX` are made by the host and cannot be subscribed to")]
    Inbox,
}

impl Subject {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of the subjects that answers go to.
    pub fn is_inbox(&self) -> bool {
        self.0.starts_with(INBOX)
    }
}

impl Pattern {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names subjects that answers go to.
    pub fn is_inbox(&self) -> bool {
        self.0.starts_with(INBOX)
    }

    /// Whether it can be subscribed to.
    ///
    /// # Errors
    /// [`InvalidSubject::Inbox`].
    pub fn subscribable(self) -> Result<Self, InvalidSubject> {
        if self.is_inbox() { Err(InvalidSubject::Inbox) } else { Ok(self) }
    }

    /// Whether a message to `subject` is meant.
    pub fn matches(&self, subject: &Subject) -> bool {
        // A subject is a pattern without wildcards: it is matched exactly if it is covered.
        covers(&self.0, &subject.0)
    }

    /// Whether every subject that `other` matches is matched by this pattern too.
    ///
    /// It is decided by the grammar alone: two patterns that only come to the same because of the limit on tokens do not
    /// cover each other.
    pub fn covers(&self, other: &Self) -> bool {
        covers(&self.0, &other.0)
    }
}

fn covers(wide: &str, narrow: &str) -> bool {
    let wildcard_first = wide.starts_with(['*', '>']);
    if wildcard_first && narrow.starts_with(INBOX) {
        return false;
    }
    let (mut wide, mut narrow) = (wide.split('.'), narrow.split('.'));
    loop {
        match (wide.next(), narrow.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

impl FromStr for Subject {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        check(text)?;
        if text.contains(['*', '>']) {
            return Err(InvalidSubject::Wildcard);
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for Pattern {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        check(text)?;
        let mut tokens = text.split('.').peekable();
        while let Some(token) = tokens.next() {
            match token {
                "*" => {}
                ">" if tokens.peek().is_some() => return Err(InvalidSubject::NotLast),
                ">" => {}
                _ if token.contains(['*', '>']) => return Err(InvalidSubject::PartialWildcard),
                _ => {}
            }
        }
        Ok(Self(text.into()))
    }
}

/// What subjects and patterns have in common.
fn check(text: &str) -> Result<(), InvalidSubject> {
    if text.len() > MOST_BYTES {
        return Err(InvalidSubject::TooLong);
    }
    if text.starts_with('$') {
        return Err(InvalidSubject::Reserved);
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(InvalidSubject::Character);
    }
    if text.split('.').any(str::is_empty) {
        return Err(InvalidSubject::EmptyToken);
    }
    if text.split('.').count() > MOST_TOKENS {
        return Err(InvalidSubject::TooManyTokens);
    }
    Ok(())
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The first token, or its beginning, of the subjects that answers go to.
pub(crate) const INBOX: &str = "_INBOX";
const MOST_BYTES: usize = 255;
const MOST_TOKENS: usize = 32;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::InvalidSubject::*;
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_subject(text: &str, expected: Result<(), InvalidSubject>) {
        assert_eq!(text.parse::<Subject>().map(|_| ()), expected, "{text:?}");
    }

    #[track_caller]
    fn check_pattern(text: &str, expected: Result<(), InvalidSubject>) {
        assert_eq!(text.parse::<Pattern>().map(|_| ()), expected, "{text:?}");
    }

    #[test]
    fn subjects() {
        for text in ["a", "orders.created", "a.b.c.d", "Ä.ö", "a-b_c.1", "_INBOX.x", "a$b", "a.$SYS", "a|b", "a,b"] {
            check_subject(text, Ok(()));
        }
        for text in ["", ".", "a.", ".a", "a..b"] {
            check_subject(text, Err(EmptyToken));
        }
        for text in [" ", "a b", "a\r\nPUB x 1", "a\tb", "a\0b", "a\u{7f}", "a.\u{a0}b", "a\u{85}", "a.b\n"] {
            check_subject(text, Err(Character));
        }
        for text in ["*", ">", "a.*", "a.>", "a*b", "a>", "*.a", "a.*.b"] {
            check_subject(text, Err(Wildcard));
        }
        for text in ["$", "$SYS", "$SYS.REQ.SERVER.PING", "$JS.API.INFO", "$KV.b.k"] {
            check_subject(text, Err(Reserved));
        }
        check_subject(&"a".repeat(255), Ok(()));
        check_subject(&"a".repeat(256), Err(TooLong));
        check_subject(&["a"; 32].join("."), Ok(()));
        check_subject(&["a"; 33].join("."), Err(TooManyTokens));
    }

    #[test]
    fn patterns() {
        for text in ["a", "*", ">", "a.*", "a.>", "*.*", "*.a.>", "_INBOX.>", "a.*.b"] {
            check_pattern(text, Ok(()));
        }
        for text in [">.a", "a.>.b", ">.>"] {
            check_pattern(text, Err(NotLast));
        }
        for text in ["a*", "*a", "**", "a.b>", ">>", "a.*b.c"] {
            check_pattern(text, Err(PartialWildcard));
        }
        for text in ["$SYS.>", "$>", "$"] {
            check_pattern(text, Err(Reserved));
        }
        for text in ["", "a..*", "*.", ".>"] {
            check_pattern(text, Err(EmptyToken));
        }
        assert_eq!("_INBOX.>".parse::<Pattern>().unwrap().subscribable(), Err(Inbox));
        assert_eq!("_INBOXES".parse::<Pattern>().unwrap().subscribable(), Err(Inbox));
        assert!("a._INBOX".parse::<Pattern>().unwrap().subscribable().is_ok());
    }

    #[test]
    fn matching() {
        for (pattern, subject, expected) in [
            ("a", "a", true),
            ("a", "A", false),
            ("a", "a.b", false),
            ("a.b", "a", false),
            ("*", "a", true),
            ("*", "a.b", false),
            (">", "a", true),
            (">", "a.b.c", true),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("a.>", "a", false),
            ("a.>", "a.b", true),
            ("a.>", "a.b.c.d", true),
            ("*.b", "a.b", true),
            ("*.b", "a.c", false),
            ("a.*.c", "a.b.c", true),
            ("a.*.>", "a.b", false),
            (">", "_INBOX.x", false),
            ("*.x", "_INBOX.x", false),
            ("*", "_INBOX", false),
            ("_INBOX.>", "_INBOX.x", true),
            ("a.*", "a._INBOX", true),
        ] {
            let (parsed, message) = (pattern.parse::<Pattern>().unwrap(), subject.parse::<Subject>().unwrap());
            assert_eq!(parsed.matches(&message), expected, "{pattern} {subject}");
        }
    }

    #[test]
    fn covering() {
        for (wide, narrow, expected) in [
            (">", ">", true),
            (">", "a.*.>", true),
            ("*", ">", false),
            ("*.>", ">", false),
            (">", "*.>", true),
            ("*", "*", true),
            ("*", "a", true),
            ("a", "*", false),
            ("a.>", "a.*", true),
            ("a.*", "a.>", false),
            ("a.>", "a", false),
            ("*.*", "a.b", true),
            ("*.b", "a.*", false),
            ("a.*.>", "a.b.>", true),
            ("orders.*", "orders.created", true),
            ("orders.*", "order.*", false),
            (">", "_INBOX.>", false),
            ("*.>", "_INBOX.a.b", false),
            ("_INBOX.>", "_INBOX.*", true),
        ] {
            let parsed = [wide, narrow].map(|text| text.parse::<Pattern>().unwrap());
            assert_eq!(parsed[0].covers(&parsed[1]), expected, "{wide} {narrow}");
        }
    }

    /// The definition of a match, written as one: which tokens each token of the pattern may stand for.
    fn naive(pattern: &[&str], subject: &[&str]) -> bool {
        match (pattern, subject) {
            ([], []) => true,
            ([">"], rest) => !rest.is_empty(),
            ([token, pattern @ ..], [word, subject @ ..]) => {
                (*token == "*" || token == word) && naive(pattern, subject)
            }
            _ => false,
        }
    }

    /// Every subject of one to `length` tokens over a small alphabet.
    fn subjects_up_to(length: usize) -> Vec<String> {
        let mut all = vec![];
        let mut longest = vec![String::new()];
        for _ in 0..length {
            let longer = |head: &String| {
                ["a", "b", "c", "_INBOX"].map(|t| if head.is_empty() { t.into() } else { format!("{head}.{t}") })
            };
            longest = longest.iter().flat_map(longer).collect();
            all.extend(longest.iter().cloned());
        }
        all
    }

    fn a_pattern() -> impl Strategy<Value = String> {
        let token = prop_oneof![Just("a"), Just("b"), Just("*"), Just("_INBOX")];
        (prop::collection::vec(token, 1..4), any::<bool>()).prop_map(|(mut tokens, rest)| {
            if rest {
                tokens.push(">");
            }
            tokens.join(".")
        })
    }

    proptest! {
        #[test]
        fn matches_as_defined(pattern in a_pattern(), subject in "[ab](\\.[ab]){0,4}") {
            let (parsed, message): (Pattern, Subject) = (pattern.parse().unwrap(), subject.parse().unwrap());
            let split = |text: &'static str| text.split('.').collect::<Vec<_>>();
            let (pattern, subject) = (split(pattern.leak()), split(subject.leak()));
            prop_assert_eq!(parsed.matches(&message), naive(&pattern, &subject));
        }

        #[test]
        fn covers_exactly_what_holds_for_every_subject(wide in a_pattern(), narrow in a_pattern()) {
            let (wide, narrow): (Pattern, Pattern) = (wide.parse().unwrap(), narrow.parse().unwrap());
            let subjects = subjects_up_to(5);
            let counterexample = subjects.iter().find(|text| {
                let subject: Subject = text.parse().unwrap();
                narrow.matches(&subject) && !wide.matches(&subject)
            });
            if wide.covers(&narrow) {
                prop_assert_eq!(counterexample, None);
            } else {
                prop_assert!(counterexample.is_some());
            }
        }

        #[test]
        fn reads_anything_without_a_panic_and_keeps_the_framing(text in any::<String>()) {
            if let Ok(subject) = text.parse::<Subject>() {
                prop_assert!(!subject.as_str().contains(['\r', '\n', ' ', '\t', '\0', '*', '>']));
                prop_assert!(!subject.as_str().starts_with('$') && subject.as_str().len() <= 255);
            }
            let _ = text.parse::<Pattern>();
        }
    }
}
