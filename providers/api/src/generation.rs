//! Which deployment of its host a component belongs to, and which of two takes what comes in.

use tokio::sync::watch;

/// Which deployment of its host a component belongs to, and whether that deployment is open. A clone is the same one.
///
/// Of two deployments of one principal the newer takes over, and it does so at once in all that calls it: what is connected
/// before its deployment is open takes nothing that an older one can take. So a deployment that fails half way was never
/// called, and nothing went astray on its account.
#[derive(Debug, Clone)]
pub struct Generation {
    number: u64,
    open: watch::Receiver<bool>,
}

/// Opens a generation. Dropped instead, that generation never opens.
#[derive(Debug)]
pub struct Opening {
    open: watch::Sender<bool>,
}

impl Generation {
    /// A generation that is not open yet, and what opens it. Numbers grow within a host.
    pub fn new(number: u64) -> (Self, Opening) {
        let (sender, open) = watch::channel(false);
        (Self { number, open }, Opening { open: sender })
    }

    /// Its number: a newer one has a greater.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether everything of its deployment is connected. What is open stays open.
    pub fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// Waits until it is open; false if it never will be.
    pub async fn opened(&self) -> bool {
        self.open.clone().wait_for(|open| *open).await.is_ok()
    }

    /// Of several that could take the same request or message, the one whose rank is greatest at that moment takes it.
    pub fn rank(&self) -> (bool, u64) {
        (self.is_open(), self.number)
    }
}

impl Opening {
    /// From now on it takes what comes in.
    pub fn open(self) {
        self.open.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_that_is_open_takes_over() {
        let ((old, open_old), (new, open_new)) = (Generation::new(1), Generation::new(2));
        assert!(new.rank() > old.rank(), "before anything is open, what waits waits for the newest");
        open_old.open();
        assert!(old.rank() > new.rank() && old.opened().await);
        open_new.open();
        assert!(new.rank() > old.rank() && new.clone().is_open() && new.opened().await);
    }

    #[tokio::test]
    async fn one_that_is_given_up_never_opens() {
        let (generation, opening) = Generation::new(1);
        drop(opening);
        assert!(!generation.opened().await && !generation.is_open());
    }
}
