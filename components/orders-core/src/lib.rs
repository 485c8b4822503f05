//! The order service: `POST /orders` takes an order, `GET /orders/{id}` reads it back.
//!
//! A library, because two components have this code: `orders-api`, whose claims allow what it does, and `intruder`,
//! whose claims do not.

mod order;
mod reply;
mod store;

/// What wit-bindgen makes of the WIT.
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package demo:orders;
            world orders {
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
                import wasi:logging/logging@0.1.0-draft;
                import wasmcloud:messaging/consumer@0.2.0;
            }
        ",
        generate_all,
    });
}

pub use order::{NewOrder, Order};
pub use reply::Reply;

use bindings::wasi::logging0_1_0_draft::logging::{Level, log};
use bindings::wasmcloud::messaging::consumer::{self, BrokerMessage};
use guest_http::{BodyError, IncomingRequest, Method, ResponseOutparam};

/// Answers one request.
pub fn handle(request: &IncomingRequest, out: ResponseOutparam) {
    let reply = answer(request).unwrap_or_else(|reply| reply);
    reply.send(out);
}

fn answer(request: &IncomingRequest) -> Result<Reply, Reply> {
    let (path, _) = guest_http::path_and_query(request);
    let Some(rest) = path.strip_prefix("/orders") else {
        return Err(Reply::not_found());
    };
    match (rest.strip_prefix('/'), request.method()) {
        (None, _) if !rest.is_empty() => Err(Reply::not_found()),
        (None, Method::Post) => place(request),
        (None, _) => Err(Reply::method_not_allowed("POST")),
        (Some(id), Method::Get) => read(id),
        (Some(_), _) => Err(Reply::method_not_allowed("GET")),
    }
}

/// Takes an order. It is stored before anybody hears of it, so what was answered 201 can be read after a crash; an event
/// that could not be published does not undo it, and is logged.
fn place(request: &IncomingRequest) -> Result<Reply, Reply> {
    require_json(request)?;
    let body = guest_http::read_body(request, MAX_BODY).map_err(|error| match error {
        BodyError::TooLong => Reply::error(413, "the body has more than 65536 bytes"),
        BodyError::Broken => Reply::error(400, "the body broke off"),
    })?;
    let new = NewOrder::parse(&body).map_err(|reason| Reply::error(400, &reason))?;

    let bucket = store::Orders::open()?;
    let order = new.accept(bucket.next_id()?);
    let json = order.to_json();
    bucket.put(order.id, &json)?;
    log(Level::Info, LOG, &format!("order {} placed: {} cents", order.id, order.total_cents));
    announce(&order, json);
    Ok(Reply::created(order.id))
}

fn announce(order: &Order, json: Vec<u8>) {
    let message = BrokerMessage { subject: "orders.created".to_owned(), body: json, reply_to: None };
    if let Err(reason) = consumer::publish(&message) {
        log(Level::Error, LOG, &format!("order {} is stored, but was not announced: {reason}", order.id));
    }
}

fn read(id: &str) -> Result<Reply, Reply> {
    let id = order::parse_id(id).ok_or_else(Reply::not_found)?;
    let json = store::Orders::open()?.get(id)?.ok_or_else(Reply::not_found)?;
    Ok(Reply::json(200, json))
}

/// A body that says it is something other than JSON is refused; one that says nothing is tried.
fn require_json(request: &IncomingRequest) -> Result<(), Reply> {
    let Some(kind) = guest_http::header(request, "content-type") else {
        return Ok(());
    };
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Reply::error(415, "the body must be application/json"))
}

/// The longest request body, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// What log lines of this service are grouped under.
const LOG: &str = "orders";
