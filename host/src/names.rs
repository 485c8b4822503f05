//! Names of interfaces, and when two of them are the same one.
//!
//! A linker is looser than a claim should be, so names are parsed and decided on as (namespace, package, interface, track):
//!
//! | version | track |
//! |---|---|
//! | 1.0.0 and above | its major number |
//! | 0.x.y, x above 0 | its minor number |
//! | 0.0.x, a pre-release, none | itself exactly |
//!
//! Anything else a component model name may be (`url=`, `locked-dep=`, `integrity=`, nested names, build metadata) is
//! refused until the policy understands it.

use std::fmt;
use std::str::FromStr;

use semver::Version;
use serde::{Deserialize, Serialize};
use writ_signing::defence::stands;

/// The name of an interface: `namespace:package/interface@version`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct InterfaceName {
    /// Who publishes it, such as `wasi`.
    pub namespace: String,
    /// The package, such as `keyvalue`.
    pub package: String,
    /// The interface, such as `store`.
    pub interface: String,
    /// The version, if it has one.
    pub version: Option<Version>,
}

/// What decides whether two versions are the same interface.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Track {
    Major(u64),
    Minor(u64),
    Exactly(Option<Version>),
}

impl From<InterfaceName> for String {
    fn from(name: InterfaceName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for InterfaceName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl InterfaceName {
    /// Whether both names are the same interface, on the same track of versions.
    pub fn matches(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.package == other.package
            && self.interface == other.interface
            && (self.track() == other.track() || !stands("names: track"))
    }

    /// The name without its version: `namespace:package/interface`.
    pub fn unversioned(&self) -> String {
        format!("{}:{}/{}", self.namespace, self.package, self.interface)
    }

    /// Whether it looks like a name by which a host tells apart the principals and the edges of a composition: `pN-…` or
    /// `eN-…`. No component may import such a name, alone or composed.
    pub(crate) fn is_reserved(&self) -> bool {
        let Some((first, _)) = self.namespace.split_once('-') else { return false };
        let digits = first.strip_prefix(['p', 'P', 'e', 'E']).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn track(&self) -> Track {
        match &self.version {
            Some(version) if !version.pre.is_empty() => Track::Exactly(Some(version.clone())),
            Some(version) if version.major > 0 => Track::Major(version.major),
            Some(version) if version.minor > 0 => Track::Minor(version.minor),
            other => Track::Exactly(other.clone()),
        }
    }
}

/// A name that is not `namespace:package/interface@version`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of an interface that a claim can stand for")]
pub struct InvalidName(pub String);

impl FromStr for InterfaceName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        parse(text).ok_or_else(|| InvalidName(text.chars().take(100).collect()))
    }
}

fn parse(text: &str) -> Option<InterfaceName> {
    let (path, version) = match text.split_once('@') {
        Some((_, version)) if version.len() > MOST => return None,
        Some((path, version)) => (path, Some(Version::parse(version).ok()?)),
        None => (text, None),
    };
    if version.as_ref().is_some_and(|version| !version.build.is_empty()) {
        return None;
    }
    let (namespace, rest) = path.split_once(':')?;
    let (package, interface) = rest.split_once('/')?;
    let plain = [namespace, package, interface].into_iter().all(is_kebab);
    plain.then(|| InterfaceName {
        namespace: namespace.to_owned(),
        package: package.to_owned(),
        interface: interface.to_owned(),
        version,
    })
}

/// Characters of each part of a name.
const MOST: usize = 100;

/// Words of ASCII letters and digits joined by single dashes, each word starting with a letter.
fn is_kebab(name: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    name.len() <= MOST && name.split('-').all(word)
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.namespace, self.package, self.interface)?;
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, same: bool) {
        let [one, other]: [InterfaceName; 2] = [one, other].map(|name| name.parse().unwrap());
        assert_eq!(one.matches(&other), same, "{one} {other}");
        assert_eq!(other.matches(&one), same, "{other} {one}");
    }

    #[test]
    fn tracks() {
        check("wasi:io/poll@0.2.0", "wasi:io/poll@0.2.12", true);
        check("wasi:io/poll@0.2.0", "wasi:io/poll@0.3.0", false);
        check("wasi:io/poll@1.0.0", "wasi:io/poll@1.9.3", true);
        check("wasi:io/poll@1.0.0", "wasi:io/poll@2.0.0", false);
        check("wasi:io/poll@0.0.1", "wasi:io/poll@0.0.1", true);
        check("wasi:io/poll@0.0.1", "wasi:io/poll@0.0.2", false);
        check("wasi:io/poll@0.2.0-draft", "wasi:io/poll@0.2.0-draft", true);
        check("wasi:io/poll@0.2.0-draft", "wasi:io/poll@0.2.0", false);
        check("wasi:io/poll@0.2.0-rc.1", "wasi:io/poll@0.2.0-draft", false);
        check("wasi:io/poll", "wasi:io/poll", true);
        check("wasi:io/poll", "wasi:io/poll@0.2.0", false);
        check("wasi:io/poll@0.2.0", "wasi:io/streams@0.2.0", false);
        check("wasi:io/poll@0.2.0", "evil:io/poll@0.2.0", false);
    }

    #[test]
    fn refuses_what_is_not_a_plain_interface() {
        for text in [
            "",
            "poll",
            "wasi:io",
            "wasi:io/poll@0.2",
            "wasi:io/poll@",
            "wasi:io/poll@0.2.0@0.2.0",
            "wasi:io/poll@0.2.1+evil",
            "wasi:io/poll/deep@0.2.0",
            "a:b:c/d",
            "url=<https://example.org>",
            "locked-dep=<wasi:io@0.2.0>",
            "unlocked-dep=<wasi:io@{>=0.2.0}>",
            "integrity=<sha256-AAAA>",
            "wаsi:io/poll@0.2.0",
            "wasi:io /poll",
            "wasi:io/-poll",
            "wasi:io/poll-",
            "wasi:io/po--ll",
            "wasi:io/1poll",
        ] {
            assert!(text.parse::<InterfaceName>().is_err(), "{text}");
        }
        let version = |length: usize| format!("a:b/c@0.2.0-{}", "x".repeat(length - 6)).parse::<InterfaceName>();
        assert!(version(MOST).is_ok() && version(MOST + 1).is_err());
    }
}
