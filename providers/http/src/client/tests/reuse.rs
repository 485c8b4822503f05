//! Connections that are used again, requests that are counted before they cost anything, and what the log says of them.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer as _, registry};
use wasmtime_wasi_http::p2::bindings::http::types::Method;
use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};

use super::*;

const ANY: fn() -> Value = || json!({ "hosts": "any" });

/// Waits until something is so; a test that waits in vain fails.
async fn until(what: impl Fn() -> bool) {
    let soon = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), soon).await.unwrap();
}

#[tokio::test]
async fn a_look_up_is_counted() {
    let resolver = Arc::<Script>::default();
    let client = client(resolver.clone(), Recorder::answering(OK));
    let grant = grant(&[json!({ "hosts": "any", "rate": "3/h" })]);
    for number in 0..6 {
        let failed = Ask::http(format!("a{number}.example")).receive(&client, &grant).await.unwrap_err();
        assert_eq!(failed.is_denial(), number >= 3, "{failed:?}");
    }
    assert_eq!(resolver.asked(), 3);
}

#[tokio::test]
async fn each_further_address_is_counted() {
    struct Refusing(Mutex<usize>);
    impl Connect for Refusing {
        fn connect(&self, _: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
            *self.0.lock().unwrap() += 1;
            Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
        }
    }
    let connector = Arc::new(Refusing(Mutex::default()));
    let client = client(Script::of(&[&["8.8.8.8", "8.8.4.4", "1.1.1.1"]]), connector.clone());
    let grant = grant(&[json!({ "hosts": "any", "rate": "5/h" })]);
    let refused = Ask::http("a.example").receive(&client, &grant).await.unwrap_err();
    assert!(matches!(refused, Failed::Later(Error::ConnectionRefused)), "{refused:?}");
    assert!(Ask::http("a.example").receive(&client, &grant).await.unwrap_err().is_denial());
    assert_eq!(*connector.0.lock().unwrap(), 5);
}

/// The rate that allows many requests is not that of long responses.
#[tokio::test]
async fn a_response_is_counted_by_the_entry_that_permits_its_length() {
    let many = json!({ "hosts": "any", "size": "1B", "rate": "9/h" });
    let long = json!({ "hosts": "any", "rate": "2/h" });
    let grant = grant(&[json!([many, long])]);
    let client = client(Script::of(&[&[PUBLIC]]), Recorder::answering(OK));
    for number in 0..4 {
        let outcome = Ask::http("a.example").receive(&client, &grant).await;
        assert_eq!(outcome.is_ok(), number < 2, "{outcome:?}");
    }
}

/// A server that answers after the head, and only then reads the body.
fn eager() -> (Arc<Recorder>, Arc<Mutex<String>>) {
    let bodies = Arc::<Mutex<String>>::default();
    let read = bodies.clone();
    let recorder = Recorder::serving(move |mut stream| {
        let read = read.clone();
        async move {
            while let Some(head) = read_head(&mut stream).await {
                stream.write_all(OK.as_bytes()).await.unwrap();
                while head.contains("chunked") && !read.lock().unwrap().ends_with("0\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { return };
                    read.lock().unwrap().push(char::from(byte));
                }
            }
        }
    });
    (recorder, bodies)
}

#[tokio::test]
async fn a_connection_whose_request_is_still_being_sent_is_not_used_again() {
    let (recorder, bodies) = eager();
    let client = client(Script::of(&[&[PUBLIC]]), recorder.clone());
    let grant = grant(&[ANY()]);
    let (mut guest, body) = HostOutgoingBody::new(StreamContext::Request, None, 1, 1 << 10);
    let mut stream = guest.take_output_stream().unwrap();
    stream.write(Bytes::from_static(b"half")).unwrap();
    // The handle of its store goes on, as it does while the guest runs.
    let ended = super::super::body::Ended::default();
    let request = HostOutgoingRequest {
        method: Method::Post,
        scheme: Some(types::Scheme::Http),
        authority: Some("a.example".to_owned()),
        path_with_query: None,
        headers: FieldMap::new_mutable(1 << 10),
        body: Some(body),
    };
    let sender = super::super::Sender { shared: client.shared.clone(), grant: grant.clone(), ended };
    let sent = sender.send(request, RequestOptions::default(), Deadline::after(Duration::from_secs(10))).unwrap();
    let response = sent.await.unwrap().0;
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");

    assert!(Ask::http("a.example").receive(&client, &grant).await.is_ok());
    assert_eq!((recorder.connected().len(), client.shared.pool.len()), (2, 1), "the first one is not free yet");
    stream.write(Bytes::from_static(b" whole")).unwrap();
    drop(stream);
    guest.finish(None).unwrap();
    until(|| client.shared.pool.len() == 2).await;
    assert_eq!(*bodies.lock().unwrap(), "4\r\nhalf\r\n6\r\n whole\r\n0\r\n\r\n");
    drop(sender);
}

#[tokio::test]
async fn a_request_that_is_never_sent_whole_keeps_no_connection() {
    let (recorder, _) = eager();
    let client = client(Script::of(&[&[PUBLIC]]), recorder);
    let (mut guest, body) = HostOutgoingBody::new(StreamContext::Request, None, 1, 1 << 10);
    guest.take_output_stream().unwrap().write(Bytes::from_static(b"half")).unwrap();
    // The store, and with it the handle, ends before the body does.
    let ask = Ask { method: Method::Post, body: Some(body), ..Ask::http("a.example") };
    assert!(ask.receive(&client, &grant(&[ANY()])).await.is_ok());
    drop(guest);
    until(|| Arc::strong_count(&client.shared.pool) == 1).await;
    assert_eq!(client.shared.pool.len(), 0);
}

