//! How a scaler's instances are spread, and what a host alone cannot do.

use super::{Application, Placement, Scaler, Secret, Source, Unsupported, UnsupportedFeature};

impl Scaler {
    /// How many instances go to each spread, in the order of the text; one entry without a spread where there is none.
    ///
    /// For a spread scaler: instances times weight share, floored; the remainder goes one each in descending weight order,
    /// the earlier of two equal weights first. A daemon scaler runs its count on every host that fits, so each spread has it.
    #[must_use]
    pub fn placement(&self) -> Vec<Placement<'_>> {
        if self.spread.is_empty() {
            return vec![Placement {
                spread: None,
                instances: self.instances,
            }];
        }
        let counts = match self.kind {
            super::ScalerKind::Daemon => vec![self.instances; self.spread.len()],
            super::ScalerKind::Spread => {
                let weights: Vec<u32> = self.spread.iter().map(|spread| spread.weight).collect();
                shares(self.instances, &weights)
            }
        };
        let places = self.spread.iter().zip(counts);
        places
            .map(|(spread, instances)| Placement {
                spread: Some(spread),
                instances,
            })
            .collect()
    }
}

fn shares(instances: u32, weights: &[u32]) -> Vec<u32> {
    let total: u64 = weights.iter().copied().map(u64::from).sum();
    let floor = |weight: u32| {
        (u64::from(instances) * u64::from(weight))
            .checked_div(total)
            .unwrap_or(0)
    };
    // A share is at most `instances`, so it fits.
    let mut counts: Vec<u32> = weights
        .iter()
        .map(|weight| u32::try_from(floor(*weight)).unwrap_or(instances))
        .collect();
    let given: u32 = counts.iter().sum();
    let remainder = usize::try_from(instances.saturating_sub(given)).unwrap_or(usize::MAX);

    let mut by_weight: Vec<(&u32, &mut u32)> = weights.iter().zip(&mut counts).collect();
    by_weight.sort_by_key(|(weight, _)| std::cmp::Reverse(**weight));
    for (_, count) in by_weight.into_iter().take(remainder) {
        *count += 1;
    }
    counts
}

impl Application {
    /// Everything in the manifest that needs more than one host, or a secrets backend.
    ///
    /// All of it is valid and was checked; a host that cannot do it refuses here, instead of leaving it out in silence.
    #[must_use]
    pub fn unsupported(&self) -> Vec<Unsupported> {
        let mut found = Vec::new();
        for entry in &self.components {
            of_entry(
                &entry.name,
                &entry.source,
                &entry.secrets,
                entry.scaler.as_ref(),
                &mut found,
            );
        }
        for entry in &self.providers {
            of_entry(
                &entry.name,
                &entry.source,
                &entry.secrets,
                entry.scaler.as_ref(),
                &mut found,
            );
        }
        for link in &self.links {
            of_secrets(&link.source, &link.source_secrets, &mut found);
            of_secrets(&link.source, &link.target_secrets, &mut found);
        }
        found.sort_by_key(|unsupported| unsupported.at);
        found
    }
}

fn of_entry(
    name: &str,
    source: &Source,
    secrets: &[Secret],
    scaler: Option<&Scaler>,
    found: &mut Vec<Unsupported>,
) {
    if let Source::Application { at, .. } = source {
        found.push(Unsupported {
            feature: UnsupportedFeature::SharedEntry,
            entry: name.to_owned(),
            at: *at,
        });
    }
    of_secrets(name, secrets, found);
    let Some(scaler) = scaler else { return };
    let places = scaler.spread.len() > 1
        || scaler
            .spread
            .iter()
            .any(|spread| !spread.requirements.is_empty());
    if places {
        found.push(Unsupported {
            feature: UnsupportedFeature::Placement,
            entry: name.to_owned(),
            at: scaler.at,
        });
    }
}

fn of_secrets(name: &str, secrets: &[Secret], found: &mut Vec<Unsupported>) {
    let named = |secret: &Secret| Unsupported {
        feature: UnsupportedFeature::Secret,
        entry: name.to_owned(),
        at: secret.at,
    };
    found.extend(secrets.iter().map(named));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::shares;

    #[test]
    fn the_remainder_goes_to_the_heaviest() {
        for (instances, weights, expected) in [
            (10, vec![100], vec![10]),
            (10, vec![100, 100, 100], vec![4, 3, 3]),
            (9, vec![20, 80], vec![1, 8]),
            (103, vec![33, 33, 34], vec![34, 33, 36]),
            (5, vec![10, 90, 50], vec![0, 4, 1]),
            (1, vec![1, 2, 3], vec![0, 0, 1]),
            (0, vec![1, 2], vec![0, 0]),
            (
                u32::MAX,
                vec![u32::MAX, u32::MAX],
                vec![u32::MAX / 2 + 1, u32::MAX / 2],
            ),
        ] {
            assert_eq!(
                shares(instances, &weights),
                expected,
                "{instances} over {weights:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_instance_goes_somewhere(instances: u32, weights in proptest::collection::vec(1_u32.., 1..20)) {
            let counts = shares(instances, &weights);
            prop_assert_eq!(counts.iter().map(|count| u64::from(*count)).sum::<u64>(), u64::from(instances));
        }
    }
}
