//! Which defences stand: all of them, always. Only tests can switch one off, to show that the test named after a threat
//! fails without its defence (`docs/threats.md`). What decides is compiled in by the feature `switches`, which nothing but
//! dev-dependencies asks for; without it, [`stands`] is the constant `true`.

/// Whether a defence stands.
#[cfg(not(feature = "switches"))]
#[must_use]
pub const fn stands(_defence: &'static str) -> bool {
    true
}

#[cfg(feature = "switches")]
pub use switches::{stands, without};

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
        let _again = Again;
        OFF.with_borrow_mut(|off| off.push(defence));
        work()
    }

    /// Ends with the work, however that ends: a test that fails without the defence panics.
    struct Again;

    impl Drop for Again {
        fn drop(&mut self) {
            OFF.with_borrow_mut(|off| {
                off.pop();
            });
        }
    }
}
