//! What one store may take up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::ResourceLimiter;

/// A limiter that sums over all memories and tables of a store, and draws on budgets that several stores share.
#[derive(Debug)]
pub struct Limits {
    memory: usize,
    memory_used: usize,
    tables: usize,
    tables_used: usize,
    shared: Vec<Arc<MemoryBudget>>,
    refused: bool,
    /// How many components run in the store.
    components: usize,
}

/// Bytes of guest memory that all stores of one account or component share on this host.
#[derive(Debug)]
pub struct MemoryBudget {
    most: usize,
    used: AtomicUsize,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    pub fn new(most: usize) -> Self {
        Self { most, used: AtomicUsize::new(0) }
    }

    fn take(&self, bytes: usize) -> bool {
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.most);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Limits {
    /// Core instances of one component in a store. CPython has 14, and each adapter of a fused component is one more.
    pub const INSTANCES: usize = 256;
    /// Linear memories of one component. QuickJS has 2.
    pub const MEMORIES: usize = 8;
    /// Tables of one component.
    pub const TABLES: usize = 64;

    /// At most `memory` bytes and `tables` elements in the store, and no more than is left of each shared budget.
    pub fn new(memory: usize, tables: usize, shared: Vec<Arc<MemoryBudget>>) -> Self {
        Self { memory, memory_used: 0, tables, tables_used: 0, shared, refused: false, components: 1 }
    }

    /// As many memories, tables and instances as so many components have each in a store of its own.
    #[must_use]
    pub fn of(mut self, components: usize) -> Self {
        self.components = components;
        self
    }

    /// How many components run in the store.
    pub(crate) fn components(&self) -> usize {
        self.components
    }

    /// Whether the guest was ever refused memory: what a later trap is likely about.
    pub fn refused(&self) -> bool {
        self.refused
    }

    /// Bytes of linear memory in use.
    pub fn memory_used(&self) -> usize {
        self.memory_used
    }

    fn take_memory(&mut self, grown: usize) -> bool {
        let Some(used) = self.memory_used.checked_add(grown).filter(|used| *used <= self.memory) else {
            return false;
        };
        for (taken, budget) in self.shared.iter().enumerate() {
            if budget.take(grown) {
                continue;
            }
            self.shared.iter().take(taken).for_each(|earlier| earlier.give_back(grown));
            return false;
        }
        self.memory_used = used;
        true
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        self.shared.iter().for_each(|budget| budget.give_back(self.memory_used));
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, max: Option<usize>) -> wasmtime::Result<bool> {
        // Nothing is given back in `memory_grow_failed`: it also fires without a call to this function before it.
        let fits = max.is_none_or(|max| desired <= max) && self.take_memory(desired.saturating_sub(current));
        self.refused |= !fits;
        Ok(fits)
    }

    fn table_growing(&mut self, current: usize, desired: usize, max: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.tables_used.saturating_add(desired.saturating_sub(current));
        let fits = used <= self.tables && max.is_none_or(|max| desired <= max);
        if fits {
            self.tables_used = used;
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        Self::INSTANCES.saturating_mul(self.components)
    }

    fn tables(&self) -> usize {
        Self::TABLES.saturating_mul(self.components)
    }

    fn memories(&self) -> usize {
        Self::MEMORIES.saturating_mul(self.components)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_memories_and_counts_only_what_was_granted() {
        let mut limits = Limits::new(4 << 20, 10, vec![]);
        assert!(limits.memory_growing(0, 2 << 20, None).unwrap());
        assert!(limits.memory_growing(0, 1 << 20, None).unwrap());
        assert!(!limits.memory_growing(1 << 20, 4 << 20, None).unwrap());
        assert!(limits.refused());
        assert!(limits.memory_growing(1 << 20, 2 << 20, None).unwrap());
        assert!(!limits.memory_growing(2 << 20, (2 << 20) + 1, None).unwrap());
    }

    #[test]
    fn a_shared_budget_is_given_back_with_the_store() {
        let budget = Arc::new(MemoryBudget::new(3));
        let mut first = Limits::new(10, 0, vec![budget.clone()]);
        let mut second = Limits::new(10, 0, vec![budget.clone()]);
        assert!(first.memory_growing(0, 2, None).unwrap());
        assert!(!second.memory_growing(0, 2, None).unwrap());
        drop(first);
        assert!(second.memory_growing(0, 3, None).unwrap());
    }

    #[test]
    fn a_refusal_by_the_second_budget_gives_back_to_the_first() {
        let (wide, narrow) = (Arc::new(MemoryBudget::new(10)), Arc::new(MemoryBudget::new(1)));
        let mut limits = Limits::new(10, 0, vec![wide.clone(), narrow]);
        assert!(!limits.memory_growing(0, 2, None).unwrap());
        assert!(wide.take(10));
    }
}
