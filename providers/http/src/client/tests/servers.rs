//! Servers that answer, misbehave, or are somebody else.

use std::time::Instant;

use bytes::Bytes;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio_rustls::TlsAcceptor;
use wasmtime_wasi_http::p2::bindings::http::types::{Method, Scheme};
use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};

use writ_provider::units::Time;

use super::*;

const ANY: fn() -> Value = || json!({ "hosts": "any" });

/// What a guest sees of a server that answers each request with these bytes.
async fn answered(answer: impl Into<Vec<u8>>) -> Result<(StatusCode, String), Failed> {
    let client = client(Script::of(&[&[PUBLIC]]), Recorder::answering(answer));
    Ask::http("a.example").receive(&client, &grant(&[ANY()])).await
}

#[track_caller]
fn failed(outcome: Result<(StatusCode, String), Failed>, expected: &str) {
    match outcome {
        Err(Failed::Later(error)) => assert_eq!(format!("{error:?}"), expected),
        other => panic!("expected {expected}, not {other:?}"),
    }
}

#[tokio::test]
async fn answers() {
    assert_eq!(answered(OK).await.unwrap(), (StatusCode::OK, "ok".to_owned()));
    let chunked = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n1\r\n!\r\n0\r\n\r\n";
    assert_eq!(answered(chunked).await.unwrap(), (StatusCode::NOT_FOUND, "no!".to_owned()));
    let informed = format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{OK}");
    assert_eq!(answered(informed).await.unwrap().1, "ok");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let away = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
    let recorder = Recorder::answering(away);
    let client = client(Script::of(&[&[PUBLIC]]), recorder.clone());
    let response = Ask::http("a.example").send(&client, &grant(&[ANY()])).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["location"]),
        (StatusCode::FOUND, &"http://169.254.169.254/".parse().unwrap())
    );
    assert_eq!(recorder.connected().len(), 1);
}

#[tokio::test]
async fn answers_that_are_none() {
    failed(
        answered("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await,
        "HttpUpgradeFailed",
    );
    failed(
        answered("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await,
        "HttpProtocolError",
    );
    failed(answered("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!").await, "HttpProtocolError");
    failed(answered("SSH-2.0-OpenSSH_9.2\r\n\r\n").await, "HttpProtocolError");

    let half = Recorder::serving(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no").await.unwrap();
    });
    let client = client(Script::of(&[&[PUBLIC]]), half);
    failed(Ask::http("a.example").receive(&client, &grant(&[ANY()])).await, "HttpResponseIncomplete");
}

#[tokio::test]
async fn a_flood_of_fields_is_cut() {
    let many: String = (0..101).map(|i| format!("x-{i}: y\r\n")).collect();
    failed(
        answered(format!("HTTP/1.1 200 OK\r\n{many}Content-Length: 0\r\n\r\n")).await,
        "HttpResponseHeaderSectionSize(None)",
    );
    let some: String = (0..99).map(|i| format!("x-{i}: y\r\n")).collect();
    assert!(answered(format!("HTTP/1.1 200 OK\r\n{some}Content-Length: 0\r\n\r\n")).await.is_ok());
    let long = "y".repeat(70_000);
    failed(
        answered(format!("HTTP/1.1 200 OK\r\nx: {long}\r\nContent-Length: 0\r\n\r\n")).await,
        "HttpResponseHeaderSectionSize(None)",
    );
    let hints = "HTTP/1.1 100 Continue\r\n\r\n".repeat(50);
    assert!(answered(format!("{hints}{OK}")).await.is_ok());
}

#[tokio::test]
async fn a_body_that_is_too_large_is_cut() {
    let claims = [json!({ "hosts": "any", "size": "1KiB" }), ANY()];
    let small = |answer: String| async {
        let client = client(Script::of(&[&[PUBLIC]]), Recorder::answering(answer));
        Ask::http("a.example").receive(&client, &grant(&claims)).await
    };
    let sized = |size: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{}", "y".repeat(size));
    assert_eq!(small(sized(1024)).await.unwrap().1.len(), 1024);
    failed(small(sized(1025)).await, "HttpResponseBodySize(Some(1025))");
    let chunk = format!("200\r\n{}\r\n", "y".repeat(512));
    let chunked =
        |count| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(count));
    assert_eq!(small(chunked(2)).await.unwrap().1.len(), 1024);
    failed(small(chunked(3)).await, "HttpResponseBodySize(Some(1536))");
    failed(
        answered("HTTP/1.1 200 OK\r\nContent-Length: 67108865\r\n\r\n").await,
        "HttpResponseBodySize(Some(67108865))",
    );
    failed(
        answered("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n").await,
        "HttpResponseHeaderSectionSize(None)",
    );
}

