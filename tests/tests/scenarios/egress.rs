//! Requests out of a component: to where its claims say, and nowhere else.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::BASE64_MIME;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use writ_tests::http::Response;
use writ_tests::{Home, Manifest, Scratch, Up, unsigned_guest};

/// A server on this machine, and the first line of every request that it got.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        Self::serve(answer)
    }

    /// With TLS, and this certificate.
    fn with(certificate: &CertificateDer<'static>, key: &KeyPair) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = builder.with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
        let config = Arc::new(config);
        Self::serve(move |stream, requests| {
            answer(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream), requests);
        })
    }

    fn serve(connection: impl Fn(TcpStream, &Mutex<Vec<String>>) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (connection, seen) = (connection.clone(), seen.clone());
                std::thread::spawn(move || connection(stream, &seen));
            }
        });
        Self { address, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Answers one request, or does not, as its path says.
fn answer(mut stream: impl Read + Write, requests: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let line = head.lines().next().unwrap().to_owned();
    let path = line.split(' ').nth(1).unwrap().to_owned();
    requests.lock().unwrap().push(line);
    let said = match path.split('?').next().unwrap() {
        "/redirect" => "302 Found\r\nLocation: /secret\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "/large" => format!("200 OK\r\nContent-Length: 2048\r\n\r\n{}", "x".repeat(2048)),
        "/half" => "200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_owned(),
        "/never" => return drop(stream.read(&mut [0])),
        _ => "200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned(),
    };
    let _ = stream.write_all(format!("HTTP/1.1 {said}").as_bytes()).and_then(|()| stream.flush());
}

/// The relay, under claims of one's own.
struct Relay {
    home: Home,
    scratch: Scratch,
    manifest: PathBuf,
}

impl Relay {
    fn new(home: Home) -> Self {
        let scratch = Scratch::new();
        let signed = scratch.path("relay.wasm");
        let manifest =
            scratch.write("app.yaml", Manifest { path: Some("/fetch"), ..Manifest::new("relay", &signed) }.to_string());
        Self { home, scratch, manifest }
    }

    /// Signs it with what this says of `http-client`, or without a word of it.
    fn sign(&self, http_client: Option<&str>) {
        let claims = fs::read_to_string(unsigned_guest("relay.yaml")).unwrap();
        let mut kept: Vec<_> =
            claims.lines().filter(|line| !line.contains("http-client:")).map(str::to_owned).collect();
        let claims = kept.iter().position(|line| line == "claims:").unwrap();
        if let Some(line) = http_client {
            kept.insert(claims + 1, format!("  {line}"));
        }
        let claims = self.scratch.write("writ.yaml", kept.join("\n").replace("time: 5s", "time: 1s"));
        let (wasm, signed) = (unsigned_guest("relay.wasm"), self.scratch.path("relay.wasm"));
        let [wasm, claims, signed] = [&wasm, &claims, &signed].map(|path| path.to_str().unwrap());
        self.home.writ(&["sign", wasm, "--claims", claims, "-o", signed]).succeeded();
    }

    fn up(&self) -> Up {
        // What is signed twice within a second has no order.
        let args = ["--log-format", "json", "--allow-rollback"];
        Up::start_with(&self.home, &self.manifest, &self.scratch.data(), &args)
    }
}

fn fetch(up: &Up, url: &str) -> Response {
    up.get(&format!("/fetch?url={url}"))
}

#[track_caller]
fn check(answer: &Response, status: u16, text: &str) {
    assert_eq!((answer.status, answer.text().as_str()), (status, text), "{answer:?}");
}

const DENIED: &str = "ErrorCode::HttpRequestDenied";

#[test]
fn a_request_goes_where_the_claims_say_and_nowhere_else() {
    let (server, other) = (Server::start(), Server::start());
    let relay = Relay::new(Home::new());
    relay.sign(Some(&format!(
        "http-client: {{ hosts: [127.0.0.1], ports: {}, methods: GET, paths: [/v1, /redirect], addresses: [127.0.0.1] }}",
        server.address.port()
    )));
    let up = relay.up();

    check(&fetch(&up, &server.url("/v1/x?secret=1")), 200, "ok");
    let redirect = fetch(&up, &server.url("/redirect"));
    assert_eq!((redirect.status, redirect.header("location")), (302, Some("/secret")), "{redirect:?}");

    let port = server.address.port();
    check(&fetch(&up, &format!("http://localhost:{port}/v1")), 502, DENIED);
    check(&fetch(&up, &other.url("/v1")), 502, DENIED);
    check(&fetch(&up, &server.url("/secret")), 502, DENIED);
    check(&fetch(&up, &server.url("/v1/../secret")), 502, DENIED);
    let url = format!("/fetch?url={}", server.url("/v1"));
    check(&up.send("POST", &url, &[], b""), 502, DENIED);
    check(&fetch(&up, &format!("http://user@127.0.0.1:{port}/v1")), 502, "ErrorCode::HttpRequestUriInvalid");

    assert_eq!(server.requests(), ["GET /v1/x?secret=1 HTTP/1.1", "GET /redirect HTTP/1.1"]);
    assert_eq!(other.requests(), [""; 0]);

    let line = up.logged("the request", |line| line.get("target") == "writ::egress");
    assert!(line.is_from("relay"), "{line:?}");
    for (field, expected) in [
        ("method", "GET"),
        ("scheme", "http"),
        ("host", "127.0.0.1"),
        ("port", &port.to_string()),
        ("path", "/v1/x"),
        ("address", "127.0.0.1"),
        ("status", "200"),
        ("error", ""),
        ("bytes", "2"),
    ] {
        assert_eq!(line.get(field), expected, "{field} of {line:?}");
    }
    assert!(line.get("duration_us").parse::<u64>().is_ok_and(|micros| micros > 0), "{line:?}");
    let denied = up.logged("the denial", |line| line.get("target") == "writ::denied");
    let said = ["component", "capability", "reason"].map(|field| denied.get(field));
    assert_eq!(said, ["local/relay", "http-client", "permits hosts `127.0.0.1`, not `localhost`"], "{denied:?}");
    let log = up.log();
    assert_eq!(log.iter().filter(|line| line.get("target") == "writ::egress").count(), 2, "{log:?}");
}

#[test]
fn an_answer_is_whole_and_in_time_or_an_error() {
    let server = Server::start();
    let relay = Relay::new(Home::new());
    relay.sign(Some("http-client: { hosts: [127.0.0.1], addresses: [127.0.0.1], size: 1KiB }"));
    let up = relay.up();
    let too_large = fetch(&up, &server.url("/large"));
    assert_eq!((too_large.status, too_large.text().contains("HttpResponseBodySize")), (502, true), "{too_large:?}");
    let half = fetch(&up, &server.url("/half"));
    assert_eq!(half.status, 502, "{half:?}");
    // The call's deadline is the request's.
    let never = fetch(&up, &server.url("/never"));
    assert!([502, 504].contains(&never.status), "{never:?}");
    check(&fetch(&up, &server.url("/ok")), 200, "ok");
    for (path, error) in [("/large", "exceeds limit"), ("/half", "incomplete"), ("/never", "")] {
        let line = up.logged(path, |line| line.get("target") == "writ::egress" && line.get("path") == path);
        assert!(!line.get("error").is_empty() && line.get("error").contains(error), "{line:?}");
    }
    let waited = up.logged("the wait", |line| line.get("target") == "writ::egress" && line.get("path") == "/never");
    let waited = Duration::from_micros(waited.get("duration_us").parse().unwrap());
    assert!(waited < Duration::from_secs(10), "{waited:?}");
}

#[test]
fn what_a_denial_names_is_pasted_signed_and_permitted() {
    let server = Server::start();
    let relay = Relay::new(Home::new());
    relay.sign(None);
    let refused = relay.home.writ(&["up", relay.manifest.to_str().unwrap(), "--check"]).refused();
    assert!(refused.contains("may not use http-client: it imports wasi:http/outgoing-handler"), "{refused}");
    let line = refused.lines().map(str::trim).find(|line| line.starts_with("http-client:")).expect("a line to paste");

    relay.sign(Some(line));
    let up = relay.up();
    check(&fetch(&up, &server.url("/ok")), 502, DENIED);
    let denied = up.logged("the denial", |line| line.get("target") == "writ::denied");
    assert_eq!(denied.get("reason"), "permits nothing (its claim is empty)", "{denied:?}");
    up.stop();

    // Without `addresses` an address that is not public is out of reach, by number and by name.
    relay.sign(Some("http-client: { hosts: [127.0.0.1, localhost] }"));
    let up = relay.up();
    check(&fetch(&up, &server.url("/ok")), 502, DENIED);
    check(&fetch(&up, &format!("http://localhost:{}/ok", server.address.port())), 502, DENIED);
    let denied = up.logged("the denial", |line| line.get("target") == "writ::denied");
    assert_eq!(denied.get("reason"), "permits addresses public ones, not 127.0.0.1 (loopback)", "{denied:?}");
    up.stop();
    assert_eq!(server.requests(), [""; 0]);

    relay.sign(Some("http-client: { hosts: [127.0.0.1, localhost], addresses: [127.0.0.0/8, \"::1\"] }"));
    let up = relay.up();
    check(&fetch(&up, &server.url("/ok")), 200, "ok");
    check(&fetch(&up, &format!("http://localhost:{}/ok", server.address.port())), 200, "ok");
    // A host's owner who names no private address has the last word.
    up.stop();
    fs::write(
        relay.home.path().join("policy.yaml"),
        "capabilities:\n  http-server: { hosts: any, paths: any }\n  http-client: { hosts: any }\n",
    )
    .unwrap();
    let up = relay.up();
    check(&fetch(&up, &server.url("/ok")), 502, DENIED);
}

/// An authority, and a certificate that it gave to 127.0.0.1.
fn certified() -> (String, CertificateDer<'static>, KeyPair) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        BASE64_MIME.encode(authority.der()).trim()
    );
    (pem, certificate.der().clone(), key)
}

#[test]
fn a_certificate_must_be_of_a_trusted_authority_and_for_the_host() {
    let ((trusted, good, key), (_, unknown, its_key)) = (certified(), certified());
    let (good, unknown) = (Server::with(&good, &key), Server::with(&unknown, &its_key));
    let folder = Scratch::new();
    let relay = Relay::new(Home::new().trusting(&folder.write("roots.pem", trusted)));
    relay.sign(Some("http-client: { hosts: [127.0.0.1, localhost], addresses: [127.0.0.0/8, \"::1\"] }"));
    let up = relay.up();
    let https = |host: &str, server: &Server| fetch(&up, &format!("https://{host}:{}/ok", server.address.port()));
    check(&https("127.0.0.1", &good), 200, "ok");
    check(&https("127.0.0.1", &unknown), 502, "ErrorCode::TlsCertificateError");
    check(&https("localhost", &good), 502, "ErrorCode::TlsCertificateError");
    assert_eq!((good.requests().len(), unknown.requests().len()), (1, 0));
    let line = up.logged("the certificate", |line| line.get("error").contains("TLS certificate"));
    assert_eq!((line.get("scheme"), line.get("status")), ("https".to_owned(), String::new()), "{line:?}");
}
