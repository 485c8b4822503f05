//! The engine: what of WebAssembly is accepted, how stores are pooled, and what ends a guest that computes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use writ_provider::Limits;
use writ_provider::wasmtime::{self, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How much of the machine guests may take up together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// How many stores there may be at once: one per request or message that runs.
    pub stores: u32,
    /// The most bytes of linear memory that one store's claims may ask for.
    pub memory: usize,
    /// The longest that one call may take, whatever its claims say.
    pub time: Duration,
}

impl Default for Capacity {
    /// 256 stores of at most 256 MiB each, and a minute. Memory is reserved as address space, not taken, until a guest touches it.
    fn default() -> Self {
        Self { stores: 256, memory: 256 << 20, time: Duration::from_secs(60) }
    }
}

/// Table elements of one store. CPython and SpiderMonkey need some 8,000.
pub(crate) const TABLE_ELEMENTS: usize = 40_000;

/// How many components may run together in one store.
pub(crate) const TOGETHER: u32 = 64;

/// How often a running guest lets others run, and is looked at whether its time is over.
const TICK: Duration = Duration::from_millis(10);

/// The engine that all components of this host share, for WASI 0.2.
///
/// # Errors
/// wasmtime's own, where the machine cannot reserve the address space.
pub(crate) fn engine(capacity: Capacity) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .shared_memory(false)
        .epoch_interruption(true)
        .max_wasm_stack(512 << 10)
        .async_stack_size(1 << 20)
        .memory_may_move(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(capacity)));
    Engine::new(&config)
}

fn pool(capacity: Capacity) -> PoolingAllocationConfig {
    let stores = capacity.stores;
    let [instances, memories, tables] =
        [Limits::INSTANCES, Limits::MEMORIES, Limits::TABLES].map(|most| u32::try_from(most).unwrap_or(u32::MAX));
    let mut pool = PoolingAllocationConfig::new();
    // What one component may have at most, times the stores: whoever holds a permit for each component that runs in its
    // store finds its slots, whatever the others run. Multi-memory stays on, for fused components need it.
    pool.total_component_instances(stores)
        .total_core_instances(stores.saturating_mul(instances))
        .total_memories(stores.saturating_mul(memories))
        .total_tables(stores.saturating_mul(tables))
        .total_stacks(stores)
        .max_core_instances_per_component(instances.saturating_mul(TOGETHER))
        .max_memories_per_component(memories.saturating_mul(TOGETHER))
        .max_tables_per_component(tables.saturating_mul(TOGETHER))
        .max_component_instance_size(1 << 20)
        .max_core_instance_size(1 << 20)
        // At least the limiter's bound, so that growth cannot fail after it was counted.
        .max_memory_size(capacity.memory)
        .table_elements(TABLE_ELEMENTS)
        .max_unused_warm_slots(64)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(64 << 10);
    pool
}

/// A thread that raises the engine's epoch. Dropping it stops the thread.
pub(crate) struct Ticker {
    stop: Arc<AtomicBool>,
    wake: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Ticks for as long as the engine lives and this value is held.
    ///
    /// # Errors
    /// The system's, where no thread can be made.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (wake, woken) = mpsc::channel();
        let (engine, stopped) = (engine.weak(), stop.clone());
        let tick = move || {
            while !stopped.load(Ordering::Relaxed) {
                if woken.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Disconnected) {
                    return;
                }
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        };
        let thread = std::thread::Builder::new().name("writ-epoch".to_owned()).spawn(tick)?;
        Ok(Self { stop, wake: Some(wake), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake.take();
        if let Some(thread) = self.thread.take() {
            // The thread only ticks; there is nothing to do about one that panicked.
            let _ = thread.join();
        }
    }
}
