//! What a claim may say about `http-server`, and what a manifest's link may ask for.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use writ_provider::defence::stands;
use writ_provider::units::Rate;
use writ_provider::{Constraint, Denied, InvalidLink, LinkConfig};

use crate::pattern::{HostPattern, InvalidPattern, PathPrefix};

/// One entry of a claim about `http-server`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpEntry {
    hosts: Hosts,
    paths: Paths,
    // `null` is refused rather than read as absent: it was meant to narrow.
    #[serde(default, deserialize_with = "given")]
    methods: Option<Methods>,
    #[serde(default, deserialize_with = "given")]
    rate: Option<Rate>,
}

/// What is asked: a request when it arrives, a route before anything runs.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'a> {
    /// The request's host, or all hosts of a route.
    pub host: &'a HostPattern,
    /// The request's path without its query, or a route's prefix.
    pub path: &'a str,
    /// The request's method; none for a route, which is granted if any method could be.
    pub method: Option<&'a str>,
}

/// A route that a manifest's link asks for. Prints as `route any /orders`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutePlan {
    /// Which hosts.
    pub host: HostPattern,
    /// Which paths.
    pub path: PathPrefix,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "OneOrMany")]
pub(crate) struct Hosts(pub(crate) Vec<HostPattern>);

/// None for `any`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "OneOrMany")]
pub(crate) struct Paths(pub(crate) Option<Vec<PathPrefix>>);

#[derive(Debug, Deserialize)]
#[serde(try_from = "OneOrMany")]
pub(crate) struct Methods(pub(crate) Vec<String>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected one text or a list of texts")]
pub(crate) enum OneOrMany<T = String> {
    One(T),
    Many(Vec<T>),
}

impl Constraint for HttpEntry {
    const NAMED: bool = true;
    const EXAMPLE: &'static str = "{ hosts: any, paths: [/orders] }";
    type Request<'a> = HttpRequest<'a>;
    type Plan = RoutePlan;

    fn permits(&self, request: HttpRequest<'_>) -> Result<(), Denied> {
        if !self.hosts.0.iter().any(|pattern| pattern.covers(request.host)) && stands("http-server: host") {
            return Err(Denied(format!("permits hosts {}, not {}", listed(&self.hosts.0), request.host)));
        }
        if let Some(paths) = self.paths.0.as_deref().filter(|paths| !paths.iter().any(|p| p.covers(request.path)))
            && stands("http-server: path")
        {
            return Err(Denied(format!("permits paths {}, not {}", listed(paths), request.path)));
        }
        match (&self.methods, request.method) {
            (Some(methods), Some(method))
                if !methods.0.iter().any(|known| known == method) && stands("http-server: method") =>
            {
                Err(Denied(format!("permits methods {}, not {method}", listed(&methods.0))))
            }
            _ => Ok(()),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        self.hosts.cover(&other.hosts)
            && self.paths.cover(&other.paths)
            && covers_all(self.methods.as_ref().map(|m| &*m.0), other.methods.as_ref().map(|m| &*m.0))
    }

    fn rate(&self) -> Option<Rate> {
        self.rate
    }

    fn plans(link: &LinkConfig) -> Result<Vec<RoutePlan>, InvalidLink> {
        if let Some(unknown) = link.keys().find(|key| !PROPERTIES.contains(&key.as_str())) {
            let reason = format!("unknown; http-server knows {}", listed(PROPERTIES));
            return Err(InvalidLink { property: unknown.clone(), reason });
        }
        let text = |property, default| link.get(property).map_or(default, String::as_str);
        let invalid = |property: &'static str| {
            move |error: InvalidPattern| InvalidLink { property: property.to_owned(), reason: error.to_string() }
        };
        if let Some(address) = link.get("address").filter(|address| !is_address(address)) {
            let reason = format!("`{address}` is not HOST:PORT, such as `127.0.0.1:8000`");
            return Err(InvalidLink { property: "address".to_owned(), reason });
        }
        let host = text("host", "any").parse().map_err(invalid("host"))?;
        let path = text("path", "/").parse().map_err(invalid("path"))?;
        Ok(vec![RoutePlan { host, path }])
    }

    fn request(plan: &RoutePlan) -> HttpRequest<'_> {
        HttpRequest { host: &plan.host, path: plan.path.as_str(), method: None }
    }

    fn allowing(request: HttpRequest<'_>) -> Value {
        let hosts = match request.host {
            HostPattern::Any => json!("any"),
            host => json!([host.to_string()]),
        };
        json!({ "hosts": hosts, "paths": [request.path] })
    }
}

/// `HOST:PORT`, where the host is a name or an address (IPv6 in brackets).
fn is_address(text: &str) -> bool {
    matches!(crate::Host::from_authority(text), Some((_, Some(_))))
}

