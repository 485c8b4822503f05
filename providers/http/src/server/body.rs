//! Bodies in both directions, capped and timed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::Error;

use super::access::Access;
use super::refusal::Refusal;

/// A request's body. It ends with an error when it is too long or stops coming.
pub(super) struct RequestBody<B> {
    inner: B,
    left: u64,
    most: u64,
    idle: Duration,
    // Armed while somebody waits for a frame.
    waiting: Option<Pin<Box<Sleep>>>,
    fault: Fault,
}

/// What was wrong with a request's body, where the answer can still say so.
#[derive(Debug, Clone, Default)]
pub(super) struct Fault(Arc<AtomicU8>);

impl Fault {
    const TOO_LONG: u8 = 1;
    const STALLED: u8 = 2;

    fn set(&self, fault: u8) {
        self.0.store(fault, Ordering::Relaxed);
    }

    /// The refusal that it stands for.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self.0.load(Ordering::Relaxed) {
            Self::TOO_LONG => Some(Refusal::TooLong),
            Self::STALLED => Some(Refusal::Stalled),
            _ => None,
        }
    }
}

impl<B> RequestBody<B> {
    pub(super) fn new(inner: B, most: u64, idle: Duration) -> Self {
        Self { inner, left: most, most, idle, waiting: None, fault: Fault::default() }
    }

    pub(super) fn fault(&self) -> Fault {
        self.fault.clone()
    }

    /// Ends a wait that took too long.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let idle = self.idle;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(idle)));
        ready!(waiting.as_mut().poll(cx));
        self.fault.set(Fault::STALLED);
        Poll::Ready(Error::ConnectionReadTimeout)
    }
}

impl<B> http_body::Body for RequestBody<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<Error>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            return this.poll_idle(cx).map(|error| Some(Err(error)));
        };
        this.waiting = None;
        let frame = match frame {
            Some(Ok(frame)) => frame,
            other => return Poll::Ready(other.map(|frame| frame.map_err(Into::into))),
        };
        let length = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
        let Some(left) = this.left.checked_sub(length) else {
            this.fault.set(Fault::TOO_LONG);
            return Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(this.most)))));
        };
        this.left = left;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A response's body. It keeps the request's line, and ends with an error when it is too long.
pub(super) struct ResponseBody<B> {
    inner: B,
    left: u64,
    // The length that the head promised.
    expected: Option<u64>,
    access: Access,
}

impl<B: http_body::Body> ResponseBody<B> {
    pub(super) fn new(inner: B, most: u64, promised: Promise, mut access: Access) -> Self {
        if promised.empty || inner.is_end_stream() {
            access.complete();
        }
        Self { inner, left: most, expected: promised.length, access }
    }
}

/// What a response's head says about its body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Promise {
    /// There is none, whatever the body holds: an answer to `HEAD`, 204, 304.
    empty: bool,
    /// `Content-Length`.
    length: Option<u64>,
}

impl Promise {
    pub(super) fn new(method: &Method, status: StatusCode, length: Option<u64>) -> Self {
        let empty = method == Method::HEAD || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        Self { empty, length }
    }
}

impl<B> http_body::Body for ResponseBody<B>
where
    B: http_body::Body<Data = Bytes, Error = Error> + Unpin,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let Some(frame) = ready!(Pin::new(&mut this.inner).poll_frame(cx)?) else {
            this.access.complete();
            return Poll::Ready(None);
        };
        let length = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
        let Some(left) = this.left.checked_sub(length) else {
            return Poll::Ready(Some(Err(Error::HttpResponseBodySize(None))));
        };
        this.left = left;
        this.access.sent(length);
        // With a length promised, hyper stops asking once it was reached.
        this.expected = this.expected.map(|expected| expected.saturating_sub(length));
        if this.expected == Some(0) || this.inner.is_end_stream() {
            this.access.complete();
        }
        Poll::Ready(Some(Ok(frame)))
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
    use http_body_util::{BodyExt, Empty};

    use super::*;

    #[tokio::test]
    async fn an_empty_request_body_ends() {
        let body = RequestBody::new(Empty::<Bytes>::new(), 0, Duration::from_secs(1));
        let fault = body.fault();
        assert!(body.collect().await.unwrap().to_bytes().is_empty());
        assert_eq!(fault.refusal(), None);
    }
}
