//! What is sent, to where, and what comes back: against a table of attempts, canaries, and servers that misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

mod attempts;
mod network;
mod reuse;
mod servers;

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use http::header::{HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use rustls::RootCertStore;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{Error, FieldMap, RequestOptions, WasiBody};
use writ_provider::{
    Budget, Claim, Deadline, Document, Grant, GrantParts, Layer, LinkConfig, Principal, Provider, ResourceTable, View,
    testing,
};

use super::bindings::wasi::http::outgoing_handler::Host as _;
use super::wire::{self, Connect, Resolve, Stream, Wire};
use super::{ClientEntry, HttpClient, HttpClientConfig};

/// A principal of its own.
fn someone() -> Principal {
    Principal::new(testing::account(), testing::component(), "acme", "orders")
}

fn grant_to(principal: &Principal, claims: &[Value]) -> Grant<ClientEntry> {
    let layer = |claim: &Value| {
        Layer::new(Document::Component, Claim::parse(claim).unwrap(), |_, rate| Arc::new(Budget::new(rate)))
    };
    Grant::new(GrantParts {
        capability: HttpClient::CAPABILITY.name,
        principal: principal.clone(),
        link: LinkConfig::new(),
        settings: LinkConfig::new(),
        layers: claims.iter().map(layer).collect(),
    })
}

fn grant(claims: &[Value]) -> Grant<ClientEntry> {
    grant_to(&someone(), claims)
}

/// A request as a guest makes it, without the checks that setting its parts makes.
struct Ask {
    method: types::Method,
    scheme: Option<types::Scheme>,
    authority: Option<String>,
    target: Option<String>,
    fields: Vec<(String, String)>,
    body: Option<HyperOutgoingBody>,
    options: Option<RequestOptions>,
    time: Duration,
}

impl Ask {
    fn get(scheme: types::Scheme, authority: impl Into<String>, target: &str) -> Self {
        Self {
            method: types::Method::Get,
            scheme: Some(scheme),
            authority: Some(authority.into()),
            target: Some(target.to_owned()),
            fields: vec![],
            body: None,
            options: None,
            time: Duration::from_secs(10),
        }
    }

    fn http(authority: impl Into<String>) -> Self {
        Self::get(types::Scheme::Http, authority, "/")
    }

    /// Sends it as a guest does, and awaits the head of the response.
    async fn send(self, client: &HttpClient, grant: &Grant<ClientEntry>) -> Result<Response<WasiBody>, Failed> {
        let mut fields = FieldMap::new_mutable(1 << 20);
        for (name, value) in &self.fields {
            fields.append_raw(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap()).unwrap();
        }
        let mut table = ResourceTable::new();
        let request = table.push(HostOutgoingRequest {
            method: self.method,
            scheme: self.scheme,
            authority: self.authority,
            path_with_query: self.target,
            headers: fields,
            body: self.body,
        });
        let options = self.options.map(|options| table.push(options).unwrap());
        let mut handle = client.attach(grant);
        let mut view =
            View::<HttpClient> { handle: &mut handle, table: &mut table, deadline: Deadline::after(self.time) };
        let response = view.handle(request.unwrap(), options).unwrap().map_err(Failed::AtOnce)?;
        let HostFutureIncomingResponse::Pending(pending) = table.delete(response).unwrap() else { unreachable!() };
        assert!(table.is_empty(), "nothing is left in the table");
        let (response, _worker) = pending.await.map_err(Failed::Later)?;
        Ok(response)
    }

    /// The same, with the whole body.
    async fn receive(self, client: &HttpClient, grant: &Grant<ClientEntry>) -> Result<(StatusCode, String), Failed> {
        let (head, body) = self.send(client, grant).await?.into_parts();
        let body = body.collect().await.map_err(Failed::Later)?.to_bytes();
        Ok((head.status, String::from_utf8_lossy(&body).into_owned()))
    }
}

#[derive(Debug)]
enum Failed {
    AtOnce(ErrorCode),
    Later(Error),
}

impl Failed {
    fn is_denial(&self) -> bool {
        matches!(self, Self::AtOnce(ErrorCode::HttpRequestDenied) | Self::Later(Error::HttpRequestDenied))
    }
}

/// A resolver that answers from a list, one answer to each question, the last one for ever.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Script {
    fn of(answers: &[&[&str]]) -> Arc<Self> {
        let addresses = |texts: &&[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self { answers: Mutex::new(answers.iter().map(addresses).collect()), asked: Mutex::default() })
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Resolve for Script {
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(name);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

/// What a server does with one connection, from its first byte on.
type Serve = Arc<dyn Fn(DuplexStream) -> BoxFuture<'static, ()> + Send + Sync>;

/// A connector that opens nothing: it notes where a connection would have gone, and plays the server.
struct Recorder {
    connected: Mutex<Vec<SocketAddr>>,
    heads: Arc<Mutex<Vec<String>>>,
    serve: Serve,
}

impl Recorder {
    /// Plays a server that answers each request with the same bytes.
    fn answering(answer: impl Into<Vec<u8>>) -> Arc<Self> {
        let answer: Arc<[u8]> = answer.into().into();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let seen = heads.clone();
        let serve: Serve = Arc::new(move |mut stream| {
            let (answer, seen) = (answer.clone(), seen.clone());
            Box::pin(async move {
                while let Some(head) = read_head(&mut stream).await {
                    seen.lock().unwrap().push(head);
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            })
        });
        Arc::new(Self { connected: Mutex::default(), heads, serve })
    }

    fn serving<F>(serve: impl Fn(DuplexStream) -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let serve: Serve = Arc::new(move |stream| Box::pin(serve(stream)));
        Arc::new(Self { connected: Mutex::default(), heads: Arc::default(), serve })
    }

    fn connected(&self) -> Vec<SocketAddr> {
        self.connected.lock().unwrap().clone()
    }
}

impl Connect for Recorder {
    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        self.connected.lock().unwrap().push(address);
        let (near, far) = duplex(1 << 16);
        tokio::spawn((self.serve)(far));
        Box::pin(async { Ok(Box::new(near) as Box<dyn Stream>) })
    }
}

/// The head of a request, without what may follow it.
async fn read_head(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
        if head.first().is_some_and(|first| !first.is_ascii_uppercase()) {
            return None;
        }
    }
    String::from_utf8(head).ok()
}

fn client(resolver: Arc<dyn Resolve>, connector: Arc<dyn Connect>) -> HttpClient {
    let tls = wire::tls(RootCertStore::empty()).unwrap();
    HttpClient::new(HttpClientConfig::default(), Wire { resolver, connector, tls })
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const PUBLIC: &str = "93.184.216.34";
