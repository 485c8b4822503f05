//! The streams of a command: of the terminal it was called from, or whatever an embedder gives.

use std::io::{self, ErrorKind, Write};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use wasmtime_wasi::cli::{AsyncStdinStream, IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};
use writ_provider::wasmtime;

/// What a command is called with.
pub struct Command {
    /// Its arguments; by convention the first is its own name.
    pub args: Vec<String>,
    /// What it reads.
    pub stdin: Input,
    /// What it writes.
    pub stdout: Output,
    /// What it complains to.
    pub stderr: Output,
}

/// What a command reads as its standard input.
pub struct Input(pub(super) Box<dyn StdinStream + Sync>);

impl Input {
    /// This process's own. Nothing is read from it before the command does, and a command that waits for it holds nobody up.
    pub fn of_process() -> Self {
        Self(Box::new(io::stdin()))
    }

    /// These bytes, and then its end.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self(Box::new(MemoryInputPipe::new(bytes)))
    }

    /// Whatever this gives. It is no terminal.
    pub fn reader(reader: impl AsyncRead + Send + Sync + 'static) -> Self {
        Self(Box::new(AsyncStdinStream::new(reader)))
    }
}

/// What a command writes its output to. Clones are the same one.
///
/// A thread of its own writes, so that a reader who is slow holds up the command alone: it waits in the host, where its
/// deadline ends it.
#[derive(Clone)]
pub struct Output {
    shared: Arc<Shared>,
    is_terminal: bool,
    // Ends the thread once nobody can write any more.
    _end: Arc<End>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// For the thread: there is something to write, or there never will be again.
    filled: Condvar,
    /// For the command and whoever waits for it: there is room again, or nobody reads.
    emptied: Notify,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    is_writing: bool,
    is_flushing: bool,
    is_ended: bool,
    is_gone: bool,
    failed: Option<io::Error>,
}

struct End(Arc<Shared>);

impl Output {
    /// An output that ends up in `writer`, which is flushed after every portion.
    ///
    /// # Errors
    /// The system's, where no thread can be made.
    pub fn new(writer: impl Write + Send + 'static, is_terminal: bool) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let written = shared.clone();
        let thread = std::thread::Builder::new().name("writ-output".to_owned());
        thread.spawn(move || written.write(writer))?;
        Ok(Self { _end: Arc::new(End(shared.clone())), shared, is_terminal })
    }

