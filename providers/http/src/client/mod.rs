//! The capability `http-client`: requests from components, to where their claims say.
//!
//! # What a claim says
//!
//! ```yaml
//! http-client:
//!   - { hosts: [api.example.com], schemes: https, methods: [GET, POST], paths: [/v1] }
//!   - { hosts: ["*.internal.example"], ports: [8080], addresses: [10.0.0.0/8], size: 1MiB, rate: 20/s }
//! ```
//!
//! | field | | |
//! |---|---|---|
//! | `hosts` | mandatory | `any`, one pattern, or a list of them: as for `http-server` |
//! | `methods` | optional | one or a list, in capitals; `CONNECT` and `TRACE` are never sent |
//! | `schemes` | optional | `http`, `https`, or both in a list |
//! | `ports` | optional | one number or a list; a request without a port has its scheme's |
//! | `paths` | optional | `any`, one prefix, or a list; a path that has two readings (`..`, `//`, `%2f`) is within none |
//! | `addresses` | absent: public ones | `any`, or a list of networks, addresses and the word `public`: these and no others |
//! | `size` | optional | of a response's body, such as `1MiB` |
//! | `rate` | optional | requests, such as `20/s`, counted before a name is looked up; each further address tried counts |
//!
//! Every document of the chain says this for itself: a private address needs `addresses` in each of them. A request must be
//! permitted, with its address and the length of its response, by one whole entry of each, whose rate counts it.
//!
//! # What becomes of a request
//!
//! 1. It is taken apart. The authority is a name, an IPv4 address of four decimal numbers, or IPv6 in brackets, and a port:
//!    no user, no final dot, no other spelling of an address, no letters beyond ASCII. Then the claims are asked.
//! 2. A connection of the same principal to the same scheme, host and port is used again if its address is still permitted.
//!    Otherwise the name is resolved once, every answer is checked, and the host connects to an answer that was permitted:
//!    to that very address, with no second look-up. Where a connection that was kept turns out to be closed, the request
//!    is sent once more on a new one, if nothing of it was sent or if it is safe to repeat: idempotent and without a body.
//! 3. With `https`, the server's certificate must be valid for the name, under the roots of browsers or of the system.
//! 4. The request is put together from what was checked. `Host`, the framing and everything about the connection is the
//!    host's. Redirects are responses like any other, and no proxy is taken from the environment.
//!
//! What is denied is `HTTP-request-denied`, whether by its host, its address or its rate. A response has at most 100 fields
//! and 64 KiB in its head; its body ends by the claims' `size`, the host's cap, the idle time, and the call's deadline.
//!
//! | at once | of a component | of an account | in all |
//! |---|---|---|---|
//! | requests, until the response's end | 64 | 256 | 1,024 |
//! | look-ups of names | 8 | 32 | 128 |
//! | connections that are kept, for 30 s at most | 16 | 64 | 256 |

mod address;
mod body;
mod claim;
mod egress;
mod pool;
mod request;
mod send;
mod shares;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use serde::Deserialize;
use wasmtime_wasi::runtime::spawn;
use wasmtime_wasi_http::RequestOptions;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p2::types::{FutureIncomingResponseHandle, HostFutureIncomingResponse, HostOutgoingRequest};
use writ_provider::units::{Size, Time};
use writ_provider::wasmtime::{self, component::Resource};
use writ_provider::{Attached, Capability, Deadline, Grant, Interface, OpenError, Provider, View};

pub use claim::{ClientEntry, ClientRequest, Scheme};

use bindings::wasi::http::outgoing_handler;
use body::Ended;
use request::Outgoing;
use send::{Order, Shared};
use wire::Wire;

mod bindings {
    writ_provider::wasmtime::component::bindgen!({
        path: "../../wit",
        world: "writ:host/http-client",
        require_store_data_send: true,
        imports: { default: trappable },
        with: {
            "wasi:io": wasmtime_wasi_io::bindings::wasi::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:http/types": wasmtime_wasi_http::p2::bindings::http::types,
        },
        wasmtime_crate: writ_provider::wasmtime,
    });
}

/// Sends requests for components.
pub struct HttpClient {
    shared: Arc<Shared>,
}

/// The limits of what is sent for components. Every field has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpClientConfig {
    /// How long a name's look-up may take (5 s).
    pub lookup: Time,
    /// How long a response's body may send nothing (30 s).
    pub idle: Time,
    /// The longest response body (64 MiB).
    pub response_body: Size,
}

impl Default for HttpClientConfig {
    fn default() -> Self {
        let response_body = Size::from_bytes(64 << 20);
        Self { lookup: Time::from_millis(5_000), idle: Time::from_millis(30_000), response_body }
    }
}

/// What one principal holds in one store: the right to send what its grant permits.
pub struct Sender {
    shared: Arc<Shared>,
    grant: Grant<ClientEntry>,
    ended: Ended,
}

impl Provider for HttpClient {
    const CAPABILITY: Capability<Self> = Capability {
        name: "http-client",
        interfaces: &[Interface {
            name: "wasi:http/outgoing-handler@0.2.0",
            link: outgoing_handler::add_to_linker_instance::<_, Attached<Self>>,
        }],
        exports: &[],
    };
    type Config = HttpClientConfig;
    type Constraint = ClientEntry;
    type Handle = Sender;

    async fn open(config: HttpClientConfig) -> Result<Self, OpenError> {
        let wire = Wire::system().map_err(|error| OpenError::Config(format!("TLS cannot be used: {error}")))?;
        Ok(Self::new(config, wire))
    }

    fn attach(&self, grant: &Grant<ClientEntry>) -> Sender {
        Sender { shared: self.shared.clone(), grant: grant.clone(), ended: Ended::default() }
    }
}

impl HttpClient {
    fn new(config: HttpClientConfig, wire: Wire) -> Self {
        Self { shared: Arc::new(Shared::new(config, wire)) }
    }
}

impl Sender {
    /// Checks a request and starts to send it.
    fn send(
        &self,
        request: HostOutgoingRequest,
        options: RequestOptions,
        deadline: Deadline,
    ) -> Result<FutureIncomingResponseHandle, ErrorCode> {
        let outgoing = Outgoing::new(request, self.ended.clone())?;
        let (shared, grant) = (self.shared.clone(), self.grant.clone());
        let turn = shared.shares.request(grant.principal()).ok_or(ErrorCode::ConnectionLimitReached)?;
        // Before anything is done for it, a look-up of its name included, it is counted.
        let asked = outgoing.destination.asked(outgoing.destination.address(), 0);
        let approved = grant.approve(asked).map_err(|_| ErrorCode::HttpRequestDenied)?;
        let order = Order { shared, grant, approved, outgoing, options, deadline, turn };
        Ok(spawn(async move {
            let response = order.send().await?;
            // The body drives its own connection, so there is no other worker to keep.
            Ok((response, spawn(async {})))
        }))
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.ended.set();
    }
}

impl outgoing_handler::Host for View<'_, HttpClient> {
    fn handle(
        &mut self,
        request: Resource<HostOutgoingRequest>,
        options: Option<Resource<RequestOptions>>,
    ) -> wasmtime::Result<Result<Resource<HostFutureIncomingResponse>, ErrorCode>> {
        let request = self.table.delete(request)?;
        let options = options.map(|options| self.table.delete(options)).transpose()?.unwrap_or_default();
        Ok(match self.handle.send(request, options, self.deadline) {
            Ok(response) => Ok(self.table.push(HostFutureIncomingResponse::Pending(response))?),
            Err(code) => Err(code),
        })
    }
}
