use std::collections::BTreeMap;
use std::fmt;

use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, registry};

use super::*;

/// Keeps the fields of the lines written to the access log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<BTreeMap<String, String>>>>);

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != "writ::access" {
            return;
        }
        let mut line = Line(BTreeMap::new());
        event.record(&mut line);
        lock(&self.0).push(line.0);
    }
}

struct Line(BTreeMap<String, String>);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

async fn check(request: &str, expected: &[&str]) {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(registry().with(lines.clone()));
    let running = start(quick()).await;
    exchange(running.address, request.as_bytes()).await;
    drop(running);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let lines = lock(&lines.0).clone();
    let shown = ["component", "method", "host", "path", "status", "bytes", "aborted"];
    let line = |line: &BTreeMap<String, String>| {
        assert!(line["peer"].starts_with("127.0.0.1:") && line["duration_us"].parse::<u64>().is_ok());
        shown.map(|field| line[field].clone()).join(" ")
    };
    assert_eq!(lines.iter().map(line).collect::<Vec<_>>(), expected, "{request:?}");
}

#[tokio::test]
async fn one_line_per_request() {
    let get = |path: &str, host: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    check(&get("/early?secret=1", "a"), &["acme/script GET a /early 200 5 false"]).await;
    check(
        &(get("/early", "a") + &get("/failed", "a")),
        &["acme/script GET a /early 200 5 false", "acme/script GET a /failed 500 21 false"],
    )
    .await;
    check(&get("/x", "B"), &["- GET B /x 404 9 false"]).await;
    check(&get("/a/../b", "a"), &["- GET a /a/../b 400 34 false"]).await;
    check(&get("/aborts", "a"), &["acme/script GET a /aborts 200 4 true"]).await;
    check("HEAD /early HTTP/1.1\r\nHost: a\r\n\r\n", &["acme/script HEAD a /early 200 0 false"]).await;
    check("GET / HTTP/1.1\r\nno colon\r\n\r\n", &["- - - - 400 0 false"]).await;
    check(&format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(70_000)), &["- - - - 431 0 false"]).await;
}

#[tokio::test]
async fn a_client_that_leaves_is_logged() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(registry().with(lines.clone()));
    let running = start(quick()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(stream);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let lines = lock(&lines.0).clone();
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0]["status"].as_str(), lines[0]["aborted"].as_str()), ("499", "true"));
}
