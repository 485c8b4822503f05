//! Names, connections and TLS: what is below a request, in traits where a test puts something else.

use std::error::Error as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::{Error, WasiBody};

use super::claim::Scheme;
use super::pool::{Connection, Origin};
use crate::pattern::{Host, HostPattern};

/// How names become addresses. It is asked once for each new connection.
pub(super) trait Resolve: Send + Sync + 'static {
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// How a connection is made to an address that was permitted. Nothing else opens one.
pub(super) trait Connect: Send + Sync + 'static {
    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>>;
}

/// Bytes in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What requests are sent with.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) connector: Arc<dyn Connect>,
    pub(super) tls: Arc<ClientConfig>,
}

impl Wire {
    /// The system's resolver and network, and the roots that it and browsers trust.
    pub(super) fn system() -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let system = rustls_native_certs::load_native_certs();
        for error in system.errors {
            tracing::warn!(target: "writ::http", %error, "a root certificate of the system was not read");
        }
        roots.add_parsable_certificates(system.certs);
        Ok(Self { resolver: Arc::new(System), connector: Arc::new(System), tls: tls(roots)? })
    }

    /// Opens a connection to exactly this address, and TLS in it, verified by the host's name.
    pub(super) async fn open(&self, origin: &Origin, address: IpAddr) -> Result<Connection, Error> {
        let stream = self.connector.connect(SocketAddr::new(address, origin.port)).await.map_err(refused)?;
        let stream: Box<dyn Stream> = match origin.scheme {
            Scheme::Http => stream,
            Scheme::Https => {
                let name = server_name(&origin.host)?;
                let connector = TlsConnector::from(self.tls.clone());
                Box::new(connector.connect(name, stream).await.map_err(|error| untrusted(&error))?)
            }
        };
        let handshake = http1::Builder::new()
            .max_headers(MOST_FIELDS)
            .max_header_size(MOST_HEAD)
            .max_buf_size(MOST_HEAD)
            .handshake::<_, WasiBody>(TokioIo::new(stream));
        let (sender, driver) = handshake.await.map_err(|error| fault(&error))?;
        let driver = tokio::spawn(async move { drop(driver.await) }).abort_handle();
        Ok(Connection { origin: origin.clone(), address, sender, driver })
    }
}

/// TLS 1.2 and 1.3 without client certificates.
pub(super) fn tls(roots: RootCertStore) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Sessions are shared by name alone: one principal's would tell another's visits to the server, and to the other.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

fn server_name(host: &HostPattern) -> Result<ServerName<'static>, Error> {
    match host {
        HostPattern::Exactly(Host::Ip(address)) => Ok(ServerName::from(*address)),
        HostPattern::Exactly(Host::Name(name)) => {
            ServerName::try_from(name.clone()).map_err(|_| Error::HttpRequestUriInvalid)
        }
        _ => Err(Error::HttpRequestUriInvalid),
    }
}

struct System;

impl Resolve for System {
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) })
    }
}

impl Connect for System {
    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

// Errors are told to guests in the interface's own words. What hyper, rustls and the system say in detail is not: it
// would be a way to look around.

/// Why no connection was made.
fn refused(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => Error::DestinationIpUnroutable,
        _ => Error::ConnectionRefused,
    }
}

/// Why TLS did not come about.
fn untrusted(error: &io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
        Some(rustls::Error::AlertReceived(alert)) => {
            Error::TlsAlertReceived { alert_id: Some(u8::from(*alert)), alert_message: None }
        }
        Some(_) => Error::TlsProtocolError,
        None => Error::ConnectionTerminated,
    }
}

/// What went wrong on a connection.
pub(super) fn fault(error: &hyper::Error) -> Error {
    if error.is_timeout() {
        Error::HttpResponseTimeout
    } else if error.is_parse_too_large() {
        Error::HttpResponseHeaderSectionSize(None)
    } else if error.is_incomplete_message() || is_io(error, |kind| kind == io::ErrorKind::UnexpectedEof) {
        Error::HttpResponseIncomplete
    } else if error.is_body_write_aborted() {
        Error::HttpRequestBodySize(None)
    } else if error.is_canceled() || error.is_closed() || is_io(error, |_| true) {
        Error::ConnectionTerminated
    } else {
        Error::HttpProtocolError
    }
}

/// Whether the connection ended before the response did, as one does that the server closed for having waited too long.
pub(super) fn is_cut(error: &hyper::Error) -> bool {
    let ended = |kind| {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
        matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
    };
    error.is_incomplete_message() || error.is_canceled() || error.is_closed() || is_io(error, ended)
}

/// Whether the system failed, in such a way.
fn is_io(error: &hyper::Error, kind: impl Fn(io::ErrorKind) -> bool) -> bool {
    error.source().and_then(|source| source.downcast_ref::<io::Error>()).is_some_and(|source| kind(source.kind()))
}

/// How long the connections to all permitted addresses may take together, unless the guest says less.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
/// Fields of a response's head.
const MOST_FIELDS: usize = 100;
/// Bytes of a response's head.
const MOST_HEAD: usize = 64 << 10;
