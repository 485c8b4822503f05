//! Takes orders: `POST /orders` checks the address, prices the basket, asks how likely it is that nobody pays, and stores
//! what it took. `POST /quotes` only prices, and `GET /orders/ID` reads an order back. Who answers these questions, and in
//! which language, the manifest says.

mod order;

mod bindings {
    wit_bindgen::generate!({ path: "../wit", world: "till", generate_all });
}

use bindings::shop::order::{address, fraud, pricing};
use bindings::wasi::keyvalue::{atomics, store};
use bindings::wasi::logging::logging::{Level, log};
use guest_http::{Guest, IncomingRequest, Method, ResponseOutparam};
use order::{Basket, Order};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

struct Checkout;

impl Guest for Checkout {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (status, body) = answer(&request).unwrap_or_else(|refusal| refusal);
        guest_http::respond_json(out, status, &[], body.to_string().as_bytes());
    }
}

guest_http::export!(Checkout with_types_in guest_http::bindings);

/// A status and a body.
type Reply = (u16, Value);

fn answer(request: &IncomingRequest) -> Result<Reply, Reply> {
    let (path, _) = guest_http::path_and_query(request);
    match (request.method(), path.as_str()) {
        (Method::Post, "/quotes") => quote(body(request)?).map(|quote| (200, quoted(&quote))),
        (Method::Post, "/orders") => place(body(request)?),
        (Method::Get, path) => read(path.strip_prefix("/orders/").ok_or_else(not_found)?),
        _ => Err(not_found()),
    }
}

fn body<T: DeserializeOwned>(request: &IncomingRequest) -> Result<T, Reply> {
    let bytes =
        guest_http::read_body(request, MAX_BODY).map_err(|_| refused(400, "the body is too long, or broke off"))?;
    serde_json::from_slice(&bytes).map_err(|error| refused(400, &error.to_string()))
}

fn quote(basket: Basket) -> Result<pricing::Quote, Reply> {
    pricing::price(&basket.into()).map_err(|refusal| match refusal {
        pricing::Refusal::EmptyBasket => refused(422, "the basket is empty"),
        pricing::Refusal::UnknownCoupon(code) => refused(422, &format!("there is no coupon {code}")),
        pricing::Refusal::Untaxable((country, why)) => refused(422, &format!("no tax is known for {country}: {why}")),
    })
}

/// It is stored before it is answered.
fn place(order: Order) -> Result<Reply, Reply> {
    let (destination, corrections) = checked(order.address.clone().into())?;
    let quote = quote(order.basket.clone())?;
    let assessment = assess(&order, &destination, quote.total_cents)?;
    let review = match assessment.advice {
        fraud::Advice::Accept => Vec::new(),
        fraud::Advice::Review(reasons) => reasons,
        fraud::Advice::Refuse(reason) => return Err(refused(403, &format!("this order is not taken: {reason}"))),
    };
    let mut taken = quoted(&quote);
    taken["customer"] = json!(order.basket.customer);
    taken["to"] =
        json!([destination.name, destination.street, destination.postcode, destination.city, destination.country]);
    taken["corrections"] = json!(corrections);
    taken["score"] = json!(assessment.score);
    taken["review"] = json!(review);
    keep(&mut taken).map_err(|error| failed(&error))?;
    Ok((201, taken))
}

/// The address as it is written on the parcel, and what was changed of it.
fn checked(written: address::Address) -> Result<(address::Address, Vec<String>), Reply> {
    match address::check(&written) {
        Ok(address::Verdict::Good(address)) => Ok((address, Vec::new())),
        Ok(address::Verdict::Corrected(corrected)) => Ok(corrected),
        Err(faults) => Err((
            422,
            json!({ "error": "nothing can be sent there", "faults": faults.iter().map(fault).collect::<Vec<_>>() }),
        )),
    }
}

fn fault(fault: &address::Fault) -> String {
    match fault {
        address::Fault::Missing(what) => format!("the {what} is missing"),
        address::Fault::UnknownCountry(country) => format!("nothing is sent to {country}"),
        address::Fault::MalformedPostcode((postcode, shape)) => format!("{postcode} is no postcode like {shape}"),
    }
}

fn assess(order: &Order, to: &address::Address, total_cents: u64) -> Result<fraud::Assessment, Reply> {
    let destination = fraud::Destination {
        name: to.name.clone(),
        street: to.street.clone(),
        postcode: to.postcode.clone(),
        city: to.city.clone(),
        country: to.country.clone(),
    };
    let attempt = fraud::Attempt {
        customer: order.basket.customer.clone(),
        total_cents,
        payment: order.payment.clone().into(),
        destination,
        origin: order.origin.clone(),
    };
    fraud::assess(&attempt).map_err(|failure| match failure {
        fraud::Failure::Undeliverable(reasons) => refused(422, &reasons.join("; ")),
        fraud::Failure::Unavailable(why) => {
            log(Level::Error, LOG, &format!("no assessment: {why}"));
            refused(503, "orders cannot be taken now")
        }
    })
}

fn quoted(quote: &pricing::Quote) -> Value {
    let line = |line: &pricing::PricedLine| json!({ "sku": line.sku, "net_cents": line.net_cents, "tax_cents": line.tax_cents, "reduced": line.reduced });
    let lines: Vec<_> = quote.lines.iter().map(line).collect();
    json!({ "lines": lines, "total_cents": quote.total_cents, "discounts": quote.discounts })
}

fn keep(order: &mut Value) -> Result<(), store::Error> {
    let bucket = store::open(BUCKET)?;
    let id = atomics::increment(&bucket, "counter/orders", 1)?;
    order["id"] = json!(id);
    bucket.set(&format!("order/{id}"), order.to_string().as_bytes())?;
    log(Level::Info, LOG, &format!("order {id} taken: {} cents", order["total_cents"]));
    Ok(())
}

fn read(id: &str) -> Result<Reply, Reply> {
    let id: u64 = id.parse().map_err(|_| not_found())?;
    let found = store::open(BUCKET).and_then(|bucket| bucket.get(&format!("order/{id}")));
    let json = found.map_err(|error| failed(&error))?.ok_or_else(not_found)?;
    serde_json::from_slice(&json).map(|order| (200, order)).map_err(|_| refused(500, "this order cannot be read"))
}

fn failed(error: &store::Error) -> Reply {
    log(Level::Error, LOG, &format!("the store: {error:?}"));
    refused(503, "orders cannot be stored or read now")
}

fn not_found() -> Reply {
    refused(404, "there is no such thing")
}

fn refused(status: u16, why: &str) -> Reply {
    (status, json!({ "error": why }))
}

/// The longest request body, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// Where orders are kept.
const BUCKET: &str = "shop";
/// What log lines are grouped under.
const LOG: &str = "checkout";