#[tokio::test]
async fn a_slow_drip_is_cut_by_the_deadline() {
    let recorder = Recorder::serving(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await.unwrap();
        while stream.write_all(b"y").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let client = client(Script::of(&[&[PUBLIC]]), recorder);
    let ask = Ask { time: Duration::from_millis(300), ..Ask::http("a.example") };
    let started = Instant::now();
    failed(ask.receive(&client, &grant(&[ANY()])).await, "HttpResponseTimeout");
    assert!((300..3_000).contains(&started.elapsed().as_millis()));
    assert_eq!(client.shared.pool.len(), 0);
}

/// A server that says nothing after these bytes, and what a guest with so many milliseconds sees after how many.
async fn stalled(said: &'static str, options: RequestOptions, time: u64, expected: &str, after: u128) {
    let recorder = Recorder::serving(move |mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(said.as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    });
    let tls = wire::tls(RootCertStore::empty()).unwrap();
    let config = HttpClientConfig { idle: Time::from_millis(300), ..HttpClientConfig::default() };
    let client = HttpClient::new(config, Wire { resolver: Script::of(&[&[PUBLIC]]), connector: recorder, tls });
    let ask = Ask { options: Some(options), time: Duration::from_millis(time), ..Ask::http("a.example") };
    let started = Instant::now();
    failed(ask.receive(&client, &grant(&[ANY()])).await, expected);
    let took = started.elapsed().as_millis();
    assert!((after..after + 3_000).contains(&took), "{said} {took}");
}

#[tokio::test]
async fn a_server_that_stalls_is_left() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ny";
    let none = RequestOptions::default();
    let short = Some(Duration::from_millis(50));
    let far = Some(Duration::from_nanos(u64::MAX));
    stalled("", none, 100, "HttpResponseTimeout", 100).await;
    stalled("HTTP/1.1 2", none, 100, "HttpResponseTimeout", 100).await;
    stalled("", RequestOptions { first_byte_timeout: short, ..none }, 10_000, "HttpResponseTimeout", 50).await;
    stalled("", RequestOptions { first_byte_timeout: Some(Duration::ZERO), ..none }, 10_000, "HttpResponseTimeout", 0)
        .await;
    stalled("", RequestOptions { first_byte_timeout: far, ..none }, 100, "HttpResponseTimeout", 100).await;
    stalled(head, RequestOptions { between_bytes_timeout: short, ..none }, 10_000, "ConnectionReadTimeout", 50).await;
    stalled(head, RequestOptions { between_bytes_timeout: far, ..none }, 10_000, "ConnectionReadTimeout", 300).await;
    stalled(head, none, 100, "HttpResponseTimeout", 100).await;
}

