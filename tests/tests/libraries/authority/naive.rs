//! What `docs/claims.md` says, read as simply as it can be, from the claims as they are written. It shares nothing with the
//! product: no type, no parser, no pattern. Slow and plain is the point.
//!
//! Rates are left out: what they permit depends on what came before.

use serde_json::{Map, Value};

use super::chain::{Chain, Fetch, Kind, Link, Request};

/// Whether each of the chain's requests is permitted.
pub(super) fn decide(chain: &Chain) -> Vec<bool> {
    let runs = runs(chain);
    let permits = |request: &Request| match request {
        Request::Run => runs,
        _ => runs && reaches(chain) && permitted(chain, chain.capability, &Ask::Request(request)),
    };
    chain.requests.iter().map(permits).collect()
}

/// Whether the component may start: every claim is understood, every import is claimed everywhere, and every document
/// permits what the manifest asks for.
pub(super) fn runs(chain: &Chain) -> bool {
    let understood = chain.documents.iter().all(|(_, says)| match says {
        Value::Object(claims) => claims.iter().all(|(capability, claim)| is_understood(capability, claim)),
        _ => true,
    });
    let claimed = chain.imports.iter().all(|import| match stands_for(import) {
        Import::Baseline => true,
        Import::Capability(capability) => {
            chain.documents.iter().all(|document| claim(document, capability) != Says::Absent)
        }
        Import::Nobodys => false,
    });
    if !understood || !claimed {
        return false;
    }
    match &chain.link {
        Link::Nothing => true,
        Link::Bucket(_) => !imports(chain, "keyvalue") || permitted(chain, "keyvalue", &Ask::Link(&chain.link)),
        Link::Variable(_) => !imports(chain, "environment") || permitted(chain, "environment", &Ask::Link(&chain.link)),
        Link::Folder(..) => !imports(chain, "filesystem") || permitted(chain, "filesystem", &Ask::Link(&chain.link)),
        Link::Subscription(_) => exports(chain, "messaging") && permitted(chain, "messaging", &Ask::Link(&chain.link)),
        Link::Route(..) => exports(chain, "http-server") && permitted(chain, "http-server", &Ask::Link(&chain.link)),
    }
}

/// Whether the component has a way to ask, or to be asked.
fn reaches(chain: &Chain) -> bool {
    let called = match chain.link {
        Link::Subscription(_) => "messaging",
        Link::Route(..) => "http-server",
        _ => "",
    };
    imports(chain, chain.capability) || called == chain.capability
}

enum Ask<'a> {
    Link(&'a Link),
    Request(&'a Request),
}

/// What one document says of a capability.
#[derive(PartialEq)]
enum Says<'a> {
    Absent,
    Anything,
    Entries(Vec<&'a Value>),
}

fn claim<'a>((kind, says): &'a (Kind, Value), capability: &str) -> Says<'a> {
    let Value::Object(claims) = says else {
        return if says.is_null() { Says::Absent } else { Says::Anything };
    };
    match claims.get(capability) {
        None if *kind == Kind::Restriction => Says::Anything,
        None => Says::Absent,
        Some(Value::String(_)) => Says::Anything,
        Some(Value::Array(entries)) => Says::Entries(entries.iter().collect()),
        Some(entry) => Says::Entries(vec![entry]),
    }
}

/// Every document permits it, each by one whole entry.
fn permitted(chain: &Chain, capability: &str, ask: &Ask<'_>) -> bool {
    chain.documents.iter().all(|document| match claim(document, capability) {
        Says::Absent => false,
        Says::Anything => true,
        Says::Entries(entries) => entries.iter().any(|entry| permits(entry.as_object().unwrap(), ask)),
    })
}

// ---- which interface stands for what

