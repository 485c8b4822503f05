//! The main job on one command: build everything, run the order service, say what to curl.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::process::{CommandExt, parent_id};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::guests::{self, Languages};
use crate::workspace::Workspace;

/// The task, not listed, that waits for the demo to listen and then prints what to do.
pub(crate) const ANNOUNCE: &str = "announce-demo";

/// Runs the demo in place of this process, so that every signal reaches `writ` itself and its exit code is the caller's.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    // Relative to where the command was typed, not to the workspace.
    let data = match options.data {
        Some(data) => std::path::absolute(data)?,
        None => workspace.demo_data(),
    };
    // Before the build, which takes minutes the first time.
    let address = free_address(&options.listen)?;
    let writ = guests::build_and_sign(workspace, Languages::Rust)?;
    eprintln!("data: {}", data.display());
    // It lives as long as it waits, and ends when this process does.
    Command::new(std::env::current_exe()?).arg(ANNOUNCE).arg(address.to_string()).stdin(Stdio::null()).spawn()?;

    let mut command = Command::new(&writ);
    command.env("WRIT_HOME", workspace.home()).arg("up").arg(workspace.guests().join("orders.yaml"));
    command.arg("--listen").arg(address.to_string()).arg("--data").arg(data);
    Err(command.exec()).with_context(|| format!("{} does not start", writ.display()))
}

/// Waits until the demo answers at `address`, then prints what to curl. Ends silently when the demo does.
pub(crate) fn announce(address: &str) -> Result<()> {
    let address: SocketAddr = address.parse()?;
    let demo = parent_id();
    let started = Instant::now();
    while parent_id() == demo && started.elapsed() < PATIENCE {
        if answers(reachable(address)) {
            print!("{}", instructions(reachable(address)));
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Options {
    listen: String,
    data: Option<PathBuf>,
}

impl Options {
    fn parse(args: &[String]) -> Result<Options> {
        let mut options = Options { listen: "127.0.0.1:8080".to_owned(), data: None };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let (name, attached) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            if name != "--listen" && name != "--data" {
                bail!("`demo` knows --listen ADDR and --data DIR, and not `{arg}`");
            }
            let value = attached.or_else(|| args.next().cloned()).with_context(|| format!("{name} needs a value"))?;
            match name {
                "--listen" => options.listen = value,
                _ => options.data = Some(value.into()),
            }
        }
        Ok(options)
    }
}

/// The address with its port made certain: who asks for port 0 gets a free one that can be printed.
fn free_address(listen: &str) -> Result<SocketAddr> {
    let mut addresses = listen.to_socket_addrs().with_context(|| format!("{listen} is no address like HOST:PORT"))?;
    let address = addresses.next().with_context(|| format!("{listen} has no address"))?;
    let listener = TcpListener::bind(address)
        .map_err(|error| anyhow!("cannot listen on {address}: {error}\nhint: cargo xtask demo --listen 127.0.0.1:0"))?;
    Ok(listener.local_addr()?)
}

/// Where a client on this machine finds what listens on every interface.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, PER_TRY) else {
        return false;
    };
    let request = format!("GET /totals HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut status = [0; OK.len()];
    let exchange = stream
        .set_read_timeout(Some(PER_TRY))
        .and_then(|()| stream.write_all(request.as_bytes()))
        .and_then(|()| stream.read_exact(&mut status));
    exchange.is_ok() && status == OK
}

fn instructions(address: SocketAddr) -> String {
    format!(
        r#"
The order service is up at http://{address}. In another terminal:

  curl -i http://{address}/orders -H 'content-type: application/json' \
       -d '{{"customer":"ada","item":"book","quantity":1,"price_cents":100}}'
    HTTP/1.1 201 Created, location: /orders/1, {{"id":1}}

  curl http://{address}/orders/1
    {{"id":1,"customer":"ada","item":"book","quantity":1,"price_cents":100,"total_cents":100}}

  curl http://{address}/totals
    {{"ada":100}}

Orders are numbered on, and totals grow, from one start to the next. Ctrl-C stops it.

"#
    )
}

/// The first compilation of the components is part of the start.
const PATIENCE: Duration = Duration::from_secs(180);
const PER_TRY: Duration = Duration::from_secs(5);
const OK: [u8; 12] = *b"HTTP/1.1 200";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<(&str, Option<&str>)>) {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let expected = expected.map(|(listen, data)| Options { listen: listen.into(), data: data.map(Into::into) });
        assert_eq!(Options::parse(&args).ok(), expected, "{line}");
    }

    #[test]
    fn options() {
        check("", Some(("127.0.0.1:8080", None)));
        check("--listen 0.0.0.0:1 --data d", Some(("0.0.0.0:1", Some("d"))));
        check("--listen=[::1]:1 --data=a=b", Some(("[::1]:1", Some("a=b"))));
        check("--listen", None);
        check("--port 1", None);
        check("demo", None);
    }

    #[test]
    fn a_taken_port_is_said_before_anything_starts() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = free_address(&address.to_string()).unwrap_err();
        assert!(format!("{error:#}").contains("cannot listen on"), "{error:#}");
        assert_ne!(free_address("127.0.0.1:0").unwrap().port(), 0);
        assert!(free_address("nowhere").is_err());
    }

    #[test]
    fn only_a_200_counts_as_up() {
        for (reply, expected) in
            [("HTTP/1.1 200 OK\r\n\r\n{}", true), ("HTTP/1.1 404 Not Found\r\n\r\n", false), ("", false)]
        {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = std::thread::spawn(move || {
                let (mut peer, _) = listener.accept().unwrap();
                let mut request = [0; 16];
                peer.read_exact(&mut request).unwrap();
                peer.write_all(reply.as_bytes()).unwrap();
            });
            assert_eq!(answers(address), expected, "{reply}");
            server.join().unwrap();
        }
        assert_eq!(reachable("0.0.0.0:9".parse().unwrap()), "127.0.0.1:9".parse().unwrap());
    }
}
