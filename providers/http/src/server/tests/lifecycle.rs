use super::*;

async fn get(address: SocketAddr, host: &str, path: &str) -> Vec<u16> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    statuses(&exchange(address, request.as_bytes()).await)
}

#[tokio::test]
async fn routes_of_several_components_share_an_address() {
    let server = HttpServer::open(quick()).await.unwrap();
    let orders = mount(&server, &[("any", "/orders")]).await;
    let other = server.mount(ANYWHERE, owner("other"), vec![plan("any", "/x")], Arc::new(Silent)).await.unwrap();
    assert_eq!(server.addresses().len(), 1);
    let address = server.addresses()[0];
    assert_ne!(address.port(), 0);
    assert_eq!(get(address, "h", "/orders/1").await, [200]);
    assert_eq!(get(address, "h", "/x").await, [500]);
    assert_eq!(get(address, "h", "/").await, [404]);
    drop(other);
    assert_eq!(get(address, "h", "/x").await, [404]);
    assert_eq!(get(address, "h", "/orders").await, [200]);
    drop(orders);
    assert!(server.addresses().is_empty());
}

#[tokio::test]
async fn a_taken_route_names_its_holder_and_leaves_nothing_behind() {
    let server = HttpServer::open(quick()).await.unwrap();
    let _held = mount(&server, &[("any", "/orders")]).await;
    let plans = vec![plan("any", "/free"), plan("any", "/orders/eu")];
    let refused = server.mount(ANYWHERE, owner("other"), plans, Arc::new(Silent)).await;
    let Err(OpenError::Taken { what, holder }) = refused else { panic!() };
    assert_eq!((what.as_str(), holder.as_str()), ("route any /orders/eu", "acme/script"));
    assert_eq!(get(server.addresses()[0], "h", "/free").await, [404]);
    let twice = server.mount(ANYWHERE, owner("acme"), vec![plan("any", "/orders")], Arc::new(Silent)).await;
    assert!(matches!(twice, Err(OpenError::Taken { .. })));
}

#[tokio::test]
async fn an_address_in_use_is_said_with_a_hint() {
    let held = std::net::TcpListener::bind(ANYWHERE).unwrap();
    let server = HttpServer::open(quick()).await.unwrap();
    let address = held.local_addr().unwrap();
    let refused = server.mount(address, owner("acme"), vec![plan("any", "/")], Arc::new(Silent)).await;
    let Err(error @ OpenError::InUse { .. }) = refused else { panic!() };
    assert!(error.to_string().contains(&address.to_string()) && error.to_string().contains("--listen"), "{error}");
    assert!(server.addresses().is_empty());
}

