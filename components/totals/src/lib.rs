//! Hears of orders and keeps a running total per customer: `GET /totals` is a JSON object, customer to cents.
//!
//! The bucket `totals` has one key for each customer, `customer/NAME`, a decimal number that only ever grows by an atomic
//! increment: two messages at once cannot lose one of the two.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package demo:totals;
            world totals {
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
                import wasi:keyvalue/batch@0.2.0-draft;
                import wasi:logging/logging@0.1.0-draft;
                export wasmcloud:messaging/handler@0.2.0;
            }
        ",
        generate_all,
    });
}

use std::collections::BTreeMap;

use bindings::exports::wasmcloud::messaging::handler::{BrokerMessage, Guest as Handler};
use bindings::wasi::keyvalue::store::{Bucket, Error};
use bindings::wasi::keyvalue::{atomics, batch, store};
use bindings::wasi::logging0_1_0_draft::logging::{Level, log};
use guest_http::{IncomingRequest, Method, ResponseOutparam};
use serde::Deserialize;

struct Totals;

impl Handler for Totals {
    fn handle_message(message: BrokerMessage) -> Result<(), String> {
        let order = Order::parse(&message.body)?;
        let bucket = open().map_err(word)?;
        let total = atomics::increment(&bucket, &key(&order.customer), order.total_cents).map_err(word)?;
        log(Level::Info, LOG, &format!("order {} brings a customer to {total} cents", order.id));
        Ok(())
    }
}

impl guest_http::Guest for Totals {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (path, _) = guest_http::path_and_query(&request);
        match (path.as_str(), request.method()) {
            ("/totals", Method::Get) => send(out, all()),
            ("/totals", _) => guest_http::respond(out, 405, &[("allow", "GET")], b""),
            _ => guest_http::respond_json(out, 404, &[], br#"{"error":"there is nothing here"}"#),
        }
    }
}

bindings::export!(Totals with_types_in bindings);
guest_http::export!(Totals with_types_in guest_http::bindings);

/// What this component needs to know of an order; the rest of the message is the sender's business.
#[derive(Deserialize)]
struct Order {
    id: u64,
    customer: String,
    total_cents: u64,
}

impl Order {
    fn parse(body: &[u8]) -> Result<Order, String> {
        serde_json::from_slice(body).map_err(|error| format!("not an order: {error}"))
    }
}

fn send(out: ResponseOutparam, totals: Result<BTreeMap<String, u64>, Error>) {
    let json = totals.map_err(word).and_then(|totals| serde_json::to_vec(&totals).map_err(|error| error.to_string()));
    match json {
        Ok(json) => guest_http::respond_json(out, 200, &[], &json),
        Err(reason) => {
            log(Level::Error, LOG, &reason);
            guest_http::respond_json(out, 503, &[], br#"{"error":"totals cannot be read now"}"#);
        }
    }
}

/// Every customer's total, a page of keys at a time.
fn all() -> Result<BTreeMap<String, u64>, Error> {
    let bucket = open()?;
    let mut totals = BTreeMap::new();
    let mut cursor = None;
    loop {
        let page = bucket.list_keys(cursor)?;
        for (key, value) in batch::get_many(&bucket, &page.keys)?.into_iter().flatten() {
            let Some(customer) = key.strip_prefix(PREFIX) else {
                continue;
            };
            totals.insert(customer.to_owned(), number(&value)?);
        }
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(totals);
        }
    }
}

fn open() -> Result<Bucket, Error> {
    store::open("totals")
}

fn key(customer: &str) -> String {
    format!("{PREFIX}{customer}")
}

/// A number as `increment` leaves it: decimal text.
fn number(value: &[u8]) -> Result<u64, Error> {
    let text = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    text.ok_or_else(|| Error::Other("a total is no number".to_owned()))
}

fn word(error: Error) -> String {
    match error {
        Error::AccessDenied => "access-denied".to_owned(),
        Error::NoSuchStore => "no-such-store".to_owned(),
        Error::Other(reason) => reason,
    }
}

/// What every key starts with.
const PREFIX: &str = "customer/";
/// What log lines of this component are grouped under.
const LOG: &str = "totals";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_what_has_the_three_fields() {
        let whole = br#"{"id":1,"customer":"ada","item":"book","quantity":1,"price_cents":100,"total_cents":100}"#;
        assert!(Order::parse(whole).is_ok_and(|order| order.total_cents == 100 && order.customer == "ada"));
        for bad in ["", "{}", "[]", r#"{"id":1,"customer":"ada","total_cents":-1}"#] {
            assert!(Order::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_total_is_decimal() {
        for (text, expected) in [("0", Some(0)), ("18446744073709551615", Some(u64::MAX)), ("", None), ("ten", None)] {
            assert_eq!(number(text.as_bytes()).ok(), expected, "{text}");
        }
    }
}
