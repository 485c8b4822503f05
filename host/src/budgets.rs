//! Figures that several components share on this host: rates and memory, by the document that says them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use writ_provider::units::Rate;
use writ_provider::{Budget, Document, MemoryBudget};

/// What is left of every figure, by the name of the document that says it.
///
/// It is the host's and not a deployment's: who is deployed again finds what is left. What nobody draws on any more is
/// forgotten once a fresh one would be the same.
#[derive(Default)]
pub(crate) struct Budgets {
    rates: Mutex<HashMap<RateKey, Arc<Budget>>>,
    memory: Mutex<HashMap<(Source, usize), Arc<MemoryBudget>>>,
}

/// Who says it about whom, the capability, which of its entries, and the rate: a document that is renewed with the same
/// rate opens no second budget.
type RateKey = (Source, &'static str, usize, Rate);

/// A document by what it is and whom it is about, whatever the release of it.
pub(crate) type Source = (Document, String);

impl Budgets {
    /// The budget of one entry: the one that others under this document draw on, or a fresh one.
    pub(crate) fn rate(&self, source: Source, capability: &'static str, entry: usize, rate: Rate) -> Arc<Budget> {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.retain(|_, budget| Arc::strong_count(budget) > 1 || !budget.is_full());
        rates.entry((source, capability, entry, rate)).or_insert_with(|| Arc::new(Budget::new(rate))).clone()
    }

    /// The memory that all who stand under this document share.
    pub(crate) fn memory(&self, source: &Source, most: usize) -> Arc<MemoryBudget> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.retain(|_, budget| Arc::strong_count(budget) > 1);
        let fresh = || Arc::new(MemoryBudget::new(most));
        memory.entry((source.clone(), most)).or_insert_with(fresh).clone()
    }
}
