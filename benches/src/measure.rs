//! Pairs, medians and tables.

use std::fmt;

/// How often both sides of a pair are measured. At least 30.
pub(crate) const PAIRS: usize = 60;

/// A median and the interval that holds the true one in 95 of 100 runs, by order statistics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Estimate {
    /// Of samples in any order; of none, zero.
    pub(crate) fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len() as f64;
        // The binomial distribution of how many samples lie below the true median, as a normal one.
        let below = (f64::midpoint(0.0, count) - 0.98 * count.sqrt()).floor().max(0.0) as usize;
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        let last = sorted.len().saturating_sub(1);
        Self {
            median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            low: at(below),
            high: at(last.saturating_sub(below)),
        }
    }

    /// In another unit.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { median: self.median * factor, low: self.low * factor, high: self.high * factor }
    }
}

/// What both sides took, pair by pair, in one unit.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

impl Pairs {
    pub(crate) fn push(&mut self, ours: f64, theirs: f64) {
        self.ours.push(ours);
        self.theirs.push(theirs);
    }

    pub(crate) fn ours(&self) -> Estimate {
        Estimate::of(&self.ours)
    }

    pub(crate) fn theirs(&self) -> Estimate {
        Estimate::of(&self.theirs)
    }

    /// How much longer ours takes.
    pub(crate) fn ratio(&self) -> Estimate {
        self.each(|ours, theirs| ours / theirs)
    }

    /// How much ours takes on top.
    pub(crate) fn difference(&self) -> Estimate {
        self.each(|ours, theirs| ours - theirs)
    }

    fn each(&self, of: impl Fn(f64, f64) -> f64) -> Estimate {
        let values: Vec<f64> = self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| of(*ours, *theirs)).collect();
        Estimate::of(&values)
    }
}

/// One line of a table.
pub(crate) struct Row {
    /// What was done.
    pub(crate) work: String,
    /// What it took here, and beside.
    pub(crate) here: String,
    pub(crate) beside: String,
    /// What is held against the target; its upper bound counts.
    pub(crate) figure: Option<(Estimate, Unit)>,
    /// At most so much.
    pub(crate) target: Option<f64>,
}

/// What a figure is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Ratio,
    Nanoseconds,
    Milliseconds,
    Kilobytes,
    Megabytes,
    Percent,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("{value:.2}×"),
            Self::Nanoseconds => format!("{value:.0} ns"),
            Self::Milliseconds => format!("{value:.1} ms"),
            Self::Kilobytes => format!("{value:.0} kB"),
            Self::Megabytes => format!("{value:.1} MB"),
            Self::Percent => format!("{value:.1} %"),
        }
    }
}

/// The rows of one bench.
#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    pub(crate) fn add(&mut self, row: Row) {
        eprintln!("{row}");
        self.0.push(row);
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figure = self.figure.map_or_else(
            || "–".to_owned(),
            |(Estimate { median, low, high }, unit)| match low == high {
                true => unit.show(median),
                false => format!("{} ({} to {})", unit.show(median), unit.show(low), unit.show(high)),
            },
        );
        let (target, met) = match (self.target, self.figure) {
            (Some(target), Some((estimate, unit))) => {
                (format!("≤ {}", unit.show(target)), if estimate.high <= target { "met" } else { "**missed**" })
            }
            _ => ("–".to_owned(), ""),
        };
        let Self { work, here, beside, .. } = self;
        write!(f, "| {work} | {here} | {beside} | {figure} | {target} | {met} |")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| work | here | beside it | median (95 % interval) | target | |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        self.0.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

/// A time in seconds, in the unit that suits it.
pub(crate) fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.0} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.1} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(samples: impl IntoIterator<Item = u32>, median: f64, low: f64, high: f64) {
        let samples: Vec<f64> = samples.into_iter().map(f64::from).collect();
        assert_eq!(Estimate::of(&samples), Estimate { median, low, high });
    }

    #[test]
    fn medians_and_the_ranks_around_them() {
        check([], 0.0, 0.0, 0.0);
        check([7], 7.0, 7.0, 7.0);
        check([3, 1, 2], 2.0, 1.0, 3.0);
        // Between the 10th and the 21st of 30 lies the median in 95.7 of 100 runs, between the 23rd and the 38th of 60 in 94.8.
        check((1..=30).rev(), 15.5, 10.0, 21.0);
        check(1..=60, 30.5, 23.0, 38.0);
    }

    #[test]
    fn the_upper_bound_counts() {
        let row = |high| Row {
            work: "w".into(),
            here: "a".into(),
            beside: "b".into(),
            figure: Some((Estimate { median: 1.0, low: 0.9, high }, Unit::Ratio)),
            target: Some(1.1),
        };
        assert_eq!(row(1.1).to_string(), "| w | a | b | 1.00× (0.90× to 1.10×) | ≤ 1.10× | met |");
        assert!(row(1.11).to_string().ends_with("| **missed** |"));
    }

    #[test]
    fn pairs_are_compared_one_by_one() {
        let mut pairs = Pairs::default();
        for (ours, theirs) in [(2.0, 1.0), (20.0, 10.0), (200.0, 100.0)] {
            pairs.push(ours, theirs);
        }
        assert_eq!(pairs.ratio(), Estimate { median: 2.0, low: 2.0, high: 2.0 });
        assert_eq!(pairs.difference().median, 10.0);
    }
}
