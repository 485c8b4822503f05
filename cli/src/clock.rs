//! The one place that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// Now, in unix seconds.
pub(crate) fn now() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(since.context("this machine's clock stands before 1970")?.as_secs())
}

/// The day of an instant in unix seconds, as `2027-02-19` in UTC.
pub(crate) fn day(seconds: u64) -> String {
    let instant = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    instant.map_or_else(|| format!("{seconds} s after 1970"), |instant| instant.strftime("%Y-%m-%d").to_string())
}

/// An instant in unix seconds, as `2027-02-19T08:30:00Z`.
pub(crate) fn time(seconds: u64) -> String {
    let instant = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    instant.map_or_else(|| format!("{seconds} s after 1970"), |instant| instant.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        assert_eq!(day(1_770_000_000), "2026-02-02");
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(u64::MAX), "18446744073709551615 s after 1970");
    }
}