/// A server that answers the first request of each connection, and closes it when it sees the second.
fn closing() -> Arc<Recorder> {
    Recorder::serving(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
        read_head(&mut stream).await;
    })
}

/// Sends a request on a kept connection that the server closes, and says to how many connections that led.
async fn after_close(ask: Ask) -> (Result<(StatusCode, String), Failed>, usize) {
    let recorder = closing();
    let client = client(Script::of(&[&[PUBLIC]]), recorder.clone());
    let grant = grant(&[json!({ "hosts": "any", "rate": "2/h" })]);
    assert!(Ask::http("a.example").receive(&client, &grant).await.is_ok());
    assert_eq!(client.shared.pool.len(), 1);
    let outcome = ask.receive(&client, &grant).await;
    (outcome, recorder.connected().len())
}

#[tokio::test]
async fn what_is_safe_to_repeat_is_sent_once_more() {
    for method in [Method::Get, Method::Head, Method::Options, Method::Put, Method::Delete] {
        let (outcome, connections) = after_close(Ask { method, ..Ask::http("a.example") }).await;
        assert!(outcome.is_ok() && connections == 2, "{outcome:?} {connections}");
    }
}

#[tokio::test]
async fn what_is_not_safe_to_repeat_is_sent_once() {
    for method in [Method::Post, Method::Patch, Method::Other("REPORT".to_owned())] {
        let (outcome, connections) = after_close(Ask { method, ..Ask::http("a.example") }).await;
        assert!(outcome.is_err() && connections == 1, "{outcome:?} {connections}");
    }
    let (mut guest, body) = HostOutgoingBody::new(StreamContext::Request, None, 1, 1 << 10);
    guest.take_output_stream().unwrap().write(Bytes::from_static(b"all")).unwrap();
    guest.finish(None).unwrap();
    let (outcome, connections) =
        after_close(Ask { method: Method::Put, body: Some(body), ..Ask::http("a.example") }).await;
    assert!(outcome.is_err() && connections == 1, "{outcome:?} {connections}");
}

#[tokio::test]
async fn a_new_connection_that_is_closed_is_not_tried_again() {
    let recorder = Recorder::serving(|mut stream| async move { drop(read_head(&mut stream).await) });
    let client = client(Script::of(&[&[PUBLIC]]), recorder.clone());
    assert!(Ask::http("a.example").receive(&client, &grant(&[ANY()])).await.is_err());
    assert_eq!(recorder.connected().len(), 1);
}

#[tokio::test]
async fn each_has_its_share_of_connections() {
    let client = client(Script::of(&[&[PUBLIC]]), Recorder::answering(OK));
    let (one, another) = (testing::account(), testing::account());
    let kept_after = async |account, components: usize| {
        for _ in 0..components {
            let grant = grant_to(&Principal::new(account, testing::component(), "acme", "orders"), &[ANY()]);
            for host in 0..17 {
                assert!(Ask::http(format!("h{host}.example")).receive(&client, &grant).await.is_ok());
            }
        }
        client.shared.pool.len()
    };
    assert_eq!(kept_after(one, 1).await, 16);
    assert_eq!(kept_after(one, 4).await, 64);
    assert_eq!(kept_after(another, 1).await, 80);
}

/// Keeps the lines that are written about requests.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "writ::egress" {
            let mut fields = Fields::default();
            event.record(&mut fields);
            self.0.lock().unwrap().push(fields.0);
        }
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

/// What the log says of a request: `address`, `status`, `bytes` and `error`, after what is the same for all.
async fn logged(connector: Arc<Recorder>, claim: Value, ask: Ask, expected: &[&str]) {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(registry().with(lines.clone().boxed()));
    let client = client(Script::of(&[&[PUBLIC]]), connector);
    let _ = ask.receive(&client, &grant(&[claim])).await;
    let shown = |line: &BTreeMap<&'static str, String>| {
        let get = |name| line.get(name).map_or("-", String::as_str);
        assert!(get("duration_us").parse::<u64>().is_ok() && get("id").starts_with('A'), "{line:?}");
        let same = ["component", "method", "scheme", "host", "port", "path"].map(get).join(" ");
        assert_eq!(same, "acme/orders GET http a.example 8080 /v1/x");
        ["address", "status", "bytes", "error"].map(get).join(" ")
    };
    assert_eq!(lines.0.lock().unwrap().iter().map(shown).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn one_line_per_request() {
    let ask = || Ask::get(types::Scheme::Http, "a.example:8080", "/v1/x?secret=1");
    logged(Recorder::answering(OK), ANY(), ask(), &["93.184.216.34 200 2 -"]).await;
    let small = json!({ "hosts": "any", "size": "1B" });
    let too_long = "93.184.216.34 200 0 HTTP response body size exceeds limit: 2 bytes";
    logged(Recorder::answering(OK), small, ask(), &[too_long]).await;
    let private = json!({ "hosts": "any", "addresses": ["10.0.0.0/8"] });
    logged(Recorder::answering(OK), private, ask(), &["- - 0 HTTP request denied"]).await;
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    let late = Ask { time: Duration::from_millis(100), ..ask() };
    logged(Recorder::answering(half), ANY(), late, &["93.184.216.34 200 4 HTTP response timeout"]).await;
    // What is refused before anything was done for it is a denial, and those are counted elsewhere.
    logged(Recorder::answering(OK), json!({ "hosts": "b.example" }), ask(), &[]).await;
}
