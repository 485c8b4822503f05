//! A guest's answer over HTTP, whose body lasts as long as the call does.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};

/// How a call went, as far as its response's body must know.
///
/// wasi-http ends a body the same way whether the guest finished it or its store was dropped. The store of a call that
/// failed is dropped after its work, so the mark is set before the body could end.
#[derive(Debug, Clone, Default)]
pub struct Outcome(Arc<AtomicU8>);

impl Outcome {
    const FAILED: u8 = 1;

    /// Whether the call failed.
    pub fn failed(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::FAILED
    }

    /// Marks the call as failed when dropped, unless it is told otherwise.
    pub fn unless_done(&self) -> UnlessDone {
        UnlessDone(Some(self.clone()))
    }
}

/// See [`Outcome::unless_done`].
pub struct UnlessDone(Option<Outcome>);

impl UnlessDone {
    /// The call ended well. What it began to send and did not finish is cut off: `table` is about to be dropped with it.
    pub fn done(mut self, table: &mut ResourceTable) {
        let bodies = table.iter_mut().filter_map(|held| held.downcast_mut::<HostOutgoingBody>());
        for body in bodies {
            let (nothing, _) = HostOutgoingBody::new(StreamContext::Response, None, 1, 1);
            std::mem::replace(body, nothing).abort();
        }
        self.0 = None;
    }
}

impl Drop for UnlessDone {
    fn drop(&mut self) {
        if let Some(outcome) = &self.0 {
            outcome.0.store(Outcome::FAILED, Ordering::Release);
        }
    }
}

/// A guest's response body, which ends with an error if the call failed before it ended.
pub struct GuestBody<B> {
    inner: B,
    outcome: Outcome,
}

impl<B> GuestBody<B> {
    /// What a guest answered, in a call that ends as `outcome` says.
    pub fn new(inner: B, outcome: Outcome) -> Self {
        Self { inner, outcome }
    }
}

impl<B> http_body::Body for GuestBody<B>
where
    B: http_body::Body<Data = Bytes, Error = Error> + Unpin,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx)?);
        match frame {
            None if self.outcome.failed() => Poll::Ready(Some(Err(Error::HttpResponseIncomplete))),
            frame => Poll::Ready(frame.map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http_body_util::BodyExt;

    use super::*;

    /// A body as a guest makes it, written to once.
    fn guest_body() -> (HostOutgoingBody, GuestBody<wasmtime_wasi_http::WasiBody>, Outcome) {
        let outcome = Outcome::default();
        let (mut body, sent) = HostOutgoingBody::new(StreamContext::Response, None, 1, 1 << 10);
        let mut stream = body.take_output_stream().unwrap();
        stream.write(Bytes::from_static(b"half")).unwrap();
        (body, GuestBody::new(sent, outcome.clone()), outcome)
    }

    #[tokio::test]
    async fn a_body_whose_store_was_dropped_by_a_failure_is_not_whole() {
        let (body, sent, outcome) = guest_body();
        let work = outcome.unless_done();
        drop(work);
        drop(body);
        assert!(matches!(sent.collect().await, Err(Error::HttpResponseIncomplete)));
    }

    #[tokio::test]
    async fn a_body_that_was_finished_is_whole() {
        let (body, sent, outcome) = guest_body();
        let work = outcome.unless_done();
        body.finish(None).unwrap();
        work.done(&mut ResourceTable::new());
        assert_eq!(sent.collect().await.unwrap().to_bytes(), "half");
        assert!(!outcome.failed());
    }

    #[tokio::test]
    async fn a_body_that_the_guest_left_unfinished_is_not_whole() {
        let (body, sent, outcome) = guest_body();
        let mut table = ResourceTable::new();
        table.push(body).unwrap();
        outcome.unless_done().done(&mut table);
        drop(table);
        assert!(sent.collect().await.is_err());
    }

    #[tokio::test]
    async fn a_body_that_the_guest_dropped_is_not_whole() {
        let (body, sent, _outcome) = guest_body();
        body.abort();
        assert!(sent.collect().await.is_err());
    }
}