impl TryFrom<OneOrMany> for Hosts {
    type Error = String;

    fn try_from(written: OneOrMany) -> Result<Self, String> {
        match written {
            OneOrMany::One(text) => Ok(Self(vec![parse(&text)?])),
            OneOrMany::Many(texts) => many(&texts, "hosts").map(Self),
        }
    }
}

impl TryFrom<OneOrMany> for Paths {
    type Error = String;

    fn try_from(written: OneOrMany) -> Result<Self, String> {
        match written {
            OneOrMany::One(text) if text == "any" => Ok(Self(None)),
            OneOrMany::One(text) => Ok(Self(Some(vec![parse(&text)?]))),
            OneOrMany::Many(texts) => many(&texts, "paths").map(Some).map(Self),
        }
    }
}

impl TryFrom<OneOrMany> for Methods {
    type Error = String;

    fn try_from(written: OneOrMany) -> Result<Self, String> {
        let methods = match written {
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        };
        let sound = |m: &String| (1..=32).contains(&m.len()) && m.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        match methods.iter().find(|method| !sound(method) || *method == "CONNECT") {
            Some(odd) => Err(format!("`{odd}` is not a method that is served, such as `GET`")),
            None if methods.is_empty() => Err("`methods` names none; leave it out to permit all".to_owned()),
            None => Ok(Self(methods)),
        }
    }
}

impl Hosts {
    pub(crate) fn cover(&self, others: &Self) -> bool {
        others.0.iter().all(|other| self.0.iter().any(|pattern| pattern.covers(other)))
    }
}

impl Paths {
    pub(crate) fn cover(&self, others: &Self) -> bool {
        match (&self.0, &others.0) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => {
                others.iter().all(|other| own.iter().any(|prefix| prefix.covers(other.as_str())))
            }
        }
    }
}

/// Whether a list that narrows, where there is one, has all of another.
pub(crate) fn covers_all<T: PartialEq>(most: Option<&[T]>, own: Option<&[T]>) -> bool {
    most.is_none_or(|most| own.is_some_and(|own| own.iter().all(|one| most.contains(one))))
}

fn many<T: std::str::FromStr<Err = InvalidPattern>>(texts: &[String], field: &str) -> Result<Vec<T>, String> {
    if texts.is_empty() {
        return Err(format!("`{field}` names none; write `[]` for the whole claim to permit nothing"));
    }
    if texts.iter().any(|text| text == "any") {
        return Err(format!("`any` stands alone, as `{field}: any`"));
    }
    texts.iter().map(|text| parse(text)).collect()
}

fn parse<T: std::str::FromStr<Err = InvalidPattern>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: InvalidPattern| error.to_string())
}

pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

pub(crate) fn listed<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(|item| format!("`{item}`")).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for RoutePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "route {} {}", self.host, self.path)
    }
}

