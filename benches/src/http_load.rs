//! A client that keeps its connections and asks again as soon as it was answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Open connections to one server.
pub(crate) struct Load {
    clients: Vec<Client>,
}

/// What is asked, one after the other, and how each is answered.
pub(crate) struct Asked {
    pub(crate) requests: Vec<Vec<u8>>,
    /// The start of the answer's first line.
    pub(crate) answer: &'static str,
}

impl Asked {
    /// `GET` of these paths.
    pub(crate) fn get(paths: impl IntoIterator<Item = String>) -> Self {
        let request = |path| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes();
        Self { requests: paths.into_iter().map(request).collect(), answer: "HTTP/1.1 200 " }
    }

    /// `POST` of JSON.
    pub(crate) fn post(path: &str, json: &str) -> Self {
        let length = json.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\n");
        let request = format!("{head}content-length: {length}\r\n\r\n{json}").into_bytes();
        Self { requests: vec![request], answer: "HTTP/1.1 201 " }
    }
}

/// What a stretch of load came to.
pub(crate) struct Answered {
    /// Requests answered each second.
    pub(crate) rate: f64,
    /// Seconds from each request to the end of its answer.
    pub(crate) latencies: Vec<f64>,
}

impl Load {
    pub(crate) async fn connect(address: SocketAddr, connections: usize, asked: Asked) -> Result<Self> {
        let asked = Arc::new(asked);
        let mut clients = Vec::new();
        for number in 0..connections {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            // Each starts somewhere else.
            let next = number.saturating_mul(asked.requests.len()) / connections;
            clients.push(Client { stream, buffer: Vec::with_capacity(4 << 10), asked: asked.clone(), next });
        }
        Ok(Self { clients })
    }

    /// The time within which that share of the answers came, in seconds.
    pub(crate) fn within(latencies: &mut [f64], share: f64) -> f64 {
        latencies.sort_by(f64::total_cmp);
        latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or_default()
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
    asked: Arc<Asked>,
    next: usize,
}

impl Client {
    async fn ask(mut self, end: Instant) -> Result<(Self, Vec<f64>)> {
        let mut latencies = Vec::new();
        loop {
            let start = Instant::now();
            if start >= end {
                return Ok((self, latencies));
            }
            let request = self.asked.requests.get(self.next).context("nothing to ask")?;
            self.stream.write_all(request).await?;
            self.next = (self.next + 1) % self.asked.requests.len();
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
        ensure!(head.starts_with(self.asked.answer.as_bytes()), "answered {}", String::from_utf8_lossy(head));
        let head = std::str::from_utf8(head)?.to_ascii_lowercase();
        match head.split_once("content-length: ").and_then(|(_, rest)| rest.split("\r\n").next()) {
            Some(length) => Ok(body.len() == length.parse::<usize>()?),
            None => Ok(body.ends_with(b"0\r\n\r\n")),
        }
    }
}
