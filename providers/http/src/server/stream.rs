//! A client's connection, with the guards that hyper does not have.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::framing::{Ambiguous, Framing};

/// Reads through [`Framing`], ends writes that make no progress, and closes without losing the last answer.
pub(super) struct ClientStream {
    stream: TcpStream,
    framing: Framing,
    // What is left to say to hyper about an ambiguous message; after it, nothing more is read.
    refusal: Option<&'static [u8]>,
    stall: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    closing: Option<Closing>,
}

/// The write half is closed, and what the client still sends is read and dropped.
struct Closing {
    left: usize,
    end: Pin<Box<Sleep>>,
}

impl ClientStream {
    /// A write may wait for the client for `stall`.
    pub(super) fn new(stream: TcpStream, stall: Duration) -> Self {
        Self { stream, framing: Framing::new(), refusal: None, stall, stalled: None, closing: None }
    }

    /// Ends a write that has waited too long; forgets the wait at any progress.
    fn progress<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.refusal.is_none() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
            let read = buf.filled().get(before..).unwrap_or_default();
            let Err(Ambiguous(at)) = this.framing.follow(read) else { return Poll::Ready(Ok(())) };
            buf.set_filled(before.saturating_add(at));
            this.refusal = Some(REFUSAL);
        }
        let left = this.refusal.unwrap_or_default();
        let (now, later) = left.split_at(left.len().min(buf.remaining()));
        buf.put_slice(now);
        this.refusal = Some(later);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.progress(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.progress(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.progress(cx, flushed)
    }

    /// Closes the write half, then reads for a moment: closing at once, with bytes unread, would reset the connection and
    /// take from the client the answer that says why.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.closing.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let closing = this.closing.get_or_insert_with(|| Closing { left: LINGER_BYTES, end: Box::pin(sleep(LINGER)) });
        let mut scratch = [0; 4096];
        while closing.left > 0 && closing.end.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => closing.left = closing.left.saturating_sub(buf.filled().len()),
                // The client closed too, or is gone.
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// No request has a NUL: hyper answers 400 to a head that ends like this, and fails a body.
const REFUSAL: &[u8] = b"\0\r\n\r\n";
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 256 << 10;
