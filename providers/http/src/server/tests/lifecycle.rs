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
