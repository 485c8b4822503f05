//! Chains at random: mostly documents that permit most of what is asked, with a near miss somewhere. Each is made from a
//! number alone, so that one that is decided wrongly can be made again.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::chain::{Chain, Fetch, Kind, Link, Request};

/// The chain of a number.
pub(super) fn chain(number: u64) -> Chain {
    let mut dice = Dice { rng: Rng::with_seed(number), is_kind: false };
    dice.is_kind = chance(&mut dice, 0.8);
    let capability = pick(&mut dice, CAPABILITIES);
    let (imports, exports) = interfaces(&mut dice, capability);
    let link = link(&mut dice, capability);
    let mut documents = vec![(Kind::Component, Value::Null), (Kind::Account, Value::Null), (Kind::Trust, Value::Null)];
    for (kind, share) in [(Kind::SigningKey, 0.4), (Kind::Host, 0.4), (Kind::Restriction, 0.4)] {
        if chance(&mut dice, share) {
            documents.push((kind, Value::Null));
        }
    }
    for (kind, says) in &mut documents {
        *says = document(&mut dice, *kind, capability);
    }
    let asks = if matches!(capability, "environment" | "filesystem" | "clocks") { 1 } else { REQUESTS };
    let requests = (0..asks).map(|_| request(&mut dice, capability)).collect();
    Chain { imports, exports, link, documents, capability, requests }
}

/// Randomness, and whether the chain is one in which most is permitted.
struct Dice {
    rng: Rng,
    is_kind: bool,
}

/// Any of them.
fn pick<T: Clone>(dice: &mut Dice, from: &[T]) -> T {
    from[dice.rng.usize(..from.len())].clone()
}

/// Any of them, but in a kind chain mostly one of the first: these are what goes together.
fn near<T: Clone>(dice: &mut Dice, from: &[T]) -> T {
    let most = if dice.is_kind && chance(dice, 0.85) { from.len().div_ceil(3) } else { from.len() };
    pick(dice, &from[..most])
}

fn chance(dice: &mut Dice, share: f64) -> bool {
    dice.rng.f64() < share
}

fn interfaces(dice: &mut Dice, capability: &str) -> (Vec<String>, Vec<String>) {
    let (imports, exports): (&[&str], &[&str]) = match capability {
        "keyvalue" => (&["wasi:keyvalue/store@0.2.0-draft", "wasi:keyvalue/batch@0.2.0-draft"], &[]),
        "messaging" => (&["wasmcloud:messaging/consumer@0.2.3"], &["wasmcloud:messaging/handler@0.2.0"]),
        "logging" => (&["wasi:logging/logging@0.1.0-draft"], &[]),
        "http-server" => (&["wasi:http/types@0.2.4"], &["wasi:http/incoming-handler@0.2.4"]),
        "http-client" => (&["wasi:http/types@0.2.4", "wasi:http/outgoing-handler@0.2.9"], &[]),
        "config" => (&["wasi:config/store@0.2.0-rc.1"], &[]),
        "environment" => (&["wasi:cli/environment@0.2.3"], &[]),
        "filesystem" => (&["wasi:filesystem/preopens@0.2.3"], &[]),
        _ => (&["wasi:clocks/wall-clock@0.2.3"], &[]),
    };
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let (mut imports, exports) = (owned(imports), owned(exports));
    match dice.rng.u8(..50) {
        // It asks through nothing that it imports.
        0 => imports.clear(),
        1 if capability != "logging" => imports.push("wasi:logging/logging".to_owned()),
        2 => imports.push("wasi:io/poll@0.3.0".to_owned()),
        _ => {}
    }
    (imports, exports)
}

fn link(dice: &mut Dice, capability: &str) -> Link {
    match capability {
        "keyvalue" if chance(dice, 0.3) => Link::Bucket(near(dice, &["orders", "orders", "orders", "order"])),
        "messaging" if chance(dice, 0.4) => {
            Link::Subscription(near(dice, &["orders.*", "orders.created", "orders.>", "*.a"]))
        }
        "http-server" if chance(dice, 0.95) => {
            let host = near(dice, &["a.shop.example", "a.shop.example", "shop.example", "*.shop.example", "any"]);
            Link::Route(host, near(dice, &["/orders/1", "/orders", "/ordersx", "/"]))
        }
        "environment" if chance(dice, 0.95) => {
            Link::Variable(near(dice, &["LANG", "LANG", "LANG", "LANG", "LANGUAGE", "LAN", "lang"]))
        }
        "filesystem" if chance(dice, 0.95) => {
            let guest = near(dice, &["/data", "/data/a", "/data/a", "/database", "/"]);
            Link::Folder(guest, near(dice, &["/usr/lib", "/usr/lib", "/usr", "/etc"]), chance(dice, 0.3))
        }
        _ => Link::Nothing,
    }
}

