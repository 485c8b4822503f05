//! What every component gets without a claim: WASI that reaches nothing.
//!
//! | interface | what it is here |
//! |---|---|
//! | `wasi:io` | ends with the store's deadline |
//! | `wasi:cli` | no arguments; the variables that are [given](super::environment), none without a claim; standard output and error go to the log; `exit` is a failure |
//! | `wasi:clocks` | a resolution of 1 ms; [finer](super::clocks) by claim |
//! | `wasi:random` | at most 1 MiB at once |
//! | `wasi:filesystem` | the folders that are [given](super::filesystem), none without a claim; ends with the store's deadline |
//! | `wasi:sockets` | every address and every look-up is denied |
//! | `wasi:http/types`, `wasmcloud:messaging/types` | types alone |
//! | `writ:identity/caller` | who calls; see [`identity`](crate::compose::identity) |
//! | `writ:http/middleware` | for who is in front of another component; see [`request`](crate::compose::request) |
//!
//! Language runtimes import these without using them. Each is linked only where it is imported, under the component's own
//! spelling of the name, so any mix of 0.2 patch versions within one component works.

use wasmtime_wasi::cli::WasiCli;
use wasmtime_wasi::clocks::WasiClocks;
use wasmtime_wasi::p2::bindings::{LinkOptions, cli, clocks, filesystem, random, sockets};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::sockets::WasiSockets;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};
use wasmtime_wasi_http::p2::bindings as http;
use wasmtime_wasi_http::p2::bindings::http::types::{self, Method};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;
use wasmtime_wasi_http::{WasiBody, WasiHttp, WasiHttpHooks};
use wasmtime_wasi_io::bindings::wasi::io;
use writ_provider::wasmtime;
use writ_provider::wasmtime::StoreContextMut;
use writ_provider::wasmtime::component::{LinkerInstance, Resource};
use writ_provider::{Instance, Slot};

use super::filesystem::Files;
use super::io::Io;
use crate::compose::identity::is_identity;
use crate::compose::request::{self, is_middleware};
use crate::names::InterfaceName;

/// One interface of the baseline: its name without a version, and how it is linked for a principal.
struct Row {
    name: &'static str,
    link: fn(&mut LinkerInstance<'_, Instance>, Slot) -> wasmtime::Result<()>,
}

macro_rules! row {
    ($name:literal, $($module:ident)::+, $data:ty) => {
        Row { name: $name, link: |linker, who| $($module)::+::add_to_linker_instance::<_, $data>(linker, who.getter::<$data>()) }
    };
    ($name:literal, $($module:ident)::+, $data:ty, options) => {
        Row { name: $name, link: |linker, who| {
            $($module)::+::add_to_linker_instance::<_, $data>(linker, &(&LinkOptions::default()).into(), who.getter::<$data>())
        } }
    };
}

const ROWS: &[Row] = &[
    row!("wasi:io/error", io::error, Io),
    row!("wasi:io/poll", io::poll, Io),
    row!("wasi:io/streams", io::streams, Io),
    row!("wasi:cli/environment", cli::environment, WasiCli),
    row!("wasi:cli/exit", cli::exit, WasiCli),
    row!("wasi:cli/stdin", cli::stdin, WasiCli),
    row!("wasi:cli/stdout", cli::stdout, WasiCli),
    row!("wasi:cli/stderr", cli::stderr, WasiCli),
    row!("wasi:cli/terminal-input", cli::terminal_input, WasiCli),
    row!("wasi:cli/terminal-output", cli::terminal_output, WasiCli),
    row!("wasi:cli/terminal-stdin", cli::terminal_stdin, WasiCli),
    row!("wasi:cli/terminal-stdout", cli::terminal_stdout, WasiCli),
    row!("wasi:cli/terminal-stderr", cli::terminal_stderr, WasiCli),
    row!("wasi:clocks/monotonic-clock", clocks::monotonic_clock, WasiClocks),
    row!("wasi:clocks/wall-clock", clocks::wall_clock, WasiClocks),
    row!("wasi:random/random", random::random, WasiRandom),
    row!("wasi:random/insecure", random::insecure, WasiRandom),
    row!("wasi:random/insecure-seed", random::insecure_seed, WasiRandom),
    row!("wasi:filesystem/preopens", filesystem::preopens, Files),
    row!("wasi:filesystem/types", filesystem::types, Files),
    row!("wasi:sockets/instance-network", sockets::instance_network, WasiSockets),
    row!("wasi:sockets/ip-name-lookup", sockets::ip_name_lookup, WasiSockets),
    row!("wasi:sockets/network", sockets::network, WasiSockets, options),
    row!("wasi:sockets/tcp", sockets::tcp, WasiSockets),
    row!("wasi:sockets/tcp-create-socket", sockets::tcp_create_socket, WasiSockets),
    row!("wasi:sockets/udp", sockets::udp, WasiSockets),
    row!("wasi:sockets/udp-create-socket", sockets::udp_create_socket, WasiSockets),
    Row {
        name: "wasi:http/types",
        link: |linker, who| {
            let options = http::LinkOptions::default();
            http::http::types::add_to_linker_instance::<_, WasiHttp>(
                linker,
                &(&options).into(),
                who.getter::<WasiHttp>(),
            )?;
            bound_texts(linker, who)
        },
    },
];

/// Interfaces that hold types alone: there is nothing to link.
const TYPES: &[&str] = &["wasmcloud:messaging/types@0.2.0"];

/// The one track of WASI that this host's engine serves.
const MINOR: (u64, u64) = (0, 2);

fn row(name: &InterfaceName) -> Option<&'static Row> {
    let version = name.version.as_ref()?;
    if (version.major, version.minor) != MINOR || !version.pre.is_empty() || name.namespace != "wasi" {
        return None;
    }
    let name = name.unversioned();
    ROWS.iter().find(|row| row.name == name)
}

