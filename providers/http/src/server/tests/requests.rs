use super::*;

const FOLLOWS: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

async fn check(request: &str, expected: &[u16]) {
    let running = start(quick()).await;
    let answer = exchange(running.address, request.as_bytes()).await;
    assert_eq!(statuses(&answer), expected, "{request:?}\n{answer}");
    if expected != [200, 200] {
        assert!(!answer.contains("smuggled"), "{request:?}\n{answer}");
    }
}

#[tokio::test]
async fn sound_requests() {
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), &[200][..]),
        ("GET / HTTP/1.1\r\nHost: A:8000\r\n\r\n".to_owned(), &[200]),
        ("GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), &[200]),
        ("GET http://A:80/x HTTP/1.1\r\nHost: a:80\r\n\r\n".to_owned(), &[200]),
        ("GET / HTTP/1.1\r\nHost: b\r\n\r\n".to_owned(), &[404]),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n\r\n{FOLLOWS}"), &[200, 200]),
        (format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc{FOLLOWS}"), &[200, 200]),
        (
            format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n{FOLLOWS}"),
            &[200, 200],
        ),
        (format!("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n{FOLLOWS}"), &[200, 200]),
        ("GET /none HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), &[204]),
    ] {
        check(&request, expected).await;
    }
}

#[tokio::test]
async fn requests_with_two_readings_get_400_and_nothing_after_them_is_read() {
    for field in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
        "Content-Length: 6\r\nContent-Length: 6",
        "Content-Length: 6\r\nContent-Length: 7",
        "Content-Length: 6, 6",
        "Content-Length: +6",
        "Content-Length: six",
        "Content-Length: -1",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Content-Length : 6",
        "X: a\r\n Content-Length: 6",
        "X: a\nContent-Length: 6",
        "X: a\rContent-Length: 6",
        "X: \0",
        "X Y: z",
        "no colon",
        ": no name",
        "Host: a",
        "Host: b",
    ] {
        check(&format!("POST / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n0\r\n\r\nX{FOLLOWS}"), &[400]).await;
    }
    for line in [
        "GET  / HTTP/1.1",
        "GET / HTTP/1.2",
        "GET / HTTP/2.0",
        "GET /",
        "GET / x HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "G\u{e9}T / HTTP/1.1",
        "GET \t/ HTTP/1.1",
    ] {
        check(&format!("{line}\r\nHost: a\r\n\r\n{FOLLOWS}"), &[400]).await;
    }
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[400]).await;
}

#[tokio::test]
async fn a_body_with_two_readings_ends_the_connection() {
    for body in [
        "3\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "z\r\n",
        "3\r\nabc\r\n0\r\nHost: b\r\n\r\n",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}{FOLLOWS}");
        let running = start(quick()).await;
        let answer = exchange(running.address, request.as_bytes()).await;
        assert!(!answer.contains("200"), "{body:?}\n{answer}");
    }
}

#[tokio::test]
async fn one_host_and_one_path() {
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 127.1\r\n\r\n",
        "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET //a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%0d%0a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /% HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        check(request, &[400]).await;
    }
    check(&format!("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n{FOLLOWS}"), &[405]).await;
}

#[tokio::test]
async fn what_the_component_sees() {
    let running = start(quick()).await;
    let request = b"POST http://A:8000/x/y?q=/../%2f HTTP/1.1\r\nHost: a:8000\r\nContent-Length: 3\r\n\r\nabc";
    let answer = exchange(running.address, request).await;
    assert!(answer.ends_with("POST /x/y?q=/../%2f a [abc]"), "{answer}");
    let answer = exchange(running.address, b"GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.ends_with("GET /?q a []"), "{answer}");
}

#[tokio::test]
async fn refusals() {
    for (path, status) in [
        ("/failed", 500),
        ("/deadline", 504),
        ("/busy", 503),
        ("/expired", 503),
        ("/denied", 403),
        ("/rate", 429),
        ("/early-hints", 500),
    ] {
        check(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"), &[status]).await;
    }
    let running = start(quick()).await;
    let answer = exchange(running.address, b"GET /busy HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.contains("retry-after: 1\r\n") && answer.ends_with("\r\n\r\nbusy\n"), "{answer}");
    assert!(!answer.contains("server:") && answer.contains("date: "), "{answer}");
}

#[tokio::test]
async fn a_component_does_not_frame_its_answer() {
    let running = start(quick()).await;
    let answer = exchange(running.address, b"GET /forbidden-fields HTTP/1.1\r\nHost: a\r\n\r\n").await;
    for gone in ["connection", "keep-alive", "transfer-encoding", "upgrade", "length: 7"] {
        assert!(!answer.contains(gone), "{gone}\n{answer}");
    }
    assert!(answer.contains("content-length: 3\r\n") && answer.contains("x-kept: yes\r\n"), "{answer}");
}

#[tokio::test]
async fn expect_continue() {
    let running = start(quick()).await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 25];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").await.unwrap();
    assert!(read(&mut stream).await.ends_with("[abc]"));
    // Refused before the body is asked for.
    let refused = head.replace("Host: a", "Host: b");
    assert_eq!(statuses(&exchange(running.address, refused.as_bytes()).await), [404]);
}

#[tokio::test]
async fn half_an_answer_is_not_ended_as_if_it_were_whole() {
    let running = start(quick()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /aborts HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let answer = read(&mut stream).await;
    assert!(!answer.contains("0\r\n\r\n"), "{answer}");
    assert!(closes(&mut stream, 500).await);
}
