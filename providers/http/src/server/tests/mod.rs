//! The server over real sockets, with plain functions in the components' place.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::arithmetic_side_effects
)]

mod access;
mod lifecycle;
mod limits;
mod requests;

use std::pin::Pin;
use std::task::{Context, Poll};

use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wasmtime_wasi_http::Error;
use writ_provider::units::Time;
use writ_provider::{Generation, Opening, Principal, testing};

use super::*;
use crate::RoutePlan;

/// Answers nothing.
pub(super) struct Silent;

impl Handler for Silent {
    fn component(&self) -> Arc<str> {
        "acme/silent".into()
    }

    fn handle(&self, _: Call) -> BoxFuture<'static, Result<Response<Body>, Refusal>> {
        Box::pin(async { Err(Refusal::Failed) })
    }
}

/// Does what the path says.
struct Script;

impl Handler for Script {
    fn component(&self) -> Arc<str> {
        "acme/script".into()
    }

    fn handle(&self, call: Call) -> BoxFuture<'static, Result<Response<Body>, Refusal>> {
        Box::pin(script(call))
    }
}

async fn script(call: Call) -> Result<Response<Body>, Refusal> {
    let path = call.request.uri().path().to_owned();
    match path.as_str() {
        "/failed" => return Err(Refusal::Failed),
        "/deadline" => return Err(Refusal::Deadline),
        "/busy" => return Err(Refusal::Busy),
        "/expired" => return Err(Refusal::Lapsed),
        "/denied" => return Err(Refusal::Denied),
        "/rate" => return Err(Refusal::Rate),
        "/slow" => tokio::time::sleep(Duration::from_millis(200)).await,
        "/early" => return Ok(text("early")),
        "/endless" => {
            return Ok(Response::new(Frames { left: usize::MAX, chunk: vec![b'x'; 64 << 10] }.boxed_unsync()));
        }
        "/aborts" => {
            let body = http_body_util::StreamBody::new(futures::stream::iter([
                Ok(Frame::data(Bytes::from_static(b"half"))),
                Err(Error::HttpResponseIncomplete),
            ]));
            return Ok(Response::new(body.boxed_unsync()));
        }
        "/forbidden-fields" => return Ok(forbidden_fields()),
        "/early-hints" => return Ok(status(103)),
        "/none" => return Ok(status(204)),
        _ => {}
    }
    let method = call.request.method().clone();
    let target = call.request.uri().to_string();
    match call.request.into_body().collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            Ok(text(&format!("{method} {target} {} [{}]", call.host, String::from_utf8_lossy(&body))))
        }
        Err(_) => Err(Refusal::Failed),
    }
}

fn text(text: &str) -> Response<Body> {
    Response::new(Full::from(text.to_owned()).map_err(|never| match never {}).boxed_unsync())
}

fn status(status: u16) -> Response<Body> {
    let mut response = text("");
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn forbidden_fields() -> Response<Body> {
    let mut response = text("abc");
    for (name, value) in [
        ("connection", "keep-alive, x-a"),
        ("keep-alive", "timeout=9"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("content-length", "7"),
        ("x-kept", "yes"),
    ] {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

struct Frames {
    left: usize,
    chunk: Vec<u8>,
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(self.chunk.clone())))))
    }
}

/// Limits short enough for a test.
fn quick() -> HttpConfig {
    let ms = Time::from_millis;
    HttpConfig {
        header_timeout: ms(300),
        body_idle: ms(300),
        write_stall: ms(300),
        grace: ms(2_000),
        request_body: writ_provider::units::Size::from_bytes(1_000),
        response_body: writ_provider::units::Size::from_bytes(32 << 20),
        ..HttpConfig::default()
    }
}

fn plan(host: &str, path: &str) -> RoutePlan {
    RoutePlan { host: host.parse().unwrap(), path: path.parse().unwrap() }
}

/// The one component of an account of that name, in a deployment, and what opens that.
pub(super) fn deployed(account: &str, generation: u64) -> (Owner, Opening) {
    static PRINCIPALS: Mutex<BTreeMap<String, Principal>> = Mutex::new(BTreeMap::new());
    let fresh = || Principal::new(testing::account(), testing::component(), account, "script");
    let principal = lock(&PRINCIPALS).entry(account.to_owned()).or_insert_with(fresh).clone();
    let (generation, opening) = Generation::new(generation);
    (Owner { principal, generation }, opening)
}

fn owner(account: &str) -> Owner {
    let (owner, opening) = deployed(account, 0);
    opening.open();
    owner
}

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

async fn mount(server: &HttpServer, plans: &[(&str, &str)]) -> HttpRoute {
    let plans = plans.iter().map(|(host, path)| plan(host, path)).collect();
    server.mount(ANYWHERE, owner("acme"), plans, Arc::new(Script)).await.unwrap()
}

/// A server with a route for everything but the hosts below `nowhere`.
struct Running {
    server: HttpServer,
    route: HttpRoute,
    address: SocketAddr,
}

async fn start(config: HttpConfig) -> Running {
    let server = HttpServer::open(config).await.unwrap();
    let route = mount(&server, &[("a", "/"), ("127.0.0.1", "/")]).await;
    let address = server.addresses()[0];
    Running { server, route, address }
}

/// Sends the bytes, and returns all that comes back until the server closes or is silent for a while.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    read(&mut stream).await
}

async fn read(stream: &mut TcpStream) -> String {
    let (mut all, mut buffer) = (Vec::new(), [0; 16 << 10]);
    while let Ok(Ok(read @ 1..)) = tokio::time::timeout(Duration::from_millis(250), stream.read(&mut buffer)).await {
        all.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// The statuses of the responses in what came back.
fn statuses(answer: &str) -> Vec<u16> {
    let after = answer.split("HTTP/1.").skip(1);
    after.filter_map(|rest| rest.get(2..5)?.parse().ok()).collect()
}

/// Whether the server closes the connection within the time.
async fn closes(stream: &mut TcpStream, within: u64) -> bool {
    let mut buffer = [0; 16 << 10];
    let end = async { while matches!(stream.read(&mut buffer).await, Ok(1..)) {} };
    tokio::time::timeout(Duration::from_millis(within), end).await.is_ok()
}