/// What one document says: a little less than all of it, as a rule, and sometimes what nobody understands.
fn document(dice: &mut Dice, kind: Kind, capability: &str) -> Value {
    if kind == Kind::Trust && chance(dice, 0.01) {
        return Value::Null;
    }
    if kind != Kind::Component && kind != Kind::Restriction && chance(dice, 0.3) {
        return json!("any");
    }
    let mut claims = Map::new();
    if !chance(dice, 0.03) {
        claims.insert(capability.to_owned(), claim(dice, capability));
    }
    if chance(dice, 0.1) {
        let other = pick(dice, CAPABILITIES);
        if other != capability {
            let claim = claim(dice, other);
            claims.insert(other.to_owned(), claim);
        }
    }
    match dice.rng.u8(..200) {
        0 => drop(claims.insert("keyvalues".to_owned(), json!([]))),
        1 => drop(claims.insert("blobstore".to_owned(), json!([]))),
        2 => drop(claims.insert("secrets".to_owned(), json!([{}]))),
        3 => drop(claims.insert(capability.to_uppercase(), json!("any"))),
        _ => {}
    }
    Value::Object(claims)
}

fn claim(dice: &mut Dice, capability: &str) -> Value {
    match dice.rng.u8(..40) {
        0 => return json!([]),
        1 => return json!({}),
        2 | 3 if !is_named(capability) => return json!("any"),
        4 => return json!(pick(dice, &["any", "none", "*"])),
        5 if chance(dice, 0.3) => return Value::Null,
        _ => {}
    }
    let mut entries: Vec<Value> = (0..pick(dice, &[1, 1, 2, 2, 3, 4])).map(|_| entry(dice, capability)).collect();
    if entries.len() == 1 && chance(dice, 0.5) {
        return entries.remove(0);
    }
    Value::Array(entries)
}

fn is_named(capability: &str) -> bool {
    !["logging", "clocks"].contains(&capability)
}

/// An entry: naming fields always, narrowing fields seldom. Most of what it names covers most of what is asked.
fn entry(dice: &mut Dice, capability: &str) -> Value {
    let mut entry = Map::new();
    for (field, share, values) in fields(capability) {
        let share = if dice.is_kind && *share < 0.9 { share / 2.0 } else { *share };
        if chance(dice, share) {
            let text = near(dice, values);
            let value = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
            entry.insert((*field).to_owned(), value);
        }
    }
    if chance(dice, 0.006) {
        let field = near(
            dice,
            &["bucket", "size", "rate", "prefixes", "Verbs", "verbs", "path", "hosts", "level", "methods", "publish"],
        );
        entry.insert(field.to_owned(), pick(dice, &[Value::Null, json!("any"), json!([]), json!(1), json!("")]));
    }
    if capability == "messaging" && entry.is_empty() {
        entry.insert("publish".to_owned(), json!("any"));
    }
    Value::Object(entry)
}

type Fields = &'static [(&'static str, f64, &'static [&'static str])];