#[tokio::test]
async fn an_address_can_be_taken_again_at_once_while_its_last_request_runs() {
    let Running { server, route, address } = start(quick()).await;
    drop(route);
    for _ in 0..5 {
        let route = server.mount(address, owner("acme"), vec![plan("a", "/")], Arc::new(Script)).await.unwrap();
        let slow = tokio::spawn(async move { get(address, "a", "/slow").await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(route);
        assert_eq!(slow.await.unwrap(), [200]);
    }
}

#[tokio::test]
async fn draining_finishes_what_runs() {
    let Running { server, route: _route, address } = start(quick()).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /early HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let slow = tokio::spawn(async move { get(address, "a", "/slow").await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    server.drain(Duration::from_secs(5)).await;
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(slow.await.unwrap(), [200]);
    assert!(closes(&mut idle, 100).await);
    assert!(TcpStream::connect(address).await.is_err());
    let late = server.mount(address, owner("acme"), vec![plan("a", "/")], Arc::new(Script)).await;
    assert!(matches!(late, Err(OpenError::Config(_))));
}

#[tokio::test]
async fn dropping_the_server_finishes_what_runs() {
    let running = start(quick()).await;
    let address = running.address;
    let slow = tokio::spawn(async move { get(address, "a", "/slow").await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(running);
    assert_eq!(slow.await.unwrap(), [200]);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn draining_ends_in_time() {
    let Running { server, route: _route, address } = start(HttpConfig::default()).await;
    let mut stuck = TcpStream::connect(address).await.unwrap();
    stuck.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    server.drain(Duration::from_millis(200)).await;
    assert!((Duration::from_millis(150)..Duration::from_secs(1)).contains(&started.elapsed()));
    assert!(closes(&mut stuck, 100).await);
}

#[tokio::test]
async fn the_host_s_owner_says_where_to_listen() {
    let listen: SocketAddr = "127.0.0.1:4321".parse().unwrap();
    let server = HttpServer::open(HttpConfig { listen: Some(listen), ..quick() }).await.unwrap();
    let link = LinkSource::from([("address".to_owned(), "192.0.2.1:1".to_owned())]);
    assert_eq!(server.shared.address(&link).await.unwrap(), listen);
    let server = HttpServer::open(quick()).await.unwrap();
    assert_eq!(server.shared.address(&link).await.unwrap(), "192.0.2.1:1".parse().unwrap());
    assert_eq!(server.shared.address(&LinkSource::new()).await.unwrap(), "127.0.0.1:8000".parse().unwrap());
}

/// Answers with the number of its deployment; below `/slow` when it is told to.
struct Numbered {
    number: u64,
    go: Arc<tokio::sync::Semaphore>,
}

impl Handler for Numbered {
    fn component(&self) -> Arc<str> {
        "acme/numbered".into()
    }

    fn handle(&self, call: Call) -> BoxFuture<'static, Result<Response<Body>, Refusal>> {
        let (number, go) = (self.number, self.go.clone());
        Box::pin(async move {
            if call.request.uri().path() == "/slow" {
                go.acquire().await.unwrap().forget();
            }
            Ok(text(&number.to_string()))
        })
    }
}

/// A server, and what deploys the same component on it.
struct Swapping {
    server: HttpServer,
    go: Arc<tokio::sync::Semaphore>,
}

impl Swapping {
    async fn new() -> Self {
        let config = HttpConfig { listen: Some(ANYWHERE), ..quick() };
        Self { server: HttpServer::open(config).await.unwrap(), go: Arc::new(tokio::sync::Semaphore::new(0)) }
    }

    async fn connect(&self, number: u64, plans: &[(&str, &str)]) -> Result<(HttpRoute, Opening), OpenError> {
        let (owner, opening) = deployed("acme", number);
        let plans = plans.iter().map(|(host, path)| plan(host, path)).collect();
        let handler = Arc::new(Numbered { number, go: self.go.clone() });
        Ok((self.server.mount(ANYWHERE, owner, plans, handler).await?, opening))
    }

    async fn deploy(&self, number: u64) -> HttpRoute {
        let (route, opening) = self.connect(number, &[("a", "/")]).await.unwrap();
        opening.open();
        route
    }

    async fn client(&self) -> TcpStream {
        TcpStream::connect(self.server.addresses()[0]).await.unwrap()
    }
}

/// One request on a connection that is kept, and who answered it.
async fn ask(client: &mut TcpStream, path: &str) -> u64 {
    client.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
    answer(client).await
}

async fn answer(client: &mut TcpStream) -> u64 {
    let (mut all, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Some(length) = head.to_lowercase().split("content-length: ").nth(1)
            && body.len() == length.split("\r\n").next().unwrap().parse::<usize>().unwrap()
        {
            return body.parse().unwrap_or_else(|_| panic!("{text}"));
        }
        let read = client.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the connection was closed after {text:?}");
        all.extend_from_slice(&buffer[..read]);
    }
}

#[tokio::test]
async fn a_kept_connection_reaches_the_new_deployment_at_its_next_request() {
    let swapping = Swapping::new().await;
    let mut running = swapping.deploy(1).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(swapping.client().await);
    }
    for number in 2..20 {
        for client in &mut clients {
            assert_eq!(ask(client, "/x").await, number - 1);
        }
        let new = swapping.deploy(number).await;
        assert_eq!(ask(&mut clients[0], "/x").await, number, "while the older one is there still");
        drop(std::mem::replace(&mut running, new));
        assert_eq!(ask(&mut swapping.client().await, "/x").await, number);
    }
}

#[tokio::test]
async fn what_began_in_the_old_deployment_ends_there() {
    let swapping = Swapping::new().await;
    let old = swapping.deploy(1).await;
    let [mut slow, mut quick] = [swapping.client().await, swapping.client().await];
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // Whoever comes after it on another connection says that it has been read.
    while Arc::strong_count(&swapping.go) < 3 {
        assert_eq!(ask(&mut quick, "/x").await, 1);
    }
    let _new = swapping.deploy(2).await;
    drop(old);
    assert_eq!(ask(&mut quick, "/x").await, 2);
    swapping.go.add_permits(1);
    assert_eq!(answer(&mut slow).await, 1);
    assert_eq!(ask(&mut slow, "/x").await, 2);
}

#[tokio::test]
async fn a_deployment_that_fails_half_way_was_never_asked() {
    let swapping = Swapping::new().await;
    let _old = swapping.deploy(1).await;
    let other = vec![plan("a", "/other")];
    let _other = swapping.server.mount(ANYWHERE, owner("acme"), other, Arc::new(Silent)).await.unwrap();
    let mut client = swapping.client().await;
    // The first of its routes is connected, the second is taken by another; it is dropped unopened.
    let half = swapping.connect(2, &[("a", "/")]).await.unwrap();
    assert_eq!(ask(&mut client, "/x").await, 1);
    let (owner, _) = deployed("another component", 2);
    let refused = swapping.server.mount(ANYWHERE, owner, vec![plan("a", "/other")], Arc::new(Silent)).await;
    assert!(matches!(refused, Err(OpenError::Taken { .. })));
    assert_eq!(ask(&mut client, "/x").await, 1);
    drop(half);
    assert_eq!(ask(&mut client, "/x").await, 1);
}
