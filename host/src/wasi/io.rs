//! `wasi:io` with the other half of a deadline: what waits in the host ends with the store's call.
//!
//! Epochs reach a guest that computes. A guest asleep in `poll` or in a blocking read reaches no epoch check, so every
//! function here that may wait does so at most until the store's deadline, and then traps.

use std::future::Future;

use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, IoError, StreamError, StreamResult};
use wasmtime_wasi_io::bindings::wasi::io::{error, poll, streams};
use writ_provider::wasmtime::Result;
use writ_provider::wasmtime::component::{HasData, Resource, ResourceTable};
use writ_provider::{Deadline, Find, Instance};

/// The store's resources, and when its call ends.
pub(crate) struct Bounded<'a> {
    table: &'a mut ResourceTable,
    deadline: Deadline,
}

/// Says to wasmtime that `wasi:io` works on [`Bounded`].
pub(crate) struct Io;

impl HasData for Io {
    type Data<'a> = Bounded<'a>;
}

impl Find for Io {
    fn find(instance: &mut Instance, _: usize) -> Bounded<'_> {
        let deadline = instance.deadline();
        Bounded { table: instance.table(), deadline }
    }
}

/// Awaits what reads or writes a stream, at most until the deadline.
async fn bound<T>(deadline: Deadline, work: impl Future<Output = StreamResult<T>>) -> StreamResult<T> {
    deadline.bound(work).await.map_err(StreamError::Trap)?
}

impl poll::Host for Bounded<'_> {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        self.deadline.bound(poll::Host::poll(self.table, pollables)).await?
    }
}

impl poll::HostPollable for Bounded<'_> {
    async fn ready(&mut self, pollable: Resource<DynPollable>) -> Result<bool> {
        poll::HostPollable::ready(self.table, pollable).await
    }

    async fn block(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        self.deadline.bound(poll::HostPollable::block(self.table, pollable)).await?
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        poll::HostPollable::drop(self.table, pollable)
    }
}

impl error::Host for Bounded<'_> {}

impl error::HostError for Bounded<'_> {
    fn to_debug_string(&mut self, error: Resource<IoError>) -> Result<String> {
        error::HostError::to_debug_string(self.table, error)
    }

    fn drop(&mut self, error: Resource<IoError>) -> Result<()> {
        error::HostError::drop(self.table, error)
    }
}

impl streams::Host for Bounded<'_> {
    fn convert_stream_error(&mut self, error: StreamError) -> Result<streams::StreamError> {
        streams::Host::convert_stream_error(self.table, error)
    }
}

impl streams::HostInputStream for Bounded<'_> {
    fn read(&mut self, stream: Resource<DynInputStream>, most: u64) -> StreamResult<Vec<u8>> {
        streams::HostInputStream::read(self.table, stream, most.min(READ))
    }

    async fn blocking_read(&mut self, stream: Resource<DynInputStream>, most: u64) -> StreamResult<Vec<u8>> {
        bound(self.deadline, streams::HostInputStream::blocking_read(self.table, stream, most.min(READ))).await
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, most: u64) -> StreamResult<u64> {
        streams::HostInputStream::skip(self.table, stream, most.min(READ))
    }

    async fn blocking_skip(&mut self, stream: Resource<DynInputStream>, most: u64) -> StreamResult<u64> {
        bound(self.deadline, streams::HostInputStream::blocking_skip(self.table, stream, most.min(READ))).await
    }

    fn subscribe(&mut self, stream: Resource<DynInputStream>) -> Result<Resource<DynPollable>> {
        streams::HostInputStream::subscribe(self.table, stream)
    }

    async fn drop(&mut self, stream: Resource<DynInputStream>) -> Result<()> {
        self.deadline.bound(streams::HostInputStream::drop(self.table, stream)).await?
    }
}

impl streams::HostOutputStream for Bounded<'_> {
    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        streams::HostOutputStream::check_write(self.table, stream)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        streams::HostOutputStream::write(self.table, stream, bytes)
    }

    async fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        bound(self.deadline, streams::HostOutputStream::blocking_write_and_flush(self.table, stream, bytes)).await
    }

    fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        streams::HostOutputStream::flush(self.table, stream)
    }

    async fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        bound(self.deadline, streams::HostOutputStream::blocking_flush(self.table, stream)).await
    }

    fn subscribe(&mut self, stream: Resource<DynOutputStream>) -> Result<Resource<DynPollable>> {
        streams::HostOutputStream::subscribe(self.table, stream)
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, length: u64) -> StreamResult<()> {
        streams::HostOutputStream::write_zeroes(self.table, stream, length)
    }

    async fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        length: u64,
    ) -> StreamResult<()> {
        let write = streams::HostOutputStream::blocking_write_zeroes_and_flush(self.table, stream, length);
        bound(self.deadline, write).await
    }

    fn splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        most: u64,
    ) -> StreamResult<u64> {
        streams::HostOutputStream::splice(self.table, to, from, most.min(READ))
    }

    async fn blocking_splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        most: u64,
    ) -> StreamResult<u64> {
        bound(self.deadline, streams::HostOutputStream::blocking_splice(self.table, to, from, most.min(READ))).await
    }

    async fn drop(&mut self, stream: Resource<DynOutputStream>) -> Result<()> {
        self.deadline.bound(streams::HostOutputStream::drop(self.table, stream)).await?
    }
}

/// The most bytes that one read moves: some streams allocate what they are asked for.
const READ: u64 = 1 << 20;
