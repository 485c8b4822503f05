//! Lines on their way to a thread that writes them.
//!
//! Who logs never waits: a reader that stalls would stop every worker, and the signal that should end them. A line that
//! finds no room is counted, and where it is missing a line says how many are.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many lines wait at most, each at most [`MOST_LINE`](super::format::MOST_LINE) bytes.
const MOST_LINES: usize = 4096;

/// Where lines are put. Dropping it ends the thread when everything is written.
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// The line that tells of this many lost ones.
    tell: fn(u64) -> String,
}

#[derive(Default)]
struct State {
    lines: VecDeque<String>,
    /// How many were lost after the last one in `lines`.
    lost: u64,
    writing: bool,
    closed: bool,
}

impl Queue {
    /// Starts the thread that writes each line to `out`, with one write.
    pub(super) fn start(out: impl Write + Send + 'static, tell: fn(u64) -> String) -> io::Result<Self> {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), tell });
        let of_thread = shared.clone();
        std::thread::Builder::new().name("writ-log".to_owned()).spawn(move || of_thread.write_to(out))?;
        Ok(Self(shared))
    }

    /// Takes a line, or counts it as lost. Once one is lost others are, until half of what waits is written: so one line
    /// tells of many.
    pub(super) fn push(&self, line: String) {
        let mut state = self.0.lock();
        let room = if state.lost > 0 { MOST_LINES / 2 } else { MOST_LINES };
        if state.lines.len() >= room {
            state.lost = state.lost.saturating_add(1);
            return;
        }
        let lost = std::mem::take(&mut state.lost);
        if lost > 0 {
            state.lines.push_back((self.0.tell)(lost));
        }
        state.lines.push_back(line);
        drop(state);
        self.0.changed.notify_all();
    }

    /// Waits until everything is written, at most this long; whether it is.
    pub(super) fn flush(&self, most: Duration) -> bool {
        let waits = self.0.changed.wait_timeout_while(self.0.lock(), most, |state| !state.is_done());
        waits.unwrap_or_else(PoisonError::into_inner).0.is_done()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    /// Nobody who holds the lock leaves the state half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, mut out: impl Write) {
        while let Some(line) = self.next() {
            // A log that cannot be written has nobody to tell.
            let _ = out.write_all(line.as_bytes());
        }
    }

    /// The next line, once there is one; none when there will be no more.
    fn next(&self) -> Option<String> {
        let mut state = self.lock();
        state.writing = false;
        if state.is_done() {
            self.changed.notify_all();
        }
        let idle = |state: &mut State| state.is_done() && !state.closed;
        let mut state = self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        let next = state.lines.pop_front().or_else(|| {
            let lost = std::mem::take(&mut state.lost);
            (lost > 0).then(|| (self.tell)(lost))
        });
        state.writing = next.is_some();
        next
    }
}

impl State {
    fn is_done(&self) -> bool {
        self.lines.is_empty() && self.lost == 0 && !self.writing
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::time::Instant;

    use super::*;

    /// Writes on when it is told to, and passes on what was written.
    struct Gate {
        open: Receiver<()>,
        written: Sender<String>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Whoever dropped the other end holds nothing up any more.
            let _ = self.open.recv();
            self.written.send(String::from_utf8(bytes.to_vec()).unwrap()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stalled() -> (Queue, Sender<()>, Receiver<String>) {
        let ((opener, open), (written, lines)) = (mpsc::channel(), mpsc::channel());
        let queue = Queue::start(Gate { open, written }, |lost| format!("{lost} lost")).unwrap();
        (queue, opener, lines)
    }

    #[test]
    fn who_logs_never_waits_and_what_was_lost_is_told_where_it_is_missing() {
        let (queue, opener, lines) = stalled();
        (0..20_000).for_each(|number| queue.push(number.to_string()));
        let asked = Instant::now();
        assert!(!queue.flush(Duration::from_millis(50)));
        assert!(asked.elapsed() < Duration::from_secs(5));

        // One more than half of them, and the one that was being written: the writer has taken out at least as many as it
        // has written, so there is room again, whether or not it has the next one in hand.
        for _ in 0..MOST_LINES / 2 + 2 {
            opener.send(()).unwrap();
            lines.recv().unwrap();
        }
        queue.push("later".to_owned());
        drop(opener);
        assert!(queue.flush(Duration::from_secs(10)));
        let rest: Vec<_> = lines.try_iter().collect();
        let end = rest.iter().rev().take(3).rev().map(String::as_str).collect::<Vec<_>>();
        // Whether the writer had taken one out before the queue was full decides which was the last to find room.
        let last: usize = end.first().unwrap().parse().unwrap();
        assert!((MOST_LINES - 1..=MOST_LINES).contains(&last), "{end:?}");
        assert_eq!(end.get(1..).unwrap(), [format!("{} lost", 19_999 - last), "later".to_owned()]);
    }

    #[test]
    fn what_was_lost_at_the_end_is_told_too() {
        let (queue, opener, lines) = stalled();
        (0..5_000).for_each(|number| queue.push(number.to_string()));
        drop(opener);
        assert!(queue.flush(Duration::from_secs(10)));
        let all: Vec<_> = lines.try_iter().collect();
        let taken = all.len() - 1;
        assert_eq!(all.last().unwrap(), &format!("{} lost", 5_000 - taken));
    }

    #[test]
    fn what_waits_is_written_when_the_queue_is_dropped() {
        let (queue, opener, lines) = stalled();
        (0..10).for_each(|number| queue.push(number.to_string()));
        drop((queue, opener));
        assert_eq!(lines.iter().count(), 10);
    }
}
