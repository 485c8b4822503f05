//! The messages that wait for one subscriber: bounded in number and in bytes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::message::Message;

/// How much may wait in one subscription's queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capacity {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// What waits for one subscriber, in the order of its arrival. Any number of tasks put in, one takes out.
pub(crate) struct Queue {
    capacity: Capacity,
    state: Mutex<State>,
    arrived: Notify,
    closing: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Message>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self { capacity, state: Mutex::default(), arrived: Notify::new(), closing: Notify::new() }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.state().waiting.len()
    }

    /// Puts a message in; gives it back where it does not fit, or the queue is closed.
    pub(crate) fn offer(&self, message: Message) -> Result<(), Message> {
        let mut state = self.state();
        let bytes = state.bytes.saturating_add(message.weight());
        if state.closed || state.waiting.len() >= self.capacity.messages || bytes > self.capacity.bytes {
            return Err(message);
        }
        state.bytes = bytes;
        state.waiting.push_back(message);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits until there is a message; false once the queue is closed.
    pub(crate) async fn ready(&self) -> bool {
        loop {
            let arrived = self.arrived.notified();
            let (some, closed) = self.look();
            if closed || some {
                return !closed;
            }
            arrived.await;
        }
    }

    /// Takes the oldest message.
    pub(crate) fn take(&self) -> Option<Message> {
        let mut state = self.state();
        let message = state.waiting.pop_front()?;
        state.bytes = state.bytes.saturating_sub(message.weight());
        Some(message)
    }

    /// Refuses what comes from now on, and drops what waits.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.bytes = 0;
        let left = std::mem::take(&mut state.waiting);
        drop(state);
        // Dropping a request tells its sender; that needs no lock of ours.
        drop(left);
        self.arrived.notify_one();
        self.closing.notify_waiters();
    }

    /// Waits until it is closed.
    pub(crate) async fn closed(&self) {
        let closing = self.closing.notified();
        tokio::pin!(closing);
        closing.as_mut().enable();
        if !self.is_closed() {
            closing.await;
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.look().1
    }

    /// Whether there is a message, and whether the queue is closed.
    fn look(&self) -> (bool, bool) {
        let state = self.state();
        (!state.waiting.is_empty(), state.closed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    fn queue(messages: usize, bytes: usize) -> Queue {
        Queue::new(Capacity { messages, bytes })
    }

    fn message(body: &'static str) -> Message {
        Message::new("a".parse().unwrap(), body.into(), None)
    }

    #[test]
    fn is_bounded_in_number_and_in_bytes() {
        let two = queue(2, 10_000);
        assert!(two.offer(message("1")).is_ok() && two.offer(message("2")).is_ok());
        assert!(two.offer(message("3")).is_err());
        assert_eq!(two.take().unwrap().body(), "1");
        assert!(two.offer(message("3")).is_ok());

        let weight = message("1234").weight();
        let narrow = queue(100, 2 * weight);
        assert!(narrow.offer(message("1234")).is_ok());
        assert!(narrow.offer(message("12345")).is_err());
        assert!(narrow.offer(message("1234")).is_ok());
        assert!(narrow.offer(message("")).is_err());
        assert!(narrow.take().is_some() && narrow.take().is_some() && narrow.take().is_none());
        assert!(narrow.offer(message("1234")).is_ok());
    }

    #[tokio::test]
    async fn closing_ends_every_wait_and_drops_what_waits() {
        let queue = std::sync::Arc::new(queue(2, 10_000));
        let waits = {
            let queue = queue.clone();
            tokio::spawn(async move { tokio::join!(queue.ready(), queue.closed()).0 })
        };
        tokio::time::sleep(Duration::from_millis(5)).await;
        queue.close();
        assert!(!waits.await.unwrap());
        assert!(queue.offer(message("1")).is_err() && queue.take().is_none() && !queue.ready().await);
        queue.closed().await;
    }
}