const PROPERTIES: &[&str] = &["address", "host", "path"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn entry(claim: &Value) -> Option<HttpEntry> {
        HttpEntry::deserialize(claim).ok()
    }

    #[test]
    fn what_parses() {
        for claim in [
            json!({"hosts": "any", "paths": "any"}),
            json!({"hosts": "shop.example", "paths": "/orders"}),
            json!({"hosts": ["a.b", "*.c"], "paths": ["/", "/a/b"]}),
            json!({"hosts": "any", "paths": "any", "methods": "GET"}),
            json!({"hosts": "any", "paths": "any", "methods": ["GET", "M-SEARCH"], "rate": "10/s"}),
        ] {
            assert!(entry(&claim).is_some(), "{claim}");
        }
    }

    #[test]
    fn what_does_not() {
        for claim in [
            json!({}),
            json!({"hosts": "any"}),
            json!({"paths": "any"}),
            json!({"hosts": [], "paths": "any"}),
            json!({"hosts": "any", "paths": []}),
            json!({"hosts": ["any"], "paths": "any"}),
            json!({"hosts": "any", "paths": ["any"]}),
            json!({"hosts": null, "paths": "any"}),
            json!({"hosts": 1, "paths": "any"}),
            json!({"hosts": "Any", "paths": "any"}),
            json!({"hosts": "*", "paths": "any"}),
            json!({"hosts": "any", "paths": "orders"}),
            json!({"hosts": "any", "paths": "/a/../b"}),
            json!({"hosts": "any", "paths": "/a%2fb"}),
            json!({"hosts": "any", "paths": "any", "host": "x"}),
            json!({"hosts": "any", "paths": "any", "methods": []}),
            json!({"hosts": "any", "paths": "any", "methods": null}),
            json!({"hosts": "any", "paths": "any", "methods": "get"}),
            json!({"hosts": "any", "paths": "any", "methods": "CONNECT"}),
            json!({"hosts": "any", "paths": "any", "rate": null}),
            json!({"hosts": "any", "paths": "any", "rate": "10"}),
        ] {
            assert!(entry(&claim).is_none(), "{claim}");
        }
    }

    #[track_caller]
    fn check(claim: &Value, request: (&str, &str, Option<&str>), refusal: Option<&str>) {
        let host = request.0.parse().unwrap();
        let asked = HttpRequest { host: &host, path: request.1, method: request.2 };
        let denied = entry(claim).unwrap().permits(asked).err().map(|denied| denied.0);
        assert_eq!(denied.as_deref(), refusal, "{claim} {request:?}");
    }

    #[test]
    fn what_is_permitted() {
        let open = json!({"hosts": "any", "paths": "any"});
        check(&open, ("a.b", "/", Some("GET")), None);
        check(&open, ("any", "/", None), None);
        let shop = json!({"hosts": ["*.shop.example"], "paths": ["/orders", "/health"], "methods": ["GET"]});
        check(&shop, ("a.shop.example", "/orders/1", Some("GET")), None);
        check(&shop, ("a.shop.example", "/health", None), None);
        check(&shop, ("*.a.shop.example", "/health", None), None);
        check(&shop, ("any", "/health", None), Some("permits hosts `*.shop.example`, not any"));
        check(&shop, ("shop.example", "/health", None), Some("permits hosts `*.shop.example`, not shop.example"));
        check(&shop, ("a.shop.example", "/", None), Some("permits paths `/orders`, `/health`, not /"));
        check(&shop, ("a.shop.example", "/ordersx", None), Some("permits paths `/orders`, `/health`, not /ordersx"));
        check(&shop, ("a.shop.example", "/orders", Some("POST")), Some("permits methods `GET`, not POST"));
        check(&shop, ("a.shop.example", "/orders", Some("get")), Some("permits methods `GET`, not get"));
    }

    #[track_caller]
    fn link(properties: &[(&str, &str)], expected: Result<&str, &str>) {
        let link = properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let plans = HttpEntry::plans(&link).map(|plans| plans.iter().map(RoutePlan::to_string).collect::<String>());
        assert_eq!(plans.as_deref().map_err(ToString::to_string), expected.map_err(str::to_owned), "{properties:?}");
    }

    #[test]
    fn links() {
        link(&[], Ok("route any /"));
        link(&[("path", "/orders")], Ok("route any /orders"));
        link(&[("host", "*.a.b"), ("address", "localhost:8080")], Ok("route *.a.b /"));
        link(&[("address", "[::1]:0")], Ok("route any /"));
        link(&[("port", "1")], Err("`port`: unknown; http-server knows `address`, `host`, `path`"));
        link(&[("path", "orders")], Err("`path`: `orders`: a path starts with `/`"));
        link(&[("host", "A")], Err("`host`: `A`: host names are written in lower case"));
        for address in ["", "8080", ":8080", "a", "::1:80", "a:b", "a:99999", "http://a:80", "0.0.0.0"] {
            let reason = format!("`address`: `{address}` is not HOST:PORT, such as `127.0.0.1:8000`");
            link(&[("address", address)], Err(&reason));
        }
    }

    #[test]
    fn what_a_denial_offers_permits_the_plan() {
        for (host, path) in [("any", "/"), ("a.b", "/orders"), ("*.b", "/a/b"), ("[::1]", "/")] {
            let plan = RoutePlan { host: host.parse().unwrap(), path: path.parse().unwrap() };
            let offered = entry(&HttpEntry::allowing(HttpEntry::request(&plan))).unwrap();
            assert!(offered.permits(HttpEntry::request(&plan)).is_ok(), "{plan}");
        }
    }

    /// Whether the first entry covers the second.
    #[track_caller]
    fn covers(one: Value, other: Value, expected: bool) {
        assert_eq!(entry(&one).unwrap().covers(&entry(&other).unwrap()), expected, "{one} {other}");
    }

    #[test]
    fn what_covers_what() {
        let all = || json!({"hosts": "any", "paths": "any"});
        let some = || json!({"hosts": ["a.b", "*.c"], "paths": ["/a"], "methods": ["GET", "PUT"]});
        covers(all(), all(), true);
        covers(all(), some(), true);
        covers(some(), all(), false);
        covers(some(), some(), true);
        covers(some(), json!({"hosts": "x.c", "paths": "/a/b", "methods": "GET"}), true);
        covers(some(), json!({"hosts": "x.c", "paths": "/a/b"}), false);
        covers(some(), json!({"hosts": "x.c", "paths": "/ab", "methods": "GET"}), false);
        covers(some(), json!({"hosts": "c", "paths": "/a", "methods": "GET"}), false);
        covers(some(), json!({"hosts": "any", "paths": "/a", "methods": "GET"}), false);
        covers(some(), json!({"hosts": "a.b", "paths": "any", "methods": "GET"}), false);
    }
}
