//! A client that keeps its connections and asks again as soon as it was answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Open connections to one server.
pub(crate) struct Load {
    clients: Vec<Client>,
}

/// What a stretch of load came to.
pub(crate) struct Answered {
    /// Requests answered each second.
    pub(crate) rate: f64,
    /// Seconds from each request to the end of its answer.
    pub(crate) latencies: Vec<f64>,
}

impl Load {
    pub(crate) async fn connect(address: SocketAddr, connections: usize) -> Result<Self> {
        let mut clients = Vec::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            clients.push(Client { stream, buffer: Vec::with_capacity(4 << 10) });
        }
        Ok(Self { clients })
    }

    /// Asks on all connections at once, for so long.
    pub(crate) async fn run(&mut self, length: Duration) -> Result<Answered> {
        let start = Instant::now();
        let end = start + length;
        let asking = self.clients.drain(..).map(|client| tokio::spawn(client.ask(end)));
        let (mut clients, mut latencies) = (Vec::new(), Vec::new());
        for asked in futures::future::join_all(asking).await {
            let (client, took) = asked??;
            clients.push(client);
            latencies.extend(took);
        }
        self.clients = clients;
        Ok(Answered { rate: latencies.len() as f64 / start.elapsed().as_secs_f64(), latencies })
    }
}

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn ask(mut self, end: Instant) -> Result<(Self, Vec<f64>)> {
        let mut latencies = Vec::new();
        loop {
            let start = Instant::now();
            if start >= end {
                return Ok((self, latencies));
            }
            self.stream.write_all(REQUEST).await?;
            self.answer().await?;
            latencies.push(start.elapsed().as_secs_f64());
        }
    }

    /// Reads one answer to its end, and nothing past it: there is none before the next request.
    async fn answer(&mut self) -> Result<()> {
        self.buffer.clear();
        while !self.is_whole()? {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
        Ok(())
    }

    fn is_whole(&self) -> Result<bool> {
        let Some(head) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(false) };
        let (head, body) = self.buffer.split_at_checked(head + 4).context("an answer without a head")?;
        ensure!(head.starts_with(b"HTTP/1.1 200 "), "answered {}", String::from_utf8_lossy(head));
        let head = std::str::from_utf8(head)?.to_ascii_lowercase();
        match head.split_once("content-length: ").and_then(|(_, rest)| rest.split("\r\n").next()) {
            Some(length) => Ok(body.len() == length.parse::<usize>()?),
            None => Ok(body.ends_with(b"0\r\n\r\n")),
        }
    }
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