    /// Waits until everything is written, or cannot be.
    pub(crate) async fn finish(&self) -> io::Result<()> {
        self.shared.until(|state| state.is_gone || !state.is_busy()).await;
        let mut state = self.shared.lock();
        match state.failed.take() {
            _ if state.is_gone => Err(ErrorKind::BrokenPipe.into()),
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Waits until whoever read it is gone, which may be never.
    pub(crate) async fn gone(&self) {
        self.shared.until(|state| state.is_gone).await;
    }
}

impl State {
    fn is_busy(&self) -> bool {
        self.is_writing || !self.waiting.is_empty()
    }

    /// How much may be written now. A command whose reader is gone waits for its end, as one that a signal ended.
    fn room(&self) -> usize {
        let is_held_up = self.is_gone || (self.is_flushing && self.is_busy());
        if is_held_up { 0 } else { ROOM.saturating_sub(self.waiting.len()) }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is so.
    async fn until(&self, is_so: impl Fn(&State) -> bool) {
        loop {
            let mut emptied = std::pin::pin!(self.emptied.notified());
            // Before looking, so that what happens in between is not missed.
            emptied.as_mut().enable();
            if is_so(&self.lock()) {
                return;
            }
            emptied.await;
        }
    }

    /// Writes portion after portion, until nobody is left who could write one.
    fn write(&self, mut writer: impl Write) {
        loop {
            let state = self.lock();
            let idle = |state: &mut State| state.waiting.is_empty() && !state.is_ended;
            let mut state = self.filled.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
            if state.waiting.is_empty() {
                return;
            }
            let portion = std::mem::take(&mut state.waiting);
            state.is_writing = true;
            drop(state);
            let written = writer.write_all(&portion).and_then(|()| writer.flush());
            let mut state = self.lock();
            state.is_writing = false;
            match written {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => state.is_gone = true,
                Err(error) => state.failed = Some(error),
            }
            drop(state);
            self.emptied.notify_waiters();
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.0.lock().is_ended = true;
        self.0.filled.notify_all();
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        self.is_terminal
    }
}

impl StdoutStream for Output {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(NotServed)
    }
}

/// The way of WASI 0.3 to an output, which this host does not serve.
struct NotServed;

impl AsyncWrite for NotServed {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(ErrorKind::Unsupported.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        self.shared.until(|state| state.failed.is_some() || state.room() > 0).await;
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut state = self.shared.lock();
        if bytes.len() > state.room() {
            return Err(StreamError::Trap(wasmtime::format_err!("it wrote more than `check-write` allows")));
        }
        state.waiting.extend_from_slice(&bytes);
        drop(state);
        self.shared.filled.notify_all();
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.shared.lock().is_flushing = true;
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let mut state = self.shared.lock();
        if let Some(error) = state.failed.take() {
            return Err(StreamError::LastOperationFailed(error.into()));
        }
        if !state.is_busy() {
            state.is_flushing = false;
        }
        Ok(state.room())
    }
}

/// Bytes that a command may be ahead of its reader.
const ROOM: usize = 64 << 10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use super::*;

    /// A reader who takes a portion when the test lets it, and then says what to make of it.
    struct Reader {
        seen: Sender<Vec<u8>>,
        answer: Receiver<Result<(), ErrorKind>>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.seen.send(bytes.to_vec());
            let answer = self.answer.recv().unwrap_or(Err(ErrorKind::BrokenPipe));
            answer.map(|()| bytes.len()).map_err(io::Error::from)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output() -> (Output, Receiver<Vec<u8>>, Sender<Result<(), ErrorKind>>) {
        let ((seen, saw), (reply, answer)) = (channel(), channel());
        (Output::new(Reader { seen, answer }, false).unwrap(), saw, reply)
    }

    #[tokio::test]
    async fn what_was_flushed_was_read() {
        let (output, saw, reply) = output();
        let mut stream = output.p2_stream();
        stream.write(Bytes::from_static(b"one")).unwrap();
        stream.flush().unwrap();
        assert_eq!(saw.recv().unwrap(), b"one");
        assert_eq!(stream.check_write().unwrap(), 0);
        reply.send(Ok(())).unwrap();
        stream.ready().await;
        assert_eq!(stream.check_write().unwrap(), ROOM);
        output.finish().await.unwrap();
    }

    #[tokio::test]
    async fn a_slow_reader_holds_up_the_command_and_loses_nothing() {
        let (output, saw, reply) = output();
        let mut stream = output.p2_stream();
        stream.write(Bytes::from_static(b"first")).unwrap();
        assert_eq!(saw.recv().unwrap(), b"first");
        stream.write(Bytes::from(vec![7; ROOM])).unwrap();
        assert_eq!(stream.check_write().unwrap(), 0);
        assert!(matches!(stream.write(Bytes::from_static(b"more")), Err(StreamError::Trap(_))));
        reply.send(Ok(())).unwrap();
        assert_eq!(saw.recv().unwrap().len(), ROOM);
        stream.ready().await;
        reply.send(Ok(())).unwrap();
        output.finish().await.unwrap();
    }

    #[tokio::test]
    async fn a_command_whose_reader_is_gone_writes_no_more_and_is_not_told() {
        let (output, saw, reply) = output();
        let mut stream = output.p2_stream();
        stream.write(Bytes::from_static(b"one")).unwrap();
        saw.recv().unwrap();
        reply.send(Err(ErrorKind::BrokenPipe)).unwrap();
        output.gone().await;
        assert_eq!(stream.check_write().unwrap(), 0);
        assert!(tokio::time::timeout(Duration::from_millis(1), stream.ready()).await.is_err());
        assert_eq!(output.finish().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_said_once() {
        let (output, saw, reply) = output();
        let mut stream = output.p2_stream();
        for _ in 0..2 {
            stream.write(Bytes::from_static(b"one")).unwrap();
            saw.recv().unwrap();
            reply.send(Err(ErrorKind::StorageFull)).unwrap();
            stream.flush().unwrap();
            stream.ready().await;
            assert!(matches!(stream.check_write(), Err(StreamError::LastOperationFailed(_))));
        }
        output.finish().await.unwrap();
        stream.write(Bytes::from_static(b"last")).unwrap();
        reply.send(Err(ErrorKind::StorageFull)).unwrap();
        assert_eq!(output.finish().await.unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
