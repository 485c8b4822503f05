//! Which defences stand: all of them, always. Only tests can switch one off, to show that the test named after a threat
//! fails without its defence (`docs/threats.md`). What decides is compiled in by the feature `switches`, which nothing but
//! dev-dependencies asks for; without it, [`stands`] is the constant `true`.

/// Whether a defence stands.
#[cfg(not(feature = "switches"))]
#[must_use]
pub const fn stands(_defence: &'static str) -> bool {
    true
}

/// Work for another thread, under the defences that stand for this one.
#[cfg(not(feature = "switches"))]
pub const fn carried<T, W: FnOnce() -> T>(work: W) -> W {
    work
}

#[cfg(feature = "switches")]
pub use switches::{carried, stands, without};

#[cfg(feature = "switches")]
mod switches {
    use std::cell::RefCell;

    thread_local! {
        static OFF: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    }

    /// Whether a defence stands for what this thread does.
    #[must_use]
    pub fn stands(defence: &'static str) -> bool {
        OFF.with_borrow(|off| !off.contains(&defence))
    }

    /// Does `work` on this thread as if a defence had never been built.
    pub fn without<T>(defence: &'static str, work: impl FnOnce() -> T) -> T {
        let mut off = OFF.with_borrow(Clone::clone);
        off.push(defence);
        let _again = Again(OFF.replace(off));
        work()
    }

    /// Work for another thread, under the defences that stand for this one.
    pub fn carried<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
        let off = OFF.with_borrow(Clone::clone);
        move || {
            let _again = Again(OFF.replace(off));
            work()
        }
    }

    /// Ends with the work, however that ends: a test that fails without the defence panics.
    struct Again(Vec<&'static str>);

    impl Drop for Again {
        fn drop(&mut self) {
            OFF.set(std::mem::take(&mut self.0));
        }
    }
}
