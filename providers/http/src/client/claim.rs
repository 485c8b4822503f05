//! What a claim may say about `http-client`. The grammar stands in a table at the [module](super).

use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::{Value, json};
use writ_provider::defence::stands;
use writ_provider::units::{Rate, Size};
use writ_provider::{Constraint, Denied, InvalidLink, LinkConfig};

use super::address::{Addresses, Kind};
use crate::claim::{Hosts, Methods, OneOrMany, Paths, covers_all, given, listed};
use crate::pattern::{HostPattern, check_path};

/// One entry of a claim about `http-client`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientEntry {
    hosts: Hosts,
    // `null` is refused rather than read as absent: it was meant to narrow.
    #[serde(default, deserialize_with = "given")]
    methods: Option<Methods>,
    #[serde(default, deserialize_with = "given")]
    schemes: Option<Schemes>,
    #[serde(default, deserialize_with = "given")]
    ports: Option<Ports>,
    #[serde(default, deserialize_with = "given")]
    paths: Option<Paths>,
    #[serde(default)]
    addresses: Addresses,
    #[serde(default, deserialize_with = "given")]
    size: Option<Size>,
    #[serde(default, deserialize_with = "given")]
    rate: Option<Rate>,
}

/// What is asked: before anything is resolved, of each address before it is connected to, and while the response comes.
#[derive(Debug, Clone, Copy)]
pub struct ClientRequest<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// With TLS or without.
    pub scheme: Scheme,
    /// The host as the guest named it: exactly one.
    pub host: &'a HostPattern,
    /// The port, written or implied by the scheme.
    pub port: u16,
    /// The path without its query.
    pub path: &'a str,
    /// Where the connection goes; none before it is known.
    pub address: Option<IpAddr>,
    /// Bytes of the response's body so far, or the length that its head promised.
    pub size: u64,
}

/// With TLS or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "OneOrMany<Scheme>")]
struct Schemes(Vec<Scheme>);

#[derive(Debug, Deserialize)]
#[serde(try_from = "OneOrMany<u16>")]
struct Ports(Vec<u16>);

impl Constraint for ClientEntry {
    const NAMED: bool = true;
    const EXAMPLE: &'static str = "{ hosts: [api.example.com], schemes: https, methods: [GET] }";
    type Request<'a> = ClientRequest<'a>;

    fn permits(&self, request: ClientRequest<'_>) -> Result<(), Denied> {
        if !self.hosts.0.iter().any(|pattern| pattern.covers(request.host)) && stands("http-client: host") {
            return Err(Denied(format!("permits hosts {}, not `{}`", listed(&self.hosts.0), request.host)));
        }
        if let Some(known) = self.methods.as_ref().filter(|known| !known.0.iter().any(|m| m == request.method))
            && stands("http-client: method")
        {
            return Err(Denied(format!("permits methods {}, not {}", listed(&known.0), request.method)));
        }
        if let Some(known) = self.schemes.as_ref().filter(|known| !known.0.contains(&request.scheme))
            && stands("http-client: scheme")
        {
            return Err(Denied(format!("permits schemes {}, not {}", listed(&known.0), request.scheme)));
        }
        if let Some(known) = self.ports.as_ref().filter(|known| !known.0.contains(&request.port))
            && stands("http-client: port")
        {
            return Err(Denied(format!("permits ports {}, not {}", listed(&known.0), request.port)));
        }
        self.permits_path(request.path)?;
        match request.address {
            Some(address) if !self.addresses.permit(address) && stands("http-client: address") => {
                let kind = Kind::of(address);
                Err(Denied(format!("permits addresses {}, not {address} ({kind})", self.addresses)))
            }
            _ => self.permits_size(request.size),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        let every = Paths(None);
        let smaller = |most: Size| other.size.is_some_and(|size| size <= most);
        self.hosts.cover(&other.hosts)
            && covers_all(self.methods.as_ref().map(|m| &*m.0), other.methods.as_ref().map(|m| &*m.0))
            && covers_all(self.schemes.as_ref().map(|s| &*s.0), other.schemes.as_ref().map(|s| &*s.0))
            && covers_all(self.ports.as_ref().map(|p| &*p.0), other.ports.as_ref().map(|p| &*p.0))
            && self.paths.as_ref().unwrap_or(&every).cover(other.paths.as_ref().unwrap_or(&every))
            && self.addresses.cover(&other.addresses)
            && self.size.is_none_or(smaller)
    }

    fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// A link asks for nothing: what a component may reach is for its claims alone.
    type Plan = Infallible;

    fn plans(link: &LinkConfig) -> Result<Vec<Infallible>, InvalidLink> {
        match link.keys().next() {
            Some(property) => {
                let reason = "unknown; http-client has no properties".to_owned();
                Err(InvalidLink { property: property.clone(), reason })
            }
            None => Ok(Vec::new()),
        }
    }

    fn request(plan: &Infallible) -> ClientRequest<'_> {
        match *plan {}
    }

