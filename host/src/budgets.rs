//! Figures that several components share on this host: rates and memory, by the document that says them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use writ_provider::{Budget, MemoryBudget};

/// What is left of every figure, by the name of the document that says it.
#[derive(Default)]
pub(crate) struct Budgets {
    rates: Mutex<HashMap<RateKey, Arc<Budget>>>,
    memory: Mutex<HashMap<(String, usize), Arc<MemoryBudget>>>,
}

/// The document, the capability, and which of its entries.
type RateKey = (String, &'static str, usize);

impl Budgets {
    /// The budget of one entry: the one that others under this document draw on, or a fresh one.
    pub(crate) fn rate(
        &self,
        document: String,
        capability: &'static str,
        entry: usize,
        fresh: impl FnOnce() -> Budget,
    ) -> Arc<Budget> {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.entry((document, capability, entry)).or_insert_with(|| Arc::new(fresh())).clone()
    }

    /// The memory that all who stand under this document share.
    pub(crate) fn memory(&self, document: &str, most: usize) -> Arc<MemoryBudget> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Arc::new(MemoryBudget::new(most));
        memory.entry((document.to_owned(), most)).or_insert_with(fresh).clone()
    }
}
