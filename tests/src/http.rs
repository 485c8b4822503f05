//! A client of HTTP/1.1 that says exactly what it is told to: one request to a connection, and no rules.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A response, as far as it came.
#[derive(Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body, taken out of its chunks.
    pub body: Vec<u8>,
    /// Whether the body ended as it should: with its last byte or chunk, and not with the connection.
    pub complete: bool,
}

impl Response {
    /// The first header of that name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// Sends a request on a connection of its own and reads the response.
///
/// # Errors
/// When there is no connection, or no response on it.
pub fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    let stream = connect(address)?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    if !body.is_empty() || method == "POST" {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut writer = stream.try_clone()?;
    // Both at once: who streams an answer may not read on before somebody reads what it wrote.
    std::thread::scope(|threads| {
        threads.spawn(move || {
            // A server may answer, and close, before it read everything.
            let _ = writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(body));
        });
        read(stream)
    })
}

/// Sends these very bytes and reads the response to them.
///
/// # Errors
/// As for [`send`].
pub fn send_raw(address: SocketAddr, bytes: &[u8]) -> io::Result<Response> {
    let mut stream = connect(address)?;
    stream.write_all(bytes)?;
    read(stream)
}

/// A connection on which nothing waits for ever.
///
/// # Errors
/// When nobody listens there.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_write_timeout(Some(Duration::from_secs(60)))?;
    Ok(stream)
}

/// Reads one response, up to the end of its body.
///
/// # Errors
/// When the connection ends before the body starts.
pub fn read(mut stream: impl Read) -> io::Result<Response> {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            break (end, end + 4);
        }
        if more(&mut stream, &mut bytes)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{} bytes, no head", bytes.len())));
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no status in {text:?}")))?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let mut response = Response { status, headers, body: bytes.split_off(body), complete: false };
    body_of(&mut stream, &mut response);
    Ok(response)
}

fn body_of(stream: &mut impl Read, response: &mut Response) {
    if response.header("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        let mut raw = std::mem::take(&mut response.body);
        response.complete = unchunk(stream, &mut raw, &mut response.body);
        return;
    }
    let length = response.header("content-length").and_then(|length| length.parse::<usize>().ok());
    while length.is_none_or(|length| response.body.len() < length) {
        match more(stream, &mut response.body) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    response.complete = length.is_none_or(|length| response.body.len() == length);
}

/// Whether the last chunk came.
fn unchunk(stream: &mut impl Read, raw: &mut Vec<u8>, body: &mut Vec<u8>) -> bool {
    loop {
        let Some(line) = find(raw, b"\r\n") else {
            match more(stream, raw) {
                Ok(0) | Err(_) => return false,
                Ok(_) => continue,
            }
        };
        let size = std::str::from_utf8(&raw[..line]).ok().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let Some(size) = size else { return false };
        let end = line + 2 + size + 2;
        while raw.len() < end {
            match more(stream, raw) {
                Ok(0) | Err(_) => return false,
                Ok(_) => {}
            }
        }
        if size == 0 {
            return true;
        }
        body.extend_from_slice(&raw[line + 2..end - 2]);
        raw.drain(..end);
    }
}

fn more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut portion = [0; 64 * 1024];
    let read = stream.read(&mut portion)?;
    bytes.extend_from_slice(&portion[..read]);
    Ok(read)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sent: &str, body: &str, complete: bool) {
        let response = read(sent.as_bytes()).unwrap();
        assert_eq!((response.text().as_str(), response.complete), (body, complete), "{sent}");
    }

    #[test]
    fn bodies() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", true);
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", "ok", false);
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "ok", true);
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n", "ok", false);
        check("HTTP/1.1 204 No Content\r\n\r\n", "", true);
        assert!(read(&b"HTTP/1.1 2"[..]).is_err());
    }
}