#[tokio::test]
async fn a_name_is_resolved_once_for_a_connection() {
    let resolver = Script::of(&[&[PUBLIC], &["127.0.0.1"], &["10.0.0.1"]]);
    let close = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    let recorder = Recorder::answering(close);
    let client = client(resolver.clone(), recorder.clone());
    let grant = grant(&[ANY()]);
    assert!(Ask::http("rebind.example").receive(&client, &grant).await.is_ok());
    assert_eq!(resolver.asked(), 1);
    for _ in 0..2 {
        assert!(Ask::http("rebind.example").receive(&client, &grant).await.unwrap_err().is_denial());
    }
    assert_eq!(recorder.connected(), [SocketAddr::new(PUBLIC.parse().unwrap(), 80)]);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_nowhere() {
    let grant = grant(&[ANY()]);
    let unknown = client(Arc::<Script>::default(), Recorder::answering(OK));
    failed(Ask::http("a.example").receive(&unknown, &grant).await, "DnsError { rcode: None, info_code: None }");
    let empty = client(Script::of(&[&[]]), Recorder::answering(OK));
    failed(Ask::http("a.example").receive(&empty, &grant).await, "DnsError { rcode: None, info_code: None }");
}

#[tokio::test]
async fn a_rate_counts_requests() {
    let grant = grant(&[json!({ "hosts": "any", "rate": "3/h" })]);
    let recorder = Recorder::answering(OK);
    let client = client(Script::of(&[&[PUBLIC]]), recorder.clone());
    for _ in 0..3 {
        assert!(Ask::http("a.example").receive(&client, &grant).await.is_ok());
    }
    assert!(Ask::http("a.example").receive(&client, &grant).await.unwrap_err().is_denial());
    assert_eq!(recorder.heads.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_connection_is_used_again_by_its_principal_alone() {
    let recorder = Recorder::answering(OK);
    let resolver = Script::of(&[&[PUBLIC]]);
    let client = client(resolver.clone(), recorder.clone());
    let (one, two) = (someone(), someone());
    let of = |principal: &Principal| grant_to(principal, &[ANY()]);
    for _ in 0..3 {
        assert!(Ask::http("a.example").receive(&client, &of(&one)).await.is_ok());
    }
    assert_eq!((recorder.connected().len(), resolver.asked(), client.shared.pool.len()), (1, 1, 1));
    assert!(Ask::http("a.example").receive(&client, &of(&two)).await.is_ok());
    assert_eq!((recorder.connected().len(), client.shared.pool.len()), (2, 2));
    // Another host at the same address, another port: other connections.
    assert!(Ask::http("b.example").receive(&client, &of(&one)).await.is_ok());
    assert!(Ask::http("a.example:8080").receive(&client, &of(&one)).await.is_ok());
    assert_eq!(recorder.connected().len(), 4);
}

#[tokio::test]
async fn a_connection_is_used_again_only_where_its_address_is_still_permitted() {
    let recorder = Recorder::answering(OK);
    let client = client(Script::of(&[&["10.0.0.1"]]), recorder.clone());
    let principal = someone();
    let wide = grant_to(&principal, &[json!({ "hosts": "any", "addresses": "any" })]);
    assert!(Ask::http("a.example").receive(&client, &wide).await.is_ok());
    let narrow = grant_to(&principal, &[ANY()]);
    assert!(Ask::http("a.example").receive(&client, &narrow).await.unwrap_err().is_denial());
    assert_eq!((recorder.connected().len(), recorder.heads.lock().unwrap().len()), (1, 1));
}

#[tokio::test]
async fn a_connection_with_half_a_response_is_closed() {
    let recorder = Recorder::answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok");
    let client = client(Script::of(&[&[PUBLIC]]), recorder.clone());
    let grant = grant(&[ANY()]);
    drop(Ask::http("a.example").send(&client, &grant).await.unwrap());
    assert_eq!(client.shared.pool.len(), 0);
    drop(Ask::http("a.example").send(&client, &grant).await.unwrap());
    assert_eq!(recorder.connected().len(), 2);
}

/// What a server adds after a response is nobody's: it is not the answer to the next request.
#[tokio::test]
async fn a_response_that_nobody_asked_for_is_not_used() {
    let recorder = Recorder::answering(format!("{OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    let client = client(Script::of(&[&[PUBLIC]]), recorder.clone());
    let grant = grant(&[ANY()]);
    for _ in 0..2 {
        assert_eq!(Ask::http("a.example").receive(&client, &grant).await.unwrap().1, "ok");
    }
    assert_eq!(recorder.connected().len(), 2);
}

#[tokio::test]
async fn requests_at_once_are_limited() {
    let recorder = Recorder::serving(|mut stream| async move {
        read_head(&mut stream).await;
        std::future::pending::<()>().await;
    });
    let client = client(Script::of(&[&[PUBLIC]]), recorder);
    let principal = someone();
    let start = |principal: &Principal| client.shared.shares.request(principal);
    let held: Vec<_> = (0..64).map(|_| start(&principal).unwrap()).collect();
    let refused = Ask::http("a.example").send(&client, &grant_to(&principal, &[ANY()])).await;
    assert!(matches!(refused, Err(Failed::AtOnce(ErrorCode::ConnectionLimitReached))));
    assert!(start(&someone()).is_some());
    drop(held);
    assert!(start(&principal).is_some());
}

/// A resolver that never answers holds what its own principal may ask, and nobody waits longer than allowed.
#[tokio::test]
async fn look_ups_at_once_are_limited() {
    struct Never(Mutex<usize>);
    impl Resolve for Never {
        fn resolve(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            *self.0.lock().unwrap() += 1;
            Box::pin(std::future::pending())
        }
    }
    let (resolver, tls) = (Arc::new(Never(Mutex::default())), wire::tls(RootCertStore::empty()).unwrap());
    let config = HttpClientConfig { lookup: Time::from_millis(50), ..HttpClientConfig::default() };
    let wire = Wire { resolver: resolver.clone(), connector: Recorder::answering(OK), tls };
    let client = HttpClient::new(config, wire);
    let (one, two) = (grant(&[ANY()]), grant(&[ANY()]));
    let asks = (0..20).map(|_| Ask::http("a.example").receive(&client, &one));
    for outcome in futures::future::join_all(asks).await {
        failed(outcome, "DnsTimeout");
    }
    assert_eq!(*resolver.0.lock().unwrap(), 8);
    failed(Ask::http("a.example").receive(&client, &two).await, "DnsTimeout");
    assert_eq!(*resolver.0.lock().unwrap(), 9);
}

#[tokio::test]
async fn a_body_is_sent() {
    let recorder = Recorder::serving(|mut stream| async move {
        let head = read_head(&mut stream).await.unwrap();
        let chunked = head.contains("transfer-encoding: chunked");
        let mut body = vec![0; if chunked { 16 } else { 6 }];
        stream.read_exact(&mut body).await.unwrap();
        let echo = String::from_utf8(body).unwrap().replace("\r\n", "|");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{echo}", echo.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let client = client(Script::of(&[&[PUBLIC]]), recorder);
    for (length, expected) in [(Some(6), "orders"), (None, "6|orders|0||")] {
        let (mut guest, body) = HostOutgoingBody::new(StreamContext::Request, length, 1, 1 << 10);
        guest.take_output_stream().unwrap().write(Bytes::from_static(b"orders")).unwrap();
        guest.finish(None).unwrap();
        let fields = length.map(|length| ("Content-Length".to_owned(), length.to_string()));
        let fields = fields.into_iter().collect();
        let ask = Ask { method: Method::Post, fields, body: Some(body), ..Ask::http("a.example") };
        assert_eq!(ask.receive(&client, &grant(&[ANY()])).await.unwrap().1, expected);
    }
}

/// A server with a certificate for `a.example`, and the roots that a client may trust.
fn tls_server() -> (Arc<Recorder>, RootCertStore) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["a.example".to_owned(), "93.184.216.34".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.der().to_vec())).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let recorder = Recorder::serving(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            while read_head(&mut stream).await.is_some() {
                stream.write_all(OK.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
    });
    (recorder, roots)
}

#[tokio::test]
async fn tls_is_verified_by_the_hosts_name() {
    let (recorder, roots) = tls_server();
    let tls = wire::tls(roots).unwrap();
    let resolver = Script::of(&[&[PUBLIC]]);
    let trusting = HttpClient::new(
        HttpClientConfig::default(),
        Wire { resolver: resolver.clone(), connector: recorder.clone(), tls },
    );
    let grant = grant(&[json!({ "hosts": "any", "schemes": "https" })]);
    let https = |host: &str| Ask::get(Scheme::Https, host, "/");
    for _ in 0..2 {
        assert_eq!(https("A.example").receive(&trusting, &grant).await.unwrap().1, "ok");
    }
    assert_eq!(recorder.connected(), [SocketAddr::new(PUBLIC.parse().unwrap(), 443)]);
    assert_eq!(https(PUBLIC).receive(&trusting, &grant).await.unwrap().1, "ok");
    failed(https("b.example").receive(&trusting, &grant).await, "TlsCertificateError");
    failed(https("8.8.8.8").receive(&trusting, &grant).await, "TlsCertificateError");
    let doubting = client(resolver, recorder);
    failed(https("a.example").receive(&doubting, &grant).await, "TlsCertificateError");
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to() {
    let recorder = Recorder::answering(OK);
    let client = client(Script::of(&[&[PUBLIC]]), recorder.clone());
    let outcome = Ask::get(Scheme::Https, "a.example", "/").receive(&client, &grant(&[ANY()])).await;
    assert!(outcome.is_err());
    assert_eq!(recorder.heads.lock().unwrap().len(), 0);
}

/// The system's own wire opens, and names on this machine resolve to what the claims refuse.
#[tokio::test]
async fn the_systems_resolver_is_filtered_too() {
    let client = HttpClient::open(HttpClientConfig::default()).await.unwrap();
    let outcome = Ask::http("localhost:1").receive(&client, &grant(&[ANY()])).await;
    assert!(outcome.unwrap_err().is_denial());
}
