//! Sizes, times and rates as people write them: a whole number and a unit, without a space.
//!
//! | type | written | units |
//! |---|---|---|
//! | [`Size`] | `64KiB` | `B`, `KiB`, `MiB`, `GiB`, `TiB`: powers of 1024, and no others, so that nobody guesses what `K` is |
//! | [`Time`] | `500ms` | `ns`, `us`, `ms`, `s`, `m`, `h`, `d` |
//! | [`Rate`] | `200/s` | `/s`, `/m`, `/h` |
//!
//! A bare number is refused: what it counts would be a guess. Each type reads from text ([`FromStr`], serde) and displays
//! as text that reads back to the same value.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// A number of bytes, written `512B`, `64KiB`, `32MiB`, `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

impl Size {
    /// So many bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        scaled(text, Self::UNITS, Self::EXPECTED).map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display_scaled(self.0, Self::UNITS, f)
    }
}

impl Measure for Size {
    const UNITS: &'static [(&'static str, u64)] =
        &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
    const EXPECTED: &'static str = "a size such as `64KiB`: a whole number and one of `B`, `KiB`, `MiB`, `GiB`, `TiB`";
}

/// A length of time, to the nanosecond and up to some five hundred years, written `20us`, `500ms`, `5s`, `15m`, `24h`,
/// `90d`. A day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// So many milliseconds, or the longest time there is.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// In whole seconds, rounded down.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / (1_000 * MS)
    }

    /// As the standard library has it.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

impl FromStr for Time {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        scaled(text, Self::UNITS, Self::EXPECTED).map(Self)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display_scaled(self.0, Self::UNITS, f)
    }
}

/// Nanoseconds in a millisecond.
const MS: u64 = 1_000_000;

impl Measure for Time {
    const UNITS: &'static [(&'static str, u64)] = &[
        ("ns", 1),
        ("us", 1_000),
        ("ms", MS),
        ("s", 1_000 * MS),
        ("m", 60_000 * MS),
        ("h", 3_600_000 * MS),
        ("d", 86_400_000 * MS),
    ];
    const EXPECTED: &'static str =
        "a time such as `15m`: a whole number and one of `ns`, `us`, `ms`, `s`, `m`, `h`, `d`";
}

/// So many in each second, minute or hour, written `200/s`, `30/m`, `10/h`.
///
/// `60/m` and `1/s` are different: the first lets sixty through at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    count: u64,
    per: Per,
}

/// The stretch of time that a rate counts over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Per {
    /// `/s`
    Second,
    /// `/m`
    Minute,
    /// `/h`
    Hour,
}

impl Per {
    /// As the standard library has it.
    #[must_use]
    pub const fn duration(self) -> Duration {
        match self {
            Self::Second => Duration::from_secs(1),
            Self::Minute => Duration::from_secs(60),
            Self::Hour => Duration::from_secs(3600),
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
        }
    }
}

impl Rate {
    /// So many in each stretch.
    #[must_use]
    pub const fn new(count: u64, per: Per) -> Self {
        Self { count, per }
    }

    /// How many.
    #[must_use]
    pub const fn count(self) -> u64 {
        self.count
    }

    /// In each of what.
    #[must_use]
    pub const fn per(self) -> Per {
        self.per
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let refused = || UnitError::new(text, Self::EXPECTED);
        let (digits, unit) = text.split_once('/').ok_or_else(refused)?;
        let per =
            [Per::Second, Per::Minute, Per::Hour].into_iter().find(|per| per.suffix() == unit).ok_or_else(refused)?;
        let count = whole(digits).ok_or_else(refused)?;
        Ok(Self { count, per })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.per.suffix())
    }
}

impl Measure for Rate {
    const UNITS: &'static [(&'static str, u64)] = &[];
    const EXPECTED: &'static str = "a rate such as `200/s`: a whole number and one of `/s`, `/m`, `/h`";
}

/// A text that is not a size, a time or a rate. Displayed with the units that are accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct UnitError {
    text: String,
    expected: &'static str,
}

impl UnitError {
    fn new(text: &str, expected: &'static str) -> Self {
        // What is quoted goes to a terminal, so it is short and has no control characters.
        let text = text.chars().take(40).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        Self { text, expected }
    }

    /// What would be right: a noun phrase that names an example and the units.
    #[must_use]
    pub fn expected(&self) -> &'static str {
        self.expected
    }
}