/// How likely each field is, and what it says: JSON, or else a text.
fn fields(capability: &str) -> Fields {
    match capability {
        "keyvalue" => &[
            ("bucket", 0.998, &["orders", "orders", "orders", "any", "any", "any", "order", "orders2", "Orders"]),
            ("prefix", 0.35, &["order/", "order/", "o", "", "order", "order/1", "Order/", "counter/", "order/1/"]),
            (
                "verbs",
                0.35,
                &[
                    r#"["read","write"]"#,
                    r#"["read","list","write"]"#,
                    r#"["read"]"#,
                    r#"["increment","write"]"#,
                    "[]",
                    r#"["write","list"]"#,
                ],
            ),
            ("size", 0.3, &["1KiB", "16B", "17B", "0B", "1MiB", "1024B", "15B"]),
        ],
        "messaging" => &[
            (
                "publish",
                0.95,
                &[
                    "any",
                    "any",
                    "orders.*",
                    "orders.>",
                    r#"["orders.created","audit"]"#,
                    r#"["*.created","orders.a.>"]"#,
                    ">",
                    "orders",
                    "order.*",
                    r#"["_INBOX.>","orders.>"]"#,
                    "Orders.*",
                ],
            ),
            (
                "subscribe",
                0.9,
                &[
                    "any",
                    "any",
                    "orders.*",
                    "orders.>",
                    ">",
                    "*.created",
                    r#"["orders.created","*.a"]"#,
                    "orders.*.>",
                    "*",
                ],
            ),
            ("size", 0.3, &["1KiB", "16B", "17B", "0B", "1MiB", "15B"]),
        ],
        "logging" => &[("level", 0.8, &["trace", "trace", "debug", "debug", "info", "warn", "error", "critical"])],
        "http-server" => &[
            (
                "hosts",
                0.998,
                &[
                    "any",
                    "any",
                    "any",
                    "*.shop.example",
                    "*.shop.example",
                    r#"["a.shop.example","shop.example"]"#,
                    "shop.example",
                    "*.example",
                    "*.a.shop.example",
                    "Shop.example",
                    "hop.example",
                ],
            ),
            (
                "paths",
                0.998,
                &[
                    "any",
                    "any",
                    "/",
                    "/orders",
                    "/orders",
                    r#"["/orders/1","/health"]"#,
                    "/order",
                    "/orders/1",
                    r#"["/ordersx","/orders"]"#,
                ],
            ),
            ("methods", 0.25, &["GET", r#"["GET","POST"]"#, r#"["GET","HEAD","PUT"]"#, "POST"]),
        ],
        "http-client" => &[
            (
                "hosts",
                0.999,
                &[
                    "any",
                    "any",
                    "any",
                    "*.shop.example",
                    r#"["api.shop.example","shop.example"]"#,
                    r#"["*.example"]"#,
                    "shop.example",
                    "pi.shop.example",
                ],
            ),
            ("methods", 0.2, &["GET", r#"["GET","POST"]"#, r#"["PUT","GET"]"#]),
            ("schemes", 0.2, &["https", r#"["http","https"]"#, r#"["https"]"#, "http"]),
            ("ports", 0.2, &["443", "[443,80,8443]", "[80]", "[443,4430]"]),
            ("paths", 0.25, &["any", "/v1", r#"["/v1","/health"]"#, "/", "/v1/x", "/v"]),
            (
                "addresses",
                0.5,
                &[
                    "any",
                    "any",
                    "any",
                    "public",
                    r#"["public","10.0.0.0/8"]"#,
                    "10.0.0.0/8",
                    r#"["fd00::/8","public"]"#,
                    "0.0.0.0/0",
                    r#"["10.0.0.1","::/0"]"#,
                    "1.1.1.1",
                    "169.254.169.254",
                ],
            ),
            ("size", 0.2, &["1KiB", "16B", "17B", "1MiB", "0B"]),
        ],
        "config" => &[(
            "keys",
            0.998,
            &[
                "any",
                "any",
                "any",
                r#"["currency","region"]"#,
                r#"["currency","region"]"#,
                r#"["currency","region","regions"]"#,
                r#"["currency"]"#,
                "[]",
                r#"["region","Currency"]"#,
            ],
        )],
        "environment" => &[(
            "names",
            0.998,
            &[
                "any",
                "any",
                "any",
                "any",
                r#"["LANG*"]"#,
                r#"["LANG*","x"]"#,
                r#"["LAN*"]"#,
                r#"["LANG"]"#,
                r#"["LANGUAGE","LANG"]"#,
                r#"["LANG","LANGU*"]"#,
                "[]",
                r#"["LAN","*"]"#,
            ],
        )],
        "filesystem" => &[
            (
                "paths",
                0.998,
                &[
                    "any",
                    "any",
                    r#"["/data"]"#,
                    r#"["/data","/database"]"#,
                    r#"["/"]"#,
                    r#"["/data/a"]"#,
                    r#"["/dat"]"#,
                ],
            ),
            ("rights", 0.7, &[r#"["read","write"]"#, r#"["write","read"]"#, r#"["read"]"#]),
            ("host", 0.3, &["/usr", "/usr", "/", "/usr/lib", "/usr/li"]),
        ],
        _ => &[("resolution", 0.7, &["1us", "5us", "1us", "5us", "20us", "1us", "5us", "1us", "5us", "20us", "0us"])],
    }
}

fn request(dice: &mut Dice, capability: &str) -> Request {
    match capability {
        "keyvalue" if chance(dice, 0.15) => Request::Open(near(dice, BUCKETS)),
        "keyvalue" => {
            let verb = near(dice, &["read", "read", "write", "write", "list", "increment"]);
            let size = if verb == "write" { near(dice, SIZES) } else { 0 };
            let key = near(
                dice,
                &["order/1", "order/1", "order/1", "order/", "order", "order/10", "orderx", "counter/a", "", "Order/1"],
            );
            Request::Key { bucket: near(dice, BUCKETS), key, verb, size }
        }
        "messaging" if chance(dice, 0.4) => Request::Deliver(near(dice, SUBJECTS)),
        "messaging" => Request::Publish { subject: near(dice, SUBJECTS), size: near(dice, SIZES) },
        "logging" => Request::Log(near(dice, &["trace", "debug", "info", "warn", "error", "error", "critical"])),
        "http-server" => Request::Serve {
            method: near(dice, &["GET", "GET", "GET", "POST", "DELETE", "get"]),
            host: near(
                dice,
                &["a.shop.example", "a.shop.example", "b.a.shop.example", "shop.example", "xshop.example", "127.0.0.1"],
            ),
            path: near(
                dice,
                &["/orders/1", "/orders/1", "/orders/1/x", "/orders", "/ordersx", "/order", "/", "/health"],
            ),
        },
        "http-client" => Request::Fetch(Fetch {
            method: near(dice, &["GET", "GET", "GET", "POST", "DELETE"]),
            scheme: near(dice, &["https", "https", "http"]),
            host: near(
                dice,
                &["api.shop.example", "api.shop.example", "shop.example", "xshop.example", "a.api.shop.example"],
            ),
            port: near(dice, &[443, 443, 443, 80, 8443, 44]),
            path: near(
                dice,
                &[
                    "/v1",
                    "/v1/x",
                    "/v1/x",
                    "/v1x",
                    "/v2",
                    "/",
                    "/v1/../v2",
                    "/v1//x",
                    "/v1/%2e%2e/v2",
                    "/v1/%2Fx",
                    "//v1",
                    "/V1",
                ],
            ),
            address: near(dice, ADDRESSES),
            size: near(dice, SIZES) as u64,
        }),
        "config" => Request::Setting(near(
            dice,
            &["currency", "currency", "currency", "region", "region", "regions", "Currency", "any", ""],
        )),
        _ => Request::Run,
    }
}

const BUCKETS: &[&str] = &["orders", "orders", "orders", "orders", "orders2", "order", "Orders"];
const SUBJECTS: &[&str] = &[
    "orders.created",
    "orders.created",
    "orders.created",
    "orders.a.b",
    "orders.a",
    "orders",
    "order.created",
    "Orders.created",
    "audit",
    "_INBOX.x",
    "$SYS.x",
    "orders.*",
    "orders..a",
    "x.created",
];
const SIZES: &[usize] = &[0, 0, 15, 16, 16, 17, 1024, 1025];
const ADDRESSES: &[&str] = &[
    "8.8.8.8",
    "8.8.8.8",
    "1.1.1.1",
    "11.0.0.0",
    "2606:4700::1",
    "10.0.0.1",
    "10.255.255.255",
    "127.0.0.1",
    "169.254.169.254",
    "192.168.1.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "::ffff:8.8.8.8",
    "fd00::1",
    "::1",
    "fe80::1",
    "2002:a00:1::1",
    "0.0.0.0",
];
const CAPABILITIES: &[&str] = &[
    "keyvalue",
    "keyvalue",
    "messaging",
    "messaging",
    "logging",
    "http-server",
    "http-server",
    "http-client",
    "http-client",
    "config",
    "environment",
    "filesystem",
    "clocks",
];
/// How many requests are asked of a chain.
const REQUESTS: usize = 8;
