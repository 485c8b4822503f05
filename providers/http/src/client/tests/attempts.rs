//! The table of attempts, against a connector that records.

use std::collections::HashMap;

use serde_json::Value;
use wasmtime_wasi_http::p2::bindings::http::types::{Method, Scheme};

use super::*;

/// One line of the table.
pub(super) struct Attempt {
    pub(super) line: &'static str,
    claims: Vec<Value>,
    columns: Vec<String>,
}

/// What comes of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Denied,
    Invalid,
    Connects { to: SocketAddr, host: String, target: String },
}

impl Attempt {
    pub(super) fn all() -> Vec<Self> {
        let mut claims = HashMap::new();
        let mut attempts = Vec::new();
        for line in include_str!("attempts.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.strip_prefix("claim ") {
                Some(claim) => {
                    let (name, json) = claim.split_once(' ').unwrap();
                    claims.insert(name, if json == "none" { None } else { Some(serde_json::from_str(json).unwrap()) });
                }
                None => {
                    let columns: Vec<_> = line.split(" | ").map(unescape).collect();
                    assert_eq!(columns.len(), 8, "{line}");
                    let documents = columns[0].split('+').filter_map(|name| claims[name].clone()).collect();
                    attempts.push(Self { line, claims: documents, columns });
                }
            }
        }
        attempts
    }

    pub(super) fn grant(&self) -> Grant<ClientEntry> {
        grant(&self.claims)
    }

    pub(super) fn ask(&self) -> Ask {
        let [_, method, scheme, authority, target, fields, ..] = &self.columns[..] else { unreachable!() };
        let some = |text: &String| (text != "-").then(|| text.clone());
        let field = |field: &str| field.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ask {
            method: match method.as_str() {
                "GET" => Method::Get,
                "HEAD" => Method::Head,
                "POST" => Method::Post,
                "PUT" => Method::Put,
                "DELETE" => Method::Delete,
                "PATCH" => Method::Patch,
                "OPTIONS" => Method::Options,
                "CONNECT" => Method::Connect,
                "TRACE" => Method::Trace,
                other => Method::Other(other.strip_prefix("other:").unwrap().replace("''", "")),
            },
            scheme: match scheme.as_str() {
                "-" => None,
                "http" => Some(Scheme::Http),
                "https" => Some(Scheme::Https),
                other => Some(Scheme::Other(other.strip_prefix("other:").unwrap().to_owned())),
            },
            authority: some(authority).map(|text| text.replace("''", "")),
            target: some(target).map(|text| text.replace("''", "")),
            fields: fields.split(';').filter_map(field).collect(),
            body: None,
            options: None,
            time: Duration::from_secs(5),
        }
    }

    /// What the resolver answers, first the table's and then, to whoever asks again, 127.0.0.1.
    pub(super) fn resolver(&self) -> Arc<Script> {
        let answers: Vec<_> = self.columns[6].split(' ').filter(|text| *text != "-").collect();
        Script::of(&[&answers, &["127.0.0.1"]])
    }

    pub(super) fn expected(&self) -> Expected {
        match self.columns[7].as_str() {
            "denied" => Expected::Denied,
            "invalid" => Expected::Invalid,
            connection => {
                let parts: Vec<_> = connection.split(' ').collect();
                let [to, host, target] = parts[..] else { panic!("{}", self.line) };
                Expected::Connects { to: to.parse().unwrap(), host: host.to_owned(), target: target.to_owned() }
            }
        }
    }
}

fn unescape(column: &str) -> String {
    let mut text = String::new();
    let mut chars = column.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => text.push(match chars.next() {
                Some('r') => '\r',
                Some('n') => '\n',
                Some('t') => '\t',
                Some('0') => '\0',
                Some('\\') => '\\',
                Some('u') => char::from(u8::from_str_radix(&chars.by_ref().take(2).collect::<String>(), 16).unwrap()),
                other => panic!("{column}: {other:?}"),
            }),
            char => text.push(char),
        }
    }
    text
}

/// Whether what came of an attempt is what the table says; where it connected is told apart.
#[track_caller]
pub(super) fn judge(attempt: &Attempt, outcome: &Result<(StatusCode, String), Failed>, connected: &[SocketAddr]) {
    let line = attempt.line;
    match (attempt.expected(), outcome) {
        (Expected::Denied, Err(failed)) => assert!(failed.is_denial(), "{line}: {failed:?}"),
        (Expected::Invalid, Err(Failed::AtOnce(code))) => {
            assert!(!matches!(code, ErrorCode::HttpRequestDenied), "{line}: {code:?}");
        }
        (Expected::Connects { to, .. }, _) => return assert_eq!(connected, [to], "{line}: {outcome:?}"),
        (expected, outcome) => panic!("{line}: expected {expected:?}, not {outcome:?}"),
    }
    assert_eq!(connected, [], "{line}");
}

#[tokio::test]
async fn no_attempt_connects_to_what_is_forbidden() {
    let attempts = Attempt::all();
    let mut forbidden = 0;
    let mut permitted = 0;
    for attempt in &attempts {
        let recorder = Recorder::answering(OK);
        let resolver = attempt.resolver();
        let client = client(resolver.clone(), recorder.clone());
        let outcome = attempt.ask().receive(&client, &attempt.grant()).await;
        let connected = recorder.connected();
        match attempt.expected() {
            Expected::Connects { to, host, target } => {
                permitted += 1;
                forbidden += connected.iter().filter(|address| **address != to).count();
                if host != "-" {
                    assert_eq!(outcome.as_ref().unwrap().1, "ok", "{}", attempt.line);
                    check_head(attempt, &recorder.heads.lock().unwrap().join(""), &host, &target);
                }
            }
            _ => forbidden += connected.len(),
        }
        judge(attempt, &outcome, &connected);
        assert!(resolver.asked() <= 1, "{}: a name is resolved once", attempt.line);
    }
    println!("{} attempts, {permitted} permitted, {forbidden} forbidden connections (recorded)", attempts.len());
    assert!(attempts.len() >= 300);
    assert_eq!(forbidden, 0);
}

/// One request, in origin form, with the host's own `Host` and none of what was smuggled in.
#[track_caller]
fn check_head(attempt: &Attempt, head: &str, host: &str, target: &str) {
    let line = attempt.line;
    let mut lines = head.split("\r\n");
    let first: Vec<_> = lines.next().unwrap().split(' ').collect();
    assert_eq!(first[1..], [target, "HTTP/1.1"], "{line}");
    let hosts: Vec<_> = lines.filter_map(|field| field.strip_prefix("host: ")).collect();
    assert_eq!(hosts, [host], "{line}");
    assert!(!head.contains("evil") && head.matches("\r\n\r\n").count() == 1, "{line}: {head}");
}