    fn allowing(request: ClientRequest<'_>) -> Value {
        let mut entry = json!({
            "hosts": [request.host.to_string()],
            "methods": [request.method],
            "schemes": [request.scheme.to_string()],
            "ports": [request.port],
        });
        let Some(fields) = entry.as_object_mut() else { return entry };
        // A path that no prefix covers can only be permitted with all others.
        if check_path(request.path).is_ok() {
            fields.insert("paths".to_owned(), json!([request.path]));
        }
        if let Some(address) = request.address.filter(|address| Kind::of(*address) != Kind::Public) {
            fields.insert("addresses".to_owned(), json!([address.to_string()]));
        }
        entry
    }
}

impl ClientEntry {
    /// A path is compared byte by byte, so one that the server could read differently is within no prefix.
    fn permits_path(&self, path: &str) -> Result<(), Denied> {
        let Some(prefixes) = self.paths.as_ref().and_then(|paths| paths.0.as_deref()) else { return Ok(()) };
        let covered = prefixes.iter().any(|prefix| prefix.covers(path));
        match check_path(path) {
            _ if !stands("http-client: path") => Ok(()),
            Ok(()) if covered => Ok(()),
            Ok(()) => Err(Denied(format!("permits paths {}, not `{}`", listed(prefixes), short(path)))),
            Err(reason) => Err(Denied(format!("permits paths {}; {reason}", listed(prefixes)))),
        }
    }

    fn permits_size(&self, size: u64) -> Result<(), Denied> {
        match self.size {
            Some(most) if size > most.bytes() && stands("http-client: size") => {
                Err(Denied(format!("permits responses of {} bytes, not {size}", most.bytes())))
            }
            _ => Ok(()),
        }
    }
}

/// A guest chooses the path, so what is quoted of it is short.
fn short(path: &str) -> String {
    path.chars().take(80).collect()
}

impl TryFrom<OneOrMany<Scheme>> for Schemes {
    type Error = String;

    fn try_from(written: OneOrMany<Scheme>) -> Result<Self, String> {
        some(written, "schemes").map(Self)
    }
}

impl TryFrom<OneOrMany<u16>> for Ports {
    type Error = String;

    fn try_from(written: OneOrMany<u16>) -> Result<Self, String> {
        let ports = some(written, "ports")?;
        if ports.contains(&0) { Err("0 is no port".to_owned()) } else { Ok(Self(ports)) }
    }
}

