//! What is left of a rate, and the clocks that it is counted by.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::time::{ClockId, clock_gettime};

use crate::units::Rate;

/// What is left of a rate: a bucket that holds one period's worth, and fills steadily.
#[derive(Debug)]
pub struct Budget {
    // When the bucket will be full again, as `Now` counts (GCRA's theoretical arrival time).
    full_at: AtomicU64,
    interval: u64,
    period: u64,
}

impl Budget {
    /// A full bucket of `rate.count`, refilled over `rate.period`.
    pub fn new(rate: Rate) -> Self {
        let period = u64::try_from(rate.per().duration().as_nanos()).unwrap_or(u64::MAX);
        let interval = period.checked_div(rate.count()).unwrap_or(u64::MAX).max(1);
        Self { full_at: AtomicU64::new(0), interval, period }
    }

    /// Whether there is one to take.
    pub(crate) fn has_one(&self, now: &Now) -> bool {
        self.after_one(self.full_at.load(Ordering::Relaxed), now).is_some()
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&self, now: &Now) -> bool {
        let next = |full_at| self.after_one(full_at, now);
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    /// Whether it is as a fresh one would be.
    pub fn is_full(&self) -> bool {
        self.is_full_at(&Now::read())
    }

    fn is_full_at(&self, now: &Now) -> bool {
        self.full_at.load(Ordering::Relaxed) <= now.exact()
    }

    /// When the bucket will be full again if one is taken; none if there is none.
    ///
    /// The coarse clock decides where it cannot err in the taker's favour, and the exact one where it could: when the bucket
    /// may be full, since what was not used before now is not kept, and before anything is refused. Of a rate so high
    /// that [`LAG`] is worth one or more, that much is given up instead: such a bucket is full most of the time.
    fn after_one(&self, full_at: u64, now: &Now) -> Option<u64> {
        let latest = now.coarse.saturating_add(LAG);
        let start = match full_at {
            later if later > latest => later,
            _ if self.interval <= LAG => latest,
            earlier => earlier.max(now.exact()),
        };
        let next = start.saturating_add(self.interval);
        let fits = |now: u64| next <= now.saturating_add(self.period);
        (fits(now.coarse) || fits(now.exact())).then_some(next)
    }
}

/// The time of one check, in nanoseconds since some start of the system's.
pub(crate) struct Now {
    // Up to [`LAG`] behind, and four times as fast to read.
    coarse: u64,
    exact: OnceCell<u64>,
}

impl Now {
    pub(crate) fn read() -> Self {
        Self { coarse: nanoseconds(COARSE), exact: OnceCell::new() }
    }

    fn exact(&self) -> u64 {
        *self.exact.get_or_init(|| nanoseconds(ClockId::Monotonic))
    }
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let (seconds, rest) = (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_nsec).unwrap_or(0));
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

/// The same clock as the exact one, as it stood at the system's last tick.
#[cfg(target_os = "linux")]
const COARSE: ClockId = ClockId::MonotonicCoarse;
#[cfg(not(target_os = "linux"))]
const COARSE: ClockId = ClockId::Monotonic;

/// The longest tick that Linux is built with, in nanoseconds; the usual ones are 1 ms and 4 ms.
const LAG: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MILLISECOND: u64 = 1_000_000;

    fn budget(rate: &str) -> Budget {
        Budget::new(rate.parse().unwrap())
    }

    /// So many nanoseconds after the start, with the coarse clock so far behind.
    fn at(exact: u64, lag: u64) -> Now {
        let start = 1_000 * MILLISECOND;
        Now { coarse: start + exact - lag, exact: OnceCell::from(start + exact) }
    }

    #[test]
    fn a_rate_is_used_up_and_fills_again() {
        let budget = budget("3/s");
        assert!(budget.is_full_at(&at(0, 0)));
        let taken = |ms: u64| (0..10).filter(|_| budget.take(&at(ms * MILLISECOND, LAG))).count();
        assert_eq!(taken(0), 3);
        assert_eq!(taken(100), 0);
        assert!(!budget.is_full_at(&at(100 * MILLISECOND, 0)) && budget.is_full_at(&at(2_000 * MILLISECOND, 0)));
        assert_eq!(taken(400), 1);
        assert_eq!(taken(60_000), 3);
        assert!(!self::budget("0/h").take(&at(0, 0)));
    }

    #[test]
    fn what_there_is_to_take_is_there() {
        let budget = budget("1/h");
        let now = Now::read();
        assert!(budget.has_one(&now) && budget.has_one(&now) && budget.take(&now));
        assert!(!budget.has_one(&now) && !budget.take(&now));
    }

    #[test]
    fn the_coarse_clock_is_the_exact_one_a_while_ago() {
        let (now, later) = (Now::read(), Now::read());
        assert!(now.coarse <= now.exact() && now.exact() <= later.exact());
    }

    /// The rule itself, told the exact time.
    struct Model {
        full_at: u64,
        interval: u64,
        period: u64,
    }

    impl Model {
        fn take(&mut self, now: u64) -> bool {
            let next = self.full_at.max(now) + self.interval;
            let fits = next <= now + self.period;
            if fits {
                self.full_at = next;
            }
            fits
        }
    }

    proptest! {
        /// Whatever the coarse clock says within its lag, nobody takes more than the exact one would permit; and where the
        /// lag is worth less than one, exactly as much.
        #[test]
        fn a_coarse_clock_is_never_looser(
            count in 1_u64..5_000,
            steps in prop::collection::vec((0_u64..30 * MILLISECOND, 0..=LAG, 1_usize..200), 1..60),
        ) {
            let budget = budget(&format!("{count}/s"));
            let (interval, period) = (budget.interval, budget.period);
            let start = at(0, 0).coarse;
            let mut model = Model { full_at: 0, interval, period };
            let mut exact = LAG;
            for (pause, lag, times) in steps {
                exact += pause;
                for _ in 0..times {
                    let taken = budget.take(&at(exact, lag));
                    if interval > LAG || taken {
                        prop_assert_eq!(taken, model.take(start + exact));
                    }
                }
            }
        }

        /// What is given up of a high rate is at most what the lag is worth.
        #[test]
        fn a_burst_is_nearly_whole(count in 1_u64..5_000, lag in 0..=LAG) {
            let budget = budget(&format!("{count}/s"));
            let now = at(LAG, lag);
            let taken = (0..count).filter(|_| budget.take(&now)).count() as u64;
            prop_assert!(taken + LAG.div_ceil(budget.interval) >= count);
        }
    }
}