#[derive(Debug, Clone, Copy)]
pub(super) enum Import {
    Baseline,
    Capability(&'static str),
    Nobodys,
}

pub(super) const CAPABILITIES: &[(&str, &str, &str)] = &[
    ("wasi:keyvalue/store", "0.2.0-draft", "keyvalue"),
    ("wasi:keyvalue/atomics", "0.2.0-draft", "keyvalue"),
    ("wasi:keyvalue/batch", "0.2.0-draft", "keyvalue"),
    ("wasmcloud:messaging/consumer", "0.2", "messaging"),
    ("wasi:http/outgoing-handler", "0.2", "http-client"),
    ("wasi:logging/logging", "0.1.0-draft", "logging"),
    ("wasi:logging/logging", "", "logging"),
    ("wasi:config/store", "0.2.0-rc.1", "config"),
    ("wasi:config/runtime", "0.2.0-draft", "config"),
    ("wasi:blobstore/blobstore", "0.2.0-draft", "blobstore"),
    ("wasi:blobstore/container", "0.2.0-draft", "blobstore"),
    ("wasi:blobstore/types", "0.2.0-draft", "blobstore"),
    ("wasmcloud:secrets/store", "0.1.0-draft", "secrets"),
    ("wasmcloud:secrets/reveal", "0.1.0-draft", "secrets"),
];

pub(super) const BASELINE: &[&str] = &[
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:random/random",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
    "wasi:http/types",
    "wasmcloud:messaging/types",
];

/// A version is on the track of what is served if it is it, or shares its first two numbers and is no pre-release.
fn is_on(track: &str, version: &str) -> bool {
    let numbers: Vec<&str> = version.split('.').collect();
    let plain = |number: &&str| number.parse::<u32>().is_ok() && (!number.starts_with('0') || number.len() == 1);
    version == track || (numbers.len() == 3 && numbers.iter().all(plain) && numbers[..2].join(".") == track)
}

pub(super) fn stands_for(import: &str) -> Import {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    if BASELINE.contains(&name) && is_on("0.2", version) && version != "0.2" {
        return Import::Baseline;
    }
    let served = CAPABILITIES.iter().find(|(own, track, _)| *own == name && is_on(track, version) && version != "0.2");
    served.map_or(Import::Nobodys, |(_, _, capability)| Import::Capability(capability))
}

fn imports(chain: &Chain, capability: &str) -> bool {
    let opened = match capability {
        "environment" => "wasi:cli/environment@0.2.",
        "filesystem" => "wasi:filesystem/preopens@0.2.",
        _ => "?",
    };
    let stands = |import: &String| match stands_for(import) {
        Import::Capability(own) => own == capability,
        _ => import.starts_with(opened),
    };
    chain.imports.iter().any(stands)
}

fn exports(chain: &Chain, capability: &str) -> bool {
    let handler = match capability {
        "messaging" => "wasmcloud:messaging/handler@0.2.",
        _ => "wasi:http/incoming-handler@0.2.",
    };
    chain.exports.iter().any(|export| export.starts_with(handler))
}

// ---- what an entry permits

fn permits(entry: &Map<String, Value>, ask: &Ask<'_>) -> bool {
    match ask {
        Ask::Link(Link::Nothing) => true,
        Ask::Link(Link::Bucket(name)) | Ask::Request(Request::Open(name)) => names(entry, "bucket", |own| own == *name),
        Ask::Link(Link::Subscription(pattern)) => {
            !pattern.starts_with("_INBOX") && sends(entry, "subscribe", |own| covers_subjects(own, pattern))
        }
        Ask::Link(Link::Route(host, path)) => serves(entry, host, path),
        Ask::Link(Link::Variable(name)) => names(entry, "names", |own| match own.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => own == *name,
        }),
        Ask::Link(Link::Folder(guest, host, writable)) => folder(entry, guest, host, *writable),
        Ask::Request(request) => answers(entry, request),
    }
}

fn answers(entry: &Map<String, Value>, request: &Request) -> bool {
    match request {
        Request::Run | Request::Open(_) => true,
        Request::Key { bucket, key, verb, size } => {
            names(entry, "bucket", |own| own == *bucket)
                && entry.get("prefix").is_none_or(|prefix| key.starts_with(prefix.as_str().unwrap()))
                && narrows(entry, "verbs", |own| own == *verb)
                && fits(entry, *size as u64)
        }
        Request::Publish { subject, size } => {
            is_subject(subject)
                && (entry.get("publish") != Some(&"any".into()) || !subject.starts_with("_INBOX"))
                && sends(entry, "publish", |own| matches(own, subject))
                && fits(entry, *size as u64)
        }
        Request::Deliver(subject) => {
            is_subject(subject)
                && !subject.starts_with("_INBOX")
                && sends(entry, "subscribe", |own| matches(own, subject))
        }
        Request::Log(level) => {
            let rank = |level: &str| LEVELS.iter().position(|known| *known == level).unwrap();
            entry.get("level").is_none_or(|least| rank(level) >= rank(least.as_str().unwrap()))
        }
        Request::Serve { method, host, path } => {
            serves(entry, host, path) && narrows(entry, "methods", |own| own == *method)
        }
        Request::Fetch(fetch) => fetches(entry, fetch),
        Request::Setting(key) => names(entry, "keys", |own| own == *key),
    }
}