fn is_types_only(name: &InterfaceName) -> bool {
    TYPES.iter().filter_map(|types| types.parse::<InterfaceName>().ok()).any(|types| types.matches(name))
}

/// Puts bounds on the texts of a request, which the host keeps and wasi-http takes at any length: a thousand requests of
/// some megabytes each would be gigabytes of the host's memory.
fn bound_texts(linker: &mut LinkerInstance<'_, Instance>, who: Slot) -> wasmtime::Result<()> {
    type Request = Resource<HostOutgoingRequest>;
    let view = who.getter::<WasiHttp>();
    linker.func_wrap(
        "[method]outgoing-request.set-method",
        move |mut store: StoreContextMut<'_, Instance>, (request, method): (Request, Method)| {
            let text = if let Method::Other(text) = &method { text.len() } else { 0 };
            match text <= METHOD {
                true => Ok((types::HostOutgoingRequest::set_method(&mut view(store.data_mut()), request, method)?,)),
                false => Ok((Err(()),)),
            }
        },
    )?;
    linker.func_wrap(
        "[method]outgoing-request.set-authority",
        move |mut store: StoreContextMut<'_, Instance>, (request, authority): (Request, Option<String>)| {
            let text = authority.as_ref().map_or(0, String::len);
            match text <= AUTHORITY {
                true => {
                    Ok((types::HostOutgoingRequest::set_authority(&mut view(store.data_mut()), request, authority)?,))
                }
                false => Ok((Err(()),)),
            }
        },
    )
}

/// Bytes of a method that is not one of the known ones.
const METHOD: usize = 32;
/// Bytes of an authority: a name of 253, or an address, and a port.
const AUTHORITY: usize = 320;

/// Whether every component gets this interface without a claim.
pub fn is_baseline(name: &InterfaceName) -> bool {
    row(name).is_some() || is_types_only(name) || is_identity(name) || is_middleware(name)
}

/// Links one interface of the baseline for a principal; false where it is none.
pub(crate) fn link(
    name: &InterfaceName,
    linker: &mut LinkerInstance<'_, Instance>,
    principal: Slot,
) -> wasmtime::Result<bool> {
    match row(name) {
        Some(row) => (row.link)(linker, principal).map(|()| true),
        None if is_middleware(name) => request::link(linker, principal).map(|()| true),
        None => Ok(is_types_only(name)),
    }
}

/// What every store's WASI state has in common: bounded randomness, and no network.
pub(super) fn builder() -> WasiCtxBuilder {
    let mut wasi = WasiCtx::builder();
    wasi.max_random_size(RANDOM)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .socket_addr_check(|_, _| Box::pin(async { false }));
    wasi
}

/// Bytes of randomness that one call may ask for.
const RANDOM: u64 = 1 << 20;

/// Bytes that one outgoing body holds of a guest's at most. It is the host's memory, and a store may have a thousand bodies.
const BODY_CHUNK: usize = 16 << 10;

/// Outgoing HTTP for who was granted none.
pub(super) struct NoEgress;

type Sent = Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>;
type Answer = Result<(::http::Response<WasiBody>, Sent), wasmtime_wasi_http::Error>;

impl WasiHttpHooks for NoEgress {
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK
    }

    fn send_request(
        &mut self,
        _: ::http::Request<WasiBody>,
        _: Option<wasmtime_wasi_http::RequestOptions>,
        _: Sent,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}
