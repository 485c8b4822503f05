use super::*;
use std::time::Instant;

#[tokio::test]
async fn a_slow_head_is_cut() {
    let running = start(quick()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let started = Instant::now();
    let drip = async {
        for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".chunks(1) {
            if stream.write_all(byte).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never cut");
    };
    drip.await;
    assert!(started.elapsed() >= Duration::from_millis(250));
}

#[tokio::test]
async fn idle_connections_are_cut_before_and_between_requests() {
    let running = start(quick()).await;
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    assert!(closes(&mut silent, 1_500).await);
    let mut kept = TcpStream::connect(running.address).await.unwrap();
    for _ in 0..3 {
        kept.write_all(b"GET /early HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = [0; 512];
        let read = kept.read(&mut answer).await.unwrap();
        assert!(answer[..read].ends_with(b"early"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(closes(&mut kept, 1_500).await);
}

#[tokio::test]
async fn a_stalled_body_is_cut() {
    let running = start(quick()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    stream.write_all(b"d").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(statuses(&read(&mut stream).await), [408]);
    assert!(closes(&mut stream, 1_000).await);
}

async fn check(request: String, expected: &[u16]) {
    let running = start(quick()).await;
    let answer = exchange(running.address, request.as_bytes()).await;
    assert_eq!(statuses(&answer), expected, "{:.200}\n{answer}", request);
}

#[tokio::test]
async fn caps() {
    let body = |length: usize| "b".repeat(length);
    let sized =
        |length: usize| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{}", body(length));
    let chunked = |length: usize| {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        format!("{head}{length:x}\r\n{}\r\n0\r\n\r\n", body(length))
    };
    check(sized(1_000), &[200]).await;
    check(sized(1_001), &[413]).await;
    check(chunked(1_000), &[200]).await;
    check(chunked(1_001), &[413]).await;
    // The answer is there although the client is still sending.
    check(sized(200_000), &[413]).await;

    let fields = |count: usize| format!("GET /early HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count));
    check(fields(99), &[200]).await;
    check(fields(100), &[431]).await;
    let long = |length: usize| format!("GET /early HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(length));
    check(long(60_000), &[200]).await;
    check(long(70_000), &[431]).await;
    check(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "y".repeat(70_000)), &[431]).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let running = start(quick()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    let mut received = 0;
    let mut buffer = vec![0; 1 << 20];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        received += read;
    }
    assert!(received < 31 << 20, "{received}");
}

#[tokio::test]
async fn an_answer_too_long_is_cut() {
    let running = start(quick()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut received = 0;
    let mut buffer = vec![0; 1 << 20];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        received += read;
    }
    assert!(received <= 33 << 20, "{received}");
}

#[tokio::test]
async fn too_many_connections() {
    let running = start(HttpConfig { connections_per_peer: 2, ..quick() }).await;
    let mut first = TcpStream::connect(running.address).await.unwrap();
    let _second = TcpStream::connect(running.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut third = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(statuses(&read(&mut third).await), [503]);
    first.write_all(b"GET /early HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    assert_eq!(statuses(&read(&mut first).await), [200]);
    drop(first);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(statuses(&exchange(running.address, b"GET /early HTTP/1.1\r\nHost: a\r\n\r\n").await), [200]);
}
