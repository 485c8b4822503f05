//! Hosts and paths: how claims, routes and requests write them, and when one covers another.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::Deserialize;

/// Who a request is for: a name in lower case, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A DNS name in lower case, without a final dot.
    Name(String),
    /// An address.
    Ip(IpAddr),
}

/// Which hosts a claim or a route is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub enum HostPattern {
    /// `any`.
    Any,
    /// `*.example.com`, kept without the `*.`: every name with one label or more in front.
    Below(String),
    /// One host.
    Exactly(Host),
}

/// A path and all below it, at segment borders.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct PathPrefix(String);

/// A host pattern or a path that does not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPattern {
    text: String,
    reason: &'static str,
}

impl Host {
    /// Reads `HOST` or `HOST:PORT`, as in a `Host` field. Capitals are lowered; none if it is not exactly one host.
    pub(crate) fn from_authority(text: &str) -> Option<(Self, Option<u16>)> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']')?;
                let host = Self::Ip(IpAddr::V6(address.parse::<Ipv6Addr>().ok()?));
                (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
            }
            None => {
                let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
                (Self::named(&name.to_ascii_lowercase())?, port)
            }
        };
        let Some(port) = port else { return Some((host, None)) };
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port = digits.then(|| port.parse().ok()).flatten()?;
        Some((host, Some(port)))
    }

    /// A name in lower case, or an IPv4 address.
    fn named(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Self::Ip(address.into()));
        }
        // What ends in a number is an address to some readers (`127.1`, `0x7f.1`), so it is a name to nobody.
        let last = text.rsplit('.').next().unwrap_or_default();
        let number = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
        (text.len() <= 253 && !number && text.split('.').all(is_label)).then(|| Self::Name(text.to_owned()))
    }
}

fn is_label(label: &str) -> bool {
    let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=63).contains(&label.len()) && label.bytes().all(known) && !label.starts_with('-') && !label.ends_with('-')
}

impl HostPattern {
    /// Whether every host of `other` is one of this pattern's.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Below(suffix), Self::Exactly(Host::Name(name))) => is_below(name, suffix),
            (Self::Below(suffix), Self::Below(other)) => other == suffix || is_below(other, suffix),
            (Self::Exactly(host), Self::Exactly(other)) => host == other,
            _ => false,
        }
    }

    /// Whether some host is covered by both. Patterns are nested or apart; none cross.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// The larger, the fewer hosts it covers: the order in which routes are tried.
    pub(crate) fn rank(&self) -> usize {
        match self {
            Self::Any => 0,
            Self::Below(suffix) => suffix.len(),
            Self::Exactly(_) => usize::MAX,
        }
    }
}

fn is_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
}

impl FromStr for HostPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = |reason| Err(InvalidPattern::new(text, reason));
        if text == "any" {
            return Ok(Self::Any);
        }
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return invalid("host names are written in lower case");
        }
        if let Some(suffix) = text.strip_prefix("*.") {
            return match Host::named(suffix) {
                Some(Host::Name(suffix)) => Ok(Self::Below(suffix)),
                _ => invalid("`*.` is followed by a name, such as `*.shop.example`"),
            };
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self::Exactly(Host::Ip(address.into())));
        }
        match Host::from_authority(text) {
            Some((host, None)) => Ok(Self::Exactly(host)),
            Some((_, Some(_))) => invalid("a host is written without a port"),
            None if text.contains('*') => invalid("`*` stands only at the start, as in `*.shop.example`"),
            None => invalid("expected `any`, a name, `*.` and a name, or an IP address"),
        }
    }
}

impl PathPrefix {
    /// The prefix as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the path is this one or below it.
    pub fn covers(&self, path: &str) -> bool {
        if self.0 == "/" {
            return path.starts_with('/');
        }
        path.strip_prefix(self.0.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for PathPrefix {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        check_path(text).map_err(|reason| InvalidPattern::new(text, reason))?;
        if text.len() > 1 && text.ends_with('/') {
            return Err(InvalidPattern::new(text, "a prefix covers what is below it; leave out the `/` at its end"));
        }
        if text.len() > MOST_PREFIX {
            return Err(InvalidPattern::new(text, "it is longer than 1024 characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether a path, without its query, can be understood in one way only.
pub(crate) fn check_path(path: &str) -> Result<(), &'static str> {
    let Some(rest) = path.strip_prefix('/') else { return Err("a path starts with `/`") };
    if let Some(odd) = path.bytes().find(|b| !(0x21..0x7f).contains(b) || matches!(b, b'\\' | b'?' | b'#')) {
        return Err(match odd {
            b'\\' => "a path has no backslash",
            b'?' | b'#' => "a path has no query and no fragment",
            _ => "a path is written in printable ASCII",
        });
    }
    check_escapes(path)?;
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Err("a path has no empty segment (`//`)");
        }
        // Some servers drop `;…` before they resolve dot segments.
        if matches!(segment.split(';').next(), Some("." | "..")) {
            return Err("a path has no `.` or `..` segment");
        }
    }
    Ok(())
}

fn check_escapes(path: &str) -> Result<(), &'static str> {
    for escape in path.split('%').skip(1) {
        let decoded = escape.get(..2).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match decoded.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            None => return Err("`%` is followed by two hexadecimal digits"),
            Some(b'/' | b'\\' | b'.') => return Err("`/`, `\\` and `.` cannot be encoded in a path"),
            Some(control) if control.is_ascii_control() => return Err("a path has no control character"),
            Some(_) => {}
        }
    }
    Ok(())
}

impl InvalidPattern {
    fn new(text: &str, reason: &'static str) -> Self {
        Self { text: text.chars().take(80).collect(), reason }
    }
}

impl fmt::Display for InvalidPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.text, self.reason)
    }
}

