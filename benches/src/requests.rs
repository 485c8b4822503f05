//! HTTP requests, a fresh instance for each: this host's server beside hyper with wasmtime-wasi-http and nothing else.
//!
//! Both serve on loopback in this process, on one runtime and from one engine, and the client runs on the same cores.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use writ_keyvalue::backend::memory::Memory;
use writ_provider::{Principal, testing};

use crate::app::App;
use crate::bare::plain;
use crate::bare::{Bare, State};
use crate::guest;
use crate::http_load::{Asked, Load};
use crate::measure::{Pairs, Row, Table, Unit, time};
use crate::up::free_address;

pub(crate) async fn run() -> Result<Table> {
    let guest = guest::bytes("bench-guest")?;
    let ours = free_address()?;
    let app = App::served(&guest)?;
    let running = app.deploy(guest::registry(Some(ours))).await?;
    let principal = Principal::new(testing::account(), testing::component(), "acme", "guest");
    let bare = Bare::new(running.host.engine(), &guest, Arc::new(Memory::new(0)), principal).map_err(plain)?;
    let theirs = serve(bare).await?;

    let mut table = Table::default();
    for connections in [1, 16, 64] {
        table.add(row(ours, theirs, connections).await?);
    }
    Ok(table)
}

async fn row(ours: SocketAddr, theirs: SocketAddr, connections: usize) -> Result<Row> {
    let mut sides = [Side::new(ours, connections).await?, Side::new(theirs, connections).await?];
    let mut pairs = Pairs::default();
    for turn in 0..=SLICES {
        let mut seconds = [0.0; 2];
        // Each goes first in half of the pairs.
        let order = if turn % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in order {
            if let (Some(side), Some(seconds)) = (sides.get_mut(which), seconds.get_mut(which)) {
                *seconds = side.slice(turn > 0).await?;
            }
        }
        if let ([our, their], true) = (seconds, turn > 0) {
            pairs.push(our, their);
        }
    }
    let [here, beside] = &mut sides;
    let plural = if connections == 1 { "" } else { "s" };
    Ok(Row {
        work: format!("one HTTP request, fresh instance, {connections} connection{plural}"),
        here: here.describe(pairs.ours().median),
        beside: format!("bare hyper and wasmtime-wasi-http {}", beside.describe(pairs.theirs().median)),
        figure: Some((pairs.ratio(), Unit::Ratio)),
        target: Some(1.15),
    })
}

/// One server under load.
struct Side {
    load: Load,
    latencies: Vec<f64>,
}

impl Side {
    async fn new(address: SocketAddr, connections: usize) -> Result<Self> {
        Ok(Self {
            load: Load::connect(address, connections, Asked::get(["/".to_owned()])).await?,
            latencies: Vec::new(),
        })
    }

    /// Seconds per request, over a slice of time.
    async fn slice(&mut self, keep: bool) -> Result<f64> {
        let answered = self.load.run(SLICE).await?;
        if keep {
            self.latencies.extend(answered.latencies);
        }
        Ok(1.0 / answered.rate)
    }

    fn describe(&mut self, seconds: f64) -> String {
        let mut within = |share| time(Load::within(&mut self.latencies, share));
        format!("{:.0}/s, p50 {}, p99 {}", 1.0 / seconds, within(0.5), within(0.99))
    }
}

/// The server that wasmtime's documentation shows: a connection's task, a store, an instance and a task for each request.
async fn serve(bare: Bare) -> Result<SocketAddr> {
    let pre = ProxyPre::new(bare.pre.clone()).map_err(plain)?;
    let bare = Arc::new(bare);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A failure only costs speed.
            let _ = stream.set_nodelay(true);
            let (bare, pre) = (bare.clone(), pre.clone());
            tokio::spawn(async move {
                let service = service_fn(move |request| respond(bare.clone(), pre.clone(), request));
                let mut server = http1::Builder::new();
                server.timer(TokioTimer::new()).keep_alive(true);
                // Ends when the client does.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(address)
}

async fn respond(
    bare: Arc<Bare>,
    pre: ProxyPre<State>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<HyperOutgoingBody>, Box<dyn std::error::Error + Send + Sync>> {
    let (sender, answer) = oneshot::channel();
    let call = tokio::spawn(async move {
        let mut store = bare.store();
        let request = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
        let out = store.data_mut().http().new_response_outparam(sender)?;
        let proxy = pre.instantiate_async(&mut store).await?;
        proxy.wasi_http_incoming_handler().call_handle(&mut store, request, out).await
    });
    match answer.await {
        Ok(answer) => Ok(answer?),
        Err(_) => {
            call.await??;
            Err("the guest did not answer".into())
        }
    }
}

const SLICES: usize = 40;
const SLICE: Duration = Duration::from_millis(300);
