//! Bodies in both directions: what a guest sends ends whole or with an error; what a server sends is capped and timed.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::{Error, WasiBody};
use writ_provider::Approved;

use super::ClientEntry;
use super::egress::Egress;
use super::pool::{Connection, Pool};
use super::request::Destination;
use super::shares::Turn;
use super::wire::fault;

/// Whether a store has ended: set when the handle in it is dropped.
#[derive(Debug, Clone, Default)]
pub(super) struct Ended(Arc<AtomicBool>);

impl Ended {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A guest's request body.
///
/// wasi-http ends a body the same way whether the guest finished it or its store was dropped, and a server would take half
/// a message for a whole one. After the store has ended, the end of the body is an error.
pub(super) struct Upload {
    inner: WasiBody,
    ended: Ended,
    alive: Arc<()>,
}

/// Whether a request's body is still being sent. Whoever sends a body drops it at its end.
#[derive(Clone, Default)]
pub(super) struct Uploading(Weak<()>);

impl Upload {
    pub(super) fn new(inner: WasiBody, ended: Ended) -> Self {
        Self { inner, ended, alive: Arc::default() }
    }

    pub(super) fn uploading(&self) -> Uploading {
        Uploading(Arc::downgrade(&self.alive))
    }
}

impl Uploading {
    fn is_over(&self) -> bool {
        self.0.strong_count() == 0
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            None if self.ended.0.load(Ordering::Acquire) => Poll::Ready(Some(Err(Error::ConnectionTerminated))),
            frame => Poll::Ready(frame),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What bounds a response's body.
pub(super) struct Bounds {
    pub(super) approved: Approved<ClientEntry>,
    pub(super) destination: Destination,
    pub(super) address: IpAddr,
    /// Bytes at most, whatever the claims permit.
    pub(super) most: u64,
    /// How long it may send nothing.
    pub(super) idle: Duration,
    /// Until when it may come.
    pub(super) end: Pin<Box<Sleep>>,
    /// What the request's own body does meanwhile.
    pub(super) uploading: Uploading,
    /// One of the requests that the principal may have at once.
    pub(super) turn: Option<Turn>,
    /// What is said of it in the log.
    pub(super) egress: Egress,
}

impl Bounds {
    /// Whether a body may be so long.
    pub(super) fn permit(&mut self, size: u64) -> bool {
        size <= self.most && self.approved.extend(self.destination.asked(Some(self.address), size)).is_ok()
    }
}

/// A response's body. Its connection goes back to the pool when it ended well, and is closed otherwise.
pub(super) struct Download {
    inner: Incoming,
    connection: Option<Connection>,
    pool: Arc<Pool>,
    bounds: Bounds,
    received: u64,
    // Armed while somebody waits for a frame.
    waiting: Option<Pin<Box<Sleep>>>,
    failed: bool,
}

impl Download {
    pub(super) fn new(inner: Incoming, connection: Connection, pool: Arc<Pool>, bounds: Bounds) -> Self {
        let connection = Some(connection);
        let mut body = Self { inner, connection, pool, bounds, received: 0, waiting: None, failed: false };
        body.keep_if_over();
        body
    }

    fn keep_if_over(&mut self) {
        if self.inner.is_end_stream() {
            self.keep();
        }
    }

    fn keep(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        self.bounds.egress.complete();
        if self.bounds.uploading.is_over() {
            return self.pool.put(connection);
        }
        // The server answered before it had the whole request, which is sent to its end all the same.
        let (pool, turn, until) = (self.pool.clone(), self.bounds.turn.take(), self.bounds.end.deadline());
        tokio::spawn(async move {
            pool.put_when_sent(connection, until).await;
            drop(turn);
        });
    }

    fn fail(&mut self, error: Error) -> Error {
        self.bounds.egress.failed(&error);
        self.failed = true;
        self.connection = None;
        error
    }

    /// Ends a wait that took too long, or a body that came too slowly.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        if self.bounds.end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Error::HttpResponseTimeout);
        }
        let idle = self.bounds.idle;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(idle)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Error::ConnectionReadTimeout)
    }

    fn take(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Error> {
        let length = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
        self.received = self.received.saturating_add(length);
        self.bounds.egress.received(self.received);
        if length > 0 && !self.bounds.permit(self.received) {
            return Err(self.fail(Error::HttpResponseBodySize(Some(self.received))));
        }
        self.keep_if_over();
        Ok(frame)
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if this.failed {
            return Poll::Ready(None);
        }
        // A drip that never pauses long enough to be idle still ends in time.
        if this.bounds.end.as_mut().poll(cx).is_ready() && !this.inner.is_end_stream() {
            return Poll::Ready(Some(Err(this.fail(Error::HttpResponseTimeout))));
        }
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            let error = ready!(this.poll_time(cx));
            return Poll::Ready(Some(Err(this.fail(error))));
        };
        this.waiting = None;
        match frame {
            Some(Ok(frame)) => Poll::Ready(Some(this.take(frame))),
            Some(Err(error)) => Poll::Ready(Some(Err(this.fail(fault(&error))))),
            None => {
                this.keep();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.failed || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http_body_util::BodyExt;
    use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};

    use super::*;

    #[tokio::test]
    async fn a_body_whose_store_ended_is_not_whole() {
        let ended = Ended::default();
        let (mut guest, sent) = HostOutgoingBody::new(StreamContext::Request, None, 1, 1 << 10);
        guest.take_output_stream().unwrap().write(Bytes::from_static(b"half")).unwrap();
        let sent = Upload::new(sent, ended.clone());
        ended.set();
        drop(guest);
        assert!(sent.collect().await.is_err());
    }

    #[tokio::test]
    async fn a_body_that_was_finished_is_whole() {
        let (mut guest, sent) = HostOutgoingBody::new(StreamContext::Request, None, 1, 1 << 10);
        guest.take_output_stream().unwrap().write(Bytes::from_static(b"all")).unwrap();
        guest.finish(None).unwrap();
        assert_eq!(Upload::new(sent, Ended::default()).collect().await.unwrap().to_bytes(), "all");
    }
}