fn some<T>(written: OneOrMany<T>, field: &str) -> Result<Vec<T>, String> {
    match written {
        OneOrMany::One(one) => Ok(vec![one]),
        OneOrMany::Many(many) if many.is_empty() => Err(format!("`{field}` names none; leave it out to permit all")),
        OneOrMany::Many(many) => Ok(many),
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;
    use writ_provider::Claim;

    use super::*;

    /// `METHOD scheme://host:port/path address size`, each part to be found where it is expected.
    #[track_caller]
    fn check(claim: Value, request: &str, permitted: bool) {
        let mut parts = request.split(' ');
        let mut next = || parts.next().unwrap();
        let (method, scheme, host, port, path) = (next(), next(), next(), next(), next());
        let host: HostPattern = host.parse().unwrap();
        let entry = ClientEntry::deserialize(&claim).unwrap();
        let asked = ClientRequest {
            method,
            scheme: if scheme == "https" { Scheme::Https } else { Scheme::Http },
            host: &host,
            port: port.parse().unwrap(),
            path,
            address: next().parse().ok(),
            size: next().parse().unwrap(),
        };
        assert_eq!(entry.permits(asked).is_ok(), permitted, "{claim} {request}");
    }

    #[test]
    fn every_field_narrows() {
        check(json!({"hosts": "any"}), "GET http a.b 80 / - 0", true);
        check(json!({"hosts": "any"}), "GET http a.b 80 / 8.8.8.8 0", true);
        check(json!({"hosts": "any"}), "GET http a.b 80 / 10.0.0.1 0", false);
        check(json!({"hosts": ["a.b", "*.c"]}), "GET http d.c 80 / - 0", true);
        check(json!({"hosts": ["a.b", "*.c"]}), "GET http c 80 / - 0", false);
        check(json!({"hosts": "any", "methods": ["GET", "PUT"]}), "PUT http a.b 80 / - 0", true);
        check(json!({"hosts": "any", "methods": "GET"}), "POST http a.b 80 / - 0", false);
        check(json!({"hosts": "any", "schemes": "https"}), "GET https a.b 443 / - 0", true);
        check(json!({"hosts": "any", "schemes": ["https"]}), "GET http a.b 443 / - 0", false);
        check(json!({"hosts": "any", "ports": [443, 8443]}), "GET https a.b 8443 / - 0", true);
        check(json!({"hosts": "any", "ports": 443}), "GET https a.b 8443 / - 0", false);
        check(json!({"hosts": "any", "paths": "/v1"}), "GET http a.b 80 /v1/x - 0", true);
        check(json!({"hosts": "any", "paths": "any"}), "GET http a.b 80 //x/../y - 0", true);
        for path in ["/v2", "/v1x", "/v1/../v2", "/v1/%2e%2e/v2", "/v1//x", "/v1/%2fx", "/v1/..;a/v2", "//v1"] {
            check(json!({"hosts": "any", "paths": ["/v1"]}), &format!("GET http a.b 80 {path} - 0"), false);
        }
        check(json!({"hosts": "any", "size": "1KiB"}), "GET http a.b 80 / - 1024", true);
        check(json!({"hosts": "any", "size": "1KiB"}), "GET http a.b 80 / - 1025", false);
        check(json!({"hosts": "10.0.0.1"}), "GET http 10.0.0.1 80 / 10.0.0.1 0", false);
        check(json!({"hosts": "10.0.0.1", "addresses": "any"}), "GET http 10.0.0.1 80 / 10.0.0.1 0", true);
    }

    #[test]
    fn what_is_no_entry() {
        let bad = [
            json!({}),
            json!({"methods": "GET"}),
            json!({"hosts": []}),
            json!({"hosts": ["any"]}),
            json!({"hosts": "a.b:80"}),
            json!({"hosts": "any", "methods": []}),
            json!({"hosts": "any", "methods": "get"}),
            json!({"hosts": "any", "methods": "CONNECT"}),
            json!({"hosts": "any", "schemes": "ftp"}),
            json!({"hosts": "any", "schemes": []}),
            json!({"hosts": "any", "ports": 0}),
            json!({"hosts": "any", "ports": 65536}),
            json!({"hosts": "any", "ports": "443"}),
            json!({"hosts": "any", "ports": []}),
            json!({"hosts": "any", "paths": "v1"}),
            json!({"hosts": "any", "addresses": null}),
            json!({"hosts": "any", "addresses": []}),
            json!({"hosts": "any", "size": null}),
            json!({"hosts": "any", "host": "a.b"}),
            json!("any"),
        ];
        for claim in bad {
            assert!(Claim::<ClientEntry>::parse(&claim).is_err(), "{claim}");
        }
        let entry = json!({"hosts": "*.a.b", "methods": "GET", "schemes": ["http", "https"], "ports": [80], "paths": "/v1",
            "addresses": ["public", "10.0.0.0/8"], "size": "1MiB", "rate": "10/s"});
        assert!(Claim::<ClientEntry>::parse(&entry).is_ok());
    }

    #[test]
    fn a_link_asks_for_nothing() {
        assert!(ClientEntry::plans(&LinkConfig::new()).unwrap().is_empty());
        let link = LinkConfig::from([("address".to_owned(), "x".to_owned())]);
        let refused = ClientEntry::plans(&link).unwrap_err().to_string();
        assert_eq!(refused, "`address`: unknown; http-client has no properties");
    }

    mod covering {
        use proptest::prelude::*;

        use super::*;

        fn entries() -> impl Strategy<Value = ClientEntry> {
            let hosts = prop::sample::select(vec![json!("any"), json!("*.a.b"), json!(["x.a.b", "c.d"]), json!("c.d")]);
            let methods = prop::sample::select(vec![json!("GET"), json!(["GET", "PUT"])]);
            let schemes = prop::sample::select(vec![json!("http"), json!(["http", "https"])]);
            let ports = prop::sample::select(vec![json!(80), json!([80, 443])]);
            let paths = prop::sample::select(vec![json!("any"), json!("/"), json!(["/a"]), json!("/a/b")]);
            let addresses = prop::sample::select(vec![
                json!("any"),
                json!("public"),
                json!(["public", "10.0.0.0/8"]),
                json!("10.1.0.0/16"),
                json!("10.1.2.3"),
                json!("8.8.8.8"),
                json!(["fd00::/8"]),
                json!("fd00:1::/32"),
            ]);
            let size = prop::sample::select(vec![json!("1B"), json!("2B")]);
            let optional = (
                prop::option::of(methods),
                prop::option::of(schemes),
                prop::option::of(ports),
                prop::option::of(paths),
                prop::option::of(addresses),
                prop::option::of(size),
            );
            (hosts, optional).prop_map(|(hosts, (methods, schemes, ports, paths, addresses, size))| {
                let mut entry = json!({ "hosts": hosts });
                let fields = [
                    ("methods", methods),
                    ("schemes", schemes),
                    ("ports", ports),
                    ("paths", paths),
                    ("addresses", addresses),
                    ("size", size),
                ];
                for (name, value) in fields {
                    entry.as_object_mut().unwrap().extend(value.map(|value| (name.to_owned(), value)));
                }
                serde_json::from_value(entry).unwrap()
            })
        }

        proptest! {
            #[test]
            fn what_is_covered_permits_nothing_more(
                one in entries(),
                other in entries(),
                host in prop::sample::select(vec!["x.a.b", "y.a.b", "c.d", "e.f"]),
                path in prop::sample::select(vec!["/", "/a", "/a/b", "/a/b/c", "/ab", "/a/../b"]),
            ) {
                prop_assert!(one.covers(&one));
                if one.covers(&other) {
                    let host = host.parse().unwrap();
                    let addresses = [None, Some("10.1.2.3"), Some("10.2.0.1"), Some("8.8.8.8"), Some("127.0.0.1"), Some("fd00:1::1"), Some("fd00:2::1"), Some("::ffff:10.1.2.3")];
                    for (index, address) in addresses.into_iter().enumerate() {
                        let address = address.map(|text| text.parse().unwrap());
                        let method = if index % 2 == 0 { "GET" } else { "PUT" };
                        for (scheme, port, size) in [(Scheme::Http, 80, 0), (Scheme::Https, 443, 2), (Scheme::Http, 8080, 3)] {
                            let request = ClientRequest { method, scheme, host: &host, port, path, address, size };
                            prop_assert!(other.permits(request).is_err() || one.permits(request).is_ok(), "{request:?}");
                        }
                    }
                }
            }
        }
    }
}