fn fetches(entry: &Map<String, Value>, fetch: &Fetch) -> bool {
    let port = fetch.port.to_string();
    let unsound = ["..", "//", "%2f", "%2e"].iter().any(|odd| fetch.path.to_lowercase().contains(odd));
    names(entry, "hosts", |own| covers_host(own, fetch.host))
        && narrows(entry, "methods", |own| own == fetch.method)
        && narrows(entry, "schemes", |own| own == fetch.scheme)
        && narrows(entry, "ports", |own| own == port)
        && narrows(entry, "paths", |own| own == "any" || (!unsound && covers_path(own, fetch.path)))
        && match entry.get("addresses") {
            None => reaches_address("public", fetch.address),
            Some(written) => texts(written).iter().any(|own| reaches_address(own, fetch.address)),
        }
        && fits(entry, fetch.size)
}

fn serves(entry: &Map<String, Value>, host: &str, path: &str) -> bool {
    names(entry, "hosts", |own| covers_host(own, host)) && names(entry, "paths", |own| covers_path(own, path))
}

fn folder(entry: &Map<String, Value>, guest: &str, host: &str, writable: bool) -> bool {
    let rights = entry.get("rights").map_or(vec!["read".to_owned()], texts);
    let below = |own: &str, path: &str| own == "/" || path == own || path.starts_with(&format!("{own}/"));
    names(entry, "paths", |own| below(own, guest))
        && entry.get("host").is_none_or(|own| below(own.as_str().unwrap(), host))
        && (!writable || rights.contains(&"write".to_owned()))
}

/// The texts and numbers that a field has: one, or a list.
fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    value.as_array().map_or_else(|| vec![text(value)], |values| values.iter().map(text).collect())
}

/// A naming field: `any`, or one of what it names.
fn names(entry: &Map<String, Value>, field: &str, permits: impl Fn(&str) -> bool) -> bool {
    entry[field] == "any" || texts(&entry[field]).iter().any(|own| permits(own))
}

/// A field that names if it is there.
fn sends(entry: &Map<String, Value>, field: &str, permits: impl Fn(&str) -> bool) -> bool {
    entry.contains_key(field) && names(entry, field, permits)
}

/// A narrowing field: absent, or one of what it lists.
fn narrows(entry: &Map<String, Value>, field: &str, permits: impl Fn(&str) -> bool) -> bool {
    entry.get(field).is_none_or(|written| texts(written).iter().any(|own| permits(own)))
}

fn fits(entry: &Map<String, Value>, size: u64) -> bool {
    entry.get("size").is_none_or(|most| size <= bytes(most.as_str().unwrap()).unwrap())
}

/// `64KiB` in bytes.
fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let power = ["B", "KiB", "MiB", "GiB", "TiB"].iter().position(|unit| *unit == &text[end..])?;
    Some(text[..end].parse::<u64>().ok()? * 1024_u64.pow(power as u32))
}

fn covers_host(own: &str, asked: &str) -> bool {
    if own == "any" {
        return true;
    }
    let Some(suffix) = own.strip_prefix("*.") else { return own == asked };
    match asked.strip_prefix("*.") {
        Some(asked) => asked == suffix || asked.ends_with(&format!(".{suffix}")),
        None => asked.ends_with(&format!(".{suffix}")) && asked.len() > suffix.len() + 1,
    }
}

fn covers_path(own: &str, path: &str) -> bool {
    own == "any" || own == "/" || path == own || path.starts_with(&format!("{own}/"))
}

// ---- subjects

fn is_subject(subject: &str) -> bool {
    !subject.contains(['*', '>', ' ']) && !subject.starts_with('$') && subject.split('.').all(|token| !token.is_empty())
}

