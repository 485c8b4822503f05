//! HTTP: the capability `http-server`, which calls components for the requests it receives, and `http-client`, which sends
//! requests for them ([`HttpClient`]; its grammar and rules stand at [`ClientEntry`]).
//!
//! [`HttpServer`] listens, routes, and calls `wasi:http/incoming-handler` of the component that holds the route. A component
//! may be given only routes that every one of its claims covers, and each request is checked against them again.
//!
//! # What a claim says
//!
//! ```yaml
//! http-server:
//!   - { hosts: any, paths: [/orders, /health] }
//!   - { hosts: ["*.shop.example"], paths: any, methods: [GET, HEAD], rate: 200/s }
//! ```
//!
//! | field | | |
//! |---|---|---|
//! | `hosts` | mandatory | `any`, one pattern, or a list of them |
//! | `paths` | mandatory | `any`, one prefix, or a list of them |
//! | `methods` | optional | one method or a list, in capitals; `CONNECT` is never served |
//! | `rate` | optional | requests, such as `200/s` |
//!
//! | pattern | matches |
//! |---|---|
//! | `shop.example` | that name, whatever the port; written in lower case |
//! | `*.shop.example` | one label or more in front of it: `a.shop.example`, `b.a.shop.example`, not `shop.example` |
//! | `192.0.2.1`, `[2001:db8::1]` | that address, however it was written |
//! | `/orders` | `/orders`, `/orders/` and `/orders/1`, not `/ordersx` |
//!
//! # Which route a request takes
//!
//! The host first (its exact name, then the longest `*.`, then `any`), then the longest path, among the routes at that
//! address which match both. Paths are compared byte by byte and never decoded, so whatever two readers could understand
//! differently is answered with 400 before it is routed: dot segments (also `..;x`), empty segments (`//`), a backslash, and
//! the encoded `%2f`, `%2e`, `%5c` and control characters.
//!
//! A route is refused where the same host pattern and path are held already, and where it is nested under or over a route of
//! another account on overlapping host patterns, unless the host's owner names the nested one ([`HttpConfig::named_routes`]).
//! A component that is deployed again takes over its own routes, all at once when its new deployment is open, on connections
//! that are kept as on new ones. Requests that began in the older one end there.
//!
//! # What a client is answered
//!
//! | status | when |
//! |---|---|
//! | 400 | the request is malformed, or may be understood in two ways |
//! | 403, 429 | a claim does not permit it; the rate it permits is used up |
//! | 404, 405 | no route; `CONNECT` |
//! | 408, 413, 431 | the request's body stalled or is too long; its fields are too long |
//! | 500 | the component trapped, ran out of memory or never answered |
//! | 503 | every instance is in use or the host is stopping (`Retry-After: 1`); its claims have expired |
//! | 504 | the component did not answer by its deadline |
//!
//! After the response's head was sent, a failure cuts the connection, so that nobody takes half an answer for a whole one.
//!
//! # Behind a proxy
//!
//! TLS ends in a proxy in front of this server for now. `X-Forwarded-*` and `Forwarded` are handed to the component as they
//! came, and mean nothing here: routes and claims look at `Host` alone.

#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

mod claim;
mod client;
mod pattern;
mod server;

pub use claim::{HttpEntry, HttpRequest, RoutePlan};
pub use client::{ClientEntry, ClientRequest, HttpClient, HttpClientConfig, Scheme, Sender};
pub use pattern::{Host, HostPattern, InvalidPattern, PathPrefix};
pub use server::{HttpConfig, HttpRoute, HttpServer, NamedRoutes};
