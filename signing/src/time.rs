//! Instants as tokens carry them, printed so that people can read them.

use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z. `Display` prints RFC 3339, such as `2026-02-02T02:40:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The last instant that a token may name: the end of the year 9999. Later ones have no RFC 3339 form.
    pub const MAX: Timestamp = Timestamp(253_402_300_799);
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self > Self::MAX {
            return write!(f, "{} s after 1970", self.0);
        }
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Year, month and day of a number of days after 1970-01-01 (Howard Hinnant's `civil_from_days`, for days at or after it).
#[expect(clippy::arithmetic_side_effects, reason = "the caller bounds days by the year 9999")]
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468; // counted from 0000-03-01, so that a leap day ends a year
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_rfc3339() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_770_000_000, "2026-02-02T02:40:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (Timestamp::MAX.0, "9999-12-31T23:59:59Z"),
            (u64::MAX, "18446744073709551615 s after 1970"),
        ] {
            assert_eq!(Timestamp(seconds).to_string(), expected);
        }
    }
}