/// Whether a pattern means a subject. No wildcard stands for an inbox.
fn matches(pattern: &str, subject: &str) -> bool {
    fn rest(pattern: &[&str], subject: &[&str]) -> bool {
        match (pattern, subject) {
            ([], []) => true,
            ([">"], [_, ..]) => true,
            (["*", pattern @ ..], [_, subject @ ..]) => rest(pattern, subject),
            ([one, pattern @ ..], [other, subject @ ..]) => one == other && rest(pattern, subject),
            _ => false,
        }
    }
    let split = |text: &'_ str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (own, asked) = (split(pattern), split(subject));
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let wild_inbox = subject.starts_with("_INBOX") && ["*", ">"].contains(&own[0]);
    !wild_inbox && rest(&own, &asked)
}

/// Whether every subject that `narrow` means is meant by `wide`: tried with tokens that stand in neither of them.
fn covers_subjects(wide: &str, narrow: &str) -> bool {
    let one = narrow.split('.').map(|token| if token == "*" { "~" } else { token }).collect::<Vec<_>>().join(".");
    let Some(start) = one.strip_suffix('>') else { return matches(wide, &one) };
    (1..6).all(|tokens| matches(wide, &format!("{start}{}", vec!["~"; tokens].join("."))))
}

// ---- addresses

/// Bits of an address: IPv4 inside of IPv6 is IPv4, by mapping and by the well-known translation prefix.
fn bits(address: &str) -> String {
    let of = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:08b}")).collect::<String>();
    match address.parse().unwrap() {
        std::net::IpAddr::V4(v4) => of(&v4.octets()),
        std::net::IpAddr::V6(v6) => {
            let all = of(&v6.octets());
            let inside =
                [format!("{}{}", "0".repeat(80), "1".repeat(16)), of(&[0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0])];
            inside.iter().find_map(|start| all.strip_prefix(start.as_str())).map_or(all.clone(), str::to_owned)
        }
    }
}

/// Of those that the chains are made of.
const NOT_PUBLIC: &[&str] = &[
    "10.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.168.0.0/16",
    "0.0.0.0/8",
    "::1/128",
    "fd00::/8",
    "fe80::/10",
    "2002::/16",
];

fn is_in(network: &str, address: &str) -> bool {
    let (start, length) = network.split_once('/').unwrap_or((network, "128"));
    let (start, address) = (bits(start), bits(address));
    let length = length.parse::<usize>().unwrap().min(start.len());
    start.len() == address.len() && start[..length] == address[..length]
}

fn reaches_address(own: &str, address: &str) -> bool {
    match own {
        "any" => true,
        "public" => !NOT_PUBLIC.iter().any(|network| is_in(network, address)),
        // What has an IPv4 address inside may lead anywhere: no network covers it.
        network => !is_in("2002::/16", address) && is_in(network, address),
    }
}

// ---- what is understood

fn is_understood(capability: &str, claim: &Value) -> bool {
    let Some((_, mandatory, fields)) = FIELDS.iter().find(|(own, ..)| *own == capability) else {
        return ["blobstore", "secrets"].contains(&capability) && claim.as_array().is_some_and(Vec::is_empty);
    };
    let entry = |entry: &Value| {
        let Value::Object(entry) = entry else { return false };
        let known = |(field, value): (&String, &Value)| fields.iter().any(|(own, reads)| own == field && reads(value));
        let sent = capability != "messaging" || entry.contains_key("publish") || !entry.contains_key("size");
        let named = capability != "messaging" || entry.contains_key("publish") || entry.contains_key("subscribe");
        entry.iter().all(known) && mandatory.iter().all(|field| entry.contains_key(*field)) && sent && named
    };
    match claim {
        Value::String(word) => word == "any" && mandatory.is_empty() && capability != "messaging",
        Value::Array(entries) => entries.iter().all(entry),
        one => entry(one),
    }
}

