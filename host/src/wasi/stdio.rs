//! A guest's standard output and error: lines in the log, with the component's identity, capped per invocation.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};
use writ_provider::Principal;

/// Bytes of standard output and error, together, that one invocation may write.
const MOST: usize = 64 << 10;
/// What a line costs besides its bytes, for the log adds as much to each.
const LINE_COST: usize = 256;
/// The longest line; a longer one is cut into several.
const LINE: usize = 4 << 10;

/// Where one stream of one store goes. Clones write to the same line.
#[derive(Clone)]
pub(crate) struct ToLog {
    line: Arc<Mutex<Line>>,
    left: Arc<AtomicUsize>,
}

/// What was written since the last newline. The rest of it is emitted when the store is dropped.
struct Line {
    stream: &'static str,
    principal: Principal,
    bytes: Vec<u8>,
}

impl ToLog {
    /// A store's standard output and standard error, which share one allowance.
    pub(crate) fn pair(principal: &Principal) -> (Self, Self) {
        let left = Arc::new(AtomicUsize::new(MOST));
        let stream = |stream| {
            let line = Line { stream, principal: principal.clone(), bytes: Vec::new() };
            Self { line: Arc::new(Mutex::new(line)), left: left.clone() }
        };
        (stream("stdout"), stream("stderr"))
    }

    fn take(&self, bytes: &[u8]) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return;
        }
        for byte in bytes {
            let cost = if *byte == b'\n' { LINE_COST } else { 1 };
            if left < cost {
                left = 0;
                line.emit();
                tracing::warn!(target: "writ::guest", component = %line.principal, most = MOST, "output is cut here");
                break;
            }
            left = left.saturating_sub(cost);
            line.push(*byte);
        }
        // One store's streams are written one after the other, by the one guest in it.
        self.left.store(left, Ordering::Relaxed);
    }
}

impl Line {
    fn push(&mut self, byte: u8) {
        if byte != b'\n' {
            self.bytes.push(byte);
        }
        if byte == b'\n' || self.bytes.len() >= LINE {
            self.emit();
        }
    }

    fn emit(&mut self) {
        let line = std::mem::take(&mut self.bytes);
        if line.is_empty() {
            return;
        }
        let (component, id) = (&self.principal, self.principal.keyed());
        let message = String::from_utf8_lossy(&line);
        tracing::info!(target: "writ::guest", %component, %id, stream = self.stream, message = %message);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.emit();
    }
}

impl IsTerminal for ToLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for ToLog {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for ToLog {
    async fn ready(&mut self) {}
}

impl OutputStream for ToLog {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(LINE)
    }
}

impl tokio::io::AsyncWrite for ToLog {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
