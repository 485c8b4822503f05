//! The units that claims are written in: sizes, times and rates always carry one.
//!
//! | kind | written | units |
//! |---|---|---|
//! | [`Size`] | `64KiB` | `B`, `KiB`, `MiB`, `GiB` |
//! | [`Time`] | `500ms` | `ms`, `s`, `m`, `h`, `d` |
//! | [`Rate`] | `200/s` | `/s`, `/m`, `/h` |
//!
//! The number is a whole one, without sign, space or leading zero.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of bytes, such as `64KiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

/// A length of time, such as `500ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(Duration);

/// So many per second, minute or hour, such as `200/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    count: u64,
    period: Duration,
}

/// A size, time or rate that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}: expected {expected}")]
pub struct InvalidUnit {
    /// What was found, cut to 40 characters.
    pub text: String,
    kind: &'static str,
    expected: &'static str,
}

impl Size {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl Time {
    /// The length.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Time {
    /// To the whole millisecond below.
    fn from(length: Duration) -> Self {
        Self(Duration::from_millis(u64::try_from(length.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Rate {
    /// How many in one [`period`](Rate::period); at least 1.
    pub const fn count(self) -> u64 {
        self.count
    }

    /// A second, a minute or an hour.
    pub const fn period(self) -> Duration {
        self.period
    }
}

impl FromStr for Size {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        scaled(text, &SIZES)
            .map(Self)
            .ok_or_else(|| invalid(text, "size", "a whole number and `B`, `KiB`, `MiB` or `GiB`"))
    }
}

impl FromStr for Time {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        let length = scaled(text, &TIMES).map(Duration::from_millis);
        length.map(Self).ok_or_else(|| invalid(text, "time", "a whole number and `ms`, `s`, `m`, `h` or `d`"))
    }
}

impl FromStr for Rate {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        let parsed = text.split_once('/').and_then(|(count, unit)| {
            let seconds = RATES.iter().find(|(name, _)| *name == unit)?.1;
            Some(Self { count: whole(count).filter(|count| *count > 0)?, period: Duration::from_secs(seconds) })
        });
        parsed.ok_or_else(|| invalid(text, "rate", "a whole number above 0 and `/s`, `/m` or `/h`"))
    }
}

/// The number before the unit, times the unit's factor, where it fits 64 bits.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = units.iter().find(|(name, _)| *name == unit)?.1;
    whole(number)?.checked_mul(factor)
}

fn whole(digits: &str) -> Option<u64> {
    let plain = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()));
    plain.then(|| digits.parse().ok()).flatten()
}

fn invalid(text: &str, kind: &'static str, expected: &'static str) -> InvalidUnit {
    InvalidUnit { text: text.chars().take(40).collect(), kind, expected }
}

/// The number in the largest unit that divides it.
fn largest(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let fits = |(_, factor): &&(&str, u64)| value != 0 && value.checked_rem(*factor) == Some(0);
    let (name, factor) = units.iter().rev().find(fits).or(units.first()).copied().unwrap_or(("", 1));
    write!(f, "{}{name}", value.checked_div(factor).unwrap_or(value))
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        largest(f, self.0, &SIZES)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        largest(f, u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), &TIMES)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.period.as_secs();
        let unit = RATES.iter().find(|(_, factor)| *factor == seconds).map_or("s", |(name, _)| name);
        write!(f, "{}/{unit}", self.count)
    }
}

macro_rules! as_text {
    ($($kind:ty),*) => { $(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )* };
}

as_text!(Size, Time, Rate);

/// Smallest first.
const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
/// In milliseconds, smallest first.
const TIMES: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
/// In seconds.
const RATES: [(&str, u64); 3] = [("s", 1), ("m", 60), ("h", 3_600)];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: FromStr<Err = InvalidUnit> + fmt::Display>(text: &str, printed: Option<&str>) {
        assert_eq!(text.parse::<T>().ok().map(|value| value.to_string()).as_deref(), printed, "{text}");
    }

    #[test]
    fn reads_and_prints() {
        for text in ["0B", "1B", "64KiB", "32MiB", "3GiB", "1025KiB"] {
            check::<Size>(text, Some(text));
        }
        check::<Size>("1024KiB", Some("1MiB"));
        for text in ["0ms", "500ms", "5s", "15m", "24h", "90d"] {
            check::<Time>(text, (text != "24h").then_some(text).or(Some("1d")));
        }
        for text in ["200/s", "30/m", "10/h"] {
            check::<Rate>(text, Some(text));
        }
    }

    #[test]
    fn refuses() {
        for text in [
            "",
            "5",
            "5 s",
            "-5s",
            "+5s",
            "05s",
            "5S",
            "5.5s",
            "s",
            "5sec",
            "99999999999999999999s",
            "999999999999999999d",
        ] {
            check::<Time>(text, None);
        }
        for text in ["64kb", "64K", "1TiB", "KiB", "18446744073709551615KiB"] {
            check::<Size>(text, None);
        }
        for text in ["0/s", "200", "200/d", "/s", "1.5/s", "200 /s"] {
            check::<Rate>(text, None);
        }
    }
}