type Field = (&'static str, fn(&Value) -> bool);

/// The fields of each capability: which must be there, and how each is read.
const FIELDS: &[(&str, &[&str], &[Field])] = &[
    (
        "keyvalue",
        &["bucket"],
        &[
            ("bucket", |v| v.as_str().is_some_and(|name| !name.is_empty())),
            ("prefix", Value::is_string),
            ("verbs", |v| list(v, |verb| ["read", "list", "write", "increment"].contains(&verb))),
            ("size", is_size),
        ],
    ),
    (
        "messaging",
        &[],
        &[
            ("publish", |v| any_or_some(v, is_pattern)),
            ("subscribe", |v| any_or_some(v, |pattern| is_pattern(pattern) && !pattern.starts_with("_INBOX"))),
            ("size", is_size),
        ],
    ),
    ("logging", &[], &[("level", |v| v.as_str().is_some_and(|level| LEVELS.contains(&level)))]),
    (
        "http-server",
        &["hosts", "paths"],
        &[
            ("hosts", |v| any_or_some(v, is_host)),
            ("paths", |v| any_or_some(v, is_path)),
            ("methods", |v| v != "any" && any_or_some(v, is_method)),
        ],
    ),
    (
        "http-client",
        &["hosts"],
        &[
            ("hosts", |v| any_or_some(v, is_host)),
            ("paths", |v| any_or_some(v, is_path)),
            ("methods", |v| v != "any" && any_or_some(v, is_method)),
            ("schemes", |v| v != "any" && any_or_some(v, |scheme| ["http", "https"].contains(&scheme))),
            ("ports", |v| {
                let port = |v: &Value| v.as_u64().is_some_and(|port| (1..65_536).contains(&port));
                v.as_array().map_or_else(|| port(v), |ports| !ports.is_empty() && ports.iter().all(port))
            }),
            ("addresses", |v| any_or_some(v, |text| text == "public" || is_network(text))),
            ("size", is_size),
        ],
    ),
    ("config", &["keys"], &[("keys", |v| v == "any" || list(v, |key| !key.is_empty() && key != "any"))]),
    (
        "environment",
        &["names"],
        &[("names", |v| {
            v == "any"
                || list(v, |name| !["", "any", "*"].contains(&name) && !name.trim_end_matches('*').contains(['*', '=']))
        })],
    ),
    (
        "filesystem",
        &["paths"],
        &[
            ("paths", |v| v == "any" || list(v, is_path)),
            ("rights", |v| {
                let mut rights = if v.is_array() { texts(v) } else { vec![] };
                rights.sort();
                rights == ["read"] || rights == ["read", "write"]
            }),
            ("host", |v| v.as_str().is_some_and(|path| path.starts_with('/'))),
        ],
    ),
    (
        "clocks",
        &[],
        &[("resolution", |v| v.as_str().is_some_and(|time| time.ends_with("us") && !time.starts_with('0')))],
    ),
];

fn list(value: &Value, reads: impl Fn(&str) -> bool) -> bool {
    value.as_array().is_some_and(|all| all.iter().all(|one| one.as_str().is_some_and(&reads)))
}

/// `any`, one text, or a list of at least one, in which `any` has no place.
fn any_or_some(value: &Value, reads: impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => text == "any" || reads(text),
        Value::Array(all) => !all.is_empty() && list(value, |text| text != "any" && reads(text)),
        _ => false,
    }
}

fn is_size(value: &Value) -> bool {
    value.as_str().and_then(bytes).is_some()
}

fn is_pattern(text: &str) -> bool {
    let tokens: Vec<&str> = text.split('.').collect();
    let (last, front) = tokens.split_last().unwrap();
    let plain = |token: &&str| !token.is_empty() && !token.contains(['*', '>', ' ']);
    !text.starts_with('$')
        && front.iter().all(|token| *token == "*" || plain(token))
        && (["*", ">"].contains(last) || plain(last))
}

fn is_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    let number = name.rsplit('.').next().unwrap().chars().all(|c| c.is_ascii_digit());
    name.split('.').all(label) && (!number || (name == text && name.parse::<std::net::Ipv4Addr>().is_ok()))
}

fn is_path(text: &str) -> bool {
    text == "/"
        || (text.starts_with('/')
            && !text.ends_with('/')
            && !["..", "//", "%2f"].iter().any(|odd| text.to_lowercase().contains(odd)))
}

fn is_method(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_uppercase()) && text != "CONNECT"
}

fn is_network(text: &str) -> bool {
    let (address, length) = text.split_once('/').unwrap_or((text, "0"));
    address.parse::<std::net::IpAddr>().is_ok() && length.parse::<u8>().is_ok()
}

const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error", "critical"];