/// What the three types share.
trait Measure: FromStr<Err = UnitError> {
    /// Unit and its worth in the smallest, ascending.
    const UNITS: &'static [(&'static str, u64)];
    /// What would be right, as a noun phrase.
    const EXPECTED: &'static str;
}

fn scaled(text: &str, units: &[(&str, u64)], expected: &'static str) -> Result<u64, UnitError> {
    let refused = || UnitError::new(text, expected);
    let border = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
    let (digits, unit) = text.split_at(border);
    let (_, worth) = units.iter().find(|(name, _)| *name == unit).ok_or_else(refused)?;
    whole(digits).and_then(|count| count.checked_mul(*worth)).ok_or_else(refused)
}

/// Digits only: no sign, and none of the spaces and underscores that some formats skip.
fn whole(digits: &str) -> Option<u64> {
    let digits_only = digits.bytes().all(|byte| byte.is_ascii_digit());
    if digits_only { digits.parse().ok() } else { None }
}

/// In the largest unit that leaves nothing over.
fn display_scaled(value: u64, units: &[(&str, u64)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let fits = |(_, worth): &&(&str, u64)| value != 0 && value.is_multiple_of(*worth);
    let (name, worth) = units.iter().rev().find(fits).or(units.first()).copied().unwrap_or(("", 1));
    write!(f, "{}{name}", value.checked_div(worth).unwrap_or(value))
}

struct FromText<T>(std::marker::PhantomData<T>);

impl<T: Measure> Visitor<'_> for FromText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! as_text {
    ($($measure:ty),*) => {$(
        impl<'de> Deserialize<'de> for $measure {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(FromText(std::marker::PhantomData))
            }
        }

        impl Serialize for $measure {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

as_text!(Size, Time, Rate);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes, shown) in [
            ("512B", 512, "512B"),
            ("64KiB", 65_536, "64KiB"),
            ("32MiB", 33_554_432, "32MiB"),
            ("1024MiB", 1 << 30, "1GiB"),
            ("0KiB", 0, "0B"),
            ("1025B", 1025, "1025B"),
            ("18446744073709551615B", u64::MAX, "18446744073709551615B"),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, shown), "{text}");
        }
    }

    #[test]
    fn times() {
        for (text, time, shown) in [
            ("1ns", Duration::from_nanos(1), "1ns"),
            ("20us", Duration::from_micros(20), "20us"),
            ("1000us", Duration::from_millis(1), "1ms"),
            ("500ms", Duration::from_millis(500), "500ms"),
            ("60s", Duration::from_secs(60), "1m"),
            ("36h", Duration::from_secs(129_600), "36h"),
            ("90d", Duration::from_secs(7_776_000), "90d"),
            ("200000d", Duration::from_secs(17_280_000_000), "200000d"),
        ] {
            let read: Time = text.parse().unwrap();
            assert_eq!((read.duration(), read.to_string().as_str()), (time, shown), "{text}");
        }
    }

    #[test]
    fn refused() {
        for text in
            ["", "64", "KiB", "64 KiB", "64kib", "64KB", "64K", "-1B", "+1B", "1_0B", "1.5GiB", "99999999TiB", "٣B"]
        {
            let error = text.parse::<Size>().unwrap_err();
            assert!(error.to_string().contains("one of `B`, `KiB`, `MiB`, `GiB`, `TiB`"), "{text}: {error}");
        }
        for text in ["5", "5min", "5S", "1w", "s", "18446744073709551615d", "300000d", "5 s", "5µs"] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
        for text in ["200", "/s", "200/", "200/d", "200s", "2 /s", "1/s/s", "-1/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_bare_number_is_refused_in_json_too() {
        let error = serde_json::from_str::<Size>("64").unwrap_err();
        assert!(error.to_string().contains("expected a size such as `64KiB`"), "{error}");
        assert_eq!(serde_json::from_str::<Rate>("\"30/m\"").unwrap(), Rate::new(30, Per::Minute));
        assert_eq!(serde_json::to_string(&Time::from_millis(1000)).unwrap(), "\"1s\"");
    }

    proptest! {
        #[test]
        fn what_is_displayed_reads_back(value: u64, unit in 0_u32..50) {
            let value = value >> unit << (unit / 2);
            prop_assert_eq!(Size(value).to_string().parse::<Size>().unwrap(), Size(value));
            prop_assert_eq!(Time(value).to_string().parse::<Time>().unwrap(), Time(value));
            let rate = Rate::new(value, Per::Hour);
            prop_assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,12}") {
            let _ = (text.parse::<Size>(), text.parse::<Time>(), text.parse::<Rate>());
        }
    }
}
