//! The table of attempts, against a network: canaries listen on every address there is.
//!
//! In a network namespace of its own, all of IPv4 and IPv6 is routed to the loopback interface, so that a connection to any
//! address arrives at a canary, which sees where it was meant to go. Where no namespace can be made, the canaries listen on
//! this machine's 127.0.0.1 alone; the recording connector has seen the rest of the table. The run says which.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::process::Command;

use tokio::net::{TcpListener, TcpStream};

use super::attempts::{Attempt, Expected, judge};
use super::*;

/// Connections as the network makes them.
struct Network;

impl Connect for Network {
    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        Box::pin(async move { Ok(Box::new(TcpStream::connect(address).await?) as Box<dyn Stream>) })
    }
}

/// Sees every connection to one port, and answers like a server.
#[derive(Clone, Default)]
struct Canary {
    seen: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Canary {
    async fn listen(&self, address: &str) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let local = listener.local_addr()?;
        let seen = self.seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let to = stream.local_addr().unwrap();
                seen.lock().unwrap().push(SocketAddr::new(to.ip().to_canonical(), to.port()));
                tokio::spawn(answer(stream));
            }
        });
        Ok(local)
    }

    /// What was seen since the last time, after a moment for what is on its way.
    async fn seen(&self, wait: Duration) -> Vec<SocketAddr> {
        tokio::time::sleep(wait).await;
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

async fn answer(mut stream: TcpStream) {
    while read_head(&mut stream).await.is_some() {
        if stream.write_all(OK.as_bytes()).await.is_err() {
            return;
        }
    }
}

const INSIDE: &str = "client::tests::network::inside_a_namespace";

#[test]
fn canaries_see_nothing_that_is_forbidden() {
    let mut inside = Command::new("unshare");
    inside.arg("--net").arg(std::env::current_exe().unwrap());
    inside.args(["--exact", INSIDE, "--ignored", "--nocapture"]);
    match inside.output() {
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("in a network namespace") => {
            let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            println!("{stdout}{stderr}");
            assert!(output.status.success());
        }
        _ => println!("no network namespace can be made here: the recording connector alone saw the table"),
    }
}

#[test]
#[ignore = "it needs a network namespace of its own, which another test makes"]
fn inside_a_namespace() {
    let ip = |args: &str| Command::new("ip").args(args.split(' ')).status().is_ok_and(|status| status.success());
    let v4 = ip("link set lo up") && ip("route add local 0.0.0.0/0 dev lo");
    let v6 = v4 && ip("-6 route add local ::/0 dev lo");
    if !v4 {
        return;
    }
    println!("in a network namespace, {}", if v6 { "IPv4 and IPv6" } else { "IPv4 alone" });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(attempts_among_canaries(v6));
}

async fn attempts_among_canaries(v6: bool) {
    let attempts = Attempt::all();
    let canary = Canary::default();
    // The ports that are expected, those that attempts name, and what an attempt could be confused with.
    let mut ports = BTreeSet::from([22, 25, 80, 90, 443, 6379, 8080, 8443]);
    ports.extend(attempts.iter().filter_map(|attempt| match attempt.expected() {
        Expected::Connects { to, .. } => Some(to.port()),
        _ => None,
    }));
    for port in ports {
        let any = if v6 { "[::]" } else { "0.0.0.0" };
        canary.listen(&format!("{any}:{port}")).await.unwrap();
    }
    // The canaries do see: loopback, the metadata address of clouds, a private and a public one.
    for address in ["127.0.0.1", "169.254.169.254", "10.0.0.1", PUBLIC] {
        let address = SocketAddr::new(address.parse().unwrap(), 80);
        drop(TcpStream::connect(address).await.unwrap());
        assert_eq!(canary.seen(Duration::from_millis(20)).await, [address]);
    }
    let mut forbidden = 0;
    let mut tried = 0;
    for attempt in &attempts {
        let expected = attempt.expected();
        if matches!(&expected, Expected::Connects { to, .. } if to.is_ipv6() && !v6) {
            continue;
        }
        tried += 1;
        let client = client(attempt.resolver(), Arc::new(Network));
        let outcome = attempt.ask().receive(&client, &attempt.grant()).await;
        let seen = canary.seen(Duration::from_millis(2)).await;
        forbidden += match &expected {
            Expected::Connects { to, .. } => seen.iter().filter(|address| *address != to).count(),
            _ => seen.len(),
        };
        judge(attempt, &outcome, &seen);
    }
    forbidden += canary.seen(Duration::from_millis(200)).await.len();
    println!("{tried} attempts among canaries on every address, {forbidden} forbidden connections");
    assert_eq!(forbidden, 0);
}

/// Without a namespace too: a canary on this machine, and every way to name it.
#[tokio::test]
async fn a_canary_on_this_machine_sees_nothing() {
    let canary = Canary::default();
    let port = canary.listen("127.0.0.1:0").await.unwrap().port();
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::1]",
        "[::]",
        "0.0.0.0",
        "0",
        "user@127.0.0.1",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "１２７.0.0.1",
        "rebind.example",
    ];
    let grant = grant(&[serde_json::json!({ "hosts": "any" })]);
    for host in hosts {
        let client = client(Script::of(&[&["127.0.0.1", "::1"]]), Arc::new(Network));
        let failed = Ask::http(format!("{host}:{port}")).receive(&client, &grant).await;
        assert!(failed.is_err(), "{host}");
    }
    assert_eq!(canary.seen(Duration::from_millis(100)).await, []);

    // It listens: who may is answered.
    let granted = super::grant(&[serde_json::json!({ "hosts": "any", "addresses": ["127.0.0.0/8"] })]);
    let client = client(Script::of(&[&["127.0.0.1"]]), Arc::new(Network));
    let (status, body) = Ask::http(format!("localhost:{port}")).receive(&client, &granted).await.unwrap();
    assert_eq!((status, body.as_str()), (StatusCode::OK, "ok"));
    let expected = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    assert_eq!(canary.seen(Duration::from_millis(20)).await, [expected]);
}