impl std::error::Error for InvalidPattern {}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => address.fmt(f),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Below(suffix) => write!(f, "*.{suffix}"),
            Self::Exactly(host) => host.fmt(f),
        }
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for HostPattern {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        text.parse()
    }
}

impl TryFrom<String> for PathPrefix {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        text.parse()
    }
}

const MOST_PREFIX: usize = 1_024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn host(text: &str, printed: Option<&str>) {
        assert_eq!(text.parse::<HostPattern>().ok().map(|p| p.to_string()).as_deref(), printed, "{text}");
    }

    #[test]
    fn host_patterns() {
        for text in ["any", "shop.example", "localhost", "*.shop.example", "*.localhost", "192.0.2.1", "[2001:db8::1]"]
        {
            host(text, Some(text));
        }
        host("2001:DB8::1", None);
        host("2001:0db8:0::1", Some("[2001:db8::1]"));
        for text in [
            "",
            "*",
            "*.",
            "Shop.example",
            "shop.example.",
            ".example",
            "a..b",
            "a.*.b",
            "*a.b",
            "a*.b",
            "*.*.b",
            "*.1.2",
            "shop.example:80",
            "127.1",
            "0x7f.1",
            "a b",
            "a/b",
            "user@host",
            "-a.b",
            "a-.b",
            "127.0.0.01",
            "[::1",
            "::1]",
            "[127.0.0.1]",
            "*.192.0.2.1",
            "fé.example",
        ] {
            host(text, None);
        }
    }

    #[track_caller]
    fn covers(wide: &str, narrow: &str, expected: bool) {
        let [wide, narrow] = [wide, narrow].map(|text| text.parse::<HostPattern>().unwrap());
        assert_eq!(wide.covers(&narrow), expected, "{wide} {narrow}");
    }

    #[test]
    fn host_cover() {
        covers("any", "a.b", true);
        covers("any", "any", true);
        covers("any", "*.b", true);
        covers("*.b", "any", false);
        covers("*.b", "a.b", true);
        covers("*.b", "c.a.b", true);
        covers("*.b", "b", false);
        covers("*.b", "ab", false);
        covers("*.b.c", "xb.c", false);
        covers("*.b", "*.b", true);
        covers("*.b", "*.a.b", true);
        covers("*.a.b", "*.b", false);
        covers("a.b", "*.b", false);
        covers("a.b", "a.b", true);
        covers("a.b", "any", false);
        covers("a.b", "a.c", false);
        covers("::1", "[::1]", true);
        covers("any", "127.0.0.1", true);
        covers("127.0.0.1", "127.0.0.2", false);
    }

    #[track_caller]
    fn authority(text: &str, expected: Option<(&str, Option<u16>)>) {
        let read = Host::from_authority(text).map(|(host, port)| (host.to_string(), port));
        assert_eq!(read.as_ref().map(|(host, port)| (host.as_str(), *port)), expected, "{text}");
    }

    #[test]
    fn authorities() {
        authority("Shop.Example", Some(("shop.example", None)));
        authority("shop.example:8080", Some(("shop.example", Some(8080))));
        authority("127.0.0.1:80", Some(("127.0.0.1", Some(80))));
        authority("[::1]:80", Some(("[::1]", Some(80))));
        authority("[0::1]", Some(("[::1]", None)));
        for text in [
            "", ":80", "a:", "a:x", "a:+1", "a:65536", "a:80:80", "a b", "a,b", "u@a", "[::1", "[::1]80", "[::1]:",
            "::1", "a.", "a/b", "a\\b", "*.a", "a%2eb", "127.1",
        ] {
            authority(text, None);
        }
    }

    #[track_caller]
    fn path(text: &str, sound: bool) {
        assert_eq!(check_path(text).is_ok(), sound, "{text}");
    }

    #[test]
    fn paths() {
        for text in [
            "/", "/a", "/a/", "/a/b", "/a%20b", "/%C3%A9", "/a;v=1/b", "/...", "/.a", "/a.", "/a:b@c", "/a|b", "/a,b",
            "/100%25",
        ] {
            path(text, true);
        }
        for text in [
            "",
            "a",
            "*",
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/a/..",
            "/a/../b",
            "/./a",
            "/..;x/a",
            "/.;/a",
            "/%2e",
            "/%2E%2e/a",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%0d%0a",
            "/a%7f",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%+1",
            "/a?b",
            "/a#b",
            "/a b",
            "/é",
        ] {
            path(text, false);
        }
    }

    #[track_caller]
    fn prefix(prefix: &str, path: &str, expected: bool) {
        assert_eq!(prefix.parse::<PathPrefix>().unwrap().covers(path), expected, "{prefix} {path}");
    }

    #[test]
    fn prefixes() {
        prefix("/", "/", true);
        prefix("/", "/a", true);
        prefix("/orders", "/orders", true);
        prefix("/orders", "/orders/", true);
        prefix("/orders", "/orders/1", true);
        prefix("/orders", "/ordersx", false);
        prefix("/orders", "/order", false);
        prefix("/orders", "/", false);
        prefix("/orders", "/Orders", false);
        prefix("/orders", "/x/orders", false);
        assert!("/orders/".parse::<PathPrefix>().is_err());
        assert!(format!("/{}", "a".repeat(1_024)).parse::<PathPrefix>().is_err());
    }
}
